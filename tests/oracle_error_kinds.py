"""Error kinds in slow, obvious Python: every detection told by hand, every kind mended on lists of rows.

Rules are those of TIDE (Bolya et al. 2020) as tidecv 1.0.1 has them, on the outcomes of the COCO protocol.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import oracle

FALSE_POSITIVES = ("classification", "localisation", "both", "duplicate", "background")
KINDS = (*FALSE_POSITIVES, "missed", "false positive", "false negative")
HIT, LEFT_OUT = "hit", "left out"


class Object(NamedTuple):
    """A ground truth; counts: not ignored in the area range."""

    image: Any
    category: Any
    source: Any
    box: list[float]
    is_crowd: bool
    counts: bool
    found: bool


class Row(NamedTuple):
    """A detection; kind: of its error, or HIT or LEFT_OUT. target: the object nearest to a classification or
    localisation error, None for others."""

    image: Any
    category: Any
    rank: int
    score: float
    record: int
    kind: str
    target: int | None


class Judged(NamedTuple):
    classes: list[Any]
    objects: list[Object]
    rows: list[Row]


def judge(ground_truth: dict[str, Any], detections: list[dict[str, Any]], settings: dict[str, Any], iou: float,
          area: tuple[str, float, float], background: float = 0.1) -> Judged:
    """All objects and detections, class by class, image by image, detections by rank. settings: max_dets,
    class_agnostic, and if wanted similarity and honour_ignore."""
    kind, agnostic = settings.get("similarity", "iou"), settings["class_agnostic"]
    _, low, high = area
    classes = [None] if agnostic else sorted(category["id"] for category in ground_truth["categories"])
    objects: list[Object] = []
    placed = []
    for category in classes:
        for image in sorted(one["id"] for one in ground_truth["images"]):
            gts = [a for a in by_category(ground_truth["annotations"], category) if a["image_id"] == image]
            dts = [(n, d) for n, d in enumerate(detections) if d["image_id"] == image]
            dts = [pair for pair in sorted(dts, key=lambda pair: pair[1]["category_id"]) if agnostic
                   or pair[1]["category_id"] == category]
            dts.sort(key=lambda pair: -pair[1]["score"])
            crowd = [bool(a.get("iscrowd", 0)) for a in gts]
            ignored = [crowd[i] or not low <= a.get("area", a["bbox"][2] * a["bbox"][3]) <= high
                       or bool(settings.get("honour_ignore") and a.get("ignore", 0)) for i, a in enumerate(gts)]
            kept = dts[: settings["max_dets"][-1]]
            outside = [not low <= d["bbox"][2] * d["bbox"][3] <= high for _, d in kept]
            values = oracle.similarity(kind, [d["bbox"] for _, d in kept], [a["bbox"] for a in gts], crowd)
            matches = oracle.match(values, crowd, ignored, outside, [iou])
            for rank, (record, d) in enumerate(dts):
                if rank >= len(kept) or matches.ignored[0, rank]:
                    outcome = LEFT_OUT
                else:
                    outcome = HIT if matches.matched[0, rank] >= 0 else ""
                placed.append((image, category, rank, record, d, outcome))
            taken = set(matches.matched[0].tolist())
            objects += [Object(image, category, a["category_id"], [float(v) for v in a["bbox"]], crowd[i],
                               not ignored[i], i in taken) for i, a in enumerate(gts)]
    rows = [judge_row(objects, kind, agnostic, iou, background, *one) for one in placed]
    return Judged(classes, objects, rows)


def by_category(annotations, category):
    return [a for a in sorted(annotations, key=lambda a: a["category_id"])
            if category is None or a["category_id"] == category]


def judge_row(objects, kind, agnostic, iou, background, image, category, rank, record, detection, outcome):
    if outcome:
        return Row(image, category, rank, float(detection["score"]), record, outcome, None)
    same, other = (0.0, None), (0.0, None)
    box = [float(v) for v in detection["bbox"]]
    for g, candidate in enumerate(objects):
        if candidate.image != image or candidate.is_crowd or oracle.intersection(box, candidate.box) <= 0:
            continue
        value = getattr(oracle, kind)(box, candidate.box)
        if agnostic or candidate.source == detection["category_id"]:
            if same[1] is None or value > same[0]:
                same = value, g
        elif other[1] is None or value > other[0]:
            other = value, g
    target = None
    if background <= same[0] <= iou:
        name, target = "localisation", same[1]
    elif other[0] >= iou:
        name, target = "classification", other[1]
    elif same[0] > iou:
        name = "duplicate"
    elif same[0] <= background and other[0] <= background:
        name = "background"
    else:
        name = "both"
    return Row(image, category, rank, float(detection["score"]), record, name, target)


class Costs(NamedTuple):
    """Of all classes (key "") and of each: AP, and per kind how many errors and how much AP rises; nan: undefined."""

    ap: dict[Any, float]
    count: dict[str, dict[Any, int]]
    gain: dict[str, dict[Any, float]]


def costs(judged: Judged) -> Costs:
    objects, rows = judged.objects, judged.rows
    unfound = [g for g, one in enumerate(objects) if one.counts and not one.found]
    best: dict[int, Row] = {}
    for row in rows:
        if row.target in unfound:
            rival = best.get(row.target)
            if rival is None or row.score > rival.score or (row.score == rival.score and row.record < rival.record):
                best[row.target] = row
    missed = [g for g in unfound if g not in best]
    errors = {kind: [row for row in rows if row.kind == kind] for kind in FALSE_POSITIVES}
    plain = average_precisions(judged, rows, [], [])
    after = {kind: average_precisions(judged, [row for row in rows if row.kind != kind], [], [])
             for kind in ("both", "duplicate", "background")}
    fixed = [row._replace(kind=HIT) if row.kind == "localisation" and best.get(row.target) == row else row
             for row in rows]
    after["localisation"] = average_precisions(judged, [row for row in fixed if row.kind != "localisation"], [], [])
    extra = [row._replace(category=objects[g].category) for g, row in best.items() if row.kind == "classification"]
    after["classification"] = average_precisions(
        judged, [row for row in rows if row.kind != "classification"], extra, [])
    after["missed"] = average_precisions(judged, rows, [], missed)
    after["false positive"] = average_precisions(judged, [row for row in rows if row.kind in (HIT, LEFT_OUT)], [], [])
    after["false negative"] = average_precisions(judged, rows, [], unfound)
    counted = {kind: [row.category for row in errors[kind]] for kind in FALSE_POSITIVES}
    counted["missed"] = [objects[g].category for g in missed]
    counted["false positive"] = [row.category for kind in FALSE_POSITIVES for row in errors[kind]]
    counted["false negative"] = [objects[g].category for g in unfound]
    keys = ["", *judged.classes]
    return Costs(
        ap=plain,
        count={kind: {key: len(counted[kind]) if key == "" else counted[kind].count(key) for key in keys}
               for kind in KINDS},
        gain={kind: {key: gain(after[kind][key], plain[key]) for key in keys} for kind in KINDS})


def gain(after: float, before: float) -> float:
    return math.nan if math.isnan(after - before) else max(0, after - before)


def average_precisions(judged: Judged, rows: list[Row], extra: list[Row], removed: list[int]) -> dict[Any, float]:
    """AP of every class, nan without ground truth, and their mean under "". extra: further true positives, after the
    class's own detections of that score on their image. removed: objects that are no longer there."""
    values = {}
    for category in judged.classes:
        positives = sum(one.category == category and one.counts and g not in removed
                        for g, one in enumerate(judged.objects))
        order = []
        for image in sorted({row.image for row in [*rows, *extra]}):
            order += [row for row in rows if row.image == image and row.category == category and row.kind != LEFT_OUT]
            more = [row._replace(kind=HIT) for row in extra if row.image == image and row.category == category]
            order += sorted(more, key=lambda row: row.record)
        order.sort(key=lambda row: -row.score)
        values[category] = math.nan if positives == 0 else average_precision(
            [row.kind == HIT for row in order], positives)
    defined = [value for value in values.values() if not math.isnan(value)]
    return {**values, "": float(np.mean(defined)) if defined else math.nan}


def average_precision(hits: list[bool], positives: int) -> float:
    """The mean over 101 recalls of the best precision from there on; hits by descending score."""
    curve = oracle.accumulate(hits, [False] * len(hits), [0.0] * len(hits), positives, np.linspace(0, 1, 101))
    return float(np.mean(curve.precision))
