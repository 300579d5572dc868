"""Where one model loses AP: error kinds, confusion, suspicious labels, calibration, worst images; and the JSON form."""

from typing import Any

from msgspec import Struct

from deteval.records.calibration import Calibration
from deteval.records.confusion import Confusion
from deteval.records.dataset import Input
from deteval.records.error_kinds import ErrorKinds
from deteval.records.findings import Finding
from deteval.records.params import Params, signature
from deteval.records.scores import settings_dict
from deteval.records.suspects import Suspects

SCHEMA = "deteval.diagnosis/1"


class WorstImage(Struct, frozen=True):
    """An image by what its errors cost. cost: in AP at the IoU threshold, to first order."""

    image_id: int | str
    file_name: str | None
    cost: float
    missed: int
    false_positives: int


class Diagnosis(Struct, frozen=True):
    """One model looked at from all sides, at one IoU threshold, the first area range and the largest cap.

    metrics: AP as the run has it, and AP at the threshold, None where undefined. missing: what could not be told, by
    name of the part, and why. images: worst first. remarks: what stands out, in sentences.
    """

    params: Params
    iou: float
    metrics: dict[str, float | None]
    error_kinds: ErrorKinds | None
    confusion: Confusion | None
    suspects: Suspects | None
    calibration: Calibration
    images: tuple[WorstImage, ...]
    missing: dict[str, str] = {}
    n_gt: int = 0
    n_det: int = 0
    n_images: int = 0
    name: str = ""
    fingerprint: str = ""
    not_comparable: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    findings: tuple[Finding, ...] = ()
    reading: dict[str, Any] = {}
    versions: dict[str, str] = {}
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, at full precision and with every class; `deteval/diagnosis.schema.json` describes it."""
        return {
            "schema": SCHEMA, "signature": signature(self.params), "fingerprint": self.fingerprint or None,
            "settings": settings_dict(self.params) | self.reading, "not_comparable": list(self.not_comparable),
            "inputs": [{"path": one.path, "bytes": one.bytes, **one.counts} for one in self.inputs],
            "iou": self.iou, "metrics": dict(self.metrics),
            "totals": {"n_images": self.n_images, "n_gt": self.n_gt, "n_det": self.n_det},
            "error_kinds": None if self.error_kinds is None else self.error_kinds.to_dict(),
            "confusion": None if self.confusion is None else self.confusion.to_dict(),
            "suspects": None if self.suspects is None else self.suspects.to_dict(),
            "calibration": self.calibration.to_dict(),
            "images": [{"image_id": one.image_id, "file_name": one.file_name, "cost": one.cost, "missed": one.missed,
                        "false_positives": one.false_positives} for one in self.images],
            "missing": dict(self.missing), "remarks": list(self.remarks),
            "findings": [finding.to_dict() for finding in self.findings], "versions": dict(self.versions),
        }
