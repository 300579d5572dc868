"""Metrics at many score cuts of one match: what a run at each of these cuts would measure, bit for bit.

A score cut drops the last rows of every (image, class) group, and neither the rank nor the match of a row depends on
those after it. So one pass in score order serves all cuts of an area range and a cap.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np
from msgspec import Struct

from deteval.averages import Counts, average_precision, average_recall, counted, recall_of
from deteval.grouping import chunks_by_work, gather
from deteval.kernels import cut_curves
from deteval.measures import Ranked, class_position
from deteval.records.dataset import Categories, Floats, Ints, Positions
from deteval.records.evidence import Evidence, Words
from deteval.records.params import RECALL_POINTS
from deteval.records.sweep_cells import Wanted
from deteval.records.sweep_matches import packed
from deteval.threads import map_chunks

WORTH_THREADS = 1 << 16
"""Rows, or steps along curves, below which threads cost more than they save, cut by cut."""
MOST_LANES = 32
"""Thresholds of one pass: the precisions kept for its cuts take 8 bytes per ground truth and threshold."""
Report = Callable[[float], None]


class Descending(Struct, frozen=True):
    """Columns of Evidence by class, then descending score: what a pass reads, and no more of it."""

    thresholds: tuple[float, ...]
    bounds: tuple[tuple[float, float], ...]
    categories: Categories
    starts: Ints
    gt_starts: Ints
    rank: Positions
    scores: Floats
    true_positive: Words
    ignored: Words
    positives: Ints
    threads: int


def descend(evidence: Evidence, threads: int) -> Descending:
    """The rows of evidence in the order in which score cuts take them."""
    ranked = Ranked(evidence, threads)
    order, areas = ranked.order, evidence.params.areas
    return Descending(
        thresholds=evidence.params.iou, bounds=tuple((area.low, area.high) for area in areas),
        categories=evidence.categories, starts=ranked.starts, gt_starts=ranked.gt_starts,
        rank=gather(evidence.rank, order, threads), scores=gather(evidence.scores, order, threads),
        true_positive=gather(evidence.true_positive, order, threads),
        ignored=gather(evidence.ignored, order, threads),
        positives=np.array([ranked.positives(area, ranked.once) for area in range(len(areas))]), threads=threads,
    )


def tied_rows(rows: Descending) -> int:
    """How many detections have a score that is not unique within their class."""
    same = np.zeros(len(rows.scores) + 1, bool)
    same[1:-1] = rows.scores[1:] == rows.scores[:-1]
    same[rows.starts] = False
    return int((same[1:] | same[:-1]).sum())


def measure_cuts(rows: Descending, wanted: Sequence[Wanted], cuts: Sequence[float], report: Report | None = None,
                 ) -> Floats:
    """What is wanted of the rows with a score of at least each cut (-inf for all), shape (wanted, cuts), NaN where
    undefined.

    A score of a metric's own is a cut besides. report: gets the share done, 0 to 1.
    """
    values = np.full((len(wanted), len(cuts)), np.nan)
    passes = _passes(wanted)
    for number, members in enumerate(passes):
        for share in _Pass(rows, [wanted[i] for i in members], cuts).fill(values, members):
            if report is not None:
                report((number + share) / len(passes))
    return values


def _passes(wanted: Sequence[Wanted]) -> list[list[int]]:
    """Positions of what one pass measures: the same area range and cap, and not too many thresholds in all."""
    found = []
    for cell in dict.fromkeys((one.bounds, one.max_dets) for one in wanted):
        members = [i for i, one in enumerate(wanted) if (one.bounds, one.max_dets) == cell]
        packs = packed([wanted[i].thresholds for i in members], MOST_LANES)
        found += [[members[i] for i in pack] for pack in packs]
    return found


class _Pass:
    """One way down the scores, at an area range and a cap."""

    def __init__(self, rows: Descending, wanted: Sequence[Wanted], cuts: Sequence[float]) -> None:
        self.rows, self.wanted, self.cuts = rows, wanted, cuts
        self.area, self.cap = rows.bounds.index(wanted[0].bounds), wanted[0].max_dets
        union = sorted({threshold for one in wanted for threshold in one.thresholds})
        self.lanes = np.array([rows.thresholds.index(threshold) for threshold in union])
        self.lanes_of = [[union.index(threshold) for threshold in one.thresholds] for one in wanted]
        self.positives = rows.positives[self.area]
        classes = len(self.positives)
        averaged = any(one.metric.kind == "AP" for one in wanted)
        self.next_row, self.kept = rows.starts[:-1].copy(), np.zeros(classes, np.int64)
        self.hits, self.passed_over = (np.zeros((classes, len(union)), np.int64) for _ in range(2))
        self.event_precision = np.empty(int(rows.gt_starts[-1]) * len(union) if averaged else 0)
        self.drawn = np.full((classes, len(union)), -1, np.int64)
        self.block = np.empty((classes, len(union), len(RECALL_POINTS)) if averaged else 0)

    def fill(self, values: Floats, members: Sequence[int]) -> Iterator[float]:
        """Write what is wanted at every cut, and say after each what share is done."""
        due: dict[float, list[tuple[int, list[int]]]] = {}
        for i, one in enumerate(self.wanted):
            own = -np.inf if one.metric.score is None else one.metric.score
            for cut, places in _grouped(max(cut, own) for cut in self.cuts).items():
                due.setdefault(cut, []).append((i, places))
        outcome_chunks, curve_chunks = self._chunks(len(due))
        for number, cut in enumerate(sorted(due, reverse=True)):
            counts = self._go_on(cut, outcome_chunks)
            averaged = any(self.wanted[i].metric.kind == "AP" for i, _ in due[cut])
            block = self._precision(curve_chunks) if averaged else None
            for i, places in due[cut]:
                values[members[i], places] = self._value(i, counts, block)
            yield (number + 1) / len(due)

    def _chunks(self, cuts: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Classes that a thread takes at once between two cuts: to count, and to draw curves."""
        rows, lanes = self.rows, len(self.lanes)
        objects = np.diff(rows.gt_starts)
        drawn = np.minimum(lanes, -(-objects * lanes // cuts)) * (objects + len(RECALL_POINTS))
        works = rows.starts // cuts, np.concatenate([[0], np.cumsum(drawn)])
        counting, drawing = (chunks_by_work(work) if work[-1] >= WORTH_THREADS else [(0, len(objects))]
                             for work in works)
        return counting, drawing

    def _go_on(self, cut: float, chunks: Sequence[tuple[int, int]]) -> Counts:
        """The outcomes at a cut, lower than all before."""
        rows = self.rows
        map_chunks(
            lambda chunk: cut_curves.extend_outcomes(
                *chunk, cut, rows.starts, rows.gt_starts, rows.scores, rows.rank, rows.true_positive.ravel(),
                rows.ignored.ravel(), len(rows.bounds), self.area, len(rows.thresholds), self.cap, self.lanes,
                self.next_row, self.kept, self.hits.ravel(), self.passed_over.ravel(), self.event_precision),
            chunks, rows.threads)
        return Counts(self.hits, self.kept[:, None] - self.hits - self.passed_over, self.positives)

    @cached_property
    def _needed(self) -> Ints:
        needed = np.empty(len(self.positives) * len(RECALL_POINTS), np.int64)
        cut_curves.hits_for_recall(0, len(self.positives), self.positives, np.array(RECALL_POINTS), needed)
        return needed

    def _precision(self, chunks: Sequence[tuple[int, int]]) -> Floats:
        """Interpolated precision at the cut, shape (classes, thresholds of the pass, recall points)."""
        block, needed = self.block, self._needed
        map_chunks(
            lambda chunk: cut_curves.precision_at_cut(
                *chunk, block.shape[1], block.shape[2], self.rows.gt_starts, self.positives, needed,
                self.hits.ravel(), self.event_precision, self.drawn.ravel(), block.ravel()),
            chunks, self.rows.threads)
        return block

    def _value(self, i: int, counts: Counts, block: Floats | None) -> float:
        metric, lanes = self.wanted[i].metric, self.lanes_of[i]
        if metric.kind == "AP":
            assert block is not None
            value, classes = average_precision(block[:, lanes])
        elif metric.kind == "AR":
            value, classes = average_recall(recall_of(counts)[:, lanes])
        else:
            value, classes = counted(metric, counts, lanes)
        return value if metric.category is None else float(classes[class_position(metric, self.rows.categories)])


def _grouped(cuts: Iterable[float]) -> dict[float, list[int]]:
    """Positions of each cut among those given."""
    found: dict[float, list[int]] = {}
    for place, cut in enumerate(cuts):
        found.setdefault(cut, []).append(place)
    return found
