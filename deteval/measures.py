"""From evidence to numbers: the only place that does so."""

from collections.abc import Sequence
from functools import cache, cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.averages import Counts, average_precision, average_recall, counted, recall_of
from deteval.errors import usage_error
from deteval.grouping import chunks_by_work, sort_groups
from deteval.kernels import curves
from deteval.records.categories import ALL_CLASSES, find_categories
from deteval.records.dataset import Categories, Floats, Ints
from deteval.records.evidence import Evidence, class_starts
from deteval.records.metric import Cell, Metric, as_metrics, resolve
from deteval.records.params import RECALL_POINTS
from deteval.threads import available_threads, map_chunks


class Measurement(Struct, frozen=True):
    """Values of metrics, NaN where undefined.

    values: shape (metrics,), or (replicates, metrics) under weights. classes: the same for every class, with a last
    axis of classes; a metric of one class holds that class's value in `values`.
    """

    values: Floats
    classes: Floats


class Ranked:
    """Evidence with its class boundaries and its order by score, which every measure of it shares."""

    def __init__(self, evidence: Evidence, threads: int | None = None) -> None:
        self.evidence = evidence
        self.threads = threads or available_threads()
        self.starts = class_starts(evidence.category, len(evidence.categories))
        self.gt_starts = class_starts(evidence.gt_category, len(evidence.categories))
        cells = len(evidence.params.areas) * len(evidence.params.iou) * len(RECALL_POINTS)
        self.chunks = chunks_by_work(self.starts + cells * np.arange(len(self.starts)))
        self.once = np.ones(len(evidence.images), np.int64)
        self._counted: dict[float | None, tuple[Ints, Ints]] = {}
        self._positives: Ints | None = None
        self._precision: dict[int, tuple[list[int], Floats]] = {}

    @cached_property
    def order(self) -> Ints:
        """Rows by class, then descending score; ties by image, then rank."""
        order = np.arange(len(self.evidence), dtype=np.int64)
        sort_groups(self.starts, self.evidence.scores, order, self.threads)
        return order

    def positives(self, area: int, weights: Ints) -> Ints:
        """Weighted ground truths of every class that are not ignored in an area range, shape (classes,)."""
        if weights is not self.once:
            totals: Ints = self._count_positives(weights)[area]
            return totals
        if self._positives is None:
            self._positives = self._count_positives(weights)
        once: Ints = self._positives[area]
        return once

    def _count_positives(self, weights: Ints) -> Ints:
        """Positives of all area ranges, shape (areas, classes)."""
        kept = np.where(self.evidence.gt_ignored.T, 0, weights[self.evidence.gt_image])
        sums = np.zeros((len(kept), kept.shape[1] + 1), np.int64)
        np.cumsum(kept, axis=1, out=sums[:, 1:])
        totals: Ints = np.diff(sums[:, self.gt_starts], axis=1)
        return totals

    def counts(self, score_cut: float | None, weights: Ints) -> tuple[Ints, Ints]:
        """True and false positives, shape (classes, caps, areas, thresholds), of detections at or above a score."""
        if weights is not self.once:
            return self._count(score_cut, weights)
        if score_cut not in self._counted:
            self._counted[score_cut] = self._count(score_cut, weights)
        return self._counted[score_cut]

    def _count(self, score_cut: float | None, weights: Ints) -> tuple[Ints, Ints]:
        evidence, params = self.evidence, self.evidence.params
        shape = (len(evidence.categories), len(params.max_dets), len(params.areas), len(params.iou))
        kept, hits, misses = np.zeros(shape[:3], np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        cut = -np.inf if score_cut is None else score_cut
        map_chunks(
            lambda chunk: curves.outcome_counts(
                *chunk, self.starts, evidence.image, evidence.rank, weights, evidence.true_positive.ravel(),
                evidence.ignored.ravel(), evidence.scores, cut, len(params.areas), np.array(params.max_dets),
                len(params.iou), kept.ravel(), hits.ravel(), misses.ravel()),
            self.chunks, self.threads)
        return hits, misses

    def precision(self, areas: Sequence[int], cap: int, weights: Ints, *, with_scores: bool = False,
                  ) -> tuple[Floats, Floats]:
        """Interpolated precision, shape (areas, classes, thresholds, recall points), and the scores there if wanted."""
        if weights is not self.once or with_scores:
            return self._interpolate(areas, cap, weights, with_scores=with_scores)
        held, block = self._precision.get(cap, ([], np.empty(0)))
        if not set(areas) <= set(held):
            held, block = list(areas), self._interpolate(areas, cap, weights, with_scores=False)[0]
            self._precision[cap] = held, block
        wanted = [held.index(area) for area in areas]
        return block if wanted == list(range(len(held))) else block[wanted], np.empty(0)

    def _interpolate(self, areas: Sequence[int], cap: int, weights: Ints, *, with_scores: bool,
                     ) -> tuple[Floats, Floats]:
        evidence, order = self.evidence, self.order
        thresholds, points = len(evidence.params.iou), np.array(RECALL_POINTS)
        lanes = len(areas) * thresholds
        shape = (len(areas), len(evidence.categories), thresholds, len(points))
        out, out_scores = np.empty(shape), np.empty(shape if with_scores else 0)
        positives = np.array([self.positives(area, weights) for area in areas]).ravel()
        objects = np.diff(self.gt_starts)

        def classes(chunk: tuple[int, int]) -> None:
            room = int(objects[chunk[0] : chunk[1]].max(initial=0))
            counters = [np.empty(length, np.int64) for length in (len(areas), lanes, lanes, lanes)]
            events = [np.empty(lanes * room, np.int64) for _ in range(2)]
            curves.interpolated_precision(
                *chunk, self.starts, order, evidence.image, evidence.rank, weights, evidence.true_positive.ravel(),
                evidence.ignored.ravel(), evidence.scores, positives, np.array(areas, np.int64),
                len(evidence.params.areas), cap, shape[1], thresholds, points, room, *counters, *events,
                np.empty(lanes * room), out.ravel(), out_scores.ravel())

        map_chunks(classes, self.chunks, self.threads)
        return out, out_scores


def measure(
    metrics: str | Sequence[Metric | str], evidence: Evidence | Ranked, weights: NDArray[np.integer] | None = None, *,
    threads: int | None = None,
) -> Measurement:
    """The metrics over all classes and per class, in float64 and bit-equal to the reference where it has them.

    metrics: as `"AP,AR/max=10"`, a list of such names, or parsed.
    weights: whole numbers of shape (replicates, images); image i counts as that many copies of itself with adjacent
    ids. Errors: `DetevalError` (usage) for a metric that does not exist under the settings of the evidence.
    """
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    metrics = as_metrics(metrics)
    if weights is None:
        return _measure_once(metrics, ranked, ranked.once)
    weights, images = np.asarray(weights), len(ranked.evidence.images)
    if weights.ndim != 2 or weights.shape[1] != images or weights.dtype.kind not in "iu":
        raise usage_error(f"weights: whole numbers of shape (replicates, {images}) are needed")
    if weights.size and weights.min() < 0:
        raise usage_error("weights: an image cannot count a negative number of times")
    rows = [_measure_once(metrics, ranked, np.ascontiguousarray(row, np.int64)) for row in weights]
    return Measurement(
        values=np.array([row.values for row in rows]).reshape(len(rows), len(metrics)),
        classes=np.array([row.classes for row in rows]).reshape(len(rows), len(metrics), -1),
    )


def count(evidence: Evidence | Ranked, area: int = 0, max_dets: int | None = None, score: float | None = None,
          ) -> Counts:
    """True and false positives and positives of every class at an area range, a cap of the run and a score cut."""
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence)
    hits, misses = ranked.counts(score, ranked.once)
    caps = ranked.evidence.params.max_dets
    cap = len(caps) - 1 if max_dets is None else caps.index(max_dets)
    return Counts(hits[:, cap, area], misses[:, cap, area], ranked.positives(area, ranked.once))


def tied_detections(ranked: Ranked) -> int:
    """How many detections have a score that is not unique within their class."""
    scores = ranked.evidence.scores
    return sum(map_chunks(lambda chunk: curves.tied_rows(*chunk, ranked.starts, ranked.order, scores), ranked.chunks,
                          ranked.threads))


def precision_arrays(evidence: Evidence | Ranked, threads: int | None = None) -> tuple[Floats, Floats, Floats]:
    """pycocotools' whole arrays: precision [T, R, K, A, M], recall [T, K, A, M], scores [T, R, K, A, M]; -1 where
    undefined."""
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    params, classes = ranked.evidence.params, len(ranked.evidence.categories)
    shape = (len(params.iou), len(RECALL_POINTS), classes, len(params.areas), len(params.max_dets))
    precision, scores, recall = np.empty(shape), np.empty(shape), np.empty((shape[0], *shape[2:]))
    hits, misses = ranked.counts(None, ranked.once)
    for area in range(len(params.areas)):
        for position, cap in enumerate(params.max_dets):
            block, block_scores = ranked.precision([area], cap, ranked.once, with_scores=True)
            precision[..., area, position] = block[0].transpose(1, 2, 0)
            scores[..., area, position] = block_scores[0].transpose(1, 2, 0)
            final = recall_of(Counts(hits[:, position, area], misses[:, position, area],
                                     ranked.positives(area, ranked.once)))
            recall[..., area, position] = np.where(np.isnan(final), -1.0, final).T
    return precision, recall, scores


def _measure_once(metrics: Sequence[Metric], ranked: Ranked, weights: Ints) -> Measurement:
    """Values under one weight per image; what several metrics share is computed once."""
    evidence, caps = ranked.evidence, ranked.evidence.params.max_dets

    cells = [resolve(metric, evidence.params) for metric in metrics]
    average = [cell for metric, cell in zip(metrics, cells, strict=True) if metric.kind == "AP"]
    areas = {cap: sorted({cell.area for cell in average if cell.max_dets == cap}) for cap in caps}

    @cache
    def precision(cap: int) -> Floats:
        return ranked.precision(areas[cap], cap, weights)[0]

    @cache
    def outcomes(score: float | None) -> tuple[Ints, Ints]:
        return ranked.counts(score, weights)

    def counts(cell: Cell) -> Counts:
        hits, misses = outcomes(cell.score)
        cap = caps.index(cell.max_dets)
        return Counts(hits[:, cap, cell.area], misses[:, cap, cell.area], ranked.positives(cell.area, weights))

    values = np.full(len(metrics), np.nan)
    classes = np.full((len(metrics), len(evidence.categories)), np.nan)
    for i, (metric, cell) in enumerate(zip(metrics, cells, strict=True)):
        wanted = list(cell.thresholds)
        if metric.kind == "AP":
            block = precision(cell.max_dets)[areas[cell.max_dets].index(cell.area)]
            values[i], classes[i] = average_precision(block[:, wanted])
        elif metric.kind == "AR":
            values[i], classes[i] = average_recall(recall_of(counts(cell))[:, wanted])
        else:
            values[i], classes[i] = counted(metric, counts(cell), wanted)
        if metric.category is not None:
            values[i] = classes[i, find_class(metric, evidence)]
    return Measurement(values, classes)


def find_class(metric: Metric, evidence: Evidence) -> int:
    """The position of the one class that a metric names, among those of the evidence."""
    return class_position(metric, evidence.categories)


def class_position(metric: Metric, categories: Categories) -> int:
    """The position of the one class that a metric names; `DetevalError` (usage) if it names none, or several."""
    agnostic = categories.ids.tolist() == ALL_CLASSES.ids.tolist()
    if agnostic and metric.category not in ("*", *ALL_CLASSES.names):
        raise usage_error(f"metric {str(metric)!r}: names a class, and this run does not look at classes "
                          "(class_agnostic)")
    found = find_categories(categories, metric.category or "")
    if len(found) > 1:
        raise usage_error(f"metric {str(metric)!r}: {metric.category!r} stands for {len(found)} classes; name one")
    return found[0]
