"""Similarities of boxes: IoU, GIoU, DIoU, CIoU, and the intersection over detection area of crowds.

Boxes are x, y, width, height in float64 and stay so: corners would change last bits.
"""

from math import atan2, inf, pi

from deteval.kernels.compiled import helper, kernel

KINDS = {"iou": 0, "giou": 1, "diou": 2, "ciou": 3}


@helper
def overlap(dx, dy, dw, dh, gx, gy, gw, gh):
    """Intersection area, in the reference's order of operations (cocoapi maskApi.c, bbIou)."""
    width = min(dx + dw, gx + gw) - max(dx, gx)
    if width <= 0.0:
        return 0.0
    height = min(dy + dh, gy + gh) - max(dy, gy)
    if height <= 0.0:
        return 0.0
    return width * height


@helper
def crowd_similarity(dx, dy, dw, dh, gx, gy, gw, gh):
    """Intersection over detection area; minus infinity without intersection, so that no threshold is met."""
    intersection = overlap(dx, dy, dw, dh, gx, gy, gw, gh)
    if intersection <= 0.0:
        return -inf
    return intersection / (dw * dh)


@helper
def box_similarity(kind, dx, dy, dw, dh, gx, gy, gw, gh):
    """IoU; or GIoU (Rezatofighi 2019), DIoU, CIoU (Zheng 2020, arXiv 1911.08287), which subtract from it.

    Degenerate boxes: an enclosing box of no area costs nothing under GIoU, an enclosing diagonal of 0 nothing under
    DIoU; the aspect of CIoU is atan2(width, height), finite for every box. Bitwise equal boxes give 1 (but IoU as
    the reference computes it).
    """
    intersection = overlap(dx, dy, dw, dh, gx, gy, gw, gh)
    iou = 0.0
    if intersection > 0.0:
        iou = intersection / (dw * dh + gw * gh - intersection)
    if kind == 0:
        return iou
    if dx == gx and dy == gy and dw == gw and dh == gh:
        return 1.0
    enclosing_width = max(dx + dw, gx + gw) - min(dx, gx)
    enclosing_height = max(dy + dh, gy + gh) - min(dy, gy)
    if kind == 1:
        enclosing = enclosing_width * enclosing_height
        union = dw * dh + gw * gh - intersection
        return iou - (max(enclosing - union, 0.0) / enclosing if enclosing > 0.0 else 0.0)
    diagonal = enclosing_width * enclosing_width + enclosing_height * enclosing_height
    across = (dx + dw / 2.0) - (gx + gw / 2.0)
    down = (dy + dh / 2.0) - (gy + gh / 2.0)
    distance = min((across * across + down * down) / diagonal, 1.0) if diagonal > 0.0 else 0.0
    if kind == 2:
        return iou - distance
    aspect = atan2(gw, gh) - atan2(dw, dh)
    v = 4.0 / (pi * pi) * aspect * aspect
    return iou - distance - (v * v / (max(1.0 - iou, 0.0) + v) if v > 0.0 else 0.0)


@kernel(
    "int64(int64, int64, int64, int64, int64, int64[::1], int64[::1], float64[::1], float64[::1], uint8[::1], "
    "float64[::1])"
)
def similarities(kind, first_group, last_group, first_rank, last_rank,
                 detection_starts, ground_truth_starts, detection_boxes, ground_truth_boxes, is_crowd, out):
    """Every detection of rank first_rank..last_rank-1 against every ground truth, group after group.

    `detection_starts[g]` and `ground_truth_starts[g]` are where group g begins among rows sorted by group, then
    rank. Written flat: for each group, for each detection, for each ground truth. Returns how many were written.
    """
    written = 0
    for group in range(first_group, last_group):
        start = detection_starts[group]
        stop = min(detection_starts[group + 1], start + last_rank)
        for d in range(start + first_rank, stop):
            dx, dy = detection_boxes[4 * d], detection_boxes[4 * d + 1]
            dw, dh = detection_boxes[4 * d + 2], detection_boxes[4 * d + 3]
            for g in range(ground_truth_starts[group], ground_truth_starts[group + 1]):
                gx, gy = ground_truth_boxes[4 * g], ground_truth_boxes[4 * g + 1]
                gw, gh = ground_truth_boxes[4 * g + 2], ground_truth_boxes[4 * g + 3]
                if is_crowd[g]:
                    out[written] = crowd_similarity(dx, dy, dw, dh, gx, gy, gw, gh)
                else:
                    out[written] = box_similarity(kind, dx, dy, dw, dh, gx, gy, gw, gh)
                written += 1
    return written


@kernel(
    "int64(int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], "
    "int32[::1], int32[::1], uint8[::1], int64[::1], float64[::1], int64[::1], float64[::1])"
)
def best_overlaps(kind, first_image, last_image, detection_starts, detections,
                  ground_truth_starts, ground_truths, detection_boxes, ground_truth_boxes,
                  detection_categories, ground_truth_categories, is_crowd,
                  same, same_similarity, other, other_similarity):
    """The most similar ground truth of the same class, and of any other class, for every detection of some images.

    `detections[detection_starts[i]:detection_starts[i + 1]]` are the rows on image i; likewise ground truths.
    Crowds, and what a detection does not overlap at all, are passed over. Where there is none the outputs keep what
    the caller put there. Returns 0.
    """
    for image in range(first_image, last_image):
        for p in range(detection_starts[image], detection_starts[image + 1]):
            d = detections[p]
            dx, dy = detection_boxes[4 * d], detection_boxes[4 * d + 1]
            dw, dh = detection_boxes[4 * d + 2], detection_boxes[4 * d + 3]
            for q in range(ground_truth_starts[image], ground_truth_starts[image + 1]):
                g = ground_truths[q]
                gx, gy = ground_truth_boxes[4 * g], ground_truth_boxes[4 * g + 1]
                gw, gh = ground_truth_boxes[4 * g + 2], ground_truth_boxes[4 * g + 3]
                if is_crowd[g] or overlap(dx, dy, dw, dh, gx, gy, gw, gh) <= 0.0:
                    continue
                value = box_similarity(kind, dx, dy, dw, dh, gx, gy, gw, gh)
                if detection_categories[d] == ground_truth_categories[g]:
                    if same[d] < 0 or value > same_similarity[d]:
                        same[d] = g
                        same_similarity[d] = value
                elif other[d] < 0 or value > other_similarity[d]:
                    other[d] = g
                    other_similarity[d] = value
    return 0
