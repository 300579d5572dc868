"""One model looked at from all sides: what keeps it from a higher AP, and where."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from deteval.diagnosis.calibration import calibrate_rows
from deteval.diagnosis.confusion import confuse
from deteval.diagnosis.error_kinds import NO_DETAIL, error_kinds
from deteval.diagnosis.mending import bits_at
from deteval.diagnosis.suspects import find_suspects
from deteval.diagnosis.symptoms import look_at_fit, symptoms
from deteval.errors import usage_error
from deteval.influence import SAMPLED, influence
from deteval.measures import Ranked, measure
from deteval.operating import Chosen, choose, gather_rows
from deteval.records.confusion import Confusion
from deteval.records.criterion import Criterion
from deteval.records.dataset import Floats, Ints
from deteval.records.diagnosis import Diagnosis, WorstImage
from deteval.records.evidence import Evidence
from deteval.records.findings import Finding
from deteval.records.metric import Metric
from deteval.records.numbers import number_text, threshold_text
from deteval.records.params import find_threshold
from deteval.records.run import Boxes, Run
from deteval.scoring import all_findings
from deteval.threads import map_chunks

NO_DETAIL_THERE = ("the evidence says what each detection was matched with at other IoU thresholds only; save it with "
                   "`deteval score --save-evidence FILE --detail {iou}`, or give predictions and ground truth")
NO_BOXES = ("evidence keeps no boxes, and so does not say which detections of other classes fit an object; give "
            "predictions and ground truth")


def diagnose(
    run: Run | Evidence,
    *,
    iou: float = 0.5,
    boxes: Boxes | None = None,
    top: int = 10,
    confusion_cut: float | None = None,
    threads: int | None = None,
) -> Diagnosis:
    """Error kinds, confusion, suspicious labels, calibration and the images that cost most, at one IoU threshold.

    boxes: what the run was matched from; without them there is no confusion matrix. top: how many suspects of a kind
    and images are listed. confusion_cut: the score from which detections enter the confusion matrix; by default those
    that the run's own score cuts leave, or else the one cut for all classes that has the best F1. What cannot be told
    is None, and `missing` says why. Errors: `DetevalError` (usage) for a threshold that the run lacks.
    """
    run = run if isinstance(run, Run) else Run(evidence=run, name="evidence", fingerprint="")
    return examine(run, Ranked(run.evidence, threads), iou, boxes=boxes, top=top, confusion_cut=confusion_cut)


def examine(run: Run, ranked: Ranked, iou: float, *, boxes: Boxes | None, top: int, confusion_cut: float | None = None,
            findings: tuple[Finding, ...] | None = None) -> Diagnosis:
    """As `diagnose`. ranked: the evidence of the run, of which more may have been measured; findings: all of the run,
    where they are known."""
    if isinstance(top, bool) or not isinstance(top, int) or top < 0:
        raise usage_error(f"top: {top!r} is not a whole number of at least 0")
    evidence, params, threads = run.evidence, run.evidence.params, ranked.threads
    threshold = find_threshold(evidence.params, iou)
    missing = _missing(evidence, boxes, threshold)
    metrics = (Metric("AP"), Metric("AP", iou=(params.iou[threshold],)))
    assert len(ranked.order) == len(evidence)  # sorted once, before threads share it
    kinds, (rows, chosen), (costs, missed, false), fit = _at_once([
        lambda: None if "error_kinds" in missing else error_kinds(ranked, iou),
        lambda: (rows := gather_rows(ranked, threshold), choose(rows, Criterion())),
        lambda: image_costs(ranked, metrics[1], threshold),
        lambda: None if "error_kinds" in missing else look_at_fit(evidence, iou, boxes),
    ], threads)
    suspects, values, calibration, confusion, findings = _at_once([
        lambda: None if "suspects" in missing else find_suspects(ranked, iou, boxes=boxes, top=top, chosen=chosen),
        lambda: measure(metrics, ranked).values.tolist(),
        lambda: calibrate_rows(rows, chosen, evidence, threshold),
        lambda: None if boxes is None else _confuse(ranked, chosen, boxes, threshold, confusion_cut),
        lambda: all_findings(run, ranked) if findings is None else findings,
    ], threads)
    worst = [i for i in np.argsort(-costs, kind="stable")[:top].tolist() if costs[i] > 0]
    found = Diagnosis(
        params=params, iou=params.iou[threshold], metrics={
            name: None if math.isnan(value) else value
            for name, value in zip(("AP", f"AP@{threshold_text(params.iou[threshold])}"), values, strict=True)},
        error_kinds=kinds, confusion=confusion, suspects=suspects, calibration=calibration,
        images=tuple(WorstImage(image_id=evidence.images.ids[i : i + 1].tolist()[0],
                                file_name=evidence.images.file_names[i], cost=float(costs[i]), missed=int(missed[i]),
                                false_positives=int(false[i])) for i in worst),
        missing=missing, n_gt=int(ranked.positives(0, ranked.once).sum()), n_det=len(evidence),
        n_images=len(evidence.images), name=run.name, fingerprint=run.fingerprint, not_comparable=run.not_comparable,
        inputs=run.inputs, findings=findings or (), reading=run.reading, versions=run.versions)
    return replace(found, remarks=symptoms(found, evidence, fit, costs))


def _missing(evidence: Evidence, boxes: Boxes | None, threshold: int) -> dict[str, str]:
    """What cannot be told, and why."""
    detail = evidence.detail
    missing = {} if detail else {"error_kinds": NO_DETAIL}
    if detail is None or threshold not in detail.thresholds:
        level = threshold_text(evidence.params.iou[threshold])
        missing["suspects"] = NO_DETAIL if detail is None else NO_DETAIL_THERE.format(iou=level)
    if boxes is None:
        missing["confusion"] = NO_BOXES
    return missing


def _at_once(parts: Sequence[Callable[[], Any]], threads: int) -> list[Any]:
    """What each part returns; they share nothing but what is read."""
    return map_chunks(lambda part: part(), parts, threads)


def _confuse(ranked: Ranked, chosen: Chosen, boxes: Boxes, threshold: int, cut: float | None) -> Confusion:
    """The matrix of the detections that are kept, and by what cut in words."""
    evidence, text = ranked.evidence, ""
    iou = evidence.params.iou[threshold]
    if cut is None and (evidence.params.min_score is not None or evidence.params.operating_points is not None):
        text = "the score cuts of the run"
    elif cut is None:
        best = float(chosen.threshold[-1, 0])
        cut = None if math.isnan(best) else best
        text = ("every score, as no detection is a true positive" if cut is None else
                f"scores of {number_text(float(f'{cut:.4g}'))} and above, the one cut of the best F1 for all classes")
    return confuse(evidence, boxes, iou, cut=cut, cut_text=text, threads=ranked.threads)


def image_costs(ranked: Ranked, metric: Metric, threshold: int) -> tuple[Floats, Ints, Ints]:
    """What the errors of every image cost in an AP of one threshold, to first order; and how many objects it misses and
    false positives it has, (images,).

    A false positive costs what `influence` says it takes from AP. A missed object costs what finding it would bring at
    the worth of a found one: the mean influence of the true positives of its class; where there is none, that of one
    ahead of all detections. So mending the errors of an image with a cost of 0.01 raises AP by about a point.
    """
    evidence, classes = ranked.evidence, len(ranked.evidence.categories)
    images = len(evidence.images)
    value = influence(ranked, metric)
    hit = bits_at(evidence.true_positive, 0, threshold)
    false = ~hit & ~bits_at(evidence.ignored, 0, threshold) & (evidence.rank < evidence.params.max_dets[-1])
    unfound = ~evidence.gt_ignored[:, 0] & ~bits_at(evidence.found, 0, threshold)
    hits = np.bincount(evidence.category[hit], minlength=classes)
    total = np.bincount(evidence.category[hit], value[hit], classes)
    positives = ranked.positives(0, ranked.once)
    ahead = SAMPLED / (np.maximum(positives, 1) * max(int((positives > 0).sum()), 1))
    worth = np.where(hits > 0, total / np.maximum(hits, 1), ahead)
    of_false = np.bincount(evidence.image[false], -value[false], images)
    of_missed = np.bincount(evidence.gt_image[unfound], worth[evidence.gt_category[unfound]], images)
    return ((of_false + of_missed).astype(np.float64), np.bincount(evidence.gt_image[unfound], minlength=images),
            np.bincount(evidence.image[false], minlength=images))
