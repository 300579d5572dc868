"""A file that lists the images to score."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from deteval.errors import DetevalError, and_more, place, shortened
from deteval.loading.join import UNKNOWN, is_text, positions
from deteval.loading.source import read_text
from deteval.records.dataset import Images, Ints
from deteval.records.findings import Finding


def read_image_list(path: str | Path, images: Images) -> Ints:
    """Positions of the listed images: a JSON list of ids, or one id a line (empty lines and # comments aside)."""
    text = read_text(path)
    if isinstance(text, Finding):
        raise DetevalError(text.message)
    ids: list[Any]
    if text.first_byte() == b"[":
        try:
            ids = json.loads(text.data)
        except ValueError as error:
            raise DetevalError(f"{place(text.name)}: not JSON: {error}") from None
    else:
        lines = [line.strip() for line in text.data.decode("utf-8").splitlines()]
        ids = [line for line in lines if line and not line.startswith("#")]
    if not ids:
        raise DetevalError(f"{place(text.name)}: lists no image")
    wanted = [str(key) if is_text(images.ids) else _whole(key) for key in ids]
    known = [key for key in wanted if key is not None]
    found = positions(images.ids, np.array(known, object if is_text(images.ids) else np.int64))
    unknown = [key for key, whole in zip(ids, wanted, strict=True) if whole is None]
    unknown += [key for key, position in zip(known, found, strict=True) if position == UNKNOWN]
    if unknown:
        raise DetevalError(f"{place(text.name)}: {shortened(unknown[0])} is not an image of the ground truth"
                           f"{and_more(len(unknown))}")
    return np.unique(found).astype(np.int64)


def _whole(key: Any) -> int | None:
    """An id as a 64-bit integer, or None."""
    try:
        value = int(key) if not isinstance(key, float) or key == int(key) else None
    except (TypeError, ValueError, OverflowError):
        return None
    return value if value is not None and -(2**63) <= value < 2**63 else None
