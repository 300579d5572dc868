"""How often a sweep must match: what is cut from one match, and what each axis costs."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from deteval.errors import counted
from deteval.records.params import AreaRange
from deteval.records.sweep import COSTLY, Plan

MOST_WORDS = 8
"""Most uint32 words of match bits that a match keeps per detection: area ranges times words of 32 thresholds. Twice
those of a score run; settings that need more together are matched in several batches."""


class Batch(Struct, frozen=True):
    """What is cut from one match: some positions on the axes iou and area (0 where there is no such axis)."""

    iou: tuple[int, ...]
    area: tuple[int, ...]


def iou_settings(plan: Plan) -> tuple[tuple[float, ...], ...]:
    """The thresholds at every position of the axis iou; those of the base if it is no axis."""
    axis = plan.axis("iou")
    return (plan.base.iou,) if axis is None else axis.values


def area_settings(plan: Plan) -> tuple[tuple[AreaRange, ...], ...]:
    """The area ranges at every position of the axis area; those of the base if it is no axis."""
    axis = plan.axis("area")
    return (plan.base.areas,) if axis is None else axis.values


def bounds(areas: Iterable[AreaRange]) -> set[tuple[float, float]]:
    """Area ranges without their names: those of the same bounds are matched once."""
    return {(area.low, area.high) for area in areas}


def batches(plan: Plan) -> tuple[Batch, ...]:
    """The matches of every combination of costly settings; one, unless thresholds and area ranges are very many."""
    found = []
    settings = [bounds(areas) for areas in area_settings(plan)]
    for areas in packed(settings, MOST_WORDS):
        n_areas = len(set().union(*(settings[i] for i in areas)))
        found += [Batch(iou=iou, area=areas)
                  for iou in packed(iou_settings(plan), 32 * max(1, MOST_WORDS // n_areas))]
    return tuple(found)


def packed(settings: Sequence[Iterable[Any]], most: int) -> list[tuple[int, ...]]:
    """Positions of settings in packs, in order, that hold at most so many different members together; a setting of
    more stands alone."""
    packs: list[list[int]] = []
    union: set[Any] = set()
    for position, setting in enumerate(settings):
        members = set(setting)
        if packs and len(union | members) <= most:
            union |= members
            packs[-1].append(position)
        else:
            union = members
            packs.append([position])
    return [tuple(pack) for pack in packs]


def matches(plan: Plan) -> int:
    """How often each model is matched."""
    return math.prod(len(axis) for axis in plan.axes if axis.name in COSTLY) * len(batches(plan))


def axis_costs(plan: Plan) -> dict[str, str]:
    """What every axis costs, in words, by name."""
    return {axis.name: f"{counted(len(axis), 'value')}, {_cost(plan, axis.name, len(axis))}" for axis in plan.axes}


def _cost(plan: Plan, name: str, values: int) -> str:
    if name in COSTLY:
        return f"{values:,} match{'' if values == 1 else 'es'}"
    parts = batches(plan)
    if name in ("iou", "area") and len({getattr(batch, name) for batch in parts}) > 1:
        both = ", iou and area together" if plan.axis("iou") and plan.axis("area") else ""
        return f"too many for one match: {len(parts):,} matches{both}"
    return "cut from the same match: no extra match"
