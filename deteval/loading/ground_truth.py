"""A COCO ground truth to columns and findings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from deteval import timing
from deteval.errors import and_more, place
from deteval.kernels.boxes import WRONG
from deteval.loading import scan
from deteval.loading.checks import check_boxes, repeated_rows, survey
from deteval.loading.collector import TOO_DEEP, Collector
from deteval.loading.columns import GroundTruthColumns, id_column
from deteval.loading.fields import shown
from deteval.loading.hints import ground_truth_hints, meaningful
from deteval.loading.join import positions, sample
from deteval.loading.source import read_text
from deteval.loading.tables import read_categories, read_images
from deteval.records.dataset import Bools, Categories, GroundTruth, Images, Input, Ints
from deteval.records.findings import Finding, allowable, apply_allowances, departures, raise_errors
from deteval.threads import available_threads


def load_ground_truth(source: str | Path | Mapping[str, Any], *, allow: frozenset[str] = frozenset(),
                      threads: int | None = None, image_fields: bool = False) -> GroundTruth:
    """A COCO ground truth, from a file or from the mapping that such a file holds.

    In a mapping, `annotations` may also be a mapping of arrays (image_id, category_id, bbox, and where there are any
    area, iscrowd, ignore). allow: codes of findings to pass. image_fields: keep the other fields of the image records,
    for slices and clusters. Errors: `DetevalError` that lists every error-level finding; what remains is in
    `.findings`.
    """
    ground_truth, findings = read_ground_truth(source, allow=allowable(allow), threads=threads,
                                               image_fields=image_fields)
    raise_errors(findings)
    assert ground_truth is not None  # nothing to return is always an error-level finding
    return ground_truth


def read_ground_truth(
    source: str | Path | Mapping[str, Any], *, allow: frozenset[str] = frozenset(), threads: int | None = None,
    image_fields: bool = False,
) -> tuple[GroundTruth | None, tuple[Finding, ...]]:
    """The ground truth, if there is anything to return, and all findings of it."""
    collector = Collector("ground truth")
    try:
        threads = threads or available_threads()
        columns = _columns(source, collector, threads, image_fields)
        if isinstance(columns, Finding):
            return None, (columns,)
        if columns is None:
            return None, tuple(collector.findings())
        with timing.stage("join"):
            return _join(columns, collector, allow, threads, image_fields)
    except RecursionError:  # values just shallow enough to be read are too deep to be compared
        return None, (Finding("bad-json", 1, f"{place(collector.file)}: {TOO_DEEP}"),)


def _columns(source: str | Path | Mapping[str, Any], collector: Collector, threads: int, image_fields: bool,
             ) -> GroundTruthColumns | Finding | None:
    if not isinstance(source, (str, Path)):
        return _convert(source, collector)
    text = read_text(source, threads)
    if isinstance(text, Finding):
        return text
    collector.file = text.name
    with timing.stage("decode"):
        columns = scan.scan_ground_truth(text, threads, image_fields)
        if columns is not None:
            return columns
        from deteval.loading import decode, untyped  # few files need them

        columns = decode.decode_ground_truth(text)
        return untyped.read_ground_truth(text, collector) if columns is None else columns


def _convert(source: Mapping[str, Any], collector: Collector) -> GroundTruthColumns | None:
    from deteval.loading import decode, memory, untyped

    mapping = dict(source) if isinstance(source, Mapping) else source
    if isinstance(mapping, dict) and isinstance(mapping.get("annotations"), Mapping):
        return memory.annotation_columns(mapping, collector)
    columns = decode.convert_ground_truth(mapping, collector.file)
    return untyped.ground_truth_from(mapping, collector, None) if columns is None else columns


def _join(
    columns: GroundTruthColumns, collector: Collector, allow: frozenset[str], threads: int, image_fields: bool
) -> tuple[GroundTruth, tuple[Finding, ...]]:
    images = read_images(columns.images, collector, image_fields)
    categories = read_categories(columns.categories, collector)
    for name, table in (("image", images), ("category", categories)):
        if not len(table):
            collector.file_level("nothing-evaluable", f"lists no {name}, so that nothing can be evaluated")
    image, category = positions(images.ids, columns.image_id), positions(categories.ids, columns.category_id)
    tallies = survey(columns.boxes, image, images, threads)
    good = tallies[WRONG] == 0 or check_boxes(columns.boxes, columns.row, "annotations", collector).all()
    area = _check_areas(columns, collector)
    orphan = (image < 0) | (category < 0)
    _note_orphans(columns, images, categories, image < 0, orphan, collector)
    _note_annotation_ids(columns, collector)
    kept = np.flatnonzero(~orphan) if orphan.any() else slice(None)
    ground_truth = GroundTruth(
        images=images, categories=categories, image=image[kept], category=category[kept], boxes=columns.boxes[kept],
        area=area[kept], is_crowd=columns.is_crowd[kept], ignore=columns.ignore[kept], row=columns.row[kept],
        annotation_ids=_reference_ids(columns.annotation_ids, kept),
        inputs=(Input(columns.file, columns.size, {"images": len(columns.images), "annotations": len(columns),
                                                   "categories": len(columns.categories)}),),
    )
    if good:
        _note_repeats(ground_truth, collector)
    findings = collector.findings()
    with np.errstate(all="ignore"):
        findings += meaningful(ground_truth_hints(ground_truth, columns, tallies), findings)
    applied = apply_allowances(findings, allow)
    return replace(ground_truth, findings=applied, departures=departures(applied)), applied


def _check_areas(columns: GroundTruthColumns, collector: Collector) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The area field, or width times height where it is absent or negative."""
    absent = np.isnan(columns.area)
    negative = columns.area < 0
    infinite = np.isinf(columns.area)
    if infinite.any():
        collector.rows("not-finite", "annotations", columns.row, infinite, "area", "is infinite, must be finite")
    if negative.any():
        value = columns.area[np.argmax(negative)].item()
        collector.rows("negative-area", "annotations", columns.row, negative, "area", f"is {value!r}, must be >= 0")
    if absent.any():
        collector.file_level("no-area", f"{absent.sum():,} of {len(columns):,} annotations have no area: "
                             "width times height is used, also for the area ranges", int(absent.sum()))
    if columns.without_iscrowd:
        collector.file_level("no-iscrowd", f"{columns.without_iscrowd:,} of {len(columns):,} annotations have no "
                             "iscrowd: 0 is used", columns.without_iscrowd)
    if columns.with_ignore and (columns.ignore & ~columns.is_crowd).any():
        count = int((columns.ignore & ~columns.is_crowd).sum())
        collector.file_level("ignore-without-crowd", f"{count:,} of {len(columns):,} annotations have ignore without "
                             "iscrowd, which COCO overwrites by iscrowd; --honour-ignore leaves them out of the count",
                             count)
    with np.errstate(all="ignore"):
        return np.where(absent | negative, columns.boxes[:, 2] * columns.boxes[:, 3], columns.area)


def _note_orphans(columns: GroundTruthColumns, images: Images, categories: Categories, without_image: Bools,
                  orphan: Bools, collector: Collector) -> None:
    for mask, field, ids, listed, known in (
        (without_image, "image_id", columns.image_id, "images", images.ids),
        (orphan & ~without_image, "category_id", columns.category_id, "categories", categories.ids),
    ):
        if mask.any():
            first, count = int(np.argmax(mask)), int(mask.sum())
            like = f", whose ids are like {sample(known.tolist())}" if len(known) else ""
            collector.record("orphan-annotation", "annotations", int(columns.row[first]), field,
                             f"{shown(ids[first])} is not among the {listed} of this file{and_more(count)}{like}",
                             count, more=False)


def _note_annotation_ids(columns: GroundTruthColumns, collector: Collector) -> None:
    """Ids that the reference stumbles over. They may be anything; what is neither a number nor a string is not looked
    at.
    """
    if isinstance(columns.annotation_ids, np.ndarray):
        plain = columns.annotation_ids
        ascending = plain if (plain[1:] > plain[:-1]).all() else np.sort(plain)  # np.unique imports numpy.ma
        if plain.all() and (ascending[1:] > ascending[:-1]).all():
            return
    ids = [value if isinstance(value, (int, float, str)) else None for value in _listed(columns.annotation_ids)]
    zero = np.array([value == 0 for value in ids], bool)
    collector.rows("annotation-id-zero", "annotations", columns.row, zero, "id", "is 0: the reference counts a match "
                   "with it as a false positive; deteval does not")
    if len(set(ids)) == len(ids):
        return
    first: dict[Any, int] = {}
    for row, value in zip(columns.row.tolist(), ids, strict=True):
        if value is not None and value in first:
            collector.record("duplicate-annotation-id", "annotations", row, "id", f"{shown(value)} is the id of "
                             f"annotations[{first[value]}] too: the reference scores the last of them twice, deteval "
                             "scores each once")
        first.setdefault(value, row)


def _listed(ids: list[Any] | Ints) -> list[Any]:
    return ids.tolist() if isinstance(ids, np.ndarray) else ids


def _reference_ids(ids: list[Any] | Ints, kept: Ints | slice) -> Ints | None:
    """The annotation ids of some rows as int64, or None if the reference could not work with them."""
    if isinstance(ids, np.ndarray):
        return ids[kept]
    chosen = ids[kept] if isinstance(kept, slice) else [ids[i] for i in kept]
    try:
        if all(isinstance(value, int) for value in chosen):
            return id_column(chosen)
    except (TypeError, OverflowError):
        pass
    return None


def _note_repeats(ground_truth: GroundTruth, collector: Collector) -> None:
    found = repeated_rows(ground_truth.image, ground_truth.category, ground_truth.boxes,
                          np.zeros(len(ground_truth)))
    if found:
        count, again, first = found
        collector.record("duplicate-box", "annotations", int(ground_truth.row[again]), "bbox",
                         f"is the box of annotations[{ground_truth.row[first]}] again, same image and class: only "
                         "one of them can be found by a detection", count)

