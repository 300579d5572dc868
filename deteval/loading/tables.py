"""The image and category records of a ground truth."""

from collections import Counter
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from deteval.loading.collector import MISSING, Collector
from deteval.loading.columns import id_column
from deteval.loading.fields import Fields, checked_ids, shown
from deteval.records.dataset import Categories, Ids, Images
from deteval.records.findings import WARNING

MOST_PIXELS = 1e15
"""A width or height beyond this is none."""
FEDERATED_FIELDS = ("neg_category_ids", "not_exhaustive_category_ids")
"""Fields of an image whose classes were not all labelled, as in LVIS."""


class _Image(msgspec.Struct, gc=False):
    id: int | str
    file_name: str | None = None
    width: float | None = None
    height: float | None = None
    neg_category_ids: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    not_exhaustive_category_ids: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_image_decoder = msgspec.json.Decoder(list[_Image])


def decode_images(text: bytes) -> Images | None:
    """Images that are all in order, from the JSON of their records; None if any is unusual, or repeated."""
    def column(name: str) -> list[Any]:
        return list(map(attrgetter(name), records))

    try:
        records = _image_decoder.decode(text)
        ids = id_column(column("id"))
    except (msgspec.MsgspecError, TypeError, OverflowError, RecursionError):
        return None
    if any(column(name).count(msgspec.UNSET) < len(records) for name in FEDERATED_FIELDS):
        return None
    names = tuple(column("file_name"))
    width, height = (np.array(column(side), np.float64) for side in ("width", "height"))  # None becomes NaN
    if not (ids[1:] > ids[:-1]).all():
        order = np.argsort(ids, kind="stable")
        ids, width, height = ids[order], width[order], height[order]
        names = tuple(names[i] for i in order.tolist())
    if (ids[1:] == ids[:-1]).any() or not all(
            (np.isnan(side) | ((side > 0) & (side < MOST_PIXELS))).all() for side in (width, height)):
        return None
    return Images(ids, names, width, height)


def read_images(records: list[Any] | Images, collector: Collector, with_fields: bool = False) -> Images:
    """Images ascending by id. An id listed again is taken once: a warning if the records are equal, else an error.

    with_fields: keep the other fields of the records, which must not be columns yet.
    """
    if isinstance(records, Images):
        return records
    ids, kept, _ = _unique(records, "images", "duplicate-image", collector)
    fields: dict[str, tuple[Any, ...]] = {}
    if with_fields:
        from deteval.loading.image_fields import collect_fields

        fields = collect_fields(kept)
    return Images(
        ids=ids,
        file_names=tuple(name if isinstance(name := record.get("file_name"), str) else None for record in kept),
        width=_sizes(kept, "width"), height=_sizes(kept, "height"), fields=fields,
    )


def read_categories(records: list[Any], collector: Collector) -> Categories:
    """Categories ascending by id; a name that stands twice becomes name#id."""
    ids, kept, rows = _unique(records, "categories", "duplicate-category", collector)
    names = [_name(record, key) for key, record in zip(ids, kept, strict=True)]
    _note_repeated_names(names, rows, collector)
    repeated = _repeated(names)
    while repeated:  # again where name#id is the name of another class
        names = [f"{name}#{key}" if name in repeated else name for key, name in zip(ids, names, strict=True)]
        repeated = _repeated(names)
    return Categories(ids=ids, names=tuple(names))


def _name(record: dict[str, Any], key: Any) -> str:
    """The name of a class; its id where it has none."""
    name = record.get("name")
    return str(name) if isinstance(name, (str, int, float)) and not isinstance(name, bool) else str(key)


def _repeated(names: list[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _note_repeated_names(names: list[str], rows: list[int], collector: Collector) -> None:
    """A name is noted where it stands for the second time in the file."""
    first: dict[str, int] = {}
    for row, name in sorted(zip(rows, names, strict=True)):
        if name in first:
            collector.record("duplicate-category", "categories", row, "name",
                             f"{shown(name)} is the name of categories[{first[name]}] too")
        first.setdefault(name, row)


def _unique(records: list[Any], section: str, code: str, collector: Collector,
            ) -> tuple[Ids, list[dict[str, Any]], list[int]]:
    """Ids ascending, each once, with the first record of each and its index."""
    reader = Fields(collector, section)
    first: dict[Any, dict[str, Any]] = {}
    rows: list[int] = []
    for reader.index, record in enumerate(records):
        if not reader.is_record(record):
            continue
        key = reader.identifier(record, "id")
        if key is MISSING:
            continue
        if key not in first:
            first[key] = record
            rows.append(reader.index)
        elif section == "images" and first[key] == record:
            reader.note(code, "id", f"{shown(key)} is listed again with an equal record; taken once", severity=WARNING)
        else:
            different = " with different records" if section == "images" else ""
            reader.note(code, "id", f"{shown(key)} is listed twice{different}", firm=section == "categories")
    kept = reader.of_one_kind(list(zip(rows, first, first.values(), strict=True)), 1, "id")
    ids = checked_ids([key for _, key, _ in kept])
    order = np.argsort(ids, kind="stable").tolist()
    return ids[order], [kept[i][2] for i in order], [kept[i][0] for i in order]


def _sizes(records: list[dict[str, Any]], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Widths or heights, NaN where the record gives none that makes sense."""
    return np.array([_size(record.get(name)) for record in records], np.float64)


def _size(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and 0 < value < MOST_PIXELS else np.nan
