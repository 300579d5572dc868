"""Whole precision, recall and scores arrays equal pycocotools' bit for bit, and the twelve numbers with them."""

import time

import numpy as np
import pytest
from datasets import DataSet, random_dataset
from reference import Reference, reference, run_reference
from shared_data import BOX_PAIRS, Pair, load, needs_shared_data, pair_params

import deteval
from deteval.measures import precision_arrays
from deteval.records.metric import default_metrics
from deteval.records.params import AreaRange, Params

BLOCK = 100
"""Data sets per test, so that a failure names its neighbourhood and pytest shows progress."""


def params_of(data: DataSet) -> Params:
    settings = data.settings
    return Params(iou=settings["iou"], max_dets=settings["max_dets"], class_agnostic=settings["class_agnostic"],
                  areas=tuple(AreaRange(*area) for area in settings["areas"]))


def assert_equal_to_reference(data: DataSet, expected: Reference, name: object, threads: int | None = None) -> None:
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    params = params_of(data)
    evidence = deteval.match(gt, dt, params, threads=threads)
    for array, ours in zip(("precision", "recall", "scores"), precision_arrays(evidence), strict=True):
        theirs = getattr(expected, array)
        assert ours.shape == theirs.shape
        assert np.array_equal(ours, theirs), f"{name}: {array} differs first at {np.argwhere(ours != theirs)[0]}"
    if expected.stats is not None:
        values = deteval.measure(default_metrics(params), evidence).values
        assert np.array_equal(np.where(np.isnan(values), -1.0, values), expected.stats), name


@pytest.mark.parametrize("start", range(0, 2000, BLOCK))
def test_fuzzed_data_sets(start):
    for seed in range(start, start + BLOCK):
        data = random_dataset(seed)
        assert_equal_to_reference(data, reference(data), seed)


@pytest.mark.long
def test_fuzzed_data_sets_for_an_hour():
    seed, stop = 2000, time.monotonic() + 3600
    while time.monotonic() < stop:
        data = random_dataset(seed)
        assert_equal_to_reference(data, reference(data), seed, threads=1 + seed % 3)
        seed += 1


@needs_shared_data
@pytest.mark.parametrize("pair", pair_params(BOX_PAIRS))
def test_real_pairs(pair: Pair):
    ground_truth, detections = load(pair)
    if isinstance(detections, dict):
        detections = detections["annotations"]
    expected = run_reference(ground_truth, detections)
    settings = {"iou": Params().iou, "max_dets": (1, 10, 100), "class_agnostic": False,
                "areas": tuple((area.name, area.low, area.high) for area in Params().areas)}
    assert_equal_to_reference(DataSet(ground_truth, detections, settings), expected, pair.name)
