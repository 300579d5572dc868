"""Two models compared: replicates against pycocotools and brute force, and every kind of data that carries no verdict.
"""

import numpy as np
import oracle
import pytest
from datasets import random_dataset
from msgspec.structs import replace
from reference import run_reference
from simulator import draw_pair, still_images, video_clips
from test_exactness import params_of

import deteval
from deteval.inference.paired import Paired, estimate, estimate_classes, measure_pairs
from deteval.inference.weights import cluster_units, draw_weights, image_units
from deteval.measures import Measurement, measure
from deteval.records.dataset import Categories
from deteval.records.metric import Metric, default_metrics, parse_metrics
from deteval.records.resampling import Resampling
from deteval.replicates import Replicates, replicate

AP = parse_metrics("AP")
FAST = Resampling(replicates=200)


def reference_values(run, area):
    """AP, AP at the lowest threshold, and AR at the largest cap, as the reference averages them."""
    blocks = (run.precision[:, :, :, area, -1], run.precision[0, :, :, area, -1], run.recall[:, :, area, -1])
    return [np.mean(block[block > -1]) if (block > -1).any() else np.nan for block in blocks]


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_a_replicate_is_pycocotools_on_repeated_images(start):
    """By `measure` to the last bit; by lanes within 1e-6."""
    for seed in range(start, start + 20):
        data = random_dataset(seed)
        for n, detection in enumerate(data.detections):  # copies of tied scores would interleave
            detection["score"] = float(n * 7919 % 10007) + n * 1e-6
        gt = deteval.load_ground_truth(data.ground_truth)
        evidence = deteval.match(gt, deteval.load_detections(data.detections, gt), params_of(data))
        params, images = evidence.params, len(evidence.images)
        area = seed % len(params.areas)
        lowest = replace(AP[0], iou=params.iou[:1])
        metrics = [replace(one, area=params.areas[area].name) for one in (AP[0], lowest, Metric("AR"))]
        weights = draw_weights(image_units(images), images, 16, seed=seed)
        lanes = replicate(evidence, metrics, (), weights)
        for lane in (0, 7):
            row = weights[0, :, lane].astype(np.int64)
            again = oracle.repeat_images(data.ground_truth, data.detections, row.tolist())
            found = measure(metrics, evidence, row[None]).values[0]
            expected = reference_values(run_reference(*again, data.settings), area)
            assert np.array_equal(found, expected, equal_nan=True), (seed, lane)
            np.testing.assert_allclose(lanes.values[lane], expected, atol=1e-6, rtol=0, err_msg=f"seed {seed}")


def test_the_standard_error_is_that_of_brute_force():
    """Images drawn, copied, matched and measured again, a hundred times: the same standard error."""
    data = random_dataset(12)
    rng = np.random.default_rng(0)
    data.ground_truth["annotations"] = [a for a in data.ground_truth["annotations"] if not a.get("iscrowd")]
    models = []
    for _ in range(2):
        found = [{"image_id": a["image_id"], "category_id": a["category_id"],
                  "bbox": [v + rng.normal(0, 0.1) * a["bbox"][2 + i % 2] for i, v in enumerate(a["bbox"][:2])]
                  + a["bbox"][2:], "score": rng.random()} for a in data.ground_truth["annotations"]]
        models.append(found)
    gt = deteval.load_ground_truth(data.ground_truth)
    evidence = [deteval.match(gt, deteval.load_detections(found, gt)) for found in models]
    images = len(gt.images)
    (paired,) = measure_pairs(evidence[0], [evidence[1]], AP, (), Resampling(replicates=100, seed=9),
                              image_units(images))
    drawn = draw_weights(image_units(images), images, 100, seed=9).transpose(0, 2, 1).reshape(-1, images)[:100]
    differences = []
    for row in drawn:
        values = []
        for found in models:
            copy, again = oracle.repeat_images(data.ground_truth, found, row.tolist())
            repeated = deteval.load_ground_truth(copy)
            values.append(measure(AP, deteval.match(repeated, deteval.load_detections(again, repeated))).values[0])
        differences.append(values[1] - values[0])
    replicates = (paired.new_replicates.values - paired.base_replicates.values)[:, 0]
    assert replicates == pytest.approx(np.array(differences), abs=2e-3, nan_ok=True)
    assert np.nanstd(differences, ddof=1) > 0.005
    assert np.nanstd(replicates, ddof=1) == pytest.approx(np.nanstd(differences, ddof=1), rel=0.01)


def pair_of(images=60, classes=10, gap=0.0, seed=0):
    return draw_pair(np.random.default_rng(seed), classes, still_images(images), gap)


def compared(base, new, resampling=FAST, units=None, metrics="AP,AP@.5,F1@.5/score=0.5,AP/class=class 1", **settings):
    units = units or image_units(len(base.images))
    return measure_pairs(base, [new], parse_metrics(metrics), AP, resampling, units, **settings)[0]


def same(one: Paired, other: Paired) -> bool:
    return all(np.array_equal(getattr(getattr(one, side), part), getattr(getattr(other, side), part), equal_nan=True)
               for side in ("base_replicates", "new_replicates", "base", "new") for part in ("values", "classes"))


def test_threads_and_batches_change_no_bit(monkeypatch):
    from deteval.inference import paired

    base, new = pair_of(gap=0.3)
    whole = compared(base, new, threads=1)
    assert same(whole, compared(base, new, threads=3))
    monkeypatch.setattr(paired, "WEIGHTS_AT_ONCE", 3 * 16 * len(base.images))
    shares = []
    assert same(whole, compared(base, new, threads=1, progress=shares.append))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert 0 < shares[0] < 0.1


def test_the_seed_decides_and_lanes_not_asked_for_are_cut():
    base, new = pair_of(gap=0.3)
    first = compared(base, new, Resampling(replicates=150))
    assert first.base_replicates.values.shape == (150, 4)
    assert first.base_replicates.classes.shape == (150, 1, 10)
    assert np.array_equal(first.new_replicates.values, compared(base, new).new_replicates.values[:150])
    assert not same(first, compared(base, new, Resampling(replicates=150, seed=2)))


def test_several_models_against_one_base():
    base, new = pair_of(gap=0.3)
    third = pair_of(seed=0, gap=1.0)[1]
    one, two = measure_pairs(base, [new, third], AP, AP, FAST, image_units(60))
    assert same(one, measure_pairs(base, [new], AP, AP, FAST, image_units(60))[0])
    assert same(two, measure_pairs(base, [third], AP, AP, FAST, image_units(60))[0])
    assert estimate(two, AP[0]).differs
    assert estimate(two, AP[0]).high < 0
    assert estimate(two, AP[0]).difference == two.new.values[0] - two.base.values[0]


def test_identical_predictions_are_called_identical():
    base, _ = pair_of()
    paired = compared(base, base)
    for metric in paired.metrics:
        found = estimate(paired, metric)
        assert (found.identical, found.difference, found.low, found.high, found.p_value) == (True, 0, 0, 0, 1)
        assert (found.standard_error, found.detectable, found.differs, found.reason) == (0, 0, False, "")
    for one in estimate_classes(paired, AP[0]):
        assert one.estimate.identical
        assert one.estimate.differs in (False, None)


def test_the_class_metric_and_the_family_of_one_agree():
    base, new = pair_of(gap=0.3)
    paired = compared(base, new)
    alone = estimate(paired, paired.metrics[3])
    (family,) = estimate_classes(paired, AP[0], chosen=[0])
    assert replace(alone, metric="AP") == family.estimate
    assert alone.units == family.n_images < 60


def test_a_family_of_none():
    base, new = pair_of()
    assert estimate_classes(compared(base, new), AP[0], chosen=[]) == ()


def test_rare_classes_get_no_verdict():
    base, new = pair_of(images=40, gap=0.5)
    found = estimate_classes(compared(base, new), AP[0], min_gt=40)
    small = [one for one in found if one.n_images < 10]
    poor = [one for one in found if one.n_images >= 10 and one.n_gt < 40]
    assert small
    assert poor
    for one in small:
        assert one.estimate.reason == f"too few images ({one.n_images} of the 10 needed)"
        assert (one.estimate.low, one.estimate.p_value, one.estimate.differs, one.estimate.detectable) == (None,) * 4
        assert one.estimate.difference is not None
    for one in poor:
        assert one.estimate.reason == f"fewer ground truths than asked for ({one.n_gt} of 40)"
    tested = [one for one in found if not one.estimate.reason]
    assert [one.name for one in tested] == [one.name for one in found if one.n_gt >= 40]


@pytest.mark.parametrize("images", [1, 2, 9])
def test_few_images_get_no_verdict(images):
    base, new = pair_of(images=images, seed=1)
    paired = compared(base, new)
    holding = len(set(base.gt_image.tolist()))
    found = estimate(paired, AP[0])
    assert found.reason == f"too few images ({holding} of the 10 needed)"
    assert found.differs is None
    assert all(one.estimate.differs is None for one in estimate_classes(paired, AP[0]))


def rows_where(evidence, keep_gt, keep):
    """Evidence with some of its ground truths and detections only."""
    changed = {name: getattr(evidence, name)[keep_gt]
               for name in ("gt_image", "gt_category", "gt_row", "gt_ignored", "found")}
    changed |= {name: getattr(evidence, name)[keep]
                for name in ("image", "category", "rank", "scores", "row", "true_positive", "ignored")}
    return replace(evidence, **changed)


def test_no_images_and_no_ground_truth():
    base, new = pair_of(images=20)
    nothing = [rows_where(replace(one, true_positive=np.zeros_like(one.true_positive)),
                          np.zeros(len(one.gt_image), bool), np.ones(len(one), bool)) for one in (base, new)]
    empty = [rows_where(one, np.zeros(len(one.gt_image), bool), np.zeros(len(one), bool)) for one in (base, new)]
    none = replace(base.images, ids=base.images.ids[:0], file_names=(), width=np.empty(0), height=np.empty(0))
    for pair in (nothing, empty, [replace(one, images=none) for one in empty]):
        paired = compared(*pair)
        found = estimate(paired, AP[0])
        assert (found.base, found.difference, found.differs, found.identical) == (None, None, None, False)
        assert found.reason == "no ground truth that counts"
        assert {one.estimate.reason for one in estimate_classes(paired, AP[0])} == {"no ground truth that counts"}


def test_a_model_that_lost_a_class_is_called_worse():
    """Without a detection of the class AP is 0 in every replicate of one model; the difference still varies."""
    base, new = pair_of(images=100)
    new = rows_where(new, np.ones(len(new.gt_image), bool), new.category != 0)
    found = estimate_classes(compared(base, new), AP[0])[0].estimate
    assert (found.new, found.differs) == (0, True)
    assert found.high < 0


def test_a_model_that_lost_all_it_had_perfectly_is_called_worse_without_a_standard_error():
    base, _ = pair_of(images=100)
    words = np.uint32((1 << 10) - 1)
    base = rows_where(base, np.ones(len(base.gt_image), bool), np.zeros(len(base), bool))
    perfect = replace(
        base, image=base.gt_image, category=base.gt_category, rank=np.zeros(len(base.gt_image), np.int32),
        scores=np.linspace(1, 0.1, len(base.gt_image)), row=base.gt_row,
        true_positive=np.full((len(base.gt_image), 1, 1), words),
        ignored=np.zeros((len(base.gt_image), 1, 1), np.uint32))
    paired = compared(perfect, base)
    found = estimate(paired, AP[0])
    assert (found.difference, found.low, found.high, found.differs) == pytest.approx((-1, -1, -1, True), abs=1e-6)
    assert found.standard_error == pytest.approx(0, abs=1e-9)
    assert found.p_value == 1 / 201
    for one in estimate_classes(paired, AP[0]):
        assert one.estimate.differs in (True, None)
        assert one.estimate.differs is None or one.estimate.high < 0


def test_clusters_count_where_images_are_drawn_by_them():
    frames = video_clips(np.random.default_rng(1), 14)
    base, new = draw_pair(np.random.default_rng(2), 10, frames)
    paired = compared(base, new, units=cluster_units(frames.scene.tolist(), "clip"))
    found = estimate(paired, AP[0])
    assert found.units == len(set(frames.scene[base.gt_image].tolist())) >= 10
    assert found.standard_error > 1.5 * estimate(compared(base, new), AP[0]).standard_error
    few = cluster_units((frames.scene // 2).tolist(), "place")
    assert estimate(compared(base, new, units=few), AP[0]).reason == "too few clusters (7 of the 10 needed)"
    classes = estimate_classes(paired, AP[0])
    assert all(one.estimate.units <= 14 for one in classes)
    assert any(one.estimate.units < 10 < one.n_images for one in classes)
    assert {one.estimate.differs for one in classes if one.estimate.units < 10} == {None}


def made_up(base, new, base_rows, new_rows, units=50, resampling=FAST):
    """Two models of made-up values on classes: points (classes,), replicates (replicates, classes)."""
    base, new, base_rows, new_rows = (np.asarray(one, float) for one in (base, new, base_rows, new_rows))
    classes, none = len(base), np.empty((1, 0))
    counts = np.full((1, classes), units)
    return Paired(
        metrics=(), class_metrics=AP, base=Measurement(none[0], base[None]), new=Measurement(none[0], new[None]),
        base_replicates=Replicates(none, base_rows[:, None]), new_replicates=Replicates(none, new_rows[:, None]),
        units=image_units(units), resampling=resampling,
        categories=Categories(np.arange(classes), tuple(map(str, range(classes)))),
        metric_units=np.empty(0, np.int64), n_gt=counts * 2, n_images=counts, n_units=counts)


def verdicts(paired):
    return [one.estimate for one in estimate_classes(paired, AP[0])]


def test_undefined_values_are_named_and_leave_the_others_alone():
    rng = np.random.default_rng(0)
    base_rows, new_rows = rng.normal(0.5, 0.02, (2, 200, 6))
    new_rows[:, 5] -= 0.3
    base_rows[:, 0] = new_rows[:, 1] = np.nan
    base_rows[:150, 3], new_rows[::20, 4] = np.nan, np.nan
    points = np.full((2, 6), 0.5)
    points[0, 0] = points[1, 1] = points[0, 2] = points[1, 2] = np.nan
    points[1, 5] = 0.2
    found = verdicts(made_up(*points, base_rows, new_rows))
    assert [one.reason for one in found] == [
        "undefined in the base model", "undefined in the new model", "undefined in both models",
        "defined in only 50 of 200 replicates", "", ""]
    assert [one.differs for one in found] == [None, None, None, None, False, True]
    with_two = verdicts(made_up(*points[:, 4:], base_rows[:, 4:], new_rows[:, 4:]))
    assert with_two == found[4:]


def test_classes_that_never_vary_stay_out_of_max_t():
    rng = np.random.default_rng(1)
    base_rows, new_rows = rng.normal(0.5, 0.02, (2, 200, 5))
    base_rows[:, :3] = new_rows[:, :3] = 0.75
    new_rows[:, 1] += 0.1
    new_rows[:, 2] += rng.choice([0.0, 1e-16], 200)
    points = np.full((2, 5), 0.5)
    points[:, :3] = 0.75
    points[1, 1] += 0.1
    same, shifted, dust, *moving = verdicts(made_up(*points, base_rows, new_rows))
    assert (same.identical, same.differs, same.low, same.high, same.p_value) == (True, False, 0, 0, 1)
    assert (dust.identical, dust.differs) == (True, False)
    assert (shifted.identical, shifted.differs, shifted.p_value) == (False, True, 1 / 201)
    assert shifted.low == shifted.high == pytest.approx(0.1)
    assert moving == verdicts(made_up(*points[:, 3:], base_rows[:, 3:], new_rows[:, 3:]))


def test_the_detectable_drop_of_a_class_among_many_is_larger():
    """Half its interval and 0.84 standard errors; 2.8 of them without a correction."""
    base, new = pair_of(images=200)
    for correct in ("max-t", "none"):
        paired = compared(base, new, Resampling(replicates=200, correct=correct), metrics="AP")
        for one in estimate_classes(paired, paired.class_metrics[0]):
            found = one.estimate
            if found.differs is None or not found.standard_error:
                continue
            half = (found.high - found.low) / 2 if correct == "max-t" else 1.95996 * found.standard_error
            assert found.detectable == pytest.approx(half + 0.84162 * found.standard_error, rel=1e-4)


def test_without_correction_classes_stand_alone():
    rng = np.random.default_rng(2)
    base_rows, new_rows = rng.normal(0.5, 0.02, (2, 200, 40))
    points = np.full((2, 40), 0.5)
    plain = verdicts(made_up(*points, base_rows, new_rows, resampling=replace(FAST, correct="none")))
    shared = verdicts(made_up(*points, base_rows, new_rows))
    alone = [verdicts(made_up(*points[:, [k]], base_rows[:, [k]], new_rows[:, [k]]))[0] for k in range(40)]
    assert plain == alone
    assert all(one.high - one.low < other.high - other.low for one, other in zip(plain, shared, strict=True))
    assert all(one.p_value <= other.p_value for one, other in zip(plain, shared, strict=True))
    for found in (*plain, *shared):
        assert found.differs == (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_the_twelve_numbers_of_a_real_pair():
    """The sample against itself with noisy scores: every number has its interval, or says why not."""
    gt = deteval.load_ground_truth("fixtures/sample/gt.json")
    dt = deteval.load_detections("fixtures/sample/preds.json", gt)
    noisy = replace(dt, scores=np.clip(dt.scores + np.random.default_rng(0).normal(0, 0.3, len(dt)), 0, 1))
    base, new = deteval.match(gt, dt), deteval.match(gt, noisy)
    (paired,) = measure_pairs(base, [new], default_metrics(base.params), AP, Resampling(), image_units(len(gt.images)))
    for metric in paired.metrics:
        found = estimate(paired, metric)
        assert found.base == measure([metric], base).values[0]
        assert found.difference == found.new - found.base
        assert found.reason == "" or found.low is None
    assert estimate(paired, AP[0]).differs
