"""Records and arrays in memory: the same columns as from a file, and the same care."""

import json

import numpy as np
import pytest
from loading_forms import assert_same, data_sets

from deteval import Reading, load_detections, load_ground_truth
from deteval.errors import INPUT, USAGE, DetevalError

DATA = data_sets(8)
each_data_set = pytest.mark.parametrize("data", DATA, ids=range(len(DATA)))
pytestmark = pytest.mark.filterwarnings("error")

TRUTH = {"images": [{"id": 1}, {"id": 2}], "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}]}
RECORD = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
ARRAYS = {"image_id": [1, 2], "category_id": [1, 2], "bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "score": [0.5, 0.25]}


def arrays_of(records, names):
    return {name: [record[name] for record in records] for name in names}


@each_data_set
def test_lists_and_arrays_equal_files(data, tmp_path):
    (tmp_path / "gt.json").write_text(json.dumps(data.ground_truth))
    (tmp_path / "dt.json").write_text(json.dumps(data.detections))
    truth = load_ground_truth(tmp_path / "gt.json")
    assert_same(load_ground_truth(data.ground_truth), truth)
    expected = load_detections(tmp_path / "dt.json", truth)
    arrays = arrays_of(data.detections, ("image_id", "category_id", "bbox", "score"))
    for given in (data.detections, tuple(data.detections), {"annotations": data.detections}, arrays,
                  {name: np.array(values) for name, values in arrays.items()}, numpy_records(data.detections)):
        assert_same(load_detections(given, truth), expected)


def numpy_records(records):
    """Records as a training loop has them: numpy scalars, and boxes that are arrays."""
    return [{"image_id": np.int64(one["image_id"]) if isinstance(one["image_id"], int) else np.str_(one["image_id"]),
             "category_id": one["category_id"], "bbox": np.array(one["bbox"], np.float64),
             "score": np.float64(one["score"])} for one in records]


def test_annotations_as_arrays():
    annotations = {"image_id": np.array([1, 1], np.uint8), "category_id": [1, 2], "iscrowd": [False, True],
                   "bbox": np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32), "id": [7, 8]}
    truth = load_ground_truth(TRUTH | {"annotations": annotations})
    assert (truth.image.tolist(), truth.category.tolist(), truth.is_crowd.tolist()) == ([0, 0], [0, 1], [False, True])
    assert (truth.area.tolist(), truth.annotation_ids.tolist()) == ([12.0, 56.0], [7, 8])
    assert [finding.code for finding in truth.findings] == ["no-area"]


def test_float32_is_widened_not_rounded():
    truth = load_ground_truth(TRUTH)
    boxes, scores = np.array([[0.1, 0.2, 3.3, 4.4]], np.float32), np.array([0.7], np.float32)
    found = load_detections({"image_id": [1], "category_id": [1], "bbox": boxes, "score": scores}, truth)
    assert (found.boxes.tolist(), found.scores.tolist()) == (boxes.astype(float).tolist(), [float(scores[0])])
    listed = load_detections([RECORD | {"bbox": boxes[0], "score": scores[0]}], truth)
    assert_same(listed, found)


def test_nothing_in_memory():
    truth = load_ground_truth(TRUTH)
    for empty in ([], (), {"annotations": []}, dict.fromkeys(ARRAYS, ()), {"bbox": np.zeros((0, 4)), "image_id": [],
                                                                           "category_id": [], "score": []}):
        found = load_detections(empty, truth)
        assert (len(found), [finding.code for finding in found.findings]) == (0, ["empty-predictions"])


@pytest.mark.parametrize("change, message", [
    ({"score": float("nan")}, "score: is nan, must be a finite number [not-finite]"),
    ({"score": float("inf")}, "score: is inf (as numbers beyond 1.8e308 become), must be a finite number [not-finite]"),
    ({"score": np.float32("nan")}, "score: is nan, must be a finite number [not-finite]"),
    ({"score": True}, "score: is true, must be a finite number [not-finite]"),
    ({"score": np.bool_(True)}, "score: is true, must be a finite number [not-finite]"),
    ({"score": 10**400},
     f"score: is 1{'0' * 19}…{'0' * 39} (as numbers beyond 1.8e308 become), must be a finite number [not-finite]"),
    ({"score": np.array([0.5, 0.6])}, "score: is array([0.5, 0.6]), must be a finite number [not-finite]"),
    ({"bbox": [1, 2, float("nan"), 4]}, "bbox[2]: is nan, must be a finite number [not-finite]"),
    ({"bbox": [1, 2, 3, np.inf]}, "bbox[3]: is inf, must be a finite number [not-finite]"),
    ({"bbox": np.zeros((2, 2))}, "bbox: has 2 values, must have four: x, y, width, height [box-shape]"),
    ({"image_id": 10**5000},
     "image_id: is a number of thousands of digits, beyond 64 bits; use strings for such ids [bad-id]"),
    ({"image_id": np.float64(1.5)}, "image_id: is 1.5, must be a whole number or a string [bad-id]"),
    ({"image_id": None}, "image_id: is null, must be a whole number or a string [bad-id]"),
], ids=range(13))
def test_records_in_memory_are_checked_as_files_are(change, message):
    with pytest.raises(DetevalError) as error:
        load_detections([RECORD, RECORD | change], load_ground_truth(TRUTH))
    assert str(error.value) == f"predictions: detections[1].{message}"
    assert error.value.exit_code == INPUT


@pytest.mark.parametrize("change, message", [
    ({"score": [0.5, np.nan]}, "predictions: detections[1].score: is nan, must be a finite number [not-finite]"),
    ({"bbox": [[1, 2, 3, np.nan], [1, 2, 3, 4]]},
     "predictions: detections[0].bbox[3]: is nan, must be a finite number [not-finite]"),
    ({"score": [np.inf, 0.5]}, "predictions: detections[0].score: is inf, must be a finite number [not-finite]"),
])
def test_arrays_are_checked_as_files_are(change, message):
    with pytest.raises(DetevalError) as error:
        load_detections(ARRAYS | change, load_ground_truth(TRUTH))
    assert (str(error.value), error.value.exit_code) == (message, INPUT)


@pytest.mark.parametrize("change", [
    {"bbox": [[1, 2, 3, 4], [1, 2]]}, {"bbox": [1, 2, 3, 4]}, {"bbox": [["a"] * 4] * 2}, {"score": [0.5]},
    {"score": ["a", "b"]}, {"score": [[1], [1, 2]]}, {"image_id": [1]}, {"image_id": [1.0, 2.5]},
    {"image_id": [1, None]}, {"image_id": [1, 2**63]}, {"image_id": [1, 2**70]}, {"image_id": [[1], [2, 3]]},
    {"category_id": None}])
def test_arrays_of_the_wrong_shape_are_a_usage_error(change):
    with pytest.raises(DetevalError) as error:
        load_detections(ARRAYS | change, load_ground_truth(TRUTH))
    assert error.value.exit_code == USAGE


@pytest.mark.parametrize("change", [
    {"images": None}, {"categories": "ab"}, {"annotations": ARRAYS | {"id": [1]}}, {"annotations": {"bbox": [[1]]}},
    {"annotations": ARRAYS | {"iscrowd": [0, 2]}}, {"annotations": {}}])
def test_ground_truth_of_the_wrong_shape(change):
    base = TRUTH | {"annotations": {name: ARRAYS[name] for name in ("image_id", "category_id", "bbox")}}
    with pytest.raises(DetevalError):
        load_ground_truth(base | change)


def test_an_area_of_nan_is_not_an_absent_one():
    annotation = TRUTH["annotations"][0] | {"area": float("nan")}
    arrays = {name: ARRAYS[name] for name in ("image_id", "category_id", "bbox")} | {"area": [1, np.nan]}
    for annotations, index in (([annotation], 0), (arrays, 1)):
        with pytest.raises(DetevalError, match=rf"annotations\[{index}\].area: is nan, must be a finite number"):
            load_ground_truth(TRUTH | {"annotations": annotations})


@pytest.mark.parametrize("source", [5, None, "", [5], [None], {"a": 1}, object()])
def test_things_that_are_no_predictions(source):
    with pytest.raises(DetevalError):
        load_detections(source, load_ground_truth(TRUTH))


@pytest.mark.parametrize("source", [5, None, [], {}, {"images": []}, object()])
def test_things_that_are_no_ground_truth(source):
    with pytest.raises(DetevalError):
        load_ground_truth(source)


def test_values_that_hold_themselves():
    box = []
    box.append(box)
    with pytest.raises(DetevalError, match="bbox: has 1 value"):
        load_detections([RECORD | {"bbox": box}], load_ground_truth(TRUTH))


def test_a_default_score_fills_in_for_missing_ones():
    truth = load_ground_truth(TRUTH)
    arrays = {name: values for name, values in ARRAYS.items() if name != "score"}
    unscored = {name: value for name, value in RECORD.items() if name != "score"}
    for given in (arrays, [RECORD, unscored]):
        found = load_detections(given, truth, Reading(default_score=0.5))
        assert (found.scores.tolist(), found.ranked) == ([0.5, 0.5], False)
        with pytest.raises(DetevalError, match="missing-score"):
            load_detections(given, truth)
