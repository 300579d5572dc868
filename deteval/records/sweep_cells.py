"""What is to be measured at the points of a sweep: every metric under the settings of the point."""

from msgspec import Struct

from deteval.errors import DetevalError, usage_error
from deteval.records.metric import Metric, resolve
from deteval.records.params import AreaRange
from deteval.records.sweep import Plan

CELL_AXES = ("iou", "area", "max_dets")
"""The axes on which it depends what a metric stands for."""
MOST_POINTS = 2_000_000
"""Points that a model may have: a JSON report of so many, with four metrics, takes 4 GB to make."""
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
    """Refuse (usage) more points than fit into memory and, naming a point, settings that do not go together and
    metrics that do not exist there.

    Not every point is looked at, as there may be millions: whether a metric exists is a matter of each axis by itself,
    and whether thresholds fit a similarity a matter of the lowest and the highest.
    """
    if plan.points > MOST_POINTS:
        raise usage_error(f"{plan.points:,} points are more than the {MOST_POINTS:,} that a sweep may have")
    cells = [_position(plan, {name: i}) for name in CELL_AXES for i in range(_length(plan, name))]
    both = [_position(plan, {"similarity": i, "iou": j}) for i in range(_length(plan, "similarity"))
            for j in _extremes(plan)]
    for names, positions in ((("similarity", "iou"), both), (CELL_AXES, cells)):
        for position in positions:
            try:
                params = plan.params(position)
                for metric in plan.metrics if names == CELL_AXES else ():
                    resolve(metric, params)
            except DetevalError as error:
                there = plan.words(position, names)
                raise usage_error(f"{error}; at the point {there}" if there else str(error)) from None


def _length(plan: Plan, name: str) -> int:
    axis = plan.axis(name)
    return 1 if axis is None else len(axis)


def _extremes(plan: Plan) -> list[int]:
    """Where on the axis iou the lowest and the highest threshold stand."""
    axis = plan.axis("iou")
    if axis is None:
        return [0]
    return sorted({min(range(len(axis)), key=lambda i: min(axis.values[i])),
                   max(range(len(axis)), key=lambda i: max(axis.values[i]))})


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


def _position(plan: Plan, chosen: dict[str, int]) -> tuple[int, ...]:
    return tuple(chosen.get(axis.name, 0) for axis in plan.axes)
