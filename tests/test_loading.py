"""One set of columns whatever the form: fast and careful decode, layouts, shards, names, formats and remedies."""

import io
import json
import sys

import numpy as np
import pytest
from loading_forms import assert_same, careful_only, data_sets, fast_only, forms, with_names

from deteval.errors import DetevalError
from deteval.loading.detections import load_detections, read_detections
from deteval.loading.ground_truth import load_ground_truth, read_ground_truth
from deteval.loading.image_list import read_image_list
from deteval.records.reading import COCO_80_TO_91, Reading

DATA = data_sets(12)
IDS = [f"{number} {type(data.ground_truth['images'][0]['id']).__name__}" for number, data in enumerate(DATA)]
each_data_set = pytest.mark.parametrize("data", DATA, ids=IDS)


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


@each_data_set
def test_careful_and_fast_decode_give_the_same_ground_truth(data, tmp_path):
    file = write(tmp_path / "gt.json", data.ground_truth)
    with fast_only():
        fast, findings = read_ground_truth(file)
    with careful_only():
        careful, its_findings = read_ground_truth(file)
    assert_same(fast, careful)
    assert findings == its_findings


@each_data_set
def test_every_form_of_predictions_gives_the_same_columns(data, tmp_path):
    truth = load_ground_truth(data.ground_truth)
    for records in (data.detections, with_names(data)):
        expected = load_detections(write(tmp_path / "plain.json", records), truth)
        for name, content in forms(records).items():
            file = write(tmp_path / "preds", content)
            with fast_only():
                fast, findings = read_detections(file, truth)
            with careful_only():
                careful, its_findings = read_detections(file, truth)
            assert_same(expected, fast)
            assert_same(fast, careful)
            assert findings == its_findings, name


def test_columns_hold_the_values_of_the_file(tmp_path):
    data = DATA[0]
    truth = load_ground_truth(data.ground_truth)
    found = load_detections(write(tmp_path / "preds.json", data.detections), truth)
    for position, record in enumerate(data.detections):
        assert truth.images.ids[found.image[position]] == record["image_id"]
        assert truth.categories.ids[found.category[position]] == record["category_id"]
        assert found.boxes[position].tolist() == [float(value) for value in record["bbox"]]
        assert (found.scores[position], found.row[position]) == (record["score"], position)


def test_stdin_and_gzip_on_stdin(monkeypatch):
    data = DATA[0]
    truth = load_ground_truth(data.ground_truth)
    expected = load_detections(data.detections, truth)
    for content in forms(data.detections).values():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert_same(load_detections("-", truth), expected)


@each_data_set
def test_shards_concatenate(data, tmp_path):
    truth = load_ground_truth(data.ground_truth)
    images = {one["image_id"] for one in data.detections}
    half = set(sorted(images)[: len(images) // 2])
    parts = [[one for one in data.detections if (one["image_id"] in half) == mine] for mine in (True, False)]
    files = [write(tmp_path / f"{number}.json", part) for number, part in enumerate(parts)]
    found, expected = load_detections(files, truth), load_detections([*parts[0], *parts[1]], truth)
    assert found.first_rows == (0, len(parts[0]))
    for name in ("image", "category", "boxes", "scores", "row"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()


GT = {"images": [{"id": 5, "file_name": "val/0005.jpg"}, {"id": 7, "file_name": "val/0007.png"}],
      "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
      "annotations": [{"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 1200, "iscrowd": 0}]}


def detection(image=5, category=1, box=(1, 2, 30, 40), **more):
    return {"image_id": image, "category_id": category, "bbox": list(box), "score": 0.5} | more


def columns(records, reading, truth=GT):
    found = load_detections(records, load_ground_truth(truth), reading)
    return found.image.tolist(), found.category.tolist(), found.boxes.tolist()


@pytest.mark.parametrize("box_format, box", [("xywh", (1, 2, 30, 40)), ("xyxy", (1, 2, 31, 42)),
                                             ("cxcywh", (16, 22, 30, 40))])
def test_box_formats(box_format, box):
    assert columns([detection(box=box)], Reading(box_format=box_format))[2] == [[1, 2, 30, 40]]


@pytest.mark.parametrize("reading, given, expected", [
    (Reading(category_offset=1), [0, 1], [0, 1]),
    (Reading(category_offset=-1), [2, 3], [0, 1]),
    (Reading(category_map={0: 1, 9: "dog"}), [0, 9, 2], [0, 1, 1]),
    (Reading(category_map={"a": "cat", "b": 2}), ["a", "b"], [0, 1]),
    (Reading(category_map=COCO_80_TO_91, closed_map=True), [0, 1], [0, 1]),
], ids=["+1", "-1", "to ids and names, others kept", "from names", "coco80to91"])
def test_category_maps(reading, given, expected):
    assert columns([detection(category=one) for one in given], reading)[1] == expected


def test_a_closed_map_does_not_keep_what_it_lacks():
    with pytest.raises(DetevalError, match=r"detections\[0\].category_id: 80 is not a category"):
        columns([detection(category=80)], Reading(category_map=COCO_80_TO_91, closed_map=True))


@pytest.mark.parametrize("category", [2**63 - 1, -(2**63)])
def test_a_map_may_lead_beyond_64_bits_and_finds_nothing_there(category):
    for reading in (Reading(category_offset=1 if category > 0 else -1), Reading(category_map={category: 2**70})):
        with pytest.raises(DetevalError, match=f"category_id: {category} is not a category"):
            columns([detection(category=category)], reading)


@pytest.mark.parametrize("match_images, names", [
    ("file_name", ["val/0005.jpg", "val/0007.png"]), ("stem", ["0005", "x/0007.JPG"]), ("stem", [5, 7])])
def test_images_by_name(match_images, names):
    reading = Reading(match_images=match_images)
    assert columns([detection(image=one) for one in names], reading)[0] == [0, 1]
    records = [detection(image=number, file_name=str(one)) for number, one in enumerate(names)]
    assert columns(records, reading)[0] == [0, 1]


def test_category_names_that_stand_twice_stay_unique():
    truth = GT | {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}, {"id": 3, "name": "a#2"}, {"id": 4}]}
    names = load_ground_truth(truth, allow=frozenset({"duplicate-category"})).categories.names
    assert names == ("a#1", "a#2#2", "a#2#3", "4")


@pytest.mark.parametrize("text, expected", [
    ("5\n7\n", [0, 1]), ("# a comment\r\n\r\n 7 \r\n", [1]), ("[7, 5, 7]", [0, 1]), ('["5", 7.0]', [0, 1]), ("5", [0])])
def test_image_lists(text, expected, tmp_path):
    file = write(tmp_path / "images.txt", text.encode())
    assert read_image_list(file, load_ground_truth(GT).images).tolist() == expected


@pytest.mark.parametrize("text, message", [
    ("", "lists no image"),
    ("[]", "lists no image"),
    ("[true]", "true is not an image of the ground truth"),
    ("5\n+5\n1_0\n", "'+5' is not an image of the ground truth (and 1 more)"),
    ("[1.5, null]", "1.5 is not an image of the ground truth (and 1 more)"),
    ("[[5]]", "[5] is not an image of the ground truth"),
    ("9" * 5000, "'" + "9" * 20 + "…" + "9" * 39 + "' is not an image of the ground truth"),
    ("[5", "not JSON: the file is cut off at byte 2 (line 1, column 3)"),
    ("[" * 100_000, "lists or objects are nested too deeply to be read"),
    ("{}", "holds {}; a list of image ids, or one id a line, is needed"),
], ids=range(10))
def test_broken_image_lists(text, message, tmp_path):
    file = write(tmp_path / "images.txt", text.encode())
    with pytest.raises(DetevalError) as error:
        read_image_list(file, load_ground_truth(GT).images)
    assert str(error.value) == f"{file}: {message}"


def test_string_ids_of_images_in_a_list(tmp_path):
    truth = load_ground_truth({"images": [{"id": "5"}, {"id": "a b"}], "categories": GT["categories"],
                               "annotations": []})
    assert read_image_list(write(tmp_path / "images.txt", b"a b\n5\n"), truth.images).tolist() == [0, 1]
    assert np.array_equal(read_image_list(write(tmp_path / "images.txt", b'["a b"]'), truth.images), [1])
