"""`deteval sweep`: the plan, the points in every format, the best ones in words."""

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest
from sweep_data import GRID, MODELS, SAMPLE

import deteval
from deteval.records.findings import CATALOGUE
from deteval.reports.sweep_json import render_sweep

SCHEMA = json.loads((Path(deteval.__file__).parent / "sweep.schema.json").read_text())
EMPTY = ("warning: 1 image with ground truth and without detections, as image 18: did the model run on all of them? "
         "[images-without-detections]\n")


def table(text):
    """The rows of the table as cells."""
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("model "))
    return [line.split() for line in [*lines, ""][first : [*lines, ""].index("", first)]]


def test_the_report(sweep):
    outcome = sweep(GRID.replace("[null, .3, .5]", "[.3, .5]").replace("[null, .5]", ".5"))
    assert (outcome.code, outcome.err) == (0, EMPTY)
    assert outcome.out == """\
deteval|bbox|sim:iou|thr:*|area:all|max:1,10,100|min-score:*|nms:0.5|v:0.1.0
ground truth 59f4c2ba2f0c7d3c

model  iou         min_score  nms      AP      F1
old    .5          0.3        0.5  0.7843  0.7387
old    .5          0.5        0.5  0.6953  0.7842
old    .5:.95:.05  0.3        0.5  0.4876  0.5023
old    .5:.95:.05  0.5        0.5  0.4316  0.5298
new    .5          0.3        0.5  0.7728  0.7317
new    .5          0.5        0.5  0.6880  0.7796
new    .5:.95:.05  0.3        0.5  0.4709  0.4921
new    .5:.95:.05  0.5        0.5  0.4193  0.5240

old: F1 0.7842 at iou .5, min_score 0.5; one step away loses more than 1 %
old: the best point lies at the end of an axis; a higher min_score may be better still
new: F1 0.7796 at iou .5, min_score 0.5; one step away loses more than 1 %
new: the best point lies at the end of an axis; a higher min_score may be better still
"""


def test_a_point_is_a_score_run(sweep, deteval_run):
    of_csv = list(csv.DictReader(io.StringIO(sweep(GRID, "--format", "csv").out)))
    assert len(of_csv) == 2 * 2 * 3 * 2
    for row in of_csv[:: 5]:
        model = {"old": "preds.json", "new": "preds_new.json"}[row["model"]]
        options = [f"--{name.replace('_', '-')}={row[name]}" for name in ("iou", "min_score", "nms")]
        score = deteval_run("score", SAMPLE / model, SAMPLE / "gt.json", "--area", "all", *options, "--metrics",
                            "AP,F1", "--format", "json")
        assert {name: float(row[name]) for name in ("AP", "F1")} == json.loads(score.out)["metrics"]


def test_json_is_the_record_with_a_line_per_point():
    truth = deteval.load_ground_truth(SAMPLE / "gt.json")
    found = deteval.load_detections(SAMPLE / "preds.json", truth)
    plan = deteval.plan_sweep({"nms": [None, 0.5], "area": ["all", "tiny:0-1"]}, "AP,F1")
    result = deteval.sweep(truth, {'"points": [],': found}, plan)
    text = render_sweep(result)
    assert json.loads(text) == result.to_dict()
    assert len([line for line in text.splitlines() if line.startswith('    {"model": ')]) == 4


def test_formats_agree(sweep):
    of_csv = list(csv.reader(io.StringIO(sweep(GRID, "--format", "csv").out)))
    document = json.loads(sweep(GRID, "--format", "json").out)
    jsonschema.validate(document, SCHEMA)
    assert [list(row) for row in document["points"]] == [of_csv[0]] * (len(of_csv) - 1)
    spelled = [["none" if value is None else str(value) for value in row.values()] for row in document["points"]]
    assert spelled == of_csv[1:]
    rounded = [[*row[:4], *(f"{float(value):.2f}" for value in row[4:])] for row in of_csv[1:]]
    assert table(sweep(GRID, "--digits", 2).out) == [of_csv[0], *rounded]
    markdown = sweep(GRID, "--digits", 2, "--format", "markdown").out.replace("**", "").replace("\\", "")
    assert [line.strip("| ").split(" | ") for line in markdown.splitlines() if line.startswith("| ")] == [
        of_csv[0], ["---"] * 6, *rounded]


def test_json_says_what_is_best(sweep):
    document = json.loads(sweep(GRID, "--format", "json").out)
    values = {(row["model"], row["iou"], row["min_score"], row["nms"]): row["F1"] for row in document["points"]}
    assert document["objective"] == {"metric": "F1", "where": {"iou": [".5"]}, "min": {}}
    assert document["matches"] == 2
    for best in document["best"]:
        allowed = {key: value for key, value in values.items() if key[:2] == (best["model"], ".5")}
        assert best["value"] == max(allowed.values())
        assert allowed[best["model"], *best["settings"].values()] == best["value"]
    assert [best["model"] for best in document["best"]] == ["old", "new"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"points": []}, SCHEMA)


def test_where_the_words_are_not_in_the_report_they_are_on_stderr(sweep, tmp_path):
    words = sweep(GRID).out.split("\n\n")[-1]
    assert words.startswith("old: F1 0.7842 at ")
    assert sweep(GRID, "--format", "csv").err == words + EMPTY
    assert sweep(GRID, "-o", tmp_path / "out.txt").err == f"wrote {tmp_path / 'out.txt'}\n{words}{EMPTY}"
    assert sweep(GRID, "--format", "json", "-q").err == ""


def test_reading_options_and_notes_are_in_the_json(sweep):
    outcome = sweep("settings: {category_map: +1, lenient: true}\nsweep: {nms: [.5]}\n", "--format", "json")
    document = json.loads(outcome.out)
    assert document["settings"]["category_map"] == 1
    codes = {one["code"] for one in document["findings"]}
    assert codes >= {"category-map", "unknown-category"}
    assert all((f"[{code}]" in outcome.err) == (CATALOGUE[code].severity != "note") for code in codes)


def test_the_best_point_stands_out(sweep):
    markdown = sweep(GRID, "--format", "markdown").out
    lines = markdown.splitlines()
    assert lines[0].startswith("- old: F1 0.7842 at iou .5, min\\_score 0.5, nms 0.5; within 1 %: nms 0.5 to none")
    assert [line for line in lines if "**" in line] == [
        "| **old** | **.5** | **0.5** | **0.5** | **0.6953** | **0.7842** |",
        "| **new** | **.5** | **0.5** | **0.5** | **0.6880** | **0.7796** |"]
    assert markdown.count("\n| ") == 2 + 24


def test_undefined_points_say_why(sweep):
    outcome = sweep('sweep: {area: [all, "vast:1e9-1e10"]}\nmetrics: [AP]\nobjective: {metric: F1, where: {area: '
                    '"vast:1e9-1e10"}}')
    assert outcome.code == 0
    assert ["old", "vast:1000000000-10000000000.0", "n/a", "n/a"] in table(outcome.out)
    assert outcome.out.endswith("""
old: F1 is undefined at every point that the objective allows
new: F1 is undefined at every point that the objective allows
AP is undefined at 2 of 4 points: no class has ground truth that counts in area range vast
F1 is undefined at 2 of 4 points: no class has ground truth that counts in area range vast
""")
    outcome = sweep('sweep: {area: ["vast:1e9-1e10"]}\nmetrics: [AP]\n', "-o", "never.txt")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == ("deteval: every metric is undefined at every point: no class has ground truth that counts "
                           "in area range vast [nothing-evaluable]\n")
    assert not Path("never.txt").exists()


def test_axes_that_change_the_question_are_pointed_out(sweep):
    words = sweep("sweep: {similarity: [iou, giou], iou: [.5, .75], max_dets: [1, 10]}\nobjective: F1").out
    assert ("similarity and iou change what F1 means, so that the best point may be just the easiest to score; hold "
            "them with where:, as where: {similarity: iou}\n") in words
    assert "change what" not in sweep(GRID).out


def test_options_take_the_place_of_settings_and_axes(sweep):
    outcome = sweep(GRID, "--iou", ".5,.75", "--max-dets", 5, "--min-score", ".4", "--metrics", "AR", "--gt",
                    SAMPLE / "gt.json")
    assert outcome.code == 2
    assert "where: iou: .5 is not a value of this axis" in outcome.err
    text = GRID.replace(", where: {iou: .5}", "").replace("{area: all}", "{area: all, max_dets: 300}")
    outcome = sweep(text, "--iou", ".5,.75", "--max-dets", 5, "--min-score", ".4",
                    "--metrics", "AR", "--format", "json")
    document = json.loads(outcome.out)
    assert [axis["values"] for axis in document["axes"]] == [[".5,.75"], [0.4], [None, 0.5]]
    assert document["settings"]["max_dets"] == [5]
    assert document["metrics"] == ["AR", "F1"], "the objective is measured, too"
    assert len(document["points"]) == 4
    cells = table(sweep("sweep: {area: [all, small]}", "--area", "all", "--area", "tiny:0-256").out)
    assert cells[1][:2] == ["old", "all,tiny:0-256"]


def test_the_yaml_says_how_to_report(sweep):
    text = GRID + "format: csv\ndigits: 2\nthreads: 1\n"
    assert sweep(text).out.startswith("model,iou,min_score,nms,AP,F1\nold,.5,none,none,0.7867948019433458,")
    assert "old    .5          none       none  0.79" in sweep(text, "--format", "table").out


def test_paths_are_relative_to_the_yaml(sweep, tmp_path, deteval_run):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gt.json").write_text((SAMPLE / "gt.json").read_text())
    records = json.loads((SAMPLE / "preds.json").read_text())
    parts = [[one for one in records if one["image_id"] % 2 == odd] for odd in (0, 1)]
    for place, part in enumerate(parts):
        (tmp_path / f"part{place}.json").write_text(json.dumps(part))
    (tmp_path / "ids.txt").write_text("1\n2\n3\n")
    (tmp_path / "cuts.yaml").write_text("version: 1\nclasses: {person: 0.9}\ndefault: 0.4\n")
    models = "ground_truth: data/gt.json\npredictions: {whole: [part0.json, part1.json]}\n"
    outcome = sweep("settings: {images: ids.txt}\nsweep: {operating_points: [none, cuts.yaml]}\n", "--format", "json",
                    models=models)
    document = json.loads(outcome.out)
    assert document["inputs"][-1]["path"] == str(tmp_path / "data" / "gt.json")
    assert [row["operating_points"] for row in document["points"]] == [None, str(tmp_path / "cuts.yaml")]
    assert document["points"][0]["AP"] > document["points"][1]["AP"] > 0
    same = sweep("sweep: {operating_points: [none, cuts.yaml]}\n", "--format", "json", "--images",
                 tmp_path / "ids.txt", models=models)
    assert json.loads(same.out)["points"] == document["points"]
    score = json.loads(deteval_run("score", SAMPLE / "preds.json", SAMPLE / "gt.json", "--images", tmp_path / "ids.txt",
                                   "--operating-points", tmp_path / "cuts.yaml", "--format", "json").out)
    assert (document["points"][1]["AP"], document["fingerprint"]) == (score["metrics"]["AP"], score["fingerprint"])


PLAN = """\
iou        2 values, cut from the same match: no extra match
min_score  3 values, cut from the same match: no extra match
nms        2 values, 2 matches
models     old, new
metrics    AP, F1
objective  F1 where iou .5
points     24: 12 for each of 2 models
matches    4: 2 for each of 2 models
"""


def test_the_plan_is_what_is_done(sweep, monkeypatch):
    import deteval.studies.sweep as study

    done, match = [], study.match
    monkeypatch.setattr(study, "match", lambda *args, **options: done.append(1) or match(*args, **options))
    assert sweep(GRID, "--dry-run").out == PLAN
    assert done == []
    sweep(GRID)
    assert len(done) == 4
    assert sweep("sweep: {nms: .5}", "--dry-run", models=MODELS.partition("predictions")[0]
                 + f"predictions: {SAMPLE / 'preds.json'}\n").out.endswith("points   1\nmatches  1\n")


def test_findings_name_the_models_that_have_them(sweep, tmp_path):
    records = json.loads((SAMPLE / "preds.json").read_text())
    (tmp_path / "part.json").write_text(json.dumps([one for one in records if one["image_id"] > 2]))
    models = MODELS.replace(f"new: {SAMPLE / 'preds_new.json'}", "new: part.json")
    outcome = sweep("sweep: {nms: .5}", models=models)
    assert outcome.err.splitlines() == [
        f"warning: {words}: did the model run on all of them? [images-without-detections]" for words in (
            "old: 1 image with ground truth and without detections, as image 18",
            "new: 3 images with ground truth and without detections, as image 1")]
    document = json.loads(sweep("sweep: {nms: .5}", "--format", "json", models=models).out)
    jsonschema.validate(document, SCHEMA)
    assert [(one["code"], one["models"]) for one in document["findings"]] == [
        ("images-without-detections", ["old"]), ("images-without-detections", ["new"])]


def test_a_minimum_joins_the_metrics(sweep):
    text = GRID.replace("[AP, F1]", "AP").replace("metric: F1", "metric: recall, min: {precision: .8}")
    assert "objective  recall with precision of at least 0.8 where iou .5\n" in sweep(text, "--dry-run").out
    document = json.loads(sweep(text, "--format", "json").out)
    jsonschema.validate(document, SCHEMA)
    assert document["metrics"] == ["AP", "recall", "precision"]
    assert document["objective"]["min"] == {"precision": 0.8}
    for best in document["best"]:
        rows = [row for row in document["points"] if row["model"] == best["model"] and row["iou"] == ".5"]
        assert best["value"] == max(row["recall"] for row in rows if row["precision"] >= 0.8)
    document = json.loads(sweep(text.replace(".8}", ".9}"), "--format", "json").out)
    jsonschema.validate(document, SCHEMA)
    assert document["best"] == []
    assert [(one["model"], one["reason"]) for one in document["without_best"]] == [
        ("old", "below-minimum"), ("new", "below-minimum")]
    assert "**" not in sweep(text.replace(".8}", ".9}"), "--format", "markdown").out


def test_findings_come_once_on_stderr(sweep, tmp_path):
    (tmp_path / "empty.json").write_text("[]")
    models = f"ground_truth: {SAMPLE / 'gt.json'}\npredictions: {{none: empty.json, also none: empty.json}}\n"
    outcome = sweep("sweep: {nms: [none, .5]}\nmetrics: [AP]", "-o", tmp_path / "out.csv", "--format", "csv",
                    models=models)
    assert outcome.code == 0
    assert outcome.err.count("[empty-predictions]") == 1
    assert outcome.err.startswith(f"wrote {tmp_path / 'out.csv'}\n")
    assert (tmp_path / "out.csv").read_text() == "model,nms,AP\n" + "".join(
        f"{name},{nms},0.0\n" for name in ("none", "also none") for nms in ("none", "0.5"))


def test_an_axis_takes_the_place_of_a_setting_and_says_so(sweep):
    plain = sweep("settings: {area: all}\nsweep: {max_dets: [1, 300]}\n", "--format", "csv")
    both = sweep("settings: {area: all, max_dets: [7]}\nsweep: {max_dets: [1, 300]}\n", "--format", "csv")
    assert both.code == 0
    assert both.out == plain.out
    note = "note: max_dets: the axis takes the place of the setting of that name\n"
    assert note in both.err
    assert note not in plain.err
    assert note not in sweep("settings: {max_dets: [7]}\nsweep: {max_dets: [1, 300]}\n", "-q").err
