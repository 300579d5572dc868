"""A model broken on purpose, and that what stands out in the difference names the fault."""

import copy
import json
import math
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import deteval
from deteval.kept_objects import one_way
from deteval.studies.explain import explain

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"
SAME = "scores of the same objects"


@cache
def sample():
    records = json.loads((SAMPLE / "preds.json").read_text("utf-8"))
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    return gt, records, deteval.make_run(gt, deteval.load_detections(records, gt), detail=(0.5,))


def broken(change):
    """What stands out once every record went through `change`, which may return None to drop it."""
    gt, records, base = sample()
    found = [one for one in map(change, copy.deepcopy(records)) if one is not None]
    return explain(base, deteval.make_run(gt, deteval.load_detections(found, gt), detail=(0.5,)))


def shifted(by, images=None):
    def change(one):
        if images is None or one["image_id"] in images:
            one["bbox"] = [one["bbox"][0] + by, one["bbox"][1] + by, *one["bbox"][2:]]
        return one
    return change


def class_id(name):
    return next(one["id"] for one in json.loads((SAMPLE / "gt.json").read_text("utf-8"))["categories"]
                if one["name"] == name)


def some_images():
    return set(random.Random(0).sample(sorted({one["image_id"] for one in sample()[1]}), 8))


@pytest.mark.parametrize("by", [1, 2, 5])
def test_shifted_boxes_are_named(by):
    first = broken(shifted(by)).remarks[0]
    assert first.startswith("of 1")
    assert "found by both, new fits" in first
    assert "worse" in first
    assert "with the same scores: median IoU of these 0.8" in first


def test_far_shifted_boxes_are_named():
    assert set(broken(shifted(30)).remarks[:2]) == {
        "133 objects are found by base alone and 0 by new alone at IoU 0.5: -35.98 of -46.89 points",
        "78 of 133 lost objects are badly localised by new"}


def test_boxes_shifted_on_some_images_are_named():
    remarks = broken(shifted(10, some_images())).remarks
    assert any("with the same scores: median IoU" in one for one in remarks)
    assert any(one.startswith("most of the drop is in") for one in remarks)


def test_swapped_classes_are_named():
    car, light = class_id("car"), class_id("traffic light")
    result = broken(lambda one: one | {"category_id": {car: light, light: car}.get(one["category_id"],
                                                                                    one["category_id"])})
    assert result.remarks[0] == (
        "classes 'car' and 'traffic light' look swapped in new: 44 of 45 lost objects of 'car' are detected as "
        "'traffic light', 13 of 13 of 'traffic light' as 'car'")
    back = next(one for one in result.kinds if (one.group, one.kind) == ("lost", "another class"))
    assert back.share < 0.9 * result.difference


def test_one_class_for_all_is_named():
    result = broken(lambda one: one | {"category_id": class_id("car")})
    assert result.remarks[0].startswith("5 classes have no detection in new, or next to none, among them 'bus'")
    assert "114 of 114 lost objects of 5 classes are detected as 'car' by new" in result.remarks


@pytest.mark.parametrize(("rescale", "said"), [(lambda score: score / 2, f"{SAME} fell: median 0.719 -> 0.360"),
                                               (math.sqrt, f"{SAME} rose: median 0.719 -> 0.848")])
def test_rescaled_scores_are_named(rescale, said):
    result = broken(lambda one: one | {"score": rescale(one["score"])})
    unseen = "their order did not change, so AP does not see it, but every score cut does"
    assert result.remarks == (f"{said}; {unseen}",)
    assert (result.difference, result.remainder, result.images) == (0.0, 0.0, ())


def test_rescaled_scores_of_some_are_named():
    car, some = class_id("car"), some_images()
    of_class = broken(lambda one: one | {"score": one["score"] * (0.5 if one["category_id"] == car else 1)})
    assert len(of_class.remarks) == 1
    assert of_class.remarks[0].startswith(f"{SAME} moved in 1 of 6 classes: 'car' fell, median 0.734 -> 0.367;")
    of_images = broken(lambda one: one | {"score": one["score"] * (0.5 if one["image_id"] in some else 1)})
    assert of_images.remarks[0].startswith(f"{SAME} fell on 8 of 37 images, median ")
    assert of_images.remarks[0].endswith("not on the others")
    untouched = set(sample()[2].evidence.images.ids.tolist()) - some
    assert not {one.image_id for one in of_images.images if one.share} <= untouched


def test_missing_classes_and_images_are_named():
    car, some = class_id("car"), some_images()
    result = broken(lambda one: None if one["category_id"] == car else one)
    assert result.remarks[0] == "class 'car': new has no detection (base 138): -8.62 of -8.62 points"
    back = explain(deteval.match(sample()[0], deteval.load_detections([], sample()[0])), sample()[2].evidence)
    assert back.remarks[0].startswith("6 classes have no detection in base, or next to none, among them ")
    result = broken(lambda one: None if one["image_id"] in some else one)
    assert result.remarks[0].startswith("8 of 40 images have no detection in new, where base has some: -")


def test_equal_models_have_nothing_to_say():
    result = broken(lambda one: one)
    assert (result.remarks, result.images, result.difference, result.remainder) == ((), (), 0.0, 0.0)
    assert {one.share for one in result.classes} == {0.0}
    assert {one.share for one in result.kinds} == {0.0}


def test_changes_go_one_way_if_chance_would_not():
    assert [one_way(np.array(change), 0.3) for change in ([1] * 4, [1] * 5, [1] * 5 + [-1], [0] * 9)] == [0, 1, 0, 0]
    assert [one_way(np.array([-1] * down + [1] * (1000 - down)), 0.1) for down in (500, 560, 570, 400)] == [0, 0, -1, 1]
    assert one_way(np.array([-1] * 570 + [1] * 430), 0.3) == 0
