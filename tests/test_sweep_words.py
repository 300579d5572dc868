"""What the sentences of a sweep say, and do not say, about its best points."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import deteval
from deteval.best_points import best_point
from deteval.loading.sweep_axes import parse_axis
from deteval.records.metric import parse_metrics
from deteval.records.sweep import Best, ModelSweep, Objective, Plan, Sweep
from deteval.reports.layout import Look
from deteval.reports.sweep_table import swept_signature
from deteval.reports.sweep_words import explanation

F1 = parse_metrics("F1")[0]
SCHEMA = json.loads((Path(deteval.__file__).parent / "sweep.schema.json").read_text())


def words(axes, values, where=(), minimum=()):
    """The sentences about a model with these values of F1, (points, metrics) where others have a minimum."""
    objective = Objective(F1, where, tuple((parse_metrics(name)[0], least) for name, least in minimum))
    plan = Plan(deteval.Params(), tuple(parse_axis(name, value) for name, value in axes.items()), (F1,), objective)
    model = ModelSweep("m", np.array(values, float).reshape(*plan.shape, len(plan.metrics)), (), (), "")
    found = best_point(model, plan, objective)
    best, without = ((found,), ()) if isinstance(found, Best) else ((), (found,))
    result = Sweep(plan, (model,), best, {}, 1, {}, without_best=without)
    document = result.to_dict()
    for part in ("objective", "best", "without_best"):
        jsonschema.validate(document[part], {**SCHEMA["properties"][part], "$defs": SCHEMA["$defs"]})
    return explanation(result, Look(digits=2))


END = "m: the best point lies at the end of an axis; "


@pytest.mark.parametrize("axis, values, place, end", [
    ("min_score", [0.1, 0.2, 0.3], 0, "a lower min_score"), ("min_score", [0.1, 0.2, 0.3], 1, ""),
    ("min_score", [0.1, 0.2, 0.3], 2, "a higher min_score"), ("min_score", [0.3, 0.2, 0.1], 0, "a higher min_score"),
    ("min_score", [None, 0.2, 0.3], 0, ""), ("min_score", [None, 0.2, 0.3], 1, ""), ("min_score", [0, 0.2], 0, ""),
    ("min_score", [0.2, 1], 1, ""), ("nms", [None, 0.5], 0, ""), ("nms", [None, 0.5], 1, "a lower nms"),
    ("nms", [0.5, 0.7], 1, "a higher nms"), ("max_dets", [1, 10, 100], 2, "a higher max_dets"),
    ("max_dets", [1, 10, 100], 0, ""), ("max_dets", ["1,10", 100], 1, ""),
    ("similarity", ["iou", "giou"], 1, ""), ("iou", [0.5, 0.75], 0, ""),
])
def test_the_end_of_an_axis(axis, values, place, end):
    f1 = np.full(len(values), 0.3)
    f1[place] = 0.5
    found = words({axis: values}, f1)
    assert found[0].endswith("; one step away loses more than 1 %")
    assert [line for line in found if line.startswith(END)] == ([f"{END}{end} may be better still"] if end else [])


@pytest.mark.parametrize("f1", [[0.5, 0.5, 0.3], [0.3, 0.5, 0.5], [0.5, 0.499, 0.498], [0.498, 0.499, 0.5]])
def test_a_flat_end_is_no_open_end(f1):
    assert not [line for line in words({"min_score": [0.1, 0.2, 0.3]}, f1) if line.startswith(END)]
    assert len(words({"min_score": [0.3, 0.2, 0.1]}, [0.5, 0.5, 0.3])) == 1
    assert len(words({"min_score": [0.1, 0.2, 0.3]}, [0.4, 0.498, 0.5])) == 2, "the slope goes on"


def test_two_ends_and_how_flat():
    f1 = np.full((3, 3, 2), 0.3)
    f1[0, 0, 0], f1[1, 0, 0], f1[0, 1:, 0] = 0.5, 0.499, (0.498, 0.3)
    assert words({"min_score": [0.1, 0.2, 0.3], "nms": [0.3, 0.5, None], "max_dets": [10, 20]}, f1) == [
        "m: F1 0.50 at min_score 0.1, nms 0.3, max_dets 10; within 1 %: min_score 0.1 to 0.2, nms 0.3 to 0.5",
        f"{END}a lower min_score and a lower nms and a lower max_dets may be better still"]


def test_words_are_listed_and_many_cut_short():
    assert words({"area_source": ["field", "box"], "nms": [None, 0.5]}, [0.5, 0.3, 0.499, 0.3],
                 (("area_source", (0, 1)),))[0] == (
        "m: F1 0.50 at area_source field, nms none; within 1 %: area_source field or box")
    classes = [["a", "b"], *"cdefghij"]
    assert words({"classes": classes}, [0.499, 0.5, *[0.499] * 7])[0].endswith(
        "within 1 %: classes a,b or c or d or e or f or g or 3 more")


def test_what_the_objective_holds_is_no_freedom():
    f1 = [0.499, 0.5, 0.3, 0.9, 0.9, 0.9]
    assert words({"iou": [0.5, 0.75], "min_score": [0.1, 0.2, 0.3]}, f1, (("iou", (0,)),)) == [
        "m: F1 0.50 at iou .5, min_score 0.2; within 1 %: min_score 0.1 to 0.2"]
    assert words({"min_score": 0.5}, 0.5) == ["m: F1 0.50 at the only point"]


def test_a_minimum_of_another_metric():
    axes = {"min_score": [0.1, 0.2, 0.3, 0.4]}
    values = [(0.9, 0.5), (0.8, 0.7), (0.795, 0.8), (0.6, 0.9)]
    assert words(axes, values, minimum=[("precision", 0.7)]) == [
        "m: F1 0.80 with precision 0.70 at min_score 0.2; within 1 %: min_score 0.2 to 0.3"]
    assert words(axes, values, minimum=[("precision", 0.85)]) == [
        "m: F1 0.60 with precision 0.90 at min_score 0.4; one step away loses more than 1 % or the minimum"]
    assert words(axes, values, minimum=[("precision", 0.95)]) == [
        "m: no point has precision of at least 0.95; at most it is 0.90"]
    assert words(axes, values, (("min_score", (0, 1)),), [("precision", 0.75), ("F1", 0.5)]) == [
        ("m: no point that the objective allows has precision of at least 0.75 and F1 of at least 0.5 at once; at "
         "most: precision 0.70, F1 0.90")]
    assert words(axes, [(0.9, np.nan)] * 4, minimum=[("precision", 0)]) == [
        "m: no point has precision of at least 0; at most it is n/a"]


@pytest.mark.parametrize("f1, minimum, text", [
    ([0, 0, 0], (), "F1 is 0 at every point, so that none is best"),
    ([0, np.nan, 0], (), "F1 is 0 at every point, so that none is best"),
    ([(0, 1), (0, 1), (0.5, 0)], [("AP", 0.5)],
     "F1 is 0 at every point that reaches the minimum, so that none is best"),
    ([0.25] * 3, (), "F1 is 0.25 at every point: what is swept makes no difference"),
    ([(0.25, 1)] * 3, [("AP", 0.5)], "F1 is 0.25 at every point: what is swept makes no difference"),
    ([np.nan] * 3, (), "F1 is undefined at every point"),
])
def test_a_best_point_that_would_mean_nothing(f1, minimum, text):
    assert words({"nms": [None, 0.5, 0.7]}, f1, minimum=minimum) == [f"m: {text}"]


def test_equal_points_of_those_that_reach_a_minimum_are_worth_naming():
    assert words({"nms": [None, 0.5, 0.7]}, [(0.5, 0), (0.5, 1), (0.5, 1)], minimum=[("AP", 0.5)])[0] == (
        "m: F1 0.50 with AP 1.00 at nms 0.5; within 1 %: nms 0.5 to 0.7")


@pytest.mark.parametrize("axes, where, text", [
    ({"iou": [0.5, 0.75]}, (), ("iou changes what F1 means, so that the best point may be just the easiest to score; "
                               "hold it with where:, as where: {iou: .5}")),
    ({"iou": [0.5, 0.75], "area": ["all", "small"], "similarity": ["iou", "giou"]}, (("iou", (0,)),),
     ("area and similarity change what F1 means, so that the best point may be just the easiest to score; hold them "
      "with where:, as where: {area: all}")),
    ({"iou": 0.5, "nms": [0.3, 0.5], "min_score": [0.1, 0.2]}, (), None),
])
def test_axes_that_change_the_question(axes, where, text):
    f1 = 0.1 + np.arange(np.prod([len(parse_axis(*axis)) for axis in axes.items()])) / 100
    found = [line for line in words(axes, f1, where) if "means" in line]
    assert found == ([] if text is None else [text])


def test_the_signature_of_a_grid():
    axes = {"class_agnostic": [True, False], "max_dets": [10, 20], "min_score": 0.2, "nms": [None, 0.5]}
    plan = Plan(deteval.Params(), tuple(parse_axis(name, value) for name, value in axes.items()), parse_metrics("AP"))
    assert swept_signature(plan) == (
        f"deteval|bbox|sim:iou|thr:.5:.95:.05|area:coco|max:*|class-agnostic:*|min-score:0.2|nms:*|v:{deteval.__version__}")
