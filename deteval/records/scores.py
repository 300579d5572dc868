"""The result of an evaluation: values by name, per class, counts, findings; and its JSON form."""

from typing import Any

from msgspec import Struct, field

from deteval.records.dataset import Input
from deteval.records.findings import Finding
from deteval.records.numbers import threshold_text, thresholds_text
from deteval.records.params import Params, areas_text, signature

SCHEMA = "deteval.scores/1"


class CountsAt(Struct, frozen=True):
    """Where true and false positives were counted: IoU threshold, area range and cap."""

    iou: float
    area: str
    max_dets: int
    min_score: float | None

    def __str__(self) -> str:
        text = f"IoU {threshold_text(self.iou)}, area {self.area}, at most {self.max_dets} detections"
        return text if self.min_score is None else f"{text}, score at least {self.min_score:g}"


class ClassScores(Struct, frozen=True):
    """One class. n_images: images with n_gt > 0; n_det: before the cap. values: metric -> value, None undefined."""

    id: int | str
    name: str
    n_gt: int
    n_images: int
    n_det: int
    true_positives: int
    false_positives: int
    false_negatives: int
    values: dict[str, float | None]


class Scores(Struct, frozen=True):
    """Everything a report shows. metrics: value by canonical name, None where undefined, with the reason in
    `undefined`. not_comparable: why the numbers do not compare with published COCO numbers; empty if they do.
    evidence: the file that the evidence was saved in.
    """

    params: Params
    metrics: dict[str, float | None]
    undefined: dict[str, str]
    totals: dict[str, int]
    counts_at: CountsAt
    classes: tuple[ClassScores, ...]
    fingerprint: str
    not_comparable: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: tuple[Input, ...] = ()
    reading: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    crosscheck: dict[str, Any] | None = None
    evidence: str | None = None

    @property
    def comparable_to_coco(self) -> bool:
        """Whether the numbers compare with published COCO numbers."""
        return not self.not_comparable

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, at full precision and with every class; `deteval/scores.schema.json` describes it."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "signature": signature(self.params),
            "fingerprint": self.fingerprint,
            "settings": settings_dict(self.params) | self.reading,
            "comparable_to_coco": self.comparable_to_coco,
            "not_comparable": list(self.not_comparable),
            "inputs": [{"path": one.path, "bytes": one.bytes, **one.counts} for one in self.inputs],
            "metrics": dict(self.metrics),
            "undefined": dict(self.undefined),
            "totals": dict(self.totals),
            "counts_at": {"iou": self.counts_at.iou, "area": self.counts_at.area,
                          "max_dets": self.counts_at.max_dets, "min_score": self.counts_at.min_score},
            "classes": [class_dict(one) for one in self.classes],
            **({} if self.evidence is None else {"evidence": self.evidence}),
            "findings": [finding.to_dict() for finding in self.findings],
            "versions": dict(self.versions),
        }
        if self.crosscheck is not None:
            document["crosscheck"] = self.crosscheck
        return document


def settings_dict(params: Params) -> dict[str, Any]:
    """Settings by option name, spelled as the command line takes them."""
    return {
        "similarity": params.similarity,
        "iou": thresholds_text(params.iou),
        "max_dets": list(params.max_dets),
        "area": areas_text(params.areas),
        "area_source": params.area_source,
        "class_agnostic": params.class_agnostic,
        "classes": list(params.classes),
        "min_score": params.min_score,
        "honour_ignore": params.honour_ignore,
        "nms": params.nms,
        "operating_points": None if params.operating_points is None else params.operating_points.to_dict(),
    }


def class_dict(one: ClassScores) -> dict[str, Any]:
    """One class in the JSON object."""
    return {
        "id": one.id, "name": one.name, "n_gt": one.n_gt, "n_images": one.n_images, "n_det": one.n_det,
        "metrics": dict(one.values), "true_positives": one.true_positives,
        "false_positives": one.false_positives, "false_negatives": one.false_negatives,
    }
