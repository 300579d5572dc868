"""Replicates by lanes against `measure` under the same weights, replicate by replicate."""

from threading import get_ident

import numpy as np
import pytest
from datasets import random_dataset
from test_exactness import params_of

import deteval
from deteval import measures, replicates
from deteval.evaluation import match
from deteval.kernels import lanes
from deteval.measures import measure
from deteval.records.metric import default_metrics, parse_metrics
from deteval.records.params import AreaRange, Params
from deteval.replicates import LANES, replicate

METRICS = ("AP,AR,precision/score=0.3,recall,F1/score=0.3,F1/score=0.3/micro,precision/micro,recall/micro,"
           "precision/score=0.9")
CLOSE = 1e-6


def matched(seed, params=None):
    data = random_dataset(seed)
    gt = deteval.load_ground_truth(data.ground_truth)
    return match(gt, deteval.load_detections(data.detections, gt), params or params_of(data))


def draw(images, blocks, seed=0, most=4):
    """Weights (blocks, images, LANES), and the same as rows (replicates, images)."""
    weights = np.random.default_rng(seed).integers(0, most, (blocks, images, LANES)).astype(np.uint8)
    return weights, weights.transpose(0, 2, 1).reshape(-1, images)


def assert_equal(evidence, metrics, blocks=2, most=4, threads=1):
    weights, rows = draw(len(evidence.images), blocks, most=most)
    found = replicate(evidence, metrics, metrics, weights, threads)
    expected = measure(metrics, evidence, rows)
    np.testing.assert_allclose(found.values, expected.values, atol=CLOSE, rtol=0, equal_nan=True)
    np.testing.assert_allclose(found.classes, expected.classes, atol=CLOSE, rtol=0, equal_nan=True)


@pytest.mark.parametrize("seed", range(60))
def test_equal_to_measuring_every_replicate(seed):
    evidence = matched(seed)
    assert_equal(evidence, (*default_metrics(evidence.params), *parse_metrics(METRICS)))


@pytest.mark.parametrize("seed", range(10))
def test_more_thresholds_than_bits_of_a_word(seed):
    params = Params(iou=tuple(np.arange(1, 40) / 40), areas=(AreaRange("everything", 0, 1e10),), max_dets=(2, 100))
    assert_equal(matched(seed, params), parse_metrics("AP,AP@.5,AR/max=2,F1/score=0.2"))


@pytest.mark.parametrize("seed", range(10))
def test_equal_in_float64(seed, monkeypatch):
    monkeypatch.setattr(lanes, "MOST_POSITIVES", 0)
    assert_equal(matched(seed), parse_metrics(METRICS))


def test_a_count_beyond_float32_is_exact():
    """One class whose weighted positives exceed what float32 lanes take."""
    evidence = matched(3, Params(areas=(AreaRange("everything", 0, 1e10),)))
    images, factor = len(evidence.images), 60_000
    heavy = np.full((1, images, LANES), factor, np.uint16)
    once = replicate(evidence, parse_metrics("AP,AR,recall"), (), np.ones((1, images, LANES), np.uint8))
    many = replicate(evidence, parse_metrics("AP,AR,recall"), (), heavy)
    positives = int((~evidence.gt_ignored[:, 0]).sum())
    assert positives * factor > lanes.MOST_POSITIVES
    np.testing.assert_allclose(many.values[:, 1:], once.values[:, 1:], atol=CLOSE)


def test_unit_weights_give_the_point_values():
    evidence = matched(11)
    metrics = parse_metrics(METRICS)
    found = replicate(evidence, metrics, (), np.ones((1, len(evidence.images), LANES), np.uint8))
    assert np.allclose(found.values, measure(metrics, evidence).values, atol=CLOSE, equal_nan=True)


@pytest.mark.parametrize("positives", [10, 20, 50, 100, 200])
def test_recalls_that_meet_a_point_exactly(positives):
    """One object an image, all hits exact, from none of them found to all: the grid of the reference, not k/100."""
    images = [{"id": i, "width": 100, "height": 100} for i in range(positives)]
    truth = [{"id": i + 1, "image_id": i, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
             for i in range(positives)]
    gt = deteval.load_ground_truth({"images": images, "annotations": truth, "categories": [{"id": 1, "name": "a"}]})
    weights, rows = draw(positives, 1, most=3)
    weights[:, :, 0], rows[0] = 1, 1
    for found in range(0, positives + 1, max(1, positives // 100)):
        records = [{"image_id": i, "category_id": 1, "bbox": [10, 10, 20, 20], "score": 1 - i / 1000}
                   for i in range(found)]
        evidence = match(gt, deteval.load_detections(records, gt))
        values = replicate(evidence, parse_metrics("AP"), (), weights).values
        np.testing.assert_allclose(values, measure("AP", evidence, rows).values, atol=CLOSE, rtol=0)


def test_same_bits_for_every_number_of_threads():
    evidence = matched(5)
    metrics = parse_metrics(METRICS)
    weights, _ = draw(len(evidence.images), 7)
    first, second = (replicate(evidence, metrics, metrics, weights, threads) for threads in (1, 3))
    assert np.array_equal(first.values, second.values, equal_nan=True)
    assert np.array_equal(first.classes, second.classes, equal_nan=True)


def test_a_metric_of_one_class_and_progress():
    evidence = next(one for one in map(matched, range(50)) if len(one.categories) > 1 and len(one))
    name = evidence.categories.names[1]
    metrics = parse_metrics(f"AP/class={name}")
    weights, _ = draw(len(evidence.images), 3)
    heard: list[int] = []
    found = replicate(evidence, metrics, parse_metrics("AP"), weights, 1, heard.append)
    assert np.array_equal(found.values[:, 0], found.classes[:, 0, 1], equal_nan=True)
    assert heard == [1, 2, 3]
    threads = set()
    replicate(evidence, metrics, (), weights, 3, lambda _: threads.add(get_ident()))
    assert threads <= {get_ident()}


def test_rows_below_the_last_true_positive_are_not_paid_for():
    evidence = matched(2, Params())
    ranked = measures.Ranked(evidence)
    metric = parse_metrics("AP")[0]
    rows = replicates._gather(ranked, [("AP", replicates.resolve(metric, evidence.params))])
    classes = len(evidence.categories)
    for k in range(classes):
        hits = rows.hit[rows.starts[k] : rows.starts[k + 1]]
        assert not len(hits) or hits[-1]
    assert len(rows.image) < len(evidence)
