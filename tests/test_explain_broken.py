"""A model broken on purpose, and that what stands out in the difference names the fault, without boxes at hand."""

import copy
import json
import math
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import deteval
from deteval.differences.kept_objects import one_way
from deteval.differences.moved_scores import rank_remark
from deteval.differences.observations import Observed, _concentration
from deteval.influence import Attribution
from deteval.records.explanation import ClassShare
from deteval.studies.explain import explain

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"
SAME = "scores of the same objects"


@cache
def sample():
    records = json.loads((SAMPLE / "preds.json").read_text("utf-8"))
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    return gt, records, deteval.make_run(gt, deteval.load_detections(records, gt), detail=(0.5,))


def broken(change, **options):
    """What stands out once every record went through `change`, which may return None to drop it."""
    gt, records, base = sample()
    found = [one for one in map(change, copy.deepcopy(records)) if one is not None]
    return explain(base, deteval.make_run(gt, deteval.load_detections(found, gt), detail=(0.5,)), **options)


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


def test_boxes_that_fit_as_often_better_are_told_so():
    assert broken(shifted(1)).remarks[0] == (
        "of 160 objects found by both, 157 have another box with the same score in new, which fits better as often as "
        "worse")


@pytest.mark.parametrize("by", [2, 5])
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
        "classes 'car' and 'traffic light' look swapped in new: 138 of 138 detections of 'car' are of class "
        "'traffic light', 46 of 46 of 'traffic light' of class 'car'")
    back = next(one for one in result.kinds if (one.group, one.kind) == ("lost", "another class"))
    assert back.share < 0.9 * result.difference


def test_one_class_for_all_is_named():
    result = broken(lambda one: one | {"category_id": class_id("car")})
    assert result.remarks[0] == ("5 classes are of class 'car' in new: 367 of 367 detections of 'person', 'bicycle', "
                                 "'bus' and 2 more")
    rescored = broken(lambda one: one | {"category_id": class_id("car"), "score": math.sqrt(one["score"])})
    assert "5 classes are detected as 'car' in new: 114 of 114 lost objects of 'bus', 'bicycle', 'person' and 2 more" \
        in rescored.remarks


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


def test_equal_models_are_told_so():
    result = broken(lambda one: one)
    assert result.remarks == ("the detections are identical: 505 in both, by image, class, score and outcome",)
    assert (result.images, result.difference, result.remainder) == ((), 0.0, 0.0)
    assert {one.share for one in result.classes} == {0.0}
    assert {one.share for one in result.kinds} == {0.0}


def test_changes_go_one_way_if_chance_would_not():
    assert [one_way(np.array(change), 0.3) for change in ([1] * 4, [1] * 5, [1] * 5 + [-1], [0] * 9)] == [0, 1, 0, 0]
    assert [one_way(np.array([-1] * down + [1] * (1000 - down)), 0.1) for down in (500, 560, 570, 400)] == [0, 0, -1, 1]
    assert one_way(np.array([-1] * 570 + [1] * 430), 0.3) == 0


# How much a sentence says


def seen(difference, by_image=(), classes=()):
    """A difference whose parts are given; nothing else of it is looked at."""
    gt = deteval.load_ground_truth({
        "images": [{"id": 100 + i} for i in range(max(len(by_image), 1))], "annotations": [],
        "categories": [{"id": k, "name": f"c{k}"} for k in range(max(len(classes), 1))]})
    evidence = deteval.match(gt, deteval.load_detections([], gt))
    return Observed(
        base=evidence, new=evidence, iou=0.5, difference=difference, categories=list(range(len(classes))),
        classes=tuple(ClassShare(id=k, name=f"c{k}", n_gt=1, base=0.5, new=0.4, share=one)
                      for k, one in enumerate(classes)), by_image=np.array(by_image, np.float64), changes=None,
        kinds=(), values=Attribution(*[np.zeros(0)] * 4), thresholds=(0,), boxes=None)


def test_only_parts_of_the_same_sign_make_a_difference():
    """Image 100 rose by far, and no image that rose belongs to a drop."""
    of_images = seen(-0.05, [0.06, -0.055, -0.055, *[0.0] * 10])
    assert [text for _, text in _concentration(of_images, class_named=True)] == [
        "more than the drop is in 2 of 13 images: 101, 102: -11.00 points, -5.00 in all"]
    assert not list(_concentration(seen(-0.02, [0.03, -0.03, *[0.002] * 10]), class_named=True))
    of_classes = seen(-0.02, classes=[0.004, -0.016, -0.008])
    assert [text for _, text in _concentration(of_classes, class_named=False)] == [
        "most of the drop is in class 'c1': -1.60 of -2.00 points (its AP 0.5000 -> 0.4000)"]
    assert not list(_concentration(seen(-0.02, classes=[0.04, -0.03, -0.03]), class_named=False))
    assert not list(_concentration(seen(0.0, [0.01, -0.01, *[0.0] * 10], [0.01, -0.01, 0.0]), class_named=False))


def test_a_part_is_told_beside_the_whole():
    assert [seen(-0.02).part(share) for share in (-0.01, -0.02, -0.03, 0.01, 0.0)] == [
        "-1.00 of -2.00 points", "-2.00 of -2.00 points", "-3.00 points, -2.00 in all", "+1.00 points, -2.00 in all",
        "+0.00 points, -2.00 in all"]
    assert [seen(-0.02).weighs(share) for share in (-0.001, 0.0009, 0.001)] == [True, False, True]
    assert not seen(0.0).weighs(0.00004)


def test_one_object_is_one_object():
    gt = deteval.load_ground_truth({
        "images": [{"id": i} for i in range(8)], "categories": [{"id": 1, "name": "c"}],
        "annotations": [{"id": i + 1, "image_id": i, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100,
                         "iscrowd": 0} for i in range(8)]})
    base, new = (deteval.match(gt, deteval.load_detections(
        [{"image_id": i, "category_id": 1, "bbox": [0, 0, 10, 10], "score": score + i / 100} for i in images], gt),
        detail=(0.5,)) for images, score in (([0], 0.5), (range(1, 8), 0.3)))
    told = explain(base, new).remarks
    assert any(one.startswith("1 object is found by base alone and 7 by new alone at IoU 0.5: ") for one in told), told
    assert "new has 7 detections, base 1" in told
    back = explain(new, base).remarks
    assert "new has 1 detection, base 7" in back
    assert not any("no score below" in one for one in (*told, *back))  # other scores altogether, no cut


def test_false_positives_of_a_high_threshold_are_true_ones_elsewhere():
    gt, records, _ = sample()
    run = deteval.make_run(gt, deteval.load_detections(records, gt), detail=(0.9,))
    found = [one | {"bbox": [one["bbox"][0] + 3, *one["bbox"][1:]], "score": math.sqrt(one["score"])}
             for one in records]
    new = deteval.make_run(gt, deteval.load_detections(found, gt), detail=(0.9,))
    told = explain(run, new, iou=run.evidence.params.iou[8])
    largest = next(one for one in told.remarks if "false positives at IoU" in one)
    assert "of kind localisation" in largest
    assert "% are true positives at most thresholds: " in largest


def test_rounding_leaves_no_share():
    """What cancels on image 3 in one class leaves some 1e-22: it is not listed there."""
    result = broken(lambda one: one | {"score": round(one["score"], 1)}, top=99)
    assert sum(3 in {image.image_id for image in one.images} for one in result.classes) == 3
    assert all(abs(image.share) > 1e-15 for one in (result, *result.classes) for image in one.images)


@pytest.mark.parametrize("metric", ["AP", "AP50", "AP/class=car", "AP/class=person"])
def test_the_largest_kind_goes_the_way_of_the_difference_and_is_told_net(metric):
    drawn = random.Random(4)
    doomed = {place for place in range(len(sample()[1])) if drawn.random() < 0.3}
    records = iter(range(len(sample()[1])))
    found = broken(lambda one: None if next(records) in doomed else one, metric=metric)
    lost = sum(one.share for one in found.kinds if (one.group, one.kind) == ("lost", "missed"))
    text = next(one for one in found.remarks if one.startswith("the largest kind of change"))
    assert "objects that base finds and new misses" in text
    assert f": {100 * lost:+.2f} of" in text


def test_what_is_gained_is_told_from_the_other_side():
    gt, records, base = sample()
    fewer = deteval.make_run(gt, deteval.load_detections(records[::2], gt), detail=(0.5,))
    told = [one for one in explain(fewer, base).remarks if one.startswith("the largest kind")]
    assert len(told) == 1
    assert "objects that new finds and base misses" in told[0]
    assert ": +" in told[0]


def test_scores_that_were_raised_to_a_floor_are_not_all():
    base = np.arange(100) / 100
    told = rank_remark(base, np.maximum(base, 0.6), base < 0.6)
    assert told == ("61 of 100 detections with the same boxes have the score 0.6 in new, so that their order is lost")
    assert rank_remark(base, 0 * base, base > 0).startswith("all 100 detections with the same boxes have the score 0 ")


def test_scores_of_which_half_are_reversed_are_not_reversed():
    base = np.random.default_rng(0).random(200)
    new = np.where(np.arange(200) < 110, 1 - base, base)
    assert "reversed" not in rank_remark(base, new, base != new)
    assert "reversed" in rank_remark(base, 1 - base, np.ones(200, bool))


def test_counts_are_of_the_class_that_the_metric_names():
    gt, records, base = sample()
    cars = [one for one in records if one["category_id"] == class_id("car")]
    new = deteval.make_run(gt, deteval.load_detections([*records, *cars, *cars], gt), detail=(0.5,))
    told = explain(base, new, "AP/class=person").remarks
    assert not any("detections, base" in one for one in told)
