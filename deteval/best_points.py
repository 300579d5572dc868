"""The best point of a model in a sweep, how flat it is there, and whether it means anything."""

import numpy as np

from deteval.records.dataset import Bools, Floats
from deteval.records.sweep import (
    BELOW,
    FLAT,
    MEASURES,
    SAME,
    UNDEFINED,
    ZERO,
    Axis,
    Best,
    ModelSweep,
    Objective,
    Plan,
    WithoutBest,
)


def best_point(model: ModelSweep, plan: Plan, objective: Objective) -> Best | WithoutBest:
    """Where the objective is highest among the points that it allows and that reach its minimum of other metrics."""
    values = model.values[..., plan.column(objective.metric)]
    allowed = _allowed(plan, objective)
    defined = allowed & ~np.isnan(values)
    if not defined.any():
        return WithoutBest(model.name, UNDEFINED)
    good, highest = defined.copy(), []
    for metric, least in objective.minimum:
        column = model.values[..., plan.column(metric)]
        good &= column >= least
        known = column[allowed & ~np.isnan(column)]
        highest.append(float(known.max()) if len(known) else None)
    if not good.any():
        return WithoutBest(model.name, BELOW, highest=tuple(highest))
    chosen = np.where(good, values, -np.inf)
    position = tuple(int(i) for i in np.unravel_index(int(np.argmax(chosen)), values.shape))
    value = float(values[position])
    if value == 0:
        return WithoutBest(model.name, ZERO, value)
    if good.sum() > 1 and bool((values[good] == value).all()) and np.array_equal(good, defined):
        return WithoutBest(model.name, SAME, value)
    lines = {axis.name: _line(chosen, number, position) for number, axis in enumerate(plan.axes) if len(axis) > 1}
    places = {axis.name: tuple(range(len(axis))) for axis in plan.axes} | dict(objective.where)
    moved = [(axis, here) for axis, here in zip(plan.axes, position, strict=True) if len(axis) > 1]
    flat = {axis.name: _flat(axis, here, lines[axis.name], places[axis.name]) for axis, here in moved}
    ends = [(axis.name, way) for axis, here in moved if len(flat[axis.name]) < len(places[axis.name])
            and (way := _open_end(axis, here, _line(values, plan.axes.index(axis), position)))]
    return Best(model=model.name, position=position, value=value, flat=tuple(flat.items()), open_ends=tuple(ends))


def _allowed(plan: Plan, objective: Objective) -> Bools:
    """Which points the objective allows, of the shape of the grid."""
    allowed = np.ones(plan.shape, bool)
    where = dict(objective.where)
    for number, axis in enumerate(plan.axes):
        if axis.name in where:
            held = np.zeros(len(axis), bool)
            held[list(where[axis.name])] = True
            allowed &= held.reshape([-1 if i == number else 1 for i in range(len(plan.axes))])
    return allowed


def _line(values: Floats, number: int, position: tuple[int, ...]) -> Floats:
    """The values along one axis through a point."""
    line: Floats = np.moveaxis(values, number, -1)[(*position[:number], *position[number + 1 :])]
    return line


def _flat(axis: Axis, here: int, line: Floats, allowed: tuple[int, ...]) -> tuple[int, ...]:
    """The positions that are hardly worse; on an ordered axis those joined to the best by such ones."""
    good = set(np.flatnonzero(line >= FLAT * line[here]).tolist())
    if axis.ascending is None:
        return tuple(sorted(good))
    order = [i for i in axis.ascending if i in allowed]
    first = last = order.index(here)
    while first > 0 and order[first - 1] in good:
        first -= 1
    while last + 1 < len(order) and order[last + 1] in good:
        last += 1
    return tuple(order[first : last + 1])


def _open_end(axis: Axis, here: int, line: Floats) -> str:
    """`lower` or `higher` if the best value is the last of an axis of several numbers that goes on beyond it, and
    better than the one before.
    """
    order = axis.ascending
    if order is None or axis.name in MEASURES or axis.values[here] is None:
        return ""
    if here == order[-1] and axis.texts[here] != "1" and line[order[-2]] < line[here]:
        return "higher"
    return "lower" if here == order[0] and axis.texts[here] not in ("0", "1") and line[order[1]] < line[here] else ""
