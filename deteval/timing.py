"""Seconds spent by stage (read, decode, join, match, measure, report), kept only while somebody asked for them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_seconds: ContextVar[dict[str, float] | None] = ContextVar("deteval_seconds", default=None)


@contextmanager
def collect() -> Iterator[dict[str, float]]:
    """Within this context every `stage` adds its seconds to the mapping that is handed out."""
    seconds: dict[str, float] = {}
    token = _seconds.set(seconds)
    try:
        yield seconds
    finally:
        _seconds.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Count the time spent inside to the stage `name`."""
    seconds = _seconds.get()
    if seconds is None:
        yield
        return
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
