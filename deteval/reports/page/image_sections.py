"""Pictures of images with what was found on them, as far as their files are at hand."""

from collections.abc import Sequence

import numpy as np

from deteval.errors import counted
from deteval.loading.thumbnails import MOST_PICTURES, make_thumbnails
from deteval.records.dataset import Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.numbers import position_of, threshold_text
from deteval.records.run import Boxes, Run
from deteval.reports.page.sections import Box, Picture, Pictures

MOST_BOXES = 60
"""Detections drawn on an image, the best scores first."""


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
    items = []
    for (image, caption), thumbnail in zip(chosen, found, strict=True):
        text = caption if not thumbnail.problem else f"{caption}; no picture: {thumbnail.problem}"
        items.append(Picture(
            image_id=str(images.ids[image]), file_name=images.file_names[image] or "", caption=text,
            source=thumbnail.source, width=thumbnail.width, height=thumbnail.height,
            boxes=image_boxes(evidence, boxes, image, threshold, cut) if thumbnail.source and boxes else ()))
    absent = sum(one.source is None for one in found)
    note = f"Detections with a score of at least {cut:.4g}, the cut of best F1, and all objects, at IoU "
    note += f"{threshold_text(evidence.params.iou[threshold])}."
    if boxes is None:
        note = "Evidence keeps no boxes; give predictions and ground truth to see them."
    if absent:
        note += f" No picture of {counted(absent, 'image')}: see below each."
    return Pictures(f"{prefix}pictures", "What happened on them", tuple(items), note=note)


def image_boxes(evidence: Evidence, boxes: Boxes, image: int, threshold: int, cut: float) -> tuple[Box, ...]:
    """Ground truth, then detections by descending score, of one image; threshold: a position."""
    word, bit = threshold >> 5, np.uint32(1 << (threshold & 31))
    names = evidence.categories.names
    found = []
    objects = np.flatnonzero(evidence.gt_image == image)
    places = _places(boxes.ground_truth.row, evidence.gt_row[objects])
    for row, (x, y, width, height) in zip(objects.tolist(), boxes.ground_truth.boxes[places].tolist(), strict=True):
        tone = "ignored" if evidence.gt_ignored[row, 0] else \
            "truth" if evidence.found[row, 0, word] & bit else "missed"
        found.append(Box(x, y, width, height, tone, names[evidence.gt_category[row]]))
    rows = np.flatnonzero((evidence.image == image) & (evidence.scores >= cut)
                          & (evidence.rank < evidence.params.max_dets[-1]))
    rows = rows[np.argsort(-evidence.scores[rows], kind="stable")][:MOST_BOXES]
    places = _places(boxes.detections.row, evidence.row[rows])
    for row, (x, y, width, height) in zip(rows.tolist(), _drawable(boxes.detections.boxes[places]).tolist(),
                                          strict=True):
        tone = "true positive" if evidence.true_positive[row, 0, word] & bit else \
            "ignored" if evidence.ignored[row, 0, word] & bit else "false positive"
        found.append(Box(x, y, width, height, tone, f"{names[evidence.category[row]]} {evidence.scores[row]:.2f}"))
    return tuple(found)


def _places(column: Ints, wanted: Ints) -> Ints:
    """Where records stand among those of a file, which ascend."""
    places: Ints = np.searchsorted(column, wanted)
    return places


def _drawable(found: Floats) -> Floats:
    return np.nan_to_num(found)
