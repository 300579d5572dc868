"""Bytes of an input: a file or stdin, gzip or plain, UTF-8 with or without BOM, told by content."""

import gzip
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

from deteval import timing
from deteval.errors import place, usage_error
from deteval.records.findings import Finding

STDIN = "-"
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Text:
    """UTF-8 bytes without BOM; `name` is what messages call the file, `size` its bytes on disk.

    start: how many bytes stood before them, so that messages count from the first byte of the file.
    """

    name: str
    data: bytes
    size: int
    start: int = 0

    def first_byte(self) -> bytes:
        """The first byte that is not white space; empty if there is none."""
        found = re.match(rb"[ \t\r\n]*(.)?", self.data, re.DOTALL)
        return (found[1] if found else None) or b""


def read_text(path: str | Path) -> Text | Finding:
    """The text of a file, or the finding that says why it is none; `DetevalError` (usage) if it cannot be read."""
    with timing.stage("read"):
        name = "stdin" if str(path) == STDIN else str(path)
        raw = _read_bytes(path)
        try:
            data = gzip.decompress(raw) if raw[:2] == GZIP else raw
        except EOFError:
            return _bad(name, "the gzip data ends early: the file was cut off; copy or write it again")
        except (gzip.BadGzipFile, zlib.error) as error:
            return _bad(name, f"the gzip data is damaged ({error}); copy or write it again")
        return _decoded(name, data, len(raw))


def _read_bytes(path: str | Path) -> bytes:
    try:
        if str(path) == STDIN:
            if sys.stdin is None:
                raise usage_error("stdin (-) is closed")
            return sys.stdin.buffer.read()
        return Path(path).read_bytes()
    except IsADirectoryError:
        raise usage_error(f"{path}: is a directory, a file is needed") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise usage_error(f"{path}: cannot be read: {reason}") from None


def _decoded(name: str, data: bytes, size: int) -> Text | Finding:
    if data[:2] == GZIP:
        return _bad(name, "holds gzip within gzip; unpack it once")
    if data[:4] == b"\0\0\0\0":
        return _bad(name, "begins with zero bytes: this is no text; copy or write the file again")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        return _bad(name, "the text is UTF-16 or UTF-32; save it as UTF-8")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            what = "the file is cut off within a character" if error.reason == "unexpected end of data" else \
                "save the text as UTF-8"
            return _bad(name, f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8; {what}")
    start = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    return Text(name, data[start:] if start else data, size, start)


def _bad(name: str, problem: str) -> Finding:
    return Finding("bad-encoding", 1, f"{place(name)}: {problem}")
