"""The YAML file of a sweep: models, axes, metrics and objective, each with the line it stands on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from deteval.errors import DetevalError, nearest
from deteval.loading.settings import SETTINGS, make_settings, settings_beside
from deteval.loading.source import STDIN
from deteval.loading.sweep_axes import base_values, find_positions, least_value, parse_axis
from deteval.loading.yaml_file import Keys, YamlFile, read_yaml
from deteval.records.metric import Metric, parse_metrics
from deteval.records.sweep import Axis

KEYS = ["version", "ground_truth", "predictions", "settings", "sweep", "metrics", "objective", "threads", "format",
        "digits"]
VERSION = 1
SHARDS = "shards of one model are a list under its name, as {large: [part1.json, part2.json]}"
AN_AXIS = "sweep: {min_score: \".05:.95:.05\", nms: [null, .5]}"
NO_METRICS = "there is no metric; name some, as [AP, F1], or leave the key out for AP and AR"


class SweepConfig(Struct, frozen=True):
    """What a sweep was asked for. Paths are as seen from the current folder.

    predictions: files by name of the model, several are shards. settings: score's options by name, and `images`.
    axes: by name, in the order of the file. metrics: empty where none are named. where: values that the objective
    allows, by axis, as written. minimum: what other metrics must come to there. places: `file:line` of every input
    file.
    """

    file: YamlFile
    ground_truth: str | None
    predictions: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Any]
    axes: Mapping[str, Axis]
    metrics: tuple[Metric, ...]
    objective: Metric | None
    where: Mapping[str, Any]
    minimum: tuple[tuple[Metric, float], ...]
    running: Mapping[str, Any]
    places: Mapping[str, str]
    stated: Mapping[str, Keys]


def read_sweep(path: str | Path) -> SweepConfig:
    """The sweep of a YAML file; `DetevalError` (usage) names the line and the nearest valid word."""
    file = read_yaml(path)
    file.check_keys((), file.value, KEYS)
    values = {key: value for key, value in file.value.items() if value is not None}
    file.check_version(VERSION)
    places: dict[str, str] = {}
    truth = _path(file, ("ground_truth",), values["ground_truth"], places) if "ground_truth" in values else None
    predictions = _predictions(file, values.get("predictions"), places)
    axes = _axes(file, values.get("sweep"))
    stated: dict[str, Keys] = {}
    metrics = _metrics(file, values.get("metrics"), stated)
    objective, where = _objective(file, values.get("objective"), stated)
    return SweepConfig(
        file=file, ground_truth=truth, predictions=predictions, settings=_settings(file, values, axes), axes=axes,
        metrics=metrics, objective=objective, where=where,
        minimum=_minimum(file, values.get("objective"), stated), places=places, stated=stated,
        running={key: values[key] for key in ("threads", "format", "digits") if key in values},
    )


def _path(file: YamlFile, keys: Keys, value: Any, places: dict[str, str]) -> str:
    """A path of the file, whose place is noted; `-` stays stdin."""
    if not isinstance(value, str) or not value:
        raise file.error(keys, f"{keys[0]}: {value!r} is not a path")
    path = value if value == STDIN else str(Path(file.path).parent / value)
    places.setdefault(path, f"{file.path}:{file.lines[keys]}")
    return path


def _predictions(file: YamlFile, value: Any, places: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The files of each model by its name; of a single path the path as written is the name."""
    keys: Keys = ("predictions",)
    if value in (None, "", {}):
        raise file.error(keys, "there is nothing to sweep over; name a file or several models, as predictions: "
                               "{small: a.json, large: b.json}")
    if isinstance(value, list):
        raise file.error(keys, "predictions: a list does not tell models from shards; name the models, as {small: "
                               f"a.json, large: b.json}}; {SHARDS}")
    if not isinstance(value, dict):
        return {str(value): (_path(file, keys, value, places),)}
    models: dict[str, tuple[str, ...]] = {}
    for key, files in value.items():
        if key in (None, ""):
            raise file.error((*keys, key), "predictions: a model without a name; give it one")
        if not str(key).isprintable():
            raise file.error((*keys, key), f"predictions: the name {str(key)!r} holds a control character")
        if str(key) in models:
            raise file.error((*keys, key), f"predictions: the name {str(key)!r} stands here for the second time")
        if files in (None, "", []):
            raise file.error((*keys, key), f"predictions: {key}: names no file")
        if not isinstance(files, list):
            models[str(key)] = (_path(file, (*keys, key), files, places),)
            continue
        shards = tuple(_path(file, (*keys, key, place), shard, places) for place, shard in enumerate(files))
        for place, shard in enumerate(shards):
            if shard in shards[:place]:
                raise file.error((*keys, key, place), f"predictions: {key}: {files[place]!r} is named twice")
        models[str(key)] = shards
    return models


def _settings(file: YamlFile, values: Mapping[str, Any], axes: Mapping[str, Axis]) -> dict[str, Any]:
    """Settings by option name, checked; paths become those of the current folder."""
    part = values.get("settings", {})
    file.check_keys(("settings",), part, [*SETTINGS, "images"])
    settings = settings_beside(file.path, {name: value for name, value in part.items() if value is not None})
    if "images" in settings:
        if not isinstance(settings["images"], str):
            raise file.error(("settings", "images"), f"images: {settings['images']!r} is not the path of a list of "
                                                     "images")
        settings["images"] = str(Path(file.path).parent / settings["images"])
    try:
        make_settings(base_values(settings, axes))
    except DetevalError as error:
        raise file.error(("settings", str(error).partition(":")[0]), str(error)) from None
    return settings


def _axes(file: YamlFile, part: Any) -> dict[str, Axis]:
    if part in (None, "", [], {}):
        raise file.error(("sweep",), f"there is no axis; write one or more, as {AN_AXIS}")
    if not isinstance(part, dict):
        raise file.error(("sweep",), f"sweep: axes by name are needed, as {AN_AXIS}")
    axes = {}
    for name, value in part.items():
        keys: Keys = ("sweep", name)
        if value in (None, "", [], {}):
            raise file.error(keys, f"{name}: has no value; give one, a list, or a quoted range such as \".1:.9:.1\"")
        if name == "operating_points" and any(isinstance(item, dict) for item in
                                              (value if isinstance(value, list) else [value])):
            raise file.error(keys, f"{name}: the values of this axis are files, which tell them apart in the report")
        try:
            axes[str(name)] = parse_axis(str(name), value, Path(file.path).parent)
        except DetevalError as error:
            raise file.error(keys, str(error)) from None
    return axes


def _metrics(file: YamlFile, part: Any, stated: dict[str, Keys]) -> tuple[Metric, ...]:
    """The metrics named, each once."""
    if part is None:
        return ()
    items = part if isinstance(part, list) else [part]
    found: dict[str, Metric] = {}
    for place, item in enumerate(items):
        keys: Keys = ("metrics", place) if isinstance(part, list) else ("metrics",)
        if not isinstance(item, str) or not item.strip():
            raise file.error(keys, NO_METRICS if item in (None, "") else f"metrics: {item!r} is not a metric")
        found |= {str(metric): metric for metric in _parse(file, keys, item)}
        stated |= {metric: keys for metric in found if metric not in stated}
    if not found:
        raise file.error(("metrics",), NO_METRICS)
    return tuple(found.values())


def _parse(file: YamlFile, keys: Keys, text: str) -> tuple[Metric, ...]:
    try:
        return parse_metrics(text)
    except DetevalError as error:
        raise file.error(keys, str(error)) from None


def _objective(file: YamlFile, part: Any, stated: dict[str, Keys]) -> tuple[Metric | None, dict[str, Any]]:
    """What is maximised, and the values that axes may take there."""
    if part is None:
        return None, {}
    keys: Keys = ("objective",)
    if not isinstance(part, (str, dict)) or not part:
        raise file.error(keys, f"objective: {part!r} is neither a metric nor {{metric: F1, where: {{iou: .5}}}}")
    if isinstance(part, dict):
        file.check_keys(keys, part, ["metric", "where", "min"])
    name = part if isinstance(part, str) else part.get("metric")
    if not isinstance(name, str) or not name:
        raise file.error(keys, "objective: which metric is to be highest? Name it, as {metric: F1, where: {iou: .5}}")
    keys = (*keys, "metric") if isinstance(part, dict) else keys
    metrics = _parse(file, keys, name)
    if len(metrics) != 1:
        raise file.error(keys, f"objective: {name!r} is not one metric")
    stated.setdefault(str(metrics[0]), keys)
    where = part.get("where") if isinstance(part, dict) else None
    if where is not None and not isinstance(where, dict):
        raise file.error(("objective", "where"), "where: names axes and the values allowed, as {iou: .5, area: all}")
    return metrics[0], dict(where or {})


def _minimum(file: YamlFile, objective: Any, stated: dict[str, Keys]) -> tuple[tuple[Metric, float], ...]:
    """What metrics other than the objective must come to at a point that is to be the best."""
    part = objective.get("min") if isinstance(objective, dict) else None
    if part is None:
        return ()
    keys: Keys = ("objective", "min")
    if not isinstance(part, dict) or not part:
        raise file.error(keys, f"min: {part!r} does not name metrics and their least values, as {{precision: 0.9}}")
    found: list[tuple[Metric, float]] = []
    for name, least in part.items():
        if not isinstance(name, str):
            raise file.error((*keys, name), f"min: {name!r} is not a metric")
        metrics = _parse(file, (*keys, name), name)
        try:
            found.append(least_value(metrics, name, least))
        except DetevalError as error:
            raise file.error((*keys, name), str(error)) from None
        if str(metrics[0]) in [str(metric) for metric, _ in found[:-1]]:
            raise file.error((*keys, name), f"min: {metrics[0]} stands here for the second time")
        stated.setdefault(str(metrics[0]), (*keys, name))
    return tuple(found)


def allowed_positions(config: SweepConfig, axes: Mapping[str, Axis]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Which positions of the axes the objective allows; `DetevalError` (usage) for an axis or a value that is not
    swept.
    """
    found = []
    for name, value in config.where.items():
        keys = ("objective", "where", name)
        if name not in axes:
            hint = nearest(str(name), list(axes)) or f"; there are {', '.join(axes)}"
            raise config.file.error(keys, f"where: {name!r} is not an axis of this sweep{hint}")
        try:
            found.append((name, find_positions(axes[name], value, Path(config.file.path).parent)))
        except DetevalError as error:
            raise config.file.error(keys, f"where: {error}") from None
    return tuple(found)
