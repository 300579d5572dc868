"""The verdict line of a gate, and what must be known to trust it: tests made, idle tolerances, what was left out."""

from collections.abc import Sequence
from statistics import NormalDist

from deteval.errors import counted
from deteval.gating.decision import least_shown
from deteval.records.gate import (
    FAILED,
    MAX_DROP,
    MUTED,
    NON_INFERIOR,
    PASS,
    PLAIN,
    SIGNIFICANT,
    TESTED,
    UNDECIDABLE,
    UNTESTED,
    Outcome,
    Rule,
    Verdict,
)
from deteval.reports.gate_rows import deciding
from deteval.reports.gate_words import tolerance
from deteval.reports.inference_words import drawn, in_points, points
from deteval.reports.layout import printable

MOST_NAMES = 8
"""Names that a sentence lists before it says how many more there are."""


def headline(verdict: Verdict) -> str:
    """The verdict, of how many tests, and how drops were tested."""
    tests = counted(len(verdict.tests), "test")
    failed, open_ = deciding(verdict, FAILED), deciding(verdict, UNDECIDABLE)
    if verdict.status == PASS:
        text = f"{tests}, none failed"
    elif failed:
        text = f"{len(failed):,} of {tests} failed"
        text += f"; {counted(len(open_), 'demand')} cannot be decided" if open_ else ""
    elif verdict.tests or open_:
        text = f"{counted(len(open_), 'demand')} cannot be decided; {tests}, none failed"
    else:
        text = "nothing was tested"
    how = _how(verdict)
    return f"{verdict.status}: {text}" + (f"; {how}" if how else "")


def _how(verdict: Verdict) -> str:
    """In which modes drops were tested; "" where there was no drop to test."""
    modes = list(dict.fromkeys(outcome.mode for outcome in verdict.tests if outcome.limit == MAX_DROP))
    if not modes:
        return ""
    names = f"mode {modes[0]}" if len(modes) == 1 else f"modes {', '.join(modes[:-1])} and {modes[-1]}"
    if modes == [PLAIN] or verdict.units is None:
        why = f" ({printable(verdict.unpaired)})" if verdict.unpaired else ""
        return f"drops are compared in {names}, without a test against chance{why}"
    unit = "images" if verdict.units.cluster is None else printable(verdict.units.name)
    return f"drops are tested in {names} (paired bootstrap over {verdict.units.count:,} {unit})"


def alpha_of(verdict: Verdict) -> float:
    """The level of the tests, 0.05 where there were none."""
    return 0.05 if verdict.resampling is None else verdict.resampling.alpha


def source(verdict: Verdict) -> str:
    """What was gated against what."""
    against = f", baseline {printable(verdict.baseline)}" if verdict.baseline else ""
    return f"model {printable(verdict.model)}{against}"


def remarks(verdict: Verdict) -> list[str]:
    """How the tests were made, how many there were, and where a tolerance decides nothing."""
    lines = []
    if verdict.resampling is not None and verdict.units is not None:
        lines.append(drawn(verdict.resampling, verdict.units))
    if verdict.tests:
        lines.append(count_text(verdict))
    for rule in dict.fromkeys(one.rule for one in verdict.outcomes):
        outcomes = [one for one in verdict.outcomes if one.rule == rule and one.limit == MAX_DROP]
        lines += _about_tolerance(outcomes, alpha_of(verdict))
    return lines


def count_text(verdict: Verdict) -> str:
    """How many tests were made in all."""
    families: dict[Rule, int] = {}
    for one in verdict.tests:
        if one.estimate is not None and one.class_name is not None:
            families[one.rule] = families.get(one.rule, 0) + 1
    text = f"{counted(len(verdict.tests), 'test')} in all"
    if families:
        single = len(verdict.tests) - sum(families.values())
        sizes = " and ".join(f"{size:,}" for size in families.values())
        text += f": {single:,} single, and {len(families):,} "
        text += f"{'family' if len(families) == 1 else 'families'} of {sizes} classes"
    paired = sum(one.estimate is not None for one in verdict.tests if one.class_name is None) + len(families)
    if paired > 1:
        each = "each single test and each family" if families else "each"
        text += f"; {each} has its own chance of a false alarm, and these add up"
    return f"{text}."


def _about_tolerance(outcomes: Sequence[Outcome], alpha: float) -> list[str]:
    """Where the tolerance of a rule is below what its tests can tell; a test that failed could tell."""
    tested = [one for one in outcomes if one.status in TESTED and one.status != FAILED and one.estimate is not None
              and not one.estimate.identical]
    family = len(tested) > 1
    below = [(wanted, one) for one in tested if (wanted := _wanted(one)) > (one.tolerance or 0.0)]
    if not below:
        return []
    below.sort(key=lambda pair: pair[0])
    (least, first), (most, last) = below[0], below[-1]
    significant = first.mode == SIGNIFICANT
    if family:
        state, what = ("idle", "only drops above are proven:") if significant else \
            ("too small", "equal models may fail below")
        text = (f"{state} for {len(below):,} of {len(tested):,} classes, where {what} {in_points(least)} "
                f"({first.class_name}) to {in_points(most)} ({last.class_name})")
        return [printable(f"{first.rule.name}: the {tolerance(first)} is {text}.")]
    errors = f"{NormalDist().inv_cdf(1 - alpha / 2):.2f} standard errors"
    text = f"idle: it is below {errors} ({in_points(least)}), and only larger drops can be proven on this test set"
    if not significant:
        text = f"too small for mode {NON_INFERIOR}: below {in_points(least)} equal models may fail on this test set"
    return [f"{printable(first.name)}: the {tolerance(first)} is {text}."]


def _wanted(one: Outcome) -> float:
    """The smallest tolerance that decides anything; 0 in modes where every one does."""
    assert one.estimate is not None
    if one.mode == SIGNIFICANT:
        return least_shown(one.estimate) or 0.0
    return (one.estimate.detectable or 0.0) if one.mode == NON_INFERIOR else 0.0


def left_untested(verdict: Verdict, everything: bool = False) -> list[str]:
    """What rules left untested, by reason, with names."""
    groups: dict[tuple[Rule, str, str], list[Outcome]] = {}
    for one in verdict.of(UNTESTED, MUTED):
        reason = one.reason.partition(" (")[0]
        groups.setdefault((one.rule, one.limit, reason), []).append(one)
    lines = []
    for (rule, limit, reason), outcomes in groups.items():
        names = [_untested_name(one) for one in outcomes]
        shown = ", ".join(names if everything else names[:MOST_NAMES])
        more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES and not everything else ""
        label = "muted" if outcomes[0].status == MUTED else "not tested"
        lines.append(f"{printable(rule.name)}, {rule.limit_text(limit)}: {label}: {shown}{more}: "
                     f"{printable(reason.removeprefix('muted '))}")
    return lines


def _untested_name(one: Outcome) -> str:
    """A class with what kept it from being tested; a muted one with its difference."""
    name = printable(one.class_name if one.class_name is not None else one.name)
    if one.status == MUTED:
        return name if one.difference is None or one.limit != MAX_DROP else f"{name} ({points(one.difference)} points)"
    if one.reason.startswith("fewer ground truths"):
        return f"{name} ({one.n_gt:,})"
    found = one.reason.partition(" (")[2].removesuffix(")")
    moved = "" if one.difference is None or one.limit != MAX_DROP else f"{points(one.difference)} points"
    details = ", ".join(text for text in (found, moved) if text)
    return f"{name} ({details})" if details else name
