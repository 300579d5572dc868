"""What a sweep will do, before it does it: what each axis costs, what is measured, and how much that is."""

from collections.abc import Sequence

from deteval.errors import counted
from deteval.records.sweep import Plan
from deteval.records.sweep_matches import axis_costs, matches
from deteval.reports.layout import BOLD, Look, display_width, pad, printable, wrapped
from deteval.reports.sweep_words import minimum_words


def render_plan(plan: Plan, models: Sequence[str], most_points: int, look: Look) -> str:
    """A line for each axis with its cost, then models, metrics and objective, then points and matches in numbers.

    most_points: of all models, beyond which a sweep asks for --yes.
    """
    metrics = ", ".join(printable(str(metric)) for metric in plan.metrics)
    rows = [*axis_costs(plan).items(), ("models", ", ".join(map(printable, models))), ("metrics", metrics)]
    if plan.objective is not None:
        least = f" with {minimum_words(plan.objective)}" if plan.objective.minimum else ""
        rows.append(("objective", printable(f"{plan.objective.metric}{least}{_where(plan)}")))
    rows += [("points", _times(plan.points, len(models))), ("matches", _times(matches(plan), len(models)))]
    if plan.points * len(models) > most_points:
        rows.append(("", f"more than {most_points:,} points: the sweep needs --yes"))
    width = max(display_width(name) for name, _ in rows)
    lines = []
    for name, text in rows:
        first, *rest = wrapped(f"{pad(name, width, True)}  {text}", look, " " * (width + 2))
        lines += [look.style(first[:width], BOLD) + first[width:], *rest]
    return "\n".join(lines) + "\n"


def _where(plan: Plan) -> str:
    """` where iou .5, area all or small`."""
    assert plan.objective is not None
    parts = []
    for name, positions in plan.objective.where:
        axis = plan.axis(name)
        assert axis is not None
        parts.append(f"{name} {' or '.join(axis.texts[place] for place in positions)}")
    return f" where {', '.join(parts)}" if parts else ""


def _times(number: int, models: int) -> str:
    """A number of one model, and of all."""
    return f"{number:,}" if models == 1 else f"{number * models:,}: {number:,} for each of {counted(models, 'model')}"
