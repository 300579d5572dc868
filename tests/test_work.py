"""Guards on work instead of time, so that a slip shows on a noisy machine: loop steps, bytes, threads."""

import json
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from kernel_digests import digest

import deteval
from deteval import evaluation, grouping
from deteval.kernels import compiled
from deteval.kernels.compiled import MODULES, Kernel
from deteval.loading import checks, scan, source
from deteval.measures import precision_arrays

TODAY = {
    "best_overlaps": 49_144, "counting_order": 25_522, "interpolated_precision": 273_929, "join_groups": 2_400,
    "match_groups": 44_336, "next_value": 12, "order_by_score": 56_744, "outcome_counts": 32_400, "rank_rows": 1_232,
    "repeat_candidates": 2_166, "row_digests": 2_880, "scan_records": 123_829, "similarities": 33_632,
    "skip_json": 1_362, "survey_boxes": 3_340, "tied_rows": 1_494,
}
"""Array elements that each kernel reads and writes on `example()` when nothing has slipped."""
INSTRUCTIONS = 17_383_115
"""Instructions of the built library on `example()` in 8 copies."""


def example(copies=1):
    """A ground truth and detections that every kernel has work on, from whole numbers alone."""
    images = [{"id": i, "width": 200, "height": 200, "file_name": f"{i}.jpg"} for i in range(6 * copies)]
    truth = [{"id": i + 1, "image_id": i * 7 % len(images), "category_id": i % 3, "iscrowd": int(i % 17 == 0),
              "bbox": [i * 37 % 150, i * 53 % 150, 20 + i * 29 % 60, 20 + i * 31 % 70], "area": 400 + i * 97 % 9000}
             for i in range(60 * copies)]
    found = []
    for i in range(300 * copies):
        target = truth[i * 11 % len(truth)]
        x, y, width, height = target["bbox"]
        found.append({"image_id": target["image_id"] if i % 4 else i % len(images), "category_id": i * 11 % 3,
                      "bbox": [x + i % 7, y + i % 5 + 0.25, width - i % 3, height], "score": (i * 7919 % 1000) / 1000})
    categories = [{"id": i, "name": f"class {i}"} for i in range(3)]
    return {"images": images, "annotations": truth, "categories": categories}, found


class Counted(np.ndarray):
    """An array that counts how often an element is read or written."""

    steps = 0

    def __getitem__(self, place):
        Counted.steps += 1
        return super().__getitem__(place)

    def __setitem__(self, place, value):
        Counted.steps += 1
        super().__setitem__(place, value)


@pytest.fixture
def steps(monkeypatch):
    """Kernels run as plain Python, and what this holds counts the elements that each of them reads and writes."""
    counts = Counter()

    def counting(one):
        def call(*arguments):
            before = Counted.steps
            with np.errstate(over="ignore"):
                result = one.function(*(value.view(Counted) if isinstance(value, np.ndarray) else value
                                        for value in arguments))
            counts[one.name] += Counted.steps - before
            return int(result)

        return call

    for name in MODULES:
        module = import_module(f"deteval.kernels.{name}")
        for member, value in list(vars(module).items()):
            if isinstance(value, Kernel):
                monkeypatch.setattr(value, "_call", counting(value))
            elif getattr(value, "is_helper", False):  # compiled by now, if kernels are compiled on use
                monkeypatch.setattr(module, member, getattr(value, "py_func", value))
    return counts


@pytest.fixture
def files(tmp_path):
    """The example as files."""
    for name, content in zip(("gt", "preds"), example(), strict=True):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return tmp_path / "preds.json", tmp_path / "gt.json"


def score(predictions, truth, threads=1):
    """Everything that `deteval score` computes, and the whole arrays."""
    gt = deteval.load_ground_truth(truth)
    dt = deteval.load_detections(predictions, gt, threads=threads)
    evidence = deteval.match(gt, dt, detail=[0.5], threads=threads)
    scores = deteval.evaluate(gt, dt, threads=threads)
    return gt, dt, evidence, precision_arrays(evidence, threads), scores.metrics


def test_no_kernel_takes_more_steps_than_it_did(steps, files):
    score(*files, threads=1)
    slipped = [f"{name}: {count:,} steps, {TODAY.get(name, 0):,} before" for name, count in sorted(steps.items())
               if count > 1.1 * TODAY.get(name, 0)]
    assert not slipped, "; ".join(slipped) + (
        ". Find out which loop does more than it did. If that is meant, put these counts into TODAY: "
        + repr(dict(sorted(steps.items()))))


def test_score_cuts_are_one_pass(steps, files):
    """Twenty cuts read the rows as often as one does; each adds its look at the score where it stops."""
    gt = deteval.load_ground_truth(files[1])
    dt = deteval.load_detections(files[0], gt, threads=1)
    taken = []
    for axis in (0.0, "0:.95:.05"):
        steps.clear()
        deteval.sweep(gt, {"one": dt}, deteval.plan_sweep({"min_score": axis}, "AP,AR,F1"), threads=1)
        taken.append(dict(steps))
    one, many = taken
    assert one["match_groups"] == many["match_groups"]
    assert many["extend_outcomes"] < 1.1 * one["extend_outcomes"] + 20 * 3 * 10
    assert many["hits_for_recall"] == one["hits_for_recall"]


SCORES = {
    "random": lambda n: np.random.default_rng(0).random(n),
    "equal": np.zeros,
    "ascending": lambda n: np.arange(n) / n,
    "descending": lambda n: -np.arange(n) / n,
    "two values": lambda n: np.arange(n) % 2 * 0.5,
    "one far away": lambda n: np.where(np.arange(n) == n // 2, 1e30, np.arange(n) * 7919 % n / n),
    "too far apart": lambda n: np.where(np.arange(n) % 2, 1e308, -1e308) * (np.arange(n) * 7919 % n / n),
    "exponential": lambda n: np.exp2(-(np.arange(n) * 7919 % n).astype(float) % 1000),
}


@pytest.mark.parametrize("kind", SCORES)
def test_a_class_on_one_image_is_never_quadratic(steps, kind):
    """Twice the detections of one class on one image are about twice the steps, however scores are spread."""
    taken = []
    for size in (2048, 4096):
        steps.clear()
        rows = np.arange(size)
        gt = deteval.load_ground_truth({
            "images": [{"id": 1, "file_name": "1.jpg"}], "categories": [{"id": 1, "name": "one"}],
            "annotations": {"image_id": [1] * 3, "category_id": [1] * 3, "bbox": [[10 * i, 0, 9, 9] for i in range(3)],
                            "area": [81.0] * 3, "iscrowd": [0] * 3, "id": [1, 2, 3]}})
        dt = deteval.load_detections({
            "image_id": np.ones(size, int), "category_id": np.ones(size, int), "score": SCORES[kind](size),
            "bbox": np.stack([rows % 30, rows % 7, 9 + rows % 3, np.full(size, 9)], axis=1).astype(float)}, gt)
        deteval.evaluate(gt, dt, threads=1)
        taken.append(dict(steps))
    assert set(taken[0]) == set(taken[1])
    slow = {name: taken[1][name] / taken[0][name] for name in taken[0] if taken[1][name] > 2.3 * taken[0][name] + 100}
    assert not slow


def test_many_classes_and_images_need_no_table_of_both():
    images, classes, boxes = 100_000, 1_200, 2_000
    rows = np.arange(boxes)
    ground_truth = {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in range(images)],
        "categories": [{"id": i, "name": f"class {i}"} for i in range(classes)],
        "annotations": {"image_id": rows * 7919 % images, "category_id": rows % classes, "id": rows + 1,
                        "bbox": np.full((boxes, 4), 9.0), "area": np.full(boxes, 81.0),
                        "iscrowd": np.zeros(boxes, int)}}
    detections = {"image_id": rows * 7919 % images, "category_id": rows % classes, "score": rows / boxes,
                  "bbox": np.full((boxes, 4), 9.0)}
    peaks = {}
    gt = deteval.load_ground_truth(ground_truth)
    tracemalloc.start()
    try:
        for stage in ("load", "match", "evaluate"):
            tracemalloc.reset_peak()
            if stage == "load":
                dt = deteval.load_detections(detections, gt, threads=2)
            elif stage == "match":
                evidence = deteval.match(gt, dt, threads=2)
            else:
                deteval.evaluate(gt, dt, threads=2)
            peaks[stage] = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
    assert len(evidence) == boxes
    assert peaks["load"] < 8, peaks  # megabytes
    assert peaks["match"] < 4, peaks  # a table would take 120, at one byte a cell
    assert peaks["evaluate"] < 100, peaks  # precision curves of all classes take 39


@pytest.fixture
def tiny_chunks(monkeypatch):
    """Work cut so small that every stage has many pieces. Returns the lengths of the lists of chunks."""
    for module, name, value in ((grouping, "WORK_PER_CHUNK", 16), (evaluation, "WORK_PER_CHUNK", 16),
                                (grouping, "GATHERED", 16), (scan, "PIECE", 500), (checks, "ROWS_PER_CHUNK", 16),
                                (source, "WORDS_PER_CHUNK", 16)):
        monkeypatch.setattr(module, name, value)
    lengths = []
    for name, module in list(sys.modules.items()):
        if name.startswith("deteval.") and hasattr(module, "map_chunks"):
            def spy(function, chunks, threads, real=module.map_chunks):
                lengths.append(len(chunks))
                return real(function, chunks, threads)

            monkeypatch.setattr(module, "map_chunks", spy)
    return lengths


def test_one_thread_starts_none(files, tiny_chunks, monkeypatch, deteval_run):
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread), start(thread)))
    outcome = deteval_run("score", *files, "--threads", "1", "--matches", files[0].parent / "matches.jsonl")
    assert outcome.code == 0
    assert max(tiny_chunks) > 10
    assert deteval_run("check", *files, "--threads", "1").code == 0
    assert deteval_run("crosscheck", *files, "--threads", "1").code == 0
    assert started == []
    assert deteval_run("score", *files, "--threads", "2").code == 0
    assert started


def test_every_number_of_threads_gives_the_same_bits(files, request):
    expected = digest(score(*files, threads=1))
    chunks = request.getfixturevalue("tiny_chunks")
    for threads in (1, 2, 3, 8):
        for _ in range(3):
            assert digest(score(*files, threads=threads)) == expected, threads
    assert max(chunks) > 10


@pytest.mark.long
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.skipif(compiled.mode()[0] != "built", reason="no built kernels are used here")
def test_the_built_library_takes_no_more_instructions_than_it_did(tmp_path):
    for name, content in zip(("gt", "preds"), example(8), strict=True):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
               "--toggle-collect=_3cdynamic_3e::*", sys.executable, "-m", "deteval", "score", "preds.json", "gt.json",
               "-q", "--threads", "1"]
    home = Path(deteval.__file__).parent.parent
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600,
                             env={**os.environ, "PYTHONPATH": str(home)})
    taken = int(outcome.stderr.partition("Collected : ")[2].split()[0])
    assert taken < 1.15 * INSTRUCTIONS, (
        f"{taken:,} instructions, {INSTRUCTIONS:,} before; if meant, or due to another LLVM, change INSTRUCTIONS")
    assert taken > 0.3 * INSTRUCTIONS, f"{taken:,} instructions: was the library not used?"
