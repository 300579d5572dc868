"""The YAML of a sweep: what it may hold, paths relative to it, and every refusal by line and word."""

import pytest

from deteval.errors import DetevalError
from deteval.loading.sweep_file import allowed_positions, read_sweep

WHOLE = """\
version: 1
ground_truth: data/gt.json
predictions:
  small: a.json
  7: [b1.json, ../b2.json]
settings: {area_source: box, category_map: map.yaml, images: listed.txt}
sweep:
  similarity: [iou, giou]
  iou: [.5, .75, ".5:.95:.05"]
  min_score: ".05:.95:.05"
  max_dets: [1, 10, 100, 300]
  nms: [null, .5, .7]
  area: [all, small]
metrics: [AP, "AP@.3,.5", AR, AP, F1]
objective: {metric: F1, where: {iou: .5, area: all, min_score: ".2:.4:.1"}, min: {precision: .9, "AP@.5": 0}}
threads: 2
format: csv
digits: 3
"""


@pytest.fixture
def read(tmp_path):
    """Reads a text as the YAML of a sweep."""

    def run(text):
        (tmp_path / "map.yaml").write_text("1: 2\n")
        (tmp_path / "sweep.yaml").write_text(text)
        return read_sweep(tmp_path / "sweep.yaml")

    return run


def test_the_whole_file(read, tmp_path):
    config = read(WHOLE)
    assert config.ground_truth == str(tmp_path / "data" / "gt.json"), "paths are relative to the file"
    assert config.predictions == {"small": (str(tmp_path / "a.json"),),
                                  "7": (str(tmp_path / "b1.json"), str(tmp_path / ".." / "b2.json"))}
    assert config.places[str(tmp_path / "a.json")] == f"{tmp_path / 'sweep.yaml'}:4"
    assert config.settings == {"area_source": "box", "category_map": str(tmp_path / "map.yaml"),
                               "images": str(tmp_path / "listed.txt")}
    assert {name: axis.texts for name, axis in config.axes.items()} == {
        "similarity": ("iou", "giou"), "iou": (".5", ".75", ".5:.95:.05"),
        "min_score": tuple(f"0.{score:02}".rstrip("0") for score in range(5, 100, 5)),
        "max_dets": ("1", "10", "100", "300"), "nms": ("none", "0.5", "0.7"), "area": ("all", "small")}
    assert list(map(str, config.metrics)) == ["AP", "AP@.3,.5", "AR", "F1"]
    assert str(config.objective) == "F1"
    assert [(str(metric), least) for metric, least in config.minimum] == [("precision", 0.9), ("AP@.5", 0.0)]
    assert allowed_positions(config, config.axes) == (("iou", (0,)), ("area", (0,)), ("min_score", (3, 5, 7)))
    assert config.running == {"threads": 2, "format": "csv", "digits": 3}


def test_the_least_there_can_be(read, tmp_path):
    config = read("predictions: runs/a.json\nsweep: {nms: .5}\nobjective: AP\n")
    assert config.predictions == {"runs/a.json": (str(tmp_path / "runs" / "a.json"),)}
    assert (config.ground_truth, config.metrics, config.where) == (None, (), {})
    assert str(config.objective) == "AP"


def test_stdin_is_no_file_beside_the_yaml(read):
    assert read("predictions: {a: -}\nsweep: {nms: .5}\n").predictions == {"a": ("-",)}


def test_settings_are_judged_by_the_similarity_that_is_swept(read):
    read("predictions: a\nsettings: {iou: -.5}\nsweep: {similarity: [giou, diou]}\n")
    with pytest.raises(DetevalError, match=r"sweep.yaml:2: iou: -0.5 is outside \(0, 1\], the range of iou$"):
        read("predictions: a\nsettings: {iou: -.5}\nsweep: {similarity: [iou, diou]}\n")


def test_score_cuts_of_an_axis_are_beside_the_file(read, tmp_path):
    (tmp_path / "cuts.yaml").write_text("version: 1\nclasses: {person: 0.4}\ndefault: 0.3\n")
    config = read("predictions: a\nsweep: {operating_points: [none, cuts.yaml]}\n"
                  "objective: {metric: AP, where: {operating_points: cuts.yaml}}\n")
    assert config.axes["operating_points"].texts == ("none", str(tmp_path / "cuts.yaml"))
    assert allowed_positions(config, config.axes) == (("operating_points", (1,)),)


NO_VALUE = "has no value; give one, a list, or a quoted range such as \".1:.9:.1\""
REST = "predictions: a.json\nsweep: {nms: [.5, .7]}\n"
AXES = "write one or more, as sweep: {min_score: \".05:.95:.05\", nms: [null, .5]}"


@pytest.mark.parametrize("text, line, problem", [
    ("sweeep: {}", 1, "unknown key 'sweeep'; did you mean 'sweep'?"),
    ("[1]", 1, ("a mapping with keys version, ground_truth, predictions, settings, sweep, metrics, objective, threads, "
                "format, digits is needed")),
    ("version: 2\n" + REST, 1, "version 2 is not known; this deteval reads version 1"),
    (REST + "ground_truth: [a]", 3, "ground_truth: ['a'] is not a path"),
    ("", 1, ("there is nothing to sweep over; name a file or several models, as predictions: {small: a.json, large: "
             "b.json}")),
    ("predictions: [a.json, b.json]\nsweep: {nms: .5}", 1, (
        "predictions: a list does not tell models from shards; name the models, as {small: a.json, large: b.json}; "
        "shards of one model are a list under its name, as {large: [part1.json, part2.json]}")),
    ("predictions:\n  a: 1\nsweep: {nms: .5}", 2, "predictions: 1 is not a path"),
    ("predictions:\n  a: x\n  b: []\nsweep: {nms: .5}", 3, "predictions: b: names no file"),
    ("predictions:\n  a: x\n  \"\": z\nsweep: {nms: .5}", 3, "predictions: a model without a name; give it one"),
    ("predictions:\n  a:\n  - x\n  - x\nsweep: {nms: .5}", 4, "predictions: a: 'x' is named twice"),
    ("predictions:\n  a: x\n  a: y\nsweep: {nms: .5}", 3, "the key 'a' stands here for the second time"),
    ("predictions:\n  7: x\n  \"7\": z\nsweep: {nms: .5}", 3, ("predictions: the name '7' stands here for the second "
                                                             "time")),
    ("predictions: a\nsweep:\n", 2, f"there is no axis; {AXES}"),
    ("predictions: a\n", 1, f"there is no axis; {AXES}"),
    ("predictions: a\nsweep: [iou]\n", 2, "sweep: axes by name are needed, as " + AXES.partition("as ")[2]),
    ("predictions: a\nsweep:\n  iou: .5\n  nsm: .5\n", 4, ("nsm: is not a setting that can be swept; did you mean "
                                                             "'nms'?")),
    ("predictions: a\nsweep:\n  box_format: [xywh]\n", 3, ("box_format: says how files are read and cannot be an axis; "
                                                         "put it under settings")),
    ("predictions: a\nsweep:\n  iou:\n", 3, f"iou: {NO_VALUE}"),
    ("predictions: a\nsweep:\n  nms: []\n", 3, f"nms: {NO_VALUE}"),
    ("predictions: a\nsweep:\n  nms: [.5, 1.5]\n", 3, "nms: 1.5 is not an IoU from 0 to 1"),
    ("predictions: a\nsweep:\n  nms: [.5, 0.5]\n", 3, "nms: 0.5 is given twice"),
    ("predictions: a\nsweep:\n  similarity: [iou, gio]\n", 3, ("similarity: 'gio' is not one of iou, giou, diou, ciou; "
                                                             "did you mean 'giou'?")),
    ("predictions: a\nsweep:\n  max_dets: 1:10:1\n", 3, ("'1:10:1' may be read as a number in base 60 or 8; put it in "
                                                       "quotes: \"1:10:1\"")),
    ("predictions: a\nsweep:\n  max_dets: [0]\n", 3, "max_dets: 0 is not a whole number of at least 1"),
    ("settings:\n  ioo: .5\n" + REST, 2, "unknown key 'ioo'; did you mean 'iou'?"),
    ("settings:\n  iou: 2\n" + REST, 2, "iou: 2 is outside (0, 1], the range of iou"),
    (REST + "metrics: [AP,\n  AP60]", 4, "metric 'AP60': 'AP60' is not a metric; did you mean 'AP50'?"),
    (REST + "metrics: []", 3, "there is no metric; name some, as [AP, F1], or leave the key out for AP and AR"),
    (REST + "metrics: [AP, 1]", 3, "metrics: 1 is not a metric"),
    (REST + "objective: F2", 3, "metric 'F2': 'F2' is not a metric"),
    (REST + "objective: AP,AR", 3, "objective: 'AP,AR' is not one metric"),
    (REST + "objective: [F1]", 3, "objective: ['F1'] is neither a metric nor {metric: F1, where: {iou: .5}}"),
    (REST + "objective: {where: {nms: .5}}", 3, ("objective: which metric is to be highest? Name it, as {metric: F1, "
                                                "where: {iou: .5}}")),
    (REST + "objective: {metric: F1, were: {}}", 3, "unknown key 'were'; did you mean 'where'?"),
    (REST + "objective:\n  metric: F1\n  min: .9", 5, ("min: 0.9 does not name metrics and their least values, as "
                                                          "{precision: 0.9}")),
    (REST + "objective:\n  metric: F1\n  min:\n    precison: .9", 6,
     "metric 'precison': 'precison' is not a metric; did you mean 'precision'?"),
    (REST + "objective:\n  metric: F1\n  min:\n    AP: .9\n    AR: 90", 7, "min: AR: 90 is not a number from 0 to 1"),
    (REST + "objective: {metric: F1, min: {AP: true}}", 3, "min: AP: True is not a number from 0 to 1"),
    (REST + "objective: {metric: F1, min: {'AP,AR': .5}}", 3, "min: 'AP,AR' is not one metric"),
    (REST + "objective:\n  metric: F1\n  min:\n    F1@.5: .1\n    F1@0.5: .2", 7,
     "min: F1@.5 stands here for the second time"),
    ("settings:\n  images: [1, 2]\n" + REST, 2, "images: [1, 2] is not the path of a list of images"),
    ("predictions: a\nsweep:\n  operating_points: [none, {default: .5}]", 3,
     "operating_points: the values of this axis are files, which tell them apart in the report"),
    ("predictions: a\nsweep:\n  classes: [[\"a,b\"], [a, b]]", 3,
     "classes: a,b would stand for two settings; name one of them by ids"),
    ("predictions:\n  a: x\n  \"a\\e\": z\n", 3, "predictions: the name 'a\\x1b' holds a control character"),
    (REST + "objective: {metric: F1, where: nms}", 3, ("where: names axes and the values allowed, as {iou: .5, area: "
                                                      "all}")),
])
def test_refusals(read, tmp_path, text, line, problem):
    with pytest.raises(DetevalError) as error:
        read(text)
    assert (error.value.exit_code, str(error.value)) == (2, f"{tmp_path / 'sweep.yaml'}:{line}: {problem}")


@pytest.mark.parametrize("where, problem", [
    ("nsm: .5", "where: 'nsm' is not an axis of this sweep; did you mean 'nms'?"),
    ("similarity: iou", "where: 'similarity' is not an axis of this sweep; there are nms"),
    ("nms: [.5, .25]", "where: nms: 0.25 is not a value of this axis; it has 0.5, 0.7"),
    ("nms: [.5, 2]", "where: nms: 2 is not an IoU from 0 to 1"),
])
def test_an_objective_that_matches_no_point(read, tmp_path, where, problem):
    config = read(REST + "objective:\n  metric: F1\n  where:\n    " + where)
    with pytest.raises(DetevalError) as error:
        allowed_positions(config, config.axes)
    assert error.value.exit_code == 2
    assert str(error.value).startswith(f"{tmp_path / 'sweep.yaml'}:6: {problem}")
