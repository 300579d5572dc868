"""The image and category records of a ground truth."""

import math
from typing import Any

import numpy as np

from deteval.loading.collector import Collector
from deteval.loading.untyped import MISSING, Records
from deteval.records.dataset import Categories, Ids, Images
from deteval.records.findings import WARNING


def read_images(records: list[Any], collector: Collector) -> Images:
    """Images ascending by id. An id listed again is taken once: a warning if the records are equal, else an error."""
    ids, kept = _unique(records, "images", "duplicate-image", collector)
    return Images(
        ids=ids,
        file_names=tuple(name if isinstance(name := record.get("file_name"), str) else None for record in kept),
        width=_sizes(kept, "width"), height=_sizes(kept, "height"),
    )


def read_categories(records: list[Any], collector: Collector) -> Categories:
    """Categories ascending by id; a name that stands twice becomes name#id."""
    ids, kept = _unique(records, "categories", "duplicate-category", collector)
    names = [name if isinstance(name := record.get("name"), str) else str(key)
             for key, record in zip(ids, kept, strict=True)]
    repeated = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if repeated:
        first = next(name for name in names if name in repeated)
        collector.record("duplicate-category", "categories", None, "name",
                         f"{first!r} is listed {names.count(first)} times", sum(names.count(n) - 1 for n in repeated))
    return Categories(ids=ids, names=tuple(f"{name}#{key}" if name in repeated else name
                                           for key, name in zip(ids, names, strict=True)))


def _unique(records: list[Any], section: str, code: str, collector: Collector) -> tuple[Ids, list[dict[str, Any]]]:
    """Ids ascending, each once, with the first record of each."""
    reader = Records(collector, section)
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
            reader.note(code, "id", f"{key!r} is listed again with an equal record; taken once", severity=WARNING)
        else:
            different = " with different records" if section == "images" else ""
            reader.note(code, "id", f"{key!r} is listed twice{different}", firm=section == "categories")
    ids = reader.one_kind(list(first), rows, "id")
    order = np.argsort(ids, kind="stable")
    values = list(first.values())
    return ids[order], [values[i] for i in order]


def _sizes(records: list[dict[str, Any]], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Widths or heights, NaN where the record gives none that makes sense."""
    values = [record.get(name) for record in records]
    return np.array([value if isinstance(value, (int, float)) and math.isfinite(value) and value > 0 else math.nan
                     for value in values], np.float64)
