"""Diagnose: its parts are those of the functions below it, what is missing is said, and broken models are named."""

import json
import math
import re

import numpy as np
import pytest
from conftest import SAMPLE
from datasets import random_dataset
from msgspec.structs import replace
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.diagnosis.calibration import calibrate
from deteval.diagnosis.confusion import confuse
from deteval.diagnosis.error_kinds import classify, error_kinds
from deteval.diagnosis.suspects import find_suspects
from deteval.diagnosis.symptoms import _largest_kinds
from deteval.influence import influence
from deteval.measures import Ranked, measure
from deteval.records.error_kinds import Cost
from deteval.records.metric import Metric
from deteval.records.run import Boxes
from deteval.reports.diagnosis_rows import diagnosis_sheet
from deteval.reports.layout import Look
from deteval.reports.sheet_table import render_table
from deteval.studies.diagnose import diagnose, image_costs


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
    (flattered, " are too high, by"),
])
def test_broken_models_are_named(change, said):
    run, boxes = load_sample(change)
    remarks = diagnose(run, boxes=boxes).remarks
    assert any(said in remark for remark in remarks), remarks
    if said not in ("duplicate: ", " are too high, by"):
        sound = diagnose(*load_sample()[:1], boxes=load_sample()[1]).remarks
        assert not any(said in remark for remark in sound), sound


def test_sentences_name_the_ap_that_they_speak_of():
    """At one threshold it is another one than the run's."""
    _, boxes = load_sample()
    for iou, name in ((0.5, "AP@.5"), (0.9, "AP@.9")):
        evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(iou,))
        found = diagnose(evidence, iou=iou, boxes=boxes)
        assert list(found.metrics) == ["AP", name]
        assert found.suspects.metric == name
        told = [remark for remark in found.remarks if "would rise" in remark or remark.startswith("size ")]
        assert told
        assert all(f" {name} " in remark and " AP " not in remark for remark in told)


def scores_of(parts):
    """Diagnosis of one class: (score, right, wrong), each detection on an image of its own with an object."""
    rows = [(score, hit) for score, right, wrong in parts for hit, n in ((1, right), (0, wrong)) for _ in range(n)]
    gt = deteval.load_ground_truth({
        "images": [{"id": i} for i in range(len(rows))], "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [0, 0, 10, 10]}
                        for i, (_, hit) in enumerate(rows) if hit]})
    dt = deteval.load_detections([{"image_id": i, "category_id": 1, "score": score,
                                   "bbox": [0 if hit else 50, 0, 10, 10]} for i, (score, hit) in enumerate(rows)], gt)
    return diagnose(deteval.make_run(gt, dt, detail=(0.5,)), boxes=Boxes(gt, dt))


def test_scores_that_are_off_where_it_matters():
    """Thousands of detections near 0 keep the error of all small; a user sees those above the cut."""
    off = scores_of([(0.01, 20, 1980), (0.75, 85, 15), (0.85, 97, 3)])
    assert off.calibration.error < 0.02
    assert off.calibration.cut == 0.75
    assert off.calibration.error_above == pytest.approx(0.11)
    told = [remark for remark in off.remarks if remark.startswith("scores ")]
    assert len(told) == 1
    assert told[0].startswith("scores of 0.75 or more (F1 is best there) are too low, by 0.11 on average: from 0.8 to")
    assert "0.9 the mean score is 0.85, and 97% of 100 detections are right; AP does not" in told[0]
    parted = scores_of([(0.01, 0, 2000), (0.09, 60, 40), (0.85, 97, 3)])  # the cut parts the bin that has nearly all
    assert parted.calibration.cut == 0.09
    assert any(remark.startswith("scores of 0.09 or more") and "from 0.8 to 0.9" in remark for remark in parted.remarks)
    last = scores_of([(0.01, 0, 2000), (0.95, 60, 40)])
    assert any(remark.startswith("scores of 0.95 or more") and "from 0.9 to 1" in remark for remark in last.remarks)
    sound = scores_of([(0.01, 20, 1980), (0.75, 75, 25), (0.85, 85, 15)])
    assert not [remark for remark in sound.remarks if remark.startswith("scores ")]


def test_one_of_a_kind():
    """No "1 objects"."""
    few = scores_of([(0.95, 0, 1), (0.9, 3, 0)])
    assert "labels to look at: 1 confident detection on nothing that is labelled" in few.remarks
    kinds = error_kinds(load_sample()[0].evidence)
    one = replace(kinds.whole, kinds={kind: Cost(1, 0.1 if kind == "missed" else 0.0) for kind in kinds.whole.kinds})
    assert list(_largest_kinds(replace(kinds, whole=one))) == [
        (0.1, "missed: 1 object with nothing near that could be mended; mended alone, AP@.5 would rise by 10.0 points")]


def test_nothing_stands_out_where_there_is_nothing():
    gt = deteval.load_ground_truth({"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "cat"}]})
    dt = deteval.load_detections([], gt)
    found = diagnose(deteval.make_run(gt, dt, detail=(0.5,)), boxes=Boxes(gt, dt))
    assert (found.remarks, found.images, found.metrics) == ((), (), {"AP": None, "AP@.5": None})
    assert found.confusion.cut == "every score, as no detection is a true positive"
    assert not math.isnan(found.to_dict()["totals"]["n_det"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("score", [
    lambda i, s: 1e308 if i % 3 == 0 else -1e308 if i % 3 == 1 else s, lambda i, s: 1.7e308 * s])
def test_scores_as_large_as_floats_go(score):
    """Neither warnings nor numbers that JSON cannot hold."""
    detections = [{**one, "score": score(i, one["score"])}
                  for i, one in enumerate(json.loads((SAMPLE / "preds.json").read_text()))]
    gt = deteval.load_ground_truth(json.loads((SAMPLE / "gt.json").read_text()))
    dt = deteval.load_detections(detections, gt)
    found = diagnose(deteval.make_run(gt, dt, detail=(0.5,)), boxes=Boxes(gt, dt))
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.calibration.bins == ()
    for look in (Look(), Look(width=60)):
        text = render_table(diagnosis_sheet(found, look), look)
        assert "too large for bins" in " ".join(text.split())
        assert not re.search(r"\b(nan|inf)\b", text)


def test_any_data_can_be_diagnosed():
    for seed in range(60):
        data = random_dataset(seed)
        params = params_of(data)
        gt = deteval.load_ground_truth(data.ground_truth)
        dt = deteval.load_detections(data.detections, gt)
        run = deteval.make_run(gt, dt, params, detail=params.iou[:1])
        found = diagnose(run, iou=params.iou[0], boxes=Boxes(gt, dt))
        assert json.dumps(found.to_dict(), allow_nan=False)
