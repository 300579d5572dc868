"""The confusion matrix, literally: all pairs of an image in one list, sorted, and taken from the top."""

import math
from collections import Counter
from typing import Any, NamedTuple

from oracle import similarity

Record = dict[str, Any]
BACKGROUND = None


class Matrix(NamedTuple):
    """Counts by (truth, predicted), category ids or BACKGROUND; detections left out, by category id."""

    cells: Counter[tuple[Any, Any]]
    left_out: Counter[Any]


def confuse(ground_truth: Record, detections: list[Record], settings: Record, threshold: float,
            cut: float = -math.inf) -> Matrix:
    """settings: as of a `DataSet`; and `similarity`, `honour_ignore`, `area_source`, `classes` (ids), where given."""
    cells: Counter[tuple[Any, Any]] = Counter()
    left_out: Counter[Any] = Counter()
    classes = settings.get("classes") or [one["id"] for one in ground_truth["categories"]]
    for image in (one["id"] for one in ground_truth["images"]):
        truths = [one for one in ground_truth["annotations"]
                  if one["image_id"] == image and one["category_id"] in classes]
        found = [one for one in detections if one["image_id"] == image and one["category_id"] in classes]
        pair_image(sorted(truths, key=lambda one: one["category_id"]), kept_of(found, settings, cut), settings,
                   threshold, cells, left_out)
    return Matrix(cells, left_out)


def kept_of(found: list[Record], settings: Record, cut: float) -> list[Record]:
    """Detections of one image within the cap and above the cut: best first, ties by class, then file order."""
    ranked = sorted(found, key=lambda one: (-one["score"], one["category_id"]))
    seen: Counter[Any] = Counter()
    kept = []
    for one in ranked:
        group = None if settings["class_agnostic"] else one["category_id"]
        if seen[group] < settings["max_dets"][-1] and one["score"] >= cut:
            kept.append(one)
        seen[group] += 1
    return kept


def pair_image(truths: list[Record], found: list[Record], settings: Record, threshold: float,
               cells: Counter[tuple[Any, Any]], left_out: Counter[Any]) -> None:
    _, low, high = settings["areas"][0]
    crowd = [bool(one.get("iscrowd", 0)) for one in truths]
    skipped = [is_ignored(one, low, high, settings) for one in truths]
    values = similarity(settings.get("similarity", "iou"), [one["bbox"] for one in found],
                        [one["bbox"] for one in truths], crowd)
    pairs = []
    for d, detection in enumerate(found):
        for g, truth in enumerate(truths):
            same = detection["category_id"] == truth["category_id"]
            if values[d, g] >= min(threshold, 1 - 1e-10) and (same or not skipped[g]):
                pairs.append((skipped[g], -values[d, g], not same, -detection["score"], d, g))
    partner: dict[int, int] = {}
    for _, _, _, _, d, g in sorted(pairs):
        if d not in partner and (crowd[g] or g not in partner.values()):
            partner[d] = g
    for d, detection in enumerate(found):
        width, height = map(float, detection["bbox"][2:])
        if d in partner and not skipped[partner[d]]:
            cells[truths[partner[d]]["category_id"], detection["category_id"]] += 1
        elif d in partner or not low <= width * height <= high:
            left_out[detection["category_id"]] += 1
        else:
            cells[BACKGROUND, detection["category_id"]] += 1
    for g, truth in enumerate(truths):
        if not skipped[g] and g not in partner.values():
            cells[truth["category_id"], BACKGROUND] += 1


def is_ignored(one: Record, low: float, high: float, settings: Record) -> bool:
    width, height = map(float, one["bbox"][2:])
    area = float(one.get("area", width * height))
    if settings.get("area_source") == "box":
        area = width * height
    set_aside = bool(settings.get("honour_ignore") and one.get("ignore", 0))
    return bool(one.get("iscrowd", 0)) or set_aside or not low <= area <= high
