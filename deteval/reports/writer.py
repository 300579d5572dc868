"""The one place that writes results: to stdout, or to a file that is whole or not there at all."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from deteval.errors import usage_error


def check_target(path: str | Path, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse early (usage) what could not be written, or would overwrite an input."""
    target = Path(path)
    if target.exists() and not target.is_file() and not target.is_dir():  # a device or a pipe
        return
    for source in inputs:
        with contextlib.suppress(OSError):
            if target.samefile(source):
                raise usage_error(f"{path}: is an input too; write the result elsewhere")
    folder = target.resolve().parent
    if target.is_dir():
        raise usage_error(f"{path}: is a directory, a file name is needed")
    if not folder.is_dir():
        raise usage_error(f"{path}: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK):
        raise usage_error(f"{path}: the folder {folder} cannot be written to")


def write_file(path: str | Path, pieces: Iterable[str]) -> None:
    """Write to a temporary file beside the target and rename it there; on failure nothing is left behind."""
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):  # a device or a pipe is written in place
        with _usage_errors(path), Path(path).open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines(pieces)
        return
    import tempfile  # most results go to stdout

    target = Path(os.path.realpath(path))
    with _usage_errors(path):
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
                stream.writelines(pieces)
            os.chmod(temporary, target.stat().st_mode if target.exists() else 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


@contextlib.contextmanager
def _usage_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise usage_error(f"{path}: cannot be written: {error.strerror or error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
