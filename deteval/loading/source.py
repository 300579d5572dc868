"""Bytes of an input: a file or stdin, gzip or plain, UTF-8 with or without BOM, told by content."""

import mmap
import re
import sys
from pathlib import Path

import numpy as np
from msgspec import Struct

from deteval import timing
from deteval.errors import place, usage_error
from deteval.records.findings import Finding
from deteval.threads import map_chunks

STDIN = "-"
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
HIGH_BITS = 0x8080808080808080
WORDS_PER_CHUNK = 1 << 18


class Text(Struct, frozen=True):
    """UTF-8 bytes without BOM; `name` is what messages call the file, `size` its bytes on disk.

    start: how many bytes stood before them, so that messages count from the first byte of the file.
    """

    name: str
    data: bytes | mmap.mmap
    size: int
    start: int = 0

    def characters(self) -> str:
        """The whole text decoded."""
        return bytes(self.data).decode("utf-8")

    def first_byte(self) -> bytes:
        """The first byte that is not white space; empty if there is none."""
        found = re.match(rb"[ \t\r\n]*(.)?", self.data, re.DOTALL)
        return (found[1] if found else None) or b""


def read_text(path: str | Path, threads: int = 1) -> Text | Finding:
    """The text of a file, or the finding that says why it is none; `DetevalError` (usage) if it cannot be read."""
    with timing.stage("read"):
        name = "stdin" if str(path) == STDIN else str(path)
        raw = _read_bytes(path)
        data = _unpacked(name, raw) if raw[:2] == GZIP else raw
        return data if isinstance(data, Finding) else _decoded(name, data, len(raw), threads)


def _read_bytes(path: str | Path) -> bytes | mmap.mmap:
    """A file mapped into memory, which saves copying it; what cannot be mapped is read."""
    try:
        if str(path) == STDIN:
            if sys.stdin is None:
                raise usage_error("stdin (-) is closed")
            return sys.stdin.buffer.read()
        with Path(path).open("rb") as stream:
            try:
                return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError):  # empty, a pipe, a device
                return stream.read()
    except IsADirectoryError:
        raise usage_error(f"{path}: is a directory, a file is needed") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise usage_error(f"{path}: cannot be read: {reason}") from None


def _unpacked(name: str, raw: bytes | mmap.mmap) -> bytes | Finding:
    import gzip
    import zlib

    try:
        return gzip.decompress(raw)
    except EOFError:
        return _bad(name, "the gzip data ends early: the file was cut off; copy or write it again")
    except (gzip.BadGzipFile, zlib.error) as error:
        return _bad(name, f"the gzip data is damaged ({error}); copy or write it again")


def _decoded(name: str, data: bytes | mmap.mmap, size: int, threads: int) -> Text | Finding:
    if data[:2] == GZIP:
        return _bad(name, "holds gzip within gzip; unpack it once")
    if data[:4] == ZIP:
        return _bad(name, "is a zip archive, perhaps saved evidence, which compare and gate take; JSON is needed here")
    if data[:4] == b"\0\0\0\0":
        return _bad(name, "begins with zero bytes: this is no text; copy or write the file again")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        return _bad(name, "the text is UTF-16 or UTF-32; save it as UTF-8")
    if not is_ascii(data, threads):
        data = bytes(data)
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            what = "the file is cut off within a character" if error.reason == "unexpected end of data" else \
                "save the text as UTF-8"
            return _bad(name, f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8; {what}")
    start = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    return Text(name, data[start:] if start else data, size, start)  # a slice of a map is a copy


def is_ascii(data: bytes | mmap.mmap, threads: int) -> bool:
    """Whether no byte is above 127, looked at eight by eight."""
    words = np.frombuffer(data, np.uint64, len(data) // 8)
    parts = [words[start : start + WORDS_PER_CHUNK] for start in range(0, len(words), WORDS_PER_CHUNK)]
    union = int(np.bitwise_or.reduce(map_chunks(np.bitwise_or.reduce, parts, threads), initial=0)) if parts else 0
    return union & HIGH_BITS == 0 and bytes(data[8 * len(words) :]).isascii()


def _bad(name: str, problem: str) -> Finding:
    return Finding("bad-encoding", 1, f"{place(name)}: {problem}")
