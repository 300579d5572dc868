"""What a sweep found, in sentences: the best point of each model, how flat it is there, and what to beware of."""

from collections.abc import Sequence

from deteval.errors import counted
from deteval.records.sweep import Axis, Best, Plan, Sweep
from deteval.reports.layout import Look, printable

MEASURES = ("similarity", "iou", "area", "area_source", "honour_ignore", "classes", "class_agnostic")
"""Axes that change what is measured; the others change which detections there are."""
MOST_VALUES = 6
"""Values of an axis that a sentence lists before it cuts them short."""


def explanation(sweep: Sweep, look: Look) -> list[str]:
    """The best points, then what is undefined."""
    lines = [text for best in sweep.best for text in _best(sweep, best, look)]
    found = {best.model for best in sweep.best}
    objective = sweep.plan.objective
    if objective is not None:
        lines += [f"{printable(model.name)}: {objective.metric} is undefined at every point that the objective allows"
                  for model in sweep.models if model.name not in found]
        lines += _moving(sweep.plan)
    total = sweep.plan.points * len(sweep.models)
    return lines + [f"{printable(name)} is undefined at {one.points:,} of {counted(total, 'point')}: {one.reason}"
                    for name, one in sweep.undefined.items()]


def _best(sweep: Sweep, best: Best, look: Look) -> list[str]:
    """`a.json: F1 0.6120 at min_score 0.35, max_dets 100; within 1 % of it: min_score 0.25 to 0.45`."""
    plan = sweep.plan
    assert plan.objective is not None
    varied = [f"{axis.name} {printable(axis.texts[place])}"
              for axis, place in zip(plan.axes, best.position, strict=True) if len(axis) > 1]
    where = ", ".join(varied) or "the only point"
    text = f"{printable(best.model)}: {plan.objective.metric} {look.value(best.value)} at {where}"
    fixed = {name for name, places in plan.objective.where if len(places) == 1}
    lines = [text + _flat([(name, places) for name, places in best.flat if name not in fixed], plan)]
    ends = [f"{way} {name}" for axis, place in zip(plan.axes, best.position, strict=True) if axis.name not in fixed
            for name, way in [(axis.name, _open_end(axis, place))] if way]
    if ends:
        lines.append(f"{printable(best.model)}: the best point lies at the end of an axis; {' and '.join(ends)} may be "
                     "better still")
    return lines


def _flat(found: Sequence[tuple[str, tuple[int, ...]]], plan: Plan) -> str:
    """`; within 1 % of it: min_score 0.25 to 0.45, no other nms`; nothing if every axis is held."""
    near = [f"{name} {_range(plan, name, places)}" for name, places in found if len(places) > 1]
    alone = [name for name, places in found if len(places) == 1]
    near += [f"no other {' or '.join(alone)}"] if alone else []
    return f"; within 1 % of it: {', '.join(near)}" if near else ""


def _range(plan: Plan, name: str, places: tuple[int, ...]) -> str:
    """`0.25 to 0.45` of numbers, `iou or giou` of words."""
    axis = plan.axis(name)
    assert axis is not None
    texts = [printable(axis.texts[place]) for place in places]
    if axis.ascending is not None:
        return f"{texts[0]} to {texts[-1]}"
    more = len(texts) - MOST_VALUES
    return " or ".join(texts) if more <= 0 else f"{' or '.join(texts[:MOST_VALUES])} or {more} more"


def _open_end(axis: Axis, place: int) -> str:
    """`a lower` or `a higher` if the best value is the last of an axis of several numbers that goes on beyond it."""
    if axis.ascending is None or len(axis) == 1 or axis.name in MEASURES or axis.values[place] is None:
        return ""
    if place == axis.ascending[-1] and axis.texts[place] != "1":
        return "a higher"
    return "a lower" if place == axis.ascending[0] and axis.texts[place] not in ("0", "1") else ""


def _moving(plan: Plan) -> list[str]:
    """That the best of points that are measured differently is no better detector."""
    assert plan.objective is not None
    allowed = {axis.name: len(axis) for axis in plan.axes} | {name: len(places)
                                                              for name, places in plan.objective.where}
    names = [name for name in allowed if name in MEASURES and allowed[name] > 1]
    if not names:
        return []
    one = plan.axis(names[0])
    assert one is not None
    plural, them = ("s", "it") if len(names) == 1 else ("", "them")
    listed = " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])
    text = (f"{listed} change{plural} what {plan.objective.metric} means, so that the best point may be "
            f"just the easiest to score; hold {them} with where:, as where: {{{one.name}: {one.texts[0]}}}")
    return [printable(text)]
