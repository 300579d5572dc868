"""Diagnose: its parts are those of the functions below it, what is missing is said, and broken models are named."""

import json
import math

import numpy as np
import pytest
from conftest import SAMPLE
from datasets import random_dataset
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.calibration import calibrate
from deteval.confusion import confuse
from deteval.error_kinds import classify, error_kinds
from deteval.influence import influence
from deteval.measures import Ranked, measure
from deteval.records.metric import Metric
from deteval.records.run import Boxes
from deteval.studies.diagnose import diagnose, image_costs
from deteval.suspects import find_suspects


def load_sample(change=None):
    """A run of the sample with its boxes; change: takes a detection, returns a list of them."""
    truth = json.loads((SAMPLE / "gt.json").read_text())
    detections = json.loads((SAMPLE / "preds.json").read_text())
    if change is not None:
        detections = [new for one in detections for new in change(one)]
    gt = deteval.load_ground_truth(truth)
    dt = deteval.load_detections(detections, gt)
    return deteval.make_run(gt, dt, detail=(0.5,)), Boxes(gt, dt)


def test_parts_are_what_their_functions_say():
    run, boxes = load_sample()
    found, evidence = diagnose(run, boxes=boxes, top=3), run.evidence
    values = measure(["AP", "AP@.5"], evidence).values.tolist()
    assert found.metrics == dict(zip(("AP", "AP@.5"), values, strict=True))
    assert not differing(found.error_kinds, error_kinds(evidence))
    assert not differing(found.calibration, calibrate(evidence))
    assert not differing(found.suspects, find_suspects(evidence, boxes=boxes, top=3))
    assert found.missing == {}
    assert (found.n_images, found.n_det, len(found.images)) == (40, len(evidence), 3)
    assert found.n_gt == int((~evidence.gt_ignored[:, 0]).sum())
    assert (found.name, found.fingerprint, found.inputs) == (run.name, run.fingerprint, run.inputs)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["iou"] == 0.5
    assert not differing(found, diagnose(run, boxes=boxes, top=3, threads=1))


def test_the_confusion_cut():
    """The best F1 of all classes, told in words; a given one; the run's own."""
    run, boxes = load_sample()
    best = deteval.operating_points(run).one.threshold
    found = diagnose(run, boxes=boxes).confusion
    assert found.count.tolist() == confuse(run.evidence, boxes, cut=best).count.tolist()
    assert found.cut == f"scores of {best:.4g} and above, the one cut of the best F1 for all classes"
    assert diagnose(run, boxes=boxes, confusion_cut=0.3).confusion.cut == "scores of 0.3 and above"
    own = deteval.make_run(boxes.ground_truth, boxes.detections, deteval.Params(min_score=0.4), detail=(0.5,))
    found = diagnose(own, boxes=boxes).confusion
    assert found.cut == "the score cuts of the run"
    assert found.count.tolist() == confuse(own.evidence, boxes).count.tolist()


def test_what_is_missing_is_said():
    run, boxes = load_sample()
    bare = deteval.match(boxes.ground_truth, boxes.detections)
    found = diagnose(bare)
    assert (found.error_kinds, found.confusion, found.suspects) == (None, None, None)
    assert set(found.missing) == {"error_kinds", "confusion", "suspects"}
    assert "`deteval score --save-evidence FILE --detail .5`" in found.missing["error_kinds"]
    assert "give predictions and ground truth" in found.missing["confusion"]
    assert found.calibration.n == diagnose(run).calibration.n > 400
    assert found.images == diagnose(run, boxes=boxes).images
    elsewhere = diagnose(run, iou=0.75, boxes=boxes)
    assert set(elsewhere.missing) == {"suspects"}
    assert "--detail .75`" in elsewhere.missing["suspects"]
    assert elsewhere.error_kinds.iou == 0.75


def test_refusals():
    run, _ = load_sample()
    with pytest.raises(deteval.DetevalError, match=r"iou: the run has no IoU threshold \.52, only \.5:\.95:\.05"):
        diagnose(run, iou=0.52)
    for top in (-1, 1.5, True):
        with pytest.raises(deteval.DetevalError, match=r"top: .* is not a whole number of at least 0"):
            diagnose(run, top=top)


@pytest.mark.parametrize("first", [0, 20])
def test_costs_of_images_are_those_of_their_rows(first):
    for seed in range(first, first + 20):
        data = random_dataset(seed)
        params = params_of(data)
        gt = deteval.load_ground_truth(data.ground_truth)
        evidence = deteval.match(gt, deteval.load_detections(data.detections, gt), params, detail=params.iou[:1])
        ranked, iou = Ranked(evidence), params.iou[0]
        value = influence(ranked, Metric("AP", iou=(iou,)))
        codes = classify(evidence, iou).tolist()
        costs, missed, false = image_costs(ranked, Metric("AP", iou=(iou,)), 0)
        expected = [[0.0, 0, 0] for _ in range(len(evidence.images))]
        for row, code in enumerate(codes):
            if code >= 0:
                expected[evidence.image[row]][0] -= value[row]
                expected[evidence.image[row]][2] += 1
        counts = ~evidence.gt_ignored[:, 0]
        classes = len(set(evidence.gt_category[counts].tolist()))
        for g in np.flatnonzero(counts).tolist():
            if int(evidence.found[g, 0, 0]) & 1:
                continue
            k = evidence.gt_category[g]
            worths = [value[row] for row, code in enumerate(codes) if code == -1 and evidence.category[row] == k]
            alone = 100 / 101 / int((counts & (evidence.gt_category == k)).sum()) / classes
            expected[evidence.gt_image[g]][0] += sum(worths) / len(worths) if worths else alone
            expected[evidence.gt_image[g]][1] += 1
        assert [[float(cost), int(m), int(f)] for cost, m, f in zip(costs, missed, false, strict=True)] == \
            [pytest.approx(one, abs=1e-12) for one in expected]


def test_the_cost_of_an_image_is_what_mending_it_brings():
    """To first order: in a large enough set, errors of one image mended raise AP by about its cost."""
    run, boxes = load_sample()
    ranked = Ranked(run.evidence)
    costs = image_costs(ranked, Metric("AP", iou=(0.5,)), 0)[0]
    assert (costs >= -1e-15).all()
    before = measure("AP@.5", ranked).values[0]
    gains = []
    for image in range(len(run.evidence.images)):
        gt = boxes.ground_truth
        mine = np.flatnonzero((gt.image == image) & ~gt.is_crowd)
        scores = float(np.median(boxes.detections.scores[boxes.detections.scores > 0.5]))
        detections = [{"image_id": gt.images.ids[i].item(), "category_id": gt.categories.ids[k].item(),
                       "bbox": box.tolist(), "score": float(score)} for i, k, box, score in
                      zip(boxes.detections.image, boxes.detections.category, boxes.detections.boxes,
                          boxes.detections.scores, strict=True) if i != image]
        detections += [{"image_id": gt.images.ids[image].item(), "bbox": gt.boxes[g].tolist(), "score": scores,
                        "category_id": gt.categories.ids[gt.category[g]].item()} for g in mine]
        mended = deteval.match(gt, deteval.load_detections(detections, gt))
        gains.append(measure("AP@.5", mended).values[0] - before)
    assert np.corrcoef(costs, gains)[0, 1] > 0.9
    assert sum(costs) == pytest.approx(sum(gains), rel=0.25)


def shifted(one):
    x, y, w, h = one["bbox"]
    return [{**one, "bbox": [x + 3, y, w, h]}]


def widened(one):
    x, y, w, h = one["bbox"]
    return [{**one, "bbox": [x - 0.1 * w, y, 1.2 * w, h]}]


def renamed(one):
    return [{**one, "category_id": {1: 2, 2: 1}.get(one["category_id"], one["category_id"])}]


def silenced(one):
    return [one] if one["category_id"] != 1 else []


def doubled(one):
    return [one, {**one, "score": one["score"] * 0.99}]


def flattered(one):
    return [{**one, "score": one["score"] ** 0.1}]


@pytest.mark.parametrize("change, said", [
    (shifted, "boxes lie to the right of their objects: in the median by"),
    (widened, "boxes are wider than their objects: in the median by"),
    (renamed, "are detected as"),
    (silenced, "1 of 6 classes has no detection"),
    (doubled, "duplicate: "),
    (flattered, "scores are too high, by"),
])
def test_broken_models_are_named(change, said):
    run, boxes = load_sample(change)
    remarks = diagnose(run, boxes=boxes).remarks
    assert any(said in remark for remark in remarks), remarks
    if said not in ("duplicate: ", "scores are too high, by"):
        sound = diagnose(*load_sample()[:1], boxes=load_sample()[1]).remarks
        assert not any(said in remark for remark in sound), sound


def test_nothing_stands_out_where_there_is_nothing():
    gt = deteval.load_ground_truth({"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "cat"}]})
    dt = deteval.load_detections([], gt)
    found = diagnose(deteval.make_run(gt, dt, detail=(0.5,)), boxes=Boxes(gt, dt))
    assert (found.remarks, found.images, found.metrics) == ((), (), {"AP": None, "AP@.5": None})
    assert found.confusion.cut == "every score, as no detection is a true positive"
    assert not math.isnan(found.to_dict()["totals"]["n_det"])


def test_any_data_can_be_diagnosed():
    for seed in range(60):
        data = random_dataset(seed)
        params = params_of(data)
        gt = deteval.load_ground_truth(data.ground_truth)
        dt = deteval.load_detections(data.detections, gt)
        run = deteval.make_run(gt, dt, params, detail=params.iou[:1])
        found = diagnose(run, iou=params.iou[0], boxes=Boxes(gt, dt))
        assert json.dumps(found.to_dict(), allow_nan=False)
