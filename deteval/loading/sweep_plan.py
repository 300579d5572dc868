"""The plan of a sweep, from what a caller writes for its axes, metrics and objective."""

from collections.abc import Mapping, Sequence
from typing import Any

from deteval.errors import nearest, usage_error
from deteval.loading.settings import make_settings
from deteval.loading.sweep_axes import NAMES, base_values, find_positions, least_value, parse_axis
from deteval.records.metric import Metric, as_metrics, parse_metric
from deteval.records.params import Params
from deteval.records.sweep import Axis, Objective, Plan
from deteval.records.sweep_cells import check_points

_KEYS = ["metric", "where", "min"]


def plan_sweep(
    axes: Mapping[str, Any],
    metrics: str | Sequence[Metric | str] | None = None,
    *,
    objective: str | Metric | Mapping[str, Any] | None = None,
    settings: Params | Mapping[str, Any] | None = None,
) -> Plan:
    """The grid of some axes, every point of it checked.

    axes: option name -> a value, a list, or a text that is a range, as `{"min_score": ".05:.95:.05", "nms": [None,
    .5]}`. metrics: by default AP and AR of every point. objective: the metric to be highest, or `{"metric": "recall",
    "min": {"precision": .9}, "where": {"iou": .5}}`. settings: what all points share, as Params or by option name.
    Errors: `DetevalError` (usage) that begins with the name of the axis, or names the point.
    """
    parsed = {name: parse_axis(name, value) for name, value in axes.items()}
    base = settings if isinstance(settings, Params) else _base(settings or {}, parsed)
    chosen = (Metric("AP"), Metric("AR")) if metrics is None else as_metrics(metrics)
    plan = Plan(base, tuple(parsed.values()), chosen, None if objective is None else _objective(objective, parsed))
    check_points(plan)
    return plan


def _base(settings: Mapping[str, Any], axes: Mapping[str, Axis]) -> Params:
    """The settings that all points share; what is none of the evaluation is refused (usage)."""
    for name in settings:
        if name not in NAMES:
            raise usage_error(f"{name}: is not a setting of the evaluation{nearest(name, list(NAMES))}")
    return make_settings(base_values(settings, axes)).params


def _objective(value: str | Metric | Mapping[str, Any], axes: Mapping[str, Axis]) -> Objective:
    if isinstance(value, (str, Metric)):
        value = {"metric": value}
    for key in value:
        if key not in _KEYS:
            raise usage_error(f"objective: unknown key {key!r}{nearest(str(key), _KEYS)}")
    if "metric" not in value:
        raise usage_error("objective: which metric is to be highest? Name it, as {'metric': 'F1'}")
    metric = value["metric"]
    where = []
    for name, wanted in (value.get("where") or {}).items():
        if name not in axes:
            raise usage_error(f"objective: {name} is not an axis of this sweep{nearest(name, list(axes))}")
        where.append((name, find_positions(axes[name], wanted)))
    least = value.get("min") or {}
    if not isinstance(least, Mapping):
        raise usage_error(f"objective: min: {least!r} does not name metrics and their least values, as "
                          "{'precision': 0.9}")
    minimum = tuple(least_value(as_metrics([one]), str(one), number) for one, number in least.items())
    return Objective(parse_metric(metric) if isinstance(metric, str) else metric, tuple(where), minimum)
