"""From ground truth and detections to a Run: matched, and with what must be known once both are out of reach."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deteval import timing
from deteval.evaluation import match
from deteval.fingerprint import fingerprint
from deteval.records.dataset import Detections, GroundTruth, Ints
from deteval.records.evidence import Evidence
from deteval.records.findings import Finding
from deteval.records.params import Params, differences_from_coco
from deteval.records.run import Run
from deteval.version import VERSION


def make_run(
    ground_truth: GroundTruth,
    detections: Detections,
    params: Params | None = None,
    *,
    images: Sequence[int] | Ints | None = None,
    detail: Sequence[float] = (),
    threads: int | None = None,
    reading: Mapping[str, Any] | None = None,
) -> Run:
    """Match, and keep what scores say of the input besides the evidence.

    images: positions of the images that are covered. detail: IoU thresholds of the detail table. reading: the reading
    options by name, as given, for reports. Errors: `DetevalError` for settings that do not fit.
    """
    evidence = match(ground_truth, detections, params, images=images, detail=detail, threads=threads)
    with timing.stage("measure"):
        settings_sorted = [Finding("settings-sorted", 1, note) for note in evidence.params.notes]
        return Run(
            evidence=evidence,
            name=", ".join(one.path for one in detections.inputs) or "detections",
            fingerprint=fingerprint(ground_truth, evidence.images, threads),
            not_comparable=_differences(evidence, ground_truth, detections),
            findings=(*ground_truth.findings, *detections.findings, *settings_sorted,
                      *_cuts(evidence, ground_truth, detections)),
            inputs=(*detections.inputs, *ground_truth.inputs), reading=dict(reading or {}), versions=versions(),
        )


def _differences(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> tuple[str, ...]:
    """Why the numbers do not compare with COCO's."""
    reasons = differences_from_coco(evidence.params)
    if len(evidence.images) < len(ground_truth.images):
        reasons.append(f"{len(evidence.images):,} of {len(ground_truth.images):,} images are scored")
    return (*reasons, *ground_truth.departures, *detections.departures)


def _cuts(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> list[Finding]:
    """What was left out, and what that did; a run that leaves nothing out has nothing to say."""
    params = evidence.params
    if len(evidence) == len(detections) and params.min_score is None and params.operating_points is None:
        return []
    from deteval.left_out import findings_of_cuts  # most runs need none

    return findings_of_cuts(evidence, ground_truth, detections)


def versions() -> dict[str, str]:
    """The programs that numbers depend on."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"deteval": VERSION, "python": python, "numpy": np.__version__}
