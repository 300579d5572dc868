"""Metrics at many score cuts of one match, against a match of its own at each cut."""

import numpy as np
import pytest
from datasets import random_dataset
from test_exactness import params_of
from test_properties import loaded

from deteval import cuts as cuts_of
from deteval import grouping
from deteval.cuts import MOST_LANES, _passes, descend, measure_cuts
from deteval.evaluation import match
from deteval.kernels import cut_curves
from deteval.measures import measure
from deteval.records.metric import Metric, parse_metrics, resolve
from deteval.records.params import RECALL_POINTS, Params
from deteval.records.sweep_cells import Wanted

METRICS = parse_metrics("AP,AR,precision,recall,F1,F1/micro,precision/micro,F1/score=0.5,recall/score=0.3/micro")


def wanted_of(metrics, params):
    """What metrics stand for under the settings of a run."""
    found = []
    for metric in metrics:
        cell = resolve(metric, params)
        area = params.areas[cell.area]
        bare = Metric(metric.kind, score=metric.score, micro=metric.micro)
        found.append(Wanted(bare, tuple(params.iou[t] for t in cell.thresholds), (area.low, area.high), cell.max_dets))
    return found


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("threads", [1, 2])
def test_every_cut_equals_a_run_at_this_cut(seed, threads, monkeypatch):
    monkeypatch.setattr(cuts_of, "WORTH_THREADS", 0)  # small data, several chunks all the same
    monkeypatch.setattr(grouping, "LEAST_WORK", 1)
    data = random_dataset(seed)
    gt, dt = loaded(data)
    params = params_of(data)
    scores = sorted(set(dt.scores.tolist()))
    cuts = [-np.inf, 0.25, *scores[:: max(1, len(scores) // 4)], *scores[-1:], 2.0, 0.25]
    metrics = [*METRICS, *parse_metrics(f"AP/area={params.areas[-1].name},AR/max={params.max_dets[0]}")]
    values = measure_cuts(descend(match(gt, dt, params), threads), wanted_of(metrics, params), cuts)
    for cut, column in zip(cuts, values.T, strict=True):
        own = match(gt, dt, _with_min_score(params, cut))
        assert np.array_equal(column, measure(metrics, own).values, equal_nan=True), cut


def _with_min_score(params, cut):
    return Params(params.similarity, params.iou, params.max_dets, params.areas, class_agnostic=params.class_agnostic,
                  min_score=None if cut == -np.inf else cut)


def test_recall_points_need_as_many_hits_as_the_reference_finds():
    """searchsorted(recall, point, side="left") of hits / positives, in float64."""
    positives = np.array([0, 1, 2, 3, 7, 49, 100, 101, 1000])
    needed = np.empty(len(positives) * len(RECALL_POINTS), np.int64)
    cut_curves.hits_for_recall(0, len(positives), positives, np.array(RECALL_POINTS), needed)
    for of_class, count in zip(needed.reshape(len(positives), -1), positives.tolist(), strict=True):
        recall = np.arange(1, count + 1) / count if count else np.ones(1)
        assert of_class.tolist() == (np.searchsorted(recall, RECALL_POINTS, side="left") + 1).tolist()


def test_a_pass_serves_all_metrics_of_an_area_range_and_a_cap():
    params = Params()
    metrics = parse_metrics("AP,AR,F1,F1/score=0.5,AP@.5,AP/area=small,AR/area=small,AR/max=1,recall/max=1")
    cells = [{(metrics[i].area, metrics[i].max_dets) for i in one} for one in _passes(wanted_of(metrics, params))]
    assert cells == [{(None, None)}, {("small", None)}, {(None, 1)}]


def test_a_pass_keeps_precisions_of_few_thresholds():
    """Settings of many thresholds are split over passes, so that memory stays; one setting is never split."""
    singles = [Wanted(Metric("AP"), (i / 100,), (0.0, 1e10), 100) for i in range(1, 91)]
    whole = Wanted(Metric("AP"), tuple(i / 100 for i in range(1, 91)), (0.0, 1e10), 100)
    sizes = [len(one) for one in _passes([*singles, whole])]
    assert sizes == [MOST_LANES, MOST_LANES, 90 - 2 * MOST_LANES, 1]


def test_rows_are_passed_once_whatever_the_number_of_cuts(monkeypatch):
    """A call per cut and pass, each going on where the one before ended; one curve per cut."""
    data = random_dataset(3)
    gt, dt = loaded(data)
    params = params_of(data)
    rows = descend(match(gt, dt, params), 1)
    calls, passed = {"extend_outcomes": 0, "precision_at_cut": 0, "hits_for_recall": 0}, []

    def counting(name):
        kernel = getattr(cut_curves, name)

        def call(*arguments):
            calls[name] += 1
            before = arguments[14].copy() if name == "extend_outcomes" else 0
            kernel(*arguments)
            if name == "extend_outcomes":
                passed.append(int((arguments[14] - before).sum()))

        return call

    for name in calls:
        monkeypatch.setattr(cut_curves, name, counting(name))
    measure_cuts(rows, wanted_of(METRICS[:3], params), [0.2, -np.inf, 0.4, 0.6, 0.4])
    assert calls == {"extend_outcomes": 4, "precision_at_cut": 4, "hits_for_recall": 1}
    assert sum(passed) == len(dt)
