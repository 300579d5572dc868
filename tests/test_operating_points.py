"""Operating points against brute force: every unique score tried as a cut, on awkward data."""

import json

import numpy as np
import pytest
from conftest import SAMPLE
from datasets import random_dataset
from test_exactness import params_of

import deteval
from deteval.inference.halves import count_splits, draw_halves, measure_halves
from deteval.inference.operating import SEEN, measure_replicates
from deteval.inference.weights import draw_weights, image_units
from deteval.measures import Ranked, count, measure
from deteval.operating import choose, gather_rows, macro, pooled, rates_of
from deteval.records.criterion import Criterion
from deteval.records.metric import Metric
from deteval.records.operating_points import Splits
from deteval.records.resampling import Resampling
from deteval.studies.operating_points import operating_points

CRITERIA = [Criterion(), Criterion(beta=2), Criterion(beta=0.3), Criterion("precision", target=0.5),
            Criterion("precision", target=1.0), Criterion("recall", target=0.25), Criterion("recall", target=1.0),
            Criterion("lrp")]


def matched(seed, params=None, detail=True):
    data = random_dataset(seed)
    gt = deteval.load_ground_truth(data.ground_truth)
    params = params or params_of(data)
    thresholds = [one for one in params.iou if one < 1] if detail else ()
    return deteval.match(gt, deteval.load_detections(data.detections, gt), params, detail=thresholds)


def repeated(evidence, times):
    """Rows of detections and of ground truths, each as often as its image counts."""
    return (np.repeat(np.arange(len(evidence)), times[evidence.image]),
            np.repeat(np.arange(len(evidence.gt_image)), times[evidence.gt_image]))


def outcomes(evidence, threshold, rows):
    """Per row: score, whether it is a true positive, its loss; those that do not count left out."""
    bit = np.uint32(1 << (threshold & 31))
    over = (evidence.ignored[rows, 0, threshold >> 5] & bit) != 0
    rows = rows[~over & (evidence.rank[rows] < evidence.params.max_dets[-1])]
    hit = (evidence.true_positive[rows, 0, threshold >> 5] & bit) != 0
    loss = np.zeros(len(rows))
    if evidence.detail is not None and threshold in evidence.detail.thresholds:
        slot = evidence.detail.thresholds.index(threshold)
        tau = evidence.params.iou[threshold]
        loss[hit] = (1 - evidence.detail.similarity[rows[hit], slot]) / (1 - tau)
    return evidence.scores[rows], hit, loss


def counts_at(cut, scores, hit, loss):
    kept = scores >= cut
    return int(hit[kept].sum()), int(kept.sum()), float(loss[kept].sum())


def brute_force(criterion, scores, hit, loss, positives):
    """The best of all unique scores, from the highest to the lowest, or None."""
    best, best_value = None, None
    for cut in sorted(set(scores.tolist()), reverse=True):
        hits, kept, lost = counts_at(cut, scores, hit, loss)
        b2 = criterion.beta**2
        if criterion.kind == "f":
            value = (1 + b2) * hits / (kept + b2 * positives)
            better = value > (0 if best_value is None else best_value)
        elif criterion.kind == "precision":
            value, better = None, hits / kept >= criterion.target
        elif criterion.kind == "recall":
            value, better = None, best is None and positives > 0 and hits / positives >= criterion.target
        else:
            value = (lost + kept - hits + positives - hits) / (kept - hits + positives)
            better = value < (1 if best_value is None else best_value) - 1e-12
        if better:
            best, best_value = cut, value
    return best


def expected_cuts(evidence, threshold, criterion, times):
    rows, gt_rows = repeated(evidence, times)
    gt_rows = gt_rows[~evidence.gt_ignored[gt_rows, 0]]
    cuts = []
    for k in [*range(len(evidence.categories)), None]:
        mine = rows if k is None else rows[evidence.category[rows] == k]
        positives = len(gt_rows) if k is None else int((evidence.gt_category[gt_rows] == k).sum())
        cuts.append(brute_force(criterion, *outcomes(evidence, threshold, mine), positives))
    return [np.nan if cut is None else cut for cut in cuts]


def thresholds_of(evidence, criterion):
    return [t for t, iou in enumerate(evidence.params.iou) if criterion.kind != "lrp" or iou < 1]


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_cuts_are_those_of_brute_force(criterion):
    chosen_anything = 0
    for seed in range(100):
        evidence = matched(seed)
        ranked = Ranked(evidence, 1)
        for threshold in thresholds_of(evidence, criterion)[:3]:
            rows = gather_rows(ranked, threshold, with_loss=criterion.kind == "lrp")
            found = choose(rows, criterion)
            once = np.ones(len(evidence.images), np.int64)
            np.testing.assert_array_equal(found.threshold[:, 0], expected_cuts(evidence, threshold, criterion, once))
            chosen_anything += np.isfinite(found.threshold).sum()
            check_counts(evidence, threshold, found)
    assert chosen_anything > 20


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("digits", [1, 2])
def test_ties_are_taken_whole_on_the_sample(criterion, digits):
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    records = [{**one, "score": round(one["score"], digits)} for one in json.loads((SAMPLE / "preds.json").read_text())]
    evidence = deteval.match(gt, deteval.load_detections(records, gt), deteval.Params(iou=0.5), detail=[0.5])
    rows = gather_rows(Ranked(evidence, 1), 0, with_loss=criterion.kind == "lrp")
    once = np.ones(len(evidence.images), np.int64)
    found = choose(rows, criterion)
    np.testing.assert_array_equal(found.threshold[:, 0], expected_cuts(evidence, 0, criterion, once))
    check_counts(evidence, 0, found)


def check_counts(evidence, threshold, found):
    """Counts are those of `measures` at the cut, and so those of `score`."""
    for k in range(len(evidence.categories)):
        for cut, kept in ((found.threshold[k, 0], found.kept), (found.threshold[-1, 0], found.at_one)):
            if not np.isnan(cut):
                counts = count(evidence, score=cut)
                assert kept.hits[k, 0] == counts.true_positives[k, threshold]
                assert kept.rows[k, 0] - kept.hits[k, 0] == counts.false_positives[k, threshold]
                assert found.positives[k, 0] == counts.positives[k]


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_weights_are_images_repeated(criterion):
    for seed in (2, 12, 22, 34, 35, 38, 42, 50):
        evidence = matched(seed)
        times = np.random.default_rng(seed).integers(0, 4, (len(evidence.images), 16))
        threshold = thresholds_of(evidence, criterion)[0] if thresholds_of(evidence, criterion) else None
        if threshold is None:
            continue
        rows = gather_rows(Ranked(evidence, 1), threshold, with_loss=criterion.kind == "lrp")
        found = choose(rows, criterion, times.astype(np.float64))
        for lane in (0, 7, 15):
            expected = expected_cuts(evidence, threshold, criterion, times[:, lane])
            np.testing.assert_array_equal(found.threshold[:, lane], expected)
            detections = repeated(evidence, times[:, lane])[0]
            for k in range(len(evidence.categories)):
                mine = outcomes(evidence, threshold, detections[evidence.category[detections] == k])
                cut = found.threshold[-1, lane]
                hits, kept, _ = (0, 0, 0) if np.isnan(cut) else counts_at(cut, *mine)
                assert (found.at_one.hits[k, lane], found.at_one.rows[k, lane]) == (hits, kept)


@pytest.mark.parametrize("seed", range(12))
def test_rates_at_the_one_cut_are_those_of_the_metric_language(seed):
    evidence = matched(seed, detail=False)
    found = choose(gather_rows(Ranked(evidence, 1), 0), Criterion())
    cut = found.threshold[-1, 0]
    if np.isnan(cut):
        return
    names = ("precision", "recall", "F1")
    metrics = [Metric(name, iou=evidence.params.iou[:1], score=cut, micro=micro) for name in names
               for micro in (False, True)]
    expected = measure(metrics, evidence)
    rates = rates_of(found.at_one.part(np.s_[:, 0]), found.positives[:, 0], Criterion(), 0.5)
    over_classes = macro(rates, found.positives[:, 0])
    together = rates_of(pooled(found.at_one.part(np.s_[:, 0])), found.positives[:, 0].sum(), Criterion(), 0.5)
    for i, name in enumerate(names):
        np.testing.assert_array_equal(rates[name], expected.classes[2 * i])
        np.testing.assert_array_equal(over_classes[name], expected.values[2 * i])
        np.testing.assert_array_equal(together[name], expected.values[2 * i + 1])


def test_bootstrap_replicates_are_brute_force_on_repeated_images():
    resampling = Resampling(replicates=100)
    criteria = {42: Criterion(), 35: Criterion("precision", target=0.5), 50: Criterion("lrp"), 34: Criterion(beta=2)}
    for seed, criterion in criteria.items():
        evidence = matched(seed)
        rows = gather_rows(Ranked(evidence, 2), 0, with_loss=criterion.kind == "lrp")
        units = image_units(len(evidence.images))
        found = measure_replicates(rows, criterion, resampling, units)
        drawn, once = found.chosen, np.ones(len(evidence.images), np.int64)
        weights = draw_weights(units, len(evidence.images), 100, resampling.seed)
        assert drawn.threshold.shape == (len(evidence.categories) + 1, 100)
        for i in (0, 15, 16, 99):
            times = weights[i // 16, :, i % 16].astype(np.int64)
            np.testing.assert_array_equal(drawn.threshold[:, i], expected_cuts(evidence, 0, criterion, times))
            for total, rates in expected_totals(evidence, 0, criterion, times, drawn.threshold[:, i], times).items():
                for name, value in rates.items():
                    np.testing.assert_allclose(drawn.totals[total][name][i], value, rtol=1e-12)
            for total, rates in expected_totals(evidence, 0, criterion, times, drawn.threshold[:, i], once,
                                                drawn_only=True).items():
                for name, value in rates.items():
                    np.testing.assert_allclose(found.everywhere.totals[total][name][i], value, rtol=1e-12)


def expected_totals(evidence, threshold, criterion, chosen_on, cuts, times, drawn_only=False):
    """Precision, recall and F of all classes under weights, at cuts that were chosen under others.

    drawn_only: means are over the classes that hold ground truth where cuts were chosen.
    """
    rows, gt_rows = repeated(evidence, times)
    gt_rows = gt_rows[~evidence.gt_ignored[gt_rows, 0]]
    chosen_gt = repeated(evidence, chosen_on)[1]
    chosen_gt = chosen_gt[~evidence.gt_ignored[chosen_gt, 0]]
    expected = {}
    for which in ("own", "one"):
        table = []
        for k in range(len(evidence.categories)):
            positives = int((evidence.gt_category[gt_rows] == k).sum())
            own = which == "own" and (evidence.gt_category[chosen_gt] == k).any()
            cut = cuts[k] if own else cuts[-1]
            mine = outcomes(evidence, threshold, rows[evidence.category[rows] == k])
            hits, kept, _ = (0, 0, 0) if np.isnan(cut) else counts_at(cut, *mine)
            table.append((hits, kept, positives))
        held = set(evidence.gt_category[chosen_gt if drawn_only else gt_rows])
        with_truth = [rates(*row, criterion.beta) for k, row in enumerate(table) if k in held]
        together = rates(*np.array(table).sum(axis=0), criterion.beta)
        names = criterion.rates[:3]
        expected[f"{which} macro"] = dict(zip(names, np.mean(with_truth, axis=0) if with_truth else [np.nan] * 3,
                                              strict=True))
        expected[f"{which} micro"] = dict(zip(names, together, strict=True))
    return expected


def rates(hits, kept, positives, beta):
    precision = hits / kept if kept else 0.0 if positives else np.nan
    f_measure = (1 + beta**2) * hits / (kept + beta**2 * positives) if kept + positives else np.nan
    return precision, hits / positives if positives else np.nan, f_measure


@pytest.mark.parametrize("criterion", [Criterion(), Criterion(beta=2), Criterion("recall", target=0.5)], ids=str)
def test_halves_are_plain_numpy(criterion):
    for seed in (1, 12, 34, 35, 42, 50):
        evidence = matched(seed)
        images = len(evidence.images)
        if images < 2:
            continue
        rows, splits = gather_rows(Ranked(evidence, 1), 0), Splits(count=20, seed=3)
        units = image_units(images)
        halves = measure_halves(rows, criterion, splits, units)
        weights = draw_halves(units, images, splits)
        for i in range(20):
            half = weights[i // 16][:, i % 16].astype(np.int64)
            assert half.sum() == images // 2
            cuts = expected_cuts(evidence, 0, criterion, half)
            np.testing.assert_array_equal(halves.chosen.threshold[:, i], cuts)
            for side, times in ((halves.chosen, half), (halves.other, 1 - half)):
                for total, found in expected_totals(evidence, 0, criterion, half, cuts, times).items():
                    for name, value in found.items():
                        np.testing.assert_allclose(side.totals[total][name][i], value, rtol=1e-12)


def test_the_loss_of_the_other_half_is_that_of_its_own_images():
    evidence = matched(42)
    images = len(evidence.images)
    criterion, splits = Criterion("lrp"), Splits(count=16)
    rows = gather_rows(Ranked(evidence, 1), 0, with_loss=True)
    halves = measure_halves(rows, criterion, splits, image_units(images))
    half = draw_halves(image_units(images), images, splits)[0]
    checked = 0
    for lane in range(16):
        cut = halves.chosen.threshold[-1, lane]
        if np.isnan(cut):
            continue
        others = np.flatnonzero(half[evidence.image, lane] == 0)
        hits, kept, lost = counts_at(cut, *outcomes(evidence, 0, others))
        gt = ~evidence.gt_ignored[:, 0] & (half[evidence.gt_image, lane] == 0)
        positives = int(gt.sum())
        if kept - hits + positives:
            expected = (lost + kept - hits + positives - hits) / (kept - hits + positives)
            np.testing.assert_allclose(halves.other.totals["one micro"]["LRP"][lane], expected, rtol=1e-9)
            checked += 1
    assert checked > 3


def test_the_same_numbers_for_every_number_of_threads():
    run = matched(35)
    first, second = (operating_points(run, Criterion("lrp"), iou=run.params.iou[0], splits=Splits(),
                                      resampling=Resampling(replicates=200), threads=threads) for threads in (1, 3))
    assert first.to_dict() == second.to_dict()


def test_intervals_and_stability_of_the_sample(sample_run):
    found = operating_points(sample_run, resampling=Resampling(), splits=Splits())
    for one in found.classes:
        limits = one.part.intervals.limits
        if one.n_images < 10:
            assert set(limits.values()) == {None}
            assert one.part.intervals.reason == f"too few images ({one.n_images} of the 10 needed)"
        elif one.name == "bus":
            assert set(limits.values()) == {None}
            assert one.counts.false_positives + one.counts.false_negatives == 3
            assert one.part.intervals.reason == "too few errors (3 of the 5 needed)"
        else:
            low, high = limits["threshold"]
            assert low <= one.threshold <= high
            low, high = limits["recall"]
            assert low < one.part.rates["recall"] < high
        assert one.part.stability.optimism("F1") > 0
        assert one.part.stability.splits + one.part.stability.without_cut == 100
    assert found.own.macro.stability.optimism("F1") > found.one.macro.stability.optimism("F1") > 0
    assert list(found.own.macro.intervals.limits) == ["precision", "recall", "F1"]
    assert list(found.one.micro.intervals.limits) == ["threshold", "precision", "recall", "F1"]


def test_lrp_by_hand():
    """Two objects; a box that covers 0.8 of the first, a miss above it and one below: (0.2 / 0.5 + FP + FN) / sum."""
    boxes = [[0, 0, 100, 100], [200, 0, 100, 100]]
    gt = deteval.load_ground_truth({
        "images": [{"id": 1}], "categories": [{"id": 1, "name": "thing"}],
        "annotations": [{"id": i + 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 1e4, "iscrowd": 0}
                        for i, box in enumerate(boxes)]})
    found = [{"image_id": 1, "category_id": 1, "bbox": box, "score": score}
             for box, score in (([500, 0, 9, 9], 0.9), ([0, 0, 80, 100], 0.8), ([600, 0, 9, 9], 0.7))]
    evidence = deteval.match(gt, deteval.load_detections(found, gt), deteval.Params(iou=0.5), detail=[0.5])
    one = operating_points(evidence, Criterion("lrp")).classes[0]
    assert one.threshold == 0.8
    assert one.part.rates == pytest.approx({"precision": 0.5, "recall": 0.5, "F1": 0.5, "LRP": (0.2 / 0.5 + 1 + 1) / 3,
                                            "LRP_localisation": 0.2, "LRP_FP": 0.5, "LRP_FN": 0.5})
    assert (one.counts.true_positives, one.counts.false_positives, one.counts.false_negatives) == (1, 1, 1)


def test_thresholds_beyond_the_first_word_of_bits():
    params = deteval.Params(iou=tuple(np.arange(1, 41) / 41))
    for seed in (34, 35, 42):
        evidence = matched(seed, params, detail=False)
        for threshold in (0, 31, 32, 39):
            found = choose(gather_rows(Ranked(evidence, 1), threshold), Criterion())
            once = np.ones(len(evidence.images), np.int64)
            np.testing.assert_array_equal(found.threshold[:, 0], expected_cuts(evidence, threshold, Criterion(), once))


@pytest.mark.parametrize("target, kind, expected", [
    (1.0, "precision", {"person": "too few false positives (0 of the 5 needed)",
                        "one": "too few false positives (0 of the 5 needed)",
                        "own": "most classes on too few images or with too few false positives"}),
    (0.9, "recall", {"person": "", "bus": "too few false negatives (1 of the 5 needed)", "one": "",
                     "own": "most classes on too few images or with too few false negatives"}),
    (0.6, "precision", {"person": "", "car": "", "one": "", "own": ""}),
])
def test_no_interval_where_draws_cannot_show_how_far_it_goes(sample_run, target, kind, expected):
    criterion = Criterion(kind, target=target)
    found = operating_points(sample_run, criterion, resampling=Resampling(replicates=200))
    parts = {"own": found.own.micro, "one": found.one.macro, **{one.name: one.part for one in found.classes}}
    for name, reason in expected.items():
        intervals = parts[name].intervals
        if reason:
            assert intervals.reason == reason
            assert set(intervals.limits.values()) == {None}
            assert set(intervals.elsewhere.values()) == {None}
        else:
            assert "too few" not in intervals.reason


def test_no_interval_where_no_class_has_a_cut():
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    evidence = deteval.match(gt, deteval.load_detections(SAMPLE / "preds.json", gt), deteval.Params(classes="person"))
    found = operating_points(evidence, Criterion("recall", target=0.99), resampling=Resampling(replicates=200))
    assert {part.intervals.reason for part in (found.own.macro, found.own.micro)} == {"no class has a cut"}
    assert set(found.own.macro.intervals.limits.values()) == {None}


@pytest.mark.parametrize("criterion", [Criterion(), Criterion("precision", target=0.6)], ids=str)
def test_what_flatters_is_taken_off(sample_run, criterion):
    """The mean difference between a replicate and all images, of a maximum divided by the share that a replicate holds;
    and the interval lies around what is left."""
    resampling = Resampling(replicates=200)
    points = operating_points(sample_run, criterion, resampling=resampling)
    rows = gather_rows(Ranked(sample_run.evidence, 1), 0)
    found = measure_replicates(rows, criterion, resampling, image_units(rows.n_images))
    assert pytest.approx(1 - np.exp(-1)) == SEEN
    for total, part in (("own macro", points.own.macro), ("own micro", points.own.micro),
                        ("one macro", points.one.macro), ("one micro", points.one.micro)):
        for name in ("precision", "recall", "F1"):
            difference = found.chosen.totals[total][name] - found.everywhere.totals[total][name]
            share = 1.0 if criterion.target and name == criterion.main else SEEN
            expected = part.rates[name] - np.nanmean(difference) / share
            assert part.intervals.elsewhere[name] == pytest.approx(expected, abs=1e-12)
            low, high = part.intervals.limits[name]
            assert low < part.intervals.elsewhere[name] < high
            assert high - low > 3 * np.nanstd(difference) / np.sqrt(SEEN)
    assert points.own.macro.intervals.elsewhere["F1"] < points.own.macro.rates["F1"]


def test_splits_are_counted(sample_run):
    rows = gather_rows(Ranked(sample_run.evidence, 1), 0)
    for criterion in (Criterion(), Criterion("recall", target=0.7)):
        halves = measure_halves(rows, criterion, Splits(), image_units(rows.n_images))
        found = count_splits(halves, criterion)
        name = criterion.main
        own, one = (halves.other.totals[f"{which} macro"][name] for which in ("own", "one"))
        judged = halves.has_cut[-1] & halves.has_cut[:-1].any(axis=0)
        assert (found.own, found.one) == ((own > one)[judged].sum(), (one > own)[judged].sum())
        assert found.splits == judged.sum() > 90
        if criterion.target is not None:
            pooled_one = halves.other.totals["one micro"][name]
            assert found.met == ((own >= 0.7)[judged].sum(), (pooled_one >= 0.7)[judged].sum())
            assert 0 < found.met[0] < found.splits
        else:
            assert found.met is None


def test_no_loss_where_no_true_positive_is_kept():
    """Differences of sums leave dust behind, which must not be divided by 0."""
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    dt = deteval.load_detections(SAMPLE / "preds.json", gt)
    evidence = deteval.match(gt, dt, deteval.Params(iou=0.5), detail=[0.5])
    found = operating_points(evidence, Criterion("lrp"), splits=Splits(), resampling=Resampling(replicates=100))
    for one in (*(one.part for one in found.classes), found.own.macro, found.one.macro):
        values = [*one.stability.other.values(), *one.intervals.elsewhere.values()]
        assert all(value is None or 0 <= value <= 1 for value in values)
