"""The YAML of `deteval operating-points`: read back it keeps what the report says, whatever classes are called."""

import json
import re

import pytest
from datasets import random_dataset
from test_operating_cli import COUNTS, GT, PREDS, document, written

import deteval
from deteval.loading.operating_points_file import read_operating_points
from deteval.records.criterion import Criterion
from deteval.reports.layout import Look
from deteval.reports.operating_yaml import quoted, render_yaml
from deteval.studies.operating_points import operating_points


@pytest.mark.parametrize("options", [(), ("--beta", "0.5"), ("--target", "precision=0.9"), ("--target", "recall=.7"),
                                     ("--lrp",), ("--lrp", "--iou", ".75")], ids=" ".join)
def test_yaml_scores_the_same_counts(points, deteval_run, tmp_path, options):
    found = document(points(*options, "--format", "json"))
    assert points(*options, "--format", "yaml", "-o", tmp_path / "points.yaml").code == 0
    iou = options[options.index("--iou") + 1] if "--iou" in options else ".5"
    scored = deteval_run("score", PREDS, GT, "--iou", iou, "--operating-points", tmp_path / "points.yaml", "--format",
                         "json")
    assert scored.code == 0, scored.err
    scores = json.loads(scored.out)
    for mine, theirs in zip(found["classes"], scores["classes"], strict=True):
        assert [mine[name] for name in COUNTS] == [theirs[name] for name in COUNTS]
    assert [found["own_cuts"][name] for name in COUNTS] == [scores["totals"][name] for name in COUNTS]
    cuts = read_operating_points(tmp_path / "points.yaml")
    assert dict(cuts.classes) == {one["name"]: one["threshold"] for one in found["classes"]}
    assert cuts.default == found["one_cut"]["threshold"]


def test_yaml_round_trip_on_awkward_data(tmp_path):
    """Counts of awkward data scored again at the cuts, classes without ground truth included."""
    done, dropped = 0, 0
    for seed in range(60):
        data = random_dataset(seed)
        gt = deteval.load_ground_truth(data.ground_truth)
        dt = deteval.load_detections(data.detections, gt)
        params = deteval.Params(iou=0.5, area_source="field", class_agnostic=data.settings["class_agnostic"])
        found = operating_points(deteval.make_run(gt, dt, params))
        if not found.n_gt:
            continue
        dropped += any(one.threshold is None and one.n_gt for one in found.classes)
        (tmp_path / "points.yaml").write_text(render_yaml(found, Look()), "utf-8")
        cuts = read_operating_points(tmp_path / "points.yaml")
        assert cuts == found.score_cuts
        scores = deteval.evaluate(gt, dt, deteval.Params(iou=0.5, class_agnostic=params.class_agnostic,
                                                         operating_points=cuts))
        for mine, theirs in zip(found.classes, scores.classes, strict=True):
            assert [getattr(mine.counts, name) for name in COUNTS] == [getattr(theirs, name) for name in COUNTS]
        done += 1
    assert done > 30
    assert dropped > 10


NAMES = ["no", "1", "a: b", "#", "'", '"', "\\", "default", "null", "e\u0301 \u4eba", "\U0001f600", "line\nbreak",
         "\u2028", "\ufeff", "\x1b[2J", "\x85", "~", "- a", "{", "\ud800", "", " ", "1:10:1", "trailing "]


def test_any_class_name_survives_the_yaml(tmp_path):
    lines = "".join(f"  {quoted(name)}: {0.25 + i}\n" for i, name in enumerate(NAMES))
    (tmp_path / "points.yaml").write_text(f"version: 1\ndefault: 0.5\nclasses:\n{lines}", "utf-8")
    cuts = read_operating_points(tmp_path / "points.yaml")
    assert dict(cuts.classes) == {name: 0.25 + i for i, name in enumerate(NAMES)}
    assert quoted("a\nb").isprintable()


def test_a_recall_that_is_not_reached_is_null_with_its_reason(points, deteval_run, sample_run, tmp_path):
    outcome = points("--target", "recall=0.95", "--format", "yaml", "-o", tmp_path / "points.yaml")
    assert outcome.code == 0
    text = (tmp_path / "points.yaml").read_text()
    assert '  "person": null  # recall 0.95 is not reached: at most 0.8025, with every detection kept\n' in text
    assert "No cut for person: recall 0.95 is not reached: at most 0.8025, with every detection kept.\n" in outcome.err
    scored = deteval_run("score", PREDS, GT, "--operating-points", tmp_path / "points.yaml")
    line = 1 + text[: text.index('"person"')].count("\n")
    assert (scored.code, scored.out) == (2, "")
    assert scored.err.startswith(f"deteval: {tmp_path}/points.yaml:{line}: class 'person' has no score cut: write a ")
    quiet = points("--target", "recall=0.95", "--format", "yaml", "-q")
    assert quiet.out == text
    assert quiet.err == ("In the file as null, to be decided by a person before it can be used: 'person', 'bicycle', "
                         "'car', 'traffic light', 'dog', the default.\n")
    with pytest.raises(deteval.DetevalError, match=r"score_cuts: recall=0.95 is not reached by person, bicycle, car, "):
        _ = operating_points(sample_run, Criterion("recall", target=0.95)).score_cuts


def test_a_precision_that_is_not_reached_drops_the_class(deteval_run, tmp_path):
    """In the file as in the report: nothing of it is kept."""
    records = json.loads(PREDS.read_text())
    records += [{**records[0], "category_id": category, "bbox": [1e4, 1e4, 9, 9], "score": 0.999}
                for category in (3, 6)]
    (tmp_path / "preds.json").write_text(json.dumps(records))

    def points(*arguments):
        return deteval_run("operating-points", tmp_path / "preds.json", GT, *arguments)

    options = ("--target", "precision=1")
    found = document(points(*options, "--format", "json"))
    text, outcome = written(points, tmp_path, *options)
    names = [one["name"] for one in found["classes"] if one["threshold"] is None]
    assert names == ["car", "dog"]
    assert text.count("\ndefault: drop  # ") == 1
    for one in found["classes"]:
        if one["threshold"] is None:
            assert f'  "{one["name"]}": drop  # {one["reason"]}\n' in text
    assert f"In the file as drop, nothing of it is kept: {', '.join(map(repr, names))}" in outcome.err
    scored = deteval_run("score", tmp_path / "preds.json", GT, "--iou", ".5", "--operating-points",
                         tmp_path / "points.yaml", "--format", "json")
    assert scored.code == 0, scored.err
    scores = json.loads(scored.out)
    for mine, theirs in zip(found["classes"], scores["classes"], strict=True):
        assert [mine[name] for name in COUNTS] == [theirs[name] for name in COUNTS]


def test_yaml_of_one_cut_for_all(points, deteval_run, tmp_path):
    found = document(points("--format", "json"))
    text, _ = written(points, tmp_path, "--cuts", "one")
    assert text.endswith("\nclasses: {}\n")
    cuts = read_operating_points(tmp_path / "points.yaml")
    assert (cuts.classes, cuts.default) == ((), found["one_cut"]["threshold"])
    scored = json.loads(deteval_run("score", PREDS, GT, "--iou", ".5", "--operating-points", tmp_path / "points.yaml",
                                    "--format", "json").out)
    assert [found["one_cut"][name] for name in COUNTS] == [scored["totals"][name] for name in COUNTS]
    gt = deteval.load_ground_truth(GT)
    assert operating_points(deteval.make_run(gt, deteval.load_detections(PREDS, gt))).one_score_cut == cuts


@pytest.mark.parametrize("cuts", ["own", "one"])
def test_earlier_cuts_are_carried_over(points, deteval_run, tmp_path, cuts):
    """Cuts chosen above others: together they keep what the report counts, in classes without ground truth, too."""
    truth = json.loads(GT.read_text())
    truth["annotations"] = [one for one in truth["annotations"] if one["category_id"] != 6]
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "before.yaml").write_text("default: .2\nclasses: {dog: .8, person: .7, '3': drop}\n")
    given = ("operating-points", PREDS, tmp_path / "gt.json", "--operating-points", tmp_path / "before.yaml")
    found = document(deteval_run(*given, "--format", "json"))
    assert "above earlier cuts per class" in deteval_run(*given).out
    outcome = deteval_run(*given, "--format", "yaml", "--cuts", cuts, "-o", tmp_path / "points.yaml")
    assert outcome.code == 0, outcome.err
    scored = deteval_run("score", PREDS, tmp_path / "gt.json", "--iou", ".5", "--operating-points",
                         tmp_path / "points.yaml", "--format", "json")
    totals = json.loads(scored.out)["totals"]
    assert [found[f"{cuts}_cut" + "s" * (cuts == "own")][name] for name in COUNTS] == [totals[name] for name in COUNTS]
    assert dict(read_operating_points(tmp_path / "points.yaml").classes)["dog"] == 0.8
    refused = deteval_run(*given, "--class-agnostic", "--format", "yaml")
    assert (refused.code, refused.out) == (2, "")
    assert "YAML holds one cut for all classes here" in refused.err


def test_a_very_long_name_survives_the_yaml(tmp_path):
    truth, name = json.loads(GT.read_text()), "x" * 5000
    truth["categories"][0]["name"] = name
    gt = deteval.load_ground_truth(truth)
    found = operating_points(deteval.make_run(gt, deteval.load_detections(PREDS, gt)))
    (tmp_path / "points.yaml").write_text(render_yaml(found, Look()), "utf-8")
    assert dict(read_operating_points(tmp_path / "points.yaml").classes)[name] == found.classes[0].threshold


def test_yaml_says_what_cuts_are_worth_elsewhere_and_one_cut_speaks_of_itself(points):
    own = points("--target", "recall=0.8", "--format", "yaml", "--ci", "--replicates", "200")
    assert "No cut for traffic light" in own.err
    assert own.out.count("recall elsewhere 0.") == 0, "nothing of it is known: cuts in too few replicates"
    one = points("--target", "recall=0.8", "--format", "yaml", "--cuts", "one")
    assert "No cut for" not in one.err
    of_f1 = points("--format", "yaml", "--ci", "--replicates", "200", "--cuts", "one").out
    line = next(line for line in of_f1.splitlines() if line.startswith("default:"))
    assert re.fullmatch(r"default: 0\.43736  # one cut for all classes: .*, F1 0\.7978, F1 elsewhere 0\.7\d+", line)
