"""What came of each demand of a gate, in sentences."""

from deteval.records.gate import (
    BEYOND,
    FAILED,
    MAX_RISE,
    MINIMUM,
    MUTED,
    NON_INFERIOR,
    SIGNIFICANT,
    SLACK,
    UNDECIDABLE,
    UNPROVEN,
    UNTESTED,
    Outcome,
)
from deteval.records.numbers import number_text
from deteval.reports.inference_words import change, in_points, not_ruled_out, smaller_than
from deteval.reports.layout import printable


def sentence(one: Outcome, alpha: float) -> str:
    """One outcome in full."""
    name = printable(one.name)
    if one.status in (UNDECIDABLE, UNTESTED, MUTED):
        label = {UNDECIDABLE: "cannot be decided", UNTESTED: "was not tested", MUTED: "is muted"}[one.status]
        reason = one.reason.removeprefix("muted ") if one.status == MUTED else one.reason
        if one.status == UNDECIDABLE and reason.startswith("too few"):
            reason += "; mode: plain compares without a test"
        return f"{name} {label}{',' if one.status == MUTED else ':'} {printable(reason)}."
    if one.limit == MINIMUM:
        return _floor_sentence(one, name)
    if one.limit == MAX_RISE:
        return _rise_sentence(one, name)
    return _plain_sentence(one, name) if one.estimate is None else _tested_sentence(one, name, alpha)


def _floor_sentence(one: Outcome, name: str) -> str:
    assert one.value is not None
    assert one.rule.minimum is not None
    side = "below" if one.status == FAILED else "not below"
    digits = 4 if abs(one.value - one.rule.minimum) >= 0.0001 else 10
    return f"{name} is {one.value:.{digits}f}, {side} the floor of {number_text(one.rule.minimum)}."


def _rise_sentence(one: Outcome, name: str) -> str:
    assert one.value is not None
    assert one.base is not None
    assert one.tolerance is not None
    assert one.rule.max_rise is not None
    rise = one.value - one.base
    what = f"{name} is unchanged at {one.value:,.0f}"
    if rise:
        verb = f"rose by {rise:,.0f}," if rise > 0 else "fell"
        what = f"{name} {verb} from {one.base:,.0f} to {one.value:,.0f}"
    share = f" ({one.rule.max_rise.text} of the baseline)" if one.rule.max_rise.relative else ""
    side = "more than" if one.status == FAILED else "not more than"
    return f"{what}: {side} the {number_text(round(one.tolerance, 2))} allowed{share}."


def _plain_sentence(one: Outcome, name: str) -> str:
    difference = one.difference or 0.0
    if one.status == FAILED:
        return f"{name} fell by {in_points(-difference)}, more than the {tolerance(one)}."
    if abs(difference) <= SLACK:
        return f"{name} is unchanged."
    verb = "fell" if difference < 0 else "rose"
    within = f", within the {tolerance(one)}" if difference < 0 else ""
    return f"{name} {verb} by {in_points(abs(difference))}{within}."


def tolerance(one: Outcome) -> str:
    """`tolerance of 0.3 points`, with the share it stands for."""
    assert one.rule.max_drop is not None
    share = f" ({one.rule.max_drop.text} of the baseline)" if one.rule.max_drop.relative else ""
    return f"tolerance of {in_points(one.tolerance or 0.0)}{share}"


def _tested_sentence(one: Outcome, name: str, alpha: float) -> str:
    """The words of the modes."""
    found, allowed = one.estimate, one.tolerance or 0.0
    assert found is not None
    what = change(found, alpha, name)
    if found.identical:
        return f"{what}."
    if one.status == FAILED:
        ends = {SIGNIFICANT: f": a drop is proven and exceeds the {tolerance(one)}.",
                BEYOND: f": a drop beyond the {tolerance(one)} is proven.",
                NON_INFERIOR: f": a drop beyond the {tolerance(one)} is not ruled out."}
        return what + ends[one.mode]
    assert found.low is not None
    assert found.high is not None
    if one.status == UNPROVEN:
        proven = f"no drop beyond the {tolerance(one)} is proven" if found.high < 0 else "no drop is proven"
        return f"{what}, more than the {tolerance(one)}, but {proven}. {not_ruled_out(found)}"
    proof = "A rise is proven. " if found.low > 0 else ""
    if found.high < 0:
        return f"{what}: a drop is proven, within the {tolerance(one)}."
    if found.low > -allowed:
        return f"{what}. {proof}{smaller_than(allowed)}" if allowed else f"{what}. {proof}".strip()
    return f"{what}. No drop proven. {not_ruled_out(found)}"
