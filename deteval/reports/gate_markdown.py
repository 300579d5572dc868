"""The verdict of a gate for a pull request or a step summary: GitHub-flavoured markdown, what passed folded away."""

import html
from collections.abc import Sequence

from deteval.records.gate import PASS, PASSED, UNDECIDED, Outcome, Verdict
from deteval.reports.gate_explanation import heading, sentences
from deteval.reports.gate_remarks import alpha_of, headline, left_untested, remarks, source
from deteval.reports.gate_rows import HEADING, failures, row, soft, undecidable
from deteval.reports.gate_words import sentence
from deteval.reports.layout import Look, printable
from deteval.reports.markdown import escape

MARKS = {PASS: "✅", UNDECIDED: "⚠️"}


def render_markdown(verdict: Verdict, look: Look, most: int | None = None) -> str:
    """The report; most: rows and lines of each section at the most, None for all."""
    alpha = alpha_of(verdict)
    blocks = [f"### {MARKS.get(verdict.status, '❌')} {escape(headline(verdict))}", escape(source(verdict))]
    for title, outcomes in (("Failed", failures(verdict)), ("Undecidable", undecidable(verdict))):
        blocks += _section(title, outcomes, alpha, look, most)
    lines = [*(f"undecidable: {text}" for text in verdict.problems),
             *(f"warning: {sentence(one, alpha)}" for one in soft(verdict)),
             *(f"warning: {text}" for text in verdict.warnings),
             *(f"{one.severity}: {one.message} ({one.code})" for one in verdict.findings)]
    blocks += _list(lines, most)
    blocks += _list([*left_untested(verdict, everything=most is None), *remarks(verdict)], most)
    if verdict.explanation is not None:
        texts = [text.removeprefix("- ") for text in sentences(verdict.explanation, look)]
        blocks += [f"<details><summary>{html.escape(heading(verdict.explanation))}</summary>", *_list(texts, most),
                   "</details>"]
    passed = list(verdict.of(PASSED))
    if passed:
        blocks += [f"<details><summary>{len(passed):,} passed</summary>", *_section("", passed, alpha, look, most),
                   "</details>"]
    blocks.append(f"`{verdict.signature}` ground truth `{verdict.fingerprint}`")
    return "\n\n".join(blocks) + "\n"


def _section(title: str, outcomes: Sequence[Outcome], alpha: float, look: Look, most: int | None) -> list[str]:
    """A heading, a table and sentences; nothing for no outcome."""
    if not outcomes:
        return []
    shown = outcomes[:most]
    rows = [HEADING, ["---"] * len(HEADING), *([escape(cell) for cell in row(one, look.digits)] for one in shown)]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
    more = [f"and {len(outcomes) - len(shown):,} more, left out for want of room"] if len(shown) < len(outcomes) else []
    sentences = "\n".join(f"- {escape(sentence(one, alpha))} `{_code(one.rule.place)}`" for one in shown)
    return [*([f"**{title}**"] if title else []), table, sentences, *more]


def _list(lines: Sequence[str], most: int | None) -> list[str]:
    if not lines:
        return []
    more = [f"and {len(lines) - most:,} more"] if most is not None and len(lines) > most else []
    return ["\n".join(f"- {escape(line)}" for line in [*lines[:most], *more])]


def _code(text: str) -> str:
    """A name within backticks, where nothing can be escaped."""
    return printable(text).replace("`", "'")
