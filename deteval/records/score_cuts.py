"""The lowest score that counts, class by class: what a deployed detector keeps."""

import math
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import force_setattr

from deteval.errors import nearest, shortened

DROP = "drop"
"""Stands for a score that nothing reaches, +inf, in files and in JSON, which knows no infinity."""
Cut = float | Literal["drop"]


class Origin(Struct, frozen=True):
    """Where score cuts stand, for messages, and where they were chosen, for notes.

    path: their file, "" for none; lines: that of a class. iou, signature: the settings that they were chosen under, as
    their file says, None where it does not.
    """

    path: str = ""
    lines: dict[str, int] = {}
    iou: float | None = None
    signature: str | None = None

    def place(self, name: str | None = None) -> str:
        """The file and, of a class that is named there, the line, as messages begin."""
        line = "" if name is None or name not in self.lines else f":{self.lines[name]}"
        return f"{self.path}{line}" if self.path else "operating_points"


class ScoreCuts(Struct, frozen=True):
    """A score per class; detections below it do not exist.

    classes: pairs of a class, by name or id, and its score; `drop` is +inf, nothing of the class is kept. default:
    that of classes which are not named; None: every class must be named. origin: where they come from; cuts are equal
    wherever that is. Raises ValueError for a score that is neither finite nor
    +inf, or a class that is named twice.
    """

    classes: tuple[tuple[str, Cut], ...]
    default: Cut | None = None
    origin: Origin = Origin()

    def __post_init__(self) -> None:
        cuts: dict[str, float] = {}
        for name, score in self.classes:
            if str(name) in cuts:
                raise ValueError(f"class {shortened(str(name))} is named twice")
            cuts[str(name)] = checked_cut(f"class {shortened(str(name))}", score)
        force_setattr(self, "classes", tuple(sorted(cuts.items())))  # in one order: equal cuts are equal
        if self.default is not None:
            force_setattr(self, "default", checked_cut("default", self.default))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScoreCuts) and (self.classes, self.default) == (other.classes, other.default)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.classes, self.default))

    def to_dict(self) -> dict[str, Any]:
        """The form of JSON settings and of the YAML that `deteval operating-points` writes."""
        return {"default": None if self.default is None else spelled(self.default),
                "classes": {name: spelled(score) for name, score in self.classes}}

    def digest(self) -> str:
        """Eight characters that tell these cuts from others, for the signature."""
        import hashlib

        text = repr((sorted(self.classes), self.default))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def spelled(cut: Cut) -> float | str:
    """A score cut as JSON takes it: +inf is `drop`."""
    return DROP if cut == math.inf else cut


def checked_cut(what: str, score: Any) -> float:
    """A score cut as a float, -0.0 as 0.0, `drop` as +inf; ValueError, which says of what, for anything else."""
    if isinstance(score, str) and score == DROP:
        return math.inf
    if isinstance(score, bool) or not isinstance(score, (int, float, np.number)):
        hint = nearest(score, [DROP]) if isinstance(score, str) else ""
        raise ValueError(f"{what}: {shortened(score)} is not a score{hint}")
    try:
        value = float(score)
    except OverflowError:
        raise ValueError(f"{what}: inf is not a finite score") from None
    if math.isnan(value) or value == -math.inf:
        raise ValueError(f"{what}: {value} is not a finite score")
    return value + 0.0
