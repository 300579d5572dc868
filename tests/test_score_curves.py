"""Curves of a page: counts at every cut against a literal count, AP against the measure of the same name."""

import numpy as np
import pytest
from datasets import random_dataset
from msgspec.structs import replace

import deteval
from deteval.measures import Ranked, measure
from deteval.records.metric import Metric
from deteval.records.params import AreaRange, Params
from deteval.reports.page.curve_sections import curve_sections
from deteval.score_curves import score_curves


def made(seed):
    """Evidence of a random data set under settings of its own."""
    data = random_dataset(seed)
    settings = data.settings
    params = Params(iou=settings["iou"], areas=tuple(AreaRange(*one) for one in settings["areas"]),
                    max_dets=settings["max_dets"], class_agnostic=settings["class_agnostic"])
    gt = deteval.load_ground_truth(data.ground_truth)
    return deteval.match(gt, deteval.load_detections(data.detections, gt), params)


def literal_counts(evidence, threshold, cuts):
    """True and false positives with at least the score of each cut, a loop over detections and cuts."""
    hits, misses = (np.zeros((len(evidence.categories), len(cuts)), int) for _ in range(2))
    for row in range(len(evidence)):
        bits = [int(words[row, 0, threshold // 32]) >> (threshold % 32) & 1
                for words in (evidence.true_positive, evidence.ignored)]
        for place, cut in enumerate(cuts):
            if evidence.scores[row] >= cut:
                hits[evidence.category[row], place] += bits[0]
                misses[evidence.category[row], place] += \
                    bits == [0, 0] and evidence.rank[row] < evidence.params.max_dets[-1]
    return hits, misses


@pytest.mark.parametrize("seed", range(40))
def test_counts_at_cuts(seed):
    evidence = made(seed)
    curves = score_curves(evidence)
    threshold = evidence.params.iou.index(curves.iou)
    hits, misses = literal_counts(evidence, threshold, curves.cuts)
    assert (curves.kept(curves.hits) == hits).all()
    assert (curves.kept(curves.misses) == misses).all()
    assert (np.diff(curves.cuts) >= 0).all()
    kept, found = (hits + misses).sum(axis=0), hits.sum(axis=0)
    f1 = [2 * found[i] / max(kept[i] + curves.n_gt.sum(), 1) for i in range(len(curves.cuts))]
    assert curves.best_cut == curves.cuts[f1.index(max(f1))]


@pytest.mark.parametrize("seed", range(20))
def test_ap_over_iou_is_that_of_the_measure(seed):
    evidence = made(seed)
    curves = score_curves(Ranked(evidence))
    for place, iou in enumerate(evidence.params.iou):
        value = measure([Metric("AP", iou=(iou,))], evidence)
        assert np.array_equal(curves.ap[place], value.values[0], equal_nan=True)
        assert np.array_equal(curves.class_ap[:, place], value.classes[0], equal_nan=True)


@pytest.mark.parametrize("scores", [[0.0, 1.0, 0.29, 0.57, 0.58], [5.0, 5.0], [-3.0, 1e300], [-1e308, 1e308], [],
                                    np.nextafter(np.arange(1, 101) / 100, 0.0).tolist()])
def test_every_score_has_a_place(sample_run, scores):
    evidence = sample_run.evidence
    wanted = np.resize(np.array(scores or [0.0]), len(evidence) if scores else 0)
    rows = slice(0, len(wanted))
    changed = replace(evidence, scores=wanted, image=evidence.image[rows], category=evidence.category[rows],
                      rank=evidence.rank[rows], row=evidence.row[rows], true_positive=evidence.true_positive[rows],
                      ignored=evidence.ignored[rows])
    curves = score_curves(changed)
    hits, misses = literal_counts(changed, 0, curves.cuts)
    assert (curves.kept(curves.hits) == hits).all()
    assert (curves.kept(curves.misses) == misses).all()


def test_groups_are_the_same_in_every_chart(sample_run):
    sections = curve_sections(score_curves(sample_run.evidence))
    groups = [tuple(one.groups) for one in sections]
    assert len(sections) == 4
    assert len(set(groups)) == 1
    assert groups[0][0] == "All classes"


def test_bars_hold_every_detection_that_counts(sample_run):
    curves = score_curves(sample_run.evidence)
    bars = next(one for one in curve_sections(curves) if one.id == "score-histogram")
    assert sum(bars.groups["All classes"]["true positives"]) == curves.hits.sum()
    assert sum(bars.groups["All classes"]["false positives"]) == curves.misses.sum()
