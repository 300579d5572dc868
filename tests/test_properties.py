"""What must hold for any data: perfect predictions score 1, order and threads do not matter, weights are repetition."""

import itertools

import numpy as np
import oracle
import pytest
from datasets import random_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from test_exactness import params_of

import deteval
from deteval.evaluation import match
from deteval.measures import measure, precision_arrays
from deteval.records.metric import default_metrics, parse_metrics
from deteval.records.params import AreaRange, Params

EVERYTHING = Params(areas=(AreaRange("everything", 0.0, 1e10),))
SEEDS = st.integers(0, 10_000)
COUNTED = "AP,AR,precision@.5/score=0.3,recall,F1@.5/score=0.3,F1@.5/score=0.3/micro,precision/micro"


def loaded(data):
    gt = deteval.load_ground_truth(data.ground_truth)
    return gt, deteval.load_detections(data.detections, gt)


def same(left, right):
    return np.array_equal(left, right, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from(["iou", "giou", "diou", "ciou"]))
def test_equal_to_the_oracle(seed, similarity):
    data = random_dataset(seed)
    params = params_of(data)
    arrays = oracle.evaluate(*oracle.rows_of(data.ground_truth, data.detections),
                             oracle.Settings(**data.settings, similarity=similarity))
    gt, dt = loaded(data)
    evidence = match(gt, dt, Params(similarity, params.iou, params.max_dets, params.areas,
                                    class_agnostic=params.class_agnostic))
    for ours, theirs in zip(precision_arrays(evidence), (arrays.precision, arrays.recall, arrays.scores), strict=True):
        assert np.array_equal(ours, theirs)


SIDES = st.floats(1, 1e4)
COORDINATES = st.floats(-1e6, 1e6)
BOXES = st.tuples(COORDINATES, COORDINATES, SIDES, SIDES).map(list)
ID_SCHEMES = st.sampled_from([lambda i: i, lambda i: i * 7 + 3, lambda i: -i, lambda i: f"img-{i}",
                              lambda i: 2**62 - i])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), BOXES), min_size=1, max_size=40), ID_SCHEMES,
       st.sampled_from(["iou", "giou", "diou", "ciou"]), st.randoms())
def test_ground_truth_as_predictions_scores_one(objects, scheme, similarity, random):
    truth = {
        "images": [{"id": scheme(i)} for i in range(4)], "categories": [{"id": i, "name": str(i)} for i in range(3)],
        "annotations": [{"id": n, "image_id": scheme(i), "category_id": c, "bbox": box, "area": box[2] * box[3]}
                        for n, (i, c, box) in enumerate(objects)],
    }
    found = [{"image_id": a["image_id"], "category_id": a["category_id"], "bbox": a["bbox"], "score": random.random()}
             for a in truth["annotations"]]
    gt = deteval.load_ground_truth(truth)
    scores = deteval.evaluate(gt, deteval.load_detections(found, gt), Params(similarity))
    assert scores.metrics["AP"] == pytest.approx(1, abs=1e-12)
    assert scores.metrics["AR100"] == pytest.approx(1, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([lambda s: s * 0.5 - 3, lambda s: s**3, np.arctan]))
def test_monotone_score_maps_change_nothing(seed, change):
    data = random_dataset(seed)
    gt, dt = loaded(data)
    params = params_of(data)
    levels = np.unique(dt.scores + 0.0)
    mapped = change(levels)
    if len(np.unique(mapped)) < len(levels):
        return  # the map merged two scores: it was not strictly monotone in floating point
    from msgspec.structs import replace

    changed = replace(dt, scores=mapped[np.searchsorted(levels, dt.scores + 0.0)])
    for ours, theirs in zip(precision_arrays(match(gt, dt, params))[:2],
                            precision_arrays(match(gt, changed, params))[:2], strict=True):
        assert same(ours, theirs)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.randoms())
def test_shards_in_any_order_and_any_thread_count_give_the_same_bits(seed, random):
    data = random_dataset(seed)
    gt, dt = loaded(data)
    params = params_of(data)
    whole = match(gt, dt, params, threads=1, detail=(params.iou[0],))
    owner = np.array([random.randrange(3) for _ in range(len(gt.images))])
    parts = [match(gt, dt, params, images=np.flatnonzero(owner == part), threads=3, detail=(params.iou[0],))
             for part in range(3)]
    for order in itertools.permutations(parts):
        merged = deteval.merge(order)
        for name in ("image", "category", "rank", "scores", "row", "true_positive", "ignored", "gt_image",
                     "gt_category", "gt_row", "gt_ignored", "found"):
            assert same(getattr(merged, name), getattr(whole, name)), name
        for name in ("taken", "similarity", "best_same", "best_same_similarity", "best_other",
                     "best_other_similarity"):
            assert same(getattr(merged.detail, name), getattr(whole.detail, name)), name
        assert list(merged.images.ids) == list(whole.images.ids)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.randoms())
def test_an_image_weight_is_the_repeated_image(seed, random):
    data = random_dataset(seed)
    if len({d["score"] for d in data.detections}) < len(data.detections):
        for n, detection in enumerate(data.detections):  # copies of tied scores would interleave
            detection["score"] = float(n % 997) + n * 1e-6
    gt, dt = loaded(data)
    params = params_of(data)
    metrics = (*default_metrics(params)[:2], *parse_metrics(COUNTED.replace("@.5", "")))
    weights = [random.choice([0, 0, 1, 1, 2, 3]) for _ in range(len(gt.images))]
    repeated_gt, repeated_dt = oracle.repeat_images(data.ground_truth, data.detections, weights)
    measured = measure(metrics, match(gt, dt, params), np.array([weights, [1] * len(weights)]))
    if repeated_gt["images"]:
        again = deteval.load_ground_truth(repeated_gt)
        expected = measure(metrics, match(again, deteval.load_detections(repeated_dt, again), params))
        assert same(measured.values[0], expected.values)
        assert same(measured.classes[0], expected.classes)
    assert same(measured.values[1], measure(metrics, match(gt, dt, params)).values)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_cuts_derive_without_matching_again(seed):
    """A score cut, and fewer thresholds, areas and caps, give the cells of a match of their own."""
    data = random_dataset(seed)
    gt, dt = loaded(data)
    params = params_of(data)
    precision, recall, _ = precision_arrays(match(gt, dt, params))
    part = Params(iou=params.iou[-1:], max_dets=params.max_dets[-1:], areas=params.areas[-1:],
                  class_agnostic=params.class_agnostic)
    alone = precision_arrays(match(gt, dt, part))
    assert same(alone[0], precision[-1:, :, :, -1:, -1:])
    assert same(alone[1], recall[-1:, :, -1:, -1:])
