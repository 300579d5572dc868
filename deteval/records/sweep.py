"""A sweep: the grid of settings that is asked for, and what every point of it came to; and its JSON form."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from deteval.errors import nearest, usage_error
from deteval.records.dataset import Floats, Input
from deteval.records.findings import Finding
from deteval.records.metric import Metric
from deteval.records.params import Params
from deteval.records.scores import settings_dict

SCHEMA = "deteval.sweep/1"
CHEAP = ("iou", "min_score", "max_dets", "area")
"""Settings whose values are all cut from one match."""
COSTLY = ("similarity", "nms", "class_agnostic", "classes", "area_source", "honour_ignore", "operating_points")
"""Settings of which every value needs a match of its own."""
MEASURES = ("similarity", "iou", "area", "area_source", "honour_ignore", "classes", "class_agnostic")
"""Settings that change what is measured; the others change which detections there are."""
FLAT = 0.99
"""Share of the best value that a neighbouring point must reach to count as hardly worse."""


class Axis(Struct, frozen=True):
    """One setting and the values it takes.

    name: as the option is called (`min_score`). values: as the field of Params takes them: tuples for iou, max_dets,
    area and classes, None for none. texts: the same as the option of the command line takes them.
    """

    name: str
    values: tuple[Any, ...]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def plain(self) -> tuple[Any, ...]:
        """The values as JSON holds them: numbers, booleans and null where they are, texts otherwise."""
        return tuple(_plain(self.name, value, text) for value, text in zip(self.values, self.texts, strict=True))

    @property
    def ascending(self) -> tuple[int, ...] | None:
        """Positions from the lowest value to the highest; None if the values are words or lists and have no order."""
        keys = [_key(self.name, value) for value in self.values]
        if any(key is None for key in keys):
            return None
        return tuple(sorted(range(len(keys)), key=lambda i: keys[i] or 0.0))


class Objective(Struct, frozen=True):
    """What is to be highest. where: the positions that are allowed on some axes, by name; elsewhere all are. minimum:
    metrics that must come to at least so much at a point that is to be the best.
    """

    metric: Metric
    where: tuple[tuple[str, tuple[int, ...]], ...] = ()
    minimum: tuple[tuple[Metric, float], ...] = ()


class Plan(Struct, frozen=True):
    """A grid: base settings, the axes that replace some of them, and the metrics wanted at every point.

    A point is a position on each axis; points count in the order of the axes, the last one fastest. The objective's
    metrics join the metrics if they are not among them. Errors: `DetevalError` (usage) for what does not fit together.
    """

    base: Params
    axes: tuple[Axis, ...]
    metrics: tuple[Metric, ...]
    objective: Objective | None = None

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.axes]
        for name in names:
            if name not in CHEAP + COSTLY:
                raise usage_error(f"{name}: is not a setting that can be swept{nearest(name, list(CHEAP + COSTLY))}")
            if names.count(name) > 1:
                raise usage_error(f"{name}: is an axis twice")
        for axis in self.axes:
            if not axis.values or len(axis.values) != len(axis.texts):
                raise usage_error(f"{axis.name}: at least one value is needed")
        if self.objective is not None:
            _check_where(self.objective, self.axes)
            for metric in (self.objective.metric, *(one for one, _ in self.objective.minimum)):
                if str(metric) not in map(str, self.metrics):
                    force_setattr(self, "metrics", (*self.metrics, metric))
        if not self.metrics:
            raise usage_error("metrics: at least one metric is needed")

    def column(self, metric: Metric) -> int:
        """Where a metric stands among those of the plan."""
        return [str(one) for one in self.metrics].index(str(metric))

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def points(self) -> int:
        """How many points a model has."""
        return math.prod(self.shape)

    def axis(self, name: str) -> Axis | None:
        """The axis of a setting, None if it stays as it is."""
        return next((axis for axis in self.axes if axis.name == name), None)

    def params(self, position: Sequence[int]) -> Params:
        """The settings of a point; `DetevalError` (usage) names the point if they do not go together."""
        values = {field_name(axis.name): axis.values[i] for axis, i in zip(self.axes, position, strict=True)}
        return replace(self.base, **values)

    def words(self, position: Sequence[int], names: Sequence[str] = CHEAP + COSTLY) -> str:
        """A point as `iou .5, min_score 0.25`, or some axes of it."""
        return ", ".join(f"{axis.name} {axis.texts[i]}" for axis, i in zip(self.axes, position, strict=True)
                         if axis.name in names)


class ModelSweep(Struct, frozen=True):
    """What every point came to for one model: values of shape (*lengths of the axes, metrics), NaN undefined.

    findings: of loading, and of the first match. fingerprint: of the ground truth, the images covered.
    """

    name: str
    values: Floats
    inputs: tuple[Input, ...]
    findings: tuple[Finding, ...]
    fingerprint: str


class Best(Struct, frozen=True):
    """The first point of a model, in grid order, at which the objective is highest, and how flat it is there.

    flat: for every axis of several values, the positions allowed at which the value is at least 99 % of the best while
    all other axes stay; on an axis of numbers only those with no worse one between them and the best, ascending.
    open_ends: by axis, `lower` or `higher` where the point lies at the end of numbers that go on beyond it.
    """

    model: str
    position: tuple[int, ...]
    value: float
    flat: tuple[tuple[str, tuple[int, ...]], ...]
    open_ends: tuple[tuple[str, str], ...] = ()


UNDEFINED, BELOW, ZERO, SAME = "undefined", "below-minimum", "zero", "no-difference"


class WithoutBest(Struct, frozen=True):
    """A model that has no best point among those that the objective allows.

    reason: the objective is `undefined` at all of them, none of them reaches the minimum of other metrics
    (`below-minimum`), the objective is 0 wherever it is defined and they are reached (`zero`), or it is the same at
    all of several points (`no-difference`). value: that of the objective then. highest: how much each metric with a
    minimum comes to at most, None if it is undefined.
    """

    model: str
    reason: str
    value: float | None = None
    highest: tuple[float | None, ...] = ()


class Undefined(Struct, frozen=True):
    """At how many points of all models a metric is undefined, and why at the first of them."""

    points: int
    reason: str


class Sweep(Struct, frozen=True):
    """A whole sweep. best, without_best: with an objective, every model is in one of them. undefined: by metric.
    matches: how often a model was matched. reading: reading options by name, as given.
    """

    plan: Plan
    models: tuple[ModelSweep, ...]
    best: tuple[Best, ...]
    undefined: dict[str, Undefined]
    matches: int
    versions: dict[str, str]
    reading: dict[str, Any] = field(default_factory=dict)
    without_best: tuple[WithoutBest, ...] = ()

    @property
    def findings(self) -> dict[Finding, tuple[str, ...]]:
        """Findings of all models, each once, with the names of the models that have it."""
        found: dict[Finding, list[str]] = {}
        for model in self.models:
            for finding in dict.fromkeys(model.findings):
                found.setdefault(finding, []).append(model.name)
        return {finding: tuple(names) for finding, names in found.items()}

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row per point: `model`, the value of every axis, the value of every metric (None where undefined)."""
        from itertools import product

        names = [str(metric) for metric in self.plan.metrics]
        settings = [[(axis.name, value) for value in axis.plain] for axis in self.plan.axes]
        for model in self.models:
            values = model.values.reshape(self.plan.points, len(names))
            for point, of_point in zip(product(*settings), values, strict=True):
                yield {"model": model.name, **dict(point)} | {
                    name: None if math.isnan(value) else value
                    for name, value in zip(names, of_point.tolist(), strict=True)}

    def to_dict(self, *, points: bool = True) -> dict[str, Any]:
        """The JSON object, at full precision; `deteval/sweep.schema.json` describes it. points: False leaves the list
        of points empty."""
        plan, swept = self.plan, {axis.name for axis in self.plan.axes}
        inputs = dict.fromkeys((one.path, one.bytes, tuple(one.counts.items()))
                               for model in self.models for one in model.inputs)
        return {
            "schema": SCHEMA,
            "fingerprint": self.models[0].fingerprint if self.models else "",
            "settings": {name: value for name, value in settings_dict(plan.base).items() if name not in swept}
            | self.reading,
            "axes": [{"name": axis.name, "values": list(axis.plain)} for axis in plan.axes],
            "metrics": [str(metric) for metric in plan.metrics],
            "objective": None if plan.objective is None else _objective_dict(plan.objective, plan),
            "matches": self.matches,
            "inputs": [{"path": path, "bytes": size, **dict(counts)} for path, size, counts in inputs],
            "points": list(self.rows()) if points else [],
            "best": [_best_dict(best, plan) for best in self.best],
            "without_best": [_without_best_dict(one, plan) for one in self.without_best],
            "undefined": {name: {"points": one.points, "reason": one.reason} for name, one in self.undefined.items()},
            "findings": [{**finding.to_dict(), "models": list(names)} for finding, names in self.findings.items()],
            "versions": dict(self.versions),
        }


def field_name(axis: str) -> str:
    """The field of Params that an option sets."""
    return "areas" if axis == "area" else axis


def _plain(name: str, value: Any, text: str) -> Any:
    if value is None or isinstance(value, bool) or name in ("min_score", "nms"):
        return value
    return value[0] if name == "max_dets" and len(value) == 1 else text


def _key(name: str, value: Any) -> float | None:
    """Where a number stands among those of its axis: no score cut is the lowest, no NMS the highest."""
    if name == "min_score":
        return -math.inf if value is None else float(value)
    if name == "nms":
        return math.inf if value is None else float(value)
    return float(value[0]) if name in ("iou", "max_dets") and len(value) == 1 else None


def _check_where(objective: Objective, axes: Sequence[Axis]) -> None:
    lengths = {axis.name: len(axis) for axis in axes}
    for name, positions in objective.where:
        if name not in lengths:
            raise usage_error(f"objective: {name} is not an axis of this sweep{nearest(name, list(lengths))}")
        if not positions or not all(0 <= position < lengths[name] for position in positions):
            raise usage_error(f"objective: where {name} matches no point")


def _objective_dict(objective: Objective, plan: Plan) -> dict[str, Any]:
    return {"metric": str(objective.metric), "where": _some_values(objective.where, plan),
            "min": {str(metric): least for metric, least in objective.minimum}}


def _best_dict(best: Best, plan: Plan) -> dict[str, Any]:
    assert plan.objective is not None
    return {
        "model": best.model, "metric": str(plan.objective.metric), "value": best.value,
        "settings": {axis.name: axis.plain[i] for axis, i in zip(plan.axes, best.position, strict=True)},
        "within_1_percent": _some_values(best.flat, plan), "open_ends": dict(best.open_ends),
    }


def _without_best_dict(one: WithoutBest, plan: Plan) -> dict[str, Any]:
    assert plan.objective is not None
    metrics = [str(metric) for metric, _ in plan.objective.minimum]
    return {"model": one.model, "reason": one.reason, "value": one.value,
            "highest": dict(zip(metrics, one.highest, strict=False))}


def _some_values(chosen: Sequence[tuple[str, tuple[int, ...]]], plan: Plan) -> dict[str, list[Any]]:
    values = {axis.name: axis.plain for axis in plan.axes}
    return {name: [values[name][i] for i in positions] for name, positions in chosen}
