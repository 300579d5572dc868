"""Errors by kind, and what each kind costs in AP, after TIDE (Bolya et al. 2020, arXiv 2008.08115; tidecv 1.0.1).

Every detection that counts and is no true positive is of one kind, told by how well it fits objects of its own class
and of other classes. A kind's cost is by how much AP rises once its errors alone are mended (`mending`).
"""

import math

import numpy as np
from msgspec import Struct

from deteval.diagnosis.mending import Cell, Codes, Mended, Misses, bits_at, mend, ranked_outcomes
from deteval.errors import usage_error
from deteval.grouping import GATHERED
from deteval.kernels import mending as kernels
from deteval.measures import Ranked
from deteval.records.dataset import Floats, Ints
from deteval.records.error_kinds import BACKGROUND, FALSE_POSITIVES, MISSED, Breakdown, Cost, ErrorKinds
from deteval.records.evidence import Evidence
from deteval.records.params import find_threshold
from deteval.threads import available_threads, map_chunks

CLASSIFICATION, LOCALISATION = kernels.CLASSIFICATION, kernels.LOCALISATION
TRUE_POSITIVE, LEFT_OUT = kernels.TRUE_POSITIVE, kernels.LEFT_OUT
"""Codes of `classify` beside those of `FALSE_POSITIVES`; left out: beyond the cap, or ignored."""
NO_DETAIL = ("the evidence does not say which object each detection is nearest to; save it with "
             "`deteval score --save-evidence FILE --detail .5`, or give predictions and ground truth")


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


def classify(evidence: Evidence, iou: float = 0.5, *, area: int = 0, background: float = BACKGROUND) -> Codes:
    """What every detection row is: a code in the order of `FALSE_POSITIVES`, TRUE_POSITIVE, or LEFT_OUT.

    area: position of the area range. background: similarity up to which a detection lies on background. The first that
    holds, as in tidecv: localisation, background <= same <= iou; classification, other >= iou; duplicate, same > iou;
    background, neither above it; else both. Errors: `DetevalError` (usage) for a threshold that the run lacks, or
    evidence without a detail table.
    """
    threshold = find_threshold(evidence.params, iou)
    codes = judge_misses(evidence, threshold, background, available_threads()).codes
    codes[bits_at(evidence.true_positive, area, threshold)] = TRUE_POSITIVE
    codes[bits_at(evidence.ignored, area, threshold) | (evidence.rank >= evidence.params.max_dets[-1])] = LEFT_OUT
    return codes


def judge_misses(evidence: Evidence, threshold: int, background: float, threads: int) -> Misses:
    """The kind of every detection, should it be a false positive at this threshold, by position; in any area range."""
    detail, rows = evidence.detail, len(evidence)
    if detail is None:
        raise usage_error(f"error kinds: {NO_DETAIL}")
    found = Misses(np.empty(rows, np.int8), np.empty(rows, np.int32))
    given = (int(evidence.params.class_agnostic), evidence.params.iou[threshold], background, detail.best_same,
             detail.best_same_similarity, detail.best_other, detail.best_other_similarity, found.codes, found.targets)
    map_chunks(lambda first: kernels.kinds_of_rows(first, min(first + GATHERED, rows), *given),
               range(0, rows, GATHERED), threads)
    return found


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
    params, threshold = ranked.evidence.params, find_threshold(ranked.evidence.params, iou)
    misses = judge_misses(ranked.evidence, threshold, background, threads)
    outcomes = ranked_outcomes(ranked, threshold, misses.codes, threads)
    of_all, *of_sizes = (mend(Cell(ranked, threshold, area), misses, outcomes[area], threads)
                         for area in range(len(params.areas)))
    categories = ranked.evidence.categories
    return ErrorKinds(
        iou=params.iou[threshold], background=background, area=params.areas[0].name, max_dets=params.max_dets[-1],
        whole=_breakdown(of_all, "", None, None),
        classes=tuple(_breakdown(of_all, name, key, k) for k, (name, key) in
                      enumerate(zip(categories.names, categories.ids.tolist(), strict=True))),
        sizes=tuple(_breakdown(one, area.name, None, None)
                    for one, area in zip(of_sizes, params.areas[1:], strict=True)))


def _breakdown(mended: Mended, name: str, key: int | str | None, k: int | None) -> Breakdown:
    """Of class k, or of all."""
    def total(counts: Ints) -> int:
        return int(counts.sum() if k is None else counts[k])

    values = (mended.values if k is None else mended.classes[:, k]).tolist()
    before, *after = values
    counts = [*map(total, mended.counts.T[1:]), total(mended.counts[:, 1:].sum(axis=1)), total(mended.missed),
              total(mended.unfound)]
    *of_kinds, of_false, of_missed, of_unfound = (
        Cost(count, None if math.isnan(value - before) else max(value - before, 0.0))
        for count, value in zip(counts, after, strict=True))
    return Breakdown(name=name, id=key, n_gt=total(mended.n_gt), true_positives=total(mended.counts[:, 0]),
                     ap=None if math.isnan(before) else before,
                     kinds={**dict(zip(FALSE_POSITIVES, of_kinds, strict=True)), MISSED: of_missed},
                     false_positives=of_false, false_negatives=of_unfound)


def first_of_each(rows: Ints, targets: Ints, evidence: Evidence) -> tuple[Ints, Ints]:
    """Targets that occur, ascending, and the row of each with the highest score, of equals the earliest record.

    targets: the ground truth of every one of `rows`.
    """
    best = np.full(len(evidence.gt_row), -1, np.int64)
    kernels.first_of_each(rows, targets, evidence.scores, evidence.row, best)
    held = np.flatnonzero(best >= 0)
    return held, best[held]
