"""What every detection does to AP, against the literal formula, finite differences, and sums that must come out."""

import numpy as np
import oracle_influence as oracle
import pytest
from changed_data import two_models
from datasets import random_dataset
from simulator import draw_pair, still_images
from test_exactness import params_of
from test_measures import box, pair

import deteval
from deteval import grouping
from deteval.influence import attribute, influence, weighty_classes
from deteval.measures import Ranked, measure
from deteval.records.metric import Metric, parse_metric, resolve
from deteval.records.params import Params

AP = Metric("AP")
RICH = 230
"""A data set with many images and detections."""


def bits_of(word_rows, thresholds):
    """Bits of rows as booleans, (rows, thresholds)."""
    return np.array([[bool(row[t >> 5] >> (t & 31) & 1) for t in range(thresholds)] for row in word_rows.tolist()]
                    ).reshape(-1, thresholds)


def oracle_rows(evidence, k, cell, model):
    """The rows of a class within the cap as the oracle takes them, with their places in the evidence."""
    thresholds = len(evidence.params.iou)
    hit, ignored = (bits_of(words[:, cell.area], thresholds) for words in (evidence.true_positive, evidence.ignored))
    wanted = list(cell.thresholds)
    return {oracle.Row(model, float(evidence.scores[row]), int(evidence.image[row]), int(evidence.rank[row]),
                       tuple(hit[row, wanted].tolist()), tuple(ignored[row, wanted].tolist())): row
            for row in np.flatnonzero((evidence.category == k) & (evidence.rank < cell.max_dets)).tolist()}


def test_derivatives_by_hand():
    """TP, FP, TP of three objects: precision 1 and 2/3. Of the first row, more weight adds its own precision, and what
    the second true positive's precision gains: 1/3 - 2/9; of the false positive: -2/9; of the last: 2/3 + 1/3 - 2/9."""
    gt, dt = pair([box(1, 1, 0), box(1, 1, 100), box(1, 1, 200)],
                  [box(1, 1, 0, score=0.9), box(1, 1, 50, score=0.8), box(1, 1, 100, score=0.7)])
    values = influence(Ranked(deteval.match(gt, dt, Params(iou=(0.5,)))), AP)
    assert values == pytest.approx(np.array([10 / 9, -2 / 9, 7 / 9]) * 100 / 101 / 3)


@pytest.mark.parametrize("seed", range(40))
def test_oracle_derivatives_are_finite_differences(seed):
    rng = np.random.default_rng(seed)
    hits, weights = (rng.random(12) < 0.5).tolist(), rng.uniform(0.2, 1.5, 12)
    values = oracle.derivatives(hits, weights.tolist(), 9)
    for q in range(12):
        ends = []
        for step in (-1e-6, 1e-6):
            moved = weights.copy()
            moved[q] += step
            ends.append(oracle.area(hits, moved.tolist(), 9))
        assert values[q] == pytest.approx((ends[1] - ends[0]) / 2e-6, abs=1e-7)


def some_metric(params, seed):
    """AP, at times of one threshold, of the last area range, of the first cap, or of one class."""
    names = ("AP", f"AP@{params.iou[-1]!r}", f"AP/area={params.areas[-1].name}", f"AP/max={params.max_dets[0]}")
    return parse_metric(names[seed % 4])


@pytest.mark.parametrize("seed", range(60))
def test_influence_equals_the_formula(seed):
    data = random_dataset(seed)
    params = params_of(data)
    evidence, _ = two_models(data, params)
    ranked, metric = Ranked(evidence), some_metric(params, seed)
    cell, chosen = resolve(metric, params), weighty_classes(ranked, metric)
    positives = ranked.positives(cell.area, ranked.once)
    expected = np.zeros(len(evidence))
    for k in chosen.tolist():
        rows = oracle_rows(evidence, k, cell, 1)
        found = oracle.attribution(list(rows), int(positives[k]), range(len(cell.thresholds)), [(1.0, 1.0)])
        for row, place in rows.items():
            expected[place] = np.mean(found[row]) / len(chosen)
    assert influence(ranked, metric) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(120))
def test_attribution_equals_the_formula(seed):
    data = random_dataset(seed)
    params = params_of(data)
    models = [Ranked(one) for one in two_models(data, params)]
    metric, rng = some_metric(params, seed), np.random.default_rng(seed)
    agree = tuple(rng.integers(0, 2**32, (len(one.evidence), (len(params.iou) + 31) // 32), np.uint32)
                  for one in models)
    values = attribute(*models, metric, agree)
    cell, chosen = resolve(metric, params), weighty_classes(models[0], metric)
    positives = models[0].positives(cell.area, models[0].once)
    expected = [np.zeros((len(one.evidence), len(cell.thresholds))) for one in models]
    for k in chosen.tolist():
        rows = [oracle_rows(one.evidence, k, cell, model) for model, one in enumerate(models)]
        outcomes = [[(row.image, row.outcome) for row in oracle.merged(of_model) if not all(row.ignored)]
                    for of_model in rows]
        found = oracle.attribution([*rows[0], *rows[1]], int(positives[k]), range(len(cell.thresholds)))
        others = [{row.key: row for row in of_model} for of_model in rows]
        for model in (0, 1):
            for row, place in rows[model].items():
                alike = others[1 - model].get(row.key)
                if alike is not None:  # what they add cancels; they are given nothing
                    assert np.array(found[row]) + found[alike] == pytest.approx(0.0, abs=1e-12)
                elif outcomes[0] != outcomes[1]:
                    expected[model][place] = np.array(found[row]) / len(chosen) / len(cell.thresholds)
    agreeing = [np.where(bits_of(bits, len(params.iou))[:, list(cell.thresholds)], each, 0.0)
                for bits, each in zip(agree, expected, strict=True)]
    for ours, theirs in ((values.base, expected[0]), (values.new, expected[1]), (values.base_agreeing, agreeing[0]),
                         (values.new_agreeing, agreeing[1])):
        assert ours == pytest.approx(theirs.sum(axis=1), abs=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_threads_and_directions(seed, monkeypatch):
    """Any number of threads gives the same bits; the way back has the other sign; without `agree` all is the same."""
    monkeypatch.setattr(grouping, "LEAST_WORK", 1)
    data = random_dataset(seed)
    params = params_of(data)
    models = two_models(data, params)
    one, two = (attribute(Ranked(models[0], 1), Ranked(models[1], 1), AP, threads=threads) for threads in (1, 3))
    back = attribute(Ranked(models[1]), Ranked(models[0]), AP)
    assert np.array_equal(one.base, two.base)
    assert np.array_equal(one.new, two.new)
    assert back.base == pytest.approx(-one.new, abs=1e-13)
    assert back.new == pytest.approx(-one.base, abs=1e-13)
    bits = tuple(np.zeros((len(model), (len(params.iou) + 31) // 32), np.uint32) for model in models)
    again = attribute(Ranked(models[0]), Ranked(models[1]), AP, bits)
    assert np.array_equal(again.base, one.base)
    assert not again.base_agreeing.any()


def test_more_thresholds_than_a_word_holds():
    data = random_dataset(12)
    params = Params(iou=tuple(np.linspace(0.1, 0.9, 40).tolist()))
    ranked = [Ranked(one) for one in two_models(data, params)]
    whole = influence(ranked[0], AP)
    each = [influence(ranked[0], Metric("AP", iou=(threshold,))) for threshold in params.iou]
    assert np.count_nonzero(whole) > 5
    assert whole == pytest.approx(np.mean(each, axis=0), abs=1e-14)
    shares = attribute(*ranked, AP)
    sums = [attribute(*ranked, Metric("AP", iou=(threshold,))) for threshold in params.iou]
    assert shares.base.sum() + shares.new.sum() == pytest.approx(
        np.mean([one.base.sum() + one.new.sum() for one in sums]), abs=1e-3)


def test_shares_add_up_to_nearly_the_difference():
    rng = np.random.default_rng(3)
    models = [Ranked(one) for one in draw_pair(rng, 3, still_images(400), gap=0.4)]
    base, new = (measure("AP", one).values[0] for one in models)
    values = attribute(*models, AP)
    assert abs(new - base) > 0.02
    assert values.base.sum() + values.new.sum() == pytest.approx(new - base, rel=0.02)
    assert (values.base <= 0).sum() > 0 < (values.base >= 0).sum()


def test_what_is_alike_adds_nothing():
    """Equal models; other scores in the same order; and an image of which nothing changed, exactly."""
    data = random_dataset(RICH)
    base, new = two_models(data, params_of(data))
    alike = attribute(Ranked(base), Ranked(base), AP)
    assert not alike.base.any()
    assert not alike.new.any()
    for one in data.detections:
        one["score"] = one["score"] / 2 - 3
    rescored, _ = two_models(data, base.params)
    values = attribute(Ranked(base), Ranked(rescored), AP)
    assert np.array_equal(values.base, np.zeros(len(base)))
    assert np.array_equal(values.new, np.zeros(len(base)))
    changed = attribute(Ranked(base), Ranked(new), AP)
    assert changed.new.any()
    same = [image for image in range(len(base.images)) if all(
        np.array_equal(getattr(base, name)[base.image == image], getattr(new, name)[new.image == image])
        for name in ("category", "scores", "true_positive", "ignored"))]
    assert any((base.image == image).any() for image in same)
    assert not changed.base[np.isin(base.image, same)].any()
    assert not changed.new[np.isin(new.image, same)].any()


def test_one_class_and_metrics_that_cannot_be_shared_out():
    data = random_dataset(RICH)
    base, new = (Ranked(one) for one in two_models(data, params_of(data)))
    k = int(weighty_classes(base, AP)[0])
    name = base.evidence.categories.names[k]
    of_class, whole = attribute(base, new, Metric("AP", category=name)), attribute(base, new, AP)
    chosen = new.evidence.category == k
    assert not of_class.new[~chosen].any()
    assert of_class.new[chosen] == pytest.approx(whole.new[chosen] * len(weighty_classes(base, AP)), abs=1e-14)
    for text in ("AR", "F1", "precision/score=0.5"):
        with pytest.raises(deteval.DetevalError, match="only an AP can be shared out to detections, such as AP or"):
            influence(base, parse_metric(text))
