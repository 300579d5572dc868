"""The evaluation protocol in slow, obvious Python: what every number of the package is checked against.

Written to be verified by eye, one rule of the protocol after the other. Boxes are x, y, w, h in float64.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Box = Sequence[float]
Record = dict[str, Any]


# Similarity


def similarity(kind: str, detections: ArrayLike, ground_truths: ArrayLike, is_crowd: Sequence[bool]) -> Array:
    """Similarity of boxes (D, 4) and (G, 4), of shape (D, G); `kind` is iou, giou, diou or ciou.

    A crowd is compared by intersection over detection area under every kind. Without an intersection nothing
    can match it: 0 for IoU (whose thresholds are positive), -inf for the others (whose thresholds may be
    negative).
    """
    function = {"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}[kind]
    d_boxes = np.asarray(detections, dtype=np.float64).tolist()
    g_boxes = np.asarray(ground_truths, dtype=np.float64).tolist()
    values = np.zeros((len(d_boxes), len(g_boxes)))
    for i, d in enumerate(d_boxes):
        for j, g in enumerate(g_boxes):
            if not is_crowd[j]:
                values[i, j] = function(d, g)
            elif intersection(d, g) > 0:
                values[i, j] = intersection(d, g) / (d[2] * d[3])
            else:
                values[i, j] = 0.0 if kind == "iou" else -math.inf
    return values


def intersection(d: Box, g: Box) -> float:
    width = min(d[0] + d[2], g[0] + g[2]) - max(d[0], g[0])
    height = min(d[1] + d[3], g[1] + g[3]) - max(d[1], g[1])
    return 0.0 if width <= 0 or height <= 0 else width * height


def union(d: Box, g: Box) -> float:
    return d[2] * d[3] + g[2] * g[3] - intersection(d, g)


def iou(d: Box, g: Box) -> float:
    """Intersection over union; 0 where the boxes do not overlap, whatever their areas.

    Far from the origin rounding can make the intersection as large as both areas together; the quotient is
    then what IEEE division gives.
    """
    if intersection(d, g) == 0:
        return 0.0
    return math.inf if union(d, g) == 0 else intersection(d, g) / union(d, g)


def enclosing_sides(d: Box, g: Box) -> tuple[float, float]:
    """Width and height of the smallest box around both."""
    width = max(d[0] + d[2], g[0] + g[2]) - min(d[0], g[0])
    height = max(d[1] + d[3], g[1] + g[3]) - min(d[1], g[1])
    return width, height


def giou(d: Box, g: Box) -> float:
    """IoU - (C - U) / C with C the enclosing area and U the union (Rezatofighi et al. 2019).

    Equal boxes give 1. C = 0 gives no penalty; the penalty is never below 0, as rounding far from the origin
    could make it.
    """
    if list(d) == list(g):
        return 1.0
    width, height = enclosing_sides(d, g)
    enclosing = width * height
    penalty = (enclosing - union(d, g)) / enclosing if enclosing > 0 else 0.0
    return iou(d, g) - max(penalty, 0.0)


def diou(d: Box, g: Box) -> float:
    """IoU - rho^2 / c^2: squared distance of the centres over the squared diagonal of the enclosing box.

    Zheng et al. 2020. Equal boxes give 1. A diagonal of 0 gives no penalty.
    """
    if list(d) == list(g):
        return 1.0
    width, height = enclosing_sides(d, g)
    across = (d[0] + d[2] / 2) - (g[0] + g[2] / 2)
    down = (d[1] + d[3] / 2) - (g[1] + g[3] / 2)
    diagonal = width * width + height * height
    penalty = (across * across + down * down) / diagonal if diagonal > 0 else 0.0
    return iou(d, g) - penalty


def ciou(d: Box, g: Box) -> float:
    """DIoU - alpha v, with v the squared difference of the aspect angles (Zheng et al. 2020).

    v = 4 / pi^2 (atan(wg / hg) - atan(wd / hd))^2 and alpha = v / ((1 - IoU) + v). Equal boxes give 1. The
    angle of a box is atan2(w, h): pi/2 for h = 0, 0 for w = 0, and 0 for a point. v = 0 gives alpha = 0, and
    1 - IoU is never below 0, as rounding could make it.
    """
    if list(d) == list(g):
        return 1.0
    difference = math.atan2(g[2], g[3]) - math.atan2(d[2], d[3])
    v = 4 / math.pi**2 * (difference * difference)
    alpha = v / (max(1 - iou(d, g), 0.0) + v) if v > 0 else 0.0
    return diou(d, g) - alpha * v


# Matching


class Matches(NamedTuple):
    """What became of the detections of one image and class in one area range."""

    matched: NDArray[np.int64]  # (T, D): the place of the ground truth in the order given, or -1
    ignored: NDArray[np.bool_]  # (T, D): counts neither as true nor as false positive


def match(
    similarities: Array,
    is_crowd: Sequence[bool],
    gt_ignored: Sequence[bool],
    dt_outside: Sequence[bool],
    thresholds: Sequence[float],
) -> Matches:
    """Greedy matching of one image and class, for one area range and T thresholds.

    `similarities` (D, G) has the detections by rank, already cut to the largest cap, and the ground truths in
    file order. `gt_ignored` (G,) says crowd or `area` outside the range, `dt_outside` (D,) w*h outside it.
    """
    shape = (len(thresholds), len(dt_outside))
    matched, ignored = np.full(shape, -1), np.zeros(shape, dtype=bool)
    visits = sorted(range(len(gt_ignored)), key=lambda j: bool(gt_ignored[j]))  # ignored last
    for t, threshold in enumerate(thresholds):
        taken: set[int] = set()
        for i in range(len(dt_outside)):
            best, held = min(threshold, 1 - 1e-10), -1
            for j in visits:
                if j in taken and not is_crowd[j]:
                    continue
                if held >= 0 and not gt_ignored[held] and gt_ignored[j]:
                    break
                if similarities[i, j] >= best:
                    best, held = similarities[i, j], j
            matched[t, i] = held
            if held >= 0:
                taken.add(held)
                ignored[t, i] = gt_ignored[held]
            else:
                ignored[t, i] = dt_outside[i]
    return Matches(matched, ignored)


# Accumulating


class Curve(NamedTuple):
    """One class, threshold, area range and cap: precision and score at R recall points, and final recall."""

    precision: Array
    scores: Array
    recall: float


def accumulate(
    is_tp: Sequence[bool], ignored: Sequence[bool], scores: Sequence[float], npig: int, recall_points: Array
) -> Curve:
    """The curve of detections that are already in descending order of score; npig > 0."""
    tp = fp = 0
    precision, recall = [], []
    for hit, skip in zip(is_tp, ignored, strict=True):
        tp += bool(hit and not skip)
        fp += bool(not hit and not skip)
        precision.append(tp / (fp + tp + np.spacing(1)))
        recall.append(tp / npig)
    for i in reversed(range(len(precision) - 1)):
        precision[i] = max(precision[i], precision[i + 1])
    at_points = np.zeros((2, len(recall_points)))
    for r, point in enumerate(recall_points):
        reached = [i for i, value in enumerate(recall) if value >= point]
        if reached:
            at_points[:, r] = precision[reached[0]], scores[reached[0]]
    return Curve(at_points[0], at_points[1], recall[-1] if recall else 0.0)


# A whole data set


class GroundTruthRow(NamedTuple):
    image: Any
    category: Any
    box: list[float]
    area: float
    is_crowd: bool


class DetectionRow(NamedTuple):
    image: Any
    category: Any
    box: list[float]
    score: float


@dataclass(frozen=True)
class Settings:
    """T thresholds and M caps, both ascending; A areas (name, low, high), inclusive; R recall points."""

    iou: Sequence[float]
    areas: Sequence[tuple[str, float, float]]
    max_dets: Sequence[int]
    class_agnostic: bool = False
    similarity: str = "iou"
    recall_points: Array = field(default_factory=lambda: np.linspace(0, 1, 101))


class Arrays(NamedTuple):
    """Over T thresholds, R recall points, K classes, A areas and M caps; -1 where undefined."""

    precision: Array  # (T, R, K, A, M)
    recall: Array  # (T, K, A, M)
    scores: Array  # (T, R, K, A, M)


class Judged(NamedTuple):
    """The detections of one class and area range, image after image by ascending id and by rank in each."""

    rank: list[int]
    score: list[float]
    is_tp: NDArray[np.bool_]  # (T, D)
    ignored: NDArray[np.bool_]  # (T, D)
    npig: int  # ground truths that are not ignored


def rows_of(
    ground_truth: Record, detections: list[Record]
) -> tuple[list[Any], list[Any], list[GroundTruthRow], list[DetectionRow]]:
    """Image ids, category ids and rows of a COCO object and a results list; absent `area` is w*h."""
    images = [image["id"] for image in ground_truth["images"]]
    categories = [category["id"] for category in ground_truth["categories"]]
    gt_rows, dt_rows = [], []
    for a in ground_truth["annotations"]:
        box = [float(v) for v in a["bbox"]]
        area, is_crowd = float(a.get("area", box[2] * box[3])), bool(a.get("iscrowd", 0))
        gt_rows.append(GroundTruthRow(a["image_id"], a["category_id"], box, area, is_crowd))
    for d in detections:
        box = [float(v) for v in d["bbox"]]
        dt_rows.append(DetectionRow(d["image_id"], d["category_id"], box, float(d["score"])))
    return images, categories, gt_rows, dt_rows


def evaluate(
    images: Iterable[Any],
    categories: Iterable[Any],
    gt_rows: Sequence[GroundTruthRow],
    dt_rows: Sequence[DetectionRow],
    settings: Settings,
) -> Arrays:
    """The arrays of a whole data set; images and categories are ids in any order, rows in file order."""
    classes = [None] if settings.class_agnostic else sorted(set(categories))
    shape = (len(settings.iou), len(classes), len(settings.areas), len(settings.max_dets))
    at_points = np.full((2, len(settings.recall_points), *shape), -1.0)
    recall = np.full(shape, -1.0)
    for k, category in enumerate(classes):
        for a, area in enumerate(settings.areas):
            judged = judge(images, category, gt_rows, dt_rows, area, settings)
            for m, cap in enumerate(settings.max_dets):
                if judged.npig == 0:
                    continue
                kept = [n for n, rank in enumerate(judged.rank) if rank < cap]
                order = sorted(kept, key=lambda n: -judged.score[n])
                scores = [judged.score[n] for n in order]
                for t in range(len(settings.iou)):
                    is_tp, ignored = judged.is_tp[t, order].tolist(), judged.ignored[t, order].tolist()
                    curve = accumulate(is_tp, ignored, scores, judged.npig, settings.recall_points)
                    at_points[:, :, t, k, a, m] = curve.precision, curve.scores
                    recall[t, k, a, m] = curve.recall
    precision, scores_at_points = np.ascontiguousarray(np.moveaxis(at_points, 1, 2))
    return Arrays(precision, recall, scores_at_points)


def judge(
    images: Iterable[Any],
    category: Any,
    gt_rows: Sequence[GroundTruthRow],
    dt_rows: Sequence[DetectionRow],
    area: tuple[str, float, float],
    settings: Settings,
) -> Judged:
    """Match one class (None: all classes as one) in one area range over all images."""
    _, low, high = area
    gt_of, dt_of = by_image(gt_rows, category), by_image(dt_rows, category)
    ranks: list[int] = []
    scores: list[float] = []
    is_tp, ignored, npig = [np.zeros((len(settings.iou), 0), dtype=bool)], [], 0
    ignored.append(is_tp[0])
    for image in sorted(set(images)):
        gts = gt_of[image]
        dts = sorted(dt_of[image], key=lambda d: -d.score)[: max(settings.max_dets)]
        is_crowd = [g.is_crowd for g in gts]
        gt_ignored = [g.is_crowd or not low <= g.area <= high for g in gts]
        dt_outside = [not low <= d.box[2] * d.box[3] <= high for d in dts]
        values = similarity(settings.similarity, [d.box for d in dts], [g.box for g in gts], is_crowd)
        matches = match(values, is_crowd, gt_ignored, dt_outside, settings.iou)
        ranks += range(len(dts))
        scores += [d.score for d in dts]
        is_tp.append((matches.matched >= 0) & ~matches.ignored)
        ignored.append(matches.ignored)
        npig += gt_ignored.count(False)
    return Judged(ranks, scores, np.hstack(is_tp), np.hstack(ignored), npig)


def by_image(rows: Sequence[Any], category: Any) -> dict[Any, list[Any]]:
    """The rows of a class by image, in file order; for all classes as one, by category id before that."""
    groups = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.category) if category is None else rows:
        if category is None or row.category == category:
            groups[row.image].append(row)
    return groups


# From arrays to numbers


def mean_of_defined(cells: Array) -> float:
    """AP or AR: the mean of the defined cells in C order, -1 if there is none."""
    defined = cells[cells > -1]
    return float(np.mean(defined)) if len(defined) else -1.0


def twelve_numbers(arrays: Arrays) -> list[float]:
    """AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl, from arrays under COCO's settings."""
    precision, recall = arrays.precision, arrays.recall
    cells = [precision[..., 0, 2], precision[0, ..., 0, 2], precision[5, ..., 0, 2]]
    cells += [precision[..., a, 2] for a in (1, 2, 3)]
    cells += [recall[..., 0, m] for m in (0, 1, 2)]
    cells += [recall[..., a, 2] for a in (1, 2, 3)]
    return [mean_of_defined(c) for c in cells]


def counts(judged: Judged, t: int, cap: int, score_cut: float = -math.inf) -> tuple[int, int, int]:
    """TP, FP, FN of one class at threshold t, of detections ranked below the cap with at least this score."""
    kept = [n for n, rank in enumerate(judged.rank) if rank < cap and judged.score[n] >= score_cut]
    tp = int(np.count_nonzero(judged.is_tp[t, kept]))
    fp = int(np.count_nonzero(~judged.is_tp[t, kept] & ~judged.ignored[t, kept]))
    return tp, fp, judged.npig - tp


def precision_recall_f1(tp: int, fp: int, fn: int) -> tuple[float, float, float]:
    """Of one class or of pooled counts; NaN where undefined. Without detections precision is 0 if fn > 0."""
    precision = tp / (tp + fp) if tp + fp else 0.0 if fn else math.nan
    recall = tp / (tp + fn) if tp + fn else math.nan
    f1 = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else math.nan
    return precision, recall, f1


def repeat_images(
    ground_truth: Record, detections: list[Record], weights: Sequence[int]
) -> tuple[Record, list[Record]]:
    """The data with each image there as often as its weight says; weights go by ascending image id.

    Copies of an image get adjacent integer ids, the first image's the lowest; an image of weight 0 is gone.
    """
    copies: dict[Any, list[int]] = {}
    start = 1
    for image, weight in zip(sorted({i["id"] for i in ground_truth["images"]}), weights, strict=True):
        copies[image] = list(range(start, start + weight))
        start += weight

    def repeated(records: list[Record]) -> list[Record]:
        return [{**record, "image_id": copy} for record in records for copy in copies[record["image_id"]]]

    annotations = repeated(ground_truth["annotations"])
    new = {
        **ground_truth,
        "images": [{"id": copy, "file_name": f"{copy}.jpg"} for ids in copies.values() for copy in ids],
        "annotations": [{**annotation, "id": n} for n, annotation in enumerate(annotations, start=1)],
    }
    return new, repeated(detections)
