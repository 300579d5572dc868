"""The confusion matrix: by hand, and against the literal oracle on awkward data."""

import numpy as np
import oracle_confusion as oracle
import pytest
from datasets import random_dataset
from msgspec.structs import replace
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.diagnosis.confusion import confuse
from deteval.errors import USAGE, DetevalError
from deteval.records.params import Params
from deteval.records.run import Boxes
from deteval.records.subset import restrict

CLASSES = ("cat", "dog", "bird")


def matched(truth, found, params=None):
    gt = deteval.load_ground_truth(truth)
    dt = deteval.load_detections(found, gt)
    return deteval.match(gt, dt, params or Params()), Boxes(gt, dt)


def scene(objects, found, more=()):
    """Boxes on one image as (class, box) and (class, box, score); more: fields of the objects."""
    fields = [*more, *({} for _ in objects[len(more):])]
    truth = {"images": [{"id": 1}], "categories": [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)],
             "annotations": [{"id": i + 1, "image_id": 1, "category_id": CLASSES.index(name) + 1, "bbox": box, **extra}
                             for i, ((name, box), extra) in enumerate(zip(objects, fields, strict=True))]}
    return matched(truth, [{"image_id": 1, "category_id": CLASSES.index(name) + 1, "bbox": box, "score": score}
                           for name, box, score in found])


def cells_of(matrix):
    """Counts by names, None for background; and what is left out."""
    one = matrix.to_dict()
    return {(cell["truth"], cell["predicted"]): cell["count"] for cell in one["cells"]}, one["left_out"]


BOX, NEAR, FAR = [0, 0, 40, 40], [0, 0, 40, 36], [100, 100, 40, 40]


@pytest.mark.parametrize(("objects", "found", "cells"), [
    ([("cat", BOX)], [("cat", BOX, 0.9)], {("cat", "cat"): 1}),
    ([("cat", BOX)], [("dog", BOX, 0.9)], {("cat", "dog"): 1}),
    ([("cat", BOX)], [("dog", FAR, 0.9)], {("cat", None): 1, (None, "dog"): 1}),
    ([("cat", BOX)], [("dog", BOX, 0.2), ("cat", BOX, 0.1)], {("cat", "cat"): 1, (None, "dog"): 1}),
    ([("cat", BOX)], [("dog", BOX, 0.2), ("cat", NEAR, 0.9)], {("cat", "dog"): 1, (None, "cat"): 1}),
    ([("cat", BOX)], [("bird", BOX, 0.5), ("dog", BOX, 0.7)], {("cat", "dog"): 1, (None, "bird"): 1}),
    ([("cat", BOX)], [("bird", BOX, 0.5), ("dog", BOX, 0.5)], {("cat", "dog"): 1, (None, "bird"): 1}),
    ([("cat", BOX)], [("bird", BOX, 0.7), ("dog", BOX, 0.5)], {("cat", "bird"): 1, (None, "dog"): 1}),
    ([("cat", BOX), ("dog", NEAR)], [("cat", BOX, 0.9), ("cat", BOX, 0.8)], {("cat", "cat"): 1, ("dog", "cat"): 1}),
    ([], [], {}),
])
def test_by_hand(objects, found, cells):
    evidence, boxes = scene(objects, found)
    assert cells_of(confuse(evidence, boxes)) == (cells, {})


def test_what_is_ignored_absorbs_its_own_class_and_only_what_is_left():
    crowd = [{"iscrowd": 1}]
    found = [("cat", [0, 0, 10, 10], 0.9), ("cat", [5, 5, 10, 10], 0.8), ("dog", [0, 0, 10, 10], 0.7)]
    assert cells_of(confuse(*scene([("cat", BOX)], found, crowd))) == ({(None, "dog"): 1}, {"cat": 2})
    beside = [("cat", BOX), ("dog", [0, 0, 10, 12])]
    assert cells_of(confuse(*scene(beside, found, crowd))) == ({("dog", "dog"): 1}, {"cat": 2})
    evidence, boxes = scene([("cat", BOX), ("cat", BOX)], [("cat", BOX, 0.9), ("cat", NEAR, 0.8), ("cat", NEAR, 0.7)],
                            [{"area": 2e10}])
    assert cells_of(confuse(evidence, boxes)) == ({("cat", "cat"): 1, (None, "cat"): 1}, {"cat": 1})


def test_the_cut_as_a_number():
    """The cut and that of the run, whichever is higher; under operating points one for each class."""
    objects, found = [("cat", BOX)], [("cat", BOX, 0.5), ("dog", FAR, 0.4)]
    _, boxes = scene(objects, found)

    def least(cut=None, **settings):
        evidence = deteval.match(boxes.ground_truth, boxes.detections, Params(**settings))
        one = confuse(evidence, boxes, cut=cut).to_dict()
        assert isinstance(one["kept"], str)
        return one["min_score"]

    assert (least(), least(0.25), least(0.25, min_score=0.3), least(min_score=0.3)) == (None, 0.25, 0.3, 0.3)
    points = {"cat": 0.2, "dog": "drop", "bird": 0.6}
    assert least(operating_points=points) == {"cat": 0.2, "dog": None, "bird": 0.6}
    assert least(0.25, operating_points=points) == {"cat": 0.25, "dog": None, "bird": 0.6}
    assert least(operating_points=points, class_agnostic=True) == {"cat": 0.2, "dog": None, "bird": 0.6}
    assert least(operating_points=points, classes=("bird", "cat")) == {"cat": 0.2, "bird": 0.6}


def test_the_cut_is_inclusive_and_told_in_words():
    evidence, boxes = scene([("cat", BOX)], [("cat", BOX, 0.5), ("dog", FAR, 0.4)])
    whole, cut = confuse(evidence, boxes), confuse(evidence, boxes, cut=0.5)
    assert (whole.cut, cut.cut) == ("every score", "scores of 0.5 and above")
    assert cells_of(cut)[0] == {("cat", "cat"): 1}
    assert cells_of(confuse(evidence, boxes, cut=np.nextafter(0.5, 1), cut_text="high"))[0] == {("cat", None): 1}
    assert confuse(evidence, boxes, cut=0.5, cut_text="high").cut == "high"


VARIANTS = ({}, {"honour_ignore": True, "area_source": "box"}, {"similarity": "giou"}, {"similarity": "diou"},
            {"similarity": "ciou"}, {})


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_equal_to_the_literal_oracle(first):
    for seed in range(first, first + 50):
        data = random_dataset(seed)
        rng = np.random.default_rng(seed)
        more = dict(VARIANTS[seed % len(VARIANTS)])
        if seed % len(VARIANTS) == 5:
            more["classes"] = [one["id"] for one in data.ground_truth["categories"]
                               if rng.random() < 0.7] or [data.ground_truth["categories"][0]["id"]]
        params = replace(params_of(data), **(more | ({"classes": tuple(str(key) for key in more["classes"])}
                                                     if "classes" in more else {})))
        evidence, boxes = matched(data.ground_truth, data.detections, params)
        scores = [one["score"] for one in data.detections] or [0.0]
        for threshold in (params.iou[0], params.iou[-1]):
            for cut in (None, float(np.median(scores))):
                found = confuse(evidence, boxes, threshold, cut=cut, threads=1 + seed % 2)
                expected = oracle.confuse(data.ground_truth, data.detections, data.settings | more, threshold,
                                          -np.inf if cut is None else cut)
                keys = [*found.categories.ids.tolist(), None]
                cells = {(keys[t], keys[p]): n for t, p, n in zip(found.truth.tolist(), found.predicted.tolist(),
                                                                  found.count.tolist(), strict=True)}
                assert cells == expected.cells, seed
                assert {key: n for key, n in zip(keys, found.left_out.tolist(), strict=False) if n} == \
                    expected.left_out, seed
                check_sums(found, evidence, cut)


def check_sums(matrix, evidence, cut):
    """Rows add up to ground truths that count, columns and what is left out to kept detections."""
    classes = len(matrix.categories)
    rows = np.bincount(matrix.truth, matrix.count, classes + 1).astype(int)
    columns = np.bincount(matrix.predicted, matrix.count, classes + 1).astype(int)
    kept = (evidence.rank < evidence.params.max_dets[-1]) & (evidence.scores >= (-np.inf if cut is None else cut))
    assert rows[:-1].sum() == (~evidence.gt_ignored[:, 0]).sum()
    assert columns[:-1].sum() + matrix.left_out.sum() == kept.sum()
    if not evidence.params.class_agnostic:
        assert (rows[:-1] == np.bincount(evidence.gt_category[~evidence.gt_ignored[:, 0]], minlength=classes)).all()
        assert (columns[:-1] + matrix.left_out == np.bincount(evidence.category[kept], minlength=classes)).all()
    assert (np.diff(matrix.truth * (classes + 1) + matrix.predicted) > 0).all()
    assert (matrix.count > 0).all()


def test_threads_and_parts_of_the_images():
    data = random_dataset(53)
    evidence, boxes = matched(data.ground_truth, data.detections, params_of(data))
    whole = confuse(evidence, boxes, evidence.params.iou[0])
    assert not differing(whole, confuse(evidence, boxes, evidence.params.iou[0], threads=1))
    half = len(evidence.images) // 2
    parts = [confuse(restrict(evidence, range(*ends)), boxes, evidence.params.iou[0])
             for ends in ((0, half), (half, len(evidence.images)))]
    width = len(whole.categories) + 1
    together = sum(np.bincount(one.truth * width + one.predicted, one.count, width * width) for one in parts)
    assert whole.count.sum() > 5
    assert (together == np.bincount(whole.truth * width + whole.predicted, whole.count, width * width)).all()


def test_what_does_not_fit_is_refused():
    evidence, boxes = scene([("cat", BOX)], [("cat", BOX, 0.5), ("dog", FAR, 0.4)])
    with pytest.raises(DetevalError, match=r"no IoU threshold \.42, only \.5:\.95:\.05") as caught:
        confuse(evidence, boxes, 0.42)
    assert caught.value.exit_code == USAGE
    _, fewer = scene([("cat", BOX)], [("cat", BOX, 0.5)])
    with pytest.raises(DetevalError, match="matched from another detections") as caught:
        confuse(evidence, fewer)
    assert caught.value.exit_code == USAGE
    _, without = scene([], [("cat", BOX, 0.5), ("dog", FAR, 0.4)])
    with pytest.raises(DetevalError, match="matched from another ground truth"):
        confuse(evidence, without)
