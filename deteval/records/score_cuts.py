"""The lowest score that counts, class by class: what a deployed detector keeps."""

import math
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import force_setattr

from deteval.errors import shortened


class ScoreCuts(Struct, frozen=True):
    """A score per class; detections below it do not exist.

    classes: pairs of a class, by name or id, and its score. default: that of classes which are not named; None: every
    class must be named. Raises ValueError for a score that is not finite, or a class that is named twice.
    """

    classes: tuple[tuple[str, float], ...]
    default: float | None = None

    def __post_init__(self) -> None:
        cuts: dict[str, float] = {}
        for name, score in self.classes:
            if str(name) in cuts:
                raise ValueError(f"class {shortened(str(name))} is named twice")
            cuts[str(name)] = _finite(f"class {shortened(str(name))}", score)
        force_setattr(self, "classes", tuple(sorted(cuts.items())))  # in one order: equal cuts are equal
        if self.default is not None:
            force_setattr(self, "default", _finite("default", self.default))

    def to_dict(self) -> dict[str, Any]:
        """The form of JSON settings and of the YAML that `deteval operating-points` writes."""
        return {"default": self.default, "classes": dict(self.classes)}

    def digest(self) -> str:
        """Eight characters that tell these cuts from others, for the signature."""
        import hashlib

        text = repr((sorted(self.classes), self.default))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _finite(what: str, score: Any) -> float:
    """The score as a float, -0.0 as 0.0; ValueError unless it is a finite number."""
    if isinstance(score, bool) or not isinstance(score, (int, float, np.number)):
        raise ValueError(f"{what}: {shortened(score)} is not a score")
    try:
        value = float(score)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{what}: {value} is not a finite score")
    return value + 0.0
