"""Every message about broken input: its exact text, its exit code, and that none of the catalogue lacks a case."""

import json
import re
import subprocess
import sys

import pytest
from loading_transcripts import FIXTURES, code_of, read_transcripts, run

from deteval.errors import INPUT
from deteval.records.findings import CATALOGUE

BROKEN, HINTS = read_transcripts("broken"), read_transcripts("hints")
STOPPING = [one for one in BROKEN if one.code == INPUT]
AFTER_MATCHING = ("nothing-evaluable", "nothing-kept", "left-out", "default-cut", "dropped-class", "emptied-images",
                  "cuts-from-elsewhere", "settings-sorted")
pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("transcript", BROKEN, ids=lambda one: one.name)
def test_check_says_exactly_this(transcript, monkeypatch):
    monkeypatch.chdir(FIXTURES / "broken")
    code, out, err = run("check", *transcript.arguments)
    assert (tuple(out.splitlines()), err, code) == (transcript.lines, "", transcript.code)


@pytest.mark.parametrize("transcript", STOPPING, ids=lambda one: one.name)
def test_score_stops_with_the_errors_and_the_hints_that_explain_them(transcript, monkeypatch):
    monkeypatch.chdir(FIXTURES / "broken")
    code, out, err = run("score", *transcript.arguments)
    expected = [f"deteval: {'hint: ' if line.startswith('warning: ') else ''}{line.partition(': ')[2]}"
                for line in transcript.findings
                if line.startswith("error: ") or code_of(line).startswith("looks-")]
    assert (err.splitlines(), out, code) == (expected, "", INPUT)


@pytest.mark.parametrize("transcript", [one for one in BROKEN if one.code == 0 and one.findings],
                         ids=lambda one: one.name)
def test_score_goes_on_and_repeats_warnings_and_notes(transcript, monkeypatch):
    monkeypatch.chdir(FIXTURES / "broken")
    code, out, _ = run("score", *transcript.arguments, "--format", "json")
    found = [f"{one['severity']}: {one['message']} [{one['code']}]" for one in json.loads(out)["findings"]]
    assert (sorted(found), code) == (sorted(transcript.findings), 0)
    warned = any(line.startswith("warning: ") for line in transcript.findings)
    assert run("check", *transcript.arguments, "--strict")[0] == (INPUT if warned else 0)


@pytest.mark.parametrize("name", ["preds-latin1.json", "preds-gzip-cut-off.json.gz",
                                  "preds-box-of-five.json", "preds-unknown-image.json"])
def test_a_process_of_its_own_says_the_same(name):
    expected = next(one for one in BROKEN if name in one.arguments)
    for command in ("check", "score"):
        done = subprocess.run([sys.executable, "-m", "deteval", command, *expected.arguments], check=False,
                              capture_output=True, text=True, cwd=FIXTURES / "broken", timeout=60)
        assert done.returncode == INPUT
        message = expected.findings[0].partition(": ")[2]
        assert message in (done.stdout if command == "check" else done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("transcript", BROKEN, ids=lambda one: one.name)
def test_messages_name_the_file(transcript):
    files = [argument for argument in transcript.arguments if ".json" in argument]
    for line in transcript.findings:
        if code_of(line) not in AFTER_MATCHING:
            assert line.split(": ")[1] in files


def test_messages_about_records_name_index_field_and_rule():
    about_records = ("missing-field", "bad-id", "bad-iscrowd", "box-shape", "negative-box", "negative-area",
                     "missing-score", "unknown-image", "unknown-category", "orphan-annotation", "duplicate-image",
                     "duplicate-category", "image-in-two-files")
    shape = re.compile(r"error: [\w.-]+: (detections|annotations|images|categories|predictions)\[\d+\]\.[\w\[\]]+: .+")
    for transcript in BROKEN:
        for line in transcript.findings:
            if line.startswith("error: ") and code_of(line) in about_records and "ambiguous" not in transcript.name:
                assert shape.fullmatch(line), line


def test_every_code_of_the_catalogue_has_a_fixture():
    cases = {code for one in [*BROKEN, *HINTS] for code in one.codes}
    assert cases == set(CATALOGUE)


def test_every_severity_is_that_of_the_catalogue():
    for one in BROKEN:
        for line in one.findings:
            severity = line.partition(":")[0]
            equal_records = "with an equal record" in line  # the one milder case of an error
            assert severity == ("warning" if equal_records else CATALOGUE[code_of(line)].severity)


def test_readme_lists_every_file_with_its_findings():
    folder = FIXTURES / "broken"
    rows = re.findall(r"^\| (\S+.*?) \| .+ \| (.*?) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    listed = {name: codes.split(", ") for names, codes in rows[1:] for name in names.split(", ")}
    present = {path.name for path in folder.iterdir()} - {"README.md", "check.txt", "preds.json", "gt.json"}
    assert set(listed) == present
    said = {name: [code for one in BROKEN if name in one.arguments for code in one.codes] for name in listed}
    for name, codes in listed.items():
        assert set(codes) <= set(said[name]), name


def test_files_are_tiny():
    assert all(path.stat().st_size < 6000 for path in (FIXTURES / "broken").iterdir()
               if path.suffix in (".json", ".jsonl", ".gz"))
