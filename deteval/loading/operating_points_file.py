"""The YAML file of operating points: a score cut per class, as `deteval operating-points --format yaml` writes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deteval.errors import usage_error
from deteval.records.score_cuts import ScoreCuts

VERSION = 1
KEYS = ("version", "chosen", "iou", "signature", "fingerprint", "default", "classes")
"""What the file may hold; `default` and `classes` are read, the others say where it comes from."""


def read_operating_points(path: str | Path) -> ScoreCuts:
    """The score cuts of a file; `DetevalError` (usage) names the line of what is wrong."""
    from deteval.loading.yaml_file import read_yaml  # most runs need no YAML

    file = read_yaml(path)
    file.check_keys((), file.value, list(KEYS))
    if file.value.get("version", VERSION) != VERSION or isinstance(file.value.get("version"), bool):
        raise file.error(("version",), f"version {file.value['version']!r} is not known; this deteval reads version "
                                       f"{VERSION}")
    classes = file.value.get("classes")
    if not isinstance(classes, dict):
        raise file.error(("classes",), "classes must be lines `class: score`, as person: 0.41")
    for name, score in (*classes.items(), ("default", file.value.get("default", 0.0))):
        keys = ("default",) if name == "default" and name not in classes else ("classes", name)
        if score is None and keys != ("default",):
            raise file.error(keys, f"class {name!r} has no score cut, as none reached what was asked for; write a "
                             "score, or take the line out so that the default holds")
        if score is not None and (isinstance(score, bool) or not isinstance(score, (int, float))):
            raise file.error(keys, f"{name}: {score!r} is not a score")
    try:
        return ScoreCuts(tuple((str(name), score) for name, score in classes.items()), file.value.get("default"))
    except (ValueError, OverflowError) as error:
        raise file.error(("classes",), str(error)) from None


def parse_operating_points(value: Mapping[str, Any]) -> ScoreCuts:
    """The score cuts of a JSON's settings."""
    classes = value.get("classes")
    try:
        if isinstance(classes, Mapping) and set(value) <= {"classes", "default"}:
            return ScoreCuts(tuple(classes.items()), value.get("default"))
    except (TypeError, ValueError, OverflowError):
        pass
    raise usage_error("operating_points: is neither a YAML file nor {default: score, classes: {name: score}}")
