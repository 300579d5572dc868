"""Damaged bytes: what the fast decode accepts, Python's json accepts with equal values, and nothing ever crashes."""

import json
import math
from unittest import mock

import numpy as np
import pytest

from deteval.loading import decode, source
from deteval.loading.detections import read_detections
from deteval.loading.ground_truth import load_ground_truth, read_ground_truth
from deteval.records.findings import ERROR, Finding

GT = {"images": [{"id": 1, "file_name": "a\u00e9.jpg", "width": 640, "height": 480}, {"id": 2}],
      "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
      "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2.5, 30, 40.25], "area": 1200.5,
                       "iscrowd": 0, "segmentation": [[1, 2, 3.5]]},
                      {"id": "b", "image_id": 2, "category_id": 2, "bbox": [0, 0, 1e2, 4E1], "iscrowd": 1}]}
TEXT_GT = json.loads(json.dumps(GT).replace('"id": 1,', '"id": "1",').replace('_id": 1', '_id": "1"')
                     .replace('"id": 2', '"id": "2"').replace('_id": 2', '_id": "2"'))
RECORDS = [{"image_id": 1, "category_id": 1, "bbox": [1.5, 2, 30, 40], "score": 0.9, "note": "\u00e9\\u0041"},
           {"image_id": 2, "category_id": 2, "bbox": [0, -0.0, 1.25e1, 40], "score": 5e-1}]
NAMED = [{"image_id": "1", "category_name": "cat", "bbox": [1, 2, 3, 4], "score": 1, "file_name": "a.jpg"}]
PREDICTIONS = [json.dumps(RECORDS).encode(), "\n".join(map(json.dumps, RECORDS)).encode(),
               json.dumps({"annotations": RECORDS, "info": {"x": [None, True]}}).encode(), json.dumps(NAMED).encode()]
TRUTHS = [json.dumps(GT).encode(), json.dumps(TEXT_GT, ensure_ascii=False).encode()]
TOKENS = [
    b"", b"0", b"-", b".", b"e", b"1e400", b"-0", b"01", b"+1", b"1.", b".5", b"1.0", b"1e0", b"1E-400", b"9" * 25,
    b"9223372036854775807", b"9223372036854775808", b"NaN", b"Infinity", b"null", b"true", b'"score"', b'"image_id":1,',
    b'"', b"\\", b"\\u0041", b"\\ud800", b"\\ud83d\\ude00", b"\\q", b"[", b"]", b"{", b"}", b",", b":", b"'", b" ",
    b"\n", b"\r", b"\0", b"\x01", b"\x7f", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"/*", b"//",
]


def mutant(rng, base):
    """A valid file with one to three places replaced, removed or doubled; often but a digit for another."""
    data = bytearray(base)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        digits = [place for place, byte in enumerate(data) if 48 <= byte < 58]
        if digits and rng.random() < 0.3:
            data[digits[int(rng.integers(len(digits)))]] = 48 + int(rng.integers(10))
            continue
        start = int(rng.integers(len(data) + 1))
        stop = min(len(data), start + int(rng.choice([0, 0, 1, 1, 2, 5, 40])))
        kind = rng.random()
        if kind < 0.6:
            data[start:stop] = TOKENS[int(rng.integers(len(TOKENS)))]
        elif kind < 0.8:
            data[start:stop] = bytes([int(rng.integers(256))])
        elif kind < 0.9:
            data[start:start] = data[start:stop]
        else:
            del data[start:stop]
    return bytes(data)


def parse_values(data):
    """All JSON values of a text, by Python's json; raises ValueError where it is not JSON."""
    text, values, position = data.decode("utf-8"), [], 0
    while text[position:].strip(" \t\n\r"):
        position += len(text[position:]) - len(text[position:].lstrip(" \t\n\r"))
        value, position = json.JSONDecoder().raw_decode(text, position)
        values.append(value)
    return values


def same(number, value):
    """Whether a column's float is what json read, bit for bit but for the sign of the integer -0."""
    return number == float(value) and (math.copysign(1, number) == math.copysign(1, float(value)) or value == 0)


def check_detections(text):
    columns = decode.decode_detections(text)
    if columns is None:
        return False
    values = parse_values(text.data)
    if len(values) == 1:
        (value,) = values
        lists = [value.get(name) for name in ("annotations", "predictions")] if isinstance(value, dict) else [value]
        values = next((one for one in lists if one is not None), values)
    assert len(values) == len(columns)
    for place, value in enumerate(values):
        assert (columns.image_id[place], type(columns.image_id.tolist()[place])) == (
            value["image_id"], type(value["image_id"]))
        if columns.category_id is not None:
            assert columns.category_id[place] == value["category_id"]
        else:
            assert columns.category_name[place] == value["category_name"]
        assert all(same(*pair) for pair in zip(columns.boxes[place], value["bbox"], strict=True))
        assert same(columns.scores[place], value["score"])
    return True


def check_ground_truth(text):
    columns = decode.decode_ground_truth(text)
    if columns is None:
        return False
    (value,) = parse_values(text.data)
    assert (columns.images, columns.categories) == (value["images"], value["categories"])
    assert columns.annotation_ids == [one.get("id") for one in value["annotations"]]
    for place, one in enumerate(value["annotations"]):
        assert (columns.image_id[place], columns.category_id[place]) == (one["image_id"], one["category_id"])
        assert all(same(*pair) for pair in zip(columns.boxes[place], one["bbox"], strict=True))
        assert columns.area[place] == one["area"] if "area" in one else np.isnan(columns.area[place])
        assert columns.is_crowd[place] == bool(one.get("iscrowd", 0))
    return True


def run_mutants(count, seed):
    """Read mutants all the way; returns how many were accepted by the fast decode and how many held no error."""
    rng = np.random.default_rng(seed)
    truth = load_ground_truth(GT)
    accepted = good = 0
    for number in range(count):
        is_truth = number % 3 == 0
        bases = TRUTHS if is_truth else PREDICTIONS
        data = mutant(rng, bases[int(rng.integers(len(bases)))])
        text = source._decoded("f.json", data, len(data), 1)
        try:
            if isinstance(text, source.Text):
                accepted += check_ground_truth(text) if is_truth else check_detections(text)
            with mock.patch("deteval.loading.ground_truth.read_text", return_value=text), \
                    mock.patch("deteval.loading.detections.read_text", return_value=text):
                loaded, findings = read_ground_truth("f.json") if is_truth else read_detections("f.json", truth)
            errors = [finding for finding in findings if finding.severity == ERROR]
            assert errors or loaded is not None
            assert all(finding.message.startswith(("f.json: ", "predictions: ")) for finding in findings)
            if not errors:
                good += 1
                assert not isinstance(text, Finding)
                parse_values(text.data)
        except Exception as error:
            raise AssertionError(f"mutant {number} of seed {seed}: {data!r}") from error
    return accepted, good


@pytest.mark.filterwarnings("error")
def test_mutants_never_crash_and_are_read_as_python_reads_them():
    accepted, good = run_mutants(20_000, seed=1)
    assert accepted > 3000  # else the mutants are too wild to test the fast decode
    assert good > 3000


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_million_mutants(seed):
    run_mutants(100_000, seed)


NUMBERS = ["0", "-0", "-0.0", "1", "1.0", "1e0", "1E+2", "1e-2", "1e-400", "5e-324", "2.4703282292062328e-324", "1e308",
           "1.7976931348623157e308", "0." + "3" * 400, "0." + "0" * 400 + "1", "1" * 300, "9007199254740993",
           "9007199254740992.9999", "18446744073709551615", "18446744073709551617", "123456789012345678901234567890",
           "0.1", "0.30000000000000004", "2.2250738585072011e-308", "1.00000000000000011102230246251565",
           "7.2057594037927933e16", "6631236871469758276785396630275967242973358704e-60"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:24])
def test_numbers_are_those_of_python(number):
    text = f'[{{"image_id": 1, "category_id": 1, "bbox": [{number}, 0, 1, 1], "score": {number}}}]'.encode()
    columns = decode.decode_detections(source.Text("f.json", text, len(text)))
    assert columns is not None, "the fast decode declined a number"
    assert same(columns.scores[0], json.loads(number))
    assert same(columns.boxes[0, 0], json.loads(number))


def test_random_numbers_are_those_of_python():
    rng = np.random.default_rng(3)
    numbers = [f"{digits[:-3]}.{digits[-3:]}e{exponent}" for digits, exponent in
               zip(rng.integers(10**17, 10**18, 5000).astype(str), rng.integers(-330, 290, 5000), strict=True)]
    numbers += [repr(value) for value in rng.random(5000).tolist()]
    records = (f'{{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": {number}}}' for number in numbers)
    text = f"[{','.join(records)}]".encode()
    columns = decode.decode_detections(source.Text("f.json", text, len(text)))
    assert columns.scores.tolist() == [json.loads(number) for number in numbers]
