"""Findings alone, for people and for programs."""

from collections.abc import Sequence
from typing import Any

from deteval.records.findings import ERROR, NOTE, WARNING, Finding
from deteval.reports.layout import Look
from deteval.reports.table import findings_lines

SCHEMA = "deteval.check/1"


def findings_dict(findings: Sequence[Finding], files: Sequence[str]) -> dict[str, Any]:
    """The JSON object of `deteval check`."""
    return {"schema": SCHEMA, "inputs": list(files), **_summary(findings),
            "findings": [finding.to_dict() for finding in findings]}


def findings_report(findings: Sequence[Finding], look: Look) -> str:
    """A line per finding, errors first, and how many there are."""
    if not findings:
        return "nothing found\n"
    counts = ", ".join(f"{number} {name if number != 1 else name.removesuffix('s')}"
                       for name, number in _summary(findings).items() if number)
    return "\n".join([*findings_lines(findings, look), counts]) + "\n"


def _summary(findings: Sequence[Finding]) -> dict[str, int]:
    return {f"{severity}s": sum(finding.severity == severity for finding in findings)
            for severity in (ERROR, WARNING, NOTE)}
