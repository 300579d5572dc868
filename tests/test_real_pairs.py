"""Saved evidence, comparison and gate on real ground truths and detections by others."""

import json
import shutil

import numpy as np
import pytest
from msgspec.structs import replace
from shared_data import BOX_PAIRS, Pair, pair_params

import deteval
from deteval.records.findings import CATALOGUE
from deteval.records.reading import Reading
from deteval.records.resampling import Resampling

ALLOWED = frozenset(code for code, kind in CATALOGUE.items() if kind.allowed)
FEW = Resampling(replicates=200)
ARRAYS = ("image", "category", "rank", "scores", "row", "true_positive", "ignored", "gt_image", "gt_category",
          "gt_row", "gt_ignored", "found")


def runs(pair: Pair) -> tuple[deteval.Run, deteval.Run]:
    """The detections as they are, and without every third."""
    assert pair.detections is not None
    gt = deteval.load_ground_truth(pair.ground_truth, allow=ALLOWED, image_fields=True)
    dt = deteval.load_detections(pair.detections, gt, reading=Reading(allow=ALLOWED))
    kept = np.arange(len(dt)) % 3 != 0
    columns = {name: getattr(dt, name)[kept] for name in ("image", "category", "boxes", "scores", "row")}
    return deteval.make_run(gt, dt), deteval.make_run(gt, replace(dt, **columns))


@pytest.mark.parametrize("pair", pair_params(BOX_PAIRS))
def test_evidence_survives_the_disk(pair, tmp_path):
    base, _ = runs(pair)
    deteval.save_evidence(tmp_path / "base.evidence.npz", base)
    again = deteval.load_evidence(tmp_path / "base.evidence.npz")
    for name in ARRAYS:
        assert np.array_equal(getattr(again.evidence, name), getattr(base.evidence, name)), name
    assert again.fingerprint == base.fingerprint
    first, second = (deteval.measure("AP,AR", one.evidence).values for one in (base, again))
    assert np.array_equal(first, second, equal_nan=True)


@pytest.mark.parametrize("pair", pair_params(BOX_PAIRS))
def test_a_model_is_identical_with_itself_and_fewer_detections_find_no_more(pair):
    base, fewer = runs(pair)
    same, worse = deteval.compare(base, [base, fewer], resampling=FEW).comparisons
    for estimate in same.whole.metrics:
        assert estimate.identical or estimate.base is None, estimate
    for estimate in worse.whole.metrics:
        if estimate.metric == "AR100" and estimate.difference is not None:
            assert estimate.difference <= 0
    found = {one.metric: one for one in worse.whole.metrics}["AR100"]
    if len(base.evidence.images) >= 50:
        assert found.differs, "a third of the detections is missing, and nobody notices"


@pytest.mark.parametrize("pair", pair_params(BOX_PAIRS))
def test_the_gate_stops_a_model_without_a_third_of_its_detections(pair, tmp_path, deteval_run):
    assert pair.detections is not None
    allow = ["--lenient"]
    records = json.loads(pair.detections.read_text("utf-8"))
    records = records["annotations"] if isinstance(records, dict) else records
    (tmp_path / "fewer.json").write_text(json.dumps([one for n, one in enumerate(records) if n % 3]))
    shutil.copy(pair.ground_truth, tmp_path / "gt.json")
    scored = deteval_run("score", pair.detections, tmp_path / "gt.json", *allow, "--format", "json", "-q",
                         "--save-evidence", tmp_path / "base.evidence.npz", "-o", tmp_path / "base.json")
    assert scored.code == 0, scored.err
    options = ["--baseline", tmp_path / "base.json", "--max-drop", "AR100=0.5pt", *allow, "--replicates", "200"]
    assert deteval_run("gate", pair.detections, tmp_path / "gt.json", *options).code == 0
    stopped = deteval_run("gate", tmp_path / "fewer.json", tmp_path / "gt.json", *options)
    if "too few" in stopped.out:  # fewer than ten images
        assert stopped.code in (0, 4)
    else:
        assert stopped.code == 1, stopped.out + stopped.err
