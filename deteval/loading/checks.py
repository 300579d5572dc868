"""Checks of whole columns: finite and non-negative boxes, and the same box twice."""

import numpy as np

from deteval.errors import shortened
from deteval.loading.collector import Collector
from deteval.records.dataset import Bools, Floats, Ints, Positions

SIDES = ("x", "y", "width", "height")


def check_boxes(boxes: Floats, row: Ints, section: str, collector: Collector) -> Bools:
    """Note boxes that are not finite, overflow, vanish or are negative. Returns which rows are finite."""
    finite = np.isfinite(boxes).all(axis=1)
    if not finite.all():
        first = int(np.argmin(finite))
        side = int(np.argmin(np.isfinite(boxes[first])))
        collector.rows("not-finite", section, row, np.logical_not(finite), f"bbox[{side}]",
                       f"is {boxes[first, side]}, must be a finite number")
    width, height = boxes[:, 2], boxes[:, 3]
    with np.errstate(all="ignore"):
        area = width * height
        ends = boxes[:, :2] + boxes[:, 2:]
        overflows = finite & ~(np.isfinite(area) & np.isfinite(ends).all(axis=1))
        vanishes = finite & (area == 0) & (width > 0) & (height > 0)
    for wrong, what in ((overflows, "its right edge, lower edge or area overflows"),
                        (vanishes, "its area underflows to 0 although both sides are positive")):
        if wrong.any():
            collector.rows("not-finite", section, row, wrong, "bbox",
                           f"is {shortened(boxes[np.argmax(wrong)].tolist())}: {what}")
    negative = finite & ((width < 0) | (height < 0))
    if negative.any():
        first = int(np.argmax(negative))
        side = 2 if width[first] < 0 else 3
        collector.rows("negative-box", section, row, negative, "bbox",
                       f"{SIDES[side]} is {boxes[first, side].item()!r}, must be >= 0")
    good: Bools = finite & ~overflows & ~vanishes
    return good


def repeated_rows(*columns: Floats | Ints | Positions) -> tuple[int, int, int] | None:
    """How often a row occurs again, with the first such row and the row it repeats; None if all rows differ.

    Rows are compared by a 64-bit hash first, so that only the few that collide are compared in full.
    """
    length = len(columns[0])
    if length < 2:
        return None
    digest = np.zeros(length, np.uint64)
    for column in columns:
        words = np.ascontiguousarray(column.astype(np.float64) + 0.0).view(np.uint64).reshape(length, -1)
        for word in words.T:
            digest = (digest ^ word) * np.uint64(0x9E3779B97F4A7C15)
            digest ^= digest >> np.uint64(29)
    ordered = np.sort(digest)
    doubles = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(doubles):
        return None
    rows = np.flatnonzero(np.isin(digest, doubles))
    seen: dict[tuple[float, ...], int] = {}
    repeats = 0
    first: tuple[int, int] | None = None
    for position in rows.tolist():
        key = tuple(value for column in columns for value in np.ravel(column[position]).tolist())
        if key in seen:
            repeats += 1
            first = first or (position, seen[key])
        else:
            seen[key] = position
    return (repeats, *first) if first else None
