"""Predictions to columns and findings, joined to a ground truth."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from deteval import timing
from deteval.errors import and_more, place, usage_error
from deteval.loading import scan
from deteval.loading.checks import repeated_rows
from deteval.loading.collector import TOO_DEEP, Collector
from deteval.loading.columns import DetectionColumns
from deteval.loading.detection_join import Part, join_part
from deteval.loading.fields import shown
from deteval.loading.hints import detection_hints, meaningful
from deteval.loading.source import STDIN, read_text
from deteval.records.dataset import Detections, GroundTruth, Input
from deteval.records.findings import ERROR, Finding, apply_allowances, departures, raise_errors
from deteval.records.reading import Reading
from deteval.threads import available_threads

Source = str | Path | Sequence[Any] | Mapping[str, Any]


def load_detections(source: Source, ground_truth: GroundTruth, reading: Reading | None = None, *,
                    threads: int | None = None) -> Detections:
    """Detections, joined to the images and classes of a ground truth.

    source: a COCO results file, or several (shards); or in memory a list of result records, or a mapping of arrays
    (image_id, category_id or category_name, bbox of shape (detections, 4), score). Errors: `DetevalError` that
    lists every error-level finding; what remains is in `.findings`.
    """
    detections, findings = read_detections(source, ground_truth, reading, threads)
    raise_errors(findings)
    assert detections is not None  # nothing to return is always an error-level finding
    return detections


def read_detections(
    source: Source, ground_truth: GroundTruth, reading: Reading | None = None, threads: int | None = None
) -> tuple[Detections | None, tuple[Finding, ...]]:
    """The detections, if there is anything to return, and all findings of them."""
    reading, threads = reading or Reading(), threads or available_threads()
    parts: list[Part] = []
    findings: list[Finding] = []
    for one in _sources(source):
        collector = Collector("predictions")
        columns = _columns(one, collector, reading, threads)
        if columns is not None:
            with timing.stage("join"):
                parts.append(join_part(columns, ground_truth, reading, collector, threads))
        findings += collector.findings()
    if not parts:
        return None, apply_allowances(findings, reading.allow)
    with timing.stage("join"):
        findings += _shared_images(parts, ground_truth) if len(parts) > 1 else []
        detections = _concatenate(parts, ground_truth)
        if not any(finding.severity == ERROR for finding in findings):
            findings += _repeats(detections, parts, threads)
        with np.errstate(all="ignore"):
            hints = detection_hints(ground_truth, detections, parts, reading)
        findings += meaningful(hints, findings)
        findings = list(apply_allowances(findings, reading.allow))
        reasons = departures(findings) + (() if detections.ranked else ("missing scores were filled in",))
    return replace(detections, findings=tuple(findings), departures=reasons), tuple(findings)


def undecodable(source: Source, reading: Reading) -> list[Finding]:
    """What is wrong with predictions by themselves, where there is no ground truth to join them to."""
    findings = []
    for one in _sources(source):
        collector = Collector("predictions")
        _columns(one, collector, reading, 1)
        findings += collector.findings()
    return findings


def _sources(source: Source) -> list[Any]:
    """The files, or the one thing in memory."""
    if isinstance(source, (str, Path)):
        return [source]
    if isinstance(source, Sequence) and source and all(isinstance(one, (str, Path)) for one in source):
        if [str(one) for one in source].count(STDIN) > 1:
            raise usage_error("stdin (-) can be read only once")
        return list(source)
    return [source]


def _columns(source: Any, collector: Collector, reading: Reading, threads: int) -> DetectionColumns | None:
    """The columns of a file or of something in memory; None, with findings, where there are none."""
    try:
        if isinstance(source, (str, Path)):
            return _file_columns(source, collector, reading, threads)
        from deteval.loading import decode, memory, untyped

        if isinstance(source, Mapping):
            if "bbox" in source:
                return memory.detection_columns(source, collector, reading)
            return untyped.detections_from(dict(source), collector, reading, None)
        value = list(source) if isinstance(source, Iterable) else source
        columns = decode.convert_detections(value, collector.file) if isinstance(value, list) else None
        return untyped.detections_from(value, collector, reading, None) if columns is None else columns
    except RecursionError:  # values just shallow enough to be read are too deep to be shown
        collector.file_level("bad-json", TOO_DEEP)
        return None


def _file_columns(path: str | Path, collector: Collector, reading: Reading, threads: int) -> DetectionColumns | None:
    text = read_text(path, threads)
    if isinstance(text, Finding):
        collector.add(text)
        return None
    collector.file = text.name
    with timing.stage("decode"):
        columns = scan.scan_detections(text, threads) if reading.match_images == "id" else None  # needs no names
        if columns is not None:
            return columns
        from deteval.loading import decode, untyped  # few files need them

        columns = decode.decode_detections(text)
        return untyped.read_detections(text, collector, reading) if columns is None else columns


def _shared_images(parts: list[Part], ground_truth: GroundTruth) -> list[Finding]:
    """Images that stand in two files."""
    first_part = np.full(len(ground_truth.images), -1)
    shared: dict[int, tuple[Part, Part]] = {}
    for number, part in enumerate(parts):
        here = np.unique(part.rows(part.image))
        for image in here[first_part[here] >= 0].tolist():
            shared.setdefault(image, (parts[int(first_part[image])], part))
        first_part[here] = np.where(first_part[here] < 0, number, first_part[here])
    if not shared:
        return []
    image, (one, other) = next(iter(shared.items()))
    row = int(other.columns.row[np.argmax(other.image == image)])
    where = place(other.columns.file, other.columns.section, row, "image_id")
    return [Finding("image-in-two-files", len(shared),
                    f"{where}: {shown(ground_truth.images.ids[image])} has detections in {one.columns.file} too"
                    f"{and_more(len(shared))}; is a file given twice?")]


def _concatenate(parts: list[Part], ground_truth: GroundTruth) -> Detections:
    totals = np.cumsum([0, *(part.columns.records for part in parts)])
    pairs = list(zip(parts, totals, strict=False))
    return Detections(
        images=ground_truth.images, categories=ground_truth.categories,
        image=_chained([part.rows(part.image) for part in parts]),
        category=_chained([part.rows(part.category) for part in parts]),
        boxes=_chained([part.rows(part.boxes) for part in parts]),
        scores=_chained([part.rows(part.columns.scores) for part in parts]),
        row=_chained([part.rows(part.columns.row) + start if start else part.rows(part.columns.row)
                      for part, start in pairs]),
        first_rows=tuple(int(start) for _, start in pairs),
        ranked=not any(part.columns.without_score for part in parts),
        inputs=tuple(Input(part.columns.file, part.columns.size, {"detections": part.columns.records})
                     for part in parts),
    )


def _chained(columns: list[NDArray[Any]]) -> NDArray[Any]:
    """Columns one after the other; a single one as it is."""
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _repeats(detections: Detections, parts: list[Part], threads: int) -> list[Finding]:
    found = repeated_rows(detections.image, detections.category, detections.boxes, detections.scores, threads)
    if not found:
        return []
    count, again, first = found
    collector = Collector(parts[0].columns.file if len(parts) == 1 else "predictions")
    section = parts[0].columns.section
    collector.record("duplicate-box", section, int(detections.row[again]), "bbox",
                     f"is {section}[{detections.row[first]}] again, same image, class, box and score: it counts "
                     "as a false positive, or takes an object that it was not meant for", count)
    return collector.findings()
