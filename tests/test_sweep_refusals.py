"""What `deteval sweep` refuses, and when: before an input is read, or before anything is matched."""

from time import monotonic

import pytest
from sweep_data import GRID, MODELS, SAMPLE


def test_very_many_points_are_confirmed(sweep, tmp_path, monkeypatch):
    text = 'sweep:\n  min_score: "0:1:.0001"\n  nms: [0, .1, .2, .3, .4]\n'
    outcome = sweep(text)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (f"deteval: {tmp_path / 'sweep.yaml'}:3: 100,010 points are more than 100,000, which may be "
                           "a mistake; --dry-run shows what each axis costs, --yes sweeps them all\n")
    assert sweep(text, "--dry-run").out.endswith("           more than 100,000 points: the sweep needs --yes\n")
    monkeypatch.setattr("deteval.cli.sweep_request.MOST_POINTS", 3)
    small = "sweep: {nms: [none, .5]}\nmetrics: AP"
    assert (sweep(small).code, sweep(small, "--yes").code) == (2, 0)


def test_more_points_than_fit_into_memory_are_refused_at_once(sweep, tmp_path):
    text = 'sweep: {min_score: "0:.9999:.0001", nms: "0:.9:.001"}\n'
    for option in ("--yes", "--dry-run"):
        outcome = sweep(text, option)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err == "deteval: 9,010,000 points are more than the 2,000,000 that a sweep may have\n"


def test_a_plan_of_millions_of_points_takes_no_time(sweep):
    start = monotonic()
    outcome = sweep('sweep: {iou: ".1:.9:.001", max_dets: "1:500:1", area: [all, small, "tiny:0-9"]}', "--dry-run")
    assert outcome.out.endswith(" more than 100,000 points: the sweep needs --yes\n")
    assert monotonic() - start < 2, "a second where each of 1,201,500 points is looked at would be forty"


@pytest.mark.parametrize("text, arguments, problem", [
    (GRID, ["--format", "jsn"], "format: 'jsn' is not one of table, json, csv, markdown; did you mean 'json'?"),
    (GRID + "format: coco", [], "{yaml}:10: format: 'coco' is not one of table, json, csv, markdown"),
    (GRID + "digits: 99", [], "{yaml}:10: digits: 99 is not a whole number from 0 to 17"),
    (GRID, ["--iou", "2"], "iou: 2 is outside (0, 1], the range of iou; at the point iou 2"),
    (GRID, ["--nms", "x"], "nms: 'x' is not a finite number"),
    (GRID, ["--metrics", "AP@.75"],
     "metric 'AP@.75': the run has no IoU threshold .75, only .5; at the point iou .5"),
    (GRID.replace("AP,", "AP/max=10,"), ["--max-dets", "5"],
     "{yaml}:8: metric 'AP/max=10': the run has no cap 10, only 5"),
    ("sweep:\n  similarity: [giou, iou]\n  iou:\n  - -.5\n  - .5\n", [],
     "{yaml}:5: iou: -0.5 is outside (0, 1], the range of iou; at the point similarity iou, iou -.5"),
    (GRID + "ground_truth: x", [], "{yaml}:10: the key 'ground_truth' stands here for the second time"),
    (GRID, ["--gt", "nowhere.json"], "nowhere.json: cannot be read: No such file or directory"),
    (GRID, ["--images", "nowhere.txt"], "nowhere.txt: cannot be read: No such file or directory"),
    (GRID, ["-o", "/nowhere/x.csv"], "/nowhere/x.csv: the folder /nowhere does not exist"),
    (GRID, ["--classes", "persn"], ("classes: class 'persn' is not among the 6 of the ground truth; did you mean "
                                    "'person'?")),
    ("sweep:\n  nms: .5\n  classes: [[car, persn]]\n", [],
     "{yaml}:5: classes: class 'persn' is not among the 6 of the ground truth; did you mean 'person'?"),
    ("sweep: {nms: .5}\nmetrics:\n- AP\n- AP/class=cat\n", [],
     "{yaml}:6: metric 'AP/class=cat': class 'cat' is not among the 6 of the ground truth; did you mean 'car'?"),
    ("sweep: {nms: .5}\nobjective:\n  metric: AP\n  min:\n    AR: .5\n    AP/class=cat: .1\n", [],
     "{yaml}:8: metric 'AP/class=cat': class 'cat' is not among the 6 of the ground truth; did you mean 'car'?"),
    ("sweep: {nms: .5}\nobjective:\n  metric: AP\n  min: {AP@.75: .1}\n", ["--iou", ".5"],
     "{yaml}:6: metric 'AP@.75': the run has no IoU threshold .75, only .5"),
    (GRID, ["--gt", "x" * 300], f"{'x' * 300}: cannot be read: File name too long"),
    ("sweep: {nms: .5}\nsettings: {images: \"a\\0\"}\n", [], "{folder}/a\0: cannot be read: embedded null byte"),
])
def test_refusals(sweep, tmp_path, text, arguments, problem):
    yaml = str(tmp_path / "sweep.yaml")
    problem = problem.replace("{folder}", str(tmp_path))
    outcome = sweep(text, *(str(one).replace("{yaml}", yaml) for one in arguments))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"deteval: {problem.replace('{yaml}', yaml)}"), outcome.err


@pytest.mark.parametrize("target", ["sweep.yaml", "gt.json", "shard.json", "ids.txt", "cuts.yaml", "map.yaml"])
def test_no_input_is_overwritten(sweep, tmp_path, target):
    (tmp_path / "gt.json").write_text((SAMPLE / "gt.json").read_text())
    for name, text in (("shard.json", "[]"), ("empty.json", "[]"), ("ids.txt", "1\n"), ("map.yaml", "1: 1\n"),
                       ("cuts.yaml", "classes: {person: 0.5}\ndefault: 0.1\n")):
        (tmp_path / name).write_text(text)
    before = (tmp_path / target).read_text() if target != "sweep.yaml" else None
    text = "settings: {images: ids.txt, category_map: map.yaml}\nsweep: {operating_points: [none, cuts.yaml]}\n"
    models = "ground_truth: gt.json\npredictions: {a: [empty.json, shard.json]}\n"
    outcome = sweep(text, "-o", tmp_path / target, models=models)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"deteval: {tmp_path / target}: is an input too; write the result elsewhere\n"
    assert before in (None, (tmp_path / target).read_text())


@pytest.mark.parametrize("models, problem", [
    ("ground_truth: gt.json\npredictions:\n  a: no.json\n",
     ":3: {folder}/no.json: cannot be read: No such file or directory"),
    ("predictions: {a: gt.json}\n", ":1: there is no ground truth; write ground_truth: FILE, or give --gt FILE"),
    ("ground_truth: gt.json\npredictions:\n  a: run.npz\n", (
        ":3: {folder}/run.npz: is evidence, which was matched under one set of settings; a sweep needs the predictions "
        "to match them anew")),
    ("ground_truth: run.npz\npredictions: {a: gt.json}\n", (
        ":1: {folder}/run.npz: is evidence, which was matched under one set of settings; a sweep needs the ground "
        "truth to match them anew")),
])
def test_inputs_are_looked_for_before_any_is_read(sweep, saved, tmp_path, monkeypatch, models, problem):
    monkeypatch.setattr("deteval.cli.sweep_models.read_pair", lambda *a, **k: pytest.fail("something was read"))
    (tmp_path / "gt.json").write_text("not JSON")
    outcome = sweep("sweep: {nms: .5}\n", models=models)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"deteval: {tmp_path / 'sweep.yaml'}{problem.replace('{folder}', str(tmp_path))}\n"


def test_stdin_is_read_once(sweep):
    outcome = sweep("sweep: {nms: .5}\n", models="ground_truth: x\npredictions: {a: -, b: -}\n")
    assert (outcome.code, outcome.err) == (2, "deteval: stdin (-) can be read only once\n")


def test_stdin_may_be_any_of_the_models(sweep, monkeypatch):
    import io
    from types import SimpleNamespace

    models = MODELS.replace(f"new: {SAMPLE / 'preds_new.json'}", "new: '-'")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO((SAMPLE / "preds_new.json").read_bytes())))
    assert sweep("sweep: {nms: .5}\n", "--format", "csv", models=models).out == sweep(
        "sweep: {nms: .5}\n", "--format", "csv").out


def test_errors_of_all_models_come_at_once_and_before_the_first_match(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr("deteval.studies.sweep.match", lambda *a, **k: pytest.fail("something was matched"))
    (tmp_path / "a.json").write_text('[{"image_id": 99, "category_id": 1, "bbox": [1, 1, 2, 2], "score": 0.5}]')
    (tmp_path / "b.json").write_text("{")
    outcome = sweep(GRID, "-o", tmp_path / "out.txt", models=(
        f"ground_truth: {SAMPLE / 'gt.json'}\npredictions: {{fine: {SAMPLE / 'preds.json'}, a: a.json, b: b.json}}\n"))
    assert (outcome.code, outcome.out) == (3, "")
    assert "a.json: detections[0].image_id: 99 is not an image of the ground truth" in outcome.err
    assert "b.json: " in outcome.err
    assert not (tmp_path / "out.txt").exists()
