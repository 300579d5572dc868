"""Slices: named sets of images, told by fields of the image records, by file name or by id."""

import fnmatch
import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval.errors import and_more, nearest
from deteval.loading.image_fields import field_values, unknown_field
from deteval.loading.image_list import listed_positions
from deteval.loading.join import UNKNOWN
from deteval.loading.yaml_file import Keys, YamlFile, read_yaml
from deteval.records.dataset import Bools, Images, Ints

CONDITIONS = ["image", "file_name", "ids"]
SHOWN_VALUES = 8
"""How many of the values that a field has a message lists."""


class SliceRule(Struct, frozen=True):
    """What the images of a slice have in common: every condition must hold, of one condition any value.

    file, keys: where the rule stands, for messages. fields: name -> values of the image records. file_names: globs.
    ids: as the file writes them.
    """

    name: str
    file: YamlFile
    keys: Keys
    fields: dict[str, tuple[Any, ...]] = {}
    file_names: tuple[str, ...] = ()
    ids: tuple[Any, ...] = ()


def read_slices(path: str | Path) -> dict[str, SliceRule]:
    """The rules of a YAML file: a mapping of names, by itself or under the one key `slices`."""
    file = read_yaml(path)
    if isinstance(file.value, dict) and list(file.value) == ["slices"]:
        return parse_slices(file, ("slices",), file.value["slices"])
    return parse_slices(file, (), file.value)


def parse_slices(file: YamlFile, keys: Keys, value: Any) -> dict[str, SliceRule]:
    """The rules that stand at `keys` of a YAML file, by name; `DetevalError` (usage) with the line for what is wrong.
    """
    if not isinstance(value, dict) or not value:
        raise file.error(keys, "slices are a mapping of names, as night: {image: {timeofday: night}}")
    rules = {}
    for name, conditions in value.items():
        place = (*keys, name)
        if not isinstance(conditions, dict) or not conditions:
            raise file.error(place, f"slice {name}: a mapping with keys {', '.join(CONDITIONS)} is needed, as "
                             "{image: {timeofday: night}}")
        file.check_keys(place, conditions, CONDITIONS)
        rule = SliceRule(name=str(name), file=file, keys=place)
        if "image" in conditions:
            rule = replace(rule, fields=_fields(file, (*place, "image"), conditions["image"]))
        if "file_name" in conditions:
            globs = _values(file, (*place, "file_name"), conditions["file_name"], (str,), "a file name or glob")
            rule = replace(rule, file_names=globs)
        if "ids" in conditions:
            rule = replace(rule, ids=_values(file, (*place, "ids"), conditions["ids"], (int, str), "an image id"))
        rules[str(name)] = rule
    return rules


def _fields(file: YamlFile, keys: Keys, value: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(value, dict) or not value:
        raise file.error(keys, "image: fields of the image records and their values are needed, as {timeofday: night}")
    return {str(name): _values(file, (*keys, name), wanted, (str, int, float, bool), "a text, a number or a boolean")
            for name, wanted in value.items()}


def _values(file: YamlFile, keys: Keys, value: Any, kinds: tuple[type, ...], what: str) -> tuple[Any, ...]:
    """One value or a list of them; a boolean is no number."""
    values = value if isinstance(value, list) else [value]
    for one in values or [None]:
        if one is None:
            raise file.error(keys, f"{keys[-1]}: {what} is needed, or a list of them")
        if not isinstance(one, kinds) or (isinstance(one, bool) and bool not in kinds):
            raise file.error(keys, f"{keys[-1]}: {one!r} is not {what}; put it in quotes if it is meant as text")
    return tuple(values)


def select(rule: SliceRule, images: Images) -> Ints:
    """Ascending positions of the images of a slice; `DetevalError` (usage) with the line if there is none, or if it
    asks for a field, value or id that no image has.
    """
    kept: Bools = np.ones(len(images), bool)
    for name, wanted in rule.fields.items():
        kept &= _having(rule, images, name, wanted)
    if rule.file_names:
        kept &= _named(rule, images)
    if rule.ids:
        kept &= _listed(rule, images)
    if not kept.any():
        raise rule.file.error(rule.keys, f"slice {rule.name}: no image fits all its conditions")
    return np.flatnonzero(kept)


def _having(rule: SliceRule, images: Images, name: str, wanted: tuple[Any, ...]) -> Bools:
    """Which images have one of the values in a field. true is not 1, and 1 is not "1"."""
    keys = (*rule.keys, "image", name)
    values = field_values(images, name)
    if values is None:
        raise rule.file.error(keys, f"slice {rule.name}: {unknown_field(images, name)}")
    told_apart = [(isinstance(value, bool), value) for value in values]
    there = set(told_apart)
    for value in wanted:
        if (isinstance(value, bool), value) not in there:
            known = sorted({repr(one) for one in values if one is not None})
            hint = nearest(value, sorted({one for one in values if isinstance(one, str)})) \
                if isinstance(value, str) else ""
            more = f" and {len(known) - SHOWN_VALUES:,} others" if len(known) > SHOWN_VALUES else ""
            raise rule.file.error(keys, f"slice {rule.name}: no image has {name} {value!r}{hint} (there are "
                                  f"{', '.join(known[:SHOWN_VALUES])}{more})")
    chosen = {(isinstance(value, bool), value) for value in wanted}
    return np.array([value in chosen for value in told_apart], bool)


def _named(rule: SliceRule, images: Images) -> Bools:
    """Which images have a file name that fits a glob, as a whole or by its last part."""
    kept: Bools = np.zeros(len(images), bool)
    for pattern in rule.file_names:
        fits = re.compile(fnmatch.translate(pattern)).match
        found = np.array([name is not None and bool(fits(name) or fits(PurePosixPath(name).name))
                          for name in images.file_names], bool)
        if not found.any():
            named = [name for name in images.file_names if name is not None]
            like = f"names are like {named[0]!r}" if named else "the images have no file names"
            raise rule.file.error((*rule.keys, "file_name"), f"slice {rule.name}: no file name fits {pattern!r} "
                                  f"({like})")
        kept |= found
    return kept


def _listed(rule: SliceRule, images: Images) -> Bools:
    """Which images are listed by id."""
    found = listed_positions(rule.ids, images)
    unknown = [key for key, position in zip(rule.ids, found, strict=True) if position == UNKNOWN]
    if unknown:
        raise rule.file.error((*rule.keys, "ids"), f"slice {rule.name}: {unknown[0]!r} is not an image of the ground "
                              f"truth{and_more(len(unknown))}")
    kept: Bools = np.zeros(len(images), bool)
    kept[found] = True
    return kept
