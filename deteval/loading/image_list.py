"""A file that lists the images to score."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deteval.errors import DetevalError, and_more, place
from deteval.loading.collector import MISSING, Collector
from deteval.loading.fields import shown
from deteval.loading.join import UNKNOWN, is_text, positions
from deteval.loading.json_text import parse
from deteval.loading.source import Text, read_text
from deteval.records.dataset import Images, Ints, Positions
from deteval.records.findings import Finding


def read_image_list(path: str | Path, images: Images) -> Ints:
    """Positions of the listed images: a JSON list of ids, or one id a line (empty lines and # comments aside)."""
    text = read_text(path)
    if isinstance(text, Finding):
        raise DetevalError(text.message)
    ids = _json_ids(text) if text.first_byte() in (b"[", b"{") else _line_ids(text)
    if not ids:
        raise DetevalError(f"{place(text.name)}: lists no image")
    found = listed_positions(ids, images)
    unknown = [key for key, position in zip(ids, found, strict=True) if position == UNKNOWN]
    if unknown:
        raise DetevalError(f"{place(text.name)}: {shown(unknown[0])} is not an image of the ground truth"
                           f"{and_more(len(unknown))}")
    return np.unique(found).astype(np.int64)


def listed_positions(ids: Sequence[Any], images: Images) -> Positions:
    """Where each id stands among the images, -1 where it does not; numbers may be written as text, and text as numbers.
    """
    if is_text(images.ids):
        return positions(images.ids, np.array([str(key) for key in ids], dtype=object))
    wanted = [_whole(key) for key in ids]
    found = np.full(len(ids), UNKNOWN, np.int32)
    whole = [place for place, key in enumerate(wanted) if key is not None]
    found[whole] = positions(images.ids, np.array([wanted[place] for place in whole], np.int64))
    return found


def _json_ids(text: Text) -> list[Any]:
    collector = Collector(text.name)
    ids = parse(text, collector)
    if ids is MISSING:
        raise DetevalError(collector.findings()[0].message)
    if not isinstance(ids, list):
        raise DetevalError(f"{place(text.name)}: holds {shown(ids)}; a list of image ids, or one id a line, is needed")
    return ids


def _line_ids(text: Text) -> list[Any]:
    lines = [line.strip() for line in text.characters().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _whole(key: Any) -> int | None:
    """An id as a 64-bit integer, or None."""
    if isinstance(key, str) and re.fullmatch(r"-?[0-9]{1,19}", key):
        key = int(key)
    if isinstance(key, bool) or not isinstance(key, (int, float)) or not -(2**63) <= key < 2**63:
        return None
    return int(key) if key == int(key) else None
