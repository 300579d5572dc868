"""The careful decode: any bytes or Python objects to columns, with a finding for every record that is not right.

Slow on purpose: only files that the fast decode declined come here. Records that are wrong are left out of the
columns, so that the checks that follow still see the others.
"""

import math
from typing import Any

import numpy as np

from deteval.loading.collector import MISSING, Collector
from deteval.loading.columns import DetectionColumns, GroundTruthColumns, box_column
from deteval.loading.fields import Fields, alias, checked_ids, shown
from deteval.loading.json_text import parse, parse_lines
from deteval.loading.source import Text
from deteval.records.reading import Reading


def read_detections(text: Text, collector: Collector, reading: Reading) -> DetectionColumns | None:
    """The columns of a predictions file that the fast decode declined."""
    value: Any = None
    if text.first_byte() == b"{":
        value = parse_lines(text, collector)
    if value is None:
        value = parse(text, collector)
    return None if value is MISSING else detections_from(value, collector, reading, text.size)


def detections_from(value: Any, collector: Collector, reading: Reading, size: int | None) -> DetectionColumns | None:
    """The columns of a results list, or of an object that holds one."""
    section, has_sections = "detections", False
    if isinstance(value, dict):
        found = [name for name in ("predictions", "annotations") if isinstance(value.get(name), list)]
        if len(found) != 1:
            keys = ", ".join(shown(key) for key in list(value)[:5])
            problem = "holds both 'predictions' and 'annotations'" if found else \
                f"holds no list of detections (its fields: {keys or 'none'})"
            collector.file_level("missing-section", f"{problem}; a results list, or an object with 'predictions' "
                                 "or 'annotations', is needed")
            return None
        section, has_sections = found[0], "images" in value or "categories" in value
        value = value[section]
    if not isinstance(value, list):
        collector.file_level("missing-section", f"holds {shown(value)}; a list of detections is needed")
        return None
    return _Detections(collector, section, reading).columns(value, size, has_sections)


class _Detections(Fields):
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
        rows = self.of_one_kind(rows, 1, "image_id")
        by_name = all(isinstance(row[2], _Name) for row in rows) and bool(rows)
        if not by_name:
            rows = self.of_one_kind(self.with_category_id(rows), 2, "category_id")
        row, image, category, file_name, box, score = (list(column) for column in zip(*rows, strict=True)) \
            if rows else ([], [], [], [], [], [])
        with_file = any(value is not None for value in file_name)
        return DetectionColumns(
            file=self.collector.file, section=self.section, size=size, has_sections=has_sections,
            image_id=checked_ids(image), category_id=None if by_name else checked_ids(category),
            category_name=np.array([str(value) for value in category], dtype=object) if by_name else None,
            file_name=np.array([value or "" for value in file_name], dtype=object) if with_file else None,
            boxes=box_column(box), scores=np.array(score, np.float64), row=np.array(row, np.int64),
            records=len(values), without_score=self.without_score,
        )

    def one(self, record: dict[str, Any]) -> tuple[Any, ...]:
        name = record.get("file_name")
        return (self.identifier(record, "image_id"), self.category(record), None if name is None else str(name),
                self.box(record), self.score(record))

    def category(self, record: dict[str, Any]) -> Any:
        if "category_id" not in record and isinstance(record.get("category_name"), str):
            return _Name(record["category_name"])
        return self.identifier(record, "category_id")

    def with_category_id(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows that have a category id, where some have and some name their class instead."""
        named = [row for row in rows if isinstance(row[2], _Name)]
        if named:
            self.collector.record("missing-field", self.section, named[0][0], "category_id", "is missing: the record "
                                  f"has category_name {shown(str(named[0][2]))} only, other records have ids",
                                  len(named))
        return [row for row in rows if not isinstance(row[2], _Name)]

    def score(self, record: dict[str, Any]) -> Any:
        if "score" not in record:
            self.without_score += 1
            if self.reading.default_score is not None:
                return self.reading.default_score
            other = alias(record, "score")
            self.note("missing-score", "score", f"is missing{other}" if other else "is missing: without scores "
                      "detections cannot be ranked; --default-score X gives all of them the score X")
            return MISSING
        return self.number(record["score"], "score")


class _Name(str):
    """A class named by name, not by id."""


def read_ground_truth(text: Text, collector: Collector) -> GroundTruthColumns | None:
    """The columns of a ground-truth file that the fast decode declined."""
    value = parse(text, collector)
    return None if value is MISSING else ground_truth_from(value, collector, text.size)


def ground_truth_from(value: Any, collector: Collector, size: int | None) -> GroundTruthColumns | None:
    """The columns of a COCO object."""
    if not isinstance(value, dict):
        held = "a list" if isinstance(value, list) else shown(value)
        collector.file_level("missing-section", f"holds {held}; an object with images, annotations and categories is "
                             "needed")
        if isinstance(value, list) and value and isinstance(value[0], dict) and "score" in value[0]:
            collector.file_level("looks-swapped", "this looks like predictions; they come first: deteval score PREDS "
                                 "GT", len(value))
        return None
    missing = [name for name in ("images", "annotations", "categories") if not isinstance(value.get(name), list)]
    if missing:
        there = [f"{name} is {shown(value[name])}" for name in missing if name in value]
        collector.file_level("missing-section", f"lacks the list {' and '.join(missing)}"
                             f"{' (' + ', '.join(there) + ')' if there else ''}; an object with images, annotations "
                             "and categories is needed", len(missing))
        return None
    return _Annotations(collector, "annotations").columns(value, size)


class _Annotations(Fields):
    def columns(self, value: dict[str, Any], size: int | None) -> GroundTruthColumns:
        rows = []
        annotations = value["annotations"]
        for self.index, record in enumerate(annotations):
            if self.is_record(record):
                fields = self.one(record)
                if MISSING not in fields:
                    rows.append((self.index, *fields))
        rows = self.of_one_kind(self.of_one_kind(rows, 1, "image_id"), 2, "category_id")
        row, image, category, box, area, crowd, ignore = (list(column) for column in zip(*rows, strict=True)) \
            if rows else ([], [], [], [], [], [], [])
        good = [annotations[index] for index in row]
        return GroundTruthColumns(
            file=self.collector.file, size=size, images=value["images"], categories=value["categories"],
            image_id=checked_ids(image), category_id=checked_ids(category),
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
