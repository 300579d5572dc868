"""Checks of whole columns: finite and non-negative boxes, and the same box twice."""

import numpy as np

from deteval.errors import shortened
from deteval.kernels import boxes as kernels
from deteval.loading.collector import Collector
from deteval.records.dataset import Bools, Floats, Images, Ints, Positions
from deteval.threads import map_chunks

ROWS_PER_CHUNK = 1 << 16
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


def survey(boxes: Floats, image: Positions, images: Images, threads: int) -> Ints:
    """Counts over all boxes that tell which checks need a closer look: `kernels.boxes.survey_boxes`."""
    def look(chunk: tuple[int, int]) -> Ints:
        tallies = np.zeros(kernels.SURVEYED, np.int64)
        kernels.survey_boxes(*chunk, flat, image, images.width, images.height, tallies)
        return tallies

    flat = np.ascontiguousarray(boxes).ravel()
    chunks = row_chunks(len(boxes))
    total: Ints = np.sum(map_chunks(look, chunks, threads), axis=0) if chunks else np.zeros(kernels.SURVEYED, np.int64)
    return total


def row_chunks(rows: int) -> list[tuple[int, int]]:
    """Ranges of rows for threads."""
    return [(start, min(start + ROWS_PER_CHUNK, rows)) for start in range(0, rows, ROWS_PER_CHUNK)]


def repeated_rows(image: Positions, category: Positions, boxes: Floats, scores: Floats, threads: int = 1,
                  ) -> tuple[int, int, int] | None:
    """How often a row occurs again, with the first such row and the row it repeats; None if all rows differ.

    Rows are told apart by a 64-bit hash first, so that only the few whose hashes collide are compared in full.
    """
    length = len(image)
    digests = np.empty(length, np.uint64)
    columns = (image, category, np.ascontiguousarray(boxes).view(np.uint64).ravel(),
               np.ascontiguousarray(scores).view(np.uint64))
    map_chunks(lambda chunk: kernels.row_digests(*chunk, *columns, digests), row_chunks(length), threads)
    tables = np.zeros((2, 1 << max(5, length.bit_length())), np.uint32)
    rows = np.empty(length, np.int64)
    rows = rows[: kernels.repeat_candidates(digests, *tables, rows)]
    if not len(rows):
        return None
    ordered = np.sort(digests[rows])
    doubles = ordered[1:][ordered[1:] == ordered[:-1]]
    seen: dict[tuple[float, ...], int] = {}
    repeats = 0
    first: tuple[int, int] | None = None
    for row in rows[np.isin(digests[rows], doubles)].tolist():
        key = (image[row].item(), category[row].item(), *boxes[row].tolist(), scores[row].item())
        if key in seen:
            repeats += 1
            first = first or (row, seen[key])
        else:
            seen[key] = row
    return (repeats, *first) if first else None
