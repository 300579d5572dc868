"""Ground truth and detections as columns: one row per box, ids only at the edges."""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.records.findings import Finding

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Positions = NDArray[np.int32]
Bools = NDArray[np.bool_]
Ids = NDArray[Any]
"""Ids of one kind: int64, or an object array of str."""


class Input(Struct, frozen=True):
    """A file, or something in memory, that was read: its name, its size if it has one, and what it held."""

    path: str
    bytes: int | None
    counts: dict[str, int]


class Images(Struct, frozen=True):
    """The images of a ground truth, ascending by id (numbers by value, strings by code point).

    width, height: pixels, shape (images,), NaN where the file gives none. fields: the other fields of the image
    records that hold a text, a number or a boolean, a value per image, None where it has none; those of a nested
    object as `attributes.timeofday`. Filled only where they were asked for.
    """

    ids: Ids
    file_names: tuple[str | None, ...]
    width: Floats
    height: Floats
    fields: dict[str, tuple[Any, ...]] = {}

    def __len__(self) -> int:
        return len(self.ids)


def take_images(images: Images, positions: Ints) -> Images:
    """Some of the images, in the order of the positions given."""
    places = positions.tolist()
    return Images(
        ids=images.ids[positions], file_names=tuple(images.file_names[i] for i in places),
        width=images.width[positions], height=images.height[positions],
        fields={name: tuple(values[i] for i in places) for name, values in images.fields.items()},
    )


class Categories(Struct, frozen=True):
    """The classes of a ground truth, ascending by id; `names` are unique."""

    ids: Ids
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


class GroundTruth(Struct, frozen=True):
    """Objects, one row each, in file order.

    image, category: int32 positions among `images` and `categories`, shape (objects,).
    boxes: x, y, width, height in pixels, shape (objects, 4). area: the `area` field in px^2.
    is_crowd: a region that absorbs any number of detections. ignore: the `ignore` field.
    row: the record's index in its file. annotation_ids: the file's own ids, int64, as the reference would read
    them; None if it could not (they are never used to match). departures: what was done to the input that makes
    the numbers differ from the reference's on the same file.
    """

    images: Images
    categories: Categories
    image: Positions
    category: Positions
    boxes: Floats
    area: Floats
    is_crowd: Bools
    ignore: Bools
    row: Ints
    annotation_ids: Ints | None = None
    departures: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: tuple[Input, ...] = ()

    def __len__(self) -> int:
        return len(self.image)


class Detections(Struct, frozen=True):
    """Detections, one row each, in file order, joined to the images and categories of one `GroundTruth`.

    image, category: int32 positions among `images` and `categories`, those of the ground truth, shape (detections,).
    boxes: x, y, width, height in pixels, shape (detections, 4). scores: shape (detections,). row: the record's index
    in its file; with several files they run on, and file f starts at `first_rows[f]`. ranked: False if scores were
    missing and filled in. departures: what was done to the input that makes the numbers differ from the reference's
    on the same file.
    """

    images: Images
    categories: Categories
    image: Positions
    category: Positions
    boxes: Floats
    scores: Floats
    row: Ints
    first_rows: tuple[int, ...] = (0,)
    ranked: bool = True
    departures: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: tuple[Input, ...] = ()

    def __len__(self) -> int:
        return len(self.image)
