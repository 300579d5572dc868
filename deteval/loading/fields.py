"""Fields of records of unknown quality, one at a time: the value, or MISSING with a finding."""

import math
import numbers
from typing import Any

import numpy as np

from deteval.errors import shortened
from deteval.loading.collector import MISSING, Collector
from deteval.records.dataset import Ids

ALIASES = {
    "bbox": ("box", "boxes", "bounding_box", "xyxy", "xywh"),
    "score": ("confidence", "conf", "scores", "prob", "probability"),
    "category_id": ("class", "class_id", "label", "labels", "category", "cls"),
    "image_id": ("image", "img_id", "file_name", "filename"),
}
"""What other tools call the fields of a result."""
_WORDS = {None: "null", True: "true", False: "false"}


def shown(value: Any) -> str:
    """A value as the file writes it, shortened."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return _WORDS[None if value is None else bool(value)]
    try:
        return shortened(value.item() if isinstance(value, np.generic) else value)
    except RecursionError:
        return "a deeply nested value"


def alias(record: dict[str, Any], name: str) -> str:
    """A field of a record that may be the one missed, under another name."""
    found = [key for key in ALIASES.get(name, ()) if key in record]
    return f"; it has {found[0]!r}: is that it? Name it {name!r}" if found else ""


class Fields:
    """Reads fields of the records of one list, noting what is wrong with them. `index`: the record looked at."""

    def __init__(self, collector: Collector, section: str) -> None:
        self.collector, self.section, self.index = collector, section, 0

    def note(self, code: str, field: str, problem: str, *, severity: str = "", firm: bool = False) -> None:
        self.collector.record(code, self.section, self.index, field, problem, severity=severity, firm=firm)

    def field(self, record: dict[str, Any], name: str, why: str = "") -> Any:
        value = record.get(name, MISSING)
        if value is MISSING:
            self.note("missing-field", name, f"is missing{why}{alias(record, name)}")
        return value

    def identifier(self, record: dict[str, Any], name: str) -> Any:
        """An id as int or str; 1.0 is 1."""
        value = self.field(record, name)
        if value is MISSING or isinstance(value, str):
            return value
        if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
            number: Any = value
            if number < -(2**63) or number >= 2**63:
                self.note("bad-id", name, f"is {shown(value)}, beyond 64 bits; use strings for such ids")
                return MISSING
            if number == number and number == int(number):
                return int(number)
        self.note("bad-id", name, f"is {shown(value)}, must be a whole number or a string")
        return MISSING

    def number(self, value: Any, field: str) -> Any:
        """A finite float."""
        beyond = ""
        if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
            beyond = " (as numbers beyond 1.8e308 become)" if number == number else ""
        self.note("not-finite", field, f"is {shown(value)}{beyond}, must be a finite number")
        return MISSING

    def box(self, record: dict[str, Any]) -> Any:
        """Four finite floats; of several that are not, the first is noted."""
        why = ""
        if "segmentation" in record:
            why = ": the record has a segmentation only, and deteval scores boxes"
        value = self.field(record, "bbox", why)
        if value is MISSING:
            return MISSING
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)) or len(value) != 4:
            has = f"has {len(value)} value{'s' * (len(value) != 1)}" if isinstance(value, (list, tuple)) else \
                f"is {shown(value)}"
            self.note("box-shape", "bbox", f"{has}, must have four: x, y, width, height")
            return MISSING
        box = []
        for place, item in enumerate(value):
            box.append(self.number(item, f"bbox[{place}]"))
            if box[-1] is MISSING:
                return MISSING
        return tuple(box)

    def flag(self, record: dict[str, Any], name: str) -> Any:
        """A boolean, from 0, 1, true or false; false where it is absent."""
        value = record.get(name, 0)
        if isinstance(value, (bool, np.bool_, numbers.Integral)) and value in (0, 1):
            return bool(value)
        self.note("bad-iscrowd", name, f"is {shown(value)}, must be 0, 1, true or false")
        return MISSING

    def is_record(self, value: Any) -> bool:
        if not isinstance(value, dict):
            self.note("not-a-record", "", f"is {shown(value)}, must be an object")
        return isinstance(value, dict)

    def of_one_kind(self, rows: list[tuple[Any, ...]], place: int, name: str) -> list[tuple[Any, ...]]:
        """The rows whose id at `place` is of the commoner kind; the first that is not is noted. Rows start with the
        index of their record.
        """
        texts = [isinstance(row[place], str) for row in rows]
        if all(texts) or not any(texts):
            return rows
        rarer = sum(texts) * 2 <= len(texts)
        odd = [row for row, is_text in zip(rows, texts, strict=True) if is_text == rarer]
        kind, rest = ("a string", "numbers") if rarer else ("a number", "strings")
        self.collector.record("bad-id", self.section, odd[0][0], name,
                              f"is {shown(odd[0][place])}, {kind}, where other ids are {rest}", len(odd))
        return [row for row, is_text in zip(rows, texts, strict=True) if is_text != rarer]


def checked_ids(ids: list[Any]) -> Ids:
    """Ids of one kind as a column."""
    return np.array(ids, dtype=object if ids and isinstance(ids[0], str) else np.int64)
