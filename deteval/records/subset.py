"""The evidence of some of the images, as if only those had been matched."""

from collections.abc import Sequence

import numpy as np

from deteval.errors import usage_error
from deteval.records.dataset import Ints, take_images
from deteval.records.evidence import Detail, Evidence


def restrict(evidence: Evidence, images: Sequence[int] | Ints) -> Evidence:
    """The evidence of some images, given as ascending positions; rows keep their order, positions are renumbered.

    Equal to what matching these images alone gives. Errors: `DetevalError` (usage) for positions that do not ascend or
    do not exist.
    """
    kept = np.asarray(images, np.int64) if len(images) else np.zeros(0, np.int64)
    count = len(evidence.images)
    if len(kept) and (kept[0] < 0 or kept[-1] >= count or (kept[1:] <= kept[:-1]).any()):
        raise usage_error(f"images: ascending positions from 0 to {count - 1:,} are needed, each once")
    position = np.full(count, -1, np.int32)
    position[kept] = np.arange(len(kept), dtype=np.int32)
    rows = np.flatnonzero(position[evidence.image] >= 0)
    gt_rows = np.flatnonzero(position[evidence.gt_image] >= 0)
    return Evidence(
        params=evidence.params, images=take_images(evidence.images, kept), categories=evidence.categories,
        image=position[evidence.image[rows]], category=evidence.category[rows], rank=evidence.rank[rows],
        scores=evidence.scores[rows], row=evidence.row[rows], true_positive=evidence.true_positive[rows],
        ignored=evidence.ignored[rows], gt_image=position[evidence.gt_image[gt_rows]],
        gt_category=evidence.gt_category[gt_rows], gt_row=evidence.gt_row[gt_rows],
        gt_ignored=evidence.gt_ignored[gt_rows], found=evidence.found[gt_rows],
        detail=_restrict_detail(evidence.detail, rows, gt_rows, len(evidence.gt_row)),
    )


def _restrict_detail(detail: Detail | None, rows: Ints, gt_rows: Ints, count: int) -> Detail | None:
    """The detail of some detections; what they refer to stands on their own images, and so is among `gt_rows`."""
    if detail is None:
        return None
    new_row = np.full(count + 1, -1, np.int64)  # the last is where position -1 points
    new_row[gt_rows] = np.arange(len(gt_rows))
    return Detail(
        thresholds=detail.thresholds, taken=new_row[detail.taken[rows]], similarity=detail.similarity[rows],
        best_same=new_row[detail.best_same[rows]], best_same_similarity=detail.best_same_similarity[rows],
        best_other=new_row[detail.best_other[rows]], best_other_similarity=detail.best_other_similarity[rows],
    )
