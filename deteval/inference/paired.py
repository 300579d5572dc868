"""Two models on the same draws of images: what is known of their difference."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from deteval.inference.judgement import Differences, judge, obstacles, subtract, unjudged
from deteval.inference.support import class_support, metric_units
from deteval.inference.weights import draw_weights
from deteval.kernels.lanes import LANES
from deteval.measures import Measurement, Ranked, measure
from deteval.records.dataset import Categories, Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.metric import Metric
from deteval.records.resampling import ClassEstimate, Estimate, Resampling, Units
from deteval.replicates import Replicates, replicate

WEIGHTS_AT_ONCE = 1 << 27
"""Bytes of weights that are drawn before the models are measured under them."""


class Paired(Struct, frozen=True):
    """Two models measured under the same weights. resampling: None if there are no replicates.

    base, new: the exact values: `values` of shape (metrics,), `classes` of (class metrics, classes). *_replicates:
    the same under every draw, (replicates, ...). metric_units: independent units behind each metric, (metrics,). n_gt,
    n_images, n_units: ground truths that count, and the images and units that hold them, (class metrics, classes).
    """

    metrics: tuple[Metric, ...]
    class_metrics: tuple[Metric, ...]
    base: Measurement
    new: Measurement
    base_replicates: Replicates
    new_replicates: Replicates
    units: Units
    resampling: Resampling | None
    categories: Categories
    metric_units: Ints
    n_gt: Ints
    n_images: Ints
    n_units: Ints


def measure_pairs(
    base: Evidence, news: Sequence[Evidence], metrics: Sequence[Metric], class_metrics: Sequence[Metric],
    resampling: Resampling | None, units: Units, threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Paired]:
    """Measure each model in `news` and the base under the same draws; the base once. resampling: None to draw nothing.

    base, news: evidence on the same ground truth under the same settings. units: see `weights.image_units` and
    `weights.cluster_units`. progress: called with the share done, up to 1. The same bits for every number of threads.
    Memory: 8 bytes per model, replicate, and metric or class of a class metric; at most 128 MiB of weights, or one
    block of them.
    """
    models = [Ranked(evidence, threads) for evidence in (base, *news)]
    metrics, class_metrics = tuple(metrics), tuple(class_metrics)
    points = [_measure_once(model, metrics, class_metrics) for model in models]
    drawn = _replicate_all(models, metrics, class_metrics, resampling, units, threads, progress)
    n_gt, n_images, n_units = class_support(base, class_metrics, units)
    return [
        Paired(metrics=metrics, class_metrics=class_metrics, base=points[0], new=points[i],
               base_replicates=drawn[0], new_replicates=drawn[i], units=units, resampling=resampling,
               categories=base.categories, metric_units=metric_units(base, metrics, units),
               n_gt=n_gt, n_images=n_images, n_units=n_units)
        for i in range(1, len(models))
    ]


def _measure_once(model: Ranked, metrics: tuple[Metric, ...], class_metrics: tuple[Metric, ...]) -> Measurement:
    measured = measure((*metrics, *class_metrics), model)
    return Measurement(measured.values[: len(metrics)], measured.classes[len(metrics) :])


def _replicate_all(
    models: Sequence[Ranked], metrics: tuple[Metric, ...], class_metrics: tuple[Metric, ...],
    resampling: Resampling | None, units: Units, threads: int | None, progress: Callable[[float], None] | None,
) -> list[Replicates]:
    """Every model under all draws, a batch of blocks after the other."""
    images, classes = len(models[0].evidence.images), len(models[0].evidence.categories)
    replicates, seed = (0, 0) if resampling is None else (resampling.replicates, resampling.seed)
    blocks = -(-replicates // LANES)
    batch = max(1, WEIGHTS_AT_ONCE // max(1, images * LANES))
    drawn = [Replicates(np.empty((replicates, len(metrics))), np.empty((replicates, len(class_metrics), classes)))
             for _ in models]
    passed = 0
    for first in range(0, blocks, batch):
        rows = slice(first * LANES, min((first + batch) * LANES, replicates))
        weights = draw_weights(units, images, rows.stop - rows.start, seed, first_block=first)
        for model, kept in zip(models, drawn, strict=True):
            def report(done: int, before: int = passed) -> None:
                if progress is not None:
                    progress((before + done) / (blocks * len(models)))

            part = replicate(model, metrics, class_metrics, weights, threads, report)
            kept.values[rows] = part.values[: rows.stop - rows.start]  # lanes that were not asked for are cut
            kept.classes[rows] = part.classes[: rows.stop - rows.start]
            passed += len(weights)
    return drawn


def estimate(paired: Paired, metric: Metric) -> Estimate:
    """The difference of one of the metrics that were measured, over all classes or of the one class it names."""
    place = paired.metrics.index(metric)
    columns = _differences(paired, "values", np.s_[place : place + 1], paired.metric_units[place : place + 1])
    if paired.resampling is None:
        judged = unjudged(columns)
    else:
        judged = judge(columns, obstacles(columns, paired.units), paired.resampling, family=False)
    return columns.estimates(str(metric), judged)[0]


def estimate_classes(paired: Paired, metric: Metric, chosen: Sequence[int] | None = None, min_gt: int = 0,
                     ) -> tuple[ClassEstimate, ...]:
    """The differences of one of the class metrics that were measured, of all classes or of those at `chosen` positions.

    They are one family, which shares alpha as `resampling.correct` says. Classes with fewer than min_gt ground truths,
    or on too few images (or clusters), are listed with the reason and take no part in it.
    """
    place = paired.class_metrics.index(metric)
    positions = np.arange(len(paired.categories)) if chosen is None else np.array(chosen, np.int64).reshape(-1)
    columns = _differences(paired, "classes", (place, positions), paired.n_units[place, positions])
    n_gt, n_images = paired.n_gt[place, positions].tolist(), paired.n_images[place, positions].tolist()
    reasons = [why or (f"fewer ground truths than asked for ({count:,} of {min_gt:,})" if count < min_gt else "")
               for why, count in zip(obstacles(columns, paired.units), n_gt, strict=True)]
    judged = unjudged(columns) if paired.resampling is None else judge(columns, reasons, paired.resampling, family=True)
    ids = [key if isinstance(key, str) else int(key) for key in paired.categories.ids[positions]]
    return tuple(
        ClassEstimate(id=ids[i], name=paired.categories.names[k], n_gt=n_gt[i], n_images=n_images[i], estimate=found)
        for i, (k, found) in enumerate(zip(positions.tolist(), columns.estimates(str(metric), judged),
                                               strict=True))
    )


def _differences(paired: Paired, part: str, where: Any, units: Ints) -> Differences:
    """Columns of `values` or `classes`; where: an index into what a single measurement holds."""
    def columns(measured: Measurement | Replicates) -> Floats:
        chosen: Floats = getattr(measured, part)[where]
        return chosen

    def rows(drawn: Replicates) -> Floats:
        chosen: Floats = getattr(drawn, part)[(slice(None), *(where if isinstance(where, tuple) else (where,)))]
        return chosen

    base, new = columns(paired.base), columns(paired.new)
    return Differences(base=base, new=new, difference=subtract(base, new),
                       replicates=subtract(rows(paired.base_replicates), rows(paired.new_replicates)), units=units)
