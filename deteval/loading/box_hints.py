"""Hints about boxes: corners instead of sizes, fractions instead of pixels, far outside their image."""

import numpy as np
from msgspec import Struct

from deteval.errors import and_more, place
from deteval.kernels.boxes import BEYOND, FAR_OUT, FRACTION
from deteval.records.dataset import Floats, GroundTruth, Images, Ints, Positions
from deteval.records.findings import Finding

FEW = 5
"""Fewer boxes than this are too few to tell their format."""
TINY = 0.01
"""An area of less than this share of its box, in most annotations, is in other units."""
ORDERED_SHARE = 0.99
"""Corners have x2 > x1 and y2 > y1: this share of boxes at least, if they are corners."""


class Boxes(Struct, frozen=True):
    """Boxes of a section of a file with the positions of their images, and their places there."""

    file: str
    section: str
    xywh: Floats
    image: Positions
    row: Ints

    def where(self, row: int) -> str:
        """What a message calls the box of a row."""
        return place(self.file, self.section, int(self.row[row]), "bbox")


def corner_boxes(boxes: Boxes, images: Images, ground_truth: GroundTruth | None) -> Finding | None:
    """Boxes whose width and height exceed x and y throughout, and which as x, y, width, height leave the image."""
    if len(boxes.row) < FEW:
        return None
    width, height = images.width[boxes.image], images.height[boxes.image]
    if ground_truth is not None and len(ground_truth):  # where no size is given, as far as any object reaches
        reach = (ground_truth.boxes[:, :2] + ground_truth.boxes[:, 2:]).max(axis=0)
        width, height = (np.where(np.isnan(size), most, size)
                         for size, most in zip((width, height), reach, strict=True))
    known = ~np.isnan(width)
    if known.sum() < FEW:
        return None
    x, y, w, h = boxes.xywh[known].T
    width, height = width[known], height[known]
    ordered = ((w > x) & (h > y)).mean()
    inside = ((w <= width * 1.02 + 2) & (h <= height * 1.02 + 2)).mean()
    leaves = ((x + w > width * 1.02 + 2) | (y + h > height * 1.02 + 2)).mean()
    if ordered < ORDERED_SHARE or inside < 0.95 or leaves < 0.2:
        return None
    first = boxes.xywh[known][0].tolist()
    remedy = "score with --box-format xyxy" if ground_truth is not None else "write x, y, width, height"
    return Finding("looks-xyxy", len(boxes.row), f"{place(boxes.file, boxes.section)}: boxes look like corners "
                   f"x1, y1, x2, y2, as {first}: {leaves:.0%} of them leave the image when read as x, y, width, "
                   f"height; {remedy}")


def normalised_boxes(boxes: Boxes, pixels: float) -> Finding | None:
    """Coordinates that are all fractions while the image, or the ground truth's median side, has `pixels` pixels."""
    count = len(boxes.row)
    if not count or pixels <= 4 or not (np.abs(boxes.xywh) <= FRACTION).all():
        return None
    return Finding("looks-normalised", count, f"{place(boxes.file)}: all {count:,} boxes lie within {FRACTION} "
                   f"pixels, as {boxes.xywh[0].tolist()}: are they fractions of the image? Multiply them by its size")


def boxes_outside(boxes: Boxes, images: Images) -> Finding | None:
    """Boxes that reach beyond their image by more than a tenth of its side."""
    width, height = images.width[boxes.image], images.height[boxes.image]
    x, y, w, h = boxes.xywh.T
    with np.errstate(invalid="ignore"):
        outside = ((x < -BEYOND * width) | (y < -BEYOND * height)
                   | (x + w > (1 + BEYOND) * width) | (y + h > (1 + BEYOND) * height))
    if not outside.any():
        return None
    first, count = int(np.argmax(outside)), int(outside.sum())
    return Finding("box-outside-image", count, f"{boxes.where(first)}: {boxes.xywh[first].tolist()} "
                   f"reaches far beyond its image of {width[first]:.0f} x {height[first]:.0f} "
                   f"pixels{and_more(count)}")


def boxes_without_size(boxes: Boxes) -> Finding | None:
    """Boxes that have no width or no height: they overlap nothing."""
    empty = (boxes.xywh[:, 2] == 0) | (boxes.xywh[:, 3] == 0)
    if not empty.any():
        return None
    first, count = int(np.argmax(empty)), int(empty.sum())
    return Finding("zero-size-box", count, f"{boxes.where(first)}: {boxes.xywh[first].tolist()} "
                   f"has no width or no height and overlaps nothing{and_more(count)}")


def boxes_far_out(boxes: Boxes) -> Finding | None:
    """Boxes so far out that x + width loses digits."""
    far = (np.abs(boxes.xywh) >= FAR_OUT).any(axis=1)
    if not far.any():
        return None
    first, count = int(np.argmax(far)), int(far.sum())
    return Finding("far-coordinates", count, f"{boxes.where(first)}: {boxes.xywh[first].tolist()} "
                   f"lies beyond {FAR_OUT:,.0f} pixels, where overlaps lose precision"
                   f"{and_more(count)}")


def areas_unlike_boxes(file: str, ground_truth: GroundTruth) -> Finding | None:
    """Area fields that exceed their box (a mask's area is smaller), or are far too small throughout."""
    boxes = ground_truth.boxes[:, 2] * ground_truth.boxes[:, 3]
    unlike = ground_truth.area > boxes * 1.05 + 1
    tiny = ground_truth.area < boxes * TINY
    if len(boxes) >= FEW and tiny.mean() > 0.5:
        unlike |= tiny
    if not unlike.any():
        return None
    first, count = int(np.argmax(unlike)), int(unlike.sum())
    return Finding("area-contradicts-box", count,
                   f"{place(file, 'annotations', int(ground_truth.row[first]), 'area')}: is "
                   f"{ground_truth.area[first].item()!r}, but its box has {boxes[first].item()!r} px^2"
                   f"{and_more(count)}; area decides the size class; --area-source box uses the box")
