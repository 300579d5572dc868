"""The verdict of a gate for programs, at full precision."""

from typing import Any

from deteval.records.gate import FAIL, PASS, Outcome, Verdict
from deteval.reports.gate_explanation import explanation_dict
from deteval.reports.gate_remarks import alpha_of, headline, remarks
from deteval.reports.gate_words import sentence

SCHEMA = "deteval.gate/1"


def gate_dict(verdict: Verdict) -> dict[str, Any]:
    """The JSON object; `deteval/gate.schema.json` describes it."""
    used = verdict.resampling
    clusters = None
    if used is not None and verdict.units is not None and verdict.units.cluster is not None:
        clusters = {"by": used.cluster_by, "count": verdict.units.count}
    return {
        "schema": SCHEMA,
        "verdict": verdict.status,
        "exit_code": {PASS: 0, FAIL: 1}.get(verdict.status, 4),
        "headline": headline(verdict),
        "model": verdict.model,
        "baseline": verdict.baseline or None,
        "signature": verdict.signature,
        "fingerprint": verdict.fingerprint,
        "inference": None if used is None else {
            "replicates": used.replicates, "seed": used.seed, "alpha": used.alpha, "correction": used.correct,
            "clusters": clusters},
        "tests": len(verdict.tests),
        "problems": list(verdict.problems),
        "outcomes": [_outcome_dict(one, alpha_of(verdict)) for one in verdict.outcomes],
        "warnings": list(verdict.warnings),
        "remarks": remarks(verdict),
        "findings": [finding.to_dict() for finding in verdict.findings],
        "explanation": explanation_dict(verdict.explanation),
    }


def _outcome_dict(one: Outcome, alpha: float) -> dict[str, Any]:
    found = one.estimate
    return {
        "status": one.status, "level": one.rule.level, "rule": one.rule.place, "demand": one.rule.limit_text(one.limit),
        "metric": None if one.rule.metric is None else str(one.rule.metric), "total": one.rule.total or None,
        "class": one.class_name, "class_id": one.class_id, "slice": one.rule.slice or None, "mode": one.mode or None,
        "value": one.value, "baseline": one.base, "difference": one.difference, "tolerance": one.tolerance,
        "low": None if found is None else found.low, "high": None if found is None else found.high,
        "p_value": None if found is None else found.p_value,
        "standard_error": None if found is None else found.standard_error,
        "detectable": None if found is None else found.detectable,
        "n_gt": one.n_gt, "reason": one.reason, "message": sentence(one, alpha),
    }
