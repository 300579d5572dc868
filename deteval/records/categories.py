"""Which classes a run scores: all, some by name, id or glob, or all as one."""

from fnmatch import fnmatchcase

import numpy as np

from deteval.errors import nearest, usage_error
from deteval.records.dataset import Categories, Positions
from deteval.records.params import Params

ALL_CLASSES = Categories(ids=np.array(["*"], dtype=object), names=("all classes",))
"""The one class of a class-agnostic run."""


def select_categories(categories: Categories, params: Params) -> tuple[Categories, Positions]:
    """The classes scored, and for every category its int32 position among them, -1 if it is left out."""
    chosen = np.zeros(len(categories), bool)
    for pattern in params.classes:
        chosen[find_categories(categories, pattern)] = True
    if not params.classes:
        chosen[:] = True
    position = np.full(len(categories), -1, np.int32)
    if params.class_agnostic:
        position[chosen] = 0
        return ALL_CLASSES, position
    position[chosen] = np.arange(chosen.sum(), dtype=np.int32)
    names = tuple(name for name, is_chosen in zip(categories.names, chosen, strict=True) if is_chosen)
    return Categories(ids=categories.ids[chosen], names=names), position


def find_categories(categories: Categories, pattern: str) -> list[int]:
    """Positions of the classes that a name, an id or a glob stands for; `DetevalError` (usage) if there is none."""
    if pattern == "*":  # all of them, even where one is called so
        return list(range(len(categories)))
    for candidates in (categories.names, [str(key) for key in categories.ids]):
        exact = [position for position, text in enumerate(candidates) if text == pattern]
        if exact:
            return exact
    matched = [position for position, name in enumerate(categories.names) if fnmatchcase(name, pattern)]
    if not matched:
        raise usage_error(
            f"class {pattern!r} is not among the {len(categories)} of the ground truth"
            f"{nearest(pattern, list(categories.names))}"
        )
    return matched
