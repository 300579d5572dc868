"""The rules of a gate, one limit after the other, on the numbers of both sides."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from deteval.gating.decision import decide
from deteval.gating.parts import Part
from deteval.inference.paired import estimate, estimate_classes
from deteval.measures import find_class
from deteval.records.dataset import Ints
from deteval.records.gate import (
    FAILED,
    MAX_DROP,
    MAX_RISE,
    MINIMUM,
    MUTED,
    PASSED,
    PLAIN,
    SIGNIFICANT,
    SLACK,
    TESTED,
    UNDECIDABLE,
    UNTESTED,
    Outcome,
    Rule,
)
from deteval.records.metric import Metric, resolve
from deteval.records.resampling import Estimate


def judge_rule(rule: Rule, classes: tuple[int, ...] | None, named: frozenset[int], part: Part) -> list[Outcome]:
    """The outcomes of all limits of a rule."""
    if rule.max_rise is not None:
        return [_judge_total(rule, part)]
    limits = [limit for limit, value in ((MINIMUM, rule.minimum), (MAX_DROP, rule.max_drop)) if value is not None]
    if classes is None:
        return [_judge_metric(rule, limit, part) for limit in limits]
    return [outcome for limit in limits for outcome in _judge_classes(rule, limit, classes, named, part)]


def _judge_total(rule: Rule, part: Part) -> Outcome:
    assert rule.max_rise is not None
    value = float(part.new.totals[rule.total])
    outcome = Outcome(rule, MAX_RISE, UNDECIDABLE, value=value)
    if part.base is None:
        return replace(outcome, reason="; ".join(part.problems))
    base = part.base.totals.get(rule.total)
    if base is None:
        return replace(outcome, reason=f"the baseline does not hold the total {rule.total}")
    allowed = rule.max_rise.allowed(base)
    status = FAILED if value - base > allowed + SLACK * max(1.0, allowed) else PASSED
    return replace(outcome, status=status, base=base, tolerance=allowed)


def _judge_metric(rule: Rule, limit: str, part: Part) -> Outcome:
    """A limit on a metric over all classes, or on that of one class."""
    metric = rule.metric
    assert metric is not None
    value, reason = part.new.value(metric)
    outcome = Outcome(rule, limit, UNDECIDABLE, mode=_mode(rule, part) if limit == MAX_DROP else "", value=value,
                      reason=reason, n_gt=_n_gt(metric, part))
    if value is None:
        return outcome
    if limit == MAX_DROP and part.base is None:
        return replace(outcome, reason="; ".join(part.problems))
    if limit == MAX_DROP and part.base is not None:
        base, reason = part.base.value(metric)
        outcome = replace(outcome, base=base, reason=reason)
        if base is None:
            return outcome
    muted = None if metric.category is None else part.targets.muted.get(find_class(metric, part.run.evidence))
    if muted:
        return replace(outcome, status=MUTED, reason=f"muted until {muted.until}: {muted.reason}")
    if limit == MINIMUM:
        return _floor(outcome)
    if outcome.mode == PLAIN:
        return _decided(outcome, None)
    assert part.paired is not None
    return _decided(outcome, estimate(part.paired, metric))


def _mode(rule: Rule, part: Part) -> str:
    """How a drop is tested: as asked, or significant where paired evidence exists, else plain."""
    return rule.mode or (PLAIN if part.paired is None else SIGNIFICANT)


def _floor(outcome: Outcome) -> Outcome:
    assert outcome.rule.minimum is not None
    assert outcome.value is not None
    status = PASSED if outcome.value >= outcome.rule.minimum - SLACK else FAILED
    return replace(outcome, status=status, reason="")


def _decided(outcome: Outcome, found: Estimate | None) -> Outcome:
    """A drop against its tolerance, with the estimate of the pair in every mode but plain."""
    value, base, limit = outcome.value, outcome.base, outcome.rule.max_drop
    assert value is not None  # the caller found both sides defined
    assert base is not None
    assert limit is not None
    tolerance = limit.allowed(base)
    outcome = replace(outcome, tolerance=tolerance, estimate=found, reason="")
    if found is not None and found.low is None and not found.identical:
        return replace(outcome, status=UNDECIDABLE, reason=found.reason)
    status = decide(outcome.mode, base - value, tolerance, found)
    return replace(outcome, status=status)


def _n_gt(metric: Metric, part: Part) -> int:
    """Ground truths that count for a metric."""
    counts = _class_counts(metric, part)
    return int(counts.sum() if metric.category is None else counts[find_class(metric, part.run.evidence)])


def _class_counts(metric: Metric, part: Part) -> Ints:
    """Ground truths of every class that count in the metric's area range."""
    evidence = part.run.evidence
    kept = ~evidence.gt_ignored[:, resolve(metric, evidence.params).area]
    counts: Ints = np.bincount(evidence.gt_category[kept], minlength=len(evidence.categories))
    return counts


def _judge_classes(rule: Rule, limit: str, chosen: tuple[int, ...], named: frozenset[int], part: Part,
                   ) -> list[Outcome]:
    """A limit on each class of a rule; with intervals they are one family."""
    metric = rule.metric
    assert metric is not None
    mode = _mode(rule, part) if limit == MAX_DROP else ""
    whole = Outcome(rule, limit, UNDECIDABLE, mode=mode)
    if limit == MAX_DROP and part.base is None:
        return [replace(whole, reason="; ".join(part.problems))]
    if limit == MAX_DROP and part.base is not None and str(metric) not in part.base.classes:
        return [replace(whole, reason=f"the baseline does not hold {metric} by class; save its evidence with deteval "
                                      "score --save-evidence")]
    counts = _class_counts(metric, part)
    outcomes = [_class_outcome(whole, position, int(counts[position]), position in named, part) for position in chosen]
    tested = [place for place, outcome in enumerate(outcomes) if outcome.status == PASSED]
    if limit == MAX_DROP and mode != PLAIN and tested:
        assert part.paired is not None
        family = estimate_classes(part.paired, metric, [chosen[place] for place in tested])
        for place, one in zip(tested, family, strict=True):
            found = _decided(outcomes[place], one.estimate)
            outcomes[place] = replace(found, status=UNTESTED) if found.status == UNDECIDABLE else found
    else:
        for place in tested:
            outcomes[place] = _floor(outcomes[place]) if limit == MINIMUM else _decided(outcomes[place], None)
    if not any(outcome.status in (*TESTED, MUTED, UNDECIDABLE) for outcome in outcomes):
        outcomes.append(replace(whole, reason="nothing is left to test: " + _left_out(outcomes)))
    return outcomes


def _class_outcome(whole: Outcome, position: int, n_gt: int, by_name: bool, part: Part) -> Outcome:
    """One class before it is tested: passed stands for none of the reasons against a test."""
    rule, categories = whole.rule, part.run.evidence.categories
    metric, key = rule.metric, categories.ids[position]
    assert metric is not None
    outcome = replace(
        whole, status=PASSED, class_id=key if isinstance(key, str) else int(key), class_name=categories.names[position],
        value=part.new.classes[str(metric)][position], n_gt=n_gt,
        base=part.base.classes[str(metric)][position] if part.base is not None and whole.limit == MAX_DROP else None)
    muted = part.targets.muted.get(position)
    if muted:
        return replace(outcome, status=MUTED, reason=f"muted until {muted.until}: {muted.reason}")
    if n_gt < rule.min_gt:
        return replace(outcome, status=UNTESTED, reason=f"fewer ground truths than min_gt {rule.min_gt:,}")
    if outcome.value is None or (whole.limit == MAX_DROP and outcome.base is None):
        reason = "no ground truth that counts" if not n_gt else "undefined"
        return replace(outcome, status=UNDECIDABLE if by_name or n_gt else UNTESTED, reason=reason)
    return outcome


def _left_out(outcomes: Sequence[Outcome]) -> str:
    """How many classes were left out, by reason."""
    reasons: dict[str, int] = {}
    for outcome in outcomes:
        reason = outcome.reason.partition(" (")[0]
        reasons[reason] = reasons.get(reason, 0) + 1
    return ", ".join(f"{count:,} with {reason}" if reason.startswith(("fewer", "no ", "too few")) else
                     f"{count:,} {reason}" for reason, count in reasons.items())
