"""What may be written for an axis of a sweep, and what is said of what may not."""

import numpy as np
import pytest

from deteval.errors import DetevalError
from deteval.loading.sweep_axes import find_positions, parse_axis
from deteval.records.numbers import parse_numbers
from deteval.records.params import COCO_AREAS, COCO_IOU, AreaRange
from deteval.records.score_cuts import ScoreCuts

SMALL, ALL = COCO_AREAS[1], COCO_AREAS[0]


@pytest.mark.parametrize(("name", "value", "values", "texts"), [
    ("iou", 0.5, ((0.5,),), (".5",)),
    ("iou", [0.5, ".5:.95:.05", ".7,.3", [0.9, 0.1]], ((0.5,), COCO_IOU, (0.3, 0.7), (0.1, 0.9)),
     (".5", ".5:.95:.05", ".3,.7", ".1,.9")),
    ("iou", ".5:.6:.05", ((0.5,), (0.55,), (0.6,)), (".5", ".55", ".6")),
    ("iou", ".5,.6", ((0.5, 0.6),), (".5,.6",)),
    ("iou", np.array([0.5, 0.25]), ((0.5,), (0.25,)), (".5", ".25")),
    ("min_score", "0.05:0.2:0.05", (0.05, 0.1, 0.15, 0.2), ("0.05", "0.1", "0.15", "0.2")),
    ("min_score", [None, "0.3", 1], (None, 0.3, 1.0), ("none", "0.3", "1")),
    ("min_score", "none", (None,), ("none",)),
    ("min_score", "-1:1:1", (-1.0, 0.0, 1.0), ("-1", "0", "1")),
    ("nms", [None, 0.5, 1], (None, 0.5, 1.0), ("none", "0.5", "1")),
    ("max_dets", [1, "1,10,100", [300, 5]], ((1,), (1, 10, 100), (5, 300)), ("1", "1,10,100", "5,300")),
    ("max_dets", "1:7:3", ((1,), (4,), (7,)), ("1", "4", "7")),
    ("max_dets", range(1, 3), ((1,), (2,)), ("1", "2")),
    ("area", ["all", "tiny:0-256", "small,all", ["all", "small"], "coco"],
     ((ALL,), (AreaRange("tiny", 0, 256),), (SMALL, ALL), (ALL, SMALL), COCO_AREAS),
     ("all", "tiny:0-256", "small,all", "all,small", "coco")),
    ("similarity", ["iou", "ciou"], ("iou", "ciou"), ("iou", "ciou")),
    ("area_source", "box", ("box",), ("box",)),
    ("class_agnostic", [True, False], (True, False), ("true", "false")),
    ("honour_ignore", True, (True,), ("true",)),
    ("classes", [None, "a, b", ["c,d"], 3], ((), ("a", "b"), ("c,d",), ("3",)), ("*", "a,b", "c,d", "3")),
    ("operating_points", [None, {"default": 0.5, "classes": {"a": 0.25}}], (None, ScoreCuts((("a", 0.25),), 0.5)),
     ("none", f"{{{ScoreCuts((('a', 0.25),), 0.5).digest()}}}")),
])
def test_values_and_texts(name, value, values, texts):
    axis = parse_axis(name, value)
    assert (axis.values, axis.texts) == (values, texts)


def test_a_range_of_scores_holds_the_decimals_as_written():
    """A detection scored 0.15 passes the cut 0.15, which steps in binary would miss."""
    axis = parse_axis("min_score", ".05:.95:.05")
    assert axis.values == tuple(float(f"0.{hundredths:02}") for hundredths in range(5, 100, 5))
    assert axis.values != parse_numbers(".05:.95:.05")
    assert parse_axis("nms", "0:1:.1").values == tuple(tenths / 10 for tenths in range(11))


def test_a_range_of_thresholds_holds_those_of_coco():
    assert parse_axis("iou", ".5:.95:.05").values == tuple((threshold,) for threshold in COCO_IOU)
    assert parse_axis("iou", ".5:.95:.05").texts[8] == "0.8999999999999999"


@pytest.mark.parametrize(("name", "value", "message"), [
    ("iou", [], "iou: an axis needs at least one value"),
    ("iou", None, "iou: None is not a setting; leave it out, or write the default"),
    ("iou", [[]], "iou: [] is not a setting; leave it out, or write the default"),
    ("iou", [0.5, ".5"], "iou: .5 is given twice"),
    ("iou", [".3,.5", [0.5, 0.3]], "iou: .3,.5 is given twice"),
    ("iou", ".5:.9:.3", "iou: '.5:.9:.3': the step does not divide the range; did you mean '.5:.8:.3'?"),
    ("min_score", "0.05:1:.1", ("min_score: '0.05:1:.1': the step does not divide the range; did you mean "
                                "'.05:.95:.1'?")),
    ("max_dets", "1:100:10", "max_dets: '1:100:10': the step does not divide the range; did you mean '1:91:10'?"),
    ("nms", ".5:.6:.2", "nms: '.5:.6:.2': the step does not divide the range; it is larger"),
    ("iou", [True], "iou: True is neither text nor a number"),
    ("min_score", [".1:.9:.1"], ("min_score: '.1:.9:.1' within a list is one setting, and min_score is a single "
                                 "number; a range of points stands by itself")),
    ("min_score", [[0.1]], "min_score: [0.1] is not a finite number"),
    ("min_score", ["x"], "min_score: 'x' is not a finite number"),
    ("min_score", True, "min_score: True is not a finite number"),
    ("min_score", [None, "none"], "min_score: none is given twice"),
    ("min_score", "0:1:.000001", "min_score: 1,000,001 values are more than the 100,000 an axis may have"),
    ("nms", 1.5, "nms: 1.5 is not an IoU from 0 to 1"),
    ("max_dets", "1:2:.5", "max_dets: '1:2:.5': caps are whole numbers"),
    ("max_dets", ["1:3:1"], ("max_dets: '1:3:1' within a list is one setting, and caps are written out, as "
                             "'1,10,100'; a range of points stands by itself")),
    ("max_dets", [0], "max_dets: 0 is not a whole number of at least 1"),
    ("max_dets", [True], "max_dets: True is neither text nor a number"),
    ("area", ["smal"], "area: 'smal' is neither coco, all, small, medium, large nor name:lo-hi; did you mean 'small'?"),
    ("area", [["all", "all"]], "area: 'all' is given twice"),
    ("similarity", ["gio"], "similarity: 'gio' is not one of iou, giou, diou, ciou; did you mean 'giou'?"),
    ("class_agnostic", "true", "class_agnostic: 'true' must be true or false"),
    ("classes", {"a": 1}, "classes: {'a': 1} is not a list of names, ids or globs"),
    ("box_format", ["xywh"], "box_format: says how files are read and cannot be an axis; put it under settings"),
    ("images", ["a.json"], "images: says which images are scored and cannot be an axis; put it under settings"),
    ("min_scor", 0.5, "min_scor: is not a setting that can be swept; did you mean 'min_score'?"),
])
def test_what_is_refused(name, value, message):
    with pytest.raises(DetevalError) as refused:
        parse_axis(name, value)
    assert (str(refused.value), refused.value.exit_code) == (message, 2)


def test_paths_are_relative_to_the_folder(tmp_path):
    (tmp_path / "points.yaml").write_text("default: .5\nclasses: {a: .25}\n")
    axis = parse_axis("operating_points", ["points.yaml", None], tmp_path)
    assert axis.texts == (str(tmp_path / "points.yaml"), "none")
    assert axis.plain == (str(tmp_path / "points.yaml"), None)


def test_values_are_found_on_their_axis():
    assert find_positions(parse_axis("iou", ".5:.95:.05"), [0.9, 0.5]) == (0, 8)
    assert find_positions(parse_axis("min_score", [None, 0.3, 0.1]), [0.1, None]) == (0, 2)
    assert find_positions(parse_axis("area", ["all", "small,all"]), ["small,all"]) == (1,)
    with pytest.raises(DetevalError, match=r"^iou: \.7 is not a value of this axis; it has \.5, \.6$"):
        find_positions(parse_axis("iou", [0.5, 0.6]), 0.7)


@pytest.mark.parametrize(("name", "value", "ascending"), [
    ("min_score", [0.5, None, 0.1], (1, 2, 0)), ("nms", [None, 0.5, 0.7], (1, 2, 0)), ("max_dets", [100, 1], (1, 0)),
    ("iou", [0.5, 0.3], (1, 0)), ("iou", [0.5, ".5,.6"], None), ("area", ["all", "small"], None),
    ("similarity", ["iou", "giou"], None),
])
def test_axes_of_numbers_have_an_order(name, value, ascending):
    assert parse_axis(name, value).ascending == ascending
