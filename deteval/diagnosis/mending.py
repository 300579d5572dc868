"""AP of outcomes that are put right: at one IoU threshold and area range, at the largest cap."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.averages import average_precision
from deteval.grouping import GATHERED
from deteval.kernels import mending as kernels
from deteval.measures import Ranked
from deteval.records.dataset import Bools, Floats, Ints, Positions
from deteval.records.evidence import Words, class_starts
from deteval.records.params import RECALL_POINTS
from deteval.threads import map_chunks

NONE = -1
EDITS = 16
"""Edits that a thread measures at once."""
CLASSIFICATION, LOCALISATION = kernels.CLASSIFICATION, kernels.LOCALISATION
Codes = NDArray[np.int8]


def bits_at(words: Words, area: int, threshold: int) -> Bools:
    """One area range and threshold of a bit table, shape (rows,)."""
    column: Bools = (words[:, area, threshold >> 5] & np.uint32(1 << (threshold & 31))) != 0
    return column


class Misses(Struct, frozen=True):
    """What every row is, should it be a false positive: its kind, and the ground truth that is mended with it, NONE for
    all but localisation and classification."""

    codes: Codes
    targets: Positions


class Cell(Struct, frozen=True):
    """A model at one threshold and area range, both by position."""

    ranked: Ranked
    threshold: int
    area: int

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Where kernels find the bits of a row: the first word, words per row, the bit; and the cap."""
        params = self.ranked.evidence.params
        words = (len(params.iou) + 31) // 32
        return (self.area * words + (self.threshold >> 5), len(params.areas) * words, self.threshold & 31,
                params.max_dets[-1])

    @property
    def bits(self) -> tuple[Words, Words]:
        """True positives and ignored rows, flat."""
        evidence = self.ranked.evidence
        return evidence.true_positive.ravel(), evidence.ignored.ravel()

    @property
    def unfound(self) -> Bools:
        """Ground truths that count and are not found."""
        evidence = self.ranked.evidence
        unfound: Bools = ~(evidence.gt_ignored[:, self.area] | bits_at(evidence.found, self.area, self.threshold))
        return unfound

    def objects(self, which: Bools) -> Ints:
        """How many of some ground truths every class has."""
        evidence = self.ranked.evidence
        return np.bincount(evidence.gt_category[which], minlength=len(evidence.categories))


def ranked_outcomes(ranked: Ranked, threshold: int, codes: Codes, threads: int) -> Codes:
    """What every row is in each area range, in the order by score: its code as a false positive, or a true positive,
    or left out; shape (areas, rows)."""
    evidence, rows = ranked.evidence, len(ranked.evidence)
    words = evidence.true_positive.shape[2]
    outcomes = np.empty((evidence.true_positive.shape[1], rows), np.int8)
    given = (words, threshold >> 5, threshold & 31, evidence.params.max_dets[-1], ranked.order, evidence.rank, codes,
             evidence.true_positive.ravel(), evidence.ignored.ravel(), outcomes.ravel())
    map_chunks(lambda first: kernels.outcomes_by_rank(first, min(first + GATHERED, rows), *given),
               range(0, rows, GATHERED), threads)
    return outcomes


class Mended(Struct, frozen=True):
    """What mending gains in a cell.

    n_gt, missed, unfound: ground truths that count, those that nothing mends, and those not found, (classes,). counts:
    true positives, then errors of each kind, (classes, 1 + kinds). values, classes: AP as it is, with each kind of
    false positive mended, all of them, without the missed and without those not found; (9,) and (9, classes).
    """

    n_gt: Ints
    missed: Ints
    unfound: Ints
    counts: Ints
    values: Floats
    classes: Floats


def mend(cell: Cell, misses: Misses, outcomes: Codes, threads: int) -> Mended:
    """Every kind of error of a cell mended alone; outcomes: those of its area range.

    An error mends its object if that is not found and the error has the highest score of all on it, of equals the
    earlier record. A classification error then stands in the class of its object, after what that has with this score
    on its image, the earlier record first.
    """
    ranked, evidence = cell.ranked, cell.ranked.evidence
    unfound = cell.unfound
    best = np.full(len(unfound), NONE, np.int64)
    kernels.menders(ranked.order, outcomes, evidence.scores, evidence.row, misses.targets, unfound.view(np.uint8), best)
    copies, copy_starts = _copies(ranked, misses.codes, best)
    n_gt, missed, of_unfound = (cell.objects(which) for which in (
        ~evidence.gt_ignored[:, cell.area], unfound & (best == NONE), unfound))
    classes, points = len(n_gt), np.array(RECALL_POINTS)
    positives = np.concatenate([n_gt, n_gt - missed, n_gt - of_unfound])
    counts = np.zeros((classes, 1 + kernels.CODES), np.int64)
    out = np.empty((kernels.LISTS + 2, classes, len(points)))
    objects = np.diff(ranked.gt_starts)

    def part(chunk: tuple[int, int]) -> None:
        room = int(objects[chunk[0] : chunk[1]].max(initial=0))
        kernels.mended_precision(
            *chunk, ranked.starts, ranked.order, outcomes, evidence.image, evidence.scores, misses.targets, best,
            copy_starts, copies, positives, points, room, np.empty(kernels.LISTS, np.int64),
            np.empty(kernels.LISTS * room, np.int64), np.empty(kernels.LISTS * room), counts.ravel(), out.ravel())

    map_chunks(part, ranked.chunks, threads)
    means = [average_precision(block[:, None]) for block in out]
    return Mended(n_gt, missed, of_unfound, counts, np.array([value for value, _ in means]),
                  np.array([each for _, each in means]))


def _copies(ranked: Ranked, codes: Codes, best: Ints) -> tuple[Ints, Ints]:
    """The classification errors that mend an object, by its class, and where each class begins."""
    evidence = ranked.evidence
    mended = np.flatnonzero(best >= 0)
    mended = mended[codes[best[mended]] == CLASSIFICATION]
    rows, category = best[mended], evidence.gt_category[mended]
    order = np.lexsort((evidence.row[rows], evidence.image[rows], -evidence.scores[rows], category))
    return rows[order], class_starts(category[order], len(evidence.categories))


class Edits(Struct, frozen=True):
    """Other outcomes in one class each, shape (edits,).

    category: the class. positives: the ground truths that it then has. gained, lost: the row that becomes a true
    positive and the one that no longer is one, NONE for none.
    """

    category: Ints
    positives: Ints
    gained: Ints
    lost: Ints


def edited_values(ranked: Ranked, outcomes: Codes, edits: Edits) -> Floats:
    """AP of its class under every edit alone, NaN without ground truth; shape (edits,).

    outcomes: of the rows, in the order by score, as `ranked_outcomes` has them of one area range.
    """
    points, size, room = np.array(RECALL_POINTS), len(edits.category), int(edits.positives.max(initial=0)) + 1
    out = np.empty((size, len(points)))
    given = (ranked.starts, ranked.order, outcomes, edits.category, edits.gained, edits.lost, edits.positives, points)
    map_chunks(lambda first: kernels.edited_precision(
        first, min(first + EDITS, size), *given, np.empty(room, np.int64), np.empty(room), out.ravel()),
        range(0, size, EDITS), ranked.threads)
    values: Floats = average_precision(out[:, None])[1]
    return values
