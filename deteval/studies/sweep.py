"""Sweep: every point of a grid of settings, each bit-equal to a score run of its own, matched as rarely as can be."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from msgspec.structs import replace

from deteval.best_points import best_point
from deteval.cuts import Descending, descend, measure_cuts, tied_rows
from deteval.errors import DetevalError, usage_error
from deteval.evaluation import match
from deteval.fingerprint import fingerprint
from deteval.measures import class_position
from deteval.records.categories import cuts_by_class, select_categories
from deteval.records.dataset import Detections, Floats, GroundTruth, Ints, take_images
from deteval.records.findings import Finding, cut_by_cap, images_without_detections, many_ties
from deteval.records.metric import Metric, resolve
from deteval.records.params import AreaRange, Params
from deteval.records.sweep import COSTLY, Best, ModelSweep, Plan, Sweep, Undefined, WithoutBest
from deteval.records.sweep_cells import CELL_AXES, Place, Wanted, check_points, wanted_at
from deteval.records.sweep_matches import Batch, area_settings, batches, bounds, iou_settings, matches
from deteval.runs import versions
from deteval.scoring import MANY_TIES
from deteval.threads import available_threads

Progress = Callable[[float], None]
Source = Detections | Callable[[], Detections]
"""The detections of a model, or what loads them once it is their turn, so that only one model is in memory."""


def sweep(
    ground_truth: GroundTruth,
    models: Mapping[str, Source],
    plan: Plan,
    *,
    images: Sequence[int] | Ints | None = None,
    threads: int | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Measure every point of a plan for every model.

    models: by name. images: positions of the images to score. reading: reading options by name, as given, for reports.
    progress: gets the share done, 0 to 1. Errors: `DetevalError`, usage for settings, metrics or classes that do not
    exist at some point, found before anything is matched; input if no metric is defined anywhere.
    """
    if not models:
        raise usage_error("sweep: at least one model is needed")
    check_points(plan)
    check_classes(plan, ground_truth)
    threads = available_threads() if threads is None else threads
    found = []
    for number, (name, source) in enumerate(models.items()):
        def report(share: float, before: int = number) -> None:
            if progress is not None:
                progress((before + share) / len(models))

        detections = source() if callable(source) else source
        found.append(_sweep_model(name, ground_truth, detections, plan, images, threads, report))
        del detections
    undefined = _undefined(found, plan, ground_truth, images)
    if len(undefined) == len(plan.metrics) and all(one.points == plan.points * len(found)
                                                   for one in undefined.values()):
        raise DetevalError(f"every metric is undefined at every point: {next(iter(undefined.values())).reason} "
                           "[nothing-evaluable]")
    points = [] if plan.objective is None else [best_point(model, plan, plan.objective) for model in found]
    return Sweep(plan=plan, models=tuple(found), best=tuple(one for one in points if isinstance(one, Best)),
                 without_best=tuple(one for one in points if isinstance(one, WithoutBest)), undefined=undefined,
                 matches=matches(plan), versions=versions(), reading=dict(reading or {}))


def check_classes(plan: Plan, ground_truth: GroundTruth) -> None:
    """Refuse (usage) classes of settings, score cuts and metrics that the ground truth lacks at some point."""
    names = ("class_agnostic", "classes", "operating_points")
    for position in _costly_positions(plan, names):
        try:
            _check_classes_at(plan.params(position), plan.metrics, ground_truth)
        except DetevalError as error:
            there = plan.words(position, names)
            raise usage_error(f"{error}; at the point {there}" if there else str(error)) from None


def _check_classes_at(params: Params, metrics: Sequence[Metric], ground_truth: GroundTruth) -> None:
    try:
        categories, place = select_categories(ground_truth.categories, params)
    except DetevalError as error:
        raise usage_error(f"classes: {error}") from None
    if params.operating_points is not None:
        cuts_by_class(params.operating_points, ground_truth.categories, place >= 0)
    for metric in metrics:
        if metric.category is not None:
            try:
                class_position(metric, categories)
            except DetevalError as error:
                begin = f"metric {str(metric)!r}: "
                raise usage_error(str(error) if str(error).startswith(begin) else f"{begin}{error}") from None


def _costly_positions(plan: Plan, names: Sequence[str] = COSTLY) -> list[tuple[int, ...]]:
    """All positions on the axes of these names; the first on the others."""
    return list(product(*(range(len(axis)) if axis.name in names else (0,) for axis in plan.axes)))


def _sweep_model(name: str, ground_truth: GroundTruth, detections: Detections, plan: Plan,
                 images: Sequence[int] | Ints | None, threads: int, report: Progress) -> ModelSweep:
    values = np.full((*plan.shape, len(plan.metrics)), np.nan)
    steps = list(product(_costly_positions(plan), batches(plan)))
    found = _without_detections(ground_truth, detections, plan, images)
    for number, (position, batch) in enumerate(steps):
        def step(share: float, before: int = number) -> None:
            report((before + share) / len(steps))

        rows = descend(match(ground_truth, detections, _union(plan, position, batch), images=images, threads=threads),
                       threads)
        if not number:
            found = [*_odd(rows, max(cap for caps in _caps(plan) for cap in caps)), *found]
        _cut(rows, plan, position, batch, values, step)
        del rows
    covered = None if images is None else take_images(ground_truth.images, np.unique(np.asarray(images, np.int64)))
    return ModelSweep(
        name=name, values=values, inputs=(*detections.inputs, *ground_truth.inputs),
        findings=(*ground_truth.findings, *detections.findings, *found),
        fingerprint=fingerprint(ground_truth, covered, threads),
    )


def _without_detections(ground_truth: GroundTruth, detections: Detections, plan: Plan,
                        images: Sequence[int] | Ints | None) -> list[Finding]:
    """Images with ground truth on which nothing was detected, whatever the score cuts of the grid leave there."""
    if not len(detections):
        return []  # which is a finding of loading
    with_truth = np.zeros(len(ground_truth.images), bool)
    scored = select_categories(ground_truth.categories, plan.base)[1] >= 0
    with_truth[ground_truth.image[scored[ground_truth.category]]] = True
    with_truth[detections.image[scored[detections.category]]] = False
    if images is not None:
        with_truth &= np.isin(np.arange(len(with_truth)), np.asarray(images))
    count = int(with_truth.sum())
    return [images_without_detections(count, str(ground_truth.images.ids[int(np.argmax(with_truth))]))] if count else []


def _odd(rows: Descending, cap: int) -> list[Finding]:
    """What a score run finds odd about what is matched, at the first value of every costly axis."""
    tied, beyond = tied_rows(rows), int((rows.rank >= cap).sum())
    return [*([many_ties(tied, len(rows.scores))] if tied > MANY_TIES * len(rows.scores) else []),
            *([cut_by_cap(beyond, cap)] if beyond else [])]


def _cut(rows: Descending, plan: Plan, position: tuple[int, ...], batch: Batch, values: Floats, report: Progress,
         ) -> None:
    """Write all that is cut from one match."""
    cuts = _score_cuts(plan)
    caps = plan.axis("max_dets")
    wanted: dict[Wanted, list[tuple[Place, int]]] = {}
    for place in product(batch.iou, batch.area, range(1 if caps is None else len(caps))):
        for metric, one in enumerate(wanted_at(plan, place)):
            wanted.setdefault(one, []).append((place, metric))
    measured = measure_cuts(rows, list(wanted), cuts, report)
    for of_cuts, places in zip(measured, wanted.values(), strict=True):
        for place, metric in places:
            chosen = dict(zip(CELL_AXES, place, strict=True))
            point = tuple(slice(None) if axis.name == "min_score" else chosen.get(axis.name, here)
                          for axis, here in zip(plan.axes, position, strict=True))
            values[(*point, metric)] = of_cuts if plan.axis("min_score") else of_cuts[0]


def _score_cuts(plan: Plan) -> list[float]:
    """The score cut at every position of its axis, -inf for none."""
    axis = plan.axis("min_score")
    return [-np.inf if cut is None else float(cut) for cut in ([plan.base.min_score] if axis is None else axis.values)]


def _caps(plan: Plan) -> Sequence[tuple[int, ...]]:
    """The caps at every position of their axis."""
    axis = plan.axis("max_dets")
    return (plan.base.max_dets,) if axis is None else axis.values


def _union(plan: Plan, position: tuple[int, ...], batch: Batch) -> Params:
    """The settings of the match that a batch is cut from: all thresholds, area ranges and caps, the lowest score."""
    params = plan.params(position)
    thresholds = sorted({threshold for i in batch.iou for threshold in iou_settings(plan)[i]})
    ranges = sorted({pair for i in batch.area for pair in bounds(area_settings(plan)[i])})
    lowest = min(_score_cuts(plan))
    return replace(
        params, iou=tuple(thresholds), areas=tuple(AreaRange(str(i), *pair) for i, pair in enumerate(ranges)),
        max_dets=tuple(sorted({cap for caps in _caps(plan) for cap in caps})),
        min_score=None if lowest == -np.inf else lowest,
    )


def _undefined(models: Sequence[ModelSweep], plan: Plan, ground_truth: GroundTruth,
               images: Sequence[int] | Ints | None) -> dict[str, Undefined]:
    """By metric, where it is undefined, and why at the first such point."""
    found = {}
    for column, metric in enumerate(plan.metrics):
        missing = [np.argwhere(np.isnan(model.values[..., column])) for model in models]
        points = sum(map(len, missing))
        if points:
            position = tuple(next(where[0] for where in missing if len(where)).tolist())
            found[str(metric)] = Undefined(points, _reason(plan, column, position, ground_truth, images))
    return found


def _reason(plan: Plan, column: int, position: tuple[int, ...], ground_truth: GroundTruth,
            images: Sequence[int] | Ints | None) -> str:
    """Why a metric is undefined at a point, in the words of a score run."""
    params, metric = plan.params(position), plan.metrics[column]
    scored = select_categories(ground_truth.categories, params)[1][ground_truth.category] >= 0
    if images is not None:
        scored &= np.isin(ground_truth.image, np.asarray(images))
    if not scored.any():
        return "the ground truth holds no object of the images and classes scored"
    who = "no class has" if metric.category is None else f"class {metric.category} has no"
    return f"{who} ground truth that counts in area range {params.areas[resolve(metric, params).area].name}"
