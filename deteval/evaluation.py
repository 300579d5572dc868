"""Matching: ground truth and detections to Evidence, over chunks of (category, image) groups."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct

from deteval import timing
from deteval.errors import usage_error
from deteval.grouping import WORK_PER_CHUNK, Rows, chunks_by_work, counting_order, gather, group, ranks
from deteval.kernels import matching, similarity
from deteval.records.categories import select_categories
from deteval.records.dataset import Bools, Detections, Floats, GroundTruth, Images, Ints, Positions, take_images
from deteval.records.evidence import Detail, Evidence, Words
from deteval.records.params import Params, find_threshold
from deteval.threads import available_threads, map_chunks


def match(
    ground_truth: GroundTruth,
    detections: Detections,
    params: Params | None = None,
    *,
    images: Sequence[int] | Ints | None = None,
    detail: Sequence[float] = (),
    threads: int | None = None,
) -> Evidence:
    """Assign detections to ground truths as COCO does (cocoeval.py, evaluateImg).

    images: positions of the images that are covered, all by default. detail: IoU thresholds of the run for which the
    detail table is kept. threads: default all CPUs of this process; the result is the same for every number.
    Errors: `DetevalError` for a class selection that fits nothing, or a detail threshold that the run lacks.
    """
    params = params or Params()
    threads = available_threads() if threads is None else threads
    _check_joined(ground_truth, detections, params, threads)
    with timing.stage("match"):
        covered, image_position = _cover(ground_truth.images, images)
        categories, category_position = select_categories(ground_truth.categories, params)
        detail_positions = _detail_positions(params, detail)
        dt, gt = group(ground_truth, detections, params, image_position, category_position,
                        len(covered), len(categories), threads)
        if params.nms is not None:
            from deteval.suppression import suppress  # most runs need none

            dt = suppress(dt, params.nms, threads)
        is_crowd = ground_truth.is_crowd[gt.order]
        gt_ignored = _ignored_ground_truth(ground_truth, gt, is_crowd, params)
        outcome = _match_rows(dt, gt, is_crowd, gt_ignored, params, detail_positions, threads)
        return Evidence(
            params=params, images=covered, categories=categories,
            image=dt.image, category=dt.category, rank=ranks(dt.starts, len(dt.order)),
            scores=gather(detections.scores, dt.order, threads), row=gather(detections.row, dt.order, threads),
            true_positive=outcome.true_positive, ignored=outcome.ignored,
            gt_image=gt.image, gt_category=gt.category, gt_row=ground_truth.row[gt.order],
            gt_ignored=gt_ignored.astype(bool), found=outcome.found,
            detail=_detail(dt, gt, is_crowd, outcome, params, detail_positions, len(covered), threads),
        )


def _check_joined(ground_truth: object, detections: object, params: object, threads: int) -> None:
    """Refuse (usage) what is no ground truth, no detections, or detections joined to another ground truth."""
    for name, value, kind, source in (("ground truth", ground_truth, GroundTruth, "load_ground_truth"),
                                      ("detections", detections, Detections, "load_detections"),
                                      ("params", params, Params, "Params")):
        if not isinstance(value, kind):
            raise usage_error(f"{name}: {type(value).__name__} was given, what deteval.{source} returns is needed")
    if threads < 1:
        raise usage_error(f"threads: {threads} is not a whole number of at least 1")
    assert isinstance(ground_truth, GroundTruth)
    assert isinstance(detections, Detections)
    for name in ("images", "categories"):
        ours, theirs = getattr(ground_truth, name), getattr(detections, name)
        if ours is not theirs and not np.array_equal(ours.ids, theirs.ids):
            raise usage_error(f"the detections were loaded for another ground truth: its {name} are {len(theirs):,}, "
                              f"here they are {len(ours):,} or have other ids; load them again with this one")


def _cover(images: Images, chosen: Sequence[int] | Ints | None) -> tuple[Images, Positions]:
    """The images covered, and for every image its position among them, -1 if it is not."""
    if chosen is None:
        return images, np.arange(len(images), dtype=np.int32)
    kept = np.unique(np.asarray(chosen)) if len(chosen) else np.zeros(0, np.int64)
    if kept.dtype.kind not in "iu" or (len(kept) and not 0 <= kept[0] <= kept[-1] < len(images)):
        raise usage_error(f"images: positions from 0 to {len(images) - 1:,} are needed, as in images.ids of the "
                          "ground truth")
    position = np.full(len(images), -1, np.int32)
    position[kept] = np.arange(len(kept), dtype=np.int32)
    return take_images(images, kept), position


def _detail_positions(params: Params, detail: Sequence[float]) -> tuple[int, ...]:
    return tuple(find_threshold(params, threshold, "detail") for threshold in detail)


def _ignored_ground_truth(ground_truth: GroundTruth, gt: Rows, is_crowd: Bools, params: Params) -> Bools:
    """Which ground truths are ignored in which area range, shape (ground truths, areas)."""
    from_box = params.area_source == "box"
    area = (gt.boxes[:, 2] * gt.boxes[:, 3] if from_box else ground_truth.area[gt.order])[:, None]
    low = np.array([bounds.low for bounds in params.areas])
    high = np.array([bounds.high for bounds in params.areas])
    ignored: Bools = (area < low) | (area > high) | is_crowd[:, None]
    if params.honour_ignore:
        ignored |= ground_truth.ignore[gt.order][:, None]
    return ignored


class _Outcome(Struct, frozen=True):
    true_positive: Words
    ignored: Words
    found: Words
    taken: Ints
    similarity: Floats


def _match_rows(dt: Rows, gt: Rows, is_crowd: Bools, gt_ignored: Bools, params: Params,
                detail_positions: tuple[int, ...], threads: int) -> _Outcome:
    areas, words = len(params.areas), (len(params.iou) + 31) // 32
    slots = np.full(len(params.iou), -1, np.int64)
    slots[list(detail_positions)] = np.arange(len(detail_positions))
    outcome = _Outcome(
        true_positive=np.zeros((len(dt.order), areas, words), np.uint32),
        ignored=np.zeros((len(dt.order), areas, words), np.uint32),
        found=np.zeros((len(gt.order), areas, words), np.uint32),
        taken=np.full((len(dt.order), len(detail_positions)), -1, np.int64),
        similarity=np.full((len(dt.order), len(detail_positions)), np.nan),
    )
    flags = (np.ascontiguousarray(gt_ignored).view(np.uint8).ravel(), is_crowd.view(np.uint8))
    limits = (np.array(params.iou), *(np.array([getattr(area, end) for area in params.areas])
                                      for end in ("low", "high")))
    detection_area = dt.boxes[:, 2] * dt.boxes[:, 3]
    kind, cap = similarity.KINDS[params.similarity], params.max_dets[-1]
    counts = np.minimum(np.diff(dt.starts), cap), np.diff(gt.starts)

    def match_piece(first: int, last: int, first_rank: int, last_rank: int) -> None:
        ranks = np.clip(counts[0][first:last], first_rank, last_rank) - first_rank
        scratch = np.empty(int(ranks @ counts[1][first:last]))
        similarity.similarities(kind, first, last, first_rank, last_rank, dt.starts, gt.starts,
                                dt.boxes.ravel(), gt.boxes.ravel(), flags[1], scratch)
        matching.match_groups(
            first, last, first_rank, last_rank, dt.starts, gt.starts, scratch, detection_area, *flags, *limits,
            slots, len(detail_positions), np.empty(int(counts[1][first:last].max(initial=0)), np.int64),
            outcome.true_positive.ravel(), outcome.ignored.ravel(),
            outcome.found.ravel(), outcome.taken.ravel(), outcome.similarity.ravel(),
        )

    def match_chunk(chunk: tuple[int, int]) -> None:
        if chunk[1] - chunk[0] > 1:
            match_piece(*chunk, 0, cap)
            return
        detections, ground_truths = int(counts[0][chunk[0]]), int(counts[1][chunk[0]])
        step = max(1, WORK_PER_CHUNK // max(ground_truths, 1))
        for first_rank in range(0, detections, step):  # a large group in pieces: what was found stays taken
            match_piece(*chunk, first_rank, min(first_rank + step, cap))

    work = np.concatenate([[0], np.cumsum(counts[0] * counts[1] + counts[0])])
    map_chunks(match_chunk, _isolate_large(chunks_by_work(work), work), threads)
    return outcome


def _isolate_large(chunks: list[tuple[int, int]], work: Ints) -> list[tuple[int, int]]:
    """Chunks so that a group too large for one stands alone, to be matched in pieces."""
    result: list[tuple[int, int]] = []
    for first, last in chunks:
        large = first + np.flatnonzero(np.diff(work[first : last + 1]) > WORK_PER_CHUNK)
        bounds = sorted({first, last, *(int(g) for g in large), *(int(g) + 1 for g in large)})
        result.extend(pairwise(bounds))
    return result


def _detail(dt: Rows, gt: Rows, is_crowd: Bools, outcome: _Outcome, params: Params,
            positions: tuple[int, ...], n_images: int, threads: int) -> Detail | None:
    if not positions:
        return None
    dt_by_image, dt_starts = counting_order(dt.image, n_images)
    gt_by_image, gt_starts = counting_order(gt.image, n_images)
    best = [np.full(len(dt.order), -1, np.int64) for _ in range(2)]
    values = [np.full(len(dt.order), np.nan) for _ in range(2)]

    def overlap_chunk(chunk: tuple[int, int]) -> None:
        similarity.best_overlaps(
            similarity.KINDS[params.similarity], *chunk, dt_starts, dt_by_image, gt_starts, gt_by_image,
            dt.boxes.ravel(), gt.boxes.ravel(), dt.source_category, gt.source_category, is_crowd.view(np.uint8),
            best[0], values[0], best[1], values[1],
        )

    map_chunks(overlap_chunk, chunks_by_work(dt_starts), threads)
    return Detail(thresholds=positions, taken=outcome.taken, similarity=outcome.similarity, best_same=best[0],
                  best_same_similarity=values[0], best_other=best[1], best_other_similarity=values[1])
