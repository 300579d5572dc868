"""Sweep: every point of a grid of settings, each bit-equal to a score run of its own, matched as rarely as can be."""

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from msgspec.structs import replace

from deteval.cuts import descend, measure_cuts
from deteval.errors import DetevalError, usage_error
from deteval.evaluation import match
from deteval.fingerprint import fingerprint
from deteval.measures import class_position
from deteval.records.categories import cuts_by_class, select_categories
from deteval.records.dataset import Detections, Floats, GroundTruth, Ints, take_images
from deteval.records.metric import Metric, resolve
from deteval.records.params import AreaRange, Params
from deteval.records.sweep import COSTLY, FLAT, Best, ModelSweep, Objective, Plan, Sweep, Undefined
from deteval.records.sweep_cells import CELL_AXES, Place, Wanted, check_points, wanted_at
from deteval.records.sweep_matches import Batch, area_settings, batches, bounds, iou_settings, matches
from deteval.threads import available_threads
from deteval.version import VERSION

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
    best = () if plan.objective is None else tuple(
        one for model in found if (one := _best(model, plan, plan.objective)) is not None)
    return Sweep(plan=plan, models=tuple(found), best=best, undefined=undefined, matches=matches(plan),
                 versions=_versions(), reading=dict(reading or {}))


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
    categories, place = select_categories(ground_truth.categories, params)
    if params.operating_points is not None:
        cuts_by_class(params.operating_points, ground_truth.categories, place >= 0)
    for metric in metrics:
        if metric.category is not None:
            class_position(metric, categories)


def _costly_positions(plan: Plan, names: Sequence[str] = COSTLY) -> list[tuple[int, ...]]:
    """All positions on the axes of these names; the first on the others."""
    return list(product(*(range(len(axis)) if axis.name in names else (0,) for axis in plan.axes)))


def _sweep_model(name: str, ground_truth: GroundTruth, detections: Detections, plan: Plan,
                 images: Sequence[int] | Ints | None, threads: int, report: Progress) -> ModelSweep:
    values = np.full((*plan.shape, len(plan.metrics)), np.nan)
    steps = list(product(_costly_positions(plan), batches(plan)))
    for number, (position, batch) in enumerate(steps):
        def step(share: float, before: int = number) -> None:
            report((before + share) / len(steps))

        _sweep_match(ground_truth, detections, plan, position, batch, images, threads, values, step)
    covered = None if images is None else take_images(ground_truth.images, np.unique(np.asarray(images, np.int64)))
    return ModelSweep(
        name=name, values=values, inputs=(*detections.inputs, *ground_truth.inputs),
        findings=(*ground_truth.findings, *detections.findings),
        fingerprint=fingerprint(ground_truth, covered, threads),
    )


def _sweep_match(ground_truth: GroundTruth, detections: Detections, plan: Plan, position: tuple[int, ...],
                 batch: Batch, images: Sequence[int] | Ints | None, threads: int, values: Floats, report: Progress,
                 ) -> None:
    """Match once, and write all that is cut from it."""
    cuts = _score_cuts(plan)
    caps = plan.axis("max_dets")
    wanted: dict[Wanted, list[tuple[Place, int]]] = {}
    for place in product(batch.iou, batch.area, range(1 if caps is None else len(caps))):
        for metric, one in enumerate(wanted_at(plan, place)):
            wanted.setdefault(one, []).append((place, metric))
    rows = descend(match(ground_truth, detections, _union(plan, position, batch), images=images, threads=threads),
                   threads)
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


def _union(plan: Plan, position: tuple[int, ...], batch: Batch) -> Params:
    """The settings of the match that a batch is cut from: all thresholds, area ranges and caps, the lowest score."""
    params, axis = plan.params(position), plan.axis("max_dets")
    thresholds = sorted({threshold for i in batch.iou for threshold in iou_settings(plan)[i]})
    ranges = sorted({pair for i in batch.area for pair in bounds(area_settings(plan)[i])})
    lowest = min(_score_cuts(plan))
    return replace(
        params, iou=tuple(thresholds), areas=tuple(AreaRange(str(i), *pair) for i, pair in enumerate(ranges)),
        max_dets=tuple(sorted({cap for caps in ([plan.base.max_dets] if axis is None else axis.values)
                               for cap in caps})),
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


def _best(model: ModelSweep, plan: Plan, objective: Objective) -> Best | None:
    """Where the objective is highest among the points allowed; None if it is undefined at all of them."""
    values = model.values[..., list(map(str, plan.metrics)).index(str(objective.metric))]
    where = dict(objective.where)
    allowed = [np.array(where.get(axis.name, range(len(axis)))) for axis in plan.axes]
    chosen = values[np.ix_(*allowed)] if allowed else values
    if np.isnan(chosen).all():
        return None
    place = np.unravel_index(int(np.nanargmax(chosen)), chosen.shape)
    position = tuple(int(some[i]) for some, i in zip(allowed, place, strict=True))
    least = FLAT * float(values[position])
    flat = []
    for number, axis in enumerate(plan.axes):
        if len(axis) > 1:
            line = np.moveaxis(values, number, -1)[(*position[:number], *position[number + 1:])]
            good = {i for i in allowed[number].tolist() if line[i] >= least}
            flat.append((axis.name, _around(position[number], good, axis.ascending, set(allowed[number].tolist()))))
    return Best(model=model.name, position=position, value=float(values[position]), flat=tuple(flat))


def _around(best: int, good: set[int], ascending: tuple[int, ...] | None, allowed: set[int]) -> tuple[int, ...]:
    """The good positions; on an ordered axis those that are joined to the best by good ones."""
    if ascending is None:
        return tuple(sorted(good))
    line = [i for i in ascending if i in allowed]
    first = last = line.index(best)
    while first > 0 and line[first - 1] in good:
        first -= 1
    while last + 1 < len(line) and line[last + 1] in good:
        last += 1
    return tuple(line[first : last + 1])


def _versions() -> dict[str, str]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"deteval": VERSION, "python": python, "numpy": np.__version__}
