"""Intervals, p-values and families on replicates made by hand: against plain formulas, and at their edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from deteval.inference.intervals import (
    detectable_drop,
    level_of_tail,
    order_columns,
    percentile_intervals,
    quantile,
    standard_errors,
    tail_of_level,
)
from deteval.inference.simultaneous import max_t

NAN = float("nan")


def one_column(replicates, units=100, alpha=0.05):
    """The interval of a single column, as numbers."""
    found = percentile_intervals(np.array(replicates, float)[:, None], np.array([units]), alpha)
    return found.low[0], found.high[0], found.p_value[0], bool(found.excludes_zero[0])


@pytest.mark.parametrize("units", [2, 10, 49, 5000])
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.4])
def test_the_interval_is_the_expanded_percentile(units, alpha):
    replicates = np.random.default_rng(1).normal(0.3, 1.0, 501)
    tail = stats.norm.cdf(-stats.t.ppf(1 - alpha / 2, units - 1) * np.sqrt(units / (units - 1)))
    low, high, _, _ = one_column(replicates, units, alpha)
    assert (low, high) == pytest.approx(tuple(np.quantile(replicates, [tail, 1 - tail])), abs=1e-12)


def test_a_few_units_widen_the_interval_by_hand():
    """m = 10 at 95 %: t is 2.262, times sqrt(10/9) is 2.384, which leaves out 0.86 % on each side and not 2.5 %."""
    assert tail_of_level(np.array([0.05]), np.array([10]))[0] == pytest.approx(0.00856, abs=2e-5)
    assert tail_of_level(np.array([0.05]), np.array([10**9]))[0] == pytest.approx(0.025, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-6, 0.99), st.integers(2, 10_000))
def test_tails_and_levels_are_inverse(alpha, units):
    tail = tail_of_level(np.array([alpha]), np.array([units]))
    if tail[0] > 1e-200:
        assert level_of_tail(tail, np.array([units]))[0] == pytest.approx(alpha, rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(float, st.integers(2, 40), elements=st.sampled_from([NAN, -1.0, -1e-9, 0.0, 0.5, 2.0])
                  | st.floats(-1, 1)), st.floats(0, 1))
def test_quantiles_are_numpys_type_7_of_the_finite(values, share):
    finite = values[~np.isnan(values)]
    found = quantile(order_columns(values[:, None]), np.array([share]))[0]
    if len(finite):
        assert found == pytest.approx(np.quantile(finite, share), abs=1e-12)
    else:
        assert np.isnan(found)


REPLICATES = hnp.arrays(float, st.integers(1, 60), elements=st.sampled_from([NAN, -1.0, -1e-300, 0.0, 1e-300, 0.25])
                        | st.floats(-1, 1))


@settings(max_examples=400, deadline=None)
@given(REPLICATES, st.integers(0, 200), st.floats(1e-9, 0.499))
def test_a_p_value_never_contradicts_its_interval(replicates, units, alpha):
    low, high, p_value, excludes = one_column(replicates, units, alpha)
    if np.isnan(low):
        assert units < 2 or (~np.isnan(replicates)).sum() < 2
        assert np.isnan([high, p_value]).all()
        assert not excludes
        return
    assert low <= high
    assert excludes == (low > 0 or high < 0) == (p_value < alpha)
    assert 0 < p_value <= 1


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(float, st.integers(20, 60), elements=st.floats(-1, 1).map(lambda value: round(value, 9))),
       st.integers(10, 200), st.floats(-0.9, 0.9).map(lambda value: round(value, 9)))
def test_a_p_value_is_the_smallest_alpha_whose_interval_leaves_out_zero(replicates, units, shift):
    moved = replicates + shift
    p_value = one_column(moved, units)[2]
    floor = 1 / (len(moved) + 1)
    if p_value > floor * 1.001:
        assert not one_column(moved, units, p_value * 0.999)[3]
    if p_value < 0.49:
        assert one_column(moved, units, p_value * 1.001 + 1e-9)[3]


def test_the_sign_of_a_difference_does_not_matter():
    replicates = np.random.default_rng(3).normal(0.8, 0.5, 400)
    low, high, p_value, _ = one_column(replicates)
    assert one_column(-replicates)[:3] == pytest.approx((-high, -low, p_value))


def test_p_values_at_the_ends():
    assert one_column(np.full(99, 0.5))[2] == 1 / 100
    assert one_column(np.full(99, -0.5))[2:] == (1 / 100, True)
    assert one_column(np.zeros(99)) == (0, 0, 1, False)
    assert one_column(np.r_[np.full(99, 0.5), np.full(100, NAN)])[2] == 1 / 100, "of the finite ones"


def test_columns_do_not_touch_each_other():
    rng = np.random.default_rng(4)
    replicates = rng.normal(0, 1, (300, 6))
    replicates[rng.random(replicates.shape) < 0.1] = NAN
    replicates[:, 2], replicates[:, 4] = NAN, 0.0
    units = np.array([5, 2, 50, 1, 30, 1000])
    together = percentile_intervals(replicates, units, 0.05)
    for k in range(6):
        alone = one_column(replicates[:, k], units[k])
        assert np.array_equal([together.low[k], together.high[k], together.p_value[k]], alone[:3], equal_nan=True)


def test_standard_errors():
    replicates = np.array([[1.0, 0.3, NAN, NAN, 1.0], [2.0, 0.3, NAN, 1.0, NAN], [4.0, 0.3, NAN, NAN, 3.0]])
    found = standard_errors(replicates)
    assert found[[0, 4]] == pytest.approx([np.std([1, 2, 4], ddof=1), np.std([1, 3], ddof=1)])
    assert found[1] == 0, "exactly"
    assert np.isnan(found[2:4]).all()


def test_a_detectable_drop_is_2_8_standard_errors():
    assert detectable_drop(1.0, 0.05) == pytest.approx(2.8016, abs=1e-4)
    assert np.isnan(detectable_drop(NAN, 0.05))


def slow_max_t(difference, replicates, error, units, alpha):
    """The rule of docs/statistics.md, class by class."""
    largest = []
    for row in replicates:
        scaled = [abs(d - center) / e for d, center, e in zip(row, difference, error, strict=True) if not np.isnan(d)]
        largest.append(max(scaled, default=0.0))
    q = np.quantile(largest, 1 - alpha)
    rows = []
    for center, e, m in zip(difference, error, units, strict=True):
        z = stats.norm.isf(stats.t.sf(abs(center) / e, m - 1))
        reach = e * stats.t.isf(stats.norm.sf(q), m - 1)
        rows.append((center - reach, center + reach, z > q, np.mean(np.array(largest) >= z)))
    return rows


@pytest.mark.parametrize("seed", range(20))
def test_max_t_is_the_rule_class_by_class(seed):
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 12))
    error = rng.uniform(0.01, 0.05, classes)
    difference = error * rng.normal(0, 2.5, classes)
    replicates = difference + error * rng.normal(0, 1, (200, classes))
    replicates[rng.random(replicates.shape) < 0.02] = NAN
    error, units = standard_errors(replicates), rng.integers(10, 300, classes)
    found = max_t(difference, replicates, error, units, 0.05)
    for k, (low, high, differs, share) in enumerate(slow_max_t(difference, replicates, error, units, 0.05)):
        assert found.p_value[k] == pytest.approx(share, abs=2 / 200)
        assert (found.low[k], found.high[k]) == pytest.approx((max(low, -1), min(high, 1)), rel=1e-9)
        assert bool(found.differs[k]) == differs == bool(found.p_value[k] < 0.05) == (low > 0 or high < 0)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 8), st.integers(0, 2**31), st.floats(1e-4, 0.49), st.floats(0, 40))
def test_adjusted_p_values_never_contradict(classes, seed, alpha, size):
    rng = np.random.default_rng(seed)
    replicates = rng.standard_t(3, (120, classes)) * 0.01
    difference = rng.normal(0, size, classes) * 0.01
    replicates += difference
    units = rng.integers(2, 40, classes)
    found = max_t(difference, replicates, standard_errors(replicates), units, alpha)
    assert ((found.p_value < alpha) == found.differs).all()
    assert (found.differs == ((found.low > 0) | (found.high < 0))).all()
    assert (found.p_value >= np.nextafter(min(1 / 121, alpha), 0)).all()
    assert (found.p_value <= 1).all()
    assert not np.isnan([found.low, found.high]).any()


def test_a_family_is_more_careful_than_its_classes():
    rng = np.random.default_rng(7)
    replicates = rng.normal(0, 0.01, (500, 80))
    difference = np.full(80, 0.024)
    replicates += difference
    alone = percentile_intervals(replicates, np.full(80, 400), 0.05)
    shared = max_t(difference, replicates, standard_errors(replicates), np.full(80, 400), 0.05)
    assert (alone.high - alone.low < shared.high - shared.low).all()
    assert alone.excludes_zero.sum() > 60
    assert shared.differs.sum() < 10


def test_1200_classes_are_judged_in_moments():
    """2,000 replicates of 1,200 classes; the bar is loose, the point is that nothing walks class by class."""
    import time

    replicates = np.random.default_rng(0).normal(0, 0.01, (2000, 1200))
    units = np.full(1200, 50)
    start = time.process_time()
    percentile_intervals(replicates, units, 0.05)
    max_t(np.zeros(1200), replicates, standard_errors(replicates), units, 0.05)
    assert time.process_time() - start < 3
