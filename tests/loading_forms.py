"""The same data in every form that is read, and the careful decode forced in place of the fast one."""

import contextlib
import gzip
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
from datasets import DataSet, random_dataset

from deteval.records.dataset import Detections, GroundTruth

DECODERS = ("decode_detections", "decode_ground_truth", "convert_detections", "convert_ground_truth")


@contextlib.contextmanager
def careful_only() -> Iterator[None]:
    """The fast decode declines everything."""
    with contextlib.ExitStack() as stack:
        for name in DECODERS:
            stack.enter_context(mock.patch(f"deteval.loading.decode.{name}", return_value=None))
        yield


@contextlib.contextmanager
def fast_only() -> Iterator[None]:
    """The careful decode must not be called."""
    def refuse(*_: Any) -> None:
        raise AssertionError("the fast decode declined")

    with mock.patch("deteval.loading.untyped.detections_from", refuse), \
            mock.patch("deteval.loading.untyped.ground_truth_from", refuse), \
            mock.patch("deteval.loading.untyped.read_detections", refuse), \
            mock.patch("deteval.loading.untyped.read_ground_truth", refuse):
        yield


def data_sets(count: int, first: int = 0) -> list[DataSet]:
    """Fuzzed data sets that hold detections."""
    found = (random_dataset(seed) for seed in range(first, first + 50 * count))
    return [data for data in found if data.detections][:count]


def with_names(data: DataSet) -> list[dict[str, Any]]:
    """The detections, naming their class instead of giving its id."""
    names = {one["id"]: one["name"] for one in data.ground_truth["categories"]}
    return [{key: value for key, value in one.items() if key != "category_id"}
            | {"category_name": names[one["category_id"]]} for one in data.detections]


def forms(records: list[dict[str, Any]]) -> dict[str, bytes]:
    """A results list as bytes in every layout."""
    plain = json.dumps(records).encode()
    lines = "\n".join(json.dumps(one) for one in records).encode()
    extra = [one | {"segmentation": [[1, 2.5, None]], "note": "\u00e9\"\\ \U0001f600", "deep": {"a": [[], {}]}}
             for one in records]
    return {
        "list": plain, "pretty": json.dumps(records, indent=2).encode(), "lines": lines + b"\n",
        "lines without a last end": lines, "lines with CRLF": lines.replace(b"\n", b"\r\n") + b"\r\n",
        "lines with empty ones": b"\n\n" + lines.replace(b"\n", b"\n\n") + b"\n\n",
        "annotations": b'{"info": {"a": 1}, "annotations": ' + plain + b"}",
        "predictions": b'\n {"predictions": ' + plain + b', "x": null}', "BOM": b"\xef\xbb\xbf" + plain,
        "gzip": gzip.compress(plain), "gzip of lines": gzip.compress(lines), "gzip of BOM": gzip.compress(
            b"\xef\xbb\xbf" + plain), "extra fields": json.dumps(extra).encode(),
        "extra fields in UTF-8": json.dumps(extra, ensure_ascii=False).encode(),
        "fields sorted": json.dumps(records, sort_keys=True).encode(),
        "white space around": b" \r\n\t" + plain + b" \r\n\t\n",
    }


def assert_same(one: Detections | GroundTruth, other: Detections | GroundTruth) -> None:
    """Equal columns, bit for bit; inputs and findings aside, which name files."""
    assert type(one) is type(other)
    for field in one.__struct_fields__:
        mine, its = getattr(one, field), getattr(other, field)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == its.dtype, field
            assert mine.tobytes() == its.tobytes() if mine.dtype != object else (mine == its).all(), field
        elif field in ("images", "categories"):
            assert mine.ids.tolist() == its.ids.tolist()
        elif field not in ("inputs", "findings"):
            assert mine == its, field
