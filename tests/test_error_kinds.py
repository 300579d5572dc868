"""Error kinds and their costs: by hand, and against the literal oracle on awkward data."""

import math

import numpy as np
import oracle_error_kinds as oracle
import pytest
from datasets import random_dataset
from msgspec.structs import replace
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.diagnosis.error_kinds import LEFT_OUT, TRUE_POSITIVE, classify, error_kinds
from deteval.measures import Ranked, measure
from deteval.records.error_kinds import FALSE_POSITIVES, KINDS
from deteval.records.params import AreaRange, Params

CODES = {**{name: code for code, name in enumerate(FALSE_POSITIVES)}, oracle.HIT: TRUE_POSITIVE,
         oracle.LEFT_OUT: LEFT_OUT}


def matched(data, params):
    gt = deteval.load_ground_truth(data.ground_truth)
    return deteval.match(gt, deteval.load_detections(data.detections, gt), params, detail=params.iou[:1])


def assert_equal_to_oracle(data, params, iou, background=0.1):
    """Codes of all rows, counts and costs of all classes, in every area range."""
    evidence = matched(data, params)
    found = error_kinds(evidence, iou, background=background)
    settings = {**data.settings, "similarity": params.similarity, "honour_ignore": params.honour_ignore}
    for number, area in enumerate(params.areas):
        judged = oracle.judge(data.ground_truth, data.detections, settings, iou, (area.name, area.low, area.high),
                              background)
        codes = {row.record: CODES[row.kind] for row in judged.rows}
        ours = classify(evidence, iou, area=number, background=background)
        assert dict(zip(evidence.row.tolist(), ours.tolist(), strict=True)) == codes
        expected = oracle.costs(judged)
        parts = [("", found.whole if number == 0 else found.sizes[number - 1])]
        if number == 0:
            parts += zip(judged.classes, found.classes, strict=True)
        for key, part in parts:
            same(part.ap, expected.ap[key])
            everything = {**part.kinds, "false positive": part.false_positives, "false negative": part.false_negatives}
            for kind, one in everything.items():
                assert one.count == expected.count[kind][key], kind
                same(one.cost, expected.gain[kind][key])
        assert parts[0][1].name == ("" if number == 0 else area.name)


def same(ours, theirs):
    assert (ours is None) == math.isnan(theirs)
    assert ours is None or ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("first", range(0, 200, 25))
def test_equal_to_the_literal_oracle(first):
    for seed in range(first, first + 25):
        data = random_dataset(seed)
        params = params_of(data)
        assert_equal_to_oracle(data, params, params.iou[seed % len(params.iou)])


@pytest.mark.parametrize("similarity", ["giou", "diou", "ciou"])
def test_other_similarities(similarity):
    for seed in range(300, 315):
        data = random_dataset(seed)
        params = replace(params_of(data), similarity=similarity)
        assert_equal_to_oracle(data, params, params.iou[0], background=0.2)


def test_ignored_ground_truth_is_no_target():
    for seed in range(400, 425):
        data = random_dataset(seed)
        rng = np.random.default_rng(seed)
        for annotation in data.ground_truth["annotations"]:
            annotation["ignore"] = int(rng.random() < 0.3)
        assert_equal_to_oracle(data, replace(params_of(data), honour_ignore=True), params_of(data).iou[0])


IMAGES = [{"id": 1, "width": 100, "height": 100}]


def by_hand(boxes, detections, params=None):
    """Evidence of one image; boxes: (class, box), detections: (class, box, score); classes 1 and 2."""
    gt = deteval.load_ground_truth({
        "images": IMAGES, "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": n, "image_id": 1, "category_id": category, "bbox": box, "iscrowd": 0,
                         "area": box[2] * box[3]} for n, (category, box) in enumerate(boxes, start=1)]})
    dt = deteval.load_detections([{"image_id": 1, "category_id": category, "bbox": box, "score": score}
                                  for category, box, score in detections], gt)
    return deteval.match(gt, dt, params, detail=(0.5,))


ONE_OF_EACH = by_hand(
    [(1, [0, 0, 10, 10]), (2, [50, 0, 10, 10]), (1, [0, 50, 10, 10]), (1, [50, 50, 10, 10])],
    [(1, [0, 0, 10, 10], 0.9), (1, [0, 0, 10, 9], 0.8), (1, [50, 0, 10, 10], 0.7), (1, [0, 50, 10, 4], 0.6),
     (1, [80, 80, 10, 10], 0.5), (1, [50, 0, 10, 3], 0.4)])


def test_one_of_each_by_hand():
    """A hit, then a duplicate, a cat on a dog, a box of 0.4 and one on nothing, last a cat with 0.3 of a dog; the
    fourth object has nothing near it. Precision at the only hit is 1, up to a recall of 1/3: 34 of 101 points."""
    assert [FALSE_POSITIVES[code] if code >= 0 else code for code in classify(ONE_OF_EACH).tolist()] == [
        TRUE_POSITIVE, "duplicate", "classification", "localisation", "background", "both"]
    found = error_kinds(ONE_OF_EACH)
    assert {kind: one.count for kind, one in found.whole.kinds.items()} == dict.fromkeys(KINDS, 1)
    assert (found.whole.false_positives.count, found.whole.false_negatives.count) == (5, 3)
    cat, dog = found.classes
    assert cat.ap == pytest.approx(34 / 101)
    assert dog.ap == 0
    assert dog.kinds["classification"].cost == pytest.approx(1)  # found, without a false positive
    assert cat.kinds["classification"].cost == 0
    assert cat.kinds["localisation"].cost == pytest.approx(33 / 101 * 2 / 4)  # a second hit, the fourth of four rows
    assert cat.kinds["missed"].cost == pytest.approx((51 - 34) / 101)  # one of two found
    assert found.whole.kinds["localisation"].cost == pytest.approx(33 / 101 * 2 / 4 / 2)


def test_a_mended_error_is_the_best_of_both_kinds():
    """Two errors have the same unused object as their best: the higher score mends it, the other is dropped."""
    evidence = by_hand([(1, [0, 0, 10, 10])], [(2, [0, 0, 10, 9], 0.9), (1, [0, 0, 10, 4], 0.8)])
    kinds = error_kinds(evidence).whole.kinds
    assert (kinds["classification"].count, kinds["localisation"].count, kinds["missed"].count) == (1, 1, 0)
    assert (kinds["classification"].cost, kinds["localisation"].cost) == (pytest.approx(1), 0)


def test_a_class_agnostic_run_knows_one_class():
    """The first of two objects that fit alike is the nearest, whatever its class: here one that is found already."""
    evidence = by_hand([(1, [0, 0, 10, 10]), (2, [0, 20, 10, 10])],
                       [(1, [0, 0, 10, 10], 0.9), (2, [0, 0, 10, 30], 0.8)], Params(class_agnostic=True))
    kinds = error_kinds(evidence).whole.kinds
    assert (kinds["localisation"].count, kinds["classification"].count, kinds["missed"].count) == (1, 0, 1)


def test_a_class_left_without_ground_truth_leaves_the_mean():
    found = error_kinds(by_hand([(1, [0, 0, 10, 10]), (2, [50, 50, 10, 10])], [(1, [0, 0, 10, 10], 0.9)]))
    assert found.whole.ap == pytest.approx(0.5)
    assert found.whole.kinds["missed"].cost == pytest.approx(0.5)
    assert found.classes[1].kinds["missed"].cost is None


def test_ap_is_what_measure_says_and_threads_change_nothing():
    for seed in range(30):
        data = random_dataset(seed)
        params = params_of(data)
        evidence = matched(data, params)
        found = error_kinds(evidence, params.iou[0], threads=1)
        measured = measure(f"AP@{params.iou[0]!r}", evidence)
        for part, value in [(found.whole, measured.values[0]), *zip(found.classes, measured.classes[0], strict=True)]:
            assert part.ap == value or (part.ap is None and math.isnan(value))
        for area, part in zip(params.areas[1:], found.sizes, strict=True):
            value = measure(f"AP@{params.iou[0]!r}/area={area.name}", evidence).values[0]
            assert part.ap == value or (part.ap is None and math.isnan(value))
        assert not differing(found, error_kinds(evidence, params.iou[0], threads=3))
        assert not differing(found, error_kinds(Ranked(evidence), params.iou[0]))


def test_any_detail_table_will_do():
    data = random_dataset(3)
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    first, last = (error_kinds(deteval.match(gt, dt, detail=(level,)), 0.75) for level in (0.5, 0.95))
    assert not differing(first, last)


def test_nothing_at_all():
    found = error_kinds(by_hand([], [], Params(areas=(AreaRange("all", 0, 1e5),))))
    assert (found.whole.ap, found.whole.n_gt, found.sizes) == (None, 0, ())
    assert all(one.count == 0 and one.cost is None for one in found.whole.kinds.values())


@pytest.mark.parametrize("iou, detail, message", [
    (0.52, (0.5,), "iou: the run has no IoU threshold .52, only .5:.95:.05"),
    (0.5, (), ("error kinds: the evidence does not say which object each detection is nearest to; save it with "
               "`deteval score --save-evidence FILE --detail .5`, or give predictions and ground truth")),
])
def test_refusals(iou, detail, message):
    data = random_dataset(0)
    gt = deteval.load_ground_truth(data.ground_truth)
    evidence = deteval.match(gt, deteval.load_detections(data.detections, gt), detail=detail)
    for function in (classify, error_kinds):
        with pytest.raises(deteval.DetevalError) as refused:
            function(evidence, iou)
        assert (str(refused.value), refused.value.exit_code) == (message, 2)
