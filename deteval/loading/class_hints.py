"""Hints from what confident detections overlap: class ids that join, and mean other classes.

Ids that are shifted by one, or classes in another order, may all exist in the ground truth: nothing is unknown then,
and AP is near 0. The boxes tell.
"""

from collections import Counter

import numpy as np

from deteval.kernels.similarity import KINDS, best_overlaps
from deteval.loading.join import UNKNOWN, is_text, positions
from deteval.records.dataset import Detections, GroundTruth, Positions
from deteval.records.findings import Finding
from deteval.records.reading import COCO_80_TO_91

SAMPLE = 2000
"""The detections of highest score that are looked at."""
OVERLAP = 0.5
ENOUGH = 20
"""Fewer overlapping pairs than this prove nothing."""
RARELY, MOSTLY = 0.2, 0.8


def class_hints(file: str, ground_truth: GroundTruth, detections: Detections) -> list[Finding]:
    """Whether the classes of the most confident detections are those of the objects that they lie on."""
    predicted, actual = _overlapping_classes(ground_truth, detections)
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


def _overlapping_classes(ground_truth: GroundTruth, detections: Detections) -> tuple[Positions, Positions]:
    """Classes of the most confident detections that lie on an object, and of those objects."""
    rows = np.arange(len(detections))
    if len(rows) > SAMPLE:
        rows = np.argpartition(-detections.scores, SAMPLE)[:SAMPLE]
    images = np.unique(detections.image[rows])
    truths = np.flatnonzero(np.isin(ground_truth.image, images))
    rows = rows[np.argsort(detections.image[rows], kind="stable")]
    truths = truths[np.argsort(ground_truth.image[truths], kind="stable")]
    edges = np.append(images, len(ground_truth.images))
    best, overlap = np.full(len(rows), UNKNOWN, np.int64), np.full(len(rows), np.nan)
    best_overlaps(
        KINDS["iou"], 0, len(images),
        np.searchsorted(detections.image[rows], edges).astype(np.int64), np.arange(len(rows)),
        np.searchsorted(ground_truth.image[truths], edges).astype(np.int64), np.arange(len(truths)),
        detections.boxes[rows].ravel(), ground_truth.boxes[truths].ravel(),
        np.zeros(len(rows), np.int32), np.zeros(len(truths), np.int32),  # all one class: the best of any
        ground_truth.is_crowd[truths].view(np.uint8), best, overlap, best.copy(), overlap.copy(),
    )
    on_object = np.flatnonzero((best != UNKNOWN) & (overlap >= OVERLAP))
    return detections.category[rows[on_object]], ground_truth.category[truths[best[on_object]]]
