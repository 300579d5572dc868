"""The outcomes of a gate as rows of a table, and which of them stand in which section."""

from deteval.records.gate import FAILED, MAX_RISE, MINIMUM, PLAIN, UNDECIDABLE, UNPROVEN, Outcome, Verdict
from deteval.reports.inference_words import points
from deteval.reports.layout import printable

HEADING = ["what", "demand", "mode", "value", "baseline", "difference", "interval", "n_gt"]


def deciding(verdict: Verdict, status: str) -> list[Outcome]:
    """The outcomes with a status that decide the verdict."""
    return [outcome for outcome in verdict.of(status) if outcome.counts]


def failures(verdict: Verdict) -> list[Outcome]:
    """What makes the gate fail, by rule; the classes of a rule by difference, the worst first."""
    rules = list(dict.fromkeys(one.rule for one in verdict.outcomes))
    return sorted(deciding(verdict, FAILED), key=lambda one: (rules.index(one.rule), one.difference or 0.0))


def undecidable(verdict: Verdict) -> list[Outcome]:
    """What cannot be decided, and counts."""
    return deciding(verdict, UNDECIDABLE)


def soft(verdict: Verdict) -> list[Outcome]:
    """What is a warning only: rules of level warn, drops that are not proven."""
    return [one for one in verdict.outcomes if one.status == UNPROVEN
            or (one.status in (FAILED, UNDECIDABLE) and not one.counts)]


def row(one: Outcome, digits: int) -> list[str]:
    """An outcome as a row: what, demand, mode, value, baseline, difference, interval, ground truths."""
    n_gt = "" if one.n_gt is None else f"{one.n_gt:,}"
    return [printable(one.name), one.rule.limit_text(one.limit), "" if one.mode in ("", PLAIN) else one.mode,
            *_value_cells(one, digits), n_gt]


def _value_cells(one: Outcome, digits: int) -> list[str]:
    """Value, baseline, difference and interval; differences of metrics in points."""
    total = one.limit == MAX_RISE
    numbers = ["n/a" if value is None else f"{value:,.0f}" if total else f"{value:.{digits}f}"
               for value in (one.value, one.base)]
    if one.limit == MINIMUM:
        return [numbers[0], "", "", ""]
    if one.difference is None:
        return [*numbers, "", ""]
    sign = "+" if one.difference > 0 else ""
    difference = f"{sign}{one.difference:,.0f}" if total else f"{sign}{points(one.difference)}"
    found = one.estimate
    interval = "" if found is None or found.low is None or found.high is None else \
        f"{points(found.low)} to {points(found.high)}"
    return [*numbers, difference, interval]
