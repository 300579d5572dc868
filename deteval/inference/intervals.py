"""Intervals, p-values and standard errors from replicates, for many columns at once.

The expanded percentile interval (Hesterberg 2015, The American Statistician 69:371): quantiles of the replicates, a
little further out than alpha / 2, which makes up for a bootstrap of m units being too narrow by sqrt((m - 1) / m) and
for a t distribution having longer tails than a normal one.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.records.dataset import Bools, Floats, Ints

POWER = 0.8
"""The chance of showing a drop of the size that is called detectable."""


class Ordered(Struct, frozen=True):
    """Replicates of several columns, each ascending with the undefined (NaN) last.

    values: shape (columns, replicates). finite: how many of each column are defined.
    """

    values: Floats
    finite: Ints


class Intervals(Struct, frozen=True):
    """Per column; NaN where a column holds fewer than two replicates, or stands for fewer than two units.

    excludes_zero: whether 0 lies outside [low, high]; that is so exactly where p_value < alpha.
    """

    low: Floats
    high: Floats
    p_value: Floats
    excludes_zero: Bools


def order_columns(replicates: Floats) -> Ordered:
    """Replicates, shape (replicates, columns), sorted by column. Memory: a copy of them."""
    values = np.array(replicates.T, order="C", dtype=np.float64)
    values.sort(axis=1)
    return Ordered(values, values.shape[1] - np.isnan(values).sum(axis=1))


def percentile_intervals(replicates: Floats, units: Ints, alpha: float) -> Intervals:
    """Expanded percentile intervals at level 1 - alpha, and the p-values that go with them.

    replicates: shape (replicates, columns), NaN where undefined. units: independent units behind each column. A p-value
    is the smallest alpha whose interval excludes 0, at least 1 / (finite replicates + 1).
    """
    ordered = order_columns(replicates)
    usable = (ordered.finite >= 2) & (units >= 2)
    tail = tail_of_level(np.full(len(units), alpha), units)
    low, high = (np.where(usable, quantile(ordered, tail, from_top=top), np.nan) for top in (False, True))
    excludes = (low > 0) | (high < 0)
    p_value = np.maximum(level_of_tail(_share_at_zero(ordered), units), 1.0 / (ordered.finite + 1.0))
    return Intervals(low, high, np.where(usable, agree(p_value, excludes, alpha), np.nan), excludes)


def agree(p_value: Floats, proven: Bools, alpha: float) -> Floats:
    """P-values on the side of alpha that the verdict is on: rounding in special functions must not part the two."""
    return np.where(proven, np.minimum(p_value, np.nextafter(alpha, 0.0)), np.maximum(p_value, alpha))


def tail_of_level(alpha: Floats, units: Ints) -> Floats:
    """The share of replicates to leave out on each side: Phi(-t[1 - alpha/2; m - 1] sqrt(m / (m - 1)))."""
    from scipy.special import ndtr, stdtrit

    units = np.maximum(units, 2)
    tail: Floats = ndtr(stdtrit(units - 1, alpha / 2) * np.sqrt(units / (units - 1)))
    return tail


def level_of_tail(tail: Floats, units: Ints) -> Floats:
    """The alpha whose interval leaves out this share on each side; the inverse of `tail_of_level`."""
    from scipy.special import ndtri, stdtr

    units = np.maximum(units, 2)
    level: Floats = 2.0 * stdtr(units - 1, ndtri(np.clip(tail, 0.0, 0.5)) * np.sqrt((units - 1) / units))
    return level


def quantile(ordered: Ordered, share: Floats, *, from_top: bool = False) -> Floats:
    """The quantile of every column at its own share, type 7 of Hyndman and Fan; NaN for an empty column.

    from_top: at 1 - share, where tiny shares keep their digits.
    """
    last = np.maximum(ordered.finite - 1, 0)
    place = np.clip(share, 0.0, 1.0) * last
    near = np.floor(place).astype(np.int64)
    far = np.minimum(near + 1, last)
    column = np.arange(len(near))
    first, second = (ordered.values[column, last - one if from_top else one] for one in (near, far))
    found: Floats = np.where(place == near, first, first + (second - first) * (place - near))
    return found


def _share_at_zero(ordered: Ordered) -> Floats:
    """The largest share in [0, 0.5] to leave out on each side so that 0 stays between the quantiles; 0 if none is."""
    values, finite = ordered.values, ordered.finite
    column, end = np.arange(len(values)), np.maximum(finite - 1, 0)

    def side(inside: Ints, last: Floats, following: Floats) -> Floats:
        """From the low end up: how many replicates do not exceed 0, the last of them, and the one after it."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (inside - 1 - last / (following - last)) / (finite - 1)
        return np.where(inside == 0, 0.0, np.where(inside == finite, 0.5, np.minimum(share, 0.5)))

    not_above, not_below = (values <= 0).sum(axis=1), (values >= 0).sum(axis=1)
    first = np.clip(finite - not_below, 0, end)
    return np.minimum(
        side(not_above, values[column, np.maximum(not_above - 1, 0)], values[column, np.minimum(not_above, end)]),
        side(not_below, values[column, first], values[column, np.maximum(first - 1, 0)]))


def standard_errors(replicates: Floats) -> Floats:
    """The standard deviation (ddof 1) of the finite replicates of every column, NaN for fewer than two of them.

    Exactly 0 where they are all the same.
    """
    defined = ~np.isnan(replicates)
    count = defined.sum(axis=0)
    origin = np.where(count > 0, np.take_along_axis(replicates, defined.argmax(axis=0)[None], axis=0)[0], 0.0)
    moved = np.where(defined, replicates - origin, 0.0)  # equal replicates become exactly 0
    with np.errstate(invalid="ignore", divide="ignore"):
        moved -= moved.sum(axis=0) / count
        moved[~defined] = 0.0
        error: Floats = np.sqrt((moved * moved).sum(axis=0) / (count - 1))
    return np.where(count > 1, error, np.nan)


def detectable_drop(standard_error: NDArray[np.float64] | float, alpha: float, reach: Floats | None = None) -> Floats:
    """The true drop that a test at level alpha shows with a chance of 80 %: 2.8 standard errors at 0.05.

    reach: how far a difference must be from 0 to be proven, if that is not the quantile of one test.
    """
    from scipy.special import ndtri

    error = np.asarray(standard_error)
    drop: Floats = (ndtri(1.0 - alpha / 2) * error if reach is None else reach) + ndtri(POWER) * error
    return drop
