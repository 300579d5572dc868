"""What stands out in a diagnosis, in sentences with figures, in points (hundredths) of AP at its IoU threshold."""

import math
from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from deteval.diagnosis.error_kinds import LOCALISATION, TRUE_POSITIVE, Nearest, classify, first_of_each, nearest_objects
from deteval.diagnosis.mending import Codes
from deteval.errors import counted, shortened
from deteval.records.calibration import Bin
from deteval.records.dataset import Floats, Ints
from deteval.records.diagnosis import Diagnosis
from deteval.records.error_kinds import ErrorKinds
from deteval.records.evidence import Evidence
from deteval.records.numbers import threshold_text
from deteval.records.run import Boxes
from deteval.records.suspects import OTHER_CLASS, UNLABELLED, UNSEEN

MOST = 8
NAMED = 3
FEW = 5
"""Fewer cases than this are no pattern."""
PAIRS = 30
"""Fewer pairs of boxes than this tell no habit."""
ONE_WAY = 0.75
"""A habit: so many of the pairs differ the same way."""
LEAST_PIXELS, LEAST_SHARE = 1.0, 0.03
"""And in the median by at least so many pixels, or this share of the object's side."""
CONFUSED = 0.2
"""A pair of classes is worth a word from this share of a class's objects."""
TOO_SURE = 0.05
"""Scores stand out if they are off by so much on average."""
LOOSE = 0.75
"""True positives that fit less well than this in the median are loose."""
CONCENTRATED = 0.3
Remark = tuple[float, str]

SAID = {
    "classification": ("detection that fits an object of another class",
                       "detections that fit an object of another class"),
    "localisation": ("box of the right class that fits too badly", "boxes of the right class that fit too badly"),
    "both": ("detection of another class that fits badly besides",
             "detections of another class that fit badly besides"),
    "duplicate": ("second detection of an object that is found already",
                  "second detections of objects that are found already"),
    "background": ("detection on nothing", "detections on nothing"),
    "missed": ("object with nothing near that could be mended", "objects with nothing near that could be mended"),
}
"""Errors of each kind: one, and several."""


class Fit(Struct, frozen=True):
    """How boxes fit: what they do alike; of how many true positives, and their median similarity to the nearest object
    of their class."""

    habits: tuple[Remark, ...]
    hits: int
    median: float


def look_at_fit(evidence: Evidence, iou: float, boxes: Boxes | None) -> Fit:
    """Needs a detail table at any threshold; there are no habits without boxes."""
    codes, nearest = classify(evidence, iou), nearest_objects(evidence)
    hits = nearest.same_similarity[codes == TRUE_POSITIVE]
    habits = () if boxes is None else tuple(_habits(codes, nearest, evidence, boxes))
    return Fit(habits, len(hits), _median(hits) if len(hits) else math.nan)


def symptoms(found: Diagnosis, evidence: Evidence, fit: Fit | None, costs: Floats) -> tuple[str, ...]:
    """What stands out, the most important first: by how much AP it speaks of, then what AP does not see.

    fit: None without a detail table. costs: of every image, (images,).
    """
    weighed = [*_silent_classes(found, evidence), *_confused_pairs(found), *_concentration(found, costs)]
    if found.error_kinds is not None:
        weighed += [*_largest_kinds(found.error_kinds), *_sizes(found.error_kinds)]
    if fit is not None:
        weighed += fit.habits
    weighed.sort(key=lambda remark: -remark[0])
    unweighed = [*_looseness(found, fit), *_scores(found), *_labels(found)]
    return tuple(text for _, text in [*weighed[:MOST], *unweighed])


def _points(value: float) -> str:
    return f"{100 * value:.1f} points"


def _ap(iou: float) -> str:
    return f"AP@{threshold_text(iou)}"


def _silent_classes(found: Diagnosis, evidence: Evidence) -> Iterator[Remark]:
    """Classes of which nothing is found, and whether there are detections at all."""
    classes = len(evidence.categories)
    n_gt = np.bincount(evidence.gt_category[~evidence.gt_ignored[:, 0]], minlength=classes)
    n_dt = np.bincount(evidence.category, minlength=classes)
    with_truth = max(int((n_gt > 0).sum()), 1)
    silent = np.flatnonzero((n_gt > 0) & (n_dt == 0)).tolist()
    names = [f"{shortened(evidence.categories.names[k])} ({counted(int(n_gt[k]), 'object')})"
             for k in sorted(silent, key=lambda k: -n_gt[k])]
    if silent:
        yield len(silent) / with_truth, f"{_of_classes(len(silent), with_truth)} no detection: {_listed(names)}"
    if found.error_kinds is None:
        return
    blind = [one for one in found.error_kinds.classes if one.n_gt >= FEW and one.true_positives == 0
             and one.false_positives.count]
    names = [f"{shortened(one.name)} ({counted(one.n_gt, 'object')}, "
             f"{counted(one.false_positives.count, 'detection')})" for one in sorted(blind, key=lambda one: -one.n_gt)]
    if blind:
        yield len(blind) / with_truth, (f"{_of_classes(len(blind), with_truth)} detections, of which none finds an "
                                        f"object: {_listed(names)}")


def _of_classes(some: int, total: int) -> str:
    return f"{some:,} of {total:,} classes {'has' if some == 1 else 'have'}"


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _largest_kinds(kinds: ErrorKinds) -> Iterator[Remark]:
    """The kinds of error that cost most."""
    ranked = sorted(((one.cost or 0.0, kind, one.count) for kind, one in kinds.whole.kinds.items()), reverse=True)
    for cost, kind, count in ranked[:2]:
        if cost >= 0.005:
            yield cost, (f"{kind}: {count:,} {SAID[kind][count != 1]}; mended alone, {_ap(kinds.iou)} would rise by "
                         f"{_points(cost)}")


def _sizes(kinds: ErrorKinds) -> Iterator[Remark]:
    """The size whose objects fare worst."""
    some = [one for one in kinds.sizes if one.n_gt >= PAIRS and one.ap is not None]
    if len(some) < 2:
        return
    worst, best = (extreme(some, key=lambda one: one.ap or 0.0) for extreme in (min, max))
    if (worst.ap or 0.0) < 0.5 * (best.ap or 0.0):
        share = worst.n_gt / max(kinds.whole.n_gt, 1)
        gap = ((best.ap or 0.0) - (worst.ap or 0.0)) * share
        yield gap, (f"size {worst.name}: {_ap(kinds.iou)} {worst.ap:.3f} against {best.ap:.3f} of {best.name}, and "
                    f"{share:.0%} of the objects; {worst.false_negatives.count:,} of {worst.n_gt:,} "
                    f"{'is' if worst.false_negatives.count == 1 else 'are'} not found")


def _confused_pairs(found: Diagnosis) -> Iterator[Remark]:
    """Objects of a class that are detected as another one."""
    matrix = found.confusion
    if matrix is None:
        return
    classes, names = len(matrix.categories), matrix.categories.names
    totals = np.bincount(matrix.truth, matrix.count, classes + 1)
    with_truth = max(int((totals[:classes] > 0).sum()), 1)
    wrong = (matrix.truth < classes) & (matrix.predicted < classes) & (matrix.truth != matrix.predicted) \
        & (matrix.count >= FEW) & (matrix.count >= CONFUSED * totals[matrix.truth])
    for i in np.flatnonzero(wrong).tolist():
        truth, predicted, count = int(matrix.truth[i]), int(matrix.predicted[i]), int(matrix.count[i])
        yield count / totals[truth] / with_truth, (
            f"{count:,} of {int(totals[truth]):,} objects of class {shortened(names[truth])} are detected as "
            f"{shortened(names[predicted])} ({matrix.cut})")


def _concentration(found: Diagnosis, costs: Floats) -> Iterator[Remark]:
    """Few images that carry much of what errors cost."""
    total, few = float(costs.sum()), max(len(costs) // 50, 1)
    top = np.sort(costs)[::-1][:few]
    if len(costs) >= 50 and total > 0 and top.sum() >= CONCENTRATED * total:
        names = ", ".join(str(shortened(one.image_id)) for one in found.images[:NAMED])
        carry = "carries" if few == 1 else "carry"
        yield float(top.sum()), (f"{few:,} of {len(costs):,} images {carry} {top.sum() / total:.0%} of what errors "
                                 f"cost, first of all {names}")


def _habits(codes: Codes, nearest: Nearest, evidence: Evidence, boxes: Boxes) -> Iterator[Remark]:
    """What boxes do alike: lie to one side of their objects, or are too wide or too narrow."""
    rows, targets = _nearby(codes, nearest, evidence)
    if len(rows) < PAIRS:
        return
    theirs = boxes.detections.boxes[np.searchsorted(boxes.detections.row, evidence.row[rows])]
    mine = boxes.ground_truth.boxes[np.searchsorted(boxes.ground_truth.row, evidence.gt_row[targets])]
    real = (mine[:, 2:] > 0).all(axis=1) & (theirs[:, 2:] > 0).all(axis=1)
    theirs, mine = theirs[real], mine[real]
    shift = (theirs[:, :2] + theirs[:, 2:] / 2) - (mine[:, :2] + mine[:, 2:] / 2)
    for axis, sides in enumerate((("left", "right"), ("above", "below"))):
        pixels, share, way = _median(shift[:, axis]), *_one_way(shift[:, axis] / mine[:, 2 + axis])
        if way >= ONE_WAY and (abs(pixels) >= LEAST_PIXELS or abs(share) >= LEAST_SHARE):
            side = sides[int(pixels > 0)]
            where = f"to the {side} of" if axis == 0 else side
            yield abs(share), (f"boxes lie {where} their objects: in the median by {abs(pixels):.1f} px, "
                               f"{abs(share):.1%} of the side ({way:.0%} of {len(mine):,} pairs)")
    for axis, (less, more) in enumerate((("narrower", "wider"), ("lower", "taller"))):
        share, way = _one_way(theirs[:, 2 + axis] / mine[:, 2 + axis] - 1)
        if way >= ONE_WAY and abs(share) >= LEAST_SHARE:
            yield abs(share), (f"boxes are {more if share > 0 else less} than their objects: in the median by "
                               f"{abs(share):.1%} ({way:.0%} of {len(mine):,} pairs)")


def _median(values: Floats) -> float:
    """The middle value, or the mean of the two in the middle; np.median would import numpy.ma."""
    middle = len(values) // 2
    ordered = np.partition(values, (max(middle - 1, 0), middle))
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _one_way(differences: Floats) -> tuple[float, float]:
    """The median, and the share of the pairs that differ the same way."""
    median = _median(differences)
    return median, float((differences * np.sign(median) > 0).mean())


def _nearby(codes: Codes, nearest: Nearest, evidence: Evidence) -> tuple[Ints, Ints]:
    """For every object the detection of its class with the highest score that found it, or nearly did; rows of both."""
    rows = np.flatnonzero((codes == LOCALISATION) | (codes == TRUE_POSITIVE))
    same = nearest.same[rows]
    targets, first = first_of_each(rows[same >= 0], same[same >= 0], evidence)
    return first, targets


def _looseness(found: Diagnosis, fit: Fit | None) -> Iterator[Remark]:
    """True positives that fit only just."""
    if fit is not None and found.params.similarity == "iou" and fit.hits >= PAIRS and fit.median < LOOSE:
        yield 0.0, (f"boxes are loose: the median true positive at {threshold_text(found.iou)} has an IoU of "
                    f"{fit.median:.2f}")


def _scores(found: Diagnosis) -> Iterator[Remark]:
    """Scores that promise more, or less, than they keep: of those that a user sees, or else of all."""
    told = found.calibration
    whole = [one for one in told.bins if one.n]
    if told.cut is not None and told.error_above is not None and told.error_above >= TOO_SURE \
            and told.n_above >= PAIRS:
        above = [one for one in whole if one.low >= told.cut]  # a bin that the cut parts says little, but for the last
        yield 0.0, _off(told.error_above, above or whole[-1:], f" of {told.cut:.3g} or more (F1 is best there)")
    elif told.error is not None and told.error >= TOO_SURE and told.n >= PAIRS:
        yield 0.0, _off(told.error, whole, "")


def _off(error: float, bins: list[Bin], where: str) -> str:
    """By how much scores are off, and where most."""
    gaps = [(one.mean_score or 0.0) - (one.precision or 0.0) for one in bins]
    over = sum(one.n * gap for one, gap in zip(bins, gaps, strict=True)) / sum(one.n for one in bins)
    worst, _ = max(zip(bins, gaps, strict=True), key=lambda pair: pair[0].n * abs(pair[1]))
    way = "off" if abs(over) < error / 2 else "too high" if over > 0 else "too low"
    return (f"scores{where} are {way}, by {error:.2f} on average: from {worst.low:.2g} to {worst.high:.2g} the mean "
            f"score is {worst.mean_score:.2f}, and {worst.precision:.0%} of {counted(worst.n, 'detection')} "
            f"{'is' if worst.n == 1 else 'are'} right; AP does not see it, a score cut does")


def _labels(found: Diagnosis) -> Iterator[Remark]:
    """How many labels look wrong."""
    if found.suspects is None:
        return
    from_ = found.suspects.seen_from
    unseen = "{} near no detection" + ("" if from_ is None else f" of {from_:.3g} or more")
    said = {UNLABELLED: "{} on nothing that is labelled", UNSEEN: unseen,
            OTHER_CLASS: "{} on an object of another class"}
    nouns = {UNLABELLED: "confident detection", UNSEEN: "object", OTHER_CLASS: "confident detection"}
    parts = [said[kind].format(counted(n, nouns[kind])) for kind, n in found.suspects.counts.items() if n]
    if parts:
        yield 0.0, f"labels to look at: {', '.join(parts)}"
