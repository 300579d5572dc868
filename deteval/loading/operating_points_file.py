"""The YAML file of operating points: a score cut per class, as `deteval operating-points --format yaml` writes it."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from deteval.errors import DetevalError, nearest, shortened, usage_error
from deteval.records.score_cuts import DROP, Origin, ScoreCuts, checked_cut

if TYPE_CHECKING:
    from deteval.loading.yaml_file import YamlFile

VERSION = 1
KEYS = ("version", "chosen", "iou", "signature", "fingerprint", "default", "classes")
"""What the file may hold; `default` and `classes` are scores, or `drop`, the others say where it comes from."""
MOST_NODES = 1_000_000
"""Keys and values of a file at most: half a million classes."""

Refuse = Callable[[tuple[str | int, ...], str], DetevalError]
"""The error for a part, by its keys, and what is wrong with it."""


def read_operating_points(path: str | Path) -> ScoreCuts:
    """The score cuts of a file; `DetevalError` (usage) names the line of what is wrong."""
    from deteval.loading.yaml_file import read_yaml  # most runs need no YAML

    file = read_yaml(path, MOST_NODES)
    if not isinstance(file.value, Mapping):
        raise file.error((), f"a mapping with keys {', '.join(KEYS)} is needed")
    for key, value in file.value.items():
        if key not in KEYS:
            raise file.error((key,), f"unknown key {shortened(key)}{_meant(key, value, KEYS)}")
    file.check_version(VERSION)
    return replace(_score_cuts(file.value, file.error), origin=_origin(file))


def parse_operating_points(value: Mapping[str, Any]) -> ScoreCuts:
    """The score cuts of a mapping with `classes` and `default`, as a JSON's settings hold it."""

    def refuse(_: tuple[str | int, ...], problem: str) -> DetevalError:
        return usage_error(f"operating_points: {problem}")

    for key, one in value.items():
        if key not in ("classes", "default"):
            raise refuse((), f"unknown key {shortened(key)}{_meant(key, one, ('classes', 'default'))}; the path of a "
                             "YAML file is needed, or a mapping with classes and default")
    return _score_cuts(value, refuse)


def _meant(key: Any, value: Any, valid: tuple[str, ...]) -> str:
    """What an unknown key may stand for: a class, where its value is one of a class, or a valid key that is near."""
    is_cut = value is None or value == DROP or (isinstance(value, (int, float)) and not isinstance(value, bool))
    near = nearest(str(key), ["classes", "default"] if is_cut else list(valid))
    return near or ("; if it is a class: classes stand under `classes:`" if is_cut else "")


def _origin(file: "YamlFile") -> Origin:
    """Where the cuts stand, and where they were chosen, as far as the file says it in the form that deteval writes."""
    iou, text = file.value.get("iou"), file.value.get("signature")
    known = float(iou) if isinstance(iou, (int, float)) and not isinstance(iou, bool) else None
    lines = {str(name): file.lines[("classes", name)] for name in file.value.get("classes") or {}}
    return Origin(file.path, lines, known, text if isinstance(text, str) else None)


def _score_cuts(value: Mapping[str, Any], refuse: Refuse) -> ScoreCuts:
    """What stands under `classes` and `default`."""
    classes, default = value.get("classes"), value.get("default")
    if not isinstance(classes, Mapping) and (classes is not None or default is None):
        raise refuse(("classes",), "classes must be lines `class: score`, as person: 0.41")
    cuts: dict[str, float] = {}
    for name, score in (classes or {}).items():
        keys, text = ("classes", name), str(name)
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            raise refuse(keys, f"{name!r} is neither the name nor the id of a class; put a name in quotes")
        if text in cuts:
            raise refuse(keys, f"class {shortened(text)} stands here for the second time")
        if score is None:
            raise refuse(keys, f"class {shortened(text)} has no score cut: write a score, {DROP} to keep nothing of "
                               "it, or take the line out so that the default holds")
        cuts[text] = _cut(f"class {shortened(text)}", score, keys, refuse)
    return ScoreCuts(tuple(cuts.items()), None if default is None else _cut("default", default, ("default",), refuse))


def _cut(what: str, score: Any, keys: tuple[str | int, ...], refuse: Refuse) -> float:
    """A score, or +inf for `drop`; a number too large for a float, which YAML reads as infinity, is no way to drop."""
    if score == math.inf:
        raise refuse(keys, f"{what}: {score} is not a finite score; write {DROP} to keep nothing")
    try:
        return checked_cut(what, score)
    except ValueError as error:
        raise refuse(keys, str(error)) from None
