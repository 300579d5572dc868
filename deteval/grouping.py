"""Rows brought into (category, image) groups in linear time, and groups into chunks of equal work."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from deteval.kernels import ordering
from deteval.records.dataset import Detections, Floats, GroundTruth, Ints, Positions
from deteval.records.params import Params
from deteval.threads import map_chunks

WORK_PER_CHUNK = 1 << 18
"""Similarities and detections that a thread takes at once: 2 MiB of scratch, whatever the size of the data."""


@dataclass(frozen=True)
class Rows:
    """Boxes sorted by (category, image), and where each of the groups begins; `order` is their place in the file.

    source_category: the category in the ground truth's list, which differs where classes are merged or left out.
    """

    order: Ints
    image: Positions
    category: Positions
    source_category: Positions
    boxes: Floats
    starts: Ints


def group(ground_truth: GroundTruth, detections: Detections, params: Params, image_position: Positions,
           category_position: Positions, n_images: int, n_categories: int, threads: int) -> tuple[Rows, Rows]:
    """Detections and ground truths sorted into the same (category, image) groups, detections by score within."""
    sorted_rows = []
    sides: tuple[Detections | GroundTruth, ...] = (detections, ground_truth)
    for boxes in sides:
        rows = np.flatnonzero((image_position[boxes.image] >= 0) & (category_position[boxes.category] >= 0))
        if boxes is detections and params.min_score is not None:
            rows = rows[detections.scores[rows] >= params.min_score]
        image = image_position[boxes.image[rows]]
        source = boxes.category[rows]
        category = category_position[source]
        if params.class_agnostic:  # by ascending category id, then file order
            order, _ = counting_order(image, n_images, counting_order(source, len(category_position))[0])
        else:
            order, _ = counting_order(category, n_categories, counting_order(image, n_images)[0])
        sorted_rows.append((rows, order, image, category, source))
    (dt_rows, dt_order, dt_image, dt_category, _), (_, gt_order, gt_image, gt_category, _) = sorted_rows
    room = len(dt_order) + len(gt_order) + 1
    starts = (np.empty(room, np.int64), np.empty(room, np.int64))
    groups = ordering.join_groups(dt_order, gt_order, dt_image, dt_category, gt_image, gt_category, *starts)
    dt_starts, gt_starts = starts[0][: groups + 1].copy(), starts[1][: groups + 1].copy()
    sort_groups(dt_starts, detections.scores[dt_rows], dt_order, threads)
    dt, gt = (
        Rows(order=rows[order], image=image[order], category=category[order], source_category=source[order],
              boxes=boxes.boxes[rows[order]], starts=group_starts)
        for boxes, group_starts, (rows, order, image, category, source) in zip(
            sides, (dt_starts, gt_starts), sorted_rows, strict=True)
    )
    return dt, gt


def counting_order(keys: Positions, n_keys: int, order: Ints | None = None) -> tuple[Ints, Ints]:
    """Positions among `keys` by ascending key, stable, and where each key begins, shape (n_keys + 1,)."""
    if order is None:
        order = np.arange(len(keys), dtype=np.int64)
    starts, result = np.empty(n_keys + 1, np.int64), np.empty(len(keys), np.int64)
    ordering.counting_order(np.ascontiguousarray(keys), n_keys, order, starts, result)
    return result, starts


def sort_groups(starts: Ints, scores: Floats, order: Ints, threads: int) -> None:
    """Sort each group order[starts[g]:starts[g + 1]] in place by descending score, stable."""
    scratch = np.empty_like(order)
    chunks = chunks_by_work(starts)
    map_chunks(lambda c: ordering.order_by_score(c[0], c[1], starts, scores, order, scratch), chunks, threads)


def chunks_by_work(cumulative: Ints) -> list[tuple[int, int]]:
    """Ranges of groups of about `WORK_PER_CHUNK` each, from the work before every group and in all."""
    cuts = np.searchsorted(cumulative, np.arange(WORK_PER_CHUNK, int(cumulative[-1]), WORK_PER_CHUNK))
    bounds = np.unique(np.concatenate([[0], cuts, [len(cumulative) - 1]]))
    return [(int(first), int(last)) for first, last in pairwise(bounds)]


def ranks(starts: Ints, rows: int) -> Positions:
    """The place of every row within its group, from 0."""
    return (np.arange(rows) - np.repeat(starts[:-1], np.diff(starts))).astype(np.int32)
