"""One predictions file joined to a ground truth: boxes, images and classes, with the remedies asked for."""

from collections import Counter
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.errors import and_more, counted, shortened, usage_error
from deteval.kernels.boxes import WRONG
from deteval.loading.checks import check_boxes, survey
from deteval.loading.collector import Collector
from deteval.loading.columns import DetectionColumns
from deteval.loading.join import UNKNOWN, named_positions, positions, sample, stem
from deteval.records.dataset import Categories, Floats, GroundTruth, Ids, Images, Ints, Positions
from deteval.records.reading import Reading


class Part(Struct, frozen=True):
    """One file after the join. kept: the rows that could be joined, None for all; survey: `checks.survey` of all."""

    columns: DetectionColumns
    image: Positions
    category: Positions
    boxes: Floats
    kept: Ints | None
    survey: Ints

    def rows(self, column: NDArray[Any]) -> NDArray[Any]:
        """A column without the rows that could not be joined."""
        return column if self.kept is None else column[self.kept]


def join_part(columns: DetectionColumns, ground_truth: GroundTruth, reading: Reading, collector: Collector,
              threads: int) -> Part:
    boxes = _as_xywh(columns, reading, collector)
    if columns.without_score and reading.default_score is not None:
        collector.file_level("default-score", f"{columns.without_score:,} detections have no score and were given "
                             f"{reading.default_score!r}: they are unranked, AP means little", columns.without_score)
    image = _image_positions(columns, ground_truth.images, reading, collector)
    tallies = survey(boxes, image, ground_truth.images, threads)
    if tallies[WRONG]:
        check_boxes(boxes, columns.row, columns.section, collector)
    category = _category_positions(columns, ground_truth.categories, reading, collector)
    known = (image != UNKNOWN) & (category != UNKNOWN)
    return Part(columns, image, category, boxes, None if known.all() else np.flatnonzero(known), tallies)


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
        known = _alike("image id", images.ids.tolist())
        field, given = "image_id", columns.image_id
    else:
        shorten = stem if reading.match_images == "stem" else str
        names = [None if name is None else shorten(name) for name in images.file_names]
        _note_ambiguous(names, reading, collector)
        field, given = ("image_id", columns.image_id) if columns.file_name is None else ("file_name", columns.file_name)
        found = named_positions(names, [shorten(str(name)) for name in given.tolist()])
        known = _alike("file name" if reading.match_images == "file_name" else "stem",
                       [name for name in names if name is not None])
        collector.file_level("match-images", f"{(found != UNKNOWN).sum():,} of {len(columns):,} detections were "
                             f"matched to images by {reading.match_images}", int((found != UNKNOWN).sum()))
    _note_unknown("unknown-image", "an image", field, found, given, known, columns, collector)
    return found


def _note_ambiguous(names: list[str | None], reading: Reading, collector: Collector) -> None:
    counts = Counter(name for name in names if name is not None)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        collector.file_level("bad-id", f"{shortened(twice[0])} names {counts[twice[0]]:,} images of the ground truth"
                             f"{and_more(len(twice))}, so that images cannot be matched by {reading.match_images}",
                             len(twice))


def _alike(what: str, ids: list[Any]) -> str:
    """What known ids look like: `the ground truth's 2 image ids are like 1, 2`."""
    if not ids:
        return f"the ground truth has no {what}s"
    return f"the ground truth's {counted(len(ids), what)} {'are' if len(ids) > 1 else 'is'} like {sample(ids)}"


def _category_positions(
    columns: DetectionColumns, categories: Categories, reading: Reading, collector: Collector
) -> Positions:
    by_id = columns.category_id is not None
    given = columns.category_id if by_id else columns.category_name
    assert given is not None  # a file names its classes in one of the two ways
    if reading.category_map or reading.category_offset:
        found = _mapped_positions(given, by_id, categories, reading, collector)
    elif by_id:
        found = positions(categories.ids, given)
    else:
        found = named_positions(categories.names, given.tolist())
    known = _alike("category id", categories.ids.tolist())
    if len(categories):
        known += f", its names like {sample(categories.names)}"
    _note_unknown("unknown-category", "a category", "category_id" if by_id else "category_name", found, given, known,
                  columns, collector)
    return found


def _mapped_positions(given: Ids, by_id: bool, categories: Categories, reading: Reading, collector: Collector,
                      ) -> Positions:
    """Positions after the category map, whose targets may be ids or names; ids that a closed map lacks are unknown."""
    values = given.tolist()
    if reading.category_offset and given.dtype == object:
        raise usage_error(f"category_map: {reading.category_offset:+d} needs numeric category ids; "
                          f"{collector.file} has strings")
    ids = {key: position for position, key in enumerate(categories.ids.tolist())}
    names = {name: position for position, name in enumerate(categories.names)}
    places = names | ids if by_id else ids | names
    target: dict[int | str, int | str | None] = {
        value: value + reading.category_offset if reading.category_offset
        else reading.category_map.get(value, None if reading.closed_map else value)
        for value in set(values)
    }
    changed = sum(target[value] not in (value, None) for value in values)
    collector.file_level("category-map", f"{changed:,} of {len(values):,} detections were given another category by "
                         "--category-map", changed)
    return np.array([places.get(target[value], UNKNOWN) for value in values], np.int32)


def _note_unknown(code: str, what: str, field: str, found: Positions, given: Ids, known: str,
                  columns: DetectionColumns, collector: Collector) -> None:
    unknown = found == UNKNOWN
    if unknown.any():
        first, count = int(np.argmax(unknown)), int(unknown.sum())
        value = given[first].item() if isinstance(given[first], np.generic) else given[first]
        distinct = list(dict.fromkeys(given[unknown].tolist()))
        which = f"; {len(distinct):,} are unknown, as {sample(distinct)}" if len(distinct) > 1 else ""
        collector.record(code, columns.section, int(columns.row[first]), field,
                         f"{shortened(value)} is not {what} of the ground truth{and_more(count)}{which}; {known}",
                         count, more=False)
