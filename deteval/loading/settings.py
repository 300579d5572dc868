"""Settings by option name, from the command line or YAML, to Params and Reading."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from deteval.errors import DetevalError, shortened, usage_error
from deteval.records.findings import ALLOWABLE
from deteval.records.numbers import number_text, parse_number, parse_numbers
from deteval.records.params import AreaRange, Params, parse_area
from deteval.records.reading import COCO_80_TO_91, Reading
from deteval.records.score_cuts import ScoreCuts


def parse_iou(value: Any) -> tuple[float, ...]:
    """Thresholds from `.5:.95:.05`, `.3,.5`, a number, or a list of those."""
    if value == []:
        return ()
    try:
        return parse_numbers(_text(value))
    except ValueError as error:
        raise usage_error(f"iou: {error}") from None


def parse_max_dets(value: Any) -> tuple[int, ...]:
    """Caps from `1,10,100`, a number or a list."""
    caps: list[int] = []
    if value == []:
        return ()
    for item in _text(value).split(","):
        if not (item.strip().isascii() and item.strip().isdigit()):
            raise usage_error(f"max_dets: {item.strip()!r} is not a whole number of at least 1")
        caps.append(int(item))
    return tuple(caps)


def parse_areas(value: Any) -> tuple[AreaRange, ...]:
    """Area ranges from a name, `name:lo-hi`, or a list of those."""
    items = [part for item in _list(value) for part in _text(item).split(",")]
    return tuple(area for item in items for area in parse_area(item.strip()))


_OFFSET = re.compile(r"[-+]\d{1,18}")


def parse_category_map(value: Any) -> dict[str, Any]:
    """The Reading fields of `+1`, `coco80to91`, or a YAML file of `predicted: ground truth` pairs."""
    text = f"{value:+d}" if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text:
        raise usage_error(f"category_map: {shortened(value)} is neither a number to add, as +1, nor coco80to91 nor the "
                          "path of a YAML file")
    if text == "coco80to91":
        return {"category_map": COCO_80_TO_91, "closed_map": True}
    if _OFFSET.fullmatch(text):
        return {"category_offset": int(text)}
    from deteval.loading.yaml_file import read_yaml  # most runs need no YAML

    document = read_yaml(text)
    if not isinstance(document.value, dict) or not document.value:
        raise document.error((), "a category map holds lines `predicted: ground truth`, ids or names")
    for key, target in document.value.items():
        if not all(isinstance(one, (int, str)) and not isinstance(one, bool) for one in (key, target)):
            raise document.error((key,), f"{key!r}: {target!r} is not a pair of ids or names")
    return {"category_map": document.value}


def _text(value: Any) -> str:
    """A value of any YAML type as the command line would write it."""
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is neither text nor a number")
    return value if isinstance(value, str) else number_text(value)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _number(name: str) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        try:
            return parse_number(_text(value))
        except ValueError:
            raise usage_error(f"{name}: {value!r} is not a finite number") from None

    return parse


def _number_or_none(name: str) -> Callable[[Any], float | None]:
    parse = _number(name)
    return lambda value: None if value in (None, "none") else parse(value)


def _score_cuts(value: Any) -> ScoreCuts | None:
    """Score cuts from a file, or from the settings of a score JSON."""
    if value in (None, "none") or isinstance(value, ScoreCuts):
        return value if isinstance(value, ScoreCuts) else None
    from deteval.loading.operating_points_file import parse_operating_points, read_operating_points

    if isinstance(value, Mapping):
        return parse_operating_points(value)
    if not isinstance(value, str) or not value:
        raise usage_error(f"operating_points: {value!r} is not the path of a YAML file")
    return read_operating_points(value)


def _flag(name: str) -> Callable[[Any], bool]:
    def parse(value: Any) -> bool:
        if not isinstance(value, bool):
            raise usage_error(f"{name}: {value!r} must be true or false")
        return value

    return parse


def _word(value: Any) -> str:
    return _text(value)


def _words(value: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in _list(value))


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "similarity": _word,
    "iou": parse_iou,
    "max_dets": parse_max_dets,
    "area": parse_areas,
    "area_source": _word,
    "class_agnostic": _flag("class_agnostic"),
    "classes": _words,
    "min_score": _number_or_none("min_score"),
    "honour_ignore": _flag("honour_ignore"),
    "nms": _number_or_none("nms"),
    "operating_points": _score_cuts,
    "box_format": _word,
    "category_map": lambda value: value,
    "match_images": _word,
    "default_score": _number("default_score"),
    "allow": _words,
    "lenient": _flag("lenient"),
}
SETTINGS = tuple(_PARSERS)
"""Names of all settings, as options of the command line and keys of a YAML file."""
_FILES = ("category_map", "operating_points")
"""Settings whose value may be the path of a YAML file."""


class Settings(Struct, frozen=True):
    """Everything that shapes the numbers: how files are read and how boxes are matched."""

    params: Params
    reading: Reading
    reading_values: dict[str, Any]
    """The reading options by name, as given, for the JSON report."""


def read_config(path: str | Path, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings of a score YAML by name, checked; paths in it are relative to it, and become whole.

    extra: names of keys that are allowed besides the settings. A key without value stands for the default.
    """
    from deteval.loading.yaml_file import read_yaml

    document = read_yaml(path)
    document.check_keys((), document.value, [*SETTINGS, *extra])
    values = {name: value for name, value in document.value.items() if value is not None}
    values = settings_beside(path, values)
    try:
        if "images" in values:
            check_images(values["images"])
        make_settings({name: value for name, value in values.items() if name in SETTINGS})
    except DetevalError as error:
        raise document.error((setting_of(error, values),), str(error)) from None
    return values


def check_images(value: Any) -> str:
    """The path of an image list from a YAML file; `DetevalError` (usage) for what is none."""
    if not isinstance(value, str) or not value:
        raise usage_error(f"images: {shortened(value)} is not the path of a file that lists images")
    return value


def setting_of(error: DetevalError, values: Mapping[str, Any]) -> str:
    """The name of the setting that an error of `make_settings` is about: it begins with it, or with the file it names.
    """
    text = str(error)
    return next((name for name in _FILES if text.startswith(f"{values.get(name)}:")), text.partition(":")[0])


def settings_beside(path: str | Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a YAML file whose paths, which are relative to it, become those of the current folder."""
    names = [name for name in _FILES if isinstance(values.get(name), str) and _names_a_file(name, values[name])]
    return {**values, **{name: str(Path(path).parent / values[name]) for name in names}}


def files_of(values: Mapping[str, Any]) -> list[str]:
    """The files that settings by option name refer to."""
    return [values[name] for name in _FILES if isinstance(values.get(name), str) and _names_a_file(name, values[name])]


def _names_a_file(name: str, value: str) -> bool:
    return value not in ("", "none") if name == "operating_points" else names_a_file(value)


def names_a_file(category_map: Any) -> bool:
    """Whether a category map is neither an offset nor the built-in one."""
    return isinstance(category_map, str) and category_map not in ("", "coco80to91") \
        and not _OFFSET.fullmatch(category_map)


def make_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from values by option name, of any type that YAML or the command line gives them."""
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        try:
            parsed[name] = _PARSERS[name](value)
        except (ValueError, OverflowError) as error:
            raise usage_error(f"{name}: {error}") from None
    if "area" in parsed:
        parsed["areas"] = parsed.pop("area")
    if "category_map" in parsed:
        parsed |= {"category_map": {}} | parse_category_map(parsed["category_map"])
    if parsed.pop("lenient", False):
        parsed["allow"] = ALLOWABLE
    if "allow" in parsed:
        parsed["allow"] = frozenset(parsed["allow"])
    of_params, of_reading = (kind.__struct_fields__ for kind in (Params, Reading))
    return Settings(
        params=Params(**{name: value for name, value in parsed.items() if name in of_params}),
        reading=Reading(**{name: value for name, value in parsed.items() if name in of_reading}),
        reading_values={name: values.get(name) for name in SETTINGS[SETTINGS.index("box_format"):] if name in values},
    )
