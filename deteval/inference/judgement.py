"""Differences judged, one per column: an interval, a p-value and a verdict each, or the reason why there is none."""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.inference.intervals import detectable_drop, percentile_intervals, standard_errors
from deteval.inference.simultaneous import max_t
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.resampling import LEAST_UNITS, NO_RESAMPLING, Estimate, Resampling, Units

DUST = 1e-12
"""Differences below it are rounding."""
STILL = 1e-9
"""A standard error below it is none but the rounding of replicates."""
LEAST_DEFINED = 0.9
"""The share of replicates in which a metric must be defined: fewer would stand for data of another kind."""


class Differences(Struct, frozen=True):
    """What is to be judged, one difference per column.

    base, new, difference: the exact values, shape (columns,).
    replicates: of the difference, (replicates, columns). units: the independent units behind each, (columns,).
    """

    base: Floats
    new: Floats
    difference: Floats
    replicates: Floats
    units: Ints

    def estimates(self, metric: str, judged: "Judged") -> list[Estimate]:
        """One record per column."""
        return [
            Estimate(
                metric=metric, base=_plain(self.base[i]), new=_plain(self.new[i]),
                difference=_plain(self.difference[i]), low=_plain(judged.low[i]), high=_plain(judged.high[i]),
                p_value=_plain(judged.p_value[i]), standard_error=_plain(judged.standard_error[i]),
                detectable=_plain(judged.detectable[i]), units=int(self.units[i]),
                differs=None if reason else bool(judged.differs[i]), identical=bool(judged.identical[i]), reason=reason)
            for i, reason in enumerate(judged.reasons)
        ]


class Judged(Struct, frozen=True):
    """Per column: the interval, p-value, standard error and detectable drop (NaN: none), the verdict, and why there is
    none.
    """

    low: Floats
    high: Floats
    p_value: Floats
    standard_error: Floats
    detectable: Floats
    differs: Bools
    identical: Bools
    reasons: list[str]


def subtract(base: Floats, new: Floats) -> Floats:
    """new - base, without the dust of rounding."""
    difference = new - base
    difference[np.abs(difference) < DUST] = 0.0
    return difference


def obstacles(columns: Differences, units: Units) -> list[str]:
    """Why a column can have no interval, "" where it can."""
    what = "images" if units.cluster is None else "clusters"
    replicates = len(columns.replicates)
    defined = (replicates - np.isnan(columns.replicates).sum(axis=0)).tolist()
    missing = (np.isnan(columns.base) * 1 + np.isnan(columns.new) * 2).tolist()
    reasons = []
    for count, number, where in zip(columns.units.tolist(), defined, missing, strict=True):
        if not count:
            reasons.append("no ground truth that counts")
        elif where:
            reasons.append(f"undefined in {('the base model', 'the new model', 'both models')[where - 1]}")
        elif count < LEAST_UNITS:
            reasons.append(f"too few {what} ({count} of the {LEAST_UNITS} needed)")
        elif number < LEAST_DEFINED * replicates:
            reasons.append(f"defined in only {number:,} of {replicates:,} replicates")
        else:
            reasons.append("")
    return reasons


def judge(columns: Differences, reasons: list[str], resampling: Resampling, *, family: bool) -> Judged:
    """Intervals and verdicts of all columns without a reason against it, as one family or each on its own.

    In a family, columns that never vary stay out of max-T: theirs is an interval of one point; where a single one
    varies there is nothing to correct for. Memory: about six arrays of (replicates, columns) at 8 bytes.
    """
    tested = np.flatnonzero([not reason for reason in reasons])
    replicates, units = columns.replicates[:, tested], columns.units[tested]
    error = standard_errors(replicates)
    found = percentile_intervals(replicates, units, resampling.alpha)
    low, high, p_value, differs = found.low, found.high, found.p_value, found.excludes_zero
    detectable = detectable_drop(error, resampling.alpha)
    moving = np.flatnonzero(error >= STILL)
    if family and resampling.correct == "max-t" and len(moving) > 1:
        shared = max_t(columns.difference[tested][moving], replicates[:, moving], error[moving], units[moving],
                       resampling.alpha)
        low[moving], high[moving], p_value[moving] = shared.low, shared.high, shared.p_value
        differs[moving] = shared.differs
        detectable[moving] = detectable_drop(error[moving], resampling.alpha, shared.reach)

    def spread(part: NDArray[Any], missing: Any) -> NDArray[Any]:
        whole = np.full(len(reasons), missing, part.dtype)
        whole[tested] = part
        return whole

    varies = ((columns.replicates != 0) & ~np.isnan(columns.replicates)).any(axis=0)
    return Judged(
        low=spread(low, np.nan), high=spread(high, np.nan), p_value=spread(p_value, np.nan),
        standard_error=spread(error, np.nan), detectable=spread(detectable, np.nan), differs=spread(differs, False),
        identical=(columns.difference == 0) & ~varies, reasons=reasons)


def unjudged(columns: Differences) -> Judged:
    """Differences as they are, where nothing was resampled."""
    count = len(columns.difference)
    nothing, no = np.full(count, np.nan), np.zeros(count, bool)
    undefined = obstacles(columns, Units(0))
    return Judged(low=nothing, high=nothing, p_value=nothing, standard_error=nothing, detectable=nothing, differs=no,
                  identical=no, reasons=[why if np.isnan(difference) else NO_RESAMPLING for why, difference in
                                         zip(undefined, columns.difference, strict=True)])


def _plain(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
