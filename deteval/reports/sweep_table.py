"""A sweep for a person at a terminal: every point, and then the best ones in words."""

from deteval.records.params import signature
from deteval.records.sweep import Plan, Sweep
from deteval.reports.layout import DIM, GREEN, Look, columns, wrapped
from deteval.reports.sweep_rows import heading, rows
from deteval.reports.sweep_words import explanation

_PARTS = {"similarity": "sim:", "iou": "thr:", "area": "area:", "max_dets": "max:", "area_source": "area-source:",
          "class_agnostic": "class-agnostic", "classes": "classes:", "min_score": "min-score:",
          "honour_ignore": "ignore:", "nms": "nms:", "operating_points": "points:"}
"""What the part of a signature begins with that tells of a setting."""


def render_table(sweep: Sweep, look: Look) -> str:
    """The whole report as text: a row per point in the order of the grid, the best of each model in colour."""
    first = 1 + len(sweep.plan.axes)
    kept = first + _main_metric(sweep)
    single = [1 + place for place, axis in enumerate(sweep.plan.axes) if len(axis) == 1]
    metrics = [first + place for place in reversed(range(len(sweep.plan.metrics))) if first + place != kept]
    lines = columns([heading(sweep), *rows(sweep, look.value)], look, left=first, optional=[*single, *metrics],
                    kept=[kept])
    for row in best_rows(sweep):
        lines[row + 1] = look.style(lines[row + 1], GREEN)
    words = explanation(sweep, look)
    lines += [""] if words else []
    for text in words:
        lines += wrapped(text, look)
    return "\n".join([*_facts(sweep, look), "", *lines]) + "\n"


def _main_metric(sweep: Sweep) -> int:
    """Which metric the table shows however narrow the screen: the objective, or the first."""
    if sweep.plan.objective is None:
        return 0
    return sweep.plan.column(sweep.plan.objective.metric)


def best_rows(sweep: Sweep) -> list[int]:
    """Which rows, counted from 0 over all models, hold the best point of their model."""
    start = {model.name: place * sweep.plan.points for place, model in enumerate(sweep.models)}
    found = []
    for best in sweep.best:
        row = 0
        for length, position in zip(sweep.plan.shape, best.position, strict=True):
            row = row * length + position
        found.append(start[best.model] + row)
    return found


def _facts(sweep: Sweep, look: Look) -> list[str]:
    lines = wrapped(f"{swept_signature(sweep.plan)}\nground truth {sweep.models[0].fingerprint}", look)
    return [look.style(line, DIM) for line in lines]


def swept_signature(plan: Plan) -> str:
    """The signature of all points, with a `*` for what axes vary."""
    *parts, version = signature(plan.params([0] * len(plan.axes))).split("|")
    for axis in (axis for axis in plan.axes if len(axis) > 1):
        begin = _PARTS[axis.name]
        places = [place for place, part in enumerate(parts) if part.startswith(begin)]
        star = f"{begin.removesuffix(':')}:*"
        parts = [star if place in places else part for place, part in enumerate(parts)] + ([] if places else [star])
    return "|".join([*parts, version])
