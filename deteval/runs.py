"""From ground truth and detections to a Run: matched, and with what must be known once both are out of reach."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deteval import timing
from deteval.errors import counted
from deteval.evaluation import match
from deteval.fingerprint import fingerprint
from deteval.records.categories import select_categories
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
                      *_left_out(evidence, ground_truth, detections)),
            inputs=(*detections.inputs, *ground_truth.inputs), reading=dict(reading or {}), versions=_versions(),
        )


def _differences(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> tuple[str, ...]:
    """Why the numbers do not compare with COCO's."""
    reasons = differences_from_coco(evidence.params)
    if len(evidence.images) < len(ground_truth.images):
        reasons.append(f"{len(evidence.images):,} of {len(ground_truth.images):,} images are scored")
    return (*reasons, *ground_truth.departures, *detections.departures)


def _left_out(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> list[Finding]:
    """Detections that were not matched because of what was asked for."""
    if len(detections) == len(evidence):
        return []
    covered = np.isin(ground_truth.images.ids, evidence.images.ids)[detections.image]
    chosen = (select_categories(ground_truth.categories, evidence.params)[1] >= 0)[detections.category]
    counts = {"on images": int((~covered).sum()), "of classes": int((covered & ~chosen).sum())}
    parts = [f"{count:,} {what} that were not asked for" for what, count in counts.items() if count]
    below = len(detections) - len(evidence) - sum(counts.values())
    parts += [f"{below:,} below the score cut"] if below else []
    left_out = len(detections) - len(evidence)
    return [Finding("left-out", left_out, f"{counted(left_out, 'detection')} left out: {', '.join(parts)}")]


def _versions() -> dict[str, str]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"deteval": VERSION, "python": python, "numpy": np.__version__}
