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
    ground_truth, detection: record indices in their files, None without. box: x, y, width, height in pixels of the
    label, or of the detection where there is none; None where boxes are out of reach (evidence). ap_change: by how much
    AP would change, were the label as the detections have it: added, taken away, or of the predicted class.
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

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            "kind": self.kind, "image_id": self.image_id, "file_name": self.file_name, "label": self.label,
            "predicted": self.predicted, "score": self.score, "similarity": self.similarity,
            "ground_truth": self.ground_truth, "annotation_id": self.annotation_id, "detection": self.detection,
            "box": None if self.box is None else list(self.box), "ap_change": self.ap_change,
        }


class Suspects(Struct, frozen=True):
    """The most suspicious of each kind, worst first; counts: how many there are by kind; metric: whose change is told.

    least_score: detections count as confident from here on, in words where the line differs by class.
    """

    iou: float
    metric: str
    least_score: str
    counts: dict[str, int]
    listed: tuple[Suspect, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {"iou": self.iou, "metric": self.metric, "least_score": self.least_score, "counts": dict(self.counts),
                "listed": [one.to_dict() for one in self.listed]}
