"""`deteval score --save-evidence`: what it writes, how the result names it, and what is refused before any work."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from test_schema import SCHEMA

import deteval
from deteval.loading.evidence_file import is_evidence
from deteval.scoring import summarise

SAMPLE = Path(__file__).parents[1] / "fixtures" / "sample"


def test_score_saves_evidence_and_names_it(tmp_path, deteval_run):
    (tmp_path / "e").mkdir()
    path, result = tmp_path / "e" / "run.npz", tmp_path / "run.json"
    outcome = deteval_run("score", SAMPLE / "preds.json", SAMPLE / "gt.json", "--format", "json", "-o", result,
                          "--save-evidence", path, "--detail", ".5,.75", "--allow", "unknown-image")
    assert (outcome.code, outcome.err.splitlines()[:2]) == (0, [f"wrote {path}", f"wrote {result}"])
    document = json.loads(result.read_text())
    jsonschema.validate(document, SCHEMA)
    assert document["evidence"] == "e/run.npz"
    run = deteval.load_evidence(path)
    assert run.evidence.detail.thresholds == (0, 5)
    assert run.reading == {"allow": ["unknown-image"]}
    metrics = deteval.parse_metrics(",".join(document["metrics"]))
    assert summarise(run, metrics).to_dict() == {key: value for key, value in document.items() if key != "evidence"}


def test_without_evidence_nothing_names_it(deteval_run):
    outcome = deteval_run("score", SAMPLE / "preds.json", SAMPLE / "gt.json", "--format", "json")
    assert '"evidence"' not in outcome.out


@pytest.mark.parametrize("output, given, named", [
    ("run.json", "run.npz", "run.npz"), ("a/run.json", "a/run.npz", "run.npz"), ("run.json", "a/run.npz", "a/run.npz"),
    ("a/run.json", "b/run.npz", "../b/run.npz"), (None, "a/run.npz", "a/run.npz"), ("-", "a/run.npz", "a/run.npz"),
    ("a/run.json", "{here}/a/run.npz", "run.npz"), ("a/run.json", "{here}/b/run.npz", "{here}/b/run.npz"),
    ("{here}/a/run.json", "a/run.npz", "run.npz"),
])
def test_the_name_is_as_seen_from_the_result(output, given, named, tmp_path, deteval_run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    given, named = given.format(here=tmp_path), named.format(here=tmp_path)
    to_file = () if output is None else ("-o", output.format(here=tmp_path))
    outcome = deteval_run("score", SAMPLE / "preds.json", SAMPLE / "gt.json", "--format", "json", "--save-evidence",
                          given, *to_file)
    text = outcome.out or Path(output.format(here=tmp_path)).read_text()
    assert json.loads(text)["evidence"] == named
    assert is_evidence(given)


@pytest.mark.parametrize("options, message", [
    (("--detail", ".5"), "detail: belongs to saved evidence; give --save-evidence FILE too"),
    (("--save-evidence", "x", "--detail", ".52"), "detail: the run has no IoU threshold .52, only .5:.95:.05"),
    (("--save-evidence", "x", "--detail", "half"), "detail: 'half' is not a number; write .5 or .3,.5 or .5:.95:.05"),
    (("--save-evidence", "-"), "save_evidence: - is not a file; the result itself goes to stdout"),
    (("--save-evidence", "no/x"), "no/x: the folder {here}/no does not exist"),
    (("--save-evidence", "gt.json"), "gt.json: is an input too; write the result elsewhere"),
    (("--save-evidence", "x", "-o", "./x"), "./x: is given for -o and for --save-evidence; they need a file each"),
    (("--save-evidence", "x", "--matches", "x"), "x: is given for --matches and for --save-evidence; they need"),
])
def test_refused_before_any_work(options, message, tmp_path, deteval_run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gt.json").write_text("not read")
    outcome = deteval_run("score", "absent.json", "gt.json", *options)
    assert outcome.code == 2
    assert outcome.err.startswith(f"deteval: {message.format(here=tmp_path)}")
    assert os.listdir(tmp_path) == ["gt.json"]


def test_matches_come_first_in_the_detail(tmp_path, deteval_run):
    arguments = ("score", SAMPLE / "preds.json", SAMPLE / "gt.json", "--matches-iou", ".75", "--matches")
    deteval_run(*arguments, tmp_path / "alone.jsonl")
    deteval_run(*arguments, tmp_path / "both.jsonl", "--save-evidence", tmp_path / "run.npz", "--detail", ".5,.75")
    assert (tmp_path / "both.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()
    assert deteval.load_evidence(tmp_path / "run.npz").evidence.detail.thresholds == (5, 0)


def test_evidence_in_place_of_json_is_named(saved, deteval_run):
    outcome = deteval_run("score", saved, SAMPLE / "gt.json")
    assert outcome.code == 3
    assert "is a zip archive, perhaps saved evidence, which compare and gate take; JSON is needed here" in outcome.err


def test_image_fields_are_saved(tmp_path, deteval_run):
    truth = json.loads((SAMPLE / "gt.json").read_text())
    for image in truth["images"]:
        image["attributes"] = {"timeofday": "night" if image["id"] % 2 else "day"}
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    deteval_run("score", SAMPLE / "preds.json", tmp_path / "gt.json", "--save-evidence", tmp_path / "run.npz")
    fields = deteval.load_evidence(tmp_path / "run.npz").evidence.images.fields
    assert fields["attributes.timeofday"][:2] == ("night", "day")
