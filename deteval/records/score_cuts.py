"""The lowest score that counts, class by class: what a deployed detector keeps."""

import math
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr


class ScoreCuts(Struct, frozen=True):
    """A score per class; detections below it do not exist.

    classes: pairs of a class, by name or id, and its score. default: that of classes which are not named; None: every
    class must be named. Raises ValueError for a score that is not finite, or a class that is named twice.
    """

    classes: tuple[tuple[str, float], ...]
    default: float | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "classes", tuple((str(name), float(score)) for name, score in self.classes))
        names = [name for name, _ in self.classes]
        for name, score in self.classes:
            if not math.isfinite(score):
                raise ValueError(f"class {name!r}: {score} is not a finite score")
            if names.count(name) > 1:
                raise ValueError(f"class {name!r} is named twice")
        if self.default is not None and not math.isfinite(self.default):
            raise ValueError(f"default: {self.default} is not a finite score")

    def to_dict(self) -> dict[str, Any]:
        """The form of JSON settings and of the YAML that `deteval operating-points` writes."""
        return {"default": self.default, "classes": dict(self.classes)}

    def digest(self) -> str:
        """Eight characters that tell these cuts from others, for the signature."""
        import hashlib

        text = repr((sorted(self.classes), self.default))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
