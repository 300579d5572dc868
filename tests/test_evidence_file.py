"""Evidence on disk comes back bit for bit, and is written whole or not at all."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from datasets import random_dataset
from msgspec.structs import replace
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.loading.evidence_file import BEGINNING_OF_TIME, FORMAT, is_evidence
from deteval.records.evidence import merge
from deteval.records.params import AreaRange
from deteval.records.subset import restrict
from deteval.scoring import summarise

SAMPLE = Path(__file__).parents[1] / "fixtures" / "sample"


def run_of(seed, **options):
    data = random_dataset(seed)
    for place, image in enumerate(data.ground_truth["images"]):
        image |= {"note": f"\u00e9\U0001f600 {place}", "night": bool(place % 2), "exposure": 0.5 * place, "at": place,
                  "attributes": {"weather": None if place == 0 else "rain"}}
    gt = deteval.load_ground_truth(data.ground_truth, image_fields=True)
    params = params_of(data)
    return deteval.make_run(gt, deteval.load_detections(data.detections, gt), params, detail=params.iou[-1:], **options)


@pytest.mark.parametrize("seed", range(150))
def test_a_run_comes_back_bit_for_bit(seed, tmp_path):
    run = run_of(seed, reading={"category_map": "+1", "allow": ["unknown-image"]})
    deteval.save_evidence(tmp_path / "run.npz", run)
    again = deteval.load_evidence(tmp_path / "run.npz")
    assert differing(again, replace(run, name=str(tmp_path / "run.npz"))) == []
    assert again.evidence.params.notes == run.evidence.params.notes
    assert deteval.measure("AP,AR", again.evidence).values.tobytes() == \
        deteval.measure("AP,AR", run.evidence).values.tobytes()


@pytest.mark.parametrize("params", [
    deteval.Params(areas=(AreaRange("tiny", 0.1, 1 / 3), AreaRange("all", 0, 1e10)), iou=".1,.3333333333333333"),
    deteval.Params(similarity="ciou", iou="-1.4:1:.05", max_dets=(7, 3, 3), min_score=1e-300, honour_ignore=True),
    deteval.Params(area_source="box", class_agnostic=True, classes=("c*", "dog")),
])
def test_settings_come_back(params, tmp_path):
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    run = deteval.make_run(gt, deteval.load_detections(SAMPLE / "preds.json", gt), params, detail=params.iou[:1])
    deteval.save_evidence(tmp_path / "run.npz", run)
    again = deteval.load_evidence(tmp_path / "run.npz")
    assert differing(again.evidence, run.evidence) == []
    metrics = deteval.parse_metrics("AP,AR,F1/score=0.3")
    assert summarise(again, metrics).to_dict() == summarise(run, metrics).to_dict()


def test_many_thresholds_class_agnostic_crowds_and_a_subset_come_back(tmp_path):
    data = random_dataset(5)
    for place, one in enumerate(data.ground_truth["annotations"]):
        one["iscrowd"] = int(place % 3 == 0)
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    for class_agnostic in (False, True):
        params = deteval.Params(iou=tuple(n / 70 for n in range(1, 70)), class_agnostic=class_agnostic, max_dets=2)
        run = deteval.make_run(gt, dt, params, detail=params.iou[-1:])
        for evidence in (run.evidence, restrict(run.evidence, range(0, len(gt.images), 2))):
            deteval.save_evidence(tmp_path / "run.npz", replace(run, evidence=evidence))
            assert differing(deteval.load_evidence(tmp_path / "run.npz").evidence, evidence) == []


def test_missing_widths_and_lone_surrogates_come_back(tmp_path):
    truth = {"images": [{"id": 2**60 + n, "file_name": name, "width": width, "height": 5.5}
                        for n, (name, width) in enumerate([("a\udce9.jpg", None), (None, 7), ("\u4e2d\u6587.png", 9)])],
             "categories": [{"id": 1, "name": "caf\u00e9 \u2028"}],
             "annotations": [{"image_id": 2**60, "category_id": 1, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0}]}
    gt = deteval.load_ground_truth(truth)
    run = deteval.make_run(gt, deteval.load_detections([], gt))
    deteval.save_evidence(tmp_path / "run.npz", run)
    again = deteval.load_evidence(tmp_path / "run.npz").evidence
    assert differing(again, run.evidence) == []
    assert again.images.file_names == ("a\udce9.jpg", None, "\u4e2d\u6587.png")
    assert np.isnan(again.images.width[0])
    assert again.categories.names == ("caf\u00e9 \u2028",)


def test_loaded_shards_merge(tmp_path):
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    dt = deteval.load_detections(SAMPLE / "preds.json", gt)
    parts = []
    for name, images in (("first", range(15)), ("second", range(15, 40))):
        deteval.save_evidence(tmp_path / name, deteval.make_run(gt, dt, images=images))
        parts.append(deteval.load_evidence(tmp_path / name).evidence)
    assert differing(merge(parts), deteval.match(gt, dt)) == []


def test_equal_runs_give_equal_bytes(sample_run, saved, tmp_path):
    deteval.save_evidence(tmp_path / "again.npz", sample_run)
    assert (tmp_path / "again.npz").read_bytes() == saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {member.date_time for member in archive.infolist()} == {BEGINNING_OF_TIME}


def test_numpy_reads_the_columns_without_pickle(sample_run, saved):
    with np.load(saved, allow_pickle=False) as columns:
        assert np.array_equal(columns["scores"], sample_run.evidence.scores)
        assert columns["image"].dtype == np.uint8
        assert json.loads(columns["header.json"])["format"] == FORMAT


def test_a_detection_takes_little_room(saved, sample_run):
    assert saved.stat().st_size < 12_000 + 40 * len(sample_run.evidence)


def test_is_evidence_is_told_by_content(saved, tmp_path):
    assert is_evidence(saved)
    for path in (SAMPLE / "gt.json", tmp_path, tmp_path / "absent", "-", "a\0b"):
        assert not is_evidence(path)


def test_only_runs_are_saved(sample_run, tmp_path):
    with pytest.raises(deteval.DetevalError, match=r"Evidence was given, what deteval\.make_run returns is needed"):
        deteval.save_evidence(tmp_path / "run.npz", sample_run.evidence)


def test_a_target_that_cannot_be_written(sample_run, tmp_path):
    for path, reason in ((tmp_path / "absent" / "run.npz", "No such file or directory"), (tmp_path, "directory")):
        with pytest.raises(deteval.DetevalError, match=reason) as error:
            deteval.save_evidence(path, sample_run)
        assert error.value.exit_code == 2


def test_a_failure_leaves_the_old_file_and_nothing_else(sample_run, saved, monkeypatch):
    before = saved.read_bytes()
    written = []

    def fail(archive, name, data):
        written.append(name)
        if len(written) > 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("deteval.loading.evidence_file._write", fail)
    with pytest.raises(KeyboardInterrupt):
        deteval.save_evidence(saved, sample_run)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_what_json_cannot_hold_is_refused_before_anything_is_written(sample_run, tmp_path):
    with pytest.raises(deteval.DetevalError, match="reading options or image fields hold what JSON cannot"):
        deteval.save_evidence(tmp_path / "run.npz", replace(sample_run, reading={"category_map": object()}))
    assert os.listdir(tmp_path) == []
