"""The short explanation of a gate: which AP, when it is there, and the same in every format."""

import json
from pathlib import Path

import jsonschema
import pytest
from conftest import SAMPLE
from explain_data import NASTY, made_explanation
from gate_data import FAST, PREDICTIONS, TRUTH, drop_rule, sample_predictions, write
from msgspec.structs import replace

import deteval
from deteval.records.explanation import ClassShare
from deteval.records.gate import FAILED, PASSED, Outcome, Verdict
from deteval.reports.gate_explanation import explanation_dict, heading, sentences
from deteval.reports.gate_github import summary_text
from deteval.reports.gate_markdown import render_markdown
from deteval.reports.gate_table import render_table
from deteval.reports.layout import Look

SCHEMA = json.loads((Path(deteval.__file__).parent / "gate.schema.json").read_text())
NEW = SAMPLE / "preds_new.json"


@pytest.fixture
def detailed(deteval_run, tmp_path):
    """A baseline whose evidence has the detail table."""
    outcome = deteval_run("score", PREDICTIONS, TRUTH, "-q", "--format", "json", "--save-evidence", tmp_path / "d.npz",
                          "--detail", ".5", "-o", tmp_path / "d.json")
    assert outcome.code == 0, outcome.err
    return tmp_path / "d.json"


def document(outcome):
    found = json.loads(outcome.out)
    jsonschema.validate(found, SCHEMA)
    return found


def test_it_is_the_head_of_what_explain_says(deteval_run, detailed):
    options = ("--replicates", 200, "--format", "json", "-q", "--no-github")
    short = document(deteval_run("gate", NEW, TRUTH, "--baseline", detailed, "--max-drop", "AP=0.1pt", *options))
    long = json.loads(deteval_run("explain", NEW, TRUTH, "--base", PREDICTIONS, "--format", "json", "-q").out)
    found = short["explanation"]
    for name in ("metric", "iou", "base", "new", "difference", "missing"):
        assert found[name] == long[name], name
    assert found["remarks"] == long["remarks"][:3]
    for name in ("classes", "kinds", "images"):
        worst = sorted((one for one in long[name] if (one["share"] or 0) < 0), key=lambda one: one["share"])[:3]
        assert [one["share"] for one in found[name]] == [one["share"] for one in worst] != []


def test_the_ap_that_failed_is_explained(gate):
    rules = "".join(f"  - {{metric: {rule}pt}}\n" for rule in
                    ("AP, max_drop: 30", "F1@.5, max_drop: 0.1", "AP75, max_drop: 1"))
    found = document(gate(rules, "--format", "json", new=NEW))
    assert [one["metric"] for one in found["outcomes"] if one["status"] == "failed"] == ["AP75"]
    assert found["explanation"]["metric"] == "AP75"
    assert found["explanation"]["kinds"] == []
    assert "kinds" in found["explanation"]["missing"]
    table = gate(rules, new=NEW).out
    assert "\nwhy AP75 fell by 7.7 points\n" in table
    assert "\nclasses: person (" in table


def test_a_rule_on_a_slice_is_not_explained_by_all_images(gate):
    rules = "  - {metric: AP75, slice: few, max_drop: 1pt}\n  - {metric: AP, max_drop: 30pt}\n"
    found = document(gate(rules, "--format", "json", new=NEW,
                          extra=f"{FAST}slices: {{few: {{ids: {list(range(1, 30))}}}}}\n"))
    assert found["outcomes"][0]["status"] == "failed"
    assert found["explanation"]["metric"] == "AP"


def test_a_gate_that_passed_explains_if_asked(gate):
    rules = "  - {metric: AP, max_drop: 30pt}\n"
    assert document(gate(rules, "--format", "json", new=NEW))["explanation"]["metric"] == "AP"
    assert "why AP" not in gate(rules, new=NEW).out
    assert "\nwhy AP fell by 1.3 points\n" in gate(rules, "--verbose", new=NEW).out
    assert "<summary>why AP fell by 1.3 points</summary>" in gate(rules, "--format", "markdown", new=NEW).out


@pytest.mark.parametrize("rules, arguments", [
    ("  - {metric: AP, max_drop: 1pt}\n", {"new": PREDICTIONS}),
    ("  - {metric: AP, max_drop: 1pt, mode: plain}\n", {"new": NEW, "baseline": "plain.json"}),
    ("  - {metric: AP, min: 0.1}\n", {"new": NEW}),
    ("  - {metric: AR, max_drop: 1pt}\n", {"new": NEW}),
    ("  - {total: false_positives, max_rise: 1%}\n", {"new": NEW}),
])
def test_nothing_to_explain(gate, rules, arguments):
    found = document(gate(rules, "--format", "json", **arguments))
    assert found["explanation"] is None
    assert "why" not in gate(rules, "--verbose", **arguments).out.split("\n\n", 1)[1].replace("why:", "")


def test_a_rise_names_what_counts_against_the_model(gate, tmp_path):
    moved = [one for one in sample_predictions() if one["score"] > 0.3 or one["category_id"] != 1]
    better = gate("  - {metric: AP, max_drop: 1pt}\n", "--verbose", new=write(tmp_path / "new.json", moved))
    assert better.code == 0
    explained = replace(made_explanation(), difference=0.02)
    assert heading(explained) == "AP rose by 2.0 points; what counts against the model"
    assert heading(made_explanation()) == "why AP fell by 2.0 points"


def test_images_that_count_against_a_model_whose_largest_shares_are_gains(deteval_run, tmp_path):
    """Eleven images had no detection before; everywhere else the new model finds somewhat worse."""
    ids = sorted({one["image_id"] for one in sample_predictions()})
    old = write(tmp_path / "old.json", [one for one in sample_predictions() if one["image_id"] not in ids[:11]])
    new = write(tmp_path / "new.json", [
        one if one["image_id"] in ids[:11] or one["category_id"] != 1 else {**one, "score": 0.7 * one["score"]}
        for one in sample_predictions()])
    base = tmp_path / "old.evidence.npz"
    assert deteval_run("score", old, TRUTH, "-q", "--save-evidence", base, "--detail", ".5").code == 0
    found = document(deteval_run("gate", new, TRUTH, "--baseline", base, "--max-drop", "AP=1pt", "--replicates", 200,
                                 "--format", "json", "-q", "--no-github"))["explanation"]
    long = json.loads(deteval_run("explain", new, TRUTH, "--base", old, "--top", 1000, "--format", "json").out)
    assert min(one["share"] for one in long["images"][:10]) > 0
    worst = sorted((one for one in long["images"] if one["share"] < 0), key=lambda one: one["share"])
    assert found["images"] == worst[:3]
    assert len(worst) > 3


def test_names_are_text_and_shares_of_the_model_are_left_out():
    outcome = Outcome(rule=drop_rule(), limit="max_drop", status=FAILED, mode="plain", value=0.48, base=0.5,
                      tolerance=0.003)
    verdict = Verdict((outcome,), model="new.json", baseline="base.json", signature="deteval|bbox", fingerprint="0",
                      explanation=made_explanation())
    text = render_table(verdict, Look())
    assert "\nwhy AP fell by 2.0 points\n- class person lost 12 objects\n" in text
    assert "\nclasses: person (-1.000); traffic <b>|light</b>\ufffd[2J (-1.000)\n" in text
    assert ("\nchanges at IoU .5: found before, now missed (-1.200); false positives: background (-0.490); found by "
            "both, boxes fit differently (-0.400)\nimages: 7 (-1.200); 5 (-0.200)\n") in text
    markdown = render_markdown(verdict, Look())
    assert "\x1b" not in text + markdown
    assert NASTY.partition("\x1b")[0] not in markdown
    passed = replace(verdict, outcomes=(replace(outcome, status=PASSED),))
    assert "why AP" not in render_table(passed, Look())
    gains = made_explanation(classes=(ClassShare(1, "person", 80, 0.4, 0.5, 0.1),), kinds=(), images=(), remarks=())
    assert sentences(gains, Look()) == []
    assert explanation_dict(gains)["classes"] == []
    assert explanation_dict(None) is None


def test_a_summary_keeps_it_within_its_room():
    outcome = Outcome(rule=drop_rule(), limit="max_drop", status=FAILED, mode="plain", value=0.48, base=0.5,
                      tolerance=0.003)
    verdict = Verdict((outcome,) * 40, model="new.json", signature="deteval|bbox", fingerprint="0",
                      explanation=made_explanation())
    whole = summary_text(verdict, Look(), 1 << 20)
    assert "<summary>why AP fell by 2.0 points</summary>" in whole
    for room in (len(whole.encode()) - 1, 3000, 1500, 100, 10):
        assert len(summary_text(verdict, Look(), room).encode()) <= room
