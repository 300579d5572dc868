"""Boxes that are already arrays in memory, to columns: the same checks as for files follow."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from deteval.errors import usage_error
from deteval.loading.collector import Collector
from deteval.loading.columns import DetectionColumns, GroundTruthColumns
from deteval.records.dataset import Bools, Floats, Ids
from deteval.records.reading import Reading


def detection_columns(arrays: Mapping[str, Any], collector: Collector, reading: Reading) -> DetectionColumns:
    """Detections from arrays of equal length: image_id, category_id or category_name, bbox (N, 4), score."""
    boxes = _boxes(arrays, collector)
    count = len(boxes)
    by_name = "category_id" not in arrays and "category_name" in arrays
    without_score = 0
    if "score" not in arrays:
        without_score = count
        if reading.default_score is None:
            collector.file_level("missing-score", "holds no score: without scores detections cannot be ranked", count)
    scores = _numbers(arrays.get("score", np.full(count, reading.default_score or 0.0)), "score", count)
    wrong = ~np.isfinite(scores)
    if wrong.any():
        collector.rows("not-finite", "detections", np.arange(count), wrong, "score",
                       f"is {scores[np.argmax(wrong)]}, must be a finite number")
    return DetectionColumns(
        file=collector.file, section="detections", image_id=_ids(arrays, "image_id", count),
        category_id=None if by_name else _ids(arrays, "category_id", count),
        category_name=_ids(arrays, "category_name", count) if by_name else None,
        file_name=_ids(arrays, "file_name", count) if "file_name" in arrays else None,
        boxes=boxes, scores=scores, row=np.arange(count, dtype=np.int64), records=count,
        without_score=without_score,
    )


def annotation_columns(mapping: Mapping[str, Any], collector: Collector) -> GroundTruthColumns:
    """Ground truth whose `annotations` are arrays of equal length; images and categories are lists of records."""
    arrays = mapping["annotations"]
    boxes = _boxes(arrays, collector)
    count = len(boxes)
    area = _numbers(arrays["area"], "area", count) if "area" in arrays else np.full(count, np.nan)
    if "area" in arrays and np.isnan(area).any():
        collector.rows("not-finite", "annotations", np.arange(count), np.isnan(area), "area",
                       "is nan, must be a finite number")
    ids = _array(arrays["id"], "id").tolist() if "id" in arrays else [None] * count
    if len(ids) != count:
        raise usage_error(f"id: {count:,} annotation ids are needed, {len(ids):,} are given")
    return GroundTruthColumns(
        file=collector.file, images=_records(mapping, "images"), categories=_records(mapping, "categories"),
        image_id=_ids(arrays, "image_id", count), category_id=_ids(arrays, "category_id", count), boxes=boxes,
        area=area, is_crowd=_flags(arrays, "iscrowd", count), ignore=_flags(arrays, "ignore", count),
        row=np.arange(count, dtype=np.int64), annotation_ids=ids,
        without_iscrowd=0 if "iscrowd" in arrays else count,
        with_ignore=int(_flags(arrays, "ignore", count).sum()), with_score=count if "score" in arrays else 0,
    )


def _records(mapping: Mapping[str, Any], name: str) -> list[Any]:
    if not isinstance(mapping.get(name), (list, tuple)):
        raise usage_error(f"ground truth: lacks the list {name}")
    return list(mapping[name])


def _array(values: Any, name: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(values)
    except ValueError:  # lists of different lengths
        raise usage_error(f"{name}: lists of different lengths are no array") from None


def _boxes(arrays: Mapping[str, Any], collector: Collector) -> Floats:
    if "bbox" not in arrays:
        raise usage_error(f"{collector.file}: holds no bbox; arrays image_id, category_id and bbox are needed")
    boxes = _array(arrays["bbox"], "bbox")
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iuf":
        raise usage_error(f"{collector.file}: bbox has shape {boxes.shape} and type {boxes.dtype}; "
                          "numbers of shape (boxes, 4) are needed")
    return np.ascontiguousarray(boxes, np.float64)


def _numbers(values: Any, name: str, count: int) -> Floats:
    array = _array(values, name)
    if array.shape != (count,) or (array.dtype.kind not in "iuf" and count):
        raise usage_error(f"{name} has shape {array.shape} and type {array.dtype}; {count:,} numbers are needed")
    return np.ascontiguousarray(array, np.float64)


def _ids(arrays: Mapping[str, Any], name: str, count: int) -> Ids:
    if name not in arrays:
        raise usage_error(f"{name} is missing; an array of {count:,} ids is needed")
    array = _array(arrays[name], name)
    if array.dtype.kind == "f" and (array == np.floor(array)).all() and (np.abs(array) < 2**53).all():
        array = array.astype(np.int64)  # 1.0 is 1, as in files
    if array.shape != (count,) or (array.dtype.kind not in "iuUO" and count):
        raise usage_error(f"{name} has shape {array.shape} and type {array.dtype}; {count:,} ids, all whole numbers "
                          "or all strings, are needed")
    if array.dtype.kind in "UO":
        texts = array.tolist()
        if not all(isinstance(value, str) for value in texts):
            raise usage_error(f"{name}: ids must be all whole numbers or all strings")
        return np.array(texts, dtype=object)
    if array.dtype.kind == "u" and count and int(array.max()) >= 2**63:
        raise usage_error(f"{name}: {array.max()} is beyond 64 bits; use strings for such ids")
    return np.ascontiguousarray(array, np.int64)


def _flags(arrays: Mapping[str, Any], name: str, count: int) -> Bools:
    if name not in arrays:
        return np.zeros(count, bool)
    array = _array(arrays[name], name)
    if array.shape != (count,) or not np.isin(array, (0, 1)).all():
        raise usage_error(f"{name}: {count:,} flags, 0 or 1 each, are needed")
    return array.astype(bool)
