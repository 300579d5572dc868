"""What `deteval gate` refuses before anything is scored, and what it says of baselines that are none."""

import json

import pytest
from gate_data import PREDICTIONS, TRUTH, write

EVIDENCE_NOTE = ("write both with deteval score PREDS GT --save-evidence baseline.evidence.npz --format json -o "
                 "baseline.json")


@pytest.mark.parametrize("rules, line, problem", [
    ("- {metric: AP, classes: persn, max_drop: 1pt}\n", 4, ("class 'persn' is not among the 6 of the ground truth; did "
                                                           "you mean 'person'?")),
    ("- {metric: AP/class=cat, max_drop: 1pt}\n", 4, ("class 'cat' is not among the 6 of the ground truth; did you "
                                                     "mean 'car'?")),
    ("- {metric: 'AP@.52', max_drop: 1pt}\n", 4, "metric 'AP@.52': the run has no IoU threshold .52, only .5:.95:.05"),
    ("- {metric: AP, max_drop: 1pt}\nmute: [{classes: toaster, until: 2999-01-01, reason: x}]\n", 5,
     "class 'toaster' is not among the 6 of the ground truth"),
    ("- {metric: AP, slice: far, max_drop: 1pt}\nslices: {far: {ids: [999]}}\n", 5,
     "slice far: 999 is not an image of the ground truth"),
    ("- {metric: AP, slice: far, max_drop: 1pt}\nslices: {far: {image: {timeofday: night}}}\n", 5, "slice far: "),
])
def test_what_matches_nothing_is_refused_before_scoring(gate, tmp_path, monkeypatch, rules, line, problem):
    import deteval.runs

    monkeypatch.setattr(deteval.runs, "make_run", lambda *a, **k: pytest.fail("something was scored"))
    outcome = gate(rules)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"deteval: {tmp_path / 'gate.yaml'}:{line}: {problem}"), outcome.err


@pytest.mark.parametrize("rule, problem", [
    ("- {metric: AP, max_drop: 1pt, mode: beyond}\n", "mode beyond needs the baseline's evidence, and "),
    ("- {metric: AP, slice: first, max_drop: 1pt}\nslices: {first: {ids: [1]}}\n", ("slice first needs the baseline's "
                                                                                   "evidence, and ")),
])
def test_pairs_need_evidence(gate, gate_base, tmp_path, rule, problem):
    outcome = gate(rule, baseline="plain.json")
    instead = "; or ask for mode: plain" if "mode" in problem else ""
    assert (outcome.code, outcome.out, outcome.err) == (
        2, "", (f"deteval: {tmp_path / 'gate.yaml'}:4: {problem}{gate_base / 'plain.json'} names no evidence; "
        f"{EVIDENCE_NOTE} and keep them side by side{instead}\n"))


def test_a_drop_needs_a_baseline(gate, tmp_path):
    outcome = gate("- {metric: AP, max_drop: 1pt}\n", baseline=None)
    assert outcome.err == (f"deteval: {tmp_path / 'gate.yaml'}:3: AP is compared with a baseline, and none is given; "
                           "add baseline: FILE to the YAML or --baseline FILE, a score JSON\n")
    assert outcome.code == 2


HOW = "write one with deteval score PREDS GT --format json -o baseline.json"


@pytest.mark.parametrize("content, problem", [
    (None, "cannot be read: No such file or directory"),
    ("{", f"is not a score JSON (Input data was truncated); {HOW}"),
    ("[]", f"is not a score JSON (Expected `object`, got `array`); {HOW}"),
    ('{"schema": "deteval.scores/1"}', f"is not a score JSON (Object missing required field `signature`); {HOW}"),
])
def test_baselines_that_are_none(deteval_run, tmp_path, content, problem):
    path = tmp_path / "base.json"
    if content is not None:
        path.write_text(content)
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", path, "--max-drop", "AP=1pt")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {path}: {problem}\n")


@pytest.mark.parametrize("change, problem", [
    ({"schema": "deteval.scores/9"}, f"schema 'deteval.scores/9' is not deteval.scores/1; {HOW}"),
    ({"metrics": {"AP": 48.7}}, f"is not a score JSON (Expected `float` <= 1.000001 - at `$.metrics[...]`); {HOW}"),
])
def test_baselines_that_were_changed(deteval_run, gate_base, tmp_path, change, problem):
    document = json.loads((gate_base / "plain.json").read_text()) | change
    path = write(tmp_path / "base.json", document)
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", path, "--max-drop", "AP=1pt")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {path}: {problem}\n")


@pytest.mark.parametrize("change, problem", [
    ({"totals": {"true_positives": 10**400}}, "is not a score JSON (Expected `int` <= 9007199254740992"),
    ({"evidence": "x" * 5000}, "evidence: '"),
    ({"evidence": "a\0b"}, "evidence: '"),
    ({"settings": {"classes": {"a": 1}}}, "settings.classes: {'a': 1} is no text, number or boolean"),
    ({"settings": {"category_map": [["x"]]}}, "settings.category_map: ['x'] is no text, number or boolean"),
    ({"settings": {"iou": 10**400}}, "settings.iou: 1"),
    ({"settings": {"class_agnostic": "yes"}}, ("its settings cannot be taken over: class_agnostic: 'yes' must be true "
                                               "or false")),
    ({"classes": [{"id": 1, "name": "a", "n_gt": 1, "metrics": {"??": 0.5}}]}, "classes: metric '??': '??' is not a"),
])
def test_baselines_that_are_damaged(deteval_run, gate_base, tmp_path, change, problem):
    document = json.loads((gate_base / "plain.json").read_text()) | change
    path = write(tmp_path / "base.json", document)
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", path, "--max-drop", "AP=1pt")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"deteval: {path}: {problem}")


def test_a_damaged_archive_is_a_broken_baseline(deteval_run, gate_base, tmp_path):
    path = tmp_path / "base.npz"
    path.write_bytes((gate_base / "base.evidence.npz").read_bytes()[:1000])
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", path, "--max-drop", "AP=1pt")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"deteval: {path}: the evidence is damaged (file is not a zip file); copy or write")


def test_evidence_of_another_run_is_refused(deteval_run, gate_base, tmp_path):
    document = json.loads((gate_base / "base.json").read_text())
    document["metrics"]["AP"] -= 0.01
    (tmp_path / "base.evidence.npz").write_bytes((gate_base / "base.evidence.npz").read_bytes())
    path = write(tmp_path / "base.json", document)
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", path, "--max-drop", "AP=1pt", "--replicates", 200)
    assert outcome.code == 2
    assert "its evidence is that of another run: AP is 0.48" in outcome.err
    document["fingerprint"] = "0" * 16
    write(path, document)
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", path, "--max-drop", "AP=1pt")
    assert outcome.code == 2
    assert "is that of another run: ground truth 59f4c2ba2f0c7d3c instead of 0000000000000000" in outcome.err


def test_evidence_that_is_gone_is_said(deteval_run, gate_base, tmp_path):
    path = tmp_path / "base.json"
    path.write_text((gate_base / "base.json").read_text())
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", path, "--max-drop", "AP=1pt", "--no-github")
    assert outcome.code == 0
    assert f"warning: {tmp_path / 'base.evidence.npz'}, the evidence that {path} names, is not there" in outcome.out
    assert "mode plain" in outcome.out.splitlines()[0]


def test_another_version_of_deteval_is_said(deteval_run, gate_base, tmp_path):
    document = json.loads((gate_base / "plain.json").read_text())
    document["signature"] = document["signature"].replace("|v:", "|v:0.0.")
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--baseline", write(tmp_path / "b.json", document), "--max-drop",
                          "AP=1pt", "--no-github")
    assert outcome.code == 0
    assert "b.json was scored by deteval 0.0.0.1.0, this run by 0.1.0; the changelog says which numbers" in outcome.out


@pytest.mark.parametrize("arguments, message", [
    ([], ("there is no rule, and a gate without rules would pass everything; give --config gate.yaml, or --min, "
         "--max-drop or --max-rise; see deteval gate --help")),
    (["--min", "AP=0.4", "--format", "jsn"], "format: 'jsn' is not one of table, json, markdown; did you mean 'json'?"),
    (["--min", "AP=0.4", "--mode", "nope"], "mode: 'nope' is not one of plain, significant, beyond, non-inferior"),
    (["--min", "AP=0.4", "--junit", "-"], "junit: - is not a file; the result itself goes to stdout"),
    (["--min", "AP=0.4", "--replicates", "7"], "replicates: 7 is not a whole number from 100 to 1,000,000"),
    (["--min", "AP=0.4", "--alpha", "1e-310"], ("alpha: 1e-310 is below 0.000001, for which no number of replicates is "
                                                "enough")),
    (["--config", "/nowhere/gate.yaml"], "/nowhere/gate.yaml: cannot be read: No such file or directory"),
])
def test_usage_errors(deteval_run, arguments, message):
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, *arguments)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {message}\n")


def test_a_missing_ground_truth_is_said(deteval_run):
    outcome = deteval_run("gate", PREDICTIONS, "--min", "AP=0.4")
    assert outcome.code == 2
    assert outcome.err.startswith("deteval: predictions and a ground truth are needed, PREDS... GT; only ")
