"""The scanner against Python's json: whatever it accepts is JSON and has equal values, on any number of pieces."""

import contextlib
import json
import random
import zlib
from unittest import mock

import numpy as np
import pytest
from scan_oracle import FILES, assert_equal, check, run_mutants, text_of

from deteval.kernels import json_columns, json_values, numbers
from deteval.kernels.compiled import Kernel
from deteval.loading import scan


@pytest.mark.parametrize("scanner, make", FILES)
def test_every_valid_form_is_accepted(scanner, make):
    for seed in range(1500):
        data = make(random.Random(seed), 0).encode()
        assert check(scanner, data), f"seed {seed}: {data!r}"


def test_mutants_are_declined_or_read_as_python_reads_them():
    assert run_mutants(20_000, seed=1) > 5000  # else the mutants are too wild to test anything


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 22))
def test_a_million_mutants(seed):
    assert run_mutants(50_000, seed) > 12_000


def check_pieces(scanner, data, piece=None, threads=None):
    """Whether the scanner accepts a file; in pieces on threads it must do what it does in one go."""
    text, chance = text_of(data), zlib.crc32(data)
    if text is None:
        return False
    serial = scanner(text, 1)
    with mock.patch.object(scan, "PIECE", piece or 1 + chance % 200):
        pieces = scanner(text, threads or 2 + chance % 3)
    assert (serial is None) == (pieces is None)
    if serial is not None:
        assert_equal(pieces, serial)
    return serial is not None


def test_mutants_are_the_same_in_pieces():
    assert run_mutants(5000, 101, check_pieces) > 1200


@pytest.mark.long
@pytest.mark.parametrize("seed", range(102, 112))
def test_many_mutants_are_the_same_in_pieces(seed):
    assert run_mutants(50_000, seed, check_pieces) > 12_000


RECORD = '{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}'
TRUE_RECORD = '{"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3.5, 4], "area": 5, "iscrowd": 0}'
WITH_MASK = TRUE_RECORD[:-1] + ', "segmentation": {"size": [4, 5], "counts": "}, {"}, "x": [{}, {"a": {}}, {"a": 1}]}'
IN_STRING = json.dumps(f"{RECORD}, {RECORD}, {TRUE_RECORD}, {TRUE_RECORD}], {{}}, {{")
DIRECTED = {
    "plain records": f"[{', '.join([RECORD] * 9)}]",
    "records in a string": f'[{RECORD}, {RECORD[:-1]}, "note": {IN_STRING}}}, {RECORD}, {RECORD}]',
    "records in a list": f'[{RECORD}, {RECORD[:-1]}, "x": [{RECORD}, {RECORD}, {RECORD}]}}, {RECORD}, {RECORD}]',
    "a list at the end": f'[{RECORD}, {RECORD[:-1]}, "x": [{RECORD}, {RECORD}, {RECORD}]}}]',
    "records in a key": f"[{RECORD}, {RECORD[:-1]}, {json.dumps('a}, {')}: {IN_STRING}}}, {RECORD}]",
    "more sections": f'{{"x": [{RECORD}, {RECORD}], "annotations": [{RECORD}, {RECORD}], "y": [{RECORD}, {RECORD}]}}',
    "ground truth": f'''{{"categories": [{{"id": 2}}, {{"id": 3}}], "annotations": [{TRUE_RECORD}, {WITH_MASK},
        {WITH_MASK}, {TRUE_RECORD}], "images": [{TRUE_RECORD}, {TRUE_RECORD}], "info": {IN_STRING}}}''',
}


@pytest.mark.parametrize("name", DIRECTED)
def test_pieces_of_every_length(name):
    scanner = scan.scan_ground_truth if name == "ground truth" else scan.scan_detections
    data = DIRECTED[name].encode()
    assert check(scanner, data)
    for piece in range(1, 201):
        assert check_pieces(scanner, data, piece, 3)


def test_pieces_are_joined_rather_than_scanned_again():
    text = text_of(f"[{', '.join([RECORD] * 100)}]".encode())
    with mock.patch.object(scan, "PIECE", 300), mock.patch.object(scan, "_joined", wraps=scan._joined) as joined:
        assert len(scan.scan_detections(text, 2)) == 100
    assert len(joined.call_args.args[0]) > 15


def test_what_holds_no_records_is_looked_through_once():
    text = text_of(f'{{"annotations": [{RECORD}], "x": "{"y" * 9000}"}}'.encode())
    kernel = json_columns.next_record
    with mock.patch.object(scan, "PIECE", 100), mock.patch.object(json_columns, "next_record", wraps=kernel) as looked:
        assert len(scan.scan_detections(text, 2)) == 1
    assert looked.call_count == 1


@pytest.mark.parametrize("depth", [58, 60, 62, 5000])
def test_values_nested_deeper_than_sixty_are_declined(depth):
    start, end = f'[{RECORD[:-1]}, "x": ' + '[{"":' * (depth // 2), "}]" * (depth // 2)
    assert check(scan.scan_detections, f"{start}1{end}}}]".encode()) == (depth <= 60)
    for wrong in (end[:-1] + "}", end[2:], end + "]", f"]{end[1:]}", f",{end}"):
        assert not check(scan.scan_detections, f"{start}1{wrong}}}]".encode())


@pytest.mark.parametrize("field", ["image_id", "category_id", "bbox", "score", "id", "area", "iscrowd", "ignore"])
def test_fields_of_interest_that_are_repeated_are_declined(field):
    record = json.loads(RECORD) | json.loads(TRUE_RECORD) | {"ignore": 1}
    once = json.dumps(record)
    twice = f'{once[:-1]}, "{field}": {json.dumps(record[field])}}}'
    for scanner, frame in ((scan.scan_detections, "[%s]"),
                           (scan.scan_ground_truth, '{"images": [], "categories": [], "annotations": [%s]}')):
        assert check(scanner, (frame % once).encode())
        assert not check(scanner, (frame % twice).encode())


@pytest.mark.parametrize("section", ["annotations", "images", "x"])
def test_sections_that_are_repeated_are_declined(section):
    once = f'{{"images": [], "categories": [], "annotations": [{TRUE_RECORD}], "x": []}}'
    assert check(scan.scan_ground_truth, once.encode())
    assert not check(scan.scan_ground_truth, f'{once[:-1]}, "{section}": [{TRUE_RECORD}]}}'.encode())


class Guarded:
    """An array that no position before its start or after its end reaches; Python would count from the end."""

    def __init__(self, array):
        self.values, self.size = array if array.flags.writeable else array.tobytes(), len(array)

    def __getitem__(self, place):
        assert 0 <= place < self.size
        return self.values[place]

    def __setitem__(self, place, value):
        assert 0 <= place < self.size
        self.values[place] = value


@contextlib.contextmanager
def guarded_kernels():
    """The kernels of the scanner as plain Python on guarded arrays."""
    def guarded(function):
        return lambda *arguments: function(*(Guarded(one) if isinstance(one, np.ndarray) else one for one in arguments))

    with contextlib.ExitStack() as stack, np.errstate(over="ignore"):
        for module in (json_columns, json_values, numbers):
            for name, value in list(vars(module).items()):
                if isinstance(value, Kernel):
                    stack.enter_context(mock.patch.object(module, name, guarded(value.function)))
                elif hasattr(value, "py_func"):  # a helper that was compiled for another test
                    stack.enter_context(mock.patch.object(module, name, value.py_func))
        yield


def test_nothing_is_read_or_written_out_of_bounds():
    with guarded_kernels():
        assert run_mutants(4000, seed=201) > 1000


@pytest.mark.long
@pytest.mark.parametrize("seed", range(202, 212))
def test_nothing_is_read_or_written_out_of_bounds_in_many(seed):
    with guarded_kernels():
        assert run_mutants(20_000, seed) > 4800


EVERY_TOKEN = f'''[{RECORD[:-1]}, "x": [true, false, null, -1.5e+10, 1E5, [0.5, -1], [1 , 2], "\\u00e9\\n\\"",
    {{}}, [], {{"a": "", "b": {{"c": -0}}}}], "iscrowd": false, "ignore": 1}}, {RECORD}]'''


def test_files_cut_off_anywhere():
    files = [(scanner, make(random.Random(seed), 0)) for scanner, make in FILES for seed in range(3)]
    as_truth = f'{{"images": [], "categories": [], "annotations": {EVERY_TOKEN}}}'
    with guarded_kernels():
        for scanner, text in [*files, (scan.scan_detections, EVERY_TOKEN), (scan.scan_ground_truth, as_truth)]:
            data = text.encode().rstrip()
            assert check(scanner, data)
            for end in range(len(data)):
                assert not check(scanner, data[:end]), data[:end]


def test_columns_that_are_too_short_are_not_overrun():
    with guarded_kernels(), mock.patch.dict(scan.SHORTEST, {json_columns.DETECTION: 10**9}):
        for records in range(1, 5):
            assert check(scan.scan_detections, f"[{', '.join([RECORD] * records)}]".encode()) == (records <= 2)
