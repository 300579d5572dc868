"""Ids to positions."""

import re
from collections.abc import Sequence

import numpy as np

from deteval.errors import shortened
from deteval.records.dataset import Ids, Positions

UNKNOWN = -1
MOST_SPAN = 1 << 20
"""Ids that lie this close together are looked up in a table of 4 MiB."""
_ENDING = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp|gif|jp2|heic|avif|ppm|pgm|dng|npy)$", re.IGNORECASE)


def is_text(ids: Ids) -> bool:
    """Whether ids are strings."""
    return ids.dtype == object


def positions(known: Ids, wanted: Ids) -> Positions:
    """Where each wanted id stands among the known ones, which ascend; -1 where it does not. 1 is not "1"."""
    if not len(known) or not len(wanted) or is_text(known) != is_text(wanted):
        return np.full(len(wanted), UNKNOWN, np.int32)
    if is_text(known):
        place = {key: position for position, key in enumerate(known.tolist())}
        return np.array([place.get(key, UNKNOWN) for key in wanted.tolist()], np.int32)
    span = int(known[-1]) - int(known[0])
    if span < len(wanted) + MOST_SPAN:  # a table is faster than a search
        table = np.full(span + 2, UNKNOWN, np.int32)
        table[known - known[0]] = np.arange(len(known), dtype=np.int32)
        inside = (wanted >= known[0]) & (wanted <= known[-1])
        found: Positions = table[np.where(inside, wanted - known[0], span + 1)]
        return found
    found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[found] == wanted, found, UNKNOWN).astype(np.int32)


def named_positions(names: Sequence[str | None], wanted: Sequence[str]) -> Positions:
    """Where each wanted name first stands among `names`; -1 where it does not."""
    place: dict[str, int] = {}
    for position, name in enumerate(names):
        if name is not None:
            place.setdefault(name, position)
    return np.array([place.get(name, UNKNOWN) for name in wanted], np.int32)


def stem(name: str) -> str:
    """A file name without folders, without the ending of an image file, and a number without leading zeros.

    So that 139, "139.jpg" and "val2017/000000000139.jpg" are the same image.
    """
    bare = _ENDING.sub("", re.split(r"[/\\]", name)[-1])
    return str(int(bare)) if bare.isascii() and bare.isdigit() and len(bare) < 1000 else bare


def sample(ids: Sequence[object], most: int = 3) -> str:
    """A few ids, to show what they look like: `1, 2, 3, ..., 5000`."""
    if len(ids) <= most + 1:
        return ", ".join(map(shortened, ids))
    return ", ".join([*map(shortened, ids[:most]), "...", shortened(ids[-1])])
