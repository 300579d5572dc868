"""The verdict of a gate for a person at a terminal or in a build log: what failed first, the rest folded."""

from deteval.records.gate import PASS, PASSED, UNDECIDED, Outcome, Verdict
from deteval.reports.gate_explanation import heading, is_shown, sentences
from deteval.reports.gate_remarks import alpha_of, headline, left_untested, remarks, source
from deteval.reports.gate_rows import HEADING, failures, row, soft, undecidable
from deteval.reports.gate_words import sentence
from deteval.reports.layout import BOLD, DIM, RED, YELLOW, Look, columns, printable, wrapped
from deteval.reports.table import findings_lines

GREEN = "32"
MOST_SENTENCES = 10
"""A family of many classes says enough in its table."""
DROPPED_FIRST = ("mode", "n_gt", "interval", "baseline")
"""Columns that a narrow screen loses first."""


def render_table(verdict: Verdict, look: Look, verbose: bool = False) -> str:
    """The whole report as text; verbose: with every test that passed, and all that was left untested."""
    alpha = alpha_of(verdict)
    about = f"{source(verdict)}\n{verdict.signature}\nground truth {verdict.fingerprint}"
    lines = [*_verdict_lines(verdict, look), *(look.style(line, DIM) for line in wrapped(about, look))]
    if verdict.findings:  # what is odd about the input may explain everything below
        lines += ["", *findings_lines(verdict.findings, look)]
    failed, open_, warned = failures(verdict), undecidable(verdict), soft(verdict)
    for title, outcomes, colour in (("failed", failed, RED), ("undecidable", open_, YELLOW)):
        if outcomes:
            lines += ["", look.style(title, BOLD), *_section(outcomes, alpha, look, colour, verbose)]
    lines += _explanation(verdict, look, verbose)
    problems = [f"undecidable: {printable(text)}" for text in verdict.problems
                if not any(text == one.reason for one in open_)]
    lines += ["", *(line for text in problems for line in wrapped(text, look))] if problems else []
    warnings = [*_shortened([f"warning: {sentence(one, alpha)}" for one in warned], verbose),
                *(f"warning: {printable(text)}" for text in verdict.warnings)]
    if warnings:
        lines += ["", *(_coloured(line, look) for text in warnings for line in wrapped(text, look))]
    notes = [*left_untested(verdict, verbose), *remarks(verdict)]
    lines += ["", *(line for text in notes for line in wrapped(text, look))] if notes else []
    return "\n".join([*lines, *_passed(verdict, alpha, look, verbose)]) + "\n"


def _verdict_lines(verdict: Verdict, look: Look) -> list[str]:
    first, *rest = wrapped(headline(verdict), look)
    status, colon, text = first.partition(":")
    colour = {PASS: GREEN, UNDECIDED: YELLOW}.get(verdict.status, RED)
    return [look.style(status, f"{BOLD};{colour}") + colon + text, *rest]


def _coloured(line: str, look: Look) -> str:
    mark, colon, text = line.partition("warning:")
    return look.style(colon.rstrip(":"), YELLOW) + colon[-1:] + text if colon and not mark else line


def _shortened(lines: list[str], verbose: bool) -> list[str]:
    """The first ten, and how many more there are."""
    if verbose or len(lines) <= MOST_SENTENCES:
        return lines
    return [*lines[:MOST_SENTENCES], f"and {len(lines) - MOST_SENTENCES:,} more like these; --verbose shows them"]


def _section(outcomes: list[Outcome], alpha: float, look: Look, colour: str, verbose: bool) -> list[str]:
    """Outcomes as a table, then in words."""
    rows = [HEADING, *(row(one, look.digits) for one in outcomes)]
    kept = [i for i in range(len(HEADING)) if any(cells[i] for cells in rows[1:])]
    rows = [[cells[i] for i in kept] for cells in rows]
    optional = [rows[0].index(name) for name in DROPPED_FIRST if name in rows[0]]
    lines = columns(rows, look, left=2, names=0, optional=optional)
    texts = [f"{printable(one.rule.place)}: {sentence(one, alpha)}" for one in outcomes]
    return [lines[0], *(look.style(line, colour) for line in lines[1:]),
            *(line for text in _shortened(texts, verbose) for line in wrapped(text, look))]


def _explanation(verdict: Verdict, look: Look, verbose: bool) -> list[str]:
    """Why AP moved, where a reader has reason to ask."""
    if verdict.explanation is None or not is_shown(verdict, verbose):
        return []
    lines = [line for text in sentences(verdict.explanation, look) for line in wrapped(text, look)]
    return ["", look.style(heading(verdict.explanation), BOLD), *lines]


def _passed(verdict: Verdict, alpha: float, look: Look, verbose: bool) -> list[str]:
    passed = verdict.of(PASSED)
    if not passed:
        return []
    if not verbose:
        return [look.style(f"{len(passed):,} passed; --verbose shows them", DIM)]
    table = columns([HEADING, *(row(one, look.digits) for one in passed)], look, left=3)
    sentences = [line for one in passed for line in wrapped(sentence(one, alpha), look)]
    return ["", look.style("passed", BOLD), *table, *sentences]
