"""What a sweep found, in sentences: the best point of each model, how flat it is there, and what to beware of."""

from collections.abc import Sequence

from deteval.errors import counted
from deteval.records.numbers import number_text
from deteval.records.sweep import BELOW, MEASURES, SAME, UNDEFINED, Best, Objective, Plan, Sweep, WithoutBest
from deteval.reports.layout import Look, printable

MOST_VALUES = 6
"""Values of an axis that a sentence lists before it cuts them short."""


def explanation(sweep: Sweep, look: Look) -> list[str]:
    """The best points, then what is undefined."""
    lines = [text for best in sweep.best for text in _best(sweep, best, look)]
    lines += [_without_best(sweep.plan, one, look) for one in sweep.without_best]
    lines += _moving(sweep.plan) if sweep.best else []
    total = sweep.plan.points * len(sweep.models)
    return lines + [f"{printable(name)} is undefined at {one.points:,} of {counted(total, 'point')}: {one.reason}"
                    for name, one in sweep.undefined.items()]


def _best(sweep: Sweep, best: Best, look: Look) -> list[str]:
    """`a.json: F1 0.6120 at min_score 0.35, max_dets 100; within 1 %: min_score 0.25 to 0.45`."""
    plan = sweep.plan
    assert plan.objective is not None
    values = next(model.values for model in sweep.models if model.name == best.model)[best.position]
    others = [f"{metric} {look.value(float(values[plan.column(metric)]))}" for metric, _ in plan.objective.minimum
              if str(metric) != str(plan.objective.metric)]
    reached = f" with {' and '.join(others)}" if others else ""
    varied = [f"{axis.name} {printable(axis.texts[place])}"
              for axis, place in zip(plan.axes, best.position, strict=True) if len(axis) > 1]
    where = ", ".join(varied) or "the only point"
    name = printable(best.model)
    fixed = {name for name, places in plan.objective.where if len(places) == 1}
    lines = [f"{name}: {plan.objective.metric} {look.value(best.value)}{printable(reached)} at {where}"
             + _flat([(axis, places) for axis, places in best.flat if axis not in fixed], plan)]
    if best.open_ends:
        ends = " and ".join(f"a {way} {axis}" for axis, way in best.open_ends)
        lines.append(f"{name}: the best point lies at the end of an axis; {ends} may be better still")
    return lines


def _flat(found: Sequence[tuple[str, tuple[int, ...]]], plan: Plan) -> str:
    """`; within 1 %: min_score 0.25 to 0.45, nms 0.5 to none`; nothing if every axis is held."""
    if not found:
        return ""
    near = [f"{name} {_range(plan, name, places)}" for name, places in found if len(places) > 1]
    if near:
        return f"; within 1 %: {', '.join(near)}"
    short = " or the minimum" if plan.objective is not None and plan.objective.minimum else ""
    return f"; one step away loses more than 1 %{short}"


def _without_best(plan: Plan, one: WithoutBest, look: Look) -> str:
    """Why a model has no best point."""
    assert plan.objective is not None
    metric, minimum = plan.objective.metric, plan.objective.minimum
    those = " that the objective allows" if plan.objective.where else ""
    if one.reason == UNDEFINED:
        text = f"{metric} is undefined at every point{those}"
    elif one.reason == BELOW:
        text = f"no point{those} has {minimum_words(plan.objective)}"
        most = [look.value(value) for value in one.highest]
        text += f"; at most it is {most[0]}" if len(most) == 1 else " at once; at most: " + ", ".join(
            f"{name} {value}" for (name, _), value in zip(minimum, most, strict=True))
    elif one.reason == SAME:
        text = f"{metric} is {look.value(one.value)} at every point{those}: what is swept makes no difference"
    else:
        reached = f"{' and' if those else ''} that reaches the minimum" if minimum else ""
        text = f"{metric} is 0 at every point{those}{reached}, so that none is best"
    return printable(f"{one.model}: {text}")


def minimum_words(objective: Objective) -> str:
    """`precision of at least 0.9 and AR of at least 0.5`."""
    return " and ".join(f"{metric} of at least {number_text(least)}" for metric, least in objective.minimum)


def _range(plan: Plan, name: str, places: tuple[int, ...]) -> str:
    """`0.25 to 0.45` of numbers, `iou or giou` of words."""
    axis = plan.axis(name)
    assert axis is not None
    texts = [printable(axis.texts[place]) for place in places]
    if axis.ascending is not None:
        return f"{texts[0]} to {texts[-1]}"
    more = len(texts) - MOST_VALUES
    return " or ".join(texts) if more <= 0 else f"{' or '.join(texts[:MOST_VALUES])} or {more} more"


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
