"""What keeps a model from a higher AP: errors by kind, and what each kind costs (TIDE, Bolya et al. 2020)."""

from typing import Any

from msgspec import Struct

FALSE_POSITIVES = ("classification", "localisation", "both", "duplicate", "background")
"""Kinds of false positives, in the order of their codes (0 to 4) in `error_kinds.classify`."""
MISSED = "missed"
KINDS = (*FALSE_POSITIVES, MISSED)
BACKGROUND = 0.1
"""Similarity up to which a detection lies on background."""


class Cost(Struct, frozen=True):
    """Errors of one kind, and by how much AP would rise were they mended alone; None where AP is undefined."""

    count: int
    cost: float | None


class Breakdown(Struct, frozen=True):
    """Errors of all classes, of one class, or of one size.

    name: "" for all, else of the class or area range. kinds: by name, as KINDS. false_positives: all kinds of them
    mended together; false_negatives: objects not found.
    """

    name: str
    id: int | str | None
    n_gt: int
    true_positives: int
    ap: float | None
    kinds: dict[str, Cost]
    false_positives: Cost
    false_negatives: Cost

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {"name": self.name, **({} if self.id is None else {"id": self.id}), "n_gt": self.n_gt,
                "true_positives": self.true_positives, "ap": self.ap,
                "kinds": {name: {"count": one.count, "cost": one.cost} for name, one in self.kinds.items()},
                "false_positives": {"count": self.false_positives.count, "cost": self.false_positives.cost},
                "false_negatives": {"count": self.false_negatives.count, "cost": self.false_negatives.cost}}


class ErrorKinds(Struct, frozen=True):
    """Errors at one IoU threshold, in the first area range and at the largest cap; by class; and by area range."""

    iou: float
    background: float
    area: str
    max_dets: int
    whole: Breakdown
    classes: tuple[Breakdown, ...]
    sizes: tuple[Breakdown, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {"iou": self.iou, "background": self.background, "area": self.area, "max_dets": self.max_dets,
                "all": self.whole.to_dict(), "classes": [one.to_dict() for one in self.classes],
                "sizes": [one.to_dict() for one in self.sizes]}
