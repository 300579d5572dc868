"""One model's matched evidence, with all that is known of where it came from."""

from typing import Any

import numpy as np
from msgspec import Struct

from deteval.errors import usage_error
from deteval.records.dataset import Detections, GroundTruth, Input, Ints
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


def places_of(side: Detections | GroundTruth, rows: Ints, name: str) -> Ints:
    """Where records stand among the boxes; `DetevalError` (usage) if they do not."""
    place = np.full(int(side.row.max(initial=-1)) + 2, -1, np.int64)  # the last for those beyond
    place[side.row] = np.arange(len(side.row))
    found: Ints = place[np.minimum(rows, len(place) - 1)]
    if len(found) and found.min() < 0:
        raise usage_error(f"boxes: the evidence was matched from another {name}; give what it was matched from")
    return found
