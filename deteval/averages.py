"""Means over classes and thresholds: from counts and precisions to one number, in one order of summation.

Scores and sweeps end here, so that equal counts give equal bits.
"""

import numpy as np
from msgspec import Struct

from deteval.records.dataset import Floats, Ints
from deteval.records.metric import Metric


class Counts(Struct, frozen=True):
    """Outcomes per class at one area range, cap and score cut.

    true_positives, false_positives: shape (classes, thresholds), of the run's thresholds. positives: ground truths
    that are not ignored, shape (classes,).
    """

    true_positives: Ints
    false_positives: Ints
    positives: Ints


def average_precision(block: Floats) -> tuple[float, Floats]:
    """From interpolated precision of shape (classes, thresholds, recall points), -1 where undefined: the mean over
    the defined cells of [T, R, K] in that order, as the reference sums them; and per class."""
    cells = np.ascontiguousarray(block.transpose(1, 2, 0))
    defined = cells[cells > -1]
    per_class = np.ascontiguousarray(block).reshape(len(block), -1)
    classes = np.where(per_class[:, 0] > -1, per_class.mean(axis=1), np.nan)
    return (float(np.mean(defined)) if defined.size else np.nan), classes


def recall_of(counts: Counts) -> Floats:
    """True positives over positives, NaN for a class without positives; shape (classes, thresholds)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = counts.true_positives / counts.positives[:, None]
    return np.where(counts.positives[:, None] > 0, recall, np.nan)


def average_recall(recall: Floats) -> tuple[float, Floats]:
    """From recall of shape (classes, thresholds): the mean over the defined cells of [T, K]; and per class."""
    cells = np.ascontiguousarray(recall.T)
    defined = cells[~np.isnan(cells)]
    classes = np.ascontiguousarray(recall).mean(axis=1)
    return (float(np.mean(defined)) if defined.size else np.nan), classes


def counted(metric: Metric, counts: Counts, wanted: list[int]) -> tuple[float, Floats]:
    """Precision, recall or F1: the mean over some thresholds; macro over classes with ground truth, or pooled; and per
    class."""
    hits, misses = counts.true_positives[:, wanted], counts.false_positives[:, wanted]
    classes = ratio(metric.kind, hits, misses, counts.positives[:, None]).mean(axis=1)
    if metric.micro:
        pooled = ratio(metric.kind, hits.sum(0), misses.sum(0), counts.positives.sum()[None])
        return float(pooled.mean()), classes
    with_truth = classes[counts.positives > 0]
    return (float(with_truth.mean()) if with_truth.size else np.nan), classes


def ratio(kind: str, hits: Ints | Floats, misses: Ints | Floats, positives: Ints | Floats) -> Floats:
    """Precision, recall or F1 from counts. Nothing kept: precision 0 if there is ground truth, else undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "precision":
            value = np.where(hits + misses > 0, hits / (hits + misses), np.where(positives > 0, 0.0, np.nan))
        elif kind == "recall":
            value = np.where(positives > 0, hits / positives, np.nan)
        else:
            value = 2.0 * hits / (hits + misses + positives)  # 0/0 is NaN
    return value
