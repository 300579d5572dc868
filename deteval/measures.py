"""From evidence to numbers: the only place that does so."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from deteval.errors import usage_error
from deteval.grouping import chunks_by_work, sort_groups
from deteval.kernels import curves
from deteval.records.categories import find_categories
from deteval.records.dataset import Floats, Ints
from deteval.records.evidence import Evidence, class_starts
from deteval.records.metric import Cell, Metric, resolve
from deteval.records.params import RECALL_POINTS
from deteval.threads import available_threads, map_chunks


@dataclass(frozen=True)
class Measurement:
    """Values of metrics, NaN where undefined.

    values: shape (metrics,), or (replicates, metrics) under weights. classes: the same for every class, with a last
    axis of classes; a metric of one class holds that class's value in `values`.
    """

    values: Floats
    classes: Floats


@dataclass(frozen=True)
class Counts:
    """Outcomes per class at some thresholds, one area range, one cap and one score cut; shape (classes, thresholds)."""

    true_positives: Ints
    false_positives: Ints
    positives: Ints
    """Ground truths that are not ignored, shape (classes,)."""


def measure(
    metrics: Sequence[Metric], evidence: Evidence, weights: NDArray[np.integer] | None = None, *,
    threads: int | None = None,
) -> Measurement:
    """The metrics over all classes and per class, in float64 and bit-equal to the reference where it has them.

    weights: whole numbers of shape (replicates, images); image i counts as that many copies of itself with adjacent
    ids. Errors: `DetevalError` (usage) for a metric that does not exist under the settings of the evidence.
    """
    threads = threads or available_threads()
    table = _Table(evidence, threads)
    if weights is None:
        return _measure_once(metrics, table, np.ones(len(evidence.images), np.int64))
    weights = np.asarray(weights)
    if weights.ndim != 2 or weights.shape[1] != len(evidence.images) or weights.dtype.kind not in "iu":
        raise usage_error(f"weights: whole numbers of shape (replicates, {len(evidence.images)}) are needed")
    rows = [_measure_once(metrics, table, np.ascontiguousarray(row, np.int64)) for row in weights]
    return Measurement(
        values=np.array([row.values for row in rows]).reshape(len(rows), len(metrics)),
        classes=np.array([row.classes for row in rows]).reshape(len(rows), len(metrics), -1),
    )


def count(evidence: Evidence, cell: Cell, weights: Ints | None = None, *, threads: int | None = None) -> Counts:
    """True and false positives and positives of every class in a cell."""
    if weights is None:
        weights = np.ones(len(evidence.images), np.int64)
    return _Table(evidence, threads or available_threads()).counts(cell, weights)


def precision_arrays(evidence: Evidence, threads: int | None = None) -> tuple[Floats, Floats, Floats]:
    """pycocotools' whole arrays: precision and scores [T, R, K, A, M], recall [T, K, A, M]; -1 where undefined."""
    table = _Table(evidence, threads or available_threads())
    params, classes = evidence.params, len(evidence.categories)
    shape = (len(params.iou), len(RECALL_POINTS), classes, len(params.areas), len(params.max_dets))
    precision, scores = np.empty(shape), np.empty(shape)
    recall = np.empty((shape[0], *shape[2:]))
    every, ones = tuple(range(len(params.iou))), np.ones(len(evidence.images), np.int64)
    for area in range(len(params.areas)):
        for position, cap in enumerate(params.max_dets):
            cell = Cell(every, area, cap, None)
            block, block_scores = table.precision(cell, ones, with_scores=True)
            precision[..., area, position] = block.transpose(1, 2, 0)
            scores[..., area, position] = block_scores.transpose(1, 2, 0)
            final = _recall(table.counts(cell, ones))
            recall[..., area, position] = np.where(np.isnan(final), -1.0, final).T
    return precision, recall, scores


class _Table:
    """Evidence with its class boundaries and its order by score, which every metric of a call shares."""

    def __init__(self, evidence: Evidence, threads: int) -> None:
        self.evidence, self.threads = evidence, threads
        self.starts = class_starts(evidence.category, len(evidence.categories))
        self.gt_starts = class_starts(evidence.gt_category, len(evidence.categories))
        self.words = evidence.true_positive.shape[2]
        self._order: Ints | None = None
        self.chunks = chunks_by_work(self.starts)

    def order(self) -> Ints:
        """Rows by class, then descending score; ties by image, then rank."""
        if self._order is None:
            self._order = np.arange(len(self.evidence), dtype=np.int64)
            sort_groups(self.starts, self.evidence.scores, self._order, self.threads)
        return self._order

    def positives(self, area: int, weights: Ints) -> Ints:
        """Weighted ground truths of every class that are not ignored in an area range."""
        evidence = self.evidence
        kept = np.where(evidence.gt_ignored[:, area], 0, weights[evidence.gt_image])
        sums = np.concatenate([[0], np.cumsum(kept)])
        totals: Ints = (sums[self.gt_starts[1:]] - sums[self.gt_starts[:-1]]).astype(np.int64)
        return totals

    def counts(self, cell: Cell, weights: Ints) -> Counts:
        evidence = self.evidence
        shape = (len(evidence.categories), len(cell.thresholds))
        hits, misses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        cut = -np.inf if cell.score is None else cell.score
        map_chunks(
            lambda chunk: curves.outcome_counts(
                *chunk, self.starts, evidence.image, evidence.rank, weights, evidence.true_positive.ravel(),
                evidence.ignored.ravel(), evidence.scores, cut, cell.area, len(evidence.params.areas), self.words,
                cell.max_dets, np.array(cell.thresholds, np.int64), hits.ravel(), misses.ravel()),
            self.chunks, self.threads)
        return Counts(hits, misses, self.positives(cell.area, weights))

    def precision(self, cell: Cell, weights: Ints, *, with_scores: bool = False) -> tuple[Floats, Floats]:
        """Interpolated precision, shape (classes, thresholds, recall points), and the scores there if wanted."""
        evidence, order = self.evidence, self.order()
        shape = (len(evidence.categories), len(cell.thresholds), len(RECALL_POINTS))
        out, out_scores = np.empty(shape), np.empty(shape if with_scores else 0)
        positives, points = self.positives(cell.area, weights), np.array(RECALL_POINTS)
        thresholds = np.array(cell.thresholds, np.int64)

        def classes(chunk: tuple[int, int]) -> None:
            longest = int(np.diff(self.starts[chunk[0] : chunk[1] + 1]).max(initial=0))
            scratch = [np.empty(longest, np.int64) for _ in range(3)]
            curves.interpolated_precision(
                *chunk, self.starts, order, evidence.image, evidence.rank, weights, evidence.true_positive.ravel(),
                evidence.ignored.ravel(), evidence.scores, positives, cell.area, len(evidence.params.areas),
                self.words, cell.max_dets, thresholds, points, *scratch, np.empty(longest), out.ravel(),
                out_scores.ravel())

        map_chunks(classes, self.chunks, self.threads)
        return out, out_scores


def _measure_once(metrics: Sequence[Metric], table: _Table, weights: Ints) -> Measurement:
    """Values under one weight per image; blocks that several metrics share are computed once."""
    evidence = table.evidence
    every = tuple(range(len(evidence.params.iou)))

    @cache
    def precision(area: int, cap: int) -> Floats:
        return table.precision(Cell(every, area, cap, None), weights)[0]

    @cache
    def counts(area: int, cap: int, score: float | None) -> Counts:
        return table.counts(Cell(every, area, cap, score), weights)

    values = np.full(len(metrics), np.nan)
    classes = np.full((len(metrics), len(evidence.categories)), np.nan)
    for i, metric in enumerate(metrics):
        cell = resolve(metric, evidence.params)
        wanted = list(cell.thresholds)
        if metric.kind == "AP":
            values[i], classes[i] = _average_precision(precision(cell.area, cell.max_dets)[:, wanted])
        elif metric.kind == "AR":
            values[i], classes[i] = _average_recall(_recall(counts(cell.area, cell.max_dets, None))[:, wanted])
        else:
            found = counts(cell.area, cell.max_dets, cell.score)
            values[i], classes[i] = _counted(metric, found, wanted)
        if metric.category is not None:
            values[i] = classes[i, find_class(metric, evidence)]
    return Measurement(values, classes)


def find_class(metric: Metric, evidence: Evidence) -> int:
    """The position of the one class that a metric names."""
    found = find_categories(evidence.categories, metric.category or "")
    if len(found) > 1:
        raise usage_error(f"metric {str(metric)!r}: {metric.category!r} stands for {len(found)} classes; name one")
    return found[0]


def _average_precision(block: Floats) -> tuple[float, Floats]:
    """The mean over the defined cells of [T, R, K] in that order, as the reference sums them; and per class."""
    cells = np.ascontiguousarray(block.transpose(1, 2, 0))
    defined = cells[cells > -1]
    per_class = np.ascontiguousarray(block).reshape(len(block), -1)
    classes = np.array([np.mean(row) if row[0] > -1 else np.nan for row in per_class])
    return (float(np.mean(defined)) if defined.size else np.nan), classes


def _recall(counts: Counts) -> Floats:
    """True positives over positives, NaN for a class without positives; shape (classes, thresholds)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = counts.true_positives / counts.positives[:, None]
    return np.where(counts.positives[:, None] > 0, recall, np.nan)


def _average_recall(recall: Floats) -> tuple[float, Floats]:
    """The mean over the defined cells of [T, K]; and per class."""
    cells = np.ascontiguousarray(recall.T)
    defined = cells[~np.isnan(cells)]
    classes = np.array([np.mean(row) for row in np.ascontiguousarray(recall)])
    return (float(np.mean(defined)) if defined.size else np.nan), classes


def _counted(metric: Metric, counts: Counts, wanted: list[int]) -> tuple[float, Floats]:
    """Precision, recall or F1: the mean over thresholds; macro over classes with ground truth, or pooled."""
    hits, misses = counts.true_positives[:, wanted], counts.false_positives[:, wanted]
    classes = _ratio(metric.kind, hits, misses, counts.positives[:, None]).mean(axis=1)
    if metric.micro:
        pooled = _ratio(metric.kind, hits.sum(0), misses.sum(0), counts.positives.sum()[None])
        return float(pooled.mean()), classes
    with_truth = classes[counts.positives > 0]
    return (float(with_truth.mean()) if with_truth.size else np.nan), classes


def _ratio(kind: str, hits: Ints, misses: Ints, positives: Ints) -> Floats:
    """Precision, recall or F1 from counts. Nothing kept: precision 0 if there is ground truth, else undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "precision":
            value = np.where(hits + misses > 0, hits / (hits + misses), np.where(positives > 0, 0.0, np.nan))
        elif kind == "recall":
            value = np.where(positives > 0, hits / positives, np.nan)
        else:
            value = 2.0 * hits / (hits + misses + positives)  # 0/0 is NaN
    return value


