"""Small random COCO data sets, each made from a seed, that are valid input and awkward in every way we know.

`random_dataset(seed)` first draws a recipe (how ids look, how boxes and scores are drawn, which classes and
images stay empty) and then fills it, so that the awkward traits meet each other in every mixture.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

Record = dict[str, Any]

COCO_IOU = tuple(np.linspace(0.5, 0.95, 10).tolist())
COCO_AREAS = (("all", 0.0, 1e10), ("small", 0.0, 1024.0), ("medium", 1024.0, 9216.0), ("large", 9216.0, 1e10))
COCO_MAX_DETS = (1, 10, 100)

IOU_POOL = (1e-6, 0.1, 0.25, 0.3, 1 / 3, 0.4, 0.5, 0.55, 0.6, 2 / 3, 0.75, 0.9, 0.95, 1.0)
AREAS_POOL = (
    (("all", 0.0, 1e10),),
    (("small", 0.0, 1024.0), ("all", 0.0, 1e10)),
    (("tiny", 0.0, 16.0), ("rest", 16.0, 1e12)),
    (("square", 1024.0, 1024.0), ("all", 0.0, 1e10), ("odd", 7.5, 9216.0)),
    (("everything", 0.0, 1e15), ("huge", 1e10, 1e15)),
)
MAX_DETS_POOL = ((1,), (2,), (5,), (1, 3), (2, 3, 4), (1, 10, 100, 500), (3, 105))

# Sorted by code point, "10" < "9", "Z" < "a", and the last two swap under UTF-16 order.
STRING_POOL = ("10", "9", "100", "Z", "a", "b", "img-9.jpg", "dir/1.png", "\u00e9", "\uffae", "\U0001f600")


@dataclass(frozen=True)
class DataSet:
    """A ground truth, detections on it, and the settings to score them with.

    `settings` holds `iou` (ascending tuple of thresholds), `areas` (tuple of (name, low, high)), `max_dets`
    (ascending tuple of caps) and `class_agnostic` (bool).
    """

    ground_truth: Record
    detections: list[Record]
    settings: Record


@dataclass(frozen=True)
class Recipe:
    """What one data set is like: a list to draw from for each property of a box, and chances."""

    box_styles: tuple[str, ...]
    zero_size: float
    score_style: str
    area_style: str
    crowd: float
    iscrowd_style: str
    annotation_ids: str
    most_boxes: int
    duplicates: float
    skill: float
    crowded_group: bool


def random_dataset(seed: int) -> DataSet:
    """The data set of this seed: the same one on every machine."""
    rng = np.random.default_rng(seed)
    large = chance(rng, 0.02)
    images = draw_ids(rng, int(rng.integers(20, 40) if large else rng.integers(1, 9)))
    categories = draw_ids(rng, int(rng.integers(6, 12) if large else rng.integers(1, 6)))
    recipe = draw_recipe(rng)
    class_kinds = {c: pick(rng, *["any"] * 7, "no gt", "nothing", "only crowd") for c in categories}
    image_kinds = {i: pick(rng, *["any"] * 7, "empty", "no gt", "no dt") for i in images}

    annotations = [
        annotation
        for image in images
        if image_kinds[image] in ("any", "no dt")
        for annotation in draw_annotations(rng, recipe, image, class_kinds)
    ]
    detections = [
        detection
        for image in images
        if image_kinds[image] in ("any", "no gt")
        for detection in draw_detections(rng, recipe, image, class_kinds, annotations)
    ]
    if chance(rng, 0.5):
        rng.shuffle(annotations)
    if chance(rng, 0.6):
        rng.shuffle(detections)
    if chance(rng, 0.02):
        detections = []
    ground_truth = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in images],
        "annotations": with_annotation_ids(rng, annotations, recipe.annotation_ids),
        "categories": [{"id": c, "name": f"class {n}"} for n, c in enumerate(categories)],
    }
    return DataSet(ground_truth, detections, draw_settings(rng))


def chance(rng: Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def pick(rng: Generator, *options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def draw_settings(rng: Generator) -> Record:
    """COCO's thresholds, areas and caps in half of the cases, others in any mixture in the rest."""
    settings: Record = {"iou": COCO_IOU, "areas": COCO_AREAS, "max_dets": COCO_MAX_DETS}
    settings["class_agnostic"] = chance(rng, 0.15)
    if chance(rng, 0.5):
        return settings
    if chance(rng, 0.7):
        count = int(rng.integers(1, 5))
        settings["iou"] = tuple(sorted(rng.choice(IOU_POOL, count, replace=False).tolist()))
    if chance(rng, 0.7):
        settings["areas"] = pick(rng, *AREAS_POOL)
    if chance(rng, 0.7):
        settings["max_dets"] = pick(rng, *MAX_DETS_POOL)
    return settings


def draw_recipe(rng: Generator) -> Recipe:
    pure = pick(rng, "grid", "grid", "coco", "coco", "float", "decimal", "far", "huge")
    return Recipe(
        box_styles=pick(rng, (pure,), (pure,), (pure, "coco"), ("grid", "coco", "float", "decimal", "huge")),
        zero_size=pick(rng, 0.0, 0.0, 0.05, 0.3),
        score_style=pick(rng, "uniform", "uniform", "tenths", "equal", "zeros", "normal", "integer"),
        area_style=pick(rng, "product", "product", "missing", "boundary", "unlike", "mixed"),
        crowd=pick(rng, 0.0, 0.0, 0.1, 0.5),
        iscrowd_style=pick(rng, "integer", "integer", "boolean", "missing when 0"),
        annotation_ids=pick(rng, "from 1", "from 1", "from 0", "missing", "duplicated", "strings", "mixed"),
        most_boxes=pick(rng, 4, 8, 12, 12),
        duplicates=pick(rng, 0.0, 0.0, 0.2),
        skill=pick(rng, 0.5, 0.7, 0.95),
        crowded_group=chance(rng, 0.05),
    )


def draw_ids(rng: Generator, count: int) -> list[Any]:
    """Distinct ids of one kind, integers or strings, usually out of order."""
    style = pick(rng, "from 1", "from 0", "gaps", "gaps", "large", "signed", "words", "numerals")
    if style == "from 1":
        ids: list[Any] = list(range(1, count + 1))
    elif style == "from 0":
        ids = list(range(count))
    elif style == "words":
        pool = [*STRING_POOL, *(f"image {n}" for n in range(count))]
        ids = [pool[n] for n in rng.choice(len(pool), count, replace=False)]
    else:
        ids = rng.choice(1000, count, replace=False).tolist()
        offset = {"large": 2**53, "signed": -500}.get(style, 0)
        ids = [str(n) for n in ids] if style == "numerals" else [n + offset for n in ids]
    if chance(rng, 0.7):
        rng.shuffle(ids)
    return ids


def with_annotation_ids(rng: Generator, annotations: list[Record], style: str) -> list[Record]:
    """The annotations with an `id` each in the given style (which no number may depend on)."""
    for n, annotation in enumerate(annotations):
        this = pick(rng, "from 0", "missing", "duplicated", "strings") if style == "mixed" else style
        if this != "missing":
            by_style = {"from 1": n + 1, "from 0": n, "duplicated": n // 2, "strings": f"ann {n}"}
            annotation["id"] = by_style[this]
    return annotations


def draw_annotations(rng: Generator, recipe: Recipe, image: Any, class_kinds: Record) -> list[Record]:
    """The annotations of one image, over all classes that may have ground truth."""
    categories = [c for c, kind in class_kinds.items() if kind in ("any", "only crowd")]
    count = int(rng.integers(recipe.most_boxes + 1)) if categories else 0
    rows: list[Record] = []
    for _ in range(count):
        if rows and chance(rng, recipe.duplicates):
            rows.append(dict(pick(rng, *rows)))
            continue
        category = pick(rng, *categories)
        crowd = class_kinds[category] == "only crowd" or chance(rng, recipe.crowd)
        row = {"image_id": image, "category_id": category, "bbox": draw_box(rng, recipe)}
        area = draw_area(rng, recipe.area_style, row["bbox"])
        if area is not None:
            row["area"] = area
        if crowd or recipe.iscrowd_style != "missing when 0":
            row["iscrowd"] = crowd if recipe.iscrowd_style == "boolean" else int(crowd)
        if chance(rng, 0.02):
            row["ignore"] = 1  # COCO overwrites it by iscrowd
        rows.append(row)
    return rows


def draw_detections(
    rng: Generator, recipe: Recipe, image: Any, class_kinds: Record, annotations: list[Record]
) -> list[Record]:
    """The detections of one image: copies of its ground truths, boxes near one, and boxes anywhere."""
    categories = [c for c, kind in class_kinds.items() if kind != "nothing"]
    if not categories:
        return []
    targets = [a for a in annotations if a["image_id"] == image]
    plan = [(pick(rng, *categories), False) for _ in range(int(rng.integers(recipe.most_boxes + 1)))]
    if recipe.crowded_group and chance(rng, 0.4):
        plan += [(pick(rng, *categories), True)] * int(rng.integers(100, 125))
    rows: list[Record] = []
    for category, keep_class in plan:
        if rows and chance(rng, recipe.duplicates):
            rows.append(dict(pick(rng, *rows)))
            continue
        box = draw_box(rng, recipe)
        if targets and chance(rng, recipe.skill):
            target = pick(rng, *targets)
            box = list(target["bbox"]) if chance(rng, recipe.skill / 2) else moved(rng, target["bbox"])
            category = target["category_id"] if not keep_class and chance(rng, recipe.skill) else category
        score = draw_score(rng, recipe.score_style)
        rows.append({"image_id": image, "category_id": category, "bbox": box, "score": score})
    return rows


def draw_box(rng: Generator, recipe: Recipe) -> list[float]:
    """x, y, w, h: integers (as JSON integers) in the styles "grid" and "coco", floats in the others."""
    style = pick(rng, *recipe.box_styles)
    if style == "grid":
        box: list[float] = [*rng.integers(0, 10, 2).tolist(), *rng.integers(1, 9, 2).tolist()]
    elif style == "coco":
        # pairs of these sides have areas of exactly 1024 and 9216, and IoUs of exactly 1/2 and 3/4
        box = [*(8 * rng.integers(0, 20, 2)).tolist(), *rng.choice([16, 32, 64, 96, 128, 288], 2).tolist()]
    elif style == "far":
        offset = pick(rng, 1e6, 1e9, -1e9, 2.0**52)
        box = [*(offset + rng.uniform(0, 50, 2)).tolist(), *rng.uniform(1, 60, 2).tolist()]
    elif style == "huge":
        box = [*rng.uniform(0, 1e5, 2).tolist(), *rng.uniform(2e4, 2e5, 2).tolist()]
    else:
        box = [*rng.uniform(0, 300, 2).tolist(), *rng.uniform(1, 200, 2).tolist()]
        box = [round(v, 2) for v in box] if style == "decimal" else box
    if chance(rng, recipe.zero_size):
        for side in pick(rng, (2,), (3,), (2, 3)):
            box[side] = 0
    return box


def moved(rng: Generator, box: list[float]) -> list[float]:
    """A box near this one: by small integers if its numbers are integers, else by a share of its size.

    Of an integer box it is now and then half or three quarters, whose IoU with the whole is exactly that.
    """
    if all(isinstance(v, int) for v in box):
        if chance(rng, 0.2):
            return [*box[:2], box[2] // 2 if chance(rng, 0.7) else 3 * box[2] // 4, box[3]]
        step = pick(rng, 1, 1, 8)
        x, y, w, h = (v + step * int(rng.integers(-2, 3)) for v in box)
        return [x, y, max(w, 0), max(h, 0)]
    x, y, w, h = box
    dx, dy, dw, dh = rng.normal(0, pick(rng, 0.02, 0.1, 0.3), 4).tolist()
    return [x + dx * w, y + dy * h, max(w * (1 + dw), 0.0), max(h * (1 + dh), 0.0)]


def draw_score(rng: Generator, style: str) -> float:
    if style == "tenths":
        return pick(rng, 0.1, 0.3, 0.5, 0.9)  # type: ignore[no-any-return]
    if style == "zeros":
        return pick(rng, 0.0, -0.0, 0.0, -0.0, 0.5, -1e-300)  # type: ignore[no-any-return]
    if style == "integer":
        return pick(rng, 0, 1, 2, -1)  # type: ignore[no-any-return]
    if style == "normal":
        return float(rng.normal())
    return 0.25 if style == "equal" else float(rng.random())


def draw_area(rng: Generator, style: str, box: list[float]) -> float | None:
    """The `area` field, or None for no field."""
    if style == "mixed":
        style = pick(rng, "product", "missing", "boundary", "unlike")
    if style == "boundary":
        at = pick(rng, 0.0, 1024.0, 9216.0, 1e10)
        return float(pick(rng, at, at, np.nextafter(at, np.inf), np.nextafter(max(at, 1.0), 0.0)))
    if style == "unlike":
        return float(box[2] * box[3] * rng.uniform(0.3, 1.2))
    return None if style == "missing" else float(box[2] * box[3])
