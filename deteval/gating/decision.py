"""When does a drop fail a gate? The four modes, on exact values and on intervals of the difference."""

from statistics import NormalDist

from deteval.records.gate import BEYOND, FAILED, NON_INFERIOR, PASSED, PLAIN, SIGNIFICANT, SLACK, UNPROVEN
from deteval.records.resampling import Estimate

POWER = 0.8


def decide(mode: str, drop: float, tolerance: float, estimate: Estimate | None = None) -> str:
    """Passed, failed or unproven.

    drop: baseline minus new. tolerance: the drop allowed, on the same scale. estimate: of the difference new -
    baseline, with its interval, for every mode but plain. plain fails if drop > tolerance; significant if the upper
    limit is below 0 besides; beyond if the upper limit is below -tolerance; non-inferior unless the lower limit is
    above -tolerance. Equal numbers are told with a slack, to the side of passing.
    """
    exceeds = drop > tolerance + SLACK
    if mode == PLAIN:
        return FAILED if exceeds else PASSED
    assert estimate is not None  # the caller found a verdict there, or identical models
    if estimate.identical:
        return PASSED
    assert estimate.low is not None
    assert estimate.high is not None
    fails = {
        SIGNIFICANT: exceeds and estimate.high < 0,
        BEYOND: estimate.high < -tolerance - SLACK,
        NON_INFERIOR: not estimate.low > -tolerance - SLACK,
    }[mode]
    if fails:
        return FAILED
    return UNPROVEN if exceeds else PASSED



def least_shown(estimate: Estimate) -> float | None:
    """The smallest drop that this test could prove: a tolerance of mode significant below it decides nothing.

    1.96 standard errors at 95 %, more for one class of many: the detectable drop without what makes it likely.
    """
    if estimate.detectable is None or estimate.standard_error is None:
        return None
    return estimate.detectable - NormalDist().inv_cdf(POWER) * estimate.standard_error
