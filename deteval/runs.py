"""From ground truth and detections to a Run: matched, and with what must be known once both are out of reach."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from deteval import timing
from deteval.errors import counted, shortened
from deteval.evaluation import match
from deteval.fingerprint import fingerprint
from deteval.grouping import above_cuts
from deteval.records.categories import on_default, select_categories
from deteval.records.dataset import Bools, Detections, GroundTruth, Ints
from deteval.records.evidence import Evidence
from deteval.records.findings import Finding
from deteval.records.numbers import number_text
from deteval.records.params import Params, differences_from_coco
from deteval.records.run import Run
from deteval.version import VERSION

NAMED = 5
"""So many classes without a score cut are named."""


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
                      *_defaults(evidence, ground_truth), *_left_out(evidence, ground_truth, detections)),
            inputs=(*detections.inputs, *ground_truth.inputs), reading=dict(reading or {}), versions=_versions(),
        )


def _differences(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> tuple[str, ...]:
    """Why the numbers do not compare with COCO's."""
    reasons = differences_from_coco(evidence.params)
    if len(evidence.images) < len(ground_truth.images):
        reasons.append(f"{len(evidence.images):,} of {len(ground_truth.images):,} images are scored")
    return (*reasons, *ground_truth.departures, *detections.departures)


def _defaults(evidence: Evidence, ground_truth: GroundTruth) -> list[Finding]:
    """Scored classes that the default of the score cuts holds for, as they have none of their own."""
    cuts = evidence.params.operating_points
    if cuts is None or cuts.default is None:
        return []
    names = on_default(cuts, ground_truth.categories, _scored(evidence, ground_truth))
    if not names:
        return []
    listed = ", ".join(shortened(name) for name in names[:NAMED])
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return [Finding("default-cut", len(names), f"{_classes(len(names))} without a score cut, scored from the default "
                                               f"{number_text(cuts.default)} up: {listed}{more}")]


def _classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count:,} classes"


def _scored(evidence: Evidence, ground_truth: GroundTruth) -> Bools:
    """Which classes of the ground truth are scored, shape (categories,)."""
    scored: Bools = select_categories(ground_truth.categories, evidence.params)[1] >= 0
    return scored


def _left_out(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> list[Finding]:
    """Detections that were not matched because of what was asked for, each counted under the first reason."""
    left_out = len(detections) - len(evidence)
    if not left_out:
        return []
    params, scored = evidence.params, _scored(evidence, ground_truth)
    above = above_cuts(detections, replace(params, operating_points=None), scored)
    above_own = above_cuts(detections, params, scored)
    parts, kept = [], np.ones(len(detections), bool)
    for mask, what in ((np.isin(ground_truth.images.ids, evidence.images.ids)[detections.image],
                        "on images that were not asked for"),
                       (scored[detections.category], "of classes that were not asked for"),
                       (above, "below the score cut"), (above_own, "below the cut of their class")):
        if mask is not None and (count := int((kept & ~mask).sum())):
            parts.append(f"{count:,} {what}")
            kept &= mask
    suppressed = int(kept.sum()) - len(evidence)
    parts += [f"{suppressed:,} suppressed by NMS"] if suppressed else []
    return [Finding("left-out", left_out, f"{counted(left_out, 'detection')} left out: {', '.join(parts)}")]


def _versions() -> dict[str, str]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"deteval": VERSION, "python": python, "numpy": np.__version__}
