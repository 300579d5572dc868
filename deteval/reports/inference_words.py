"""What a difference between two models does and does not show, in sentences. One point is 0.01 on a metric's scale."""

from statistics import NormalDist

from deteval.errors import counted
from deteval.records.resampling import Estimate, Resampling, Units

POWER = 0.8
"""The probability with which a drop of the detectable size is shown."""


def points(difference: float) -> str:
    """A difference of a metric in points: one decimal, or two where one would leave nothing.

    >>> points(-0.00891), points(0.0004), points(0.0)
    ('-0.9', '0.04', '0.0')
    """
    value = 100 * difference
    text = f"{value:.1f}" if abs(value) >= 0.095 else f"{value:.2f}"
    return text if float(text) else "0.0"


def in_points(size: float) -> str:
    """A size in points with its unit: `0.9 points`, `1.0 point`."""
    text = points(size)
    return f"{text} point" if text == "1.0" else f"{text} points"


def level(alpha: float) -> str:
    """The level of an interval: `95 %`."""
    return f"{100 * (1 - alpha):.6g} %"


def percent(share: float) -> str:
    """A share: `5 %`."""
    return f"{100 * share:.6g} %"


def interval(estimate: Estimate, alpha: float | None) -> str:
    """`95 % interval -1.5 to -0.3`, in points; "" where there is none. alpha: None if nothing was resampled."""
    if estimate.low is None or estimate.high is None or alpha is None:
        return ""
    return f"{level(alpha)} interval {points(estimate.low)} to {points(estimate.high)}"


def change(estimate: Estimate, alpha: float | None, name: str | None = None) -> str:
    """`AP fell by 0.9 points (95 % interval -1.5 to -0.3)`: what happened, proven or not, without a full stop."""
    name = name or estimate.metric
    if estimate.difference is None:
        return f"{name} is undefined"
    limits = interval(estimate, alpha)
    if estimate.identical or estimate.difference == 0:
        return f"{name} is {'identical' if estimate.identical else 'unchanged'}" + \
            (f" ({limits})" if limits and not estimate.identical else "")
    verb = "fell" if estimate.difference < 0 else "rose"
    return f"{name} {verb} by {in_points(abs(estimate.difference))}" + (f" ({limits})" if limits else "")


def not_ruled_out(estimate: Estimate) -> str:
    """What drops remain possible where none is proven, and which ones would have shown; "" without an interval."""
    if estimate.low is None:
        return ""
    text = f"Drops up to {in_points(max(-estimate.low, 0.0))} are not ruled out"
    if estimate.detectable is None:
        return f"{text}."
    return f"{text}; this test set reliably shows drops of {points(estimate.detectable)} or more."


def smaller_than(tolerance: float) -> str:
    """What an interval above -tolerance shows; `tolerance` as a difference of the metric."""
    return f"Any drop is smaller than {in_points(tolerance)}."


def sentence(estimate: Estimate, alpha: float, name: str | None = None) -> str:
    """What a comparison says of one metric or class, in full."""
    what = change(estimate, alpha, name)
    if estimate.identical:
        return f"{what}."
    if estimate.differs is None:
        return f"{what}; no verdict: {estimate.reason}." if estimate.reason else f"{what}."
    if estimate.differs:
        return f"{what}: a {'drop' if (estimate.difference or 0.0) < 0 else 'rise'} is proven."
    return f"{what}. No difference proven. {not_ruled_out(estimate)}"


def drawn(resampling: Resampling, units: Units) -> str:
    """How the replicates were made."""
    unit = "images" if units.cluster is None else units.name
    return (f"Paired bootstrap: {counted(resampling.replicates, 'replicate')}, seed {resampling.seed}; each draws "
            f"{units.count:,} of {units.count:,} {unit} with replacement and measures both models on them.")


def family(tested: int, resampling: Resampling) -> str:
    """What was done about testing several classes."""
    if resampling.correct == "none":
        return (f"{tested:,} {'class' if tested == 1 else 'classes'} tested one by one, without correction: of equal "
                f"models {percent(resampling.alpha)} of them show a difference by chance.")
    if tested == 1:
        return "1 class tested, by itself."
    return (f"{tested:,} classes tested as one family (max-T): the chance that equal models show a difference in any "
            f"of them is {percent(resampling.alpha)}, and their intervals hold all together.")


def power(resampling: Resampling) -> str:
    """What the detectable drop is."""
    normal = NormalDist()
    factor = normal.inv_cdf(1 - resampling.alpha / 2) + normal.inv_cdf(POWER)
    return (f"detectable: the smallest drop that this test set shows with {percent(POWER)} probability, {factor:.1f} "
            "standard errors, more for a class that is tested among many. A smaller tolerance cannot be defended here.")
