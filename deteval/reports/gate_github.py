"""What GitHub shows of a gate: annotations, as workflow commands, and the step summary."""

import os
from collections.abc import Iterator

from deteval.records.gate import Verdict
from deteval.reports.gate_markdown import render_markdown
from deteval.reports.gate_remarks import alpha_of, headline
from deteval.reports.gate_rows import failures, soft, undecidable
from deteval.reports.gate_words import sentence
from deteval.reports.layout import Look, printable
from deteval.reports.writer import append_file

MOST_ANNOTATIONS = 10
"""GitHub shows ten of each level and step, and drops the rest without a word."""
MOST_BYTES = 1 << 20
"""A step summary beyond 1 MiB is refused as a whole."""


def annotations(verdict: Verdict) -> list[str]:
    """Workflow commands, failures first, ten at the most; the last says how many more there are."""
    found = list(_all_annotations(verdict))
    if len(found) > MOST_ANNOTATIONS:
        more = len(found) - MOST_ANNOTATIONS + 1
        level = "error" if found[MOST_ANNOTATIONS - 1].startswith("::error") else "warning"
        rest = _command(level, "deteval gate", f"and {more:,} more: see the log, or the step summary")
        found = [*found[: MOST_ANNOTATIONS - 1], rest]
    return found


def _all_annotations(verdict: Verdict) -> Iterator[str]:
    alpha = alpha_of(verdict)
    for one in failures(verdict):
        yield _command("error", f"deteval gate: {one.name}", sentence(one, alpha), one.rule.place, one.rule.line)
    for text in verdict.problems:
        yield _command("error", "deteval gate: undecidable", text)
    for one in undecidable(verdict):
        if one.reason not in verdict.problems:
            yield _command("error", f"deteval gate: {one.name}", sentence(one, alpha), one.rule.place, one.rule.line)
    if not verdict.tests and not verdict.problems and not undecidable(verdict):
        yield _command("error", "deteval gate", headline(verdict))
    for one in soft(verdict):
        yield _command("warning", f"deteval gate: {one.name}", sentence(one, alpha), one.rule.place, one.rule.line)
    for text in verdict.warnings:
        yield _command("warning", "deteval gate", text)


def _command(level: str, title: str, message: str, place: str = "", line: int = 0) -> str:
    """A workflow command; with the line of the rule where it stands in a file."""
    where = f"file={_property(place.removesuffix(f':{line}'))},line={line}," if line else ""
    return f"::{level} {where}title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """A message, so that nothing in it ends the command or begins another."""
    lines = "\n".join(printable(line) for line in text.split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def harmless(text: str, is_json: bool = False) -> str:
    """A report for the log of a step, so that no name in it is taken for a workflow command.

    GitHub reads `::name::` at the beginning of a line, and its older `##[name]` anywhere. JSON stays the same document.
    """
    if is_json:
        return text.replace("##[", "\\u0023#[")
    lines = (line.replace("::", ":\u200b:", 1) if line.lstrip().startswith("::") else line for line in text.split("\n"))
    return "\n".join(lines).replace("##[", "#\u200b#[")


def write_summary(path: str, verdict: Verdict, look: Look) -> None:
    """Append the report to GitHub's file, shortened so that all of it stays below 1 MiB."""
    used = os.path.getsize(path) if os.path.exists(path) else 0
    append_file(path, summary_text(verdict, look, MOST_BYTES - used - 1))


def summary_text(verdict: Verdict, look: Look, room: int) -> str:
    """The markdown report in at most `room` bytes: ever fewer rows, at last the verdict line alone, or nothing."""
    most = None
    while most != 0:
        text = render_markdown(verdict, look, most)
        size = _size(text)
        if size <= room:
            return text
        longest = max(len(verdict.outcomes), len(verdict.warnings)) if most is None else most
        most = int(longest * min(0.9, max(room, 0) / size))
    line = headline(verdict) + "\n"
    return line if _size(line) <= room else ""


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))
