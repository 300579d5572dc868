"""A run holds all that its scores say, and evidence of some images is what matching those alone gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from datasets import random_dataset
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.records.evidence import merge
from deteval.records.subset import restrict
from deteval.scoring import summarise

SAMPLE = Path(__file__).parents[1] / "fixtures" / "sample"


def sample():
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    return gt, deteval.load_detections(SAMPLE / "preds.json", gt)


def loaded(seed, **options):
    data = random_dataset(seed)
    for place, image in enumerate(data.ground_truth["images"]):
        image["camera"] = f"cam{place % 2}"
    gt = deteval.load_ground_truth(data.ground_truth, **options)
    return gt, deteval.load_detections(data.detections, gt), params_of(data)


def test_scores_say_what_the_run_says():
    run = deteval.make_run(*sample(), deteval.Params(iou=0.5), images=range(30), reading={"default_score": "1"})
    scores = summarise(run, deteval.parse_metrics("AP"))
    for name in ("fingerprint", "not_comparable", "inputs", "reading", "versions"):
        assert getattr(scores, name) == getattr(run, name) != type(getattr(run, name))()
    assert scores.params == run.evidence.params


def test_findings_come_in_the_order_of_the_work():
    truth = json.loads((SAMPLE / "gt.json").read_text())
    truth["annotations"][0]["id"] = 0
    detections = json.loads((SAMPLE / "preds.json").read_text())
    detections.append(detections[0])
    gt = deteval.load_ground_truth(truth)
    dt = deteval.load_detections(detections, gt)
    params = deteval.Params(iou=(0.75, 0.5), max_dets=1, min_score=0.3, classes=gt.categories.names[:2])
    run = deteval.make_run(gt, dt, params, images=range(len(gt.images) - 1))
    codes = [finding.code for finding in run.findings]
    assert codes == ["annotation-id-zero", "duplicate-box", "settings-sorted", "left-out", "images-without-detections"]
    scores = summarise(run, deteval.parse_metrics("AP"))
    assert [finding.code for finding in scores.findings] == [*codes, "cut-by-cap"]


def test_a_run_says_where_it_came_from():
    gt, dt = sample()
    run = deteval.make_run(gt, dt, images=range(30), reading={"allow": ["unknown-image"]})
    assert run.name == str(SAMPLE / "preds.json")
    assert [one.path for one in run.inputs] == [str(SAMPLE / "preds.json"), str(SAMPLE / "gt.json")]
    assert run.not_comparable == ("30 of 40 images are scored",)
    assert deteval.make_run(gt, dt, deteval.Params(max_dets=5)).not_comparable == ("caps are 5, COCO's are 1,10,100",)
    assert run.reading == {"allow": ["unknown-image"]}
    assert run.versions["deteval"] == deteval.__version__
    assert run.fingerprint == deteval.evaluate(gt, dt, images=range(30)).fingerprint
    assert run.fingerprint != deteval.make_run(gt, dt).fingerprint


def detail_of(params):
    return sorted({params.iou[0], params.iou[-1]})


@pytest.mark.parametrize("seed", range(120))
def test_restricted_evidence_is_that_of_matching_those_images_alone(seed):
    gt, dt, params = loaded(seed, image_fields=True)
    rng = np.random.default_rng(seed)
    images = np.flatnonzero(rng.random(len(gt.images)) < rng.choice([0.0, 0.3, 0.7, 1.0]))
    whole = deteval.match(gt, dt, params, detail=detail_of(params))
    alone = deteval.match(gt, dt, params, images=images, detail=detail_of(params))
    assert differing(restrict(whole, images), alone) == []
    assert differing(restrict(whole, images.tolist()), alone) == []


@pytest.mark.parametrize("seed", range(0, 120, 4))
def test_restricted_parts_merge_into_the_whole(seed):
    gt, dt, params = loaded(seed, image_fields=True)
    whole = deteval.match(gt, dt, params, detail=detail_of(params))
    first = np.random.default_rng(seed).random(len(gt.images)) < 0.5
    parts = [restrict(whole, np.flatnonzero(~first)), restrict(whole, np.flatnonzero(first))]
    assert differing(merge(parts), whole) == []


def test_evidence_without_detail_has_none_after_it():
    gt, dt, params = loaded(3)
    assert restrict(deteval.match(gt, dt, params), [0]).detail is None


@pytest.mark.parametrize("images", [[1, 0], [0, 0], [-1], [99]])
def test_positions_must_ascend_and_exist(images):
    gt, dt, params = loaded(7)
    with pytest.raises(deteval.DetevalError, match=r"images: ascending positions from 0 to \d+ are needed") as error:
        restrict(deteval.match(gt, dt, params), images)
    assert error.value.exit_code == 2


def test_merging_keeps_fields_that_only_some_parts_have():
    gt, dt, params = loaded(7, image_fields=True)
    plain, _, _ = loaded(7)
    parts = [deteval.match(gt, dt, params, images=[0, 2]), deteval.match(plain, dt, params, images=[1])]
    fields = merge(parts).images.fields
    assert fields["camera"][1] is None
    assert fields["camera"][0] == gt.images.fields["camera"][0]
    assert fields["camera"][2] == gt.images.fields["camera"][2]
