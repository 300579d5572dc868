"""What stands behind a metric: ground truths that count, and the images and units that hold them."""

from collections.abc import Sequence

import numpy as np

from deteval.measures import find_class
from deteval.records.dataset import Ints
from deteval.records.evidence import Evidence
from deteval.records.metric import Metric, resolve
from deteval.records.resampling import Units


def class_support(evidence: Evidence, metrics: Sequence[Metric], units: Units) -> Ints:
    """Ground truths of every class that count in each metric's area range, their images and their units.

    Shape (3, metrics, classes).
    """
    found = [_count_by_class(evidence, metric, units) for metric in metrics]
    return np.array(found, np.int64).reshape(len(metrics), 3, len(evidence.categories)).transpose(1, 0, 2)


def metric_units(evidence: Evidence, metrics: Sequence[Metric], units: Units) -> Ints:
    """The independent units behind each metric: those that hold a ground truth that counts for it, (metrics,)."""
    found = []
    for metric in metrics:
        if metric.category is not None:
            found.append(_count_by_class(evidence, metric, units)[2, find_class(metric, evidence)])
        else:
            image = evidence.gt_image[_counted(evidence, metric)]
            found.append(len(np.unique(image if units.cluster is None else units.cluster[image])))
    return np.array(found, np.int64)


def _counted(evidence: Evidence, metric: Metric) -> Ints:
    """Rows of the ground truths that are not ignored in the metric's area range."""
    return np.flatnonzero(~evidence.gt_ignored[:, resolve(metric, evidence.params).area])


def _count_by_class(evidence: Evidence, metric: Metric, units: Units) -> Ints:
    """Ground truths, images and units of every class, shape (3, classes)."""
    rows = _counted(evidence, metric)
    category, image = evidence.gt_category[rows].astype(np.int64), evidence.gt_image[rows].astype(np.int64)
    unit = image if units.cluster is None else units.cluster[image].astype(np.int64)
    classes = len(evidence.categories)
    return np.stack([np.bincount(category, minlength=classes), _distinct(category, image, classes),
                     _distinct(category, unit, classes)])


def _distinct(category: Ints, place: Ints, classes: int) -> Ints:
    """At how many different places every class stands."""
    width = int(place.max(initial=0)) + 1
    return np.bincount(np.unique(category * width + place) // width, minlength=classes)
