"""What a file holds, as columns with the file's own ids, before anything is joined."""

from typing import Any

import numpy as np
from msgspec import Struct

from deteval.records.dataset import Bools, Floats, Ids, Images, Ints


class DetectionColumns(Struct, frozen=True):
    """One predictions file. A detection names its class by id or by name, its image by id and perhaps file name.

    section: what messages call the list. row: index in that list, which has `records` entries, those left out as
    wrong included. has_sections: the file also held images or categories, as a ground truth does.
    """

    file: str
    section: str
    image_id: Ids
    category_id: Ids | None
    category_name: Ids | None
    file_name: Ids | None
    boxes: Floats
    scores: Floats
    row: Ints
    records: int
    size: int | None = None
    has_sections: bool = False
    without_score: int = 0

    def __len__(self) -> int:
        return len(self.row)


class GroundTruthColumns(Struct, frozen=True):
    """One ground-truth file: image and category records as they are (images that are all in order may be columns
    already), annotations as columns.

    area is NaN where absent; annotation_ids holds whatever ids the file gives, None where there is none.
    """

    file: str
    images: list[Any] | Images
    categories: list[Any]
    image_id: Ids
    category_id: Ids
    boxes: Floats
    area: Floats
    is_crowd: Bools
    ignore: Bools
    row: Ints
    annotation_ids: list[Any] | Ints
    without_iscrowd: int = 0
    with_ignore: int = 0
    with_score: int = 0
    size: int | None = None

    def __len__(self) -> int:
        return len(self.row)


def id_column(ids: list[Any]) -> Ids:
    """Ids of one kind as int64, or as an object array of str. Raises TypeError for anything else."""
    if ids and isinstance(ids[0], str):
        if not all(isinstance(value, str) for value in ids):
            raise TypeError("mixed ids")
        return np.array(ids, dtype=object)
    column = np.array(ids) if ids else np.zeros(0, np.int64)
    if column.dtype != np.int64:  # np.fromiter would take "1" for 1
        raise TypeError("not 64-bit integers")
    return column


def box_column(boxes: list[tuple[float, ...]]) -> Floats:
    """Boxes as an array of shape (boxes, 4)."""
    from itertools import chain

    return np.fromiter(chain.from_iterable(boxes), np.float64, 4 * len(boxes)).reshape(-1, 4)
