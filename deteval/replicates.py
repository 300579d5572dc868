"""Metrics under many weights of the images: the replicates that inference draws its intervals from.

Nothing is matched or sorted again. The rows that can matter are gathered once, for every class at each area range,
cap and score cut that a metric needs; a kernel then takes sixteen replicates through them at a time.
"""

from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.averages import ratio
from deteval.kernels import lanes as kernels
from deteval.kernels.lanes import LANES as LANES
from deteval.measures import Ranked, find_class
from deteval.records.dataset import Bools, Floats, Ints, Positions
from deteval.records.evidence import Evidence, Words
from deteval.records.metric import Cell, Metric, resolve
from deteval.records.params import RECALL_POINTS
from deteval.threads import available_threads, map_chunks

CURVE, RECALL, COUNTS = "curve", "recall", "counts"
"""What a metric needs of its rows: precision at every true positive, true positives only, or all rows kept."""


STRICT = np.array([point > k / 100 for k, point in enumerate(RECALL_POINTS)], np.uint8)
"""Which recall points exceed k/100, so that a recall of exactly k/100 does not reach them."""
Weights = NDArray[np.unsignedinteger[Any]]
"""How often every image counts in every replicate, shape (blocks, images, LANES)."""


class Replicates(Struct, frozen=True):
    """Metrics under each weighting, NaN where undefined.

    values: shape (replicates, metrics). classes: class metrics, shape (replicates, class metrics, classes).
    """

    values: Floats
    classes: Floats


class _Group(Struct, frozen=True):
    """One cell per class: an area range, a cap and a score cut, and what is read there."""

    area: int
    cap: int
    score: float | None
    need: str


class _Rows(Struct, frozen=True):
    """The rows of all cells, one group after the other, class by class, by descending score.

    starts: (cells + 1,). has_curve: per cell, whether its curve is wanted. gt_starts, gt_image: the ground truths that
    count, per area range of `areas` and class.
    """

    groups: tuple[_Group, ...]
    starts: Ints
    image: Positions
    hit: Words
    over: Words
    has_curve: NDArray[np.uint8]
    areas: tuple[int, ...]
    gt_starts: Ints
    gt_image: Positions


def replicate(
    evidence: Evidence | Ranked, metrics: Sequence[Metric], class_metrics: Sequence[Metric],
    weights: Weights, threads: int | None = None, progress: Callable[[int], None] | None = None,
) -> Replicates:
    """The metrics under every weighting of the images, in blocks of LANES.

    progress: called with the number of blocks done so far, now and then, in the thread of the caller.
    Agrees with `measure(..., weights=)` to 1e-6. Memory: 8 bytes per replicate, class metric and class. Errors:
    `DetevalError` (usage) for a metric that does not exist under the settings of the evidence.
    """
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    threads = threads or available_threads()
    cells = [resolve(metric, ranked.evidence.params) for metric in (*metrics, *class_metrics)]
    rows = _gather(ranked, [(metric.kind, cell) for metric, cell in
                            zip((*metrics, *class_metrics), cells, strict=True)])
    classes = len(ranked.evidence.categories)
    values = np.empty((len(weights) * LANES, len(metrics)))
    per_class = np.empty((len(weights) * LANES, len(class_metrics), classes))
    done: list[int] = []
    caller = get_ident()

    def one_block(block: int) -> None:
        outcome = _run(rows, np.ascontiguousarray(weights[block]), classes, len(ranked.evidence.params.iou))
        lanes = slice(block * LANES, (block + 1) * LANES)
        for i, (metric, cell) in enumerate(zip((*metrics, *class_metrics), cells, strict=True)):
            total, by_class = outcome.measure(metric, cell)
            if i >= len(metrics):
                per_class[lanes, i - len(metrics)] = by_class.T
            else:
                values[lanes, i] = total if metric.category is None else by_class[find_class(metric, ranked.evidence)]
        done.append(block)
        if progress is not None and get_ident() == caller:
            progress(len(done))

    map_chunks(one_block, range(len(weights)), threads)
    return Replicates(values, per_class)


def _group_of(kind: str, cell: Cell) -> _Group:
    need = {"AP": CURVE, "AR": RECALL}.get(kind, COUNTS)
    return _Group(cell.area, cell.max_dets, cell.score, need)


def _gather(ranked: Ranked, wanted: Sequence[tuple[str, Cell]]) -> _Rows:
    """The rows that any of the metrics needs."""
    evidence = ranked.evidence
    groups = tuple(dict.fromkeys(_group_of(kind, cell) for kind, cell in wanted))
    groups = tuple(one for one in groups if one.need != RECALL  # a curve knows the recall at its end
                   or _Group(one.area, one.cap, one.score, CURVE) not in groups)
    classes = len(evidence.categories)
    parts = [_group_rows(ranked, one) for one in groups]
    starts = [np.searchsorted(evidence.category[part], np.arange(classes)) for part in parts]
    offsets = np.cumsum([0, *(len(part) for part in parts)])
    areas = tuple(dict.fromkeys(one.area for one in groups))
    counted = [np.flatnonzero(~evidence.gt_ignored[:, area]) for area in areas]
    gt_starts = [np.searchsorted(evidence.gt_category[part], np.arange(classes)) for part in counted]
    gt_offsets = np.cumsum([0, *(len(part) for part in counted)])

    def joined(column: NDArray[Any]) -> NDArray[Any]:
        chosen = [column[part, one.area].ravel() for part, one in zip(parts, groups, strict=True)]
        return np.concatenate([np.zeros(0, np.uint32), *chosen])

    return _Rows(
        groups=groups, starts=_all_starts(starts, offsets),
        image=np.concatenate([np.zeros(0, np.int32), *(evidence.image[part] for part in parts)]),
        hit=joined(evidence.true_positive), over=joined(evidence.ignored),
        has_curve=np.repeat(np.array([one.need == CURVE for one in groups], np.uint8), classes),
        areas=areas, gt_starts=_all_starts(gt_starts, gt_offsets),
        gt_image=np.concatenate([np.zeros(0, np.int32), *(evidence.gt_image[part] for part in counted)]),
    )


def _all_starts(starts: Sequence[Ints], offsets: Ints) -> Ints:
    """Where the cells of all groups begin, and where the last ends."""
    moved = [part + offset for part, offset in zip(starts, offsets, strict=False)]
    return np.concatenate([*moved, offsets[-1:]]).astype(np.int64)


def _group_rows(ranked: Ranked, group: _Group) -> Ints:
    """Rows by class and descending score, without those that cannot change what is read of the group."""
    evidence, order = ranked.evidence, ranked.order
    hits = evidence.true_positive[:, group.area].any(axis=1)
    kept: Bools = evidence.rank < group.cap
    if group.score is not None:
        kept &= evidence.scores >= group.score
    if group.need == RECALL:
        return order[(kept & hits)[order]]
    kept &= ~_ignored_throughout(evidence, group.area)
    if group.need == COUNTS:
        return order[kept[order]]
    last = np.full(len(evidence.categories), -1, np.int64)  # beyond its last true positive a class gains nothing
    found = np.flatnonzero((kept & hits)[order])
    last[evidence.category[order[found]]] = found  # ascending: the last one stays
    return order[kept[order] & (np.arange(len(order)) <= last[evidence.category[order]])]


def _ignored_throughout(evidence: Evidence, area: int) -> Bools:
    """Which rows are ignored at every threshold."""
    thresholds = len(evidence.params.iou)
    full = np.array([(1 << min(32, thresholds - first)) - 1 for first in range(0, thresholds, 32)], np.uint32)
    ignored: Bools = (evidence.ignored[:, area] == full).all(axis=1)
    return ignored


class _Outcome(Struct, frozen=True):
    """A block of replicates: average precision, true positives and kept rows, (groups, classes, thresholds, LANES)."""

    rows: _Rows
    area: NDArray[Any]
    hits: NDArray[Any]
    kept: NDArray[Any]
    positives: Floats

    def measure(self, metric: Metric, cell: Cell) -> tuple[Floats, Floats]:
        """A metric over all classes, shape (LANES,), and per class, (classes, LANES)."""
        group = _group_of(metric.kind, cell)
        if group not in self.rows.groups:
            group = _Group(cell.area, cell.max_dets, cell.score, CURVE)
        place, wanted = self.rows.groups.index(group), list(cell.thresholds)
        positives = self.positives[self.rows.areas.index(cell.area)]
        hits = self.hits[place][:, wanted].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            if metric.kind == "AP":
                found = self.area[place][:, wanted].astype(np.float64).mean(axis=1)
            elif metric.kind == "AR":
                found = (hits / positives[:, None]).mean(axis=1)
            else:
                return _counted(metric, hits, self.kept[place][:, wanted].astype(np.float64), positives)
            classes = np.where(positives > 0, found, np.nan)
            return _mean(classes, positives > 0), classes


def _mean(classes: Floats, defined: Bools) -> Floats:
    """The mean over the defined classes of each replicate, NaN where there is none."""
    total: Floats = np.where(defined, classes, 0.0).sum(axis=0) / defined.sum(axis=0)
    return total


def _counted(metric: Metric, hits: Floats, kept: Floats, positives: Floats) -> tuple[Floats, Floats]:
    """Precision, recall or F1 as in `measures`: macro over classes with ground truth, or pooled."""
    misses = kept - hits
    classes = ratio(metric.kind, hits, misses, positives[:, None]).mean(axis=1)
    if metric.micro:
        return ratio(metric.kind, hits.sum(axis=0), misses.sum(axis=0), positives.sum(axis=0)).mean(axis=0), classes
    return _mean(classes, positives > 0), classes


def _run(rows: _Rows, weights: NDArray[Any], classes: int, thresholds: int) -> _Outcome:
    """One block of replicates: in float32 if that counts exactly, else in float64."""
    groups, sums = len(rows.groups), np.empty(len(rows.areas) * classes * LANES)
    kernels.weigh_cells(0, len(rows.areas) * classes, rows.gt_starts, rows.gt_image, LANES,
                        weights.astype(np.float64).ravel(), sums)
    positives = sums.reshape(len(rows.areas), classes, LANES)
    longest = int(np.diff(rows.starts).max(initial=0)) * int(weights.max(initial=0))
    single = positives.max(initial=0) < kernels.MOST_POSITIVES and longest < kernels.MOST_ROWS
    number = np.float32 if single else np.float64
    per_cell = np.concatenate([np.zeros(0), *(positives[rows.areas.index(one.area)].ravel() for one in rows.groups)])
    out = np.zeros((3, groups, classes, thresholds, LANES), number)
    run = kernels.replicate_cells_32 if single else kernels.replicate_cells_64
    state, every = np.empty(kernels.PARTS * thresholds * LANES, number), np.empty(LANES, number)
    run(0, groups * classes, rows.starts, rows.image, rows.hit, rows.over, rows.has_curve, per_cell.astype(number),
        weights.astype(number).ravel(), thresholds, STRICT, np.empty(LANES + 1, np.int64), state, every,
        *(part.ravel() for part in out))
    return _Outcome(rows, area=out[0], hits=out[1], kept=out[2], positives=positives)
