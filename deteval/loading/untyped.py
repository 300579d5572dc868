"""The careful decode: any bytes or Python objects to columns, with a finding for every record that is not right.

Slow on purpose: only files that the fast decode declined come here. Records that are wrong are left out of the
columns, so that the checks that follow still see the others.
"""

import json
import math
import numbers
from typing import Any

import numpy as np

from deteval.errors import shortened
from deteval.loading.collector import Collector
from deteval.loading.columns import DetectionColumns, GroundTruthColumns, box_column
from deteval.loading.source import Text
from deteval.records.dataset import Ids
from deteval.records.reading import Reading

MISSING: Any = object()


def parse(data: bytes, collector: Collector) -> Any:
    """The JSON value of a text, or MISSING with a finding that names the byte."""
    try:
        text = data.decode("utf-8")
        return json.loads(text)
    except json.JSONDecodeError as error:
        offset = len(text[: error.pos].encode("utf-8"))
        line, column = error.lineno, error.colno
        what = _json_problem(error, text)
        collector.file_level("bad-json", f"{what} at byte {offset} (line {line}, column {column})")
    except RecursionError:
        collector.file_level("bad-json", "lists or objects are nested too deeply to be read")
    except ValueError as error:  # a whole number of thousands of digits
        collector.file_level("bad-json", str(error).partition(";")[0])
    return MISSING


def _json_problem(error: json.JSONDecodeError, text: str) -> str:
    rest = text[error.pos : error.pos + 20]
    if not text.strip():
        return "the file is empty; not JSON"
    if error.msg == "Extra data":
        return f"not JSON: there is more after its end, {shortened(rest)},"
    if error.msg.startswith("Unterminated string") or not text[error.pos :].strip():
        return f"not JSON: the file is cut off ({error.msg})"
    return f"not JSON: {error.msg}, found {shortened(rest)},"


def parse_lines(text: Text, collector: Collector) -> list[Any] | None:
    """The values of JSON lines; None, and nothing noted, if the text is not that: its first line is no record."""
    values: list[Any] = []
    offset = 0
    for number, line in enumerate(text.data.split(b"\n"), start=1):
        if line.strip():
            inner = Collector(text.name)
            value = parse(line.rstrip(b"\r"), inner)
            if value is MISSING and number == 1:
                return None
            if value is MISSING:
                problem = inner.findings()[0].message.partition(": ")[2]
                collector.file_level("bad-json", f"line {number}, which starts at byte {offset}: {problem}")
                return []
            values.append(value)
        offset += len(line) + 1
    return values if len(values) > 1 or (values and "image_id" in values[0]) else None


def read_detections(text: Text, collector: Collector, reading: Reading) -> DetectionColumns | None:
    """The columns of a predictions file that the fast decode declined."""
    value: Any = None
    if text.first_byte() == b"{":
        value = parse_lines(text, collector)
        if value == []:
            return None
    if value is None:
        value = parse(text.data, collector)
    if value is MISSING:
        return None
    return detections_from(value, collector, reading, text.size)


def detections_from(value: Any, collector: Collector, reading: Reading, size: int | None) -> DetectionColumns | None:
    """The columns of a results list, or of an object that holds one."""
    section, has_sections = "detections", False
    if isinstance(value, dict):
        found = [name for name in ("predictions", "annotations") if isinstance(value.get(name), list)]
        if len(found) != 1:
            problem = "holds both 'predictions' and 'annotations'" if found else "holds no list of detections"
            collector.file_level("missing-section", f"{problem}; a results list, or an object with 'predictions' "
                                 "or 'annotations', is needed")
            return None
        section, has_sections = found[0], "images" in value or "categories" in value
        value = value[section]
    if not isinstance(value, list):
        collector.file_level("missing-section", f"holds {shortened(value)}; a list of detections is needed")
        return None
    return _Detections(collector, section, reading).columns(value, size, has_sections)


class Records:
    """Reads fields of the records of one list, noting what is wrong with them."""

    def __init__(self, collector: Collector, section: str) -> None:
        self.collector, self.section, self.index = collector, section, 0

    def note(self, code: str, field: str, problem: str, *, severity: str = "", firm: bool = False) -> None:
        self.collector.record(code, self.section, self.index, field, problem, severity=severity, firm=firm)

    def field(self, record: dict[str, Any], name: str, why: str = "") -> Any:
        value = record.get(name, MISSING)
        if value is MISSING:
            self.note("missing-field", name, f"is missing{why}")
        return value

    def identifier(self, record: dict[str, Any], name: str) -> Any:
        """An id as int or str, or MISSING with a finding."""
        value = self.field(record, name)
        return value if value is MISSING else self.checked_id(value, name)

    def checked_id(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return value
        if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
            if math.isfinite(value) and value == int(value):
                if -(2**63) <= value < 2**63:
                    return int(value)
                self.note("bad-id", name, f"is {shortened(value)}, beyond 64 bits; use strings for such ids")
                return MISSING
        self.note("bad-id", name, f"is {shortened(value)}, must be a whole number or a string")
        return MISSING

    def number(self, value: Any, field: str) -> Any:
        """A finite float, or MISSING with a finding."""
        if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
        self.note("not-finite", field, f"is {shortened(value)}, must be a finite number")
        return MISSING

    def box(self, record: dict[str, Any]) -> Any:
        why = ""
        if "segmentation" in record:
            why = ": the record has a segmentation only, and deteval scores boxes"
        value = self.field(record, "bbox", why)
        if value is MISSING:
            return MISSING
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)) or len(value) != 4:
            has = f"has {len(value)} numbers" if isinstance(value, (list, tuple)) else f"is {shortened(value)}"
            self.note("box-shape", "bbox", f"{has}, must have four: x, y, width, height")
            return MISSING
        box = [self.number(item, f"bbox[{place}]") for place, item in enumerate(value)]
        return MISSING if MISSING in box else tuple(box)

    def flag(self, record: dict[str, Any], name: str) -> Any:
        value = record.get(name, 0)
        if isinstance(value, (bool, numbers.Integral)) and value in (0, 1):
            return bool(value)
        self.note("bad-iscrowd", name, f"is {shortened(value)}, must be 0, 1, true or false")
        return MISSING

    def is_record(self, value: Any) -> bool:
        if not isinstance(value, dict):
            self.note("not-a-record", "", f"is {shortened(value)}, must be an object")
        return isinstance(value, dict)

    def one_kind(self, ids: list[Any], rows: list[int], name: str) -> Ids:
        """Ids as a column; where kinds are mixed, the first of the rarer kind is noted and all become text."""
        texts = [isinstance(value, str) for value in ids]
        if any(texts) and not all(texts):
            rarer = sum(texts) * 2 <= len(texts)
            odd = [row for row, is_text in zip(rows, texts, strict=True) if is_text == rarer]
            self.index = odd[0]
            value = ids[rows.index(odd[0])]
            kind, rest = ("text", "numbers") if rarer else ("a number", "text")
            self.collector.record("bad-id", self.section, self.index, name,
                                  f"is {value!r}, {kind}, where other ids are {rest}", len(odd))
            return np.array([str(value) for value in ids], dtype=object)
        return np.array(ids, dtype=object if any(texts) else np.int64)


class _Detections(Records):
    def __init__(self, collector: Collector, section: str, reading: Reading) -> None:
        super().__init__(collector, section)
        self.reading = reading
        self.without_score = 0

    def columns(self, values: list[Any], size: int | None, has_sections: bool) -> DetectionColumns:
        rows = []
        for self.index, value in enumerate(values):
            if self.is_record(value):
                fields = self.one(value)
                if MISSING not in fields:
                    rows.append((self.index, *fields))
        row, image, category, file_name, box, score = (list(column) for column in zip(*rows, strict=True)) \
            if rows else ([], [], [], [], [], [])
        by_name = bool(category) and all(isinstance(value, _Name) for value in category)
        if not by_name:
            category = [str(value) if isinstance(value, _Name) else value for value in category]
        with_file = any(value is not None for value in file_name)
        return DetectionColumns(
            file=self.collector.file, section=self.section, size=size, has_sections=has_sections,
            image_id=self.one_kind(image, row, "image_id"),
            category_id=None if by_name else self.one_kind(category, row, "category_id"),
            category_name=np.array([str(value) for value in category], dtype=object) if by_name else None,
            file_name=np.array([str(value or "") for value in file_name], dtype=object) if with_file else None,
            boxes=box_column(box), scores=np.array(score, np.float64), row=np.array(row, np.int64),
            records=len(values), without_score=self.without_score,
        )

    def one(self, record: dict[str, Any]) -> tuple[Any, ...]:
        image = self.identifier(record, "image_id")
        return image, self.category(record), record.get("file_name"), self.box(record), self.score(record)

    def category(self, record: dict[str, Any]) -> Any:
        if "category_id" not in record and isinstance(record.get("category_name"), str):
            return _Name(record["category_name"])
        return self.identifier(record, "category_id")

    def score(self, record: dict[str, Any]) -> Any:
        if "score" not in record:
            self.without_score += 1
            if self.reading.default_score is not None:
                return self.reading.default_score
            self.note("missing-score", "score", "is missing: without scores detections cannot be ranked; "
                      "--default-score X gives all of them the score X")
            return MISSING
        return self.number(record["score"], "score")


class _Name(str):
    """A class named by name, not by id."""


def read_ground_truth(text: Text, collector: Collector) -> GroundTruthColumns | None:
    """The columns of a ground-truth file that the fast decode declined."""
    value = parse(text.data, collector)
    return None if value is MISSING else ground_truth_from(value, collector, text.size)


def ground_truth_from(value: Any, collector: Collector, size: int | None) -> GroundTruthColumns | None:
    """The columns of a COCO object."""
    if not isinstance(value, dict):
        held = "a list" if isinstance(value, list) else shortened(value)
        collector.file_level("missing-section", f"holds {held}; an object with images, annotations and categories is "
                             "needed")
        if isinstance(value, list) and value and isinstance(value[0], dict) and "score" in value[0]:
            collector.file_level("looks-swapped", "this looks like predictions; they come first: deteval score PREDS "
                                 "GT", len(value))
        return None
    missing = [name for name in ("images", "annotations", "categories") if not isinstance(value.get(name), list)]
    if missing:
        collector.file_level("missing-section", f"lacks the list {' and '.join(missing)}; an object with images, "
                             "annotations and categories is needed", len(missing))
        return None
    return _Annotations(collector, "annotations").columns(value, size)


class _Annotations(Records):
    def columns(self, value: dict[str, Any], size: int | None) -> GroundTruthColumns:
        rows = []
        annotations = value["annotations"]
        for self.index, record in enumerate(annotations):
            if self.is_record(record):
                fields = self.one(record)
                if MISSING not in fields:
                    rows.append((self.index, *fields))
        row, image, category, box, area, crowd, ignore = (list(column) for column in zip(*rows, strict=True)) \
            if rows else ([], [], [], [], [], [], [])
        good = [annotations[index] for index in row]
        return GroundTruthColumns(
            file=self.collector.file, size=size, images=value["images"], categories=value["categories"],
            image_id=self.one_kind(image, row, "image_id"), category_id=self.one_kind(category, row, "category_id"),
            boxes=box_column(box), area=np.array(area, np.float64), is_crowd=np.array(crowd, bool),
            ignore=np.array(ignore, bool), row=np.array(row, np.int64),
            annotation_ids=[record.get("id") for record in good],
            without_iscrowd=sum("iscrowd" not in record for record in good),
            with_ignore=sum(ignore), with_score=sum("score" in record for record in good),
        )

    def one(self, record: dict[str, Any]) -> tuple[Any, ...]:
        area = self.number(record["area"], "area") if "area" in record else math.nan
        return (self.identifier(record, "image_id"), self.identifier(record, "category_id"), self.box(record), area,
                self.flag(record, "iscrowd"), self.flag(record, "ignore"))
