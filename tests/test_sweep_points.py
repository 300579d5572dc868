"""Every point of a sweep is what a score run of its settings says, bit for bit; matched as rarely as planned."""

import itertools
import json
import weakref

import numpy as np
import pytest
from conftest import SAMPLE
from datasets import random_dataset
from test_properties import loaded

import deteval
from deteval.best_points import best_point
from deteval.errors import DetevalError
from deteval.loading.sweep_axes import parse_axis
from deteval.records.metric import Metric, as_metrics, resolve
from deteval.records.params import Params
from deteval.records.sweep import Axis, ModelSweep, Objective, Plan, WithoutBest
from deteval.records.sweep_cells import check_points
from deteval.records.sweep_matches import axis_costs, batches, matches
from deteval.studies import sweep as study

METRICS = ("AP", "AR", "precision", "recall", "F1", "F1/micro", "precision/score=0.3", "recall/micro",
           "F1/score=0.5/micro")


@pytest.fixture
def matched(monkeypatch):
    """Settings of every match of a sweep."""
    calls = []

    def counting(ground_truth, detections, params, **options):
        calls.append(params)
        return deteval.match(ground_truth, detections, params, **options)

    monkeypatch.setattr(study, "match", counting)
    return calls


@pytest.fixture
def sample():
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    return gt, deteval.load_detections(SAMPLE / "preds.json", gt)


def pools(rng, data, names):
    """Values of every axis, from which random grids are drawn."""
    scores = [one["score"] for one in data.detections] or [0.5]

    def cuts():
        return {"default": float(rng.choice(scores)),
                "classes": {name: float(rng.choice(scores)) for name in names if rng.random() < 0.5}}

    return {
        "similarity": ["iou", "giou", "diou", "ciou"],
        "iou": [0.5, 0.75, ".5:.95:.05", 0.9, ".3,.50000000001", 1e-6, ".05:1:.025"],
        "max_dets": [1, 2, 10, "1,10,100", 100, 5], "area_source": ["field", "box"], "class_agnostic": [True, False],
        "area": ["all", "small", "coco", "small,all", "tiny:0-256", "everything:0-1e15", "odd:7.5-9216,all"],
        "classes": [None, *map(list, dict.fromkeys([names[:1], names[-1:], names[:2]]))],
        "honour_ignore": [True, False],
        "min_score": [None, 0.123, *dict.fromkeys(float(one) for one in rng.choice(scores, 4))],
        "nms": [None, 0.5, 0, 1, 0.3], "operating_points": [None, cuts()],
    }


@pytest.mark.parametrize("seed", range(45))
def test_every_point_equals_a_score_run(seed, matched):
    rng, data = np.random.default_rng(seed), random_dataset(seed)
    gt, dt = loaded(data)
    pool = pools(rng, data, gt.categories.names)
    axes = []
    for name in rng.permutation(list(pool))[: int(rng.integers(1, 6))].tolist():
        chosen = rng.permutation(len(pool[name]))[: int(rng.integers(1, 4))].tolist()
        axes.append(parse_axis(name, [pool[name][i] for i in chosen]))
    metrics = METRICS
    if not {"class_agnostic", "classes"} & {axis.name for axis in axes}:
        metrics = (*METRICS, f"AP/class={gt.categories.names[0]}", f"F1/class={gt.categories.names[-1]}")
    base = Params(nms=None if seed % 3 else 0.6, min_score=None if seed % 2 else float(rng.random()))
    plan = Plan(base, tuple(axes), as_metrics(metrics))
    images = rng.permutation(len(gt.images))[: max(1, len(gt.images) // 2)] if seed % 4 == 0 else None
    every = list(itertools.product(*map(range, plan.shape)))
    try:
        result = deteval.sweep(gt, {"model": dt}, plan, images=images, threads=1 + seed % 2)
    except DetevalError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert refused.exit_code == 3
        assert str(refused).startswith("every metric is undefined at every point: ")
        for position in every:
            own = deteval.evaluate(gt, dt, plan.params(position), metrics=metrics, images=images)
            assert set(own.metrics.values()) == {None}
        return
    assert len(matched) == matches(plan) == result.matches
    for i in rng.permutation(len(every))[:5].tolist():
        own = deteval.evaluate(gt, dt, plan.params(every[i]), metrics=metrics, images=images)
        theirs = [np.nan if value is None else value for value in own.metrics.values()]
        assert np.array_equal(result.models[0].values[every[i]], theirs, equal_nan=True), plan.words(every[i])
        assert own.fingerprint == result.models[0].fingerprint
        assert set(own.undefined) <= set(result.undefined)


def test_thresholds_are_taken_exactly():
    """0.9 and the 0.8999999999999999 of the range are two thresholds; boxes may lie between them."""
    gt = deteval.load_ground_truth({
        "images": [{"id": 1, "file_name": "1.jpg"}], "categories": [{"id": 1, "name": "one"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0}]})
    width = 0.8999999999999999
    dt = deteval.load_detections([{"image_id": 1, "category_id": 1, "bbox": [0, 0, width, 1], "score": 0.5}], gt)
    result = deteval.sweep(gt, {"one": dt}, deteval.plan_sweep({"iou": [0.9, 0.8999999999999999]}, "recall"))
    assert result.models[0].values.ravel().tolist() == [0.0, 1.0]


def test_what_is_cut_from_one_match_and_what_is_not(sample, matched):
    axes = {"iou": [0.5, ".5:.95:.05"], "min_score": ".1:.9:.1", "max_dets": [1, 100], "area": ["all", "small"],
            "similarity": ["iou", "giou"], "nms": [None, 0.5, 0.7]}
    plan = deteval.plan_sweep(axes, "AP,F1")
    gt, dt = sample
    deteval.sweep(gt, {"one": dt}, plan)
    assert plan.points == 2 * 9 * 2 * 2 * 2 * 3
    assert [(one.similarity, one.nms) for one in matched] == [(s, n) for s in ("iou", "giou") for n in (None, 0.5, 0.7)]
    assert {(len(one.iou), one.max_dets, len(one.areas), one.min_score) for one in matched} == {(10, (1, 100), 2, 0.1)}
    assert axis_costs(plan) == {
        **dict.fromkeys(("iou", "max_dets", "area"), "2 values, cut from the same match: no extra match"),
        "min_score": "9 values, cut from the same match: no extra match",
        "similarity": "2 values, 2 matches", "nms": "3 values, 3 matches",
    }


def test_very_many_thresholds_and_area_ranges_are_matched_in_batches(sample, matched):
    """So that no match keeps more than twice the bits of a score run, whatever the grid."""
    plan = deteval.plan_sweep({"iou": ".1:.99:.01", "area": [f"a{i}:{i}-{i + 500}" for i in range(12)]}, "recall")
    assert [(len(one.iou), len(one.area)) for one in batches(plan)] == [(32, 8), (32, 8), (26, 8), (64, 4), (26, 4)]
    gt, dt = sample
    result = deteval.sweep(gt, {"one": dt}, plan)
    assert len(matched) == matches(plan) == 5
    for position in ((0, 0), (50, 9), (89, 11)):
        own = deteval.evaluate(gt, dt, plan.params(position), metrics="recall").metrics["recall"]
        assert result.models[0].values[position].item() == own
    assert axis_costs(plan)["iou"] == "90 values, too many for one match: 5 matches, iou and area together"


def test_only_one_model_is_in_memory(sample):
    gt, _ = sample
    alive = []

    def load():
        assert all(one() is None for one in alive)
        dt = deteval.load_detections(SAMPLE / "preds.json", gt)
        alive.append(weakref.ref(dt.scores))
        return dt

    shares = []
    result = deteval.sweep(gt, {"a": load, "b": load}, deteval.plan_sweep({"nms": [None, 0.5]}), progress=shares.append)
    assert len(alive) == 2
    assert [model.name for model in result.models] == ["a", "b"]
    assert np.array_equal(result.models[0].values, result.models[1].values)
    assert shares == sorted(shares)
    assert len(shares) == 2 * 2 * 1  # a share per model, match and score cut
    assert shares[-1] == 1


def test_best_point_and_how_flat_it_is(sample):
    gt, dt = sample
    plan = deteval.plan_sweep({"iou": [0.5, 0.75], "min_score": [0.9, 0.1, 0.5, 0.4, 0.3]}, "AP",
                              objective={"metric": "F1", "where": {"iou": 0.75}})
    result = deteval.sweep(gt, {"one": dt}, plan)
    f1 = result.models[0].values[..., 1]
    best = result.best[0]
    assert [str(metric) for metric in plan.metrics] == ["AP", "F1"]
    assert f1[0].max() > f1[1].max() == best.value
    assert best.position == (1, int(np.argmax(f1[1])))
    flat = dict(best.flat)
    assert flat["iou"] == (1,)
    assert set(flat["min_score"]) == set(np.flatnonzero(f1[1] >= 0.99 * best.value))
    assert plan.axes[1].values[best.position[1]] == 0.4


GRID = Plan(Params(), (Axis("min_score", (0.1, 0.2, 0.3, 0.4, None), ("0.1", "0.2", "0.3", "0.4", "none")),
                       Axis("similarity", ("iou", "giou", "diou"), ("iou", "giou", "diou"))),
            (Metric("F1"),), Objective(Metric("F1")))


def test_flat_runs_on_numbers_and_any_words():
    values = np.array([[0.5, 0.5, 0.5], [0.996, 1.0, 1.0], [0.2, 0.1, 0.1], [1.0, 0.1, 1.0], [0.999, 0.1, 0.2]])
    model = ModelSweep("one", values[..., None], (), (), "")
    best = best_point(model, GRID, GRID.objective)
    assert (best.position, best.value) == ((1, 1), 1.0)
    assert dict(best.flat) == {"min_score": (1,), "similarity": (0, 1, 2)}
    values[4, 1], values[0, 1] = 0.99, 0.995  # no cut lies below 0.1
    assert dict(best_point(model, GRID, GRID.objective).flat)["min_score"] == (4, 0, 1)
    values[:] = np.nan
    assert best_point(model, GRID, GRID.objective) == WithoutBest("one", "undefined")


@pytest.mark.parametrize(("axes", "metrics", "message"), [
    ({"similarity": ["giou", "iou"], "iou": [-0.5]}, "AP",
     "iou: -0.5 is outside (0, 1], the range of iou; at the point similarity iou, iou -.5"),
    ({"iou": [0.5, 0.75]}, "AP@.5", "metric 'AP@.5': the run has no IoU threshold .5, only .75; at the point iou .75"),
    ({"iou": [0.5, ".5:.95:.05"]}, "AP50", ("metric 'AP50' is defined under COCO's thresholds, areas and caps only; "
     "write it out, as in 'AP@.5'; at the point iou .5")),
    ({"area": ["coco", "all"]}, "AP/area=small",
     "metric 'AP/area=small': the run has no area range 'small', only all; at the point area all"),
    ({"min_score": [0.1]}, "AR/max=7", "metric 'AR/max=7': the run has no cap 7, only 1, 10, 100"),
])
def test_a_metric_that_does_not_exist_somewhere_is_refused(axes, metrics, message):
    with pytest.raises(DetevalError) as refused:
        deteval.plan_sweep(axes, metrics)
    assert (str(refused.value), refused.value.exit_code) == (message, 2)


@pytest.mark.parametrize("seed", range(40))
def test_no_point_without_a_metric_is_missed(seed):
    """Axes are looked at one by one; all points together come to the same."""
    rng = np.random.default_rng(seed)
    pool = {"iou": [".5:.95:.05", 0.5, ".5,.75"], "area": ["coco", "all", "all,small"], "similarity": ["giou", "iou"],
            "max_dets": ["1,10,100", 100, "10,100"]}
    axes = [parse_axis(name, rng.permutation(values)[: int(rng.integers(1, 4))].tolist())
            for name, values in pool.items()]
    metrics = as_metrics(str(rng.choice(["AP50", "APs", "AR10", "AP@.75", "AP/area=small", "AR/max=10", "AP"])))

    def refused(check):
        try:
            check()
        except DetevalError:
            return True
        return False

    plan = Plan(Params(), tuple(axes), metrics)
    everywhere = itertools.product(*(range(len(axis)) for axis in plan.axes))
    assert refused(lambda: check_points(plan)) == any(
        refused(lambda point=point: resolve(metrics[0], plan.params(point))) for point in everywhere)


@pytest.mark.parametrize(("axes", "metrics", "message"), [
    ({"classes": ["person", "car"]}, "AP/class=person",
     "metric 'AP/class=person': class 'person' is not among the 1 of the ground truth; at the point classes car"),
    ({"classes": ["person", "cat"]}, "AP",
     "classes: class 'cat' is not among the 6 of the ground truth; did you mean 'car'?; at the point classes cat"),
    ({"operating_points": [None, {"default": None, "classes": {"car": 0.5}}], "classes": ["car", "bus"]}, "AP",
     ("operating_points: class 'bus' has no score cut; give it one, or a `default` for all such classes, or score "
     "without it (--classes); at the point operating_points {090a299c}, classes bus")),
    ({}, "AP/class=*", "metric 'AP/class=*': '*' stands for 6 classes; name one"),
])
def test_classes_are_checked_before_anything_is_matched(axes, metrics, message, sample, matched):
    gt, dt = sample
    with pytest.raises(DetevalError) as refused:
        deteval.sweep(gt, {"one": dt}, deteval.plan_sweep(axes, metrics))
    assert (str(refused.value), refused.value.exit_code) == (message, 2)
    assert not matched


def test_undefined_values_are_counted_and_explained(sample):
    gt, dt = sample
    plan = deteval.plan_sweep({"area": ["all", "none:1-2"], "min_score": [0.1, 0.5]}, "AP,precision")
    result = deteval.sweep(gt, {"a": dt, "b": dt}, plan)
    assert {name: (one.points, one.reason) for name, one in result.undefined.items()} == dict.fromkeys(
        ("AP", "precision"), (4, "no class has ground truth that counts in area range none"))
    with pytest.raises(DetevalError) as refused:
        deteval.sweep(gt, {"a": dt}, deteval.plan_sweep({"area": ["none:1-2"]}, "AP/class=car"))
    assert refused.value.exit_code == 3
    assert str(refused.value) == ("every metric is undefined at every point: class car has no ground truth that counts "
                                  "in area range none [nothing-evaluable]")


def test_json_holds_every_point_in_the_form_of_the_options(sample):
    gt, dt = sample
    axes = {"similarity": ["iou", "giou"], "iou": [".5:.95:.05", 0.9], "max_dets": [[1, 10], 100],
            "min_score": [None, 0.25], "class_agnostic": [True]}
    result = deteval.sweep(gt, {"one": dt}, deteval.plan_sweep(axes, "AP,F1", objective="F1"))
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert len(document["points"]) == 16
    assert document["points"][3] == {
        "model": "one", "similarity": "iou", "iou": ".5:.95:.05", "max_dets": 100, "min_score": 0.25,
        "class_agnostic": True, "AP": result.models[0].values[0, 0, 1, 1, 0, 0], "F1":
        result.models[0].values[0, 0, 1, 1, 0, 1]}
    assert {axis["name"]: axis["values"] for axis in document["axes"]}["max_dets"] == ["1,10", 100]
    assert set(axes).isdisjoint(document["settings"])
    assert document["matches"] == 2
    assert [one["model"] for one in document["best"]] == ["one"]


@pytest.mark.parametrize("chosen", [None, [0, 1, 2, 17, 18, 19]])
@pytest.mark.parametrize("seed", range(8))
def test_findings_are_those_of_a_score_run(seed, chosen):
    """Of one at no score cut and the largest cap of the grid, the costly axes at their first values."""
    data = random_dataset(seed)
    gt, dt = loaded(data)
    images = None if chosen is None else [i for i in chosen if i < len(gt.images)]
    plan = deteval.plan_sweep({"min_score": [0.5, None], "max_dets": [1, 2], "nms": [0.7, None]}, "AP,F1")
    try:
        result = deteval.sweep(gt, {"one": dt}, plan, images=images)
    except DetevalError:  # nothing evaluable
        return
    codes = ("many-ties", "cut-by-cap", "images-without-detections")
    scores = deteval.evaluate(gt, dt, Params(max_dets=(1, 2), nms=0.7), images=images)
    assert [one for one in result.models[0].findings if one.code in codes] == [
        one for one in scores.findings if one.code in codes]


@pytest.mark.parametrize("name", ["person", "bicycle", "car", "bus", "traffic light", "dog"])
def test_images_without_detections_are_those_of_all_scores(name, sample):
    gt, dt = sample
    plan = deteval.plan_sweep({"min_score": [0.5, 0.9]}, "F1", settings={"classes": [name]})
    found = deteval.sweep(gt, {"one": dt}, plan).findings
    assert found == {one: ("one",) for one in deteval.evaluate(gt, dt, Params(classes=(name,))).findings
                     if one.code != "left-out"}


def test_equal_scores_of_different_classes_are_no_ties(sample):
    gt, _ = sample
    dt = deteval.load_detections([{"image_id": 1, "category_id": one, "bbox": [0, 0, 9, 9], "score": 0.5}
                                  for one in (1, 2, 3)], gt)
    found = deteval.sweep(gt, {"one": dt}, deteval.plan_sweep({"nms": [None]}, "AP")).findings
    assert "many-ties" not in {one.code for one in found}


@pytest.mark.parametrize(("options", "message"), [
    ({"settings": {"box_format": "xyxy"}}, "box_format: is not a setting of the evaluation"),
    ({"objective": {"metric": "F1", "mim": {}}}, "objective: unknown key 'mim'; did you mean 'min'?"),
    ({"objective": {"metric": "F1", "min": 0.5}},
     "objective: min: 0.5 does not name metrics and their least values, as {'precision': 0.9}"),
    ({"objective": {"metric": "F1", "min": {"AP": 2}}}, "min: AP: 2 is not a number from 0 to 1"),
])
def test_what_a_plan_refuses(options, message):
    with pytest.raises(DetevalError) as refused:
        deteval.plan_sweep({"nms": [0.5, None]}, **options)
    assert (str(refused.value), refused.value.exit_code) == (message, 2)


def test_an_axis_takes_the_place_of_a_setting():
    plan = deteval.plan_sweep({"max_dets": [1, 10], "similarity": ["giou"]}, settings={"max_dets": 300, "iou": -0.5})
    assert [plan.params((place, 0)).max_dets for place in (0, 1)] == [(1,), (10,)]
    assert plan.params((0, 0)).iou == (-0.5,)


def test_a_minimum_of_a_plan(sample):
    gt, dt = sample
    plan = deteval.plan_sweep({"min_score": ".1:.9:.1"}, "AP", settings={"iou": 0.5},
                              objective={"metric": "recall", "min": {"precision": 0.8}})
    result = deteval.sweep(gt, {"one": dt}, plan)
    _, recall, precision = result.models[0].values.T
    assert result.best[0].value == recall[precision >= 0.8].max()
    assert result.best[0].position == (int(np.argmax(np.where(precision >= 0.8, recall, -1))),)
