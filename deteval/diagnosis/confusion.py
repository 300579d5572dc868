"""The confusion matrix of a run: ground truths paired with kept detections, whatever their classes."""

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from deteval.grouping import chunks_by_work, counting_order, gather, sort_groups
from deteval.kernels import confusion as kernels
from deteval.kernels.matching import ALMOST_ONE
from deteval.kernels.similarity import KINDS
from deteval.records.categories import cuts_by_class, select_categories
from deteval.records.confusion import Confusion
from deteval.records.dataset import Categories, Floats, Ints, Positions
from deteval.records.evidence import Evidence
from deteval.records.numbers import number_text
from deteval.records.params import AreaRange, Params, find_threshold
from deteval.records.run import Boxes, places_of
from deteval.threads import available_threads, map_chunks

EVERY_SCORE = "every score"


class _Side(Struct, frozen=True):
    """Boxes image by image, detections by descending score; order: their rows in the evidence, or among those kept.

    starts: where each image begins, (images + 1,).
    """

    order: Ints
    starts: Ints
    category: Positions
    boxes: Floats


def confuse(evidence: Evidence, boxes: Boxes, iou: float = 0.5, *, cut: float | None = None, cut_text: str = "",
            threads: int | None = None) -> Confusion:
    """Which classes are taken for which at one IoU threshold of the run, from detections at or above a score.

    Pairs of one image that reach the threshold are taken one to one: by descending similarity, of equals those of the
    same class first, then the higher score, then the order of the evidence. Ground truths that are ignored in the first
    area range come last and absorb detections of their own class only, a crowd any number; those are left out, as is
    a detection without a pair whose own area lies outside that range. A class-agnostic run gets its classes back.
    cut_text: the cut in words. Memory: 60 bytes per kept detection, 40 per pair on the richest image and thread.
    Errors: `DetevalError` (usage) for a threshold that the run lacks, or boxes of another run.
    """
    params, threads = evidence.params, available_threads() if threads is None else threads
    position = find_threshold(params, iou, "confusion")
    kept = evidence.rank < params.max_dets[-1]
    rows = np.flatnonzero(kept if cut is None else kept & (evidence.scores >= cut))
    places = places_of(boxes.detections, evidence.row[rows], "detections")
    gt_places = places_of(boxes.ground_truth, evidence.gt_row, "ground truth")
    categories, category, gt_category = _classes(evidence, boxes, rows, places, gt_places)
    images = len(evidence.images)
    found = _side(evidence.image[rows], category, boxes.detections.boxes, places, images, evidence.scores[rows],
                  threads)
    truth = _side(evidence.gt_image, gt_category, boxes.ground_truth.boxes, gt_places, images, None, threads)
    ignored = evidence.gt_ignored[truth.order, 0]
    taken = _pair(found, truth, ignored, boxes.ground_truth.is_crowd[gt_places[truth.order]],
                  KINDS[params.similarity], min(params.iou[position], ALMOST_ONE), threads)
    cells, left_out = _tally(found, truth, ignored, taken, params.areas[0], len(categories))
    filled = np.flatnonzero(cells)
    return Confusion(
        iou=params.iou[position], area=params.areas[0].name, max_dets=params.max_dets[-1], categories=categories,
        cut=cut_text or (EVERY_SCORE if cut is None else f"scores of {number_text(cut)} and above"),
        truth=filled // (len(categories) + 1), predicted=filled % (len(categories) + 1), count=cells[filled],
        left_out=left_out, min_score=_min_score(params, boxes.ground_truth.categories, cut))


def _min_score(params: Params, categories: Categories, cut: float | None) -> float | dict[str, float | None] | None:
    """From which score on detections are kept; by class name under operating points, None for a class without any.

    categories: all that the ground truth has.
    """
    least = max((one for one in (params.min_score, cut) if one is not None), default=None)
    if params.operating_points is None:
        return least
    chosen, position = select_categories(categories, replace(params, class_agnostic=False))
    cuts = cuts_by_class(params.operating_points, categories, position >= 0)[position >= 0].tolist()
    return {name: None if own == np.inf else own if least is None else max(own, least)
            for name, own in zip(chosen.names, cuts, strict=True)}


def _classes(evidence: Evidence, boxes: Boxes, rows: Ints, places: Ints, gt_places: Ints,
             ) -> tuple[Categories, Positions, Positions]:
    """The classes, and those of the kept detections and the ground truths: a class-agnostic run's are read anew."""
    if not evidence.params.class_agnostic:
        return evidence.categories, evidence.category[rows], evidence.gt_category
    truth = boxes.ground_truth
    categories, position = select_categories(truth.categories, replace(evidence.params, class_agnostic=False))
    return categories, position[boxes.detections.category[places]], position[truth.category[gt_places]]


def _side(image: Positions, category: Positions, boxes: Floats, places: Ints, images: int, scores: Floats | None,
          threads: int) -> _Side:
    """Rows brought into order; scores: None to keep theirs within an image."""
    order, starts = counting_order(image, images)
    if scores is not None:
        sort_groups(starts, scores, order, threads)
    return _Side(order, starts, category[order], gather(boxes, places[order], threads))


def _pair(found: _Side, truth: _Side, ignored: NDArray[np.bool_], is_crowd: NDArray[np.bool_], kind: int,
          threshold: float, threads: int) -> Ints:
    """The place in `truth` of the ground truth that each detection takes, -1 for none."""
    taken = np.full(len(found.order), -1, np.int64)
    taken_by = np.full(len(truth.order), -1, np.int64)
    pairs = np.empty(kernels.KINDS_OF_PAIRS * (len(found.starts) - 1), np.int64)
    given = (found.starts, truth.starts, found.boxes.ravel(), truth.boxes.ravel(), found.category, truth.category,
             ignored.view(np.uint8), is_crowd.view(np.uint8), pairs)

    def pair_chunk(chunk: tuple[int, int]) -> None:
        most = kernels.count_pairs(kind, *chunk, threshold, *given)
        detection, ground_truth, order, scratch = (np.empty(most, np.int64) for _ in range(4))
        kernels.take_pairs(kind, *chunk, threshold, *given, detection, ground_truth, np.empty(most), order, scratch,
                           taken, taken_by)

    work = np.diff(found.starts) * (np.diff(truth.starts) + 1)
    map_chunks(pair_chunk, chunks_by_work(np.concatenate([[0], np.cumsum(work)])), threads)
    return taken


def _tally(found: _Side, truth: _Side, ignored: NDArray[np.bool_], taken: Ints, area: AreaRange, classes: int,
           ) -> tuple[Ints, Ints]:
    """Counts of all cells, flat, (classes + 1) x (classes + 1), background last; and what is left out of each class."""
    background, width = classes, classes + 1
    paired = taken >= 0
    absorbed = np.zeros(len(taken), bool)
    absorbed[paired] = ignored[taken[paired]]
    sizes = found.boxes[:, 2] * found.boxes[:, 3]
    left_out = absorbed | (~paired & ((sizes < area.low) | (sizes > area.high)))
    label = np.full(len(taken), background, np.int64)
    label[paired] = truth.category[taken[paired]]
    cells = np.bincount((label * width + found.category)[~left_out], minlength=width * width)
    missed = ~ignored
    missed[taken[paired]] = False
    cells += np.bincount(truth.category[missed].astype(np.int64) * width + background, minlength=width * width)
    return cells, np.bincount(found.category[left_out], minlength=classes)
