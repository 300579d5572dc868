"""Class-wise non-maximum suppression of grouped detections, over chunks of groups of equal work."""

from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from deteval.grouping import Rows, chunks_by_work
from deteval.kernels.suppression import suppress_groups
from deteval.threads import map_chunks


def suppress(rows: Rows, limit: float, threads: int) -> Rows:
    """The rows that remain: best score first, a row whose IoU with one that remains exceeds `limit` is dropped.

    rows: sorted by score within their groups, the first of equals first. The work of a group grows with the square
    of its rows at worst; its memory does not.
    """
    kept, dropped = np.empty(len(rows.order), np.int64), np.zeros(len(rows.order), np.uint8)
    counts = np.diff(rows.starts)
    boxes = rows.boxes.ravel()
    work = np.concatenate([[0], np.cumsum(counts * (counts + 1) // 2)])
    map_chunks(lambda chunk: suppress_groups(*chunk, rows.starts, boxes, limit, kept, dropped), chunks_by_work(work),
               threads)
    places = np.flatnonzero(dropped == 0)

    def take(column: NDArray[Any]) -> NDArray[Any]:
        return np.take(column, places, axis=0)

    return replace(rows, order=take(rows.order), image=take(rows.image), category=take(rows.category),
                   source_category=take(rows.source_category), boxes=take(rows.boxes),
                   starts=np.searchsorted(places, rows.starts))
