"""The values of one axis of a sweep, from anything that YAML or a caller writes for it.

An axis is a single value, a list of values, or a text that is a range (`".05:.95:.05"`: one point per step). A text
within a list, or a list within a list, is one setting, as the option of that name takes it.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import Any

from deteval.errors import nearest, usage_error
from deteval.loading.settings import SETTINGS, make_settings, parse_areas, parse_iou, parse_max_dets, settings_beside
from deteval.records.metric import Metric
from deteval.records.numbers import number_text, parse_numbers, position_of, thresholds_text
from deteval.records.params import AREA_SOURCES, SIMILARITIES, areas_text
from deteval.records.sweep import CHEAP, COSTLY, Axis

NAMES = tuple(name for name in SETTINGS if name in CHEAP + COSTLY)
"""Every setting that can be an axis."""
MOST_VALUES = 100_000
MOST_NAMED = 20
"""Values of an axis that a message lists."""
Setting = tuple[Any, str]
"""A value as Params takes it, and as the option of the command line does."""


def base_values(settings: Mapping[str, Any], axes: Mapping[str, Axis]) -> dict[str, Any]:
    """The settings that all points share. An axis takes the place of a setting of its name; of what it varies only a
    similarity is among them: the range of IoU thresholds depends on it.
    """
    shared = {name: value for name, value in settings.items() if name in SETTINGS and name not in axes}
    return shared | ({"similarity": axes["similarity"].values[0]} if "similarity" in axes else {})


def parse_axis(name: str, value: Any, folder: str | Path | None = None) -> Axis:
    """The axis of a setting; `DetevalError` (usage), beginning with the name, for what is wrong with it.

    folder: where paths among the values are relative to; by default the current folder.
    """
    _check_name(name)
    items = _items(name, value)
    if not items:
        raise usage_error(f"{name}: an axis needs at least one value")
    if len(items) > MOST_VALUES:
        raise usage_error(f"{name}: {len(items):,} values are more than the {MOST_VALUES:,} an axis may have")
    try:
        settings = [_operating_points(item, folder) if name == "operating_points" else _PARSERS[name](item)
                    for item in items]
    except (ValueError, OverflowError) as error:
        raise usage_error(f"{name}: {error}") from None
    seen: set[Any] = set()
    texts: set[str] = set()
    for one, text in settings:
        if one in seen:
            raise usage_error(f"{name}: {text} is given twice")
        if text in texts:  # a class whose name holds a comma
            raise usage_error(f"{name}: {text} would stand for two settings; name one of them by ids")
        seen.add(one)
        texts.add(text)
    return Axis(name, tuple(one for one, _ in settings), tuple(text for _, text in settings))


def find_positions(axis: Axis, value: Any, folder: str | Path | None = None) -> tuple[int, ...]:
    """Where the values given stand on an axis, ascending; `DetevalError` (usage) for one that the axis does not have.

    A single IoU threshold or number is looked up within 1e-9.
    """
    found = set()
    wanted = parse_axis(axis.name, value, folder)
    for one, text in zip(wanted.values, wanted.texts, strict=True):
        position = _find(axis, one)
        if position is None:
            raise usage_error(f"{axis.name}: {text} is not a value of this axis{_instead(axis, text)}")
        found.add(position)
    return tuple(sorted(found))


def _instead(axis: Axis, text: str) -> str:
    """The values that an axis has, or the nearest one if they are very many words."""
    texts, order = list(axis.texts), axis.ascending
    if len(texts) <= MOST_NAMED:
        return f"; it has {', '.join(texts)}"
    return nearest(text, texts) if order is None else \
        f"; it has {len(texts):,} values from {texts[order[0]]} to {texts[order[-1]]}"


def least_value(metrics: Sequence[Metric], name: str, least: Any) -> tuple[Metric, float]:
    """A metric and what it must come to; `DetevalError` (usage) if the name is none or several, or not from 0 to 1."""
    if len(metrics) != 1:
        raise usage_error(f"min: {name!r} is not one metric")
    if isinstance(least, bool) or not isinstance(least, (int, float)) or not 0 <= least <= 1:
        raise usage_error(f"min: {name}: {least!r} is not a number from 0 to 1")
    return metrics[0], float(least)


def _find(axis: Axis, value: Any) -> int | None:
    if value in axis.values:
        return axis.values.index(value)
    near = value[0] if axis.name == "iou" and len(value) == 1 else value
    if not isinstance(near, float):
        return None
    numbers = [_number(one) for one in axis.values]
    return position_of(near, tuple(float("inf") if one is None else one for one in numbers))


def _number(value: Any) -> float | None:
    """A value, or the only one of a setting, as a number."""
    value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return float(value) if isinstance(value, (int, float)) else None


def _check_name(name: str) -> None:
    if name in NAMES:
        return
    if name in SETTINGS or name == "images":
        what = "which images are scored" if name == "images" else "how files are read"
        raise usage_error(f"{name}: says {what} and cannot be an axis; put it under settings")
    raise usage_error(f"{name}: is not a setting that can be swept{nearest(name, list(NAMES))}")


def _items(name: str, value: Any) -> list[Any]:
    """The settings of an axis, each as it was written, or a value of a range."""
    if isinstance(value, str) and ":" in value and "," not in value and name in _RANGES:
        try:
            return _RANGES[name](value)
        except (ValueError, InvalidOperation) as error:
            raise usage_error(f"{name}: {error}") from None
    if hasattr(value, "tolist"):  # an array
        value = value.tolist()
    return list(value) if isinstance(value, (list, tuple, range)) else [value]


def _decimal_range(text: str) -> list[Any]:
    """Numbers of a range as they would be written: 0.15, not the 0.15000000000000002 of binary steps."""
    numbers = parse_numbers(text)  # checks it
    start, _, step = (Decimal(part.strip()) for part in text.split(":"))
    return [float(start + place * step) for place in range(len(numbers))]


def _whole_range(text: str) -> list[Any]:
    numbers = _decimal_range(text)
    if any(number != int(number) for number in numbers):
        raise ValueError(f"{text.strip()!r}: caps are whole numbers")
    return [int(number) for number in numbers]


_RANGES: dict[str, Callable[[str], list[Any]]] = {
    "iou": lambda text: list(parse_numbers(text)), "max_dets": _whole_range, "min_score": _decimal_range,
    "nms": _decimal_range,
}


def _iou(item: Any) -> Setting:
    _refuse_nothing("iou", item)
    thresholds = tuple(sorted(set(chain.from_iterable(parse_iou(one) for one in _members(item)))))
    return thresholds, thresholds_text(thresholds)


def _max_dets(item: Any) -> Setting:
    _refuse_nothing("max_dets", item)
    if isinstance(item, str) and ":" in item:
        raise usage_error(f"max_dets: {item!r} within a list is one setting, and caps are written out, as '1,10,100'; "
                          "a range of points stands by itself")
    caps = tuple(sorted(set(chain.from_iterable(parse_max_dets(one) for one in _members(item)))))
    make_settings({"max_dets": list(caps)})
    return caps, ",".join(map(str, caps))


def _area(item: Any) -> Setting:
    _refuse_nothing("area", item)
    areas = tuple(chain.from_iterable(parse_areas(one) for one in _members(item)))
    make_settings({"area": [areas_text((area,)) for area in areas]})
    return areas, areas_text(areas)


def _optional_number(name: str) -> Callable[[Any], Setting]:
    def parse(item: Any) -> Setting:
        if item is None or item == "none":
            return None, "none"
        if isinstance(item, str) and ":" in item:
            raise usage_error(f"{name}: {item!r} within a list is one setting, and {name} is a single number; "
                              "a range of points stands by itself")
        value = getattr(make_settings({name: _scalar(name, item)}).params, name)
        return value, number_text(value)

    return parse


def _word(name: str, valid: list[str]) -> Callable[[Any], Setting]:
    def parse(item: Any) -> Setting:
        if item not in valid:
            raise usage_error(f"{name}: {item!r} is not one of {', '.join(valid)}{nearest(str(item), valid)}")
        return item, item

    return parse


def _flag(name: str) -> Callable[[Any], Setting]:
    def parse(item: Any) -> Setting:
        if not isinstance(item, bool):
            raise usage_error(f"{name}: {item!r} must be true or false")
        return item, "true" if item else "false"

    return parse


def _classes(item: Any) -> Setting:
    """Some classes; null, none and * are all of them."""
    if item in (None, "none", "*"):
        return (), "*"
    names = [part.strip() for part in item.split(",")] if isinstance(item, str) else _members(item)
    if not names or not all(isinstance(one, (str, int)) and not isinstance(one, bool) and one != "" for one in names):
        raise usage_error(f"classes: {item!r} is not a list of names, ids or globs")
    texts = tuple(map(str, names))
    return texts, ",".join(texts)


def _operating_points(item: Any, folder: str | Path | None) -> Setting:
    """Score cuts from a file or from what a score JSON holds; null and none are no cuts."""
    if item is None or item == "none":
        return None, "none"
    values = settings_beside(Path(folder) / "sweep.yaml", {"operating_points": item}) if folder is not None else \
        {"operating_points": item}
    cuts = make_settings(values).params.operating_points
    assert cuts is not None
    file = values["operating_points"]
    return cuts, file if isinstance(file, str) else f"{{{cuts.digest()}}}"


def _members(item: Any) -> list[Any]:
    """The parts of one setting."""
    if hasattr(item, "tolist"):
        item = item.tolist()
    return list(item) if isinstance(item, (list, tuple, set, frozenset)) else [item]


def _refuse_nothing(name: str, item: Any) -> None:
    if item is None or isinstance(item, Mapping) or (isinstance(item, (list, tuple)) and not item):
        raise usage_error(f"{name}: {item!r} is not a setting; leave it out, or write the default")


def _scalar(name: str, item: Any) -> Any:
    if isinstance(item, (list, tuple, Mapping)):
        raise usage_error(f"{name}: {item!r} is not a finite number")
    return item


_PARSERS: dict[str, Callable[[Any], Setting]] = {
    "similarity": _word("similarity", list(SIMILARITIES)), "iou": _iou, "max_dets": _max_dets, "area": _area,
    "area_source": _word("area_source", list(AREA_SOURCES)), "class_agnostic": _flag("class_agnostic"),
    "classes": _classes, "min_score": _optional_number("min_score"), "honour_ignore": _flag("honour_ignore"),
    "nms": _optional_number("nms"),
}
