"""Hints from what confident detections overlap: nothing, or objects of other classes.

Ids that are shifted by one, or classes in another order, may all exist in the ground truth: nothing is unknown then,
and AP is near 0. The boxes tell.
"""

from collections import Counter

import numpy as np
from msgspec import Struct

from deteval.grouping import counting_order
from deteval.kernels.similarity import KINDS, best_overlaps
from deteval.loading.join import UNKNOWN, is_text, positions
from deteval.records.dataset import Detections, Floats, GroundTruth, Ints, Positions
from deteval.records.findings import Finding
from deteval.records.reading import COCO_80_TO_91

SAMPLE = 2000
"""The detections of highest score that are looked at."""
OVERLAP = 0.5
TOUCHING, HARDLY = 0.1, 0.05
"""Where fewer than one in twenty detections overlap an object by a tenth, they were made for something else."""
ENOUGH = 20
"""Fewer overlapping pairs than this prove nothing."""
RARELY, MOSTLY = 0.2, 0.8


def overlap_hints(file: str, ground_truth: GroundTruth, detections: Detections, *, mapped: bool) -> list[Finding]:
    """What the most confident detections lie on: hardly anything, or objects of other classes. mapped: a category map
    was asked for, so that classes are as they were meant.
    """
    best = _best_overlaps(ground_truth, detections)
    if len(best.row) < ENOUGH or not len(ground_truth):
        return []
    touching = int((best.overlap >= TOUCHING).sum())
    if touching < HARDLY * len(best.row):
        return [Finding("few-overlaps", len(best.row) - touching,
                        f"{file}: only {touching:,} of the {len(best.row):,} most confident detections overlap an "
                        f"object of their image by {TOUCHING:.0%} or more: is this another data set, another box "
                        "format (--box-format) or another scale?")]
    on_object = best.overlap >= OVERLAP
    if mapped:
        return []
    return _class_hints(file, ground_truth, detections.category[best.row[on_object]], best.category[on_object])


def _class_hints(file: str, ground_truth: GroundTruth, predicted: Positions, actual: Positions) -> list[Finding]:
    """Whether the classes of detections are those of the objects that they lie on."""
    if len(predicted) < ENOUGH or len(ground_truth.categories) < 2:
        return []
    agree = float((predicted == actual).mean())
    if agree >= RARELY:
        return []
    start = (f"{file}: of {len(predicted):,} confident detections that lie on an object only {agree:.0%} have its "
             "class")
    shifts = [(float((mapped == actual).mean()), code, option) for code, option, mapped
              in _shifts(ground_truth, predicted)]
    after, code, option = max(shifts, key=lambda shift: shift[0], default=(0.0, "", ""))  # of equals the first
    if after >= MOSTLY:
        return [Finding(code, len(predicted), f"{start}; with --category-map {option}, {after:.0%}")]
    likely = {one: Counter(actual[predicted == one].tolist()).most_common(1)[0][0] for one in set(predicted.tolist())}
    after = float(np.mean([likely[one] == other for one, other in zip(predicted.tolist(), actual.tolist(),
                                                                      strict=True)]))
    if after < MOSTLY or len(set(likely.values())) < min(2, len(likely)):
        return []
    names = ground_truth.categories.names
    pairs = ", ".join(f"{names[one]} on {names[likely[one]]}" for one, _ in Counter(predicted.tolist()).most_common(3))
    return [Finding("looks-shuffled", len(predicted), f"{start}: {pairs}; are the classes in another order? "
                    "--category-map FILE.yaml maps them")]


def _shifts(ground_truth: GroundTruth, predicted: Positions) -> list[tuple[str, str, Positions]]:
    """Remedies with a name, and the classes that they would make of the predicted ones."""
    ids = ground_truth.categories.ids
    if is_text(ids):
        return []
    given = ids[predicted]
    coco = np.array([COCO_80_TO_91.get(key, -1) for key in given.tolist()], np.int64)
    return [("looks-shifted", "+1", positions(ids, given + 1)), ("looks-shifted", "-1", positions(ids, given - 1)),
            ("looks-80-to-91", "coco80to91", positions(ids, coco))]


class _Best(Struct, frozen=True):
    """Detections, by row, with their IoU to the object of their image that they overlap most, and its class."""

    row: Ints
    overlap: Floats
    category: Positions


def _best_overlaps(ground_truth: GroundTruth, detections: Detections) -> _Best:
    """The most confident detections with what they overlap; IoU 0 and class -1 where that is nothing."""
    rows = np.arange(len(detections))
    if len(rows) > SAMPLE:
        rows = np.argpartition(-detections.scores, SAMPLE)[:SAMPLE]
    images = len(ground_truth.images)
    by_image, starts = counting_order(detections.image[rows], images)
    gt_by_image, gt_starts = counting_order(ground_truth.image, images)
    best, overlap = np.full(len(rows), UNKNOWN, np.int64), np.zeros(len(rows))
    best_overlaps(
        KINDS["iou"], 0, images, starts, by_image, gt_starts, gt_by_image,
        detections.boxes[rows].ravel(), ground_truth.boxes.ravel(),
        np.zeros(len(rows), np.int32), np.zeros(len(ground_truth), np.int32),  # all one class: the best of any
        ground_truth.is_crowd.view(np.uint8), best, overlap, best.copy(), overlap.copy(),
    )
    category = np.full(len(rows), UNKNOWN, np.int32)
    category[best != UNKNOWN] = ground_truth.category[best[best != UNKNOWN]]
    return _Best(rows, overlap, category)
