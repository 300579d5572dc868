"""Hostile and unlucky input on the command line: a clear message and exit code 2 or 3, never a traceback, never a
number that is silently wrong.
"""

import gzip
import json
import os
import subprocess
import sys

import pytest

from deteval.errors import INPUT, USAGE

pytestmark = pytest.mark.filterwarnings("error")

GT = {"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}, {"id": 2}],
      "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
      "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 50], "area": 2500, "iscrowd": 0}]}
RECORD = '{"image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 50], "score": 0.05}'
TRUTH = json.dumps(GT)


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.fixture
def check(tmp_path, monkeypatch, deteval_run):
    """Scores predictions (text) on a ground truth (text); returns exit code and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(predictions=f"[{RECORD}]", truth=TRUTH, *options, command="score"):
        for name, content in (("preds.json", predictions), ("gt.json", truth)):
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        outcome = deteval_run(command, "preds.json", "gt.json", *options)
        assert "Traceback" not in outcome.err
        assert "Warning" not in outcome.err
        return outcome.code, outcome.err

    return run


def changed(old, new):
    assert old in RECORD
    return f"[{RECORD.replace(old, new)}]"


TOO_DEEP = "lists or objects are nested too deeply to be read [bad-json]\n"


@pytest.mark.parametrize("text", [nested(200_000), f'[{RECORD[:-1]}, "x": {nested(200_000)}}}]',
                                  '{"a":' * 200_000], ids=["lists", "in a skipped field", "objects"])
def test_nesting_200_000_deep(check, text):
    assert check(text) == (INPUT, f"deteval: preds.json: {TOO_DEEP}")
    assert check(truth=text) == (INPUT, f"deteval: gt.json: {TOO_DEEP}")


def test_nesting_in_the_second_of_json_lines(check):
    assert check(f"{RECORD}\n" + '{"a":' * 200_000) == (INPUT, f"deteval: preds.json: {TOO_DEEP}")


@pytest.mark.parametrize("depth", [*range(880, 1010, 5)])
def test_nesting_about_as_deep_as_python_reads(check, depth):
    deep = nested(depth)
    for predictions, truth in (
        (changed("[10, 10, 50, 50]", deep), TRUTH),
        (changed('"image_id": 1', f'"image_id": {deep}'), TRUTH),
        (changed('"score"', f'"x": {deep}, "score"'), TRUTH),
        (f"[{RECORD}]", TRUTH.replace('{"id": 2}', f'{{"id": 1, "x": {deep}}}').replace(
            '{"id": 1, "file', f'{{"x": {deep}, "id": 1, "file')),
        (f"[{RECORD}]", TRUTH.replace('"id": 1, "image_id"', f'"id": {deep}, "image_id"')),
    ):
        assert check(predictions, truth)[0] in (0, INPUT)


@pytest.mark.parametrize("text, message", [
    (changed("0.05", "0.05, \"score\": 1e400"), "is inf (as numbers beyond 1.8e308 become), must be a finite number"),
    (changed('"image_id": 1', '"image_id": "1", "image_id": true'), "is true, must be a whole number or a string"),
    (changed('"image_id": 1', '"image_id": ' + "1" * 5000), "is inf, beyond 64 bits; use strings for such ids"),
    (changed('"image_id": 1', f'"image_id": {-2**63 - 1}'),
     "is -9223372036854775809, beyond 64 bits; use strings for such ids"),
    (changed('"image_id": 1', '"image_id": false'), "is false, must be a whole number or a string"),
    (changed('"image_id": 1', '"image_id": {}'), "is {}, must be a whole number or a string"),
    (changed('"category_id": 1', '"category_id": []'), "is [], must be a whole number or a string"),
    (changed("[10, 10, 50, 50]", "[]"), "has 0 values, must have four: x, y, width, height"),
    (changed("[10, 10, 50, 50]", "{}"), "is {}, must have four: x, y, width, height"),
    (changed("10, 50", "10, [50]"), "is [50], must be a finite number"),
], ids=range(10))
def test_values(check, text, message):
    code, err = check(text)
    assert code == INPUT
    assert message in err.splitlines()[0]


@pytest.mark.parametrize("value", ["1.0", "1e0", "10e-1", "0.1e1"])
def test_whole_numbers_are_ids_however_they_are_written(check, value):
    assert check(changed('"image_id": 1', f'"image_id": {value}'))[0] == 0


@pytest.mark.parametrize("value, shown", [("-0.0", "0"), ("-1", "-1"), ("1e3", "1000"), ('"1"', "'1'"), ('""', "''"),
                                          ("9223372036854775807", "9223372036854775807"), ('"\\ud800"', "'\ufffd'"),
                                          ('"\\u0000"', "'\ufffd'")])
def test_ids_that_no_image_has(check, value, shown):
    code, err = check(changed('"image_id": 1', f'"image_id": {value}'))
    assert code == INPUT
    assert err.startswith(f"deteval: preds.json: detections[0].image_id: {shown} is not an image of the ground truth; "
                          "the ground truth's 2 image ids are like 1, 2 [unknown-image]\n")


def test_the_last_of_equal_keys_counts_as_in_python(check, deteval_run):
    assert check(changed("0.05", "null, \"score\": 0.05"))[0] == 0
    document = json.loads(deteval_run("score", "preds.json", "gt.json", "--format", "json").out)
    assert document["metrics"]["AP50"] > 0.99


@pytest.mark.parametrize("first, second", [("1", '"1"'), ('"1"', "1"), ("1", '" 1 "'), ("1", "true")])
def test_ids_of_two_kinds_never_join(check, first, second):
    records = [RECORD.replace('"image_id": 1', f'"image_id": {value}') for value in (first, second, first)]
    for layout in (f"[{','.join(records)}]", "\n".join(records)):
        code, err = check(layout)
        assert code == INPUT
        assert err.startswith("deteval: preds.json: detections[1].image_id: is ")
        assert "[bad-id]" in err.splitlines()[0]


def test_images_that_are_odd_but_harmless(check):
    for image in ({"id": 1, "width": 10**400, "height": True}, {"id": 1, "file_name": 5, "width": "640"},
                  {"id": 1, "file_name": "\ud800", "width": -1, "height": None}):
        truth = json.dumps(GT | {"images": [image, {"id": 2}]})
        assert check(f"[{RECORD}]", truth, "--strict", command="check")[0] == 0


@pytest.mark.parametrize("name", ["\ud800", "a\nb\x1b[31m", "", "x" * 10_000, 5, None, [1]])
def test_class_names_of_every_kind(check, deteval_run, name):
    for form in ("table", "json", "csv", "markdown"):
        truth = json.dumps(GT | {"categories": [{"id": 1, "name": name}, {"id": 2}]})
        assert check(f"[{RECORD}]", truth, "--format", form)[0] == 0
        assert "\x1b" not in deteval_run("score", "preds.json", "gt.json").out


def test_annotation_ids_of_every_kind(check):
    for value in (None, True, 1.5, "a", [1], {"a": []}, 10**400, 0, -1, "\ud800"):
        truth = GT | {"annotations": [GT["annotations"][0] | {"id": value}] * 2}
        assert check(truth=json.dumps(truth))[0] == 0


def test_long_lines_and_many_of_them(check):
    long = changed('"score"', f'"note": "{"x" * 3_000_000}", "score"')
    assert check(long)[0] == 0
    assert check("\n" * 100_000 + RECORD + "\n")[0] == 0


@pytest.mark.parametrize("ending", ["\n", "\r\n", " \n \n"])
def test_line_seven_of_json_lines_is_broken(check, ending):
    good = [RECORD.replace("0.05", f"0.{number}") for number in range(1, 10)]
    lines = [*good[:6], good[6][:-4], *good[7:]]
    start = len(ending.join(good[:6]) + ending)
    code, err = check(ending.join(lines))
    assert code == INPUT
    line = 1 + ending.join(good[:6]).count("\n") + ending.count("\n")
    assert f"at byte {start + len(lines[6].rstrip())} (" in err
    assert f"(line {line}, column " in err


@pytest.mark.parametrize("content, reason", [
    (b"\x1f\x8b", "the gzip data ends early: the file was cut off; copy or write it again"),
    (b"\x1f\x8b\x08", "the gzip data ends early: the file was cut off; copy or write it again"),
    (gzip.compress(b""), "the file is empty"),
    (gzip.compress(gzip.compress(b"[]")), "holds gzip within gzip; unpack it once"),
    (gzip.compress(b"[]") + b"x", "the gzip data is damaged (Not a gzipped file (b'x')); copy or write it again"),
    (b"[\0]", "the text is UTF-16 or UTF-32; save it as UTF-8"),
    (b"\xef\xbb\xbf", "the file is empty"),
    (b"\xef\xbb\xbf[x]", "not JSON: Expecting value, found 'x]', at byte 4 (line 1, column 2)"),
    (b"\xef\xbb\xbf[\"\xe9\"]", "byte 5 (0xe9) is not UTF-8; save the text as UTF-8"),
    (b"[1, 2\0]", "not JSON: Expecting ',' delimiter, found \"\ufffd]\", at byte 5 (line 1, column 6)"),
], ids=range(10))
def test_bytes(check, content, reason):
    code, err = check(content)
    assert code == INPUT
    assert err.replace('"', "'").startswith(f"deteval: preds.json: {reason} [bad-".replace('"', "'"))


def test_one_of_two_files_is_broken(check, tmp_path, deteval_run):
    check()
    (tmp_path / "more.json").write_text("[" + RECORD)
    outcome = deteval_run("score", "preds.json", "more.json", "gt.json")
    assert (outcome.code, outcome.out) == (INPUT, "")
    assert outcome.err == ("deteval: more.json: not JSON: the file is cut off at byte 75 (line 1, column 76) "
                           "[bad-json]\n")


@pytest.mark.parametrize("arguments, message", [
    (("folder", "gt.json"), "folder: is a directory, a file is needed"),
    (("preds.json", "folder"), "folder: is a directory, a file is needed"),
    (("missing.json", "gt.json"), "missing.json: cannot be read: No such file or directory"),
    (("preds.json", "missing.json"), "missing.json: cannot be read: No such file or directory"),
    (("preds.json/x", "gt.json"), "preds.json/x: cannot be read: Not a directory"),
    (("x" * 5000, "gt.json"), "x" * 5000 + ": cannot be read: File name too long"),
    (("-", "-"), "stdin (-) can be read only once"),
    (("-", "-", "gt.json"), "stdin (-) can be read only once"),
])
def test_files_that_cannot_be_read(check, tmp_path, deteval_run, arguments, message):
    check()
    (tmp_path / "folder").mkdir()
    for command in ("score", "check"):
        outcome = deteval_run(command, *arguments)
        assert (outcome.code, outcome.out, outcome.err) == (USAGE, "", f"deteval: {message}\n")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(check, tmp_path, deteval_run):
    check()
    (tmp_path / "preds.json").chmod(0)
    outcome = deteval_run("score", "preds.json", "gt.json")
    assert (outcome.code, outcome.err) == (USAGE, "deteval: preds.json: cannot be read: Permission denied\n")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file that opens and cannot be read")
def test_a_file_that_fails_while_it_is_read(check, deteval_run):
    check()
    outcome = deteval_run("score", "/proc/self/mem", "gt.json")
    assert (outcome.code, outcome.err) == (USAGE, "deteval: /proc/self/mem: cannot be read: Input/output error\n")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_closed_stdin(check, tmp_path):
    check()
    done = subprocess.run(["sh", "-c", f"'{sys.executable}' -m deteval score - gt.json <&-"], check=False,
                          capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (USAGE, "", "deteval: stdin (-) is closed\n")
