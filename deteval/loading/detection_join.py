"""One predictions file joined to a ground truth: boxes, images and classes, with the remedies asked for."""

from dataclasses import dataclass

import numpy as np

from deteval.errors import shortened, usage_error
from deteval.loading.checks import check_boxes
from deteval.loading.collector import Collector
from deteval.loading.columns import DetectionColumns
from deteval.loading.join import UNKNOWN, named_positions, positions, sample, stem
from deteval.records.dataset import Bools, Categories, Floats, GroundTruth, Ids, Images, Ints, Positions
from deteval.records.findings import Finding
from deteval.records.reading import Reading


@dataclass(frozen=True)
class Part:
    """One file after the join; rows that could not be joined are left out."""

    columns: DetectionColumns
    image: Positions
    category: Positions
    boxes: Floats
    kept: Ints
    findings: list[Finding]


def join_part(columns: DetectionColumns, ground_truth: GroundTruth, reading: Reading, collector: Collector) -> Part:
    boxes = _as_xywh(columns, reading, collector)
    check_boxes(boxes, columns.row, columns.section, collector)
    if columns.without_score and reading.default_score is not None:
        collector.file_level("default-score", f"{columns.without_score:,} detections have no score and were given "
                             f"{reading.default_score!r}: they are unranked, AP means little", columns.without_score)
    image = _image_positions(columns, ground_truth.images, reading, collector)
    category = _category_positions(columns, ground_truth.categories, reading, collector)
    known = (image != UNKNOWN) & (category != UNKNOWN)
    kept = np.arange(len(columns)) if known.all() else np.flatnonzero(known)
    return Part(columns, image, category, boxes, kept, collector.findings())


def _as_xywh(columns: DetectionColumns, reading: Reading, collector: Collector) -> Floats:
    boxes = columns.boxes
    if reading.box_format == "xywh":
        return boxes
    collector.file_level("box-format", f"{len(boxes):,} boxes were read as {reading.box_format}", len(boxes))
    with np.errstate(all="ignore"):
        if reading.box_format == "xyxy":
            return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)


def _image_positions(columns: DetectionColumns, images: Images, reading: Reading, collector: Collector) -> Positions:
    if reading.match_images == "id":
        found = positions(images.ids, columns.image_id)
        known = f"the ground truth's {len(images):,} image ids are like {sample(images.ids.tolist())}"
    else:
        shorten = stem if reading.match_images == "stem" else str
        names = [None if name is None else shorten(name) for name in images.file_names]
        _note_ambiguous(names, reading, collector)
        given = columns.file_name if columns.file_name is not None else columns.image_id
        found = named_positions(names, [shorten(str(name)) for name in given.tolist()])
        known = f"the ground truth's names are like {sample([name for name in names if name is not None])}"
        collector.file_level("match-images", f"{(found != UNKNOWN).sum():,} of {len(columns):,} detections were "
                             f"matched to images by {reading.match_images}", int((found != UNKNOWN).sum()))
    _note_unknown("unknown-image", "image", "image_id", found, columns.image_id, known, columns, collector)
    return found


def _note_ambiguous(names: list[str | None], reading: Reading, collector: Collector) -> None:
    given = [name for name in names if name is not None]
    if len(set(given)) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        collector.file_level("bad-id", f"{twice!r} names {given.count(twice)} images of the ground truth, so that "
                             f"images cannot be matched by {reading.match_images}")


def _category_positions(
    columns: DetectionColumns, categories: Categories, reading: Reading, collector: Collector
) -> Positions:
    given = columns.category_id if columns.category_id is not None else columns.category_name
    assert given is not None  # a file names its classes in one of the two ways
    field = "category_id" if columns.category_id is not None else "category_name"
    mapped, held = _map_categories(given, reading, collector)
    by_name = named_positions(categories.names, [str(key) for key in mapped.tolist()]) \
        if columns.category_id is None or (reading.category_map and mapped.dtype == object) else None
    found = positions(categories.ids, mapped) if columns.category_id is not None else by_name
    assert found is not None
    if by_name is not None:
        found = np.where(found == UNKNOWN, by_name, found)
    found = np.where(held, found, UNKNOWN).astype(np.int32)
    known = (f"the ground truth's {len(categories):,} category ids are like {sample(categories.ids.tolist())}, "
             f"its names like {sample(categories.names)}")
    _note_unknown("unknown-category", "category", field, found, given, known, columns, collector)
    return found


def _map_categories(given: Ids, reading: Reading, collector: Collector) -> tuple[Ids, Bools]:
    """Ids after the map, and which of them the map allows."""
    held = np.ones(len(given), bool)
    if not reading.category_map and not reading.category_offset:
        return given, held
    values = given.tolist()
    if reading.category_offset:
        if given.dtype == object:
            raise usage_error(f"category_map: {reading.category_offset:+d} needs numeric category ids; "
                              f"{collector.file} has strings")
        mapped = [value + reading.category_offset for value in values]
    else:
        mapped = [reading.category_map.get(value, value) for value in values]
        if reading.closed_map:
            held = np.array([value in reading.category_map for value in values], bool)
    changed = sum(before != after for before, after in zip(values, mapped, strict=True))
    collector.file_level("category-map", f"{changed:,} of {len(values):,} detections were given another category by "
                         "--category-map", changed)
    texts = any(isinstance(value, str) for value in mapped)
    return np.array([str(value) for value in mapped] if texts else mapped, object if texts else np.int64), held


def _note_unknown(code: str, what: str, field: str, found: Positions, given: Ids, known: str,
                  columns: DetectionColumns, collector: Collector) -> None:
    unknown = found == UNKNOWN
    if unknown.any():
        first = int(np.argmax(unknown))
        value = given[first].item() if isinstance(given[first], np.generic) else given[first]
        distinct = len(set(given[unknown].tolist()))
        others = f"; {unknown.sum():,} detections name {distinct:,} unknown" if unknown.sum() > 1 else ""
        collector.record(code, columns.section, int(columns.row[first]), field,
                         f"{shortened(value)} is not a{'n' if what == 'image' else ''} {what} of the ground truth"
                         f"{others}; {known}", int(unknown.sum()))
