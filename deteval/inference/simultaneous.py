"""Many classes at once: how likely is the largest of their differences by chance?

Max-T (Westfall and Young 1993) on the t scale. The studentized differences of all classes share one threshold, taken
from the largest of them in every replicate; each is first brought from its t distribution, with one degree of freedom
fewer than its class has images, to the normal scale, so that rare classes do not use up the level of all.
"""

import numpy as np
from msgspec import Struct

from deteval.inference.intervals import Ordered, agree, order_columns, quantile
from deteval.records.dataset import Bools, Floats, Ints


class Family(Struct, frozen=True):
    """Verdicts that err anywhere with a chance of alpha at most, if no class differs.

    low, high: simultaneous intervals, cut at -1 and 1; reach: half their width. p_value: adjusted. differs: where the
    interval leaves out 0, exactly where p_value < alpha. Shapes (classes,).
    """

    low: Floats
    high: Floats
    reach: Floats
    p_value: Floats
    differs: Bools


def max_t(difference: Floats, replicates: Floats, standard_error: Floats, units: Ints, alpha: float) -> Family:
    """Verdicts on a family of classes, each with a standard error above 0 and at least two units.

    difference: shape (classes,). replicates: of the differences, (replicates, classes), NaN where undefined: such a
    class takes no part in the maximum of that replicate. Memory: two copies of the replicates.
    """
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    degrees = np.maximum(units, 2) - 1
    away = np.abs(replicates - difference)
    away /= standard_error
    largest = order_columns(np.nan_to_num(away, nan=0.0).max(axis=1)[:, None])
    threshold = quantile(largest, np.array([1.0 - alpha]))[0]
    reach = -stdtrit(degrees, ndtr(-threshold)) * standard_error
    low, high = np.maximum(difference - reach, -1.0), np.minimum(difference + reach, 1.0)  # metrics are in [0, 1]
    differs = (low > 0) | (high < 0)
    scores = -ndtri(stdtr(degrees, -np.abs(difference) / standard_error))
    p_value = np.maximum(_share_above(largest, scores), 1.0 / (len(replicates) + 1.0))
    return Family(low, high, reach, agree(p_value, differs, alpha), differs)


def _share_above(column: Ordered, scores: Floats) -> Floats:
    """The smallest alpha whose 1 - alpha quantile of the one column lies below each score."""
    values = column.values[0]
    below = np.searchsorted(values, scores, side="left")
    last = values[np.maximum(below - 1, 0)]
    following = values[np.minimum(below, len(values) - 1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        place = below - 1 + (scores - last) / (following - last)
    place = np.where(below == 0, 0.0, np.where(below == len(values), len(values) - 1, place))
    share: Floats = 1.0 - place / (len(values) - 1)
    return share
