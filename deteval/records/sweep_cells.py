"""What is to be measured at the points of a sweep: every metric under the settings of the point."""

from collections.abc import Iterator
from itertools import product

from msgspec import Struct

from deteval.errors import DetevalError, usage_error
from deteval.records.metric import Metric, resolve
from deteval.records.params import AreaRange
from deteval.records.sweep import Plan

CELL_AXES = ("iou", "area", "max_dets")
"""The axes on which it depends what a metric stands for."""
Place = tuple[int, int, int]
"""A position on each of these axes, 0 where there is no such axis."""


class Wanted(Struct, frozen=True):
    """One number of a match, wanted at many score cuts. Equal ones are measured once, whatever their names.

    metric: of its kind, score, micro and category alone. thresholds: exactly those of the settings, ascending. bounds:
    lowest and highest area.
    """

    metric: Metric
    thresholds: tuple[float, ...]
    bounds: tuple[float, float]
    max_dets: int


def check_points(plan: Plan) -> None:
    """Refuse (usage), naming a point, settings that do not go together and metrics that do not exist there."""
    for names in (("similarity", "iou"), CELL_AXES):
        for position in _positions(plan, names):
            try:
                params = plan.params(position)
                for metric in plan.metrics if names == CELL_AXES else ():
                    resolve(metric, params)
            except DetevalError as error:
                there = plan.words(position, names)
                raise usage_error(f"{error}; at the point {there}" if there else str(error)) from None


def wanted_at(plan: Plan, place: Place) -> tuple[Wanted, ...]:
    """What every metric of the plan stands for at some IoU thresholds, area ranges and caps."""
    position = _position(plan, dict(zip(CELL_AXES, place, strict=True)))
    params = plan.params(position)
    found = []
    for metric in plan.metrics:
        cell = resolve(metric, params)
        area: AreaRange = params.areas[cell.area]
        found.append(Wanted(
            metric=Metric(metric.kind, score=metric.score, micro=metric.micro, category=metric.category),
            thresholds=tuple(params.iou[t] for t in cell.thresholds), bounds=(area.low, area.high),
            max_dets=cell.max_dets))
    return tuple(found)


def _positions(plan: Plan, names: tuple[str, ...]) -> Iterator[tuple[int, ...]]:
    """All positions on some axes; the first on the others."""
    axes = [plan.axis(name) for name in names]
    for chosen in product(*(range(1 if axis is None else len(axis)) for axis in axes)):
        yield _position(plan, dict(zip(names, chosen, strict=True)))


def _position(plan: Plan, chosen: dict[str, int]) -> tuple[int, ...]:
    return tuple(chosen.get(axis.name, 0) for axis in plan.axes)
