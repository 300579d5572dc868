"""Errors by kind, and what each kind costs in AP, after TIDE (Bolya et al. 2020, arXiv 2008.08115; tidecv 1.0.1).

Every detection that counts and is no true positive is of one kind, told by how well it fits objects of its own class
and of other classes. A kind's cost is by how much AP rises once its errors alone are mended (`mending`).
"""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.errors import usage_error
from deteval.measures import Measurement, Ranked
from deteval.mending import Counted, average_precision, bits_at, counted_rows, mended, moved
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.error_kinds import BACKGROUND, FALSE_POSITIVES, KINDS, MISSED, Breakdown, Cost, ErrorKinds
from deteval.records.evidence import Evidence
from deteval.records.numbers import position_of, threshold_text, thresholds_text
from deteval.threads import map_chunks

CLASSIFICATION, LOCALISATION, BOTH, DUPLICATE, ON_BACKGROUND = range(len(FALSE_POSITIVES))
TRUE_POSITIVE, LEFT_OUT = -1, -2
"""Codes of `classify` beside those of `FALSE_POSITIVES`; left out: beyond the cap, or ignored."""
FALSE_POSITIVE, FALSE_NEGATIVE = "false positive", "false negative"
"""All errors of one side together, beside `KINDS`."""
NO_DETAIL = ("the evidence does not say which object each detection is nearest to; save it with "
             "`deteval score --save-evidence FILE --detail .5`, or give predictions and ground truth")
Codes = NDArray[np.int8]


class Nearest(Struct, frozen=True):
    """For every detection the ground-truth row that fits best, of its own class and of any other, -1 for none, and
    the similarities, 0 for none; crowds aside. A class-agnostic run knows one class, and so no other.
    """

    same: Ints
    same_similarity: Floats
    other: Ints
    other_similarity: Floats


def nearest_objects(evidence: Evidence) -> Nearest:
    """Read off the detail table, whatever its thresholds; `DetevalError` (usage) if there is none."""
    detail = evidence.detail
    if detail is None:
        raise usage_error(f"error kinds: {NO_DETAIL}")
    same, other = detail.best_same, detail.best_other
    near, far = (np.where(rows < 0, 0.0, similarity) for rows, similarity in (
        (same, detail.best_same_similarity), (other, detail.best_other_similarity)))
    if not evidence.params.class_agnostic:
        return Nearest(same, near, other, far)
    better = (other >= 0) & ((same < 0) | (far > near) | ((far == near) & (other < same)))
    none = np.full(len(evidence), -1, np.int64)
    return Nearest(np.where(better, other, same), np.where(better, far, near), none, np.zeros(len(evidence)))


def threshold_position(evidence: Evidence, iou: float) -> int:
    """Where an IoU threshold stands among the run's; `DetevalError` (usage) if the run lacks it."""
    position = position_of(iou, evidence.params.iou)
    if position is None:
        raise usage_error(f"iou: the run has no IoU threshold {threshold_text(iou)}, only "
                          f"{thresholds_text(evidence.params.iou)}")
    return position


def classify(evidence: Evidence, iou: float = 0.5, *, area: int = 0, background: float = BACKGROUND) -> Codes:
    """What every detection row is: a code in the order of `FALSE_POSITIVES`, TRUE_POSITIVE, or LEFT_OUT.

    area: position of the area range. background: similarity up to which a detection lies on background. The first that
    holds, as in tidecv: localisation, background <= same <= iou; classification, other >= iou; duplicate, same > iou;
    background, neither above it; else both. Errors: `DetevalError` (usage) for a threshold that the run lacks, or
    evidence without a detail table.
    """
    threshold = threshold_position(evidence, iou)
    codes = _codes_of_misses(nearest_objects(evidence), evidence.params.iou[threshold], background)
    codes[bits_at(evidence.true_positive, area, threshold)] = TRUE_POSITIVE
    codes[bits_at(evidence.ignored, area, threshold) | (evidence.rank >= evidence.params.max_dets[-1])] = LEFT_OUT
    return codes


def _codes_of_misses(nearest: Nearest, level: float, background: float) -> Codes:
    """The kind of every detection, should it be a false positive at this IoU threshold; in any area range."""
    same, other = nearest.same_similarity, nearest.other_similarity
    codes = np.full(len(same), BOTH, np.int8)
    codes[np.maximum(same, other) <= background] = ON_BACKGROUND
    codes[same > level] = DUPLICATE
    codes[other >= level] = CLASSIFICATION
    codes[(same >= background) & (same <= level)] = LOCALISATION
    return codes


def error_kinds(evidence: Evidence | Ranked, iou: float = 0.5, *, background: float = BACKGROUND,
                threads: int | None = None) -> ErrorKinds:
    """Errors at one IoU threshold and what they cost: of all classes, of each, and in every area range but the first.

    A mended localisation or classification error becomes a true positive if its object is unused and it is the
    highest-scored of all errors of either kind on it (ties: the earlier record), the others are dropped, like both,
    duplicate and background; missed objects are taken out of the ground truth. A class left without ground truth has no
    AP, and leaves the mean. Errors: as `classify`.
    """
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    threads = threads or ranked.threads
    assert len(ranked.order) == len(ranked.evidence)  # sorted once, before threads share it
    params, threshold = ranked.evidence.params, threshold_position(ranked.evidence, iou)
    nearest = nearest_objects(ranked.evidence)
    misses = _codes_of_misses(nearest, params.iou[threshold], background)
    target = np.where(misses == LOCALISATION, nearest.same, np.where(misses == CLASSIFICATION, nearest.other, -1))
    areas = range(len(params.areas))
    of_all, *of_sizes = map_chunks(lambda area: _judge(ranked, misses, target, threshold, area).costs(
        max(1, threads // len(areas))), areas, threads)
    categories = ranked.evidence.categories
    return ErrorKinds(
        iou=params.iou[threshold], background=background, area=params.areas[0].name, max_dets=params.max_dets[-1],
        whole=of_all.breakdown("", None, None),
        classes=tuple(of_all.breakdown(name, key, k) for k, (name, key) in
                      enumerate(zip(categories.names, categories.ids.tolist(), strict=True))),
        sizes=tuple(one.breakdown(area.name, None, None)
                    for one, area in zip(of_sizes, params.areas[1:], strict=True)))


class _Costs(Struct, frozen=True):
    """AP as it is and once each kind is mended, and how many errors of each kind every class has, (classes,)."""

    n_gt: Ints
    true_positives: Ints
    counts: Mapping[str, Ints]
    before: Measurement
    after: Mapping[str, Measurement]

    def breakdown(self, name: str, key: int | str | None, k: int | None) -> Breakdown:
        """Of class k, or of all."""
        def total(counts: Ints) -> int:
            return int(counts.sum() if k is None else counts[k])

        def value(measurement: Measurement) -> float:
            return float(measurement.values[0] if k is None else measurement.classes[0, k])

        def cost(kind: str) -> Cost:
            gain = value(self.after[kind]) - value(self.before)
            return Cost(total(self.counts[kind]), None if np.isnan(gain) else max(gain, 0.0))

        ap = value(self.before)
        return Breakdown(name=name, id=key, n_gt=total(self.n_gt), true_positives=total(self.true_positives),
                         ap=None if np.isnan(ap) else ap, kinds={kind: cost(kind) for kind in KINDS},
                         false_positives=cost(FALSE_POSITIVE), false_negatives=cost(FALSE_NEGATIVE))


class _Judged(Struct, frozen=True):
    """Rows that count at one threshold and area range, and what they are.

    codes, target: of every row, its kind and the ground truth that a localisation or classification error is nearest
    to, -1 for others. chosen: the one error that mends its ground truth. unfound, missed: ground truths that count.
    """

    rows: Counted
    codes: Codes
    target: Ints
    chosen: Bools
    unfound: Bools
    missed: Bools

    def costs(self, threads: int) -> _Costs:
        """Each kind mended alone, and what that gains."""
        rows, cell = self.rows, self.rows.cell
        classes = len(cell.categories)
        misplaced = np.flatnonzero(self.chosen & (self.codes == CLASSIFICATION))
        edited = {kind: mended(rows, dropped=self.codes == code) for code, kind in enumerate(FALSE_POSITIVES)}
        edited[FALSE_POSITIVES[LOCALISATION]] = mended(
            rows, hit=self.chosen & (self.codes == LOCALISATION), dropped=~self.chosen & (self.codes == LOCALISATION))
        edited[FALSE_POSITIVES[CLASSIFICATION]] = moved(
            edited[FALSE_POSITIVES[CLASSIFICATION]], misplaced, cell.gt_category[self.target[misplaced]])
        edited[MISSED] = mended(rows, removed=self.missed)
        edited[FALSE_POSITIVE] = mended(rows, dropped=self.codes >= 0)
        edited[FALSE_NEGATIVE] = mended(rows, removed=self.unfound)
        of_rows = np.bincount((self.codes + 1).astype(np.int64) * classes + cell.category,
                              minlength=(len(FALSE_POSITIVES) + 1) * classes).reshape(-1, classes)
        counts = dict(zip(FALSE_POSITIVES, of_rows[1:], strict=True))
        counts[FALSE_POSITIVE] = of_rows[1:].sum(axis=0)
        counts[MISSED], counts[FALSE_NEGATIVE], n_gt = (
            np.bincount(cell.gt_category[which], minlength=classes)
            for which in (self.missed, self.unfound, ~cell.gt_ignored[:, 0]))
        return _Costs(n_gt, of_rows[0], counts, average_precision(cell, threads),
                      {kind: average_precision(one, threads) for kind, one in edited.items()})


def _judge(ranked: Ranked, misses: Codes, target: Ints, threshold: int, area: int) -> _Judged:
    """What the rows of an area range are. misses, target: of every row of the evidence, should it be an error."""
    rows = counted_rows(ranked, threshold, area)
    hit = rows.cell.true_positive[:, 0, 0] != 0
    codes = np.where(hit, np.int8(TRUE_POSITIVE), misses[rows.place])
    target = np.where(hit, -1, target[rows.place])
    unfound = ~rows.cell.gt_ignored[:, 0] & (rows.cell.found[:, 0, 0] == 0)
    usable = np.flatnonzero(target >= 0)
    usable = usable[unfound[target[usable]]]
    first = first_of_each(target[usable], rows.cell.scores[usable], rows.cell.row[usable], len(unfound))
    chosen = np.zeros(len(codes), bool)
    chosen[usable[first]] = True
    missed = unfound.copy()
    missed[target[usable]] = False
    return _Judged(rows, codes, target, chosen, unfound, missed)


def first_of_each(target: Ints, scores: Floats, record: Ints, n_targets: int) -> Ints:
    """For each target that occurs, which has the highest score; of equals the earliest record."""
    highest = np.full(n_targets, -np.inf)
    np.maximum.at(highest, target, scores)
    top = np.flatnonzero(scores == highest[target])
    earliest = np.full(n_targets, np.iinfo(np.int64).max)
    np.minimum.at(earliest, target[top], record[top])
    first: Ints = top[record[top] == earliest[target[top]]]
    return first
