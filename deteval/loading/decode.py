"""The fast decode of good files: typed JSON straight to columns, or None for anything out of the ordinary.

What it accepts, Python's `json` accepts with equal values; what it declines, `untyped` looks at and words.
"""

from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from deteval.loading.columns import DetectionColumns, GroundTruthColumns, box_column, id_column
from deteval.loading.source import Text

Box = tuple[float, float, float, float]
DECLINED = (msgspec.MsgspecError, TypeError, OverflowError, RecursionError, UnicodeError)


class _Detection(msgspec.Struct, gc=False):
    image_id: int | str
    bbox: Box
    score: float
    category_id: int | str | UnsetType = UNSET
    category_name: str | UnsetType = UNSET
    file_name: str | UnsetType = UNSET


class _Wrapped(msgspec.Struct):
    annotations: list[_Detection] | UnsetType = UNSET
    predictions: list[_Detection] | UnsetType = UNSET
    images: msgspec.Raw | UnsetType = UNSET
    categories: msgspec.Raw | UnsetType = UNSET


class _Annotation(msgspec.Struct, gc=False):
    image_id: int | str
    category_id: int | str
    bbox: Box
    id: Any = None
    area: float | UnsetType = UNSET
    iscrowd: int | bool | UnsetType = UNSET
    ignore: int | bool | UnsetType = UNSET
    score: Any = UNSET


class _GroundTruth(msgspec.Struct):
    images: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    annotations: list[_Annotation]


_list_decoder = msgspec.json.Decoder(list[_Detection])
_line_decoder = msgspec.json.Decoder(_Detection)
_wrapped_decoder = msgspec.json.Decoder(_Wrapped)
_ground_truth_decoder = msgspec.json.Decoder(_GroundTruth)


def decode_detections(text: Text) -> DetectionColumns | None:
    """The columns of a predictions file, or None."""
    try:
        if text.first_byte() == b"[":
            return _detection_columns(_list_decoder.decode(text.data), text.name, "detections", text.size)
        return _decode_object(text)
    except DECLINED:
        return None


def convert_detections(records: list[Any], name: str) -> DetectionColumns | None:
    """The columns of records in memory, or None."""
    try:
        return _detection_columns(msgspec.convert(records, list[_Detection]), name, "detections", None)
    except DECLINED:
        return None


def _decode_object(text: Text) -> DetectionColumns | None:
    if text.first_byte() != b"{":
        return None
    try:
        wrapped = _wrapped_decoder.decode(text.data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:  # more after the first object: JSON lines
        return _detection_columns(_line_decoder.decode_lines(text.data), text.name, "detections", text.size)
    found = [name for name in ("annotations", "predictions") if getattr(wrapped, name) is not UNSET]
    if not found:
        return _detection_columns(_line_decoder.decode_lines(text.data), text.name, "detections", text.size)
    if len(found) > 1:
        return None
    has_sections = wrapped.images is not UNSET or wrapped.categories is not UNSET
    return _detection_columns(getattr(wrapped, found[0]), text.name, found[0], text.size, has_sections)


def _detection_columns(records: list[_Detection], name: str, section: str, size: int | None,
                       has_sections: bool = False) -> DetectionColumns:
    """Columns of typed records; a TypeError where ids are of two kinds or some class is not named."""
    scores = np.fromiter([record.score for record in records], np.float64, len(records))
    if not np.isfinite(scores).all():  # possible in memory only
        raise TypeError("a score is not finite")
    by_id = not records or records[0].category_id is not UNSET
    by_file = bool(records) and records[0].file_name is not UNSET
    return DetectionColumns(
        file=name, section=section, size=size, has_sections=has_sections,
        image_id=id_column([record.image_id for record in records]),
        category_id=id_column([record.category_id for record in records]) if by_id else None,
        category_name=None if by_id else _names([record.category_name for record in records]),
        file_name=_names([record.file_name for record in records]) if by_file else None,
        boxes=box_column([record.bbox for record in records]),
        scores=scores, row=np.arange(len(records), dtype=np.int64), records=len(records),
    )


def _names(names: list[Any]) -> np.ndarray[Any, Any]:
    if UNSET in names:
        raise TypeError("a name is missing")
    return np.array(names, dtype=object)


def decode_ground_truth(text: Text) -> GroundTruthColumns | None:
    """The columns of a ground-truth file, or None."""
    try:
        return _ground_truth_columns(_ground_truth_decoder.decode(text.data), text.name, text.size)
    except DECLINED:
        return None


def convert_ground_truth(mapping: Any, name: str) -> GroundTruthColumns | None:
    """The columns of a ground truth in memory, or None."""
    try:
        truth = msgspec.convert(mapping, _GroundTruth)
        if any(record.area != record.area for record in truth.annotations):  # NaN, which columns take for absent
            return None
        return _ground_truth_columns(truth, name, None)
    except DECLINED:
        return None


def _ground_truth_columns(truth: _GroundTruth, name: str, size: int | None) -> GroundTruthColumns:
    records = truth.annotations
    return GroundTruthColumns(
        file=name, size=size, images=truth.images, categories=truth.categories,
        image_id=id_column([record.image_id for record in records]),
        category_id=id_column([record.category_id for record in records]),
        boxes=box_column([record.bbox for record in records]),
        area=np.array([np.nan if record.area is UNSET else record.area for record in records], np.float64),
        is_crowd=_flags([record.iscrowd for record in records]),
        ignore=_flags([record.ignore for record in records]),
        row=np.arange(len(records), dtype=np.int64),
        annotation_ids=[record.id for record in records],
        without_iscrowd=sum(record.iscrowd is UNSET for record in records),
        with_ignore=sum(bool(record.ignore) and record.ignore is not UNSET for record in records),
        with_score=sum(record.score is not UNSET for record in records),
    )


def _flags(values: list[Any]) -> np.ndarray[Any, Any]:
    """Flags as booleans; a TypeError for anything but 0, 1, true, false and unset."""
    if any(value is not UNSET and value not in (0, 1) for value in values):
        raise TypeError("not a flag")
    return np.array([value is not UNSET and bool(value) for value in values], dtype=bool)
