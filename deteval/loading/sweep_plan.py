"""The plan of a sweep, from what a caller writes for its axes, metrics and objective."""

from collections.abc import Mapping, Sequence
from typing import Any

from deteval.errors import nearest, usage_error
from deteval.loading.settings import make_settings
from deteval.loading.sweep_axes import NAMES, find_positions, parse_axis
from deteval.records.metric import Metric, as_metrics, parse_metric
from deteval.records.params import Params
from deteval.records.sweep import Axis, Objective, Plan
from deteval.records.sweep_cells import check_points


def plan_sweep(
    axes: Mapping[str, Any],
    metrics: str | Sequence[Metric | str] | None = None,
    *,
    objective: str | Metric | Mapping[str, Any] | None = None,
    settings: Params | Mapping[str, Any] | None = None,
) -> Plan:
    """The grid of some axes, every point of it checked.

    axes: option name -> a value, a list, or a text that is a range, as `{"min_score": ".05:.95:.05", "nms": [None,
    .5]}`. metrics: by default AP and AR of every point. objective: the metric to be highest, or `{"metric": "F1",
    "where": {"iou": .5}}`. settings: what all points share, as Params or by option name. Errors: `DetevalError`
    (usage) that begins with the name of the axis, or names the point.
    """
    parsed = {name: parse_axis(name, value) for name, value in axes.items()}
    base = settings if isinstance(settings, Params) else _base(settings or {}, parsed)
    chosen = (Metric("AP"), Metric("AR")) if metrics is None else as_metrics(metrics)
    plan = Plan(base, tuple(parsed.values()), chosen, None if objective is None else _objective(objective, parsed))
    check_points(plan)
    return plan


def _base(settings: Mapping[str, Any], axes: Mapping[str, Axis]) -> Params:
    """The settings that all points share; of an axis only the similarity matters to the others."""
    for name in settings:
        if name not in NAMES:
            raise usage_error(f"{name}: is not a setting of the evaluation{nearest(name, list(NAMES))}")
    shared = {name: value for name, value in settings.items() if name not in axes}
    return make_settings(shared | ({"similarity": axes["similarity"].values[0]} if "similarity" in axes else {})).params


def _objective(value: str | Metric | Mapping[str, Any], axes: Mapping[str, Axis]) -> Objective:
    if isinstance(value, (str, Metric)):
        value = {"metric": value}
    for key in value:
        if key not in ("metric", "where"):
            raise usage_error(f"objective: unknown key {key!r}{nearest(str(key), ['metric', 'where'])}")
    if "metric" not in value:
        raise usage_error("objective: which metric is to be highest? Name it, as {'metric': 'F1'}")
    metric = value["metric"]
    where = []
    for name, wanted in (value.get("where") or {}).items():
        if name not in axes:
            raise usage_error(f"objective: {name} is not an axis of this sweep{nearest(name, list(axes))}")
        where.append((name, find_positions(axes[name], wanted)))
    return Objective(parse_metric(metric) if isinstance(metric, str) else metric, tuple(where))
