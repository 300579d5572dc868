"""Where results and remarks go: result on stdout or in a file, everything else on stderr."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deteval.records.findings import Finding
    from deteval.reports.layout import Look


def make_look(digits: int, output: str | None) -> "Look":
    """Width and colour of the terminal; neither in a pipe or a file, no colour under NO_COLOR."""
    from deteval.reports.layout import Look

    terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
    if not terminal:
        return Look(digits=digits)
    import shutil

    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Look(width=shutil.get_terminal_size().columns, colour=colour, digits=digits)


def deliver(text: str, output: str | None, quiet: bool) -> None:
    """The result to its file, or to stdout."""
    from deteval.reports.writer import write_file, write_stdout

    if output in (None, "-"):
        write_stdout(text)
        return
    assert output is not None
    write_file(output, [text])
    remark(f"wrote {output}", quiet)


def say(text: str) -> None:
    """A line on stderr; a terminal, which would break it within words, gets it wrapped."""
    if sys.stderr is not None and sys.stderr.isatty():
        import shutil
        import textwrap

        width = max(shutil.get_terminal_size().columns, 20)
        text = "\n".join(part for line in text.split("\n") for part in textwrap.wrap(
            line, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False) or [""])
    _write(text + "\n")


def _write(text: str) -> None:
    """Text on stderr. Where nobody reads it any more, that changes neither the result nor the exit code."""
    try:
        click.echo(text, err=True, nl=False)
    except (OSError, ValueError):  # a pipe that was closed, a full disk, a closed stream
        sys.stderr = None


def remark(text: str, quiet: bool) -> None:
    """A line on stderr."""
    if not quiet:
        say(text)


@contextmanager
def progress(what: str, quiet: bool) -> Iterator[Callable[[float], None]]:
    """A line on stderr that shows the share done, 0 to 1, and after a while the time that is left; it is wiped at the
    end. Nothing outside a terminal.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda share: None
        return
    from time import monotonic

    start, shown = monotonic(), ""

    def show(share: float) -> None:
        nonlocal shown
        share = min(max(share, 0.0), 1.0)
        text = f"{what} {share:4.0%}{_time_left(share, monotonic() - start)}"
        if text != shown:
            shown = text  # before it is written: Ctrl-C may come in between
            _write(f"\r{text}\x1b[K")

    try:
        yield show
    finally:
        if shown:
            _write("\r\x1b[K")


def _time_left(share: float, seconds: float) -> str:
    """`, 12 s left` from the seconds that a share took; nothing at first, when that would be guessed, and at the end.
    """
    if seconds < 1 or share < 0.02 or share >= 1:
        return ""
    left = math.ceil(seconds / share - seconds)
    if left < 100:
        return f", {left} s left"
    minutes = math.ceil(left / 60)
    return f", {minutes} min left" if minutes < 100 else f", {minutes // 60} h {minutes % 60} min left"


def remark_kernels(quiet: bool) -> None:
    """Say, once and before anything is scored, that kernels are compiled on use without having been asked to."""
    from deteval.kernels.compiled import ASKED_FOR, mode

    where, why = mode()
    if where == "jit" and why != ASKED_FOR:
        remark(f"kernels are compiled on use, the first run takes longer: {why}", quiet)


def remark_findings(findings: "Sequence[Finding]", not_comparable: "Sequence[str]", quiet: bool) -> None:
    """Findings, and why numbers do not compare, on stderr, where the result itself does not show them there."""
    from deteval.reports.layout import Look
    from deteval.reports.table import findings_lines

    for line in [*findings_lines(findings, Look()), *(f"not comparable to COCO: {why}" for why in not_comparable)]:
        remark(line, quiet)


def remark_timings(seconds: dict[str, float], quiet: bool) -> None:
    """Seconds by stage on stderr."""
    stages = ("read", "decode", "join", "match", "measure", "report")
    remark("  ".join(f"{name} {seconds.get(name, 0.0):.3f} s" for name in stages), quiet)
