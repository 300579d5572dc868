"""What must hold of evidence from a file before kernels, which check nothing, may walk over it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deteval.records.dataset import Bools, Ids, Positions
from deteval.records.evidence import Detail, Evidence, Words


def problem_of(evidence: Evidence) -> str:
    """What contradicts itself, in words; empty if nothing does."""
    return next(_problems(evidence), "")


def _problems(evidence: Evidence) -> Iterator[str]:
    images, categories, params = evidence.images, evidence.categories, evidence.params
    rows, gt_rows = len(evidence.image), len(evidence.gt_image)
    words = (len(params.areas), (len(params.iou) + 31) // 32)
    shapes: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(("image", "category", "rank", "scores", "row"), (rows,)),
        **dict.fromkeys(("gt_image", "gt_category", "gt_row"), (gt_rows,)),
        "true_positive": (rows, *words), "ignored": (rows, *words), "found": (gt_rows, *words),
        "gt_ignored": (gt_rows, len(params.areas)),
    }
    yield from _wrong_shapes(evidence, shapes)
    sizes = [len(images.ids), len(images.file_names), len(images.width), len(images.height),
             *map(len, images.fields.values())]
    one_column = images.width.ndim == images.height.ndim == 1
    if len(set(sizes)) > 1 or not one_column or not _ascending(images.ids) \
            or np.isinf(images.width).any() or np.isinf(images.height).any():
        yield "its images do not fit together"
    if len(categories.ids) != len(categories.names) or not _ascending(categories.ids):
        yield "its classes do not fit together"
    for name, image, category in (("detections", evidence.image, evidence.category),
                                  ("ground truths", evidence.gt_image, evidence.gt_category)):
        if not (_within(image, 0, len(images)) and _within(category, 0, len(categories))):
            yield f"its {name} refer to images or classes that it does not hold"
        if not _sorted(category, image):
            yield f"its {name} are not in order"
    if not (_within(evidence.row, 0, 2**62) and _within(evidence.gt_row, 0, 2**62)
            and np.isfinite(evidence.scores).all()):
        yield "its rows or scores are none"
    begins = _begins(evidence)
    if not _ranked(evidence, begins):
        yield "its ranks do not count the scores of an image and class down"
    if any(_bits_beyond(words, len(params.iou)) for words in
           (evidence.true_positive, evidence.ignored, evidence.found)):
        yield "it is marked at thresholds that it does not have"
    if (evidence.true_positive & evidence.ignored).any():
        yield "a detection is both a true positive and ignored"
    if _more_hits_than_objects(evidence, begins):
        yield "it has more true positives than ground truths"
    if evidence.detail is not None:
        yield from _detail_problems(evidence.detail, rows, gt_rows, len(params.iou))


def _begins(evidence: Evidence) -> Bools:
    """Whether a detection is the first of its class and image, shape (detections,)."""
    begins = np.ones(len(evidence), np.bool_)
    begins[1:] = (evidence.category[1:] != evidence.category[:-1]) | (evidence.image[1:] != evidence.image[:-1])
    return begins


def _ranked(evidence: Evidence, begins: Bools) -> bool:
    """Whether ranks count from 0 within each class and image, and scores do not rise."""
    rank, scores = evidence.rank, evidence.scores
    follows = (rank[1:] == rank[:-1] + 1) & (scores[1:] <= scores[:-1])
    return not (rank[begins] != 0).any() and bool((begins[1:] | follows).all())


def _bits_beyond(words: Words, thresholds: int) -> bool:
    """Whether the last word has bits that stand for no threshold."""
    used = thresholds % 32
    return used > 0 and bool((words[..., -1] >> np.uint32(used)).any())


def _more_hits_than_objects(evidence: Evidence, begins: Bools) -> bool:
    """Whether some class has more true positives on an image than objects that count: kernels make room for as many."""
    n_images = len(evidence.images)
    rows = np.flatnonzero(evidence.true_positive.any(axis=(1, 2)))
    words, group = evidence.true_positive[rows], np.cumsum(begins)[rows] - 1
    key = evidence.category[begins].astype(np.int64) * n_images + evidence.image[begins]
    gt_key = evidence.gt_category.astype(np.int64) * n_images + evidence.gt_image
    for area in range(len(evidence.params.areas)):
        counting = gt_key[~evidence.gt_ignored[:, area]]
        objects = np.searchsorted(counting, key, "right") - np.searchsorted(counting, key, "left")
        for threshold in range(len(evidence.params.iou)):
            hit = (words[:, area, threshold >> 5] >> np.uint32(threshold & 31)) & 1 == 1
            if (np.bincount(group[hit], minlength=len(key)) > objects).any():
                return True
    return False


def _detail_problems(detail: Detail, rows: int, gt_rows: int, thresholds: int) -> Iterator[str]:
    table, column = (rows, len(detail.thresholds)), (rows,)
    yield from _wrong_shapes(detail, {"taken": table, "similarity": table,
                                      **dict.fromkeys(("best_same", "best_same_similarity", "best_other",
                                                       "best_other_similarity"), column)})
    if not all(0 <= position < thresholds for position in detail.thresholds):
        yield "its detail table is at thresholds that it does not have"
    if not all(_within(rows, -1, gt_rows) for rows in (detail.taken, detail.best_same, detail.best_other)):
        yield "its detail table refers to ground truths that it does not hold"


def _wrong_shapes(record: object, shapes: dict[str, tuple[int, ...]]) -> Iterator[str]:
    for name, shape in shapes.items():
        found = getattr(record, name).shape
        if found != shape:
            yield f"{name} has shape {found}, {shape} is needed"


def _within(values: NDArray[Any], low: int, high: int) -> bool:
    """Whether all values are at least `low` and below `high`."""
    return not values.size or (int(values.min()) >= low and int(values.max()) < high)


def _ascending(ids: Ids) -> bool:
    return ids.ndim == 1 and bool((ids[1:] > ids[:-1]).all())


def _sorted(category: Positions, image: Positions) -> bool:
    """Whether rows are by class, then image."""
    same = category[1:] == category[:-1]
    return bool(((category[1:] > category[:-1]) | (same & (image[1:] >= image[:-1]))).all())
