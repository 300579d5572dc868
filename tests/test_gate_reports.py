"""Reports of a gate: JSON and its schema, JUnit, markdown, GitHub; with names that would be markup or commands."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
import pytest
from gate_data import PREDICTIONS, TRUTH, drop_rule, estimate, sample_predictions, sample_truth, write
from msgspec.structs import replace

import deteval
from deteval.errors import DetevalError
from deteval.records.gate import FAILED, MAX_DROP, PASSED, UNDECIDABLE, UNPROVEN, UNTESTED, Outcome, Verdict
from deteval.records.resampling import Resampling, Units
from deteval.reports.gate_github import MOST_BYTES, annotations, harmless, summary_text, write_summary
from deteval.reports.gate_json import gate_dict
from deteval.reports.gate_junit import check_junit, junit_text
from deteval.reports.gate_markdown import render_markdown
from deteval.reports.gate_table import render_table
from deteval.reports.layout import Look

SCHEMA = json.loads((Path(deteval.__file__).parent / "gate.schema.json").read_text())
HOSTILE = ["::error::pwned", "a\n::warning::b", "##[error]c", "<script>alert(1)</script>", "| a | `b` | **c**",
           "x,y:z%0A",
           "</details>", "]]>&amp;", "\x00\x1b[31mred", "[link](http://e)", "@everyone", "#1", "名前", "line\u2028end"]


def outcome(status, name=None, **fields):
    """One outcome of a made-up test."""
    rule = drop_rule("0.3pt", classes=("*",) if name else ())
    return Outcome(rule, MAX_DROP, status, mode="significant", class_id=1 if name else None, class_name=name,
                   value=0.491, base=0.5, tolerance=0.003, estimate=estimate(-0.009, -0.015, -0.003), n_gt=81, **fields)


def verdict(*outcomes, **fields):
    return Verdict(outcomes, model="preds.json", baseline="base.json", signature="deteval|bbox", fingerprint="0" * 16,
                   resampling=Resampling(), units=Units(100), **fields)


EVERYTHING = verdict(
    outcome(FAILED), outcome(FAILED, "dog"), outcome(UNPROVEN, "cat"), outcome(PASSED, "cow"),
    outcome(UNTESTED, "fork", reason="too few images (3 of the 10 needed)"), outcome(UNDECIDABLE, reason="undefined"),
    replace(outcome(FAILED), rule=drop_rule(level="warn")), warnings=("something to know",))


def test_json_fits_its_schema():
    document = json.loads(json.dumps(gate_dict(EVERYTHING), allow_nan=False))
    jsonschema.validate(document, SCHEMA)
    assert (document["verdict"], document["exit_code"], document["tests"]) == ("FAIL", 1, 5)
    assert document["outcomes"][1]["class"] == "dog"
    assert document["outcomes"][0]["message"].startswith("AP fell by 0.9 points (95 % interval -1.5 to -0.3): a ")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"verdict": "MAYBE"}, SCHEMA)


def test_the_table_says_failures_first_and_folds_what_passed():
    text = render_table(EVERYTHING, Look())
    assert text.splitlines()[0] == ("FAIL: 2 of 5 tests failed; 1 demand cannot be decided; drops are tested in mode "
                                    "significant (paired bootstrap over 100 images)")
    places = [text.index(part) for part in ("\nfailed\n", "gate.yaml:3: AP fell by", "\nundecidable\n",
                                            "warning: AP of cat",
                                            "warning: something to know", "not tested: fork (3 of the 10 needed",
                                            "2,000 replicates", "5 tests in all", "1 passed; --verbose shows them")]
    assert places == sorted(places)
    assert "AP of cow" not in text
    assert "AP of cow" in render_table(EVERYTHING, Look(), verbose=True)
    many = verdict(*(outcome(FAILED, f"class {i}") for i in range(30)))
    short, whole = render_table(many, Look()), render_table(many, Look(), verbose=True)
    assert (short.count("a drop is proven"), whole.count("a drop is proven")) == (10, 30)
    assert "and 20 more like these; --verbose shows them" in short
    assert "AP of class 29  " in short, "the table holds all of them"
    narrow = render_table(EVERYTHING, Look(width=60))
    assert max(map(len, narrow.splitlines())) <= 60
    assert "\x1b[1;31mFAIL\x1b[0m: 2 of 5" in render_table(EVERYTHING, Look(colour=True))


def test_junit_has_a_case_per_rule_and_class():
    suite = ElementTree.fromstring(junit_text(EVERYTHING)).find("testsuite")
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7", "failures": "2", "errors": "1", "skipped": "1"}
    cases = {case.get("name"): case for case in suite if case.tag == "testcase"}
    assert cases["AP of dog"].get("classname") == "AP by class max_drop 0.3pt"
    assert cases["AP of dog"].find("failure").get("message").startswith("AP of dog fell by 0.9 points (95 % interval")
    assert cases["AP of fork"].find("skipped") is not None
    assert [child.tag for child in cases["AP of cat"]] == ["system-out"], "a warning passes, and says so"


def test_a_comparison_that_cannot_be_made_is_an_error_of_junit():
    suite = ElementTree.fromstring(junit_text(verdict(outcome(PASSED), problems=("other settings",)))).find("testsuite")
    assert suite.get("errors") == "1"


def test_junit_needs_its_extra(monkeypatch, deteval_run, tmp_path):
    monkeypatch.setitem(sys.modules, "junitparser", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = "junit: the package junitparser is not installed; pip install 'deteval[gate]', or pip install junitparser"
    with pytest.raises(DetevalError, match=re.escape(message)):
        check_junit()
    refused = deteval_run("gate", PREDICTIONS, TRUTH, "--min", "AP=0.1", "--junit", tmp_path / "gate.xml")
    assert (refused.code, refused.out, refused.err) == (2, "", f"deteval: {message}\n")


def test_annotations_are_ten_at_most_failures_first():
    lines = annotations(EVERYTHING)
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 3 + ["::warning"] * 3
    assert lines[0] == ("::error file=gate.yaml,line=3,title=deteval gate%3A AP::AP fell by 0.9 points (95 %25 "
                        "interval -1.5 to -0.3): a drop is proven and exceeds the tolerance of 0.3 points.")
    many = annotations(verdict(outcome(UNPROVEN, "soft"), *(outcome(FAILED, f"class {i}") for i in range(30))))
    assert len(many) == 10
    assert all(line.startswith("::error") for line in many)
    assert many[-1] == "::error title=deteval gate::and 22 more: see the log, or the step summary"


def hostile_verdict():
    return verdict(*(replace(outcome(status, name, reason=f"why {name}"), rule=replace(drop_rule(classes=(name,)),
                                                                                      slice=name))
                     for name in HOSTILE for status in (FAILED, PASSED, UNTESTED, UNPROVEN, UNDECIDABLE)),
                   warnings=tuple(HOSTILE), problems=tuple(HOSTILE))


def test_names_cannot_become_workflow_commands():
    one = hostile_verdict()
    for line in annotations(one):
        assert re.fullmatch(r"::(error|warning) (file=gate.yaml,line=3,)?title=[^,:\n\r]*::[^\n\r]*", line), line
        assert line.isprintable()
    for report in (render_table(one, Look(), True), render_markdown(one, Look())):
        for line in harmless(report).split("\n"):
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
    document = json.dumps(gate_dict(one), ensure_ascii=False)
    assert "##[" in document
    assert "##[" not in harmless(document, is_json=True)
    assert json.loads(harmless(document, is_json=True)) == json.loads(document)


def test_names_cannot_become_markup():
    text = render_markdown(hostile_verdict(), Look())
    assert "<script>" not in text, "not even in code"
    assert text.count("</details>") == 1
    assert "[link](" not in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {9}


def test_names_cannot_break_xml():
    root = ElementTree.fromstring(junit_text(hostile_verdict()))
    names = {case.get("name") for case in root.iter("testcase")}
    assert any("<script>alert(1)</script>" in name for name in names)
    assert not any("\x00" in name or "\x1b" in name for name in names)


def test_the_summary_stays_below_its_limit(tmp_path):
    long = verdict(*(outcome(FAILED, f"class {i} " + "名" * 400) for i in range(1500)))
    whole = summary_text(long, Look(), 1 << 30)
    assert len(whole.encode()) > MOST_BYTES
    text = summary_text(long, Look(), MOST_BYTES)
    assert len(text.encode()) <= MOST_BYTES
    assert "more, left out for want of room" in text
    assert text.startswith("### ❌ FAIL: 1,500 of 1,500 tests failed")
    path = tmp_path / "summary.md"
    path.write_text("x" * (MOST_BYTES - 2000))
    write_summary(str(path), long, Look())
    assert path.stat().st_size <= MOST_BYTES
    assert "FAIL: 1,500" in path.read_text()
    write_summary(str(path), long, Look())
    assert path.stat().st_size <= MOST_BYTES
    path.write_text("x" * MOST_BYTES)
    write_summary(str(path), long, Look())
    assert path.stat().st_size == MOST_BYTES


def test_on_github(deteval_run, tmp_path, monkeypatch):
    truth, predictions = sample_truth(), sample_predictions()
    truth["categories"][0]["name"] = "::error::##[error]<b>person</b>"
    files = (write(tmp_path / "preds.json", predictions), write(tmp_path / "gt.json", truth))
    arguments = ("gate", *files, "--min", "AP=0.99", "--min", "AP/class=::error::##[error]<b>person</b>=0.99")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    outcome = deteval_run(*arguments)
    assert outcome.code == 1
    commands = [line for line in outcome.err.splitlines() if line.startswith("::")]
    assert [line.startswith("::error title=deteval gate%3A AP") for line in commands] == [True, True]
    assert "##[" not in outcome.out
    assert (tmp_path / "summary.md").read_text().startswith("### ❌ FAIL: 2 of 2 tests failed")
    assert "<b>" not in re.sub(r"`[^`\n]*`", "", (tmp_path / "summary.md").read_text())
    silent = deteval_run(*arguments, "--no-github")
    assert "::error title" not in silent.err
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    asked = deteval_run(*arguments, "--github")
    assert "::error title=deteval gate%3A AP" in asked.err
    assert "GITHUB_STEP_SUMMARY is not set: no step summary is written" in asked.err


def test_formats_and_files_on_disk(deteval_run, tmp_path):
    arguments = ("gate", PREDICTIONS, TRUTH, "--min", "AP=0.4", "--no-github")
    written = deteval_run(*arguments, "--format", "json", "-o", tmp_path / "gate.json", "--junit",
                          tmp_path / "gate.xml")
    assert (written.code, written.out) == (0, "")
    document = json.loads((tmp_path / "gate.json").read_text())
    jsonschema.validate(document, SCHEMA)
    assert document["verdict"] == "PASS"
    assert ElementTree.parse(tmp_path / "gate.xml").getroot().get("tests") == "1"
    assert "PASS: 1 test, none failed" in written.err
    assert deteval_run(*arguments, "--format", "markdown").out.startswith("### ✅ PASS: 1 test, none failed\n")
    same = deteval_run(*arguments, "-o", tmp_path / "x", "--junit", tmp_path / "x")
    assert same.code == 2
    assert deteval_run(*arguments, "--junit", TRUTH).code == 2, "an input is never overwritten"
