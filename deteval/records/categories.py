"""Which classes a run scores: all, some by name, id or glob, or all as one."""

from fnmatch import fnmatchcase

import numpy as np

from deteval.errors import nearest, shortened, usage_error
from deteval.records.dataset import Bools, Categories, Floats, Positions
from deteval.records.params import Params
from deteval.records.score_cuts import ScoreCuts

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


def cuts_by_class(cuts: ScoreCuts, categories: Categories, scored: Bools) -> Floats:
    """The lowest score that counts, shape (categories,), +inf for classes that are dropped, -inf for those not scored.

    scored: shape (categories,). `DetevalError` (usage) for a cut whose class is unknown (see `_named`), and for a
    scored class that has neither a cut of its own nor the default.
    """
    values = np.full(len(categories), np.nan)
    for position, score in _named(cuts, categories).items():
        values[position] = score
    without = np.flatnonzero(np.isnan(values) & scored).tolist()
    if without and cuts.default is None:
        more = f" (and {len(without) - 1:,} more have none)" if without[1:] else ""
        raise usage_error(f"{cuts.origin.place()}: class {shortened(categories.names[without[0]])} has no score "
                          f"cut{more}; give it one, or a `default` for all such classes, or score without it "
                          "(--classes)")
    values[without] = cuts.default
    values[~scored] = -np.inf
    return values


def on_default(cuts: ScoreCuts, categories: Categories, scored: Bools) -> list[str]:
    """The scored classes that have no cut of their own, by name."""
    own = _named(cuts, categories)
    return [categories.names[position] for position in np.flatnonzero(scored).tolist() if position not in own]


def _named(cuts: ScoreCuts, categories: Categories) -> dict[int, float]:
    """The score cuts by position of their class: exactly that of the name, or else of the id.

    `DetevalError` (usage) for a class that the ground truth lacks, and one that is named twice, by name and id.
    """
    places = {str(key): position for position, key in enumerate(categories.ids.tolist())}
    places |= {name: position for position, name in enumerate(categories.names)}
    named: dict[int, str] = {}
    for name, _ in cuts.classes:
        if name not in places:
            raise usage_error(f"{cuts.origin.place(name)}: class {shortened(name)} is not among the {len(categories)} "
                              f"of the ground truth{nearest(name, list(categories.names))}")
        if places[name] in named:
            raise usage_error(f"{cuts.origin.place(name)}: {shortened(named[places[name]])} and {shortened(name)} are "
                              "the same class")
        named[places[name]] = name
    return {places[name]: float(score) for name, score in cuts.classes}
