"""A file that is written whole or not at all."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from deteval.errors import usage_error


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A stream of bytes to a temporary file beside the target, which is renamed there once all went well.

    On failure nothing is left behind. Errors of the system become `DetevalError` (usage).
    """
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):  # a device or a pipe is written in place
            with Path(path).open("wb") as stream:
                yield stream
            return
        with _renamed_at_end(Path(os.path.realpath(path))) as stream:
            yield stream
    except OSError as error:
        raise usage_error(f"{path}: cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def _renamed_at_end(target: Path) -> Iterator[BinaryIO]:
    import tempfile  # most results go to stdout

    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        os.chmod(temporary, target.stat().st_mode if target.exists() else 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
