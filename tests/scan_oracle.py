"""The columns of a file by Python's json, the slow way, and the scanner held against them on many files."""

import json
import random

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from scan_mutants import damaged, ground_truth, predictions

from deteval.loading import scan, source
from deteval.loading.collector import Collector
from deteval.loading.columns import DetectionColumns, GroundTruthColumns
from deteval.loading.hints import FEDERATED_FIELDS
from deteval.loading.tables import read_images
from deteval.records.dataset import Images

FILES = ((scan.scan_detections, predictions), (scan.scan_ground_truth, ground_truth))


def text_of(data):
    """The bytes as loading hands them on, or None where they are no UTF-8 text."""
    text = source._decoded("f.json", data, len(data), 1)
    return text if isinstance(text, source.Text) else None


def whole(value):
    """An id as it must be for a column of integers."""
    assert type(value) is int, value
    return value


def real(value):
    """A number as float64; Python's json takes true for True, which is a number to float()."""
    assert type(value) in (int, float), value
    return float(value)


def flag(value):
    assert type(value) in (int, bool), value
    assert value in (0, 1)
    return bool(value)


def slow_detections(text):
    """The columns of a predictions file, by Python's json and record by record."""
    value, section, has_sections = json.loads(text.characters()), "detections", False
    if isinstance(value, dict):
        (section,) = {"annotations", "predictions"} & set(value)
        has_sections = bool({"images", "categories"} & set(value))
        value = value[section]
    return DetectionColumns(
        file="f.json", section=section, size=text.size, has_sections=has_sections, category_name=None, file_name=None,
        image_id=np.array([whole(one["image_id"]) for one in value], np.int64),
        category_id=np.array([whole(one["category_id"]) for one in value], np.int64),
        boxes=np.array([[real(side) for side in one["bbox"]] for one in value], np.float64),
        scores=np.array([real(one["score"]) for one in value], np.float64),
        row=np.arange(len(value)), records=len(value),
    )


def slow_ground_truth(text):
    """The columns of a ground-truth file, by Python's json and record by record."""
    value = json.loads(text.characters())
    records = value["annotations"]
    ids = [whole(one["id"]) if "id" in one else None for one in records]
    return GroundTruthColumns(
        file="f.json", size=text.size, images=value["images"], categories=value["categories"],
        image_id=np.array([whole(one["image_id"]) for one in records], np.int64),
        category_id=np.array([whole(one["category_id"]) for one in records], np.int64),
        boxes=np.array([[real(side) for side in one["bbox"]] for one in records], np.float64),
        area=np.array([real(one["area"]) if "area" in one else np.nan for one in records], np.float64),
        is_crowd=np.array([flag(one.get("iscrowd", 0)) for one in records]),
        ignore=np.array([flag(one.get("ignore", 0)) for one in records]),
        row=np.arange(len(records)), annotation_ids=ids if None in ids else np.array(ids, np.int64),
        without_iscrowd=sum("iscrowd" not in one for one in records),
        with_ignore=sum(flag(one.get("ignore", 0)) for one in records),
        with_score=sum("score" in one for one in records),
    )


def assert_equal(columns, expected):
    """Equal bit for bit in every field, type and shape included."""
    assert type(columns) is type(expected)
    for field in columns.__struct_fields__:
        mine, its = getattr(columns, field), getattr(expected, field)
        if isinstance(its, np.ndarray):
            assert (mine.dtype, mine.shape) == (its.dtype, its.shape), field
            equal = mine.tolist() == its.tolist() if its.dtype == object else mine.tobytes() == its.tobytes()
            assert equal, f"{field}: {mine} is not {its}"
        elif isinstance(its, Struct):
            assert_equal(mine, its)
        else:
            assert repr(mine) == repr(its), field  # tells 1 from 1.0 and True, 0.0 from -0.0


def expected_for(columns, text):
    """The columns that the scanner should have made."""
    if isinstance(columns, DetectionColumns):
        return slow_detections(text)
    expected = slow_ground_truth(text)
    if not isinstance(columns.images, Images):
        return expected
    collector = Collector("f.json")
    images = read_images(expected.images, collector)
    assert not collector.findings()
    assert all(record.get(name) is None for name in FEDERATED_FIELDS for record in expected.images)
    return replace(expected, images=images)


def check(scanner, data, threads=1):
    """Whether the scanner accepts a file; if so it must be JSON and have equal values."""
    text = text_of(data)
    columns = scanner(text, threads) if text else None
    if columns is None:
        return False
    assert_equal(columns, expected_for(columns, text))
    return True


def mutant(rng):
    """A scanner and a file for it that is odd, or damaged, or both."""
    scanner, make = rng.choice(FILES)
    odd, times = rng.choice(((0, 1), (0, 1), (0, 1), (0.002, 1), (0.01, 0), (0.05, 0)))
    data = make(rng, odd).encode()
    return scanner, damaged(rng, data) if times else data


def run_mutants(count, seed, test=check):
    """Test so many mutants; returns how many were accepted."""
    accepted = 0
    for place in range(count):
        rng = random.Random(f"{seed}:{place}")
        scanner, data = mutant(rng)
        try:
            accepted += test(scanner, data)
        except Exception as error:
            raise AssertionError(f"mutant {place} of seed {seed}, {scanner.__name__}: {data!r}") from error
    return accepted
