"""Calibration: by hand, against literal loops, and the isotonic curve against its definition."""

import math

import numpy as np
import pytest
from datasets import random_dataset
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.diagnosis.calibration import calibrate, isotonic, wilson


def one_class(hits, scores):
    """Evidence of an image per detection, which has an object; a hit lies on it, a miss far away."""
    n = len(scores)
    gt = deteval.load_ground_truth({
        "images": [{"id": i} for i in range(1, n + 2)], "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}
                        for i in range(1, n + 1)]})
    dt = deteval.load_detections([{"image_id": i, "category_id": 1, "score": score,
                                   "bbox": [0 if hit else 50, 0, 10, 10]}
                                  for i, (hit, score) in enumerate(zip(hits, scores, strict=True), start=1)], gt)
    return deteval.match(gt, dt)


def test_by_hand():
    found = calibrate(one_class([1, 1, 0, 1, 0, 0], [0.95, 0.9, 0.8, 0.35, 0.3, 0.3]))
    assert [one.n for one in found.bins] == [0, 0, 0, 3, 0, 0, 0, 0, 1, 2]
    assert found.bins[3].precision == pytest.approx(1 / 3)
    assert found.bins[3].mean_score == pytest.approx(0.95 / 3)
    assert (found.bins[0].precision, found.bins[0].mean_score, found.bins[0].interval) == (None, None, None)
    error = (3 * abs(0.95 / 3 - 1 / 3) + 0.8 + 2 * 0.075) / 6
    assert (found.error, found.class_error) == (pytest.approx(error), pytest.approx(error))
    assert found.largest == pytest.approx(0.8)
    # best F1: 3 of 4 kept, from 0.35 on: one in the bin of 0.3, right; one in that of 0.8, wrong; two of 0.9, right
    assert (found.cut, found.n_above) == (0.35, 4)
    assert found.error_above == pytest.approx((0.65 + 0.8 + 2 * 0.075) / 4)
    assert found.classes[0].over == pytest.approx(3.6 / 6 - 3 / 6)
    assert [one.score for one in found.expected] == [step / 20 for step in range(6, 20)]
    shares = [one.precision for one in found.expected]
    # 0.3 twice wrong; 0.35 right and 0.8 wrong are pooled, and hold up to 0.9
    assert shares == [0, *[0.5] * 11, 1, 1]
    assert [(one.precision_above, one.kept) for one in found.expected[::6]] == [(0.5, 6), (2 / 3, 3), (1, 2)]


def literal(evidence, iou, bins):
    """Per class: score and hit of every detection that counts."""
    threshold = evidence.params.iou.index(iou)
    rows = {}
    for row in range(len(evidence)):
        words = [int(table[row, 0, threshold // 32]) >> (threshold % 32) & 1
                 for table in (evidence.true_positive, evidence.ignored)]
        if evidence.rank[row] < evidence.params.max_dets[-1] and not words[1]:
            rows.setdefault(int(evidence.category[row]), []).append((float(evidence.scores[row]), words[0]))
    return rows


def literal_error(pairs, bins):
    """The mean over detections of the difference in their bin, and the largest one."""
    differences = []
    for i in range(bins):
        inside = [(score, hit) for score, hit in pairs
                  if i / bins <= score and (score < (i + 1) / bins or i == bins - 1)]
        if inside:
            gap = abs(sum(score for score, _ in inside) - sum(hit for _, hit in inside)) / len(inside)
            differences += [gap] * len(inside)
    return sum(differences) / len(differences), max(differences)


def test_equal_to_literal_loops():
    told = 0
    for seed in range(60):
        data = random_dataset(seed)
        gt = deteval.load_ground_truth(data.ground_truth)
        evidence = deteval.match(gt, deteval.load_detections(data.detections, gt), params_of(data))
        iou, bins = evidence.params.iou[-1], (10, 3, 7)[seed % 3]
        found = calibrate(evidence, iou, bins=bins)
        rows = literal(evidence, iou, bins)
        pairs = [pair for part in rows.values() for pair in part]
        assert found.n == len(pairs) == sum(one.n for one in found.bins)
        assert [one.n for one in found.classes] == [len(rows.get(k, ())) for k in range(len(evidence.categories))]
        for one in found.expected:
            above = [hit for score, hit in pairs if score >= one.score]
            assert (one.kept, one.precision_above) == (len(above), sum(above) / len(above))
            assert one.precision == pytest.approx(literal_isotonic(pairs, one.score), abs=1e-12)
        if not pairs or not all(0 <= score <= 1 for score, _ in pairs):
            assert (found.error, found.largest, found.class_error) == (None, None, None)
            assert found.reason
            continue
        told += 1
        assert not found.reason
        above = [] if found.cut is None else [pair for pair in pairs if pair[0] >= found.cut]
        assert found.n_above == len(above)
        assert found.error_above == (pytest.approx(literal_error(above, bins)[0], abs=1e-12) if above else None)
        error, largest = literal_error(pairs, bins)
        assert (found.error, found.largest) == (pytest.approx(error, abs=1e-12), pytest.approx(largest, abs=1e-12))
        errors = {k: literal_error(part, bins)[0] for k, part in rows.items()}
        assert {k: one.error for k, one in enumerate(found.classes) if one.error is not None} == pytest.approx(errors)
        assert found.class_error == pytest.approx(np.mean(list(errors.values())))
        assert not differing(found, calibrate(evidence, iou, bins=bins, threads=3))
    assert told > 20


def literal_isotonic(pairs, wanted):
    """At each score the max-min formula of isotonic regression; `wanted` takes the highest score up to it."""
    levels = sorted({score for score, _ in pairs})
    at = max(i for i, level in enumerate(levels) if level <= wanted)
    n = [sum(score == level for score, _ in pairs) for level in levels]
    hits = [sum(hit for score, hit in pairs if score == level) for level in levels]
    return max(min(sum(hits[i : j + 1]) / sum(n[i : j + 1]) for j in range(at, len(levels))) for i in range(at + 1))


def test_isotonic_pools_whole_runs_and_backwards():
    n = np.array([1, 2, 3, 4, 100])
    assert isotonic(n, np.array([0, 1, 2, 3, 0])).tolist() == [0, *[6 / 109] * 4]
    assert isotonic(n, np.array([1, 1, 1, 1, 100])).tolist() == [0.4, 0.4, 0.4, 0.4, 1]
    assert isotonic(n[:1], np.array([1])).tolist() == [1]


def test_scores_that_are_no_probabilities():
    found = calibrate(one_class([1, 0, 1], [-2.0, 0.5, 7.5]))
    assert (found.error, found.classes[0].error, found.classes[0].over) == (None, None, None)
    assert found.reason == "scores go from -2 to 7.5: they are no probabilities"
    assert (found.bins[0].low, found.bins[-1].high, found.bins[-1].n) == (-2, 7.5, 1)
    assert [one.score for one in found.expected] == [-2, 0.5, 7.5]
    same = calibrate(one_class([1, 0], [3.0, 3.0]))
    assert [(one.low, one.high, one.n) for one in same.bins] == [(3, 3, 2)]
    assert [one.precision for one in same.expected] == [0.5]


def test_scores_that_overflow_have_no_bins():
    for scores in ([1e308, -1e308], [1.7e308] * 3, [-1.5e308, 0.5]):
        found = calibrate(one_class([1, 0, 1][: len(scores)], scores))
        assert (found.bins, found.error, found.error_above) == ((), None, None)
        span = f"from {min(scores):.4g} to {max(scores):.4g}"
        assert found.reason == f"scores go {span}: they are no probabilities, and too large for bins"
        assert all(math.isfinite(one.score) for one in found.expected)
        assert sum(one.n for one in found.classes) == len(scores)
    assert len(calibrate(one_class([1, 0], [1e307, -1e307])).bins) == 10


def test_edges_of_bins():
    """A score on an edge is in the bin above it, 1 in the last."""
    found = calibrate(one_class([1] * 5, [0.0, 0.1, 0.3, 0.7, 1.0]))
    assert [one.n for one in found.bins] == [1, 1, 0, 1, 0, 0, 0, 1, 0, 1]


def test_nothing_and_refusals():
    empty = calibrate(one_class([], []))
    assert (empty.n, empty.error, empty.expected) == (0, None, ())
    assert empty.reason == "there is no detection that counts"
    for bins in (0, 1001, True, 2.5):
        with pytest.raises(deteval.DetevalError, match=r"bins: .* is not a whole number from 1 to 1,000"):
            calibrate(one_class([1], [0.5]), bins=bins)
    with pytest.raises(deteval.DetevalError, match=r"the run has no IoU threshold \.52"):
        calibrate(one_class([1], [0.5]), 0.52)


@pytest.mark.parametrize("hits, n", [(0, 1), (1, 1), (3, 10), (50, 100), (100, 100)])
def test_wilson_solves_its_equation(hits, n):
    """The ends are where the score test is just significant: |p - p0| = z sqrt(p0 (1 - p0) / n)."""
    for end in wilson(hits, n):
        if 0 < end < 1:
            assert abs(hits / n - end) == pytest.approx(1.959963984540054 * math.sqrt(end * (1 - end) / n))
