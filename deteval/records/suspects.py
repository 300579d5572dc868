"""Labels that may be wrong, as the detections see it."""

from typing import Any

from msgspec import Struct

UNLABELLED, UNSEEN, OTHER_CLASS = "unlabelled", "unseen", "other class"
"""A confident detection that no ground truth explains; a ground truth that is nearest to no detection worth the name; a
ground truth that a confident detection fits, of another class (`suspects.find_suspects` has the rules)."""
KINDS = (UNLABELLED, UNSEEN, OTHER_CLASS)


class Suspect(Struct, frozen=True):
    """One label, or the want of one.

    label, predicted: names of classes, None for none. similarity: of detection and ground truth, None without a pair.
    ground_truth, detection: record indices in their files, None without. file: that of the detection, None where all
    predictions are in one; evidence does not know, and counts the records of several one after another. box: x, y,
    width, height in pixels of the label, or of the detection where there is none; None where boxes are out of reach
    (evidence). ap_change: by how much AP would change, were the label as the detections have it: added, taken away, or
    of the predicted class.
    """

    kind: str
    image_id: int | str
    file_name: str | None
    label: str | None
    predicted: str | None
    score: float | None
    similarity: float | None
    ground_truth: int | None
    annotation_id: int | None
    detection: int | None
    box: tuple[float, float, float, float] | None
    ap_change: float | None
    file: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            "kind": self.kind, "image_id": self.image_id, "file_name": self.file_name, "label": self.label,
            "predicted": self.predicted, "score": self.score, "similarity": self.similarity,
            "ground_truth": self.ground_truth, "annotation_id": self.annotation_id, "detection": self.detection,
            "file": self.file, "box": None if self.box is None else list(self.box), "ap_change": self.ap_change,
        }


class Suspects(Struct, frozen=True):
    """The most suspicious of each kind, worst first; counts: how many there are by kind; metric: whose change is told.

    least_score: from which score on a detection is confident, and from which one an object near it is seen, in words.
    cuts: the former by class name, None where no detection is; seen_from: the latter, None where every detection sees.
    """

    iou: float
    metric: str
    least_score: str
    counts: dict[str, int]
    listed: tuple[Suspect, ...]
    cuts: dict[str, float | None] = {}
    seen_from: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {"iou": self.iou, "metric": self.metric, "min_score": dict(self.cuts), "seen_from": self.seen_from,
                "confident": self.least_score, "counts": dict(self.counts),
                "listed": [one.to_dict() for one in self.listed]}
