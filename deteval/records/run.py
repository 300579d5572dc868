"""One model's matched evidence, with all that is known of where it came from."""

from typing import Any

from msgspec import Struct

from deteval.records.dataset import Detections, GroundTruth, Input
from deteval.records.evidence import Evidence
from deteval.records.findings import Finding


class Run(Struct, frozen=True):
    """Everything that scoring, comparing and gating need of one model on one ground truth; no box among it.

    name: the file or files, as messages call them. fingerprint: of the ground truth, the covered images only.
    not_comparable: why numbers do not compare with published COCO numbers. findings: of loading, and what was left out
    of the evidence. reading: reading options by name, as given. versions: of the programs that matched.
    """

    evidence: Evidence
    name: str
    fingerprint: str
    not_comparable: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: tuple[Input, ...] = ()
    reading: dict[str, Any] = {}
    versions: dict[str, str] = {}


class Boxes(Struct, frozen=True):
    """What a run was matched from, while it is at hand: `evidence.row` and `evidence.gt_row` point into the `row`
    columns."""

    ground_truth: GroundTruth
    detections: Detections
