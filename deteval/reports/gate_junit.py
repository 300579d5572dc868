"""The verdict of a gate as a JUnit report, which GitLab, Jenkins and others show: a case per rule, class and slice."""

from typing import TYPE_CHECKING, Any

from deteval.errors import usage_error
from deteval.records.gate import FAILED, MUTED, UNDECIDABLE, UNTESTED, Outcome, Verdict
from deteval.reports.gate_remarks import alpha_of
from deteval.reports.gate_words import sentence
from deteval.reports.layout import printable

if TYPE_CHECKING:
    from junitparser import TestCase


def check_junit() -> None:
    """Refuse (usage) a report that could not be written in the end."""
    from importlib.util import find_spec

    if find_spec("junitparser") is None:
        raise usage_error("junit: the package junitparser is not installed; pip install 'deteval[gate]', or "
                          "pip install junitparser")


def junit_text(verdict: Verdict) -> str:
    """The XML document: failed is a failure, undecidable an error, untested and muted are skipped; level warn passes
    with what it says in the output of the case.
    """
    from junitparser import Error, JUnitXml, TestCase, TestSuite

    suite = TestSuite("deteval gate")
    suite.add_testcases([_case(one, verdict) for one in verdict.outcomes])
    if verdict.problems and not verdict.of(UNDECIDABLE):
        case = TestCase("baseline", classname="comparison")
        case.result = [Error(printable("; ".join(verdict.problems)), "undecidable")]
        suite.add_testcases([case])
    suite.add_property("signature", printable(verdict.signature))
    suite.add_property("fingerprint", printable(verdict.fingerprint))
    report: Any = JUnitXml("deteval gate")  # not all of it is typed
    report.add_testsuite(suite)
    report.update_statistics()
    document: bytes = report.tostring()
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + str(document, "utf-8") + "\n"


def _case(one: Outcome, verdict: Verdict) -> "TestCase":
    """One outcome as a test case; the class name is the rule, so that viewers group the classes of a family."""
    from junitparser import Error, Failure, Skipped, TestCase

    text = sentence(one, alpha_of(verdict))
    rule = printable(f"{one.rule.name} {one.rule.limit_text(one.limit)}")
    case = TestCase(printable(one.name), classname=rule, time=0.0)
    case.system_out = f"{printable(one.rule.place)}: {text}"
    if one.status == FAILED and one.counts:
        case.result = [Failure(text, FAILED)]
    elif one.status == UNDECIDABLE and one.counts:
        case.result = [Error(text, UNDECIDABLE)]
    elif one.status in (UNTESTED, MUTED):
        case.result = [Skipped(text)]
    return case
