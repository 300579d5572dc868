"""Rows brought into (category, image) groups in linear time, and groups into chunks of equal work."""

from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.kernels import ordering
from deteval.records.categories import cuts_by_class
from deteval.records.dataset import Bools, Detections, Floats, GroundTruth, Ints, Positions
from deteval.records.params import Params
from deteval.threads import map_chunks

WORK_PER_CHUNK = 1 << 18
"""Similarities and detections that a thread takes at once: 2 MiB of scratch, whatever the size of the data."""
CHUNKS, LEAST_WORK = 8, 1 << 13
"""Small data is cut into so many chunks, so that all threads have work; but not into smaller ones than this."""
GATHERED = 1 << 16
"""Rows that a thread gathers at once."""


class Rows(Struct, frozen=True):
    """Boxes sorted by (category, image), and where each of the groups begins; `order` is their place in the file.

    source_category: the category in the ground truth's list, which differs where classes are merged or left out.
    """

    order: Ints
    image: Positions
    category: Positions
    source_category: Positions
    boxes: Floats
    starts: Ints


class _Chosen(Struct, frozen=True):
    """The boxes of one side that are matched, in file order; rows: their places in the columns, None for all."""

    rows: Ints | None
    image: Positions
    category: Positions
    source_category: Positions


def group(ground_truth: GroundTruth, detections: Detections, params: Params, image_position: Positions,
          category_position: Positions, n_images: int, n_categories: int, threads: int) -> tuple[Rows, Rows]:
    """Detections and ground truths sorted into the same (category, image) groups, detections by score within."""
    dt = _choose(detections, image_position, category_position, n_images, n_categories,
                 above_cuts(detections, params, category_position >= 0))
    gt = _choose(ground_truth, image_position, category_position, n_images, n_categories, None)
    orders = []
    for side in (dt, gt):
        if params.class_agnostic:  # by ascending category id, then file order
            before = counting_order(side.source_category, len(category_position))[0]
            orders.append(counting_order(side.image, n_images, before)[0])
        else:
            before = counting_order(side.image, n_images)[0]
            orders.append(counting_order(side.category, n_categories, before)[0])
    room = len(dt.image) + len(gt.image) + 1
    starts = (np.empty(room, np.int64), np.empty(room, np.int64))
    groups = ordering.join_groups(*orders, dt.image, dt.category, gt.image, gt.category, *starts)
    dt_starts, gt_starts = starts[0][: groups + 1].copy(), starts[1][: groups + 1].copy()
    scores = detections.scores if dt.rows is None else detections.scores[dt.rows]
    sort_groups(dt_starts, np.ascontiguousarray(scores), orders[0], threads)
    return (_ordered(dt, detections.boxes, orders[0], dt_starts, threads),
            _ordered(gt, ground_truth.boxes, orders[1], gt_starts, threads))


def above_cuts(detections: Detections, params: Params, scored: Bools) -> Bools | None:
    """Which detections the score cuts of the run and of their class leave, both inclusive; None for all.

    scored: which classes of the ground truth are scored, shape (categories,). Errors: `cuts_by_class`.
    """
    above = None if params.min_score is None else detections.scores >= params.min_score
    if params.operating_points is None:
        return above
    cuts = cuts_by_class(params.operating_points, detections.categories, scored)
    above_own: Bools = detections.scores >= cuts[detections.category]
    return above_own if above is None else above & above_own


def _choose(side: Detections | GroundTruth, image_position: Positions, category_position: Positions, n_images: int,
            n_categories: int, kept: Bools | None) -> _Chosen:
    """Boxes on covered images and of scored classes, with their positions there."""
    everything = n_images == len(image_position) and n_categories == len(category_position) and kept is None
    if everything and (category_position == np.arange(n_categories)).all():
        return _Chosen(None, np.ascontiguousarray(side.image), np.ascontiguousarray(side.category),
                       np.ascontiguousarray(side.category))
    mask = (image_position[side.image] >= 0) & (category_position[side.category] >= 0)
    rows = np.flatnonzero(mask if kept is None else mask & kept)
    source = side.category[rows]
    return _Chosen(rows, image_position[side.image[rows]], category_position[source], source)


def _ordered(side: _Chosen, boxes: Floats, order: Ints, starts: Ints, threads: int) -> Rows:
    places = order if side.rows is None else side.rows[order]
    return Rows(order=places, image=gather(side.image, order, threads), category=gather(side.category, order, threads),
                source_category=gather(side.source_category, order, threads), boxes=gather(boxes, places, threads),
                starts=starts)


def gather(column: NDArray[Any], order: Ints, threads: int) -> NDArray[Any]:
    """`column[order]`, in pieces on several threads."""
    out = np.empty((len(order), *column.shape[1:]), column.dtype)
    pieces = [slice(start, start + GATHERED) for start in range(0, len(order), GATHERED)]
    map_chunks(lambda piece: np.take(column, order[piece], axis=0, out=out[piece], mode="clip"), pieces, threads)
    return out


def counting_order(keys: Positions, n_keys: int, order: Ints | None = None) -> tuple[Ints, Ints]:
    """Positions among `keys` by ascending key, stable, and where each key begins, shape (n_keys + 1,)."""
    if order is None:
        order = np.arange(len(keys), dtype=np.int64)
    starts, result = np.empty(n_keys + 1, np.int64), np.empty(len(keys), np.int64)
    ordering.counting_order(np.ascontiguousarray(keys), n_keys, order, starts, result)
    return result, starts


def sort_groups(starts: Ints, scores: Floats, order: Ints, threads: int) -> None:
    """Sort each group order[starts[g]:starts[g + 1]] in place by descending score, stable."""
    scratch, bounds = np.empty_like(order), np.empty_like(order)
    map_chunks(lambda chunk: ordering.order_by_score(*chunk, starts, scores, order, scratch, bounds),
               chunks_by_work(starts), threads)


def chunks_by_work(cumulative: Ints) -> list[tuple[int, int]]:
    """Ranges of groups of at most about `WORK_PER_CHUNK` each, from the work before every group and in all."""
    total = int(cumulative[-1])
    size = min(WORK_PER_CHUNK, max(total // CHUNKS, LEAST_WORK))
    cuts = np.searchsorted(cumulative, np.arange(size, total, size))
    bounds = sorted({0, *cuts.tolist(), len(cumulative) - 1})  # np.unique would import numpy.ma
    return list(pairwise(bounds))


def ranks(starts: Ints, rows: int) -> Positions:
    """The place of every row within its group, from 0."""
    rank = np.empty(rows, np.int32)
    ordering.rank_rows(starts, rank)
    return rank
