"""Fields of image records are kept where they are asked for, the same by every way of reading, and only then."""

import copy
import gzip
import json

import numpy as np
import pytest
from datasets import random_dataset
from loading_forms import careful_only
from records_equal import differing

import deteval
from deteval.loading.ground_truth import read_ground_truth

FIELDS = [
    {"license": 3, "timeofday": "night", "attributes": {"weather": "rain", "deep": {"er": 1}, "tags": ["a"]}},
    {"timeofday": None, "exposure": 0.5, "list": [1], "attributes.scene": "plain wins",
     "attributes": {"scene": "nested loses"}},
    {"license": 0, "is_test": True, "attributes": {"weather": "\u00e9\U0001f600", "scene": "city", "clear": False}},
    {"license": 3.0, "attributes": None, "": "no name"},
]
EXPECTED = {
    "license": (3, None, 0, 3.0), "timeofday": ("night", None, None, None), "exposure": (None, 0.5, None, None),
    "is_test": (None, None, True, None), "": (None, None, None, "no name"),
    "attributes.weather": ("rain", None, "\u00e9\U0001f600", None), "attributes.clear": (None, None, False, None),
    "attributes.scene": (None, "plain wins", "city", None),
}


def truth():
    images = [{"id": 4 - place, "file_name": f"{place}.jpg", "width": 10, "height": 10} | fields
              for place, fields in enumerate(FIELDS)]
    return {"images": images, "categories": [{"id": 1, "name": "car"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}]}


def check(fields):
    assert set(fields) == set(EXPECTED)
    for name, values in fields.items():
        expected = EXPECTED[name][::-1]  # ids descend in the file
        assert (name, values, list(map(type, values))) == (name, expected, list(map(type, expected)))


@pytest.mark.parametrize("form", ["scanned", "pretty", "gzip", "escaped key", "careful", "mapping", "careful mapping",
                                  "arrays"])
def test_every_way_of_reading_keeps_the_same_fields(form, tmp_path):
    path, value = tmp_path / "gt.json", truth()
    text = json.dumps(value, indent=1 if form == "pretty" else None)
    if form == "escaped key":
        text = text.replace('"annotations"', '"annotati\\u006fns"')
    path.write_bytes(gzip.compress(text.encode()) if form == "gzip" else text.encode())
    if form == "arrays":
        columns = {name: np.array([one[name] for one in value["annotations"]]) for name in value["annotations"][0]}
        check(deteval.load_ground_truth(value | {"annotations": columns}, image_fields=True).images.fields)
    elif "careful" in form:
        with careful_only():
            source = value if "mapping" in form else path
            if form == "careful":
                path.write_text(text.replace('"annotations"', '"annotati\\u006fns"'))
            check(deteval.load_ground_truth(source, image_fields=True).images.fields)
    else:
        check(deteval.load_ground_truth(value if form == "mapping" else path, image_fields=True).images.fields)


def test_not_asked_for_not_kept(tmp_path):
    (tmp_path / "gt.json").write_text(json.dumps(truth()))
    for source in (truth(), tmp_path / "gt.json"):
        assert deteval.load_ground_truth(source).images.fields == {}


def test_numbers_and_flags_of_numpy_are_plain_and_what_is_not_finite_is_absent():
    value = truth()
    for image, extra in zip(value["images"], (np.float32(0.5), np.int64(2), np.bool_(True), float("nan")), strict=True):
        image["extra"] = extra
    values = deteval.load_ground_truth(value, image_fields=True).images.fields["extra"]
    assert (values, [type(one) for one in values]) == ((None, True, 2, 0.5), [type(None), bool, int, float])


@pytest.mark.parametrize("seed", range(0, 90, 3))
def test_asking_for_fields_changes_nothing_else(seed, tmp_path):
    data = random_dataset(seed)
    (tmp_path / "gt.json").write_text(json.dumps(data.ground_truth))
    for source in (tmp_path / "gt.json", copy.deepcopy(data.ground_truth)):
        plain, found = read_ground_truth(source)
        asked, same = read_ground_truth(source, image_fields=True)
        assert (found, differing(asked, plain)) == (same, [])


def test_an_image_listed_again_keeps_the_fields_of_the_first():
    value = truth()
    value["images"].append(value["images"][0] | {"timeofday": "day"})
    gt = deteval.load_ground_truth(value, image_fields=True, allow=frozenset({"duplicate-image"}))
    assert gt.images.fields["timeofday"][3] == "night"
