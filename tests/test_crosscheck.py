"""The cross-check finds what it should: equality on real outcomes, a planted ulp, what the reference cannot express."""

import json

import numpy as np
import pytest
from datasets import random_dataset
from test_exactness import params_of

import deteval
import deteval.studies.crosscheck as study
from deteval.records.params import Params

PERFECT = {
    "images": [{"id": 1}], "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"id": n, "image_id": 1, "category_id": 1, "bbox": [100 * n, 0, 50, 50], "area": 2500, "iscrowd": 0}
                    for n in range(2)],
}
FOUND = [{"image_id": 1, "category_id": 1, "bbox": one["bbox"], "score": 0.9 - 0.1 * one["id"]}
         for one in PERFECT["annotations"]]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "gt.json").write_text(json.dumps(PERFECT))
    (tmp_path / "preds.json").write_text(json.dumps(FOUND))
    return tmp_path / "preds.json", tmp_path / "gt.json"


@pytest.mark.parametrize("seed", range(0, 200, 4))
def test_equal_on_fuzzed_data(seed):
    data = random_dataset(seed)
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    result = study.crosscheck(gt, dt, params_of(data), threads=1)
    assert result.equal, result.first
    assert result.stats == result.reference_stats
    half = study.crosscheck(gt, dt, params_of(data), images=study.sample_images(len(gt.images), 2), threads=1)
    assert half.equal
    assert half.n_images == min(2, len(gt.images))


def test_annotation_id_zero_is_shown_beside(files, deteval_run):
    """Perfect predictions on the annotation ids 0 and 1: the reference says 0.2525."""
    outcome = deteval_run("crosscheck", *files)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == ("equal: all 24,360 cells of precision, recall and scores on 1 images are those of "
                        "pycocotools, bit for bit")
    assert "  AP: 0.252475 instead of 1.000000" in lines


def test_a_planted_ulp_is_found_and_named(files, deteval_run, monkeypatch):
    original = study.precision_arrays

    def planted(evidence, threads=None):
        precision, recall, scores = original(evidence, threads)
        precision[3, 50, 0, 0, 2] = np.nextafter(precision[3, 50, 0, 0, 2], 0)
        return precision, recall, scores

    monkeypatch.setattr(study, "precision_arrays", planted)
    for arguments in (["crosscheck", *files], ["score", *files, "--crosscheck"]):
        outcome = deteval_run(*arguments)
        assert outcome.code == 5
        text = outcome.out if arguments[0] == "crosscheck" else outcome.err
        assert "DIFFERENT: 1 of 24,360 cells" in text
        assert "largest difference 1.11e-16" in text
        assert "first: precision, class cat, IoU .65, recall 0.5, area all, at most 100: deteval " in text
    document = json.loads(deteval_run("crosscheck", *files, "--format", "json").out)
    assert document["equal"] is False
    assert document["first"]["category"] == "cat"


@pytest.mark.parametrize("arguments, reason", [
    (["--similarity", "giou"], "similarity giou: it knows IoU only"),
    (["--honour-ignore"], "honour_ignore: it overwrites ignore by iscrowd"),
])
def test_what_the_reference_cannot_express(files, deteval_run, arguments, reason):
    for command in (["crosscheck", *files], ["score", *files, "--crosscheck"]):
        outcome = deteval_run(*command, *arguments)
        assert (outcome.code, outcome.err) == (2, f"deteval: crosscheck: pycocotools cannot express {reason}\n")


@pytest.mark.parametrize("seed", range(1, 100, 6))
def test_selections_reach_both_programs(seed):
    """Classes, a score cut and box areas are applied to both sides."""
    data = random_dataset(seed)
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    cut = float(np.median(dt.scores)) if len(dt) else 0.0
    params = Params(min_score=cut, classes=(gt.categories.names[0],), area_source="box",
                    class_agnostic=data.settings["class_agnostic"])
    result = study.crosscheck(gt, dt, params, threads=1)
    assert result.equal, result.first
