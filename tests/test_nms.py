"""NMS keeps what a plain oracle keeps, ties included, and what it drops is as if it had never been detected."""

import os
import subprocess
import sys

import numpy as np
import oracle
import pytest
from datasets import random_dataset
from gate_data import PREDICTIONS, TRUTH
from msgspec.structs import replace
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval import evaluation, grouping
from deteval.studies.crosscheck import crosscheck

LIMITS = (0.0, 0.3, 1 / 3, 0.5, 0.75, 0.9, 1.0)
SIMILARITIES = ("iou", "giou", "diou", "ciou")


def detection(box, score, category=1, image=1):
    return {"image_id": image, "category_id": category, "bbox": box, "score": score}


def loaded(detections):
    """Two images and classes with an object each, and detections."""
    gt = deteval.load_ground_truth({
        "images": [{"id": 1}, {"id": 2}], "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": n, "image_id": n, "category_id": n, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}
                        for n in (1, 2)]})
    return gt, deteval.load_detections(detections, gt)


def kept(detections, **settings):
    """Indices of the detections that remain."""
    gt, dt = loaded(detections)
    return sorted(deteval.match(gt, dt, deteval.Params(**settings)).row.tolist())


def remaining(dt, params):
    """Rows of the columns that score cut and NMS leave, in obvious Python, by way of the oracle's IoU."""
    rows = [row for row in range(len(dt)) if params.min_score is None or dt.scores[row] >= params.min_score]
    groups = {}
    for row in sorted(rows, key=lambda row: (dt.category[row], row)):
        groups.setdefault((dt.image[row], None if params.class_agnostic else dt.category[row]), []).append(row)
    result = []
    for group in groups.values():
        best = []
        for row in sorted(group, key=lambda row: -dt.scores[row]):  # stable
            if not any(oracle.iou(dt.boxes[row].tolist(), dt.boxes[other].tolist()) > params.nms for other in best):
                best.append(row)
        result += best
    return np.array(sorted(result), int)


def take(dt, rows):
    """Detections of which only some were ever made."""
    columns = {name: getattr(dt, name)[rows] for name in ("image", "category", "boxes", "scores", "row")}
    return replace(dt, **columns)


def drawn(seed):
    """A data set, and settings in any mixture."""
    data = random_dataset(seed)
    rng = np.random.default_rng(seed)
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    cut = float(rng.choice(dt.scores)) if len(dt) and rng.random() < 0.3 else None
    params = replace(params_of(data), similarity=SIMILARITIES[seed % 4], nms=LIMITS[seed % len(LIMITS)], min_score=cut)
    return gt, dt, params


@pytest.mark.parametrize("seed", range(240))
def test_what_remains_is_scored_as_if_it_were_all(seed):
    gt, dt, params = drawn(seed)
    with_nms = deteval.match(gt, dt, params, detail=params.iou[:1])
    without = deteval.match(gt, take(dt, remaining(dt, params)), replace(params, nms=None), detail=params.iou[:1])
    assert differing(with_nms, replace(without, params=params)) == []


def test_a_chain_is_not_followed():
    """The second is dropped for the first; the third overlaps only the second, and stays."""
    chain = [detection([4 * n, 0, 10, 10], 0.9 - 0.1 * n) for n in range(3)]
    assert kept(chain, nms=0.3) == [0, 2]
    assert kept(chain[::-1], nms=0.3) == [0, 2]


def test_an_iou_of_exactly_the_limit_stays():
    half = [detection([0, 0, 10, 10], 0.9), detection([0, 0, 10, 5], 0.8)]
    assert kept(half, nms=0.5) == [0, 1]
    assert kept(half, nms=np.nextafter(0.5, 0)) == [0]
    touching = [detection([0, 0, 10, 10], 0.9), detection([10, 0, 10, 10], 0.8), detection([9.99, 0, 9, 9], 0.7)]
    assert kept(touching, nms=0) == [0, 1]
    assert kept(half + half, nms=1) == [0, 1, 2, 3]


def test_of_equal_scores_the_first_in_the_file_stays():
    same = [detection([0, 0, 10, 10], score) for score in (0.0, -0.0, 0.0)]
    assert kept(same, nms=0.5) == [0]
    assert kept(same[1:], nms=0.5) == [0]


def test_other_classes_and_images_are_left_alone():
    boxes = [detection([0, 0, 10, 10], 0.5, 2), detection([0, 0, 10, 10], 0.9, 1), detection([0, 0, 10, 10], 0.7, 1, 2)]
    assert kept(boxes, nms=0.1) == [0, 1, 2]
    assert kept(boxes, nms=0.1, class_agnostic=True) == [1, 2]
    tie = [detection([0, 0, 10, 10], 0.9, 2), detection([0, 0, 10, 10], 0.9, 1)]
    assert kept(tie, nms=0.1, class_agnostic=True) == [1]  # by category, then by file


def test_boxes_without_area_are_never_dropped():
    flat = [detection(box, 0.9) for box in ([5, 5, 0, 0], [5, 5, 0, 0], [0, 5, 10, 0], [0, 0, 10, 10])]
    assert kept(flat, nms=0) == [0, 1, 2, 3]


def test_the_limit_is_an_iou_under_every_similarity():
    apart = [detection([0, 0, 10, 10], 0.9), detection([5, 0, 10, 10], 0.8)]  # IoU 1/3, GIoU 1/3, DIoU less, CIoU less
    for name in SIMILARITIES:
        assert kept(apart, nms=0.33, similarity=name) == [0]
        assert kept(apart, nms=0.34, similarity=name) == [0, 1]


def test_before_the_cap_and_after_the_score_cut():
    """The duplicate does not fill the cap; what the score cut drops suppresses nothing."""
    boxes = [detection([50, 50, 10, 10], 0.9), detection([50, 50, 10, 10], 0.8), detection([0, 0, 10, 10], 0.7)]
    gt, dt = loaded(boxes)
    assert deteval.evaluate(gt, dt, deteval.Params(max_dets=2)).totals["true_positives"] == 0
    scores = deteval.evaluate(gt, dt, deteval.Params(max_dets=2, nms=0.5))
    assert (scores.totals["true_positives"], scores.totals["n_det"]) == (1, 2)
    assert scores.totals["detections_cut_by_cap"] == 0
    assert [one.message for one in scores.findings if one.code == "left-out"] == \
        ["1 detection left out: 1 suppressed by NMS"]


@pytest.mark.parametrize("seed", range(0, 80, 2))
def test_a_cut_after_nms_leaves_the_same(seed):
    gt, dt, params = drawn(seed)
    if len(dt):
        cut = float(np.median(dt.scores))
        before = deteval.match(gt, dt, replace(params, min_score=cut))
        after = deteval.match(gt, dt, replace(params, min_score=None))
        assert set(before.row) == set(after.row[after.scores >= cut])


@pytest.mark.parametrize("seed", range(60))
def test_what_is_kept_does_not_overlap_and_a_second_pass_drops_nothing(seed):
    gt, dt, params = drawn(seed)
    rows = np.searchsorted(dt.row, np.sort(deteval.match(gt, dt, params).row))
    again = deteval.match(gt, take(dt, rows), params)
    assert len(again) == len(rows)
    plain = deteval.match(gt, dt, replace(params, nms=None))
    first = plain.row[plain.rank == 0]
    assert set(first) <= set(dt.row[rows])  # the best of every image and class stays


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_parts_merge_into_the_whole(seed):
    gt, dt, params = drawn(seed)
    first = np.random.default_rng(seed).random(len(gt.images)) < 0.5
    parts = [deteval.match(gt, dt, params, images=np.flatnonzero(chosen)) for chosen in (~first, first)]
    assert differing(deteval.merge(parts), deteval.match(gt, dt, params)) == []


def test_any_number_of_threads_drops_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    count = 3000
    gt, _ = loaded([])
    dt = deteval.load_detections({
        "image_id": rng.integers(1, 3, count), "category_id": rng.integers(1, 3, count),
        "score": rng.integers(0, 50, count) / 50, "bbox": rng.uniform(1, 90, (count, 4))}, gt)
    params = deteval.Params(nms=0.4)
    expected = deteval.match(gt, dt, params, threads=1)
    assert 100 < len(expected) < count
    for module in (grouping, evaluation):
        monkeypatch.setattr(module, "WORK_PER_CHUNK", 16)
    for threads in (1, 2, 3, 8):
        assert differing(deteval.match(gt, dt, params, threads=threads), expected) == []


@pytest.mark.parametrize("seed", range(0, 120, 4))
def test_pycocotools_sees_what_remains(seed):
    gt, dt, params = drawn(seed)
    result = crosscheck(gt, dt, replace(params, similarity="iou"), threads=1)
    assert result.equal, result.first
    assert result.stats == result.reference_stats


def test_nothing_is_imported_for_a_score_without_it(tmp_path):
    code = ("import sys; from deteval.cli.main import _exit_code; "
            "_exit_code(['score', *sys.argv[1:], '-q', '-o', 'out.txt']); "
            "print([name for name in sys.modules if 'suppression' in name or 'operating' in name or name == 'yaml'])")
    broken = TRUTH.parents[1] / "broken"
    done = subprocess.run([sys.executable, "-c", code, broken / "preds.json", broken / "gt.json"], cwd=tmp_path,
                          capture_output=True, text=True, check=True, timeout=60,
                          env={**os.environ, "DETEVAL_KERNELS": "python"})  # compiled on use, all kernels are imported
    assert done.stdout == "[]\n"
    assert (tmp_path / "out.txt").stat().st_size > 0


@pytest.mark.parametrize("arguments, message", [
    (["--nms", "1.5"], "nms: 1.5 is not an IoU from 0 to 1"),
    (["--nms", "-0.1"], "nms: -0.1 is not an IoU from 0 to 1"),
    (["--nms", "x"], "nms: 'x' is not a finite number"),
    (["--nms", "nan"], "nms: 'nan' is not a finite number"),
    (["--nms", ""], "nms: '' is not a finite number"),
])
def test_what_is_no_limit_is_refused(deteval_run, arguments, message):
    outcome = deteval_run("score", PREDICTIONS, TRUTH, *arguments)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {message}\n")


@pytest.mark.parametrize("value", [2, -1, float("nan"), "0.5", True])
def test_params_refuse_what_is_no_limit(value):
    with pytest.raises(deteval.DetevalError, match=r"nms: .* is not an IoU from 0 to 1") as error:
        deteval.Params(nms=value)
    assert error.value.exit_code == 2


def test_the_command_line_and_yaml_mean_the_same(deteval_run, tmp_path):
    files = (PREDICTIONS, TRUTH)
    plain = deteval_run("score", *files, "--format", "json", "-q").out
    by_option = deteval_run("score", *files, "--format", "json", "-q", "--nms", ".5").out
    assert "|nms:0.5|v:" in by_option
    assert "detections are suppressed at IoU above 0.5" in by_option
    assert deteval_run("score", *files, "--format", "json", "-q", "--nms", "none").out == plain
    (tmp_path / "config.yaml").write_text("nms: 0.5\n")
    config = ("--config", tmp_path / "config.yaml")
    assert deteval_run("score", *files, "--format", "json", "-q", *config).out == by_option
    assert deteval_run("score", *files, "--format", "json", "-q", *config, "--nms", "none").out == plain
