"""Command lines of `deteval check` with what they print: a gold file beside each folder of fixtures.

Run as a program, it writes the transcripts anew, to be read before they are committed.
"""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deteval.cli.main import _exit_code

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
PROMPT = "$ deteval check "


@dataclass(frozen=True)
class Transcript:
    """Arguments of one command, run in its folder, the lines it prints and its exit code."""

    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    code: int

    @property
    def name(self) -> str:
        return " ".join(self.arguments)

    @property
    def findings(self) -> tuple[str, ...]:
        """The lines that are findings, as `error: FILE: ... [code]`."""
        return tuple(line for line in self.lines if line.startswith(("error: ", "warning: ", "note: ")))

    @property
    def codes(self) -> list[str]:
        return [code_of(line) for line in self.findings]


def code_of(line: str) -> str:
    """The code at the end of a finding's line."""
    return line.rpartition("[")[2].rstrip("]")


def read_transcripts(folder: str) -> list[Transcript]:
    """The transcripts of a folder of fixtures."""
    transcripts = []
    for block in (FIXTURES / folder / "check.txt").read_text("utf-8").split(PROMPT)[1:]:
        command, *lines = block.strip().split("\n")
        transcripts.append(Transcript(tuple(command.split()), tuple(lines[:-1]), int(lines[-1].removeprefix("exit "))))
    return transcripts


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line, in this process and folder."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = _exit_code(list(arguments))
    return code, out.getvalue(), err.getvalue()


def write_transcripts(folder: str) -> None:
    """Write the transcripts of a folder anew, from the commands that stand there."""
    commands = [transcript.arguments for transcript in read_transcripts(folder)]
    os.chdir(FIXTURES / folder)
    blocks = []
    for arguments in commands:
        code, out, err = run("check", *arguments)
        blocks.append(f"{PROMPT}{' '.join(arguments)}\n{out}{err}exit {code}\n")
    Path("check.txt").write_text("\n".join(blocks), "utf-8")


if __name__ == "__main__":
    for one in sys.argv[1:] or ("broken", "hints"):
        write_transcripts(one)
