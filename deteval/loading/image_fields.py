"""Fields of the image records beyond id, name and size: what slices and clusters are made of."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deteval.errors import nearest
from deteval.records.dataset import Images

COLUMNS = ("id", "file_name", "width", "height")
"""Fields that every `Images` has as columns."""


def collect_fields(records: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The fields that hold a text, a number or a boolean, a value per record, None where it has none.

    A field of a nested object is named `attributes.timeofday`; deeper ones and lists are left out.
    """
    columns: dict[str, list[Any]] = {}
    for row, record in enumerate(records):
        for name, value in _scalars(record):
            columns.setdefault(name, [None] * len(records))[row] = value
    return {name: tuple(values) for name, values in columns.items() if name not in COLUMNS}


def _scalars(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and values; a nested field comes before one whose name has the same dot in it, which wins."""
    nested = [(f"{name}.{inner}", value) for name, values in record.items() if isinstance(values, Mapping)
              for inner, value in values.items()]
    plain = [(str(name), _plain(value)) for name, value in (*nested, *record.items())]
    return [(name, value) for name, value in plain if value is not None]


def _plain(value: Any) -> Any:
    """A text, a finite number or a boolean; None for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int)) else None


def field_values(images: Images, name: str) -> tuple[Any, ...] | None:
    """The values of a field, one per image, None where an image has none; None if no image has the field."""
    if name in images.fields:
        return images.fields[name]
    if name == "id":
        return tuple(images.ids.tolist())
    if name == "file_name":
        return images.file_names
    if name in COLUMNS:
        sizes = getattr(images, name).tolist()
        return tuple(None if math.isnan(size) else int(size) if size == int(size) else size for size in sizes)
    return None


def field_names(images: Images) -> list[str]:
    """The names of all fields that an image may be asked for."""
    return [*images.fields, *COLUMNS]


def unknown_field(images: Images, name: str) -> str:
    """Words for a field that no image has."""
    known = ", ".join(images.fields) if images.fields else "none besides id, file_name, width and height"
    return f"the images have no field {name!r}{nearest(name, field_names(images))} (their fields: {known})"
