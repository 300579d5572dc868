"""Hints: things that are valid and probably wrong, each with the option that would mend it."""

from collections.abc import Callable, Sequence

import numpy as np

from deteval.errors import shortened
from deteval.kernels.boxes import EMPTY, FAR, FRACTIONS, ORDERED, OUTSIDE
from deteval.loading.box_hints import (
    ORDERED_SHARE,
    Boxes,
    areas_unlike_boxes,
    boxes_far_out,
    boxes_outside,
    boxes_without_size,
    corner_boxes,
    normalised_boxes,
)
from deteval.loading.class_hints import overlap_hints
from deteval.loading.columns import DetectionColumns, GroundTruthColumns
from deteval.loading.detection_join import Part
from deteval.loading.fields import shown
from deteval.loading.join import UNKNOWN, is_text, named_positions, positions, stem
from deteval.loading.tables import FEDERATED_FIELDS
from deteval.records.dataset import Detections, GroundTruth, Ids, Images, Ints
from deteval.records.findings import ALLOWABLE, ERROR, Finding
from deteval.records.reading import COCO_80_TO_91, Reading

CUT_SCORE = 0.1
"""Detections saved only above this score lack the low end that AP integrates over."""


def meaningful(hints: list[Finding], findings: Sequence[Finding]) -> list[Finding]:
    """The hints that still mean something: where records were left out as wrong, only those that may explain it."""
    damaged = any(finding.severity == ERROR and finding.code not in ALLOWABLE for finding in findings)
    return [hint for hint in hints if not damaged or hint.code.startswith("looks-")]


def ground_truth_hints(ground_truth: GroundTruth, columns: GroundTruthColumns, tallies: Ints) -> list[Finding]:
    """Hints about a ground truth by itself. tallies: of all its boxes, as `survey_boxes` counts them."""
    file = columns.file
    boxes = Boxes(file, "annotations", ground_truth.boxes, ground_truth.image, ground_truth.row)
    found = [
        _type_hint(columns.file, "image_id", ground_truth.images.ids, columns.image_id, "the file's own"),
        _type_hint(columns.file, "category_id", ground_truth.categories.ids, columns.category_id, "the file's own"),
        _federated(columns),
        _scored_ground_truth(columns),
        *_box_hints(boxes, ground_truth.images, tallies, every=len(ground_truth) == len(columns),
                    pixels=lambda: float(np.nanmax(ground_truth.images.width, initial=0.0))),
        areas_unlike_boxes(file, ground_truth),
    ]
    return [finding for finding in found if finding]


def _federated(columns: GroundTruthColumns) -> Finding | None:
    images = [] if isinstance(columns.images, Images) else columns.images  # those in columns have no such field
    fields = [name for name in FEDERATED_FIELDS
              if any(isinstance(image, dict) and name in image for image in images)]
    if any(isinstance(category, dict) and "frequency" in category for category in columns.categories):
        fields.append("frequency")
    if not fields:
        return None
    return Finding("federated", len(fields), f"{columns.file}: has {', '.join(fields)}, as LVIS: classes were labelled "
                   "on some images only, and COCO's rules count detections of unlabelled classes as false positives")


def _scored_ground_truth(columns: GroundTruthColumns) -> Finding | None:
    if not columns.with_score:
        return None
    return Finding("looks-swapped", columns.with_score, f"{columns.file}: {columns.with_score:,} annotations have a "
                   "score: are these predictions? Predictions come first: deteval score PREDS GT")


def detection_hints(ground_truth: GroundTruth, detections: Detections, parts: Sequence[Part], reading: Reading,
                    ) -> list[Finding]:
    """Hints about predictions on a ground truth, file by file; none about what a remedy was asked for already."""
    mapped = bool(reading.category_map or reading.category_offset)
    found: list[Finding | None] = []
    if not any(part.columns.records for part in parts):
        found.append(Finding("empty-predictions", 1, f"{parts[0].columns.file}: holds no detection: AP and AR are 0"))
    found += [_pre_cut_scores([part.columns for part in parts]), _score_range(parts[0].columns.file, detections)]
    for part in parts:
        unjoined = bool((part.image == UNKNOWN).any())
        images = _image_hints(part.columns, ground_truth) if unjoined and reading.match_images == "id" else []
        found += [
            _looks_like_ground_truth(part.columns),
            *images,
            *(_category_hints(part, ground_truth) if not mapped and (images or _on_known_images(part)) else ()),
            *_detected_box_hints(part, ground_truth),
        ]
    hints = [finding for finding in found if finding]
    if not any(hint.code.startswith("looks-") for hint in hints):
        hints += overlap_hints(parts[0].columns.file, ground_truth, detections, mapped=mapped)
    return hints


def _detected_box_hints(part: Part, ground_truth: GroundTruth) -> list[Finding | None]:
    """Hints about the boxes of one file."""
    columns = part.columns
    boxes = Boxes(columns.file, columns.section, part.rows(part.boxes), part.rows(part.image), part.rows(columns.row))
    return _box_hints(boxes, ground_truth.images, part.survey, ground_truth, every=part.kept is None,
                      pixels=lambda: float(np.median(ground_truth.boxes[:, 2:])) if len(ground_truth) else 0.0)


def _box_hints(boxes: Boxes, images: Images, tallies: Ints, ground_truth: GroundTruth | None = None, *, every: bool,
               pixels: Callable[[], float]) -> list[Finding | None]:
    """Hints about boxes; what the tallies rule out is not looked into.

    every: the tallies are of these boxes, not of more. pixels: what a side of a box, or an image, has at least.
    """
    found: list[Finding | None] = []
    if not every or tallies[ORDERED] >= ORDERED_SHARE * len(boxes.row):
        found.append(corner_boxes(boxes, images, ground_truth))
    if not any(found) and (not every or tallies[OUTSIDE]):
        found.append(boxes_outside(boxes, images))
    if not every or tallies[FRACTIONS] == len(boxes.row):
        found.append(normalised_boxes(boxes, pixels()))
    if tallies[EMPTY]:
        found.append(boxes_without_size(boxes))
    if not every or tallies[FAR]:
        found.append(boxes_far_out(boxes))
    return found


def _score_range(file: str, detections: Detections) -> Finding | None:
    """Scores that are no probabilities: percent, or logits."""
    if not len(detections):
        return None
    low, high = float(detections.scores.min()), float(detections.scores.max())
    if low >= 0.0 and high <= 1.0:
        return None
    count = int(((detections.scores < 0) | (detections.scores > 1)).sum())
    return Finding("scores-out-of-range", count, f"{file}: scores run from {low:.6g} to {high:.6g}, not from 0 to 1: "
                   "AP takes only their order, but a score cut (--min-score, /score=) means something else then")


def _looks_like_ground_truth(part: DetectionColumns) -> Finding | None:
    if not (part.has_sections and part.without_score):
        return None
    return Finding("looks-swapped", part.without_score, f"{part.file}: holds images or categories, and "
                   f"{part.without_score:,} records have no score: is this a ground truth? Predictions come first: "
                   "deteval score PREDS GT")


def _joined(known: Ids, wanted: Ids) -> float:
    """The share of ids that join."""
    return float((positions(known, wanted) != UNKNOWN).mean()) if len(wanted) else 0.0


def _type_hint(file: str, field: str, known: Ids, wanted: Ids, whose: str, alike: Callable[[str], str] = str,
               ) -> Finding | None:
    """Ids that would join if 1 and "1" were the same, or what `alike` makes of them."""
    if not len(known) or not len(wanted) or is_text(known) == is_text(wanted):
        return None
    found = named_positions([alike(str(key)) for key in known.tolist()], [alike(str(key)) for key in wanted.tolist()])
    joins = int((found != UNKNOWN).sum())
    if joins * 2 < len(wanted):
        return None
    kinds = ("strings", "numbers") if is_text(wanted) else ("numbers", "strings")
    return Finding("looks-like-other-type", joins, f"{file}: {field} holds {kinds[0]}, as "
                   f"{shown(wanted[int(np.argmax(found != UNKNOWN))])}, where {whose} ids are {kinds[1]}; {joins:,} of "
                   f"{len(wanted):,} would join as {kinds[1]}: write them so")


def _image_hints(part: DetectionColumns, ground_truth: GroundTruth) -> list[Finding]:
    ids = part.file, "image_id", ground_truth.images.ids, part.image_id, "the ground truth's"
    hint = _type_hint(*ids) or _file_name_hint(part, ground_truth) or _type_hint(*ids, alike=stem)
    return [hint] if hint else []


def _on_known_images(part: Part) -> bool:
    """Whether half of the detections are on images of the ground truth; else it may be that of another data set."""
    return 2 * int((part.image != UNKNOWN).sum()) >= len(part.image)


def _category_hints(part: Part, ground_truth: GroundTruth) -> list[Finding]:
    columns = part.columns
    if columns.category_id is None or not (part.category == UNKNOWN).any():
        return []
    hint = _name_hint(columns, ground_truth) \
        or _type_hint(columns.file, "category_id", ground_truth.categories.ids, columns.category_id,
                      "the ground truth's") \
        or _category_hint(columns.file, columns.category_id, ground_truth)
    return [hint] if hint else []


def _name_hint(part: DetectionColumns, ground_truth: GroundTruth) -> Finding | None:
    """Class names where ids belong."""
    if part.category_id is None or not is_text(part.category_id) or is_text(ground_truth.categories.ids):
        return None
    joins = int((named_positions(ground_truth.categories.names, part.category_id.tolist()) != UNKNOWN).sum())
    if 2 * joins < len(part):
        return None
    return Finding("looks-like-other-type", joins, f"{part.file}: category_id holds names of classes, as "
                   f"{shown(part.category_id[0])}; names belong in category_name")


def _file_name_hint(part: DetectionColumns, ground_truth: GroundTruth) -> Finding | None:
    """Unknown image ids that are the file names, or their stems, of the ground truth."""
    if _joined(ground_truth.images.ids, part.image_id) > 0.5 or not len(part):
        return None
    wanted = [str(key) for key in part.image_id.tolist()]
    names = ground_truth.images.file_names
    for option, shorten in (("file_name", str), ("stem", stem)):
        found = named_positions([None if name is None else shorten(name) for name in names],
                                [shorten(name) for name in wanted])
        joins = int((found != UNKNOWN).sum())
        if joins * 2 >= len(part):
            first = int(np.argmax(found != UNKNOWN))
            return Finding("looks-like-file-names", joins, f"{part.file}: image_id {shortened(wanted[first])} fits the "
                           f"file {shortened(names[found[first]] or '')} of the ground truth; {joins:,} of "
                           f"{len(part):,} would join with --match-images {option}")
    return None


def _category_hint(file: str, wanted: Ids, ground_truth: GroundTruth) -> Finding | None:
    """Category ids that would join by COCO's 80-to-91 map, or with 1 added or subtracted."""
    known = ground_truth.categories.ids
    if not len(wanted) or not len(known) or is_text(wanted) or is_text(known):
        return None
    now = _joined(known, wanted)
    if now == 1.0:
        return None
    coco = set(COCO_80_TO_91.values())
    if set(known.tolist()) <= coco and max(known) > 80 and wanted.min() >= 0 and 11 <= wanted.max() < 80:
        mapped = np.array([COCO_80_TO_91[key] for key in wanted.tolist()], np.int64)
        if _joined(known, mapped) > max(now, 0.99):
            return Finding("looks-80-to-91", len(wanted), f"{file}: category ids run from {wanted.min()} to "
                           f"{wanted.max()}, the ground truth's are COCO's 1 to 90 with gaps; {len(wanted):,} would "
                           "join with --category-map coco80to91")
    for offset in (1, -1):
        if _joined(known, wanted + offset) > max(now, 0.99):
            return Finding("looks-shifted", len(wanted), f"{file}: category ids run from {wanted.min()} to "
                           f"{wanted.max()}, the ground truth's from {known.min()} to {known.max()}; all would join "
                           f"with --category-map {offset:+d}")
    return None


def _pre_cut_scores(parts: Sequence[DetectionColumns]) -> Finding | None:
    """Scores that all lie well above 0; of several files the lowest counts, since one of a few images may hold none."""
    scores = np.concatenate([part.scores for part in parts])
    if not len(scores) or any(part.without_score for part in parts):
        return None
    lowest = float(scores.min())
    if not CUT_SCORE <= lowest <= 1.0 or scores.max() > 1.0:
        return None
    file = parts[0].file if len(parts) == 1 else "predictions"
    return Finding("pre-cut-scores", len(scores), f"{file}: the lowest score is {lowest:.6g}: were lower ones cut off? "
                   "AP integrates over all of them; predict with a threshold near 0")
