"""Pictures of images with what was found on them, as far as their files are at hand."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from deteval.errors import counted
from deteval.loading.thumbnails import MOST_PICTURES, NO_FILE, make_thumbnails
from deteval.records.dataset import Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.numbers import position_of, threshold_text
from deteval.records.run import Boxes, Run
from deteval.reports.page.sections import Box, Picture, Pictures

MOST_BOXES = 60
"""Detections drawn on an image, the best scores first."""
MOST_LABELS = 8
"""Errors of an image whose names are written."""
MOST_NAMES = 5
BELOW, RIGHT, WRONG = "below the cut", "true positive", "false positive"
OBJECTS = {"truth": "found", "missed": "missed", BELOW: "found only below the cut"}
ERRORS = ("missed", BELOW, WRONG)


def pictures(run: Run, boxes: Boxes | None, folder: str, image_ids: Sequence[int | str], captions: Sequence[str],
             iou: float, cut: float, prefix: str = "") -> Pictures:
    """The images of these ids, worst first, with the boxes of a model.

    boxes: None where they are out of reach. captions: one per image. cut: detections below this score are not drawn.
    prefix: of the id on the page.
    """
    evidence = run.evidence
    where = {key: i for i, key in enumerate(evidence.images.ids.tolist())}
    chosen = [(where[key], caption) for key, caption in zip(image_ids, captions, strict=True)
              if key in where][:MOST_PICTURES]
    images = evidence.images
    found = make_thumbnails(folder, [(images.file_names[i], float(images.width[i]), float(images.height[i]))
                                     for i, _ in chosen])
    threshold = position_of(iou, evidence.params.iou) or 0
    items: list[Picture] = []
    absent: dict[str, list[str]] = {}
    for (image, caption), thumbnail in zip(chosen, found, strict=True):
        name = images.file_names[image] or ""
        if thumbnail.source is None:
            absent.setdefault(thumbnail.problem, []).append(name or f"image {images.ids[image]}")
            continue
        drawn = image_boxes(evidence, boxes, image, threshold, cut) if boxes else ()
        items.append(Picture(
            image_id=str(images.ids[image]), file_name=name, caption=caption + _told(drawn), source=thumbnail.source,
            width=thumbnail.width, height=thumbnail.height,
            boxes=tuple(sorted(_quiet(drawn), key=lambda one: -one.width * one.height))))
    note = (f"Drawn: objects, and detections with a score of at least {cut:.4g}, the cut of best F1; at IoU "
            f"{threshold_text(evidence.params.iou[threshold])}. A name that is not written shows where the pointer "
            "rests on its box, or all of them while the picture has the focus. ")
    if boxes is None:
        note = "Evidence keeps no boxes; give predictions and ground truth to see them. "
    return Pictures(f"{prefix}pictures", "What happened on them", tuple(items),
                    note=((note if items else "") + _absent(absent, folder, len(chosen))).strip())


def _absent(absent: Mapping[str, Sequence[str]], folder: str, wanted: int) -> str:
    """One sentence on what cannot be shown, by reason."""
    if list(absent) == [NO_FILE] and len(absent[NO_FILE]) == wanted:
        return (f"No pictures: {folder} holds none of the {counted(wanted, 'file')} wanted, as {absent[NO_FILE][0]}; "
                "file names are those of the image records.")
    return " ".join(f"No picture of {', '.join(names[:MOST_NAMES])}"
                    + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "") + f": {why}."
                    for why, names in absent.items())


def _told(boxes: Sequence[Box]) -> str:
    """`; drawn: 3 found, 1 missed; 2 true positives, 4 false positives`, of what stands on a picture."""
    count = Counter(one.tone for one in boxes)
    objects = [f"{count[tone]:,} {word}" for tone, word in OBJECTS.items() if count[tone] or tone != BELOW]
    return (f"; drawn: {', '.join(objects)}; {counted(count[RIGHT], 'true positive')}, "
            f"{counted(count[WRONG], 'false positive')}") if boxes else ""


def _quiet(boxes: Sequence[Box]) -> list[Box]:
    """The boxes with names written beside errors alone, and beside none where there are too many."""
    crowded = sum(one.tone in ERRORS for one in boxes) > MOST_LABELS
    return [replace(one, written=not crowded and one.tone in ERRORS) for one in boxes]


def image_boxes(evidence: Evidence, boxes: Boxes, image: int, threshold: int, cut: float) -> tuple[Box, ...]:
    """Ground truth, then detections by descending score, of one image; threshold: a position."""
    word, bit = threshold >> 5, np.uint32(1 << (threshold & 31))
    names = evidence.categories.names
    found = []
    rows = np.flatnonzero((evidence.image == image) & (evidence.rank < evidence.params.max_dets[-1]))
    seen = _taken(evidence, rows[evidence.scores[rows] >= cut], threshold)
    objects = np.flatnonzero(evidence.gt_image == image)
    places = _places(boxes.ground_truth.row, evidence.gt_row[objects])
    for row, (x, y, width, height) in zip(objects.tolist(), boxes.ground_truth.boxes[places].tolist(), strict=True):
        tone = "ignored" if evidence.gt_ignored[row, 0] else \
            "missed" if not evidence.found[row, 0, word] & bit else \
            "truth" if seen is None or row in seen else BELOW
        found.append(Box(x, y, width, height, tone, names[evidence.gt_category[row]]))
    rows = rows[evidence.scores[rows] >= cut]
    rows = rows[np.argsort(-evidence.scores[rows], kind="stable")][:MOST_BOXES]
    places = _places(boxes.detections.row, evidence.row[rows])
    for row, (x, y, width, height) in zip(rows.tolist(), _drawable(boxes.detections.boxes[places]).tolist(),
                                          strict=True):
        tone = RIGHT if evidence.true_positive[row, 0, word] & bit else \
            "ignored" if evidence.ignored[row, 0, word] & bit else WRONG
        found.append(Box(x, y, width, height, tone, f"{names[evidence.category[row]]} {evidence.scores[row]:.2f}"))
    return tuple(found)


def _taken(evidence: Evidence, rows: Ints, threshold: int) -> set[int] | None:
    """The ground truths that these detections find; None where there is no detail table to tell."""
    if evidence.detail is None or threshold not in evidence.detail.thresholds:
        return None
    return set(evidence.detail.taken[rows, evidence.detail.thresholds.index(threshold)].tolist())


def _places(column: Ints, wanted: Ints) -> Ints:
    """Where records stand among those of a file, which ascend."""
    places: Ints = np.searchsorted(column, wanted)
    return places


def _drawable(found: Floats) -> Floats:
    return np.nan_to_num(found)
