"""Where a command writes, checked in one place before any work: never over a file that it reads."""

import os
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from deteval.errors import usage_error
from deteval.reports.writer import check_target, is_one_of

STDOUT = "-"
TARGETS = {"output": "-o", "matches": "--matches", "save_evidence": "--save-evidence", "junit": "--junit",
           "ids": "--ids", "html": "--html"}
"""Every option that names a file to write, by the name of its value."""
SOURCES = ("config", "ground_truth", "base", "baseline", "slices", "images", "cluster_by")
"""Options that name a file to read, or may; `category_map` and `operating_points`, which are settings, besides."""
RESULTS = (".html", ".htm", ".txt", ".json", ".jsonl", ".csv", ".md", ".yaml", ".yml", ".npz", ".xml")
"""Endings of what commands write; any other file in the folder of --images-dir is taken for a picture."""


def check_targets(given: Mapping[str, Any], inputs: Iterable[str], more: Mapping[str, str] | None = None) -> None:
    """Refuse (usage) outputs that cannot be written, or that would overwrite an input or each other.

    given: values by option name. inputs: files that are read and stand in no option: arguments, and what a YAML or a
    baseline names. more: files that are added to, which may be none that is read; by what names them.
    """
    from deteval.loading.settings import files_of  # not above: numpy one import deeper costs a start 10 ms

    sources = [*inputs, *(str(given[name]) for name in SOURCES if given.get(name)), *files_of(given)]
    sources = [path for path in sources if path != STDOUT]
    targets: dict[str, str] = {}
    for name, option in TARGETS.items():
        target = given.get(name)
        if target == STDOUT and name != "output":
            raise usage_error(f"{name}: - is not a file; the result itself goes to stdout")
        if target not in (None, STDOUT):
            check_target(target, sources)
            if given.get("images_dir") and _is_picture(target, given["images_dir"]):
                raise usage_error(f"{target}: is an input too, a picture of --images-dir; write the result elsewhere")
            targets[option] = target
    for (option, target), (other, another) in combinations(targets.items(), 2):
        if os.path.realpath(target) == os.path.realpath(another):
            raise usage_error(f"{target}: is given for {option} and for {other}; they need a file each")
    for name, path in (more or {}).items():
        if is_one_of(path, sources):
            raise usage_error(f"{name}: {path} is an input too; write the summary elsewhere")


def _is_picture(path: str, folder: str) -> bool:
    """Whether a path leads to a file in the folder that is no earlier result; pictures may have any ending, or none."""
    real = os.path.realpath(path)
    inside = real.startswith(os.path.join(os.path.realpath(folder), ""))
    return inside and not real.lower().endswith(RESULTS) and os.path.exists(real)
