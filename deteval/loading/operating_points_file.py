"""The YAML file of operating points: a score cut per class, as `deteval operating-points --format yaml` writes it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deteval.errors import DetevalError, nearest, shortened, usage_error
from deteval.records.score_cuts import ScoreCuts

VERSION = 1
KEYS = ("version", "chosen", "iou", "signature", "fingerprint", "default", "classes")
"""What the file may hold; `default` and `classes` are read, the others say where it comes from."""

Refuse = Callable[[tuple[str | int, ...], str], DetevalError]
"""The error for a part, by its keys, and what is wrong with it."""


def read_operating_points(path: str | Path) -> ScoreCuts:
    """The score cuts of a file; `DetevalError` (usage) names the line of what is wrong."""
    from deteval.loading.yaml_file import read_yaml  # most runs need no YAML

    file = read_yaml(path)
    file.check_keys((), file.value, list(KEYS))
    version = file.value.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        raise file.error(("version",), f"version {version!r} is not known; this deteval reads version {VERSION}")
    return _score_cuts(file.value, file.error)


def parse_operating_points(value: Mapping[str, Any]) -> ScoreCuts:
    """The score cuts of a mapping with `classes` and `default`, as a JSON's settings hold it."""

    def refuse(_: tuple[str | int, ...], problem: str) -> DetevalError:
        return usage_error(f"operating_points: {problem}")

    for key in value:
        if key not in ("classes", "default"):
            raise refuse((), f"unknown key {shortened(key)}{nearest(str(key), ['classes', 'default'])}; the path of a "
                             "YAML file is needed, or a mapping with classes and default")
    return _score_cuts(value, refuse)


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
            raise refuse(keys, f"class {shortened(text)} has no score cut, as none reached what was asked for; write a "
                               "score, or take the line out so that the default holds")
        try:
            cuts |= dict(ScoreCuts(((text, score),)).classes)
        except ValueError as error:
            raise refuse(keys, str(error)) from None
    try:
        return ScoreCuts(tuple(cuts.items()), default)
    except ValueError as error:
        raise refuse(("default",), str(error)) from None
