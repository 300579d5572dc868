"""The oracle against hand-computed tables and, bit for bit, pycocotools; and what the data sets cover."""

import json
import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import oracle
import pycocotools.mask
import pytest
from datasets import COCO_AREAS, COCO_IOU, COCO_MAX_DETS, DataSet, random_dataset
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from reference import Reference, reference, run_reference
from shared_data import SMALL_BOX_PAIRS, Pair, indexed_stats, load, pair_params

SEEDS = range(300)
KINDS = ("iou", "giou", "diou", "ciou")
FIELDS = ("precision", "recall", "scores")
NO_CROWD = [False]

sides = st.floats(1e-3, 1e6)
coordinates = st.floats(-1e7, 1e7)
boxes = st.tuples(coordinates, coordinates, sides, sides).map(list)
steps = st.tuples(*[st.sampled_from([0.0, 1e-9, 1e-3, 0.5]) | st.floats(-0.9, 0.9)] * 4)


# Similarity

# Squares of side 2 that share 1 of 7: enclosing square of side 3, centres 1 apart each way, same aspect.
# Boxes 4x2 and 2x4 from one corner: they share 4 of 12 in a square of side 4, centres 1 apart each way; the
# aspect angles differ by atan(2) - atan(1/2) = atan(3/4).
# Squares of side 1 with a gap of 1 between them: 2 of the 3 enclosing units are covered, centres 2 apart.
V = 4 / math.pi**2 * math.atan(3 / 4) ** 2
SIMILARITIES = [
    ([0, 0, 2, 2], [1, 1, 2, 2], [1 / 7, 1 / 7 - 2 / 9, 1 / 7 - 2 / 18, 1 / 7 - 2 / 18]),
    (
        [0, 0, 4, 2],
        [0, 0, 2, 4],
        [1 / 3, 1 / 3 - 4 / 16, 1 / 3 - 2 / 32, 1 / 3 - 2 / 32 - V * V / (2 / 3 + V)],
    ),
    ([0, 0, 1, 1], [2, 0, 1, 1], [0, -1 / 3, -4 / 10, -4 / 10]),
    ([0, 0, 4, 4], [1, 1, 2, 2], [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
    # a line of length 4 (angle pi/2) beside a square (pi/4): v = 1/4, alpha = 1/5
    ([0, 0, 4, 0], [0, 0, 4, 4], [0, 0, -4 / 32, -4 / 32 - 1 / 20]),
    # two points: nothing is enclosed, so GIoU has no penalty; their distance is the whole diagonal
    ([0, 0, 0, 0], [3, 0, 0, 0], [0, 0, -1, -1]),
]


@pytest.mark.parametrize("detection, ground_truth, expected", SIMILARITIES)
def test_similarity_by_hand(detection: list[float], ground_truth: list[float], expected: list[float]) -> None:
    for kind, value in zip(KINDS, expected, strict=True):
        for pair in ([detection], [ground_truth]), ([ground_truth], [detection]):
            assert oracle.similarity(kind, *pair, NO_CROWD) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("box", [[1, 1, 2, 3], [0.1, 0.2, 0.3, 0.7], [5, 5, 0, 0], [0, 0, 4, 0]])
def test_equal_boxes_are_exactly_one_apart_from_iou(box: list[float]) -> None:
    assert [oracle.similarity(kind, [box], [box], NO_CROWD).item() for kind in KINDS[1:]] == [1, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_crowd_is_compared_by_share_of_the_detection(kind: str) -> None:
    values = oracle.similarity(kind, [[0, 0, 2, 2]], [[1, 0, 9, 9], [0, 0, 2, 2], [5, 5, 9, 9]], [True] * 3)
    assert values.tolist() == [[0.5, 1, 0 if kind == "iou" else -math.inf]]


@hypothesis_settings(deadline=None)
@given(boxes, boxes, steps, st.booleans())
def test_similarities_are_in_order(
    detection: list[float], ground_truth: list[float], step: tuple[float, ...], near: bool
) -> None:
    if near:
        (x, y, w, h), (across, down, wider, higher) = detection, step
        ground_truth = [x + across * w, y + down * h, w * (1 + wider), h * (1 + higher)]
    values = {kind: oracle.similarity(kind, [detection], [ground_truth], NO_CROWD).item() for kind in KINDS}
    limit = 1 if detection == ground_truth else values["iou"]
    assert -1 - 1e-9 <= values["giou"] <= limit
    assert -1 - 1e-9 <= values["diou"] <= limit
    assert -1.5 - 1e-9 <= values["ciou"] <= values["diou"]


@pytest.mark.parametrize("seed", range(50))
def test_iou_is_pycocotools_iou(seed: int) -> None:
    data = random_dataset(seed)
    _, _, gts, dts = oracle.rows_of(data.ground_truth, data.detections)
    if gts and dts:
        columns = [d.box for d in dts], [g.box for g in gts], [g.is_crowd for g in gts]
        expected = pycocotools.mask.iou(*columns)
        assert np.array_equal(oracle.similarity("iou", *columns), expected)


# Matching


def test_match_by_hand() -> None:
    """Detections by rank against the ground truths A (normal), B (normal), C (crowd), D (area outside)."""
    similarities = np.array(
        [
            [0.5, 0.5, 0.9, 0.0],  # equal: the later, B; the crowd comes after a normal one is held
            [0.0, 0.8, 0.6, 0.0],  # B is taken: the crowd, ignored
            [0.0, 0.0, 0.7, 0.0],  # the crowd again
            [0.0, 0.0, 0.0, 0.6],  # D, ignored
            [0.4, 0.0, 0.0, 0.9],  # D is taken and A below the threshold: unmatched
            [0.3, 0.0, 0.0, 0.0],  # unmatched, and itself outside the area range: ignored
        ]
    )
    ignored_gt, outside = [False, False, True, True], [True, False, False, False, False, True]
    found = oracle.match(similarities, [False, False, True, False], ignored_gt, outside, [0.5, 0.95])
    assert found.matched.tolist() == [[1, 2, 2, 3, -1, -1], [-1] * 6]
    assert found.ignored.tolist() == [[False, True, True, True, False, True], outside]


def test_match_at_threshold_one_starts_just_below_it() -> None:
    found = oracle.match(np.array([[1 - 1e-10]]), [False], [False], [False], [1.0])
    assert found.matched.tolist() == [[0]]


# Accumulating


def test_textbook_curve_by_hand() -> None:
    """Three ground truths; rows TP, FP, TP: precision 1/1, 1/2, 2/3 at recall 1/3, 1/3, 2/3."""
    points = np.array([0, 1 / 3, 0.5, 2 / 3, 1])
    curve = oracle.accumulate([True, False, True], [False] * 3, [0.9, 0.8, 0.7], 3, points)
    assert curve.precision == pytest.approx([1, 1, 2 / 3, 2 / 3, 0], abs=1e-15)
    assert curve.precision[0] == 0.9999999999999998
    assert curve.scores.tolist() == [0.9, 0.9, 0.7, 0.7, 0]
    assert curve.recall == 2 / 3


def test_textbook_data_set_by_hand() -> None:
    """The same rows from boxes: of 101 points, 34 (recall 0 to .33) are at 1 and 33 (to .66) at 2/3."""
    gt, dt = textbook()
    settings = oracle.Settings([0.5], [("all", 0, 1e10)], [1, 100])
    images, categories, gt_rows, dt_rows = oracle.rows_of(gt, dt)
    arrays = oracle.evaluate(images, categories, gt_rows, dt_rows, settings)
    expected = [1] * 34 + [2 / 3] * 33 + [0] * 34
    assert arrays.precision[0, :, 0, 0, 1] == pytest.approx(expected, abs=1e-15)
    assert oracle.mean_of_defined(arrays.precision[..., 1]) == pytest.approx((34 + 22) / 101)
    assert arrays.recall[0, 0, 0].tolist() == [1 / 3, 2 / 3]
    judged = oracle.judge(images, 1, gt_rows, dt_rows, settings.areas[0], settings)
    assert oracle.counts(judged, 0, 100) == (2, 1, 1)
    assert oracle.counts(judged, 0, 100, score_cut=0.8) == (1, 1, 2)


def test_precision_recall_f1_by_hand() -> None:
    assert oracle.precision_recall_f1(2, 1, 1) == (2 / 3, 2 / 3, 2 / 3)
    assert oracle.precision_recall_f1(0, 0, 3) == (0, 0, 0)
    precision, recall, f1 = oracle.precision_recall_f1(0, 2, 0)
    assert (precision, f1) == (0, 0)
    assert math.isnan(recall)
    assert all(math.isnan(value) for value in oracle.precision_recall_f1(0, 0, 0))


def test_repeat_images_by_hand() -> None:
    gt, dt = textbook()
    gt["images"] += [{"id": 3}, {"id": 1}]
    gt["annotations"] += [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 1, 1]}]
    new_gt, new_dt = oracle.repeat_images(gt, dt, [0, 2, 3])
    assert [image["id"] for image in new_gt["images"]] == [1, 2, 3, 4, 5]
    assert [row["image_id"] for row in new_gt["annotations"]] == [1, 2] * 3
    assert [row["id"] for row in new_gt["annotations"]] == [1, 2, 3, 4, 5, 6]
    assert [(row["image_id"], row["score"]) for row in new_dt] == [
        (image, score) for score in (0.9, 0.8, 0.7) for image in (1, 2)
    ]


def textbook() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One image (id 2), three ground truths, three detections of which the second hits nothing."""
    common = {"image_id": 2, "category_id": 1}
    annotations = [{**common, "id": n, "bbox": [20 * n, 0, 10, 10], "area": 100} for n in (1, 2, 3)]
    detections = [
        {**common, "bbox": [x, 0, 10, 10], "score": s} for x, s in [(20, 0.9), (90, 0.8), (40, 0.7)]
    ]
    ground_truth = {"images": [{"id": 2}], "categories": [{"id": 1}], "annotations": annotations}
    return ground_truth, detections


# Against pycocotools


def run_oracle(data: DataSet) -> oracle.Arrays:
    rows = oracle.rows_of(data.ground_truth, data.detections)
    return oracle.evaluate(*rows, oracle.Settings(**data.settings))


def assert_same(found: oracle.Arrays, expected: Reference) -> None:
    for name in FIELDS:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    if expected.stats is not None:
        assert oracle.twelve_numbers(found) == expected.stats.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_oracle_is_pycocotools(seed: int) -> None:
    data = random_dataset(seed)
    assert_same(run_oracle(data), reference(data))


@pytest.mark.parametrize("seed", range(20))
def test_repeating_every_image_once_changes_nothing(seed: int) -> None:
    data = random_dataset(seed)
    once = [1] * len(data.ground_truth["images"])
    gt, dt = oracle.repeat_images(data.ground_truth, data.detections, once)
    assert_same(run_oracle(DataSet(gt, dt, data.settings)), reference(data))


@pytest.mark.parametrize("pair", pair_params(SMALL_BOX_PAIRS))
def test_reference_gives_the_indexed_numbers(pair: Pair) -> None:
    """The index states them on the original ids, where a match with annotation id 0 does not count."""
    gt, dt = load(pair)
    found = run_reference(gt, dt).stats
    stated = indexed_stats().get(pair.name)
    if stated is None:
        pytest.skip("pycocotools raises on the original file")
    assert found is not None
    if any(annotation["id"] == 0 for annotation in gt["annotations"]):
        assert (found - stated).min() >= -1e-12
    else:
        assert found.tolist() == stated


# What the data sets cover


def settings_traits(data: DataSet) -> dict[str, bool]:
    settings = data.settings
    default = [
        settings["iou"] == COCO_IOU,
        settings["areas"] == COCO_AREAS,
        settings["max_dets"] == COCO_MAX_DETS,
    ]
    return {
        "COCO's settings": all(default),
        "other thresholds": not default[0],
        "other areas": not default[1],
        "other caps": not default[2],
        "class-agnostic": settings["class_agnostic"],
        "a threshold of 1": 1.0 in settings["iou"],
    }


def id_traits(data: DataSet) -> dict[str, bool]:
    gt = data.ground_truth
    images, categories = ([row["id"] for row in gt[key]] for key in ("images", "categories"))
    annotation_ids = [row.get("id", "missing") for row in gt["annotations"]]
    kinds = {type(value) for value in annotation_ids}
    order = [images.index(row["image_id"]) for row in data.detections]
    return {
        "string image ids": isinstance(images[0], str),
        "string category ids": isinstance(categories[0], str),
        "image ids out of order": images != sorted(images),
        "category ids out of order with gaps": isinstance(categories[0], int)
        and categories != sorted(categories)
        and max(categories) - min(categories) >= len(categories),
        "annotation id 0": 0 in annotation_ids,
        "missing annotation ids": "missing" in annotation_ids,
        "duplicated annotation ids": any(n > 1 for i, n in Counter(annotation_ids).items() if i != "missing"),
        "annotation ids of several kinds": len(kinds) > 1,
        "shuffled detections": order != sorted(order),
        "no detections": not data.detections,
    }


def group_traits(data: DataSet) -> dict[str, bool]:
    _, categories, gts, dts = oracle.rows_of(data.ground_truth, data.detections)
    crowds_of = defaultdict(list)
    for g in gts:
        crowds_of[g.category].append(g.is_crowd)
    with_gt, with_dt = {g.image for g in gts}, {d.image for d in dts}
    images = {row["id"] for row in data.ground_truth["images"]}
    detected = {d.category for d in dts}
    crowds = Counter(g.image for g in gts if g.is_crowd)
    in_group = Counter((d.image, d.category) for d in dts)
    return {
        "crowds": bool(crowds),
        "several crowds on an image": max(crowds.values(), default=0) > 1,
        "only-crowd class": any(all(flags) for flags in crowds_of.values()),
        "class without ground truth": bool(detected - crowds_of.keys()),
        "class without anything": bool(set(categories) - detected - crowds_of.keys()),
        "empty image": bool(images - with_gt - with_dt),
        "image with detections only": bool(with_dt - with_gt),
        "image with ground truth only": bool(with_gt - with_dt),
        "more than 100 detections": max(in_group.values(), default=0) > 100,
        "more than the largest cap": max(in_group.values(), default=0) > max(data.settings["max_dets"]),
    }


def row_traits(data: DataSet) -> dict[str, bool]:
    _, _, gts, dts = oracle.rows_of(data.ground_truth, data.detections)
    scores = defaultdict(list)
    for d in dts:
        scores[d.category].append(d.score)
    all_scores = [d.score for d in dts]
    areas = {g.area for g in gts}
    every_box = [g.box for g in gts] + [d.box for d in dts]
    overlaps = {
        oracle.iou(d.box, g.box) for d in dts for g in gts if (d.image, d.category) == (g.image, g.category)
    }
    return {
        "IoU exactly at a threshold": bool(overlaps & set(data.settings["iou"])),
        "IoU below 1 of equal boxes": any(0 < oracle.iou(box, box) < 1 for box in every_box),
        "tied scores": any(len(set(values)) < len(values) for values in scores.values()),
        "scores all equal": len(all_scores) > 1 and len(set(all_scores)) == 1,
        "both zeros as scores": {math.copysign(1, s) for s in all_scores if s == 0} == {1, -1},
        "negative scores": any(s < 0 for s in all_scores),
        "area of 1024": 1024 in areas,
        "area of 9216": 9216 in areas,
        "area above 1e10": any(area > 1e10 for area in areas),
        "detection above 1e10": any(d.box[2] * d.box[3] > 1e10 for d in dts),
        "area unlike w*h": any(g.area != g.box[2] * g.box[3] for g in gts),
        "missing area": any("area" not in row for row in data.ground_truth["annotations"]),
        "missing iscrowd": any("iscrowd" not in row for row in data.ground_truth["annotations"]),
        "zero-size ground truth": any(0 in g.box[2:] for g in gts),
        "zero-size detection": any(0 in d.box[2:] for d in dts),
        "integer coordinates": any(isinstance(v, int) for row in data.detections for v in row["bbox"]),
        "full-float coordinates": any(len(repr(v)) > 12 for box in every_box for v in box),
        "far coordinates": any(abs(box[0]) > 1e8 for box in every_box),
        "duplicate ground truth": len({(g.image, g.category, *g.box) for g in gts}) < len(gts),
        "duplicate detection": len({(d.image, d.category, *d.box, d.score) for d in dts}) < len(dts),
    }


def test_data_sets_cover_every_trait() -> None:
    seen: Counter[str] = Counter()
    for data in map(random_dataset, SEEDS):
        for traits in (settings_traits, id_traits, group_traits, row_traits):
            seen.update({name: int(there) for name, there in traits(data).items()})
    assert {name: count for name, count in seen.items() if count < 4} == {}
    assert 0.4 < seen["COCO's settings"] / len(SEEDS) < 0.65


def test_data_sets_are_deterministic_and_valid() -> None:
    for seed in SEEDS:
        data = random_dataset(seed)
        assert repr(data) == repr(random_dataset(seed))
        assert json.loads(json.dumps([data.ground_truth, data.detections])) == [
            data.ground_truth,
            data.detections,
        ]
        images, categories, gts, dts = oracle.rows_of(data.ground_truth, data.detections)
        assert len(set(images)) == len(images)
        assert len(set(categories)) == len(categories)
        rows: list[Any] = [*gts, *dts]
        assert {row.image for row in rows} <= set(images)
        assert {row.category for row in rows} <= set(categories)
        assert all(math.isfinite(v) for row in rows for v in row.box)
        assert all(row.box[2] >= 0 and row.box[3] >= 0 for row in rows)
        assert all(g.area >= 0 and math.isfinite(g.area) for g in gts)
