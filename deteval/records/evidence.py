"""The table of match evidence that every command measures, and its merge."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.errors import usage_error
from deteval.records.dataset import Bools, Categories, Floats, Images, Ints, Positions, take_images
from deteval.records.params import Params, signature

Words = NDArray[np.uint32]


class Detail(Struct, frozen=True):
    """What each detection was matched with, at some IoU thresholds in the first area range.

    thresholds: positions among the run's IoU thresholds. taken: the ground-truth row, -1 for none, shape
    (detections, thresholds); similarity: with it, NaN for none. best_same, best_other: the most similar ground truth
    of those it overlaps, of its own class and of any other (crowds aside), -1 for none, with their similarities; shape
    (detections,).
    """

    thresholds: tuple[int, ...]
    taken: Ints
    similarity: Floats
    best_same: Ints
    best_same_similarity: Floats
    best_other: Ints
    best_other_similarity: Floats


class Evidence(Struct, frozen=True):
    """The outcome of matching: rows of detections and of ground truths, by (category, image), then rank or file order.

    image, category: int32 positions among `images` and `categories`. rank: place by score within image and class,
    from 0; a cap m keeps rank < m, rows beyond the largest cap are listed but were not matched. row: the record's
    index in its file. true_positive, ignored: one bit per IoU threshold, uint32, shape (rows, areas, words); a
    detection with neither bit is a false positive.
    gt_*: the same for ground truth. gt_ignored: crowd, outside the area range or set aside, shape (ground truths,
    areas). found: bits as above; an ignored one that absorbed a detection is marked too, a crowd never is.
    Images without boxes are listed as well. Everything else (counts, cuts, subsets, weights) derives from this.
    """

    params: Params
    images: Images
    categories: Categories
    image: Positions
    category: Positions
    rank: Positions
    scores: Floats
    row: Ints
    true_positive: Words
    ignored: Words
    gt_image: Positions
    gt_category: Positions
    gt_row: Ints
    gt_ignored: Bools
    found: Words
    detail: Detail | None = None

    def __len__(self) -> int:
        return len(self.image)


def class_starts(category: Positions, n_categories: int) -> Ints:
    """Where each class begins among rows sorted by class, shape (classes + 1,)."""
    return np.searchsorted(category, np.arange(n_categories + 1)).astype(np.int64)


def merge(parts: Sequence[Evidence]) -> Evidence:
    """One Evidence from those of disjoint sets of images; any split and any order give the same bits.

    `DetevalError` (usage) if settings or categories differ, or an image stands in two parts. A detail table is kept
    if every part has one.
    """
    if not parts:
        raise usage_error("merge: at least one Evidence is needed")
    _check_mergeable(parts)
    images, positions = _merge_images([part.images for part in parts])
    image = np.concatenate([where[part.image] for where, part in zip(positions, parts, strict=True)])
    gt_image = np.concatenate([where[part.gt_image] for where, part in zip(positions, parts, strict=True)])
    category = np.concatenate([part.category for part in parts])
    gt_category = np.concatenate([part.gt_category for part in parts])
    order = np.lexsort((image, category))  # stable: rank and file order are kept
    gt_order = np.lexsort((gt_image, gt_category))

    def joined(name: str, order: Ints) -> NDArray[Any]:
        column: NDArray[Any] = np.concatenate([getattr(part, name) for part in parts])[order]
        return column

    return Evidence(
        params=parts[0].params, images=images, categories=parts[0].categories,
        image=image[order], category=category[order], rank=joined("rank", order), scores=joined("scores", order),
        row=joined("row", order), true_positive=joined("true_positive", order), ignored=joined("ignored", order),
        gt_image=gt_image[gt_order], gt_category=gt_category[gt_order], gt_row=joined("gt_row", gt_order),
        gt_ignored=joined("gt_ignored", gt_order), found=joined("found", gt_order),
        detail=_merge_details(parts, order, gt_order),
    )


def _check_mergeable(parts: Sequence[Evidence]) -> None:
    first = parts[0]
    for part in parts[1:]:
        if signature(part.params) != signature(first.params):
            raise usage_error(
                f"merge: settings differ: {signature(first.params)} and {signature(part.params)}"
            )
        if part.categories.names != first.categories.names or list(part.categories.ids) != list(first.categories.ids):
            raise usage_error("merge: the parts have different categories")


def _merge_images(parts: Sequence[Images]) -> tuple[Images, list[Positions]]:
    """All images ascending by id, and for each part where its images stand among them."""
    ids = np.concatenate([part.ids for part in parts])
    order = np.argsort(ids, kind="stable")
    ascending = ids[order]
    repeated = np.flatnonzero(ascending[1:] == ascending[:-1])
    if len(repeated):
        raise usage_error(f"merge: image {ascending[repeated[0]]!r} stands in two parts")
    together = Images(
        ids=ids, file_names=tuple(name for part in parts for name in part.file_names),
        width=np.concatenate([part.width for part in parts]), height=np.concatenate([part.height for part in parts]),
        fields={name: tuple(value for part in parts for value in part.fields.get(name, (None,) * len(part)))
                for name in {name: None for part in parts for name in part.fields}},
    )
    where = np.empty(len(ids), np.int32)
    where[order] = np.arange(len(ids), dtype=np.int32)
    return take_images(together, order), list(np.split(where, np.cumsum([len(part) for part in parts])[:-1]))


def _merge_details(parts: Sequence[Evidence], order: Ints, gt_order: Ints) -> Detail | None:
    details = [part.detail for part in parts if part.detail is not None]
    if len(details) < len(parts) or len({detail.thresholds for detail in details}) > 1:
        return None
    new_row = np.empty(len(gt_order) + 1, np.int64)
    new_row[gt_order] = np.arange(len(gt_order))
    new_row[-1] = -1  # where position -1 points
    offsets = np.cumsum([0, *(len(part.gt_image) for part in parts)])

    def moved(name: str) -> Ints:
        columns = [np.where(getattr(detail, name) < 0, -1, getattr(detail, name) + offset)
                   for detail, offset in zip(details, offsets, strict=False)]
        rows: Ints = new_row[np.concatenate(columns)[order]]
        return rows

    similarities = {name: np.concatenate([getattr(detail, name) for detail in details])[order]
                    for name in ("similarity", "best_same_similarity", "best_other_similarity")}
    return Detail(thresholds=details[0].thresholds, taken=moved("taken"), best_same=moved("best_same"),
                  best_other=moved("best_other"), **similarities)
