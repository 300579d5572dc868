"""What the sentences of a sweep say, and do not say, about its best points."""

import numpy as np
import pytest

import deteval
from deteval.loading.sweep_axes import parse_axis
from deteval.records.metric import parse_metrics
from deteval.records.sweep import Best, ModelSweep, Objective, Plan, Sweep
from deteval.reports.layout import Look
from deteval.reports.sweep_table import swept_signature
from deteval.reports.sweep_words import explanation


def words(axes, position, flat, where=()):
    """The sentences about a best point of F1 = 0.5; `flat` holds positions by axis."""
    plan = Plan(deteval.Params(), tuple(parse_axis(name, value) for name, value in axes.items()), parse_metrics("F1"),
                Objective(parse_metrics("F1")[0], where))
    best = Best("m", position, 0.5, tuple(flat.items()))
    model = ModelSweep("m", np.full((*plan.shape, 1), 0.5), (), (), "")
    return explanation(Sweep(plan, (model,), (best,), {}, 1, {}), Look(digits=2))


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
    found = words({axis: values}, (place,), {axis: (place,)})
    assert found[0].endswith(f"; within 1 % of it: no other {axis}")
    assert [line for line in found if line.startswith(END)] == ([f"{END}{end} may be better still"] if end else [])


def test_two_ends_and_how_flat():
    assert words({"min_score": [0.1, 0.2, 0.3], "nms": [0.3, 0.5, None], "max_dets": [10, 20]}, (0, 0, 0),
                 {"min_score": (0, 1), "nms": (0, 1, 2), "max_dets": (0,)}) == [
        ("m: F1 0.50 at min_score 0.1, nms 0.3, max_dets 10; within 1 % of it: min_score 0.1 to 0.2, nms 0.3 to none, "
         "no other max_dets"),
        f"{END}a lower min_score and a lower nms and a lower max_dets may be better still"]


def test_words_are_listed_and_many_cut_short():
    assert words({"area_source": ["field", "box"]}, (0,), {"area_source": (0, 1)}, (("area_source", (0, 1)),))[0] == (
        "m: F1 0.50 at area_source field; within 1 % of it: area_source field or box")
    classes = [["a", "b"], *"cdefghij"]
    assert words({"classes": classes}, (2,), {"classes": tuple(range(9))})[0].endswith(
        "within 1 % of it: classes a,b or c or d or e or f or g or 3 more")


def test_what_the_objective_holds_is_no_freedom():
    assert words({"iou": [0.5, 0.75], "min_score": [0.1, 0.2, 0.3]}, (0, 1), {"iou": (0,), "min_score": (0, 1)},
                 (("iou", (0,)),)) == ["m: F1 0.50 at iou .5, min_score 0.2; within 1 % of it: min_score 0.1 to 0.2"]
    assert words({"min_score": 0.5}, (0,), {}) == ["m: F1 0.50 at the only point"]


@pytest.mark.parametrize("axes, where, text", [
    ({"iou": [0.5, 0.75]}, (), ("iou changes what F1 means, so that the best point may be just the easiest to score; "
                               "hold it with where:, as where: {iou: .5}")),
    ({"iou": [0.5, 0.75], "area": ["all", "small"], "similarity": ["iou", "giou"]}, (("iou", (0,)),),
     ("area and similarity change what F1 means, so that the best point may be just the easiest to score; hold them "
      "with where:, as where: {area: all}")),
    ({"iou": 0.5, "nms": [0.3, 0.5], "min_score": [0.1, 0.2]}, (), None),
])
def test_axes_that_change_the_question(axes, where, text):
    found = [line for line in words(axes, (0,) * len(axes), {}, where) if "means" in line]
    assert found == ([] if text is None else [text])


def test_the_signature_of_a_grid():
    axes = {"class_agnostic": [True, False], "max_dets": [10, 20], "min_score": 0.2, "nms": [None, 0.5]}
    plan = Plan(deteval.Params(), tuple(parse_axis(name, value) for name, value in axes.items()), parse_metrics("AP"))
    assert swept_signature(plan) == (
        f"deteval|bbox|sim:iou|thr:.5:.95:.05|area:coco|max:*|class-agnostic:*|min-score:0.2|nms:*|v:{deteval.__version__}")
