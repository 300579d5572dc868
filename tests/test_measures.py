"""Numbers from evidence: the textbook example, precision, recall and F1 against the oracle, totals by hand."""

import math

import numpy as np
import oracle
import pytest
from datasets import random_dataset
from test_exactness import params_of

import deteval
from deteval.measures import count, measure, precision_arrays
from deteval.records.metric import parse_metric, parse_metrics
from deteval.records.params import AreaRange, Params, parse_area

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


def box(image, category, x, side=10, **fields):
    return {"image_id": image, "category_id": category, "bbox": [x, 0, side, side], **fields}


def pair(truths, found, images=2, categories=CATEGORIES):
    gt = deteval.load_ground_truth({"images": [{"id": i} for i in range(1, images + 1)], "categories": categories,
                                    "annotations": [{"id": n, "area": t["bbox"][2] ** 2, **t}
                                                    for n, t in enumerate(truths, start=1)]})
    return gt, deteval.load_detections(found, gt)


def test_textbook_curve():
    """Rows TP, FP, TP of three ground truths: precision 1/1, 1/2, 2/3 at recall 1/3, 1/3, 2/3; 34 points at 1 (the
    recall points 0 to .33), 33 at 2/3, the rest at 0."""
    gt, dt = pair([box(1, 1, 0), box(1, 1, 100), box(1, 1, 200)],
                  [box(1, 1, 0, score=0.9), box(1, 1, 50, score=0.8), box(1, 1, 100, score=0.7)])
    precision, recall, scores = precision_arrays(deteval.match(gt, dt, Params(iou=(0.5,))))
    curve = precision[0, :, 0, 0, -1]
    assert curve[:34] == pytest.approx(1, abs=1e-15)
    assert curve[34:67] == pytest.approx(2 / 3, abs=1e-15)
    assert not curve[67:].any()
    assert scores[0, [0, 33, 34, 66, 67], 0, 0, -1].tolist() == [0.9, 0.9, 0.7, 0.7, 0.0]
    assert recall[0, 0, 0].tolist() == [1 / 3, 2 / 3, 2 / 3]
    metrics = parse_metrics("AP@.5,AR,precision,recall,F1")
    values = measure(metrics, deteval.match(gt, dt, Params(iou=(0.5,)))).values
    assert values == pytest.approx([(34 + 33 * 2 / 3) / 101, 2 / 3, 2 / 3, 2 / 3, 2 / 3])


@pytest.mark.parametrize("seed", range(0, 300, 3))
def test_counts_and_ratios_equal_the_oracle(seed):
    data = random_dataset(seed)
    params = params_of(data)
    gt = deteval.load_ground_truth(data.ground_truth)
    evidence = deteval.match(gt, deteval.load_detections(data.detections, gt), params)
    settings = oracle.Settings(**data.settings)
    images, categories, truths, found = oracle.rows_of(data.ground_truth, data.detections)
    cut = float(np.median([d["score"] for d in data.detections])) if data.detections else 0.0
    area, cap = len(params.areas) - 1, params.max_dets[0]
    counts = count(evidence, area, cap, cut)
    kinds = parse_metrics(",".join(f"{kind}/area={params.areas[area].name}/max={cap}/score={cut!r}"
                                   for kind in ("precision", "recall", "F1")))
    measured = measure(kinds, evidence).classes
    for k in range(len(evidence.categories)):
        category = None if params.class_agnostic else sorted(categories)[k]
        judged = oracle.judge(images, category, truths, found, settings.areas[area], settings)
        expected = [oracle.counts(judged, t, cap, cut) for t in range(len(params.iou))]
        for t, (hits, misses, missed) in enumerate(expected):
            assert (counts.true_positives[k, t], counts.false_positives[k, t]) == (hits, misses)
            assert counts.positives[k] - hits == missed
        ratios = np.array([oracle.precision_recall_f1(*outcome) for outcome in expected]).mean(axis=0)
        assert measured[:, k] == pytest.approx(ratios, nan_ok=True, abs=1e-15)


TRUTHS = [box(1, 1, 0), box(1, 1, 100)]
FOUND = [box(1, 1, 0, score=0.9), box(1, 1, 50, score=0.8), box(1, 2, 0, score=0.7), box(2, 2, 0, score=0.6),
         box(2, 1, 0, score=0.6)]


def test_totals_by_hand():
    gt, dt = pair(TRUTHS, FOUND, images=3)
    scores = deteval.evaluate(gt, dt)
    assert scores.totals == {
        "n_images": 3, "n_gt": 2, "n_det": 5, "true_positives": 1, "false_positives": 4, "false_negatives": 1,
        "false_positives_in_absent_classes": 2, "false_positives_on_background_images": 2,
        "detections_cut_by_cap": 0, "tied_detections": 0, "images_without_detections": 1,
    }
    cat, dog = scores.classes
    assert (cat.n_gt, cat.n_images, cat.n_det, cat.true_positives, cat.false_positives, cat.false_negatives) == \
        (2, 1, 3, 1, 2, 1)
    assert (dog.n_gt, dog.n_images, dog.n_det, dog.true_positives, dog.false_positives, dog.false_negatives) == \
        (0, 0, 2, 0, 2, 0)
    assert dog.values == {"AP": None, "AP50": None, "AP75": None, "AR": None}


def test_micro_pools_the_counts_of_all_classes_and_macro_takes_those_with_ground_truth():
    gt, dt = pair(TRUTHS, FOUND, images=3)
    evidence = deteval.match(gt, dt)
    names = "precision@.5,precision@.5/micro,recall@.5/micro,F1@.5,F1@.5/micro,precision@.5/score=0.85"
    values = measure(parse_metrics(names), evidence).values
    assert values == pytest.approx([1 / 3, 1 / 5, 1 / 2, 2 / 5, 2 / 7, 1])


def test_a_score_cut_is_inclusive():
    gt, dt = pair(TRUTHS, FOUND)
    values = measure(parse_metrics("precision@.5/score=0.8,precision@.5/score=0.80001"), deteval.match(gt, dt)).values
    assert values.tolist() == [0.5, 1.0]
    assert deteval.evaluate(gt, dt, Params(min_score=0.8)).totals["n_det"] == 2


def test_nothing_kept_is_precision_zero_where_there_is_ground_truth_and_undefined_elsewhere():
    gt, dt = pair(TRUTHS, FOUND)
    measured = measure(parse_metrics("precision@.5/score=2,recall@.5/score=2,F1@.5/score=2"), deteval.match(gt, dt))
    assert measured.values.tolist() == [0, 0, 0]
    assert measured.classes[:, 0].tolist() == [0, 0, 0]
    assert np.isnan(measured.classes[:, 1]).all()


def test_undefined_metrics_have_a_reason_and_are_never_averaged():
    gt, dt = pair(TRUTHS, FOUND)
    scores = deteval.evaluate(gt, dt)
    assert scores.metrics["APl"] is None
    assert scores.undefined["APl"] == "no class has ground truth that counts in area range large"
    assert scores.metrics["APs"] is not None
    assert not any(isinstance(value, float) and math.isnan(value) for value in scores.metrics.values())


def test_ties_caps_and_silent_images_are_counted():
    found = [box(1, 1, 50 + n, score=0.5) for n in range(4)] + [box(1, 1, 0, score=0.4)]
    gt, dt = pair([box(1, 1, 0), box(2, 1, 0)], found)
    scores = deteval.evaluate(gt, dt, Params(max_dets=(1, 4)))
    assert scores.totals["tied_detections"] == 4
    assert scores.totals["detections_cut_by_cap"] == 1
    assert scores.totals["true_positives"] == 0, "the only hit is beyond the cap"
    codes = [finding.code for finding in scores.findings]
    assert {"many-ties", "cut-by-cap", "images-without-detections"} <= set(codes)


def test_a_metric_of_one_class():
    gt, dt = pair(TRUTHS, FOUND)
    evidence = deteval.match(gt, dt)
    total, cat, by_id, dog = measure(parse_metrics("AP,AP/class=cat,AP/class=1,AP/class=dog"), evidence).values
    assert cat == by_id == total
    assert np.isnan(dog)
    with pytest.raises(deteval.DetevalError, match=r"'car' is not among the 2 .*; did you mean 'cat'"):
        measure([parse_metric("AP/class=car")], evidence)


def test_counts_are_taken_at_the_lowest_threshold_where_there_is_no_half():
    gt, dt = pair(TRUTHS, FOUND)
    scores = deteval.evaluate(gt, dt, Params(iou=(0.75, 0.9), areas=parse_area("small")))
    assert str(scores.counts_at) == "IoU .75, area small, at most 100 detections"
    assert list(scores.metrics) == ["AP", "AR"]
    assert list(scores.classes[0].values) == ["AP", "AP@.75", "AR"]


def test_area_from_box_and_honoured_ignore():
    truths = [{**box(1, 1, 0), "area": 1e6, "ignore": 1}, box(1, 1, 100)]
    gt, dt = pair(truths, FOUND[:1])
    small = (AreaRange("small", 0, 1024),)
    assert deteval.evaluate(gt, dt, Params(areas=small)).totals["n_gt"] == 1
    assert deteval.evaluate(gt, dt, Params(areas=small, area_source="box")).totals["n_gt"] == 2
    honoured = deteval.evaluate(gt, dt, Params(areas=small, area_source="box", honour_ignore=True)).totals
    assert (honoured["n_gt"], honoured["true_positives"], honoured["false_positives"]) == (1, 0, 0)


def test_weights_must_fit():
    gt, dt = pair(TRUTHS, FOUND)
    evidence = deteval.match(gt, dt)
    for weights in (np.ones((2, 3), int), np.ones(2, int), np.ones((1, 2))):
        with pytest.raises(deteval.DetevalError, match="whole numbers of shape"):
            measure([parse_metric("AP")], evidence, weights)


def test_settings_and_metrics_as_on_the_command_line():
    assert Params(iou=".3,.5", max_dets=100, areas=("all", "tiny:0-256"), classes="cat") == \
        Params(iou=(0.3, 0.5), max_dets=(100,), areas=(*parse_area("all"), *parse_area("tiny:0-256")), classes=("cat",))
    gt, dt = pair(TRUTHS, FOUND)
    assert list(deteval.evaluate(gt, dt, metrics="AP,AR/max=10").metrics) == ["AP", "AR/max=10"]
    assert list(deteval.evaluate(gt, dt, metrics=["AP@0.50", "AP"]).metrics) == ["AP@.5", "AP"]


@pytest.mark.parametrize("wrong", [{"iou": "high"}, {"iou": None}, {"max_dets": 1.5}, {"max_dets": "ten"},
                                   {"areas": "tiny"}, {"areas": 3}, {"classes": 3}, {"iou": ()}, {"max_dets": ()},
                                   {"areas": ()}, {"min_score": float("nan")}, {"area_source": "mask"}])
def test_wrong_settings_are_usage_errors(wrong):
    with pytest.raises(deteval.DetevalError) as caught:
        Params(**wrong)
    assert caught.value.exit_code == 2


def test_left_out_is_counted_by_reason():
    gt, dt = pair(TRUTHS, FOUND, images=3)
    scores = deteval.evaluate(gt, dt, Params(classes=("cat",), min_score=0.85), images=[0])
    (finding,) = [finding for finding in scores.findings if finding.code == "left-out"]
    assert finding.message == ("4 detections left out: 2 on images that were not asked for, 1 of classes that were not "
                               "asked for, 1 below the score cut")


def test_detections_of_another_ground_truth_are_refused():
    gt, dt = pair(TRUTHS, FOUND)
    other, _ = pair(TRUTHS, FOUND, images=3)
    same, _ = pair(TRUTHS[:1], FOUND)
    assert deteval.evaluate(same, dt).totals["n_gt"] == 1, "the same images and categories will do"
    for call in (deteval.evaluate, deteval.match):
        with pytest.raises(deteval.DetevalError, match="the detections were loaded for another ground truth"):
            call(other, dt)
        for wrong in ((dt, gt), (gt, FOUND), ("gt.json", dt)):
            with pytest.raises(deteval.DetevalError, match="is needed"):
                call(*wrong)


@pytest.mark.parametrize("images", [[2], [-1], ["1"], [0.5], [99999]])
def test_images_are_positions(images):
    gt, dt = pair(TRUTHS, FOUND)
    with pytest.raises(deteval.DetevalError, match="positions from 0 to 1"):
        deteval.evaluate(gt, dt, images=images)


def test_threads_are_at_least_one():
    gt, dt = pair(TRUTHS, FOUND)
    with pytest.raises(deteval.DetevalError, match="threads: 0"):
        deteval.evaluate(gt, dt, threads=0)
