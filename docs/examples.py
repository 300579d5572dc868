"""Runs the examples of the documentation, and writes their output into it: `python docs/examples.py`.

In README.md and docs/**/*.md
- a ```console block holds commands after `$ ` and their output, both streams of it. `$ echo $?` shows the exit code. A
  line `...` stands for any lines; a block with such a line is checked but never rewritten.
- a ```bash block holds commands that must succeed; what they print is not looked at. Installation is left out.
- a ```python block is run after those before it on its page; what it prints stands in a ```text block right below it.
- a ```yaml block below a line that ends in `FILE`: is written to that file.
Everything runs in a folder of its own, in which `fixtures` and `configs` are those of the repository.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LINKED = ("fixtures", "configs")
INSTALLS = re.compile(r"python3 -m venv|\.venv/bin/")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text stands in its page."""

    page: Path
    language: str
    text: str
    start: int
    end: int
    line: int


def pages() -> list[Path]:
    """README.md and all pages under docs, the repository's own."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    content = page.read_text("utf-8")
    return [Block(page, found[1], found[2], found.start(2), found.end(2), content.count("\n", 0, found.start()) + 1)
            for found in _FENCE.finditer(content)]


def output_below(block: Block, following: Block | None) -> Block | None:
    """The ```text block that stands right below a Python block, if there is one."""
    if following is None or following.language != "text":
        return None
    between = block.page.read_text("utf-8")[block.end : following.start]
    return following if between.strip() == "```\n\n```text" else None


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """A new current folder that holds links to the data of the repository."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        for name in LINKED:
            (Path(folder) / name).symlink_to(ROOT / name)
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def run_console(text: str) -> str:
    """A console block as it comes out when its commands are run."""
    written: list[str] = []
    code = 0
    for line in text.splitlines():
        if not line.startswith("$ "):
            continue
        command = line[2:]
        if command == "echo $?":
            output = f"{code}\n"
        elif re.fullmatch(r"deteval [^|<>&;]*", command):
            output, code = run_deteval(command)
        else:
            output, code = run_shell(command)
        written += [line + "\n", output]
    return "".join(written)


def run_deteval(command: str) -> tuple[str, int]:
    """Output and exit code of a deteval command, run within this process."""
    import shlex

    from deteval.cli.main import run

    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        try:
            run(shlex.split(command)[1:])
        except SystemExit as end:
            return stream.getvalue(), int(end.code or 0)
    return stream.getvalue(), 0


def run_shell(command: str) -> tuple[str, int]:
    """Output and exit code of any command; `deteval` is that of this Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "PATH": path}, check=False)
    return done.stdout, done.returncode


def run_python(text: str, namespace: dict[str, Any]) -> str:
    """What a Python block prints."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        exec(compile(text, "<example>", "exec"), namespace)
    return stream.getvalue()


def file_of(block: Block) -> str | None:
    """The file that a YAML block stands for: named at the end of the line above it."""
    above = block.page.read_text("utf-8")[: block.start]
    named = re.search(r"`([\w./-]+\.ya?ml)`:\n\n```yaml\n\Z", above)
    return named[1] if named and block.language == "yaml" else None


def write_block(block: Block) -> None:
    """Write a YAML block to the file it stands for, if it stands for one."""
    name = file_of(block)
    if name is not None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(block.text, "utf-8")


def commands(block: Block) -> list[str]:
    """The commands of a ```bash block that are run, continued lines joined."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#") and not INSTALLS.search(line)]


def matches(expected: str, actual: str) -> bool:
    """Whether outputs are equal; a line `...` in the expected one stands for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "...\n" else re.escape(line)
                      for line in expected.splitlines(keepends=True))
    return re.fullmatch(pattern, actual) is not None


def run(page: Path, namespace: dict[str, Any]) -> Iterator[tuple[Block, str]]:
    """Runs the examples of a page; each block that shows output, with the output as it is now."""
    found = blocks(page)
    with working_folder():
        for block, following in zip(found, [*found[1:], None], strict=False):
            if block.language == "console":
                yield block, run_console(block.text)
            elif block.language == "bash":
                for command in commands(block):
                    output, code = run_shell(command)
                    assert code == 0, f"{page}:{block.line}: {command} exits with {code}:\n{output}"
            elif block.language == "yaml":
                write_block(block)
            elif block.language == "python":
                printed, below = run_python(block.text, namespace), output_below(block, following)
                assert below or not printed, f"{page}:{block.line}: prints {printed!r}, without a text block below"
                if below:
                    yield below, printed


def check(page: Path) -> dict[str, Any]:
    """Assert that the examples of a page come out as shown; the names that its Python defines."""
    namespace: dict[str, Any] = {"__name__": "example"}
    for block, actual in run(page, namespace):
        assert matches(block.text, actual), f"{page}:{block.line}: comes out as\n{actual}"
    return namespace


def updated(page: Path) -> str:
    """The page with the output of its examples as it is now."""
    content, shift = page.read_text("utf-8"), 0
    for block, actual in run(page, {"__name__": "example"}):
        if "...\n" not in block.text.splitlines(keepends=True):
            content = content[: block.start + shift] + actual + content[block.end + shift :]
            shift += len(actual) - len(block.text)
    return content


def main() -> None:
    """Rewrite every page whose examples come out differently."""
    for page in pages():
        content = updated(page)
        if content != page.read_text("utf-8"):
            page.write_text(content, "utf-8")
            sys.stdout.write(f"rewrote {page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
