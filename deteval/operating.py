"""Score cuts chosen by a criterion, from the rows of one IoU threshold, under one weighting of the images or many."""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.grouping import chunks_by_work, sort_groups
from deteval.kernels import operating as kernels
from deteval.kernels.lanes import LANES, weigh_cells
from deteval.measures import Ranked
from deteval.records.criterion import F_MEASURE, LRP, PRECISION, RECALL, Criterion
from deteval.records.dataset import Floats, Ints, Positions
from deteval.records.evidence import class_starts
from deteval.threads import map_chunks

KERNEL_KINDS = {F_MEASURE: kernels.F_MEASURE, PRECISION: kernels.PRECISION, RECALL: kernels.RECALL, LRP: kernels.LRP}
Flags = NDArray[np.uint8]


class Rows(Struct, frozen=True):
    """Detections within the cap and not ignored, class by class by descending score, then all again by score alone.

    starts: of the groups, which are the classes and then all of them pooled, (classes + 2,). hit: true positives.
    block_end: the last row of a score. loss: (1 - similarity) / (1 - threshold) of true positives, 0 of others; empty
    where it is not needed. gt_image, gt_category: ground truths that count. room: 1 - threshold.
    """

    starts: Ints
    image: Positions
    hit: Flags
    block_end: Flags
    loss: Floats
    scores: Floats
    gt_image: Positions
    gt_category: Positions
    n_images: int
    room: float
    threads: int

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.starts) - 2


class Kept(Struct, frozen=True):
    """What is kept at cuts: true positives, rows, and the loss of localisation; shape (..., lanes)."""

    hits: Floats
    rows: Floats
    loss: Floats

    def part(self, where: Any) -> "Kept":
        """Some of the groups."""
        return Kept(self.hits[where], self.rows[where], self.loss[where])


class Chosen(Struct, frozen=True):
    """Cuts under each weighting (lane).

    positives: weighted ground truths, (classes, lanes). threshold: of each class, and last the one cut for all, NaN for
    none, (classes + 1, lanes); row: the last row kept, -1 for none. kept: there. at_one: every class at the one cut,
    (classes, lanes).
    """

    positives: Floats
    threshold: Floats
    row: Ints
    kept: Kept
    at_one: Kept

    @property
    def own(self) -> Kept:
        """Every class at its own cut, those without ground truth at the one cut."""
        has_truth = self.positives > 0
        return Kept(*(np.where(has_truth, mine[:-1], one) for mine, one in (
            (self.kept.hits, self.at_one.hits), (self.kept.rows, self.at_one.rows),
            (self.kept.loss, self.at_one.loss))))


def gather_rows(ranked: Ranked, threshold: int, *, with_loss: bool = False) -> Rows:
    """The rows of one IoU threshold, by position, in the first area range at the largest cap.

    with_loss: needs the detail table at that threshold. Memory: about 50 bytes per detection.
    """
    evidence, classes = ranked.evidence, len(ranked.evidence.categories)
    word, bit = threshold >> 5, np.uint32(1 << (threshold & 31))
    kept = (evidence.ignored[:, 0, word] & bit) == 0
    kept &= evidence.rank < evidence.params.max_dets[-1]
    order = ranked.order
    by_class = order if kept.all() else order[kept[order]]
    starts = np.searchsorted(evidence.category[by_class], np.arange(classes + 1)).astype(np.int64)
    scores = evidence.scores[by_class]
    pooled = np.arange(len(by_class), dtype=np.int64)
    sort_groups(np.array([0, len(pooled)]), scores, pooled, 1)
    rows = np.concatenate([by_class, by_class[pooled]])
    scores = np.concatenate([scores, scores[pooled]])
    hit = ((evidence.true_positive[:, 0, word] & bit) != 0)[rows]
    starts = np.append(starts, len(rows))
    block_end = np.ones(len(rows), np.uint8)
    block_end[:-1] = scores[1:] != scores[:-1]
    block_end[starts[1:][starts[1:] > 0] - 1] = 1
    positive = np.flatnonzero(~evidence.gt_ignored[:, 0])
    room = 1.0 - evidence.params.iou[threshold]
    return Rows(
        starts=starts, image=evidence.image[rows], hit=hit.view(np.uint8), block_end=block_end,
        loss=_loss(ranked, threshold, rows, hit, room) if with_loss else np.zeros(0), scores=scores,
        gt_image=evidence.gt_image[positive], gt_category=evidence.gt_category[positive],
        n_images=len(evidence.images), room=room, threads=ranked.threads)


def _loss(ranked: Ranked, threshold: int, rows: Ints, hit: NDArray[np.bool_], room: float) -> Floats:
    detail = ranked.evidence.detail
    assert detail is not None
    similarity = detail.similarity[:, detail.thresholds.index(threshold)][rows]
    return np.where(hit, (1.0 - similarity) / room, 0.0)


def choose(rows: Rows, criterion: Criterion, weights: Floats | None = None, *, threads: int | None = None) -> Chosen:
    """The best cut of every class, and of all classes pooled.

    weights: whole numbers as floats, (images, lanes); None: every image once, one lane. A cut never parts equal scores.
    Threads: over the groups; the same bits for every number of them.
    """
    weights = np.ones((rows.n_images, 1)) if weights is None else weights
    lanes, groups = weights.shape[1], rows.classes + 1
    flat = np.ascontiguousarray(weights).ravel()
    positives = _positives(rows, flat, lanes)
    row = np.empty((groups, lanes), np.int64)
    kept = Kept(*(np.empty((groups, lanes)) for _ in range(3)))
    kind = KERNEL_KINDS[criterion.kind]
    parameter = float(criterion.beta) ** 2 if criterion.target is None else float(criterion.target)
    threads = threads or rows.threads
    map_chunks(lambda chunk: kernels.choose_cuts(
        *chunk, rows.starts, rows.image, rows.hit, rows.block_end, rows.loss, flat, lanes, positives.ravel(), kind,
        parameter, np.empty(kernels.STATE * lanes), row.ravel(), kept.hits.ravel(), kept.rows.ravel(),
        kept.loss.ravel()), chunks_by_work(rows.starts), threads)
    threshold = np.where(row >= 0, rows.scores[np.maximum(row, 0)], np.nan) if len(rows.scores) else \
        np.full(row.shape, np.nan)
    return Chosen(positives=positives[:-1], threshold=threshold, row=row, kept=kept,
                  at_one=keep_above(rows, threshold[-1], flat, lanes, threads))


def _positives(rows: Rows, weights: Floats, lanes: int) -> Floats:
    """Weighted ground truths of every class, and of all, (classes + 1, lanes)."""
    found = np.zeros((rows.classes + 1, lanes))
    if lanes == LANES:
        weigh_cells(0, rows.classes, class_starts(rows.gt_category, rows.classes), rows.gt_image, lanes, weights,
                    found.ravel())
    else:
        for lane in range(lanes):
            found[:-1, lane] = np.bincount(rows.gt_category, weights[rows.gt_image * lanes + lane], rows.classes)
    found[-1] = found[:-1].sum(axis=0)
    return found


def keep_above(rows: Rows, cuts: Floats, weights: Floats, lanes: int, threads: int) -> Kept:
    """What every class keeps at a cut per lane, NaN to keep nothing; weights flat, shape (images * lanes,)."""
    cuts = np.where(np.isnan(cuts), np.inf, cuts)
    order = np.argsort(-cuts, kind="stable").astype(np.int64)
    found = Kept(*(np.zeros((rows.classes, lanes)) for _ in range(3)))
    map_chunks(lambda chunk: kernels.counts_at_cuts(
        *chunk, rows.starts, rows.image, rows.hit, rows.loss, rows.scores, weights, lanes, cuts, order,
        np.empty(3 * lanes), found.hits.ravel(), found.rows.ravel(), found.loss.ravel()),
        chunks_by_work(rows.starts[:-1]), threads)
    return found


def rates_of(kept: Kept, positives: Floats, criterion: Criterion, room: float) -> dict[str, Floats]:
    """Rates by name (`Criterion.rates`), of any shape; NaN where undefined.

    Nothing kept: precision 0 if there is ground truth, else undefined.
    """
    hits, rows = kept.hits, kept.rows
    squared = float(criterion.beta) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(rows > 0, hits / rows, np.where(positives > 0, 0.0, np.nan))
        recall = np.where(positives > 0, hits / positives, np.nan)
        found = [precision, recall, (1.0 + squared) * hits / (rows + squared * positives)]
        if criterion.kind == LRP:
            misses = rows - hits
            found += [(kept.loss + misses + (positives - hits)) / (misses + positives), kept.loss * room / hits,
                      1.0 - precision, 1.0 - recall]
    return dict(zip(criterion.rates, found, strict=True))


def macro(rates: dict[str, Floats], positives: Floats) -> dict[str, Floats]:
    """The mean over the classes with ground truth in which a rate is defined; NaN where there is none."""
    means = {}
    for name, values in rates.items():
        defined = (positives > 0) & ~np.isnan(values)
        if values.ndim == 1:  # as `measures` adds up
            means[name] = np.array(values[defined].mean() if defined.any() else np.nan)
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            means[name] = np.where(defined, values, 0.0).sum(axis=0) / defined.sum(axis=0)
    return means


def pooled(kept: Kept) -> Kept:
    """The counts of all classes added up."""
    return Kept(kept.hits.sum(axis=0), kept.rows.sum(axis=0), kept.loss.sum(axis=0))
