"""The one place that writes reports: to stdout, or to a file that is whole or not there at all."""

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from deteval.errors import usage_error


def check_target(path: str | Path, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse early (usage) what could not be written, or would overwrite an input."""
    if not str(path):
        raise usage_error("'' is not the name of a file to write to")
    target = Path(path)
    if os.path.exists(path) and not target.is_file() and not target.is_dir():  # a device or a pipe
        return
    if is_one_of(path, inputs):
        raise usage_error(f"{path}: is an input too; write the result elsewhere")
    folder = Path(os.path.realpath(path)).parent
    if os.path.isdir(path):
        raise usage_error(f"{path}: is a directory, a file name is needed")
    if not os.path.isdir(folder):
        raise usage_error(f"{path}: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK):
        raise usage_error(f"{path}: the folder {folder} cannot be written to")


def is_one_of(path: str | Path, inputs: Iterable[str | Path]) -> bool:
    """Whether a path leads to one of the files, however each is spelled; one that is not there is none."""
    for source in inputs:
        with contextlib.suppress(OSError, ValueError):
            if os.path.samefile(path, source):
                return True
    return False


def write_file(path: str | Path, pieces: Iterable[str | bytes]) -> None:
    """Write a text to a file, whole or not at all; pieces of bytes as they are."""
    from deteval.whole_file import whole_file  # most results go to stdout

    with whole_file(path) as stream:
        for piece in pieces:
            stream.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace"))


def write_stdout(text: str) -> None:
    """Write to stdout; a reader that has gone away, as `head` does, is no error."""
    if sys.stdout is None:
        raise usage_error("stdout is closed; -o FILE writes to a file")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        _forget_stdout()
        raise usage_error(f"stdout: cannot be written: {error.strerror or error}") from None


def _forget_stdout() -> None:
    """Send to nowhere what is still buffered, so that the interpreter does not fail over it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def append_file(path: str | Path, text: str) -> None:
    """Add a text to the end of a file that another program reads later."""
    try:
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        raise usage_error(f"{path}: cannot be written: {error.strerror or error}") from None
