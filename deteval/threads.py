"""The only thread pool: chunks of work in, results in the order of the chunks out."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def available_threads() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def map_chunks(function: Callable[[Chunk], Result], chunks: Sequence[Chunk], threads: int) -> list[Result]:
    """`[function(chunk) for chunk in chunks]` on up to `threads` threads.

    Chunks are taken in order and results keep that order, so the outcome is the same for every number of
    threads. With one thread, or one chunk, no thread is started. The first exception stops the rest and is raised.
    """
    workers = min(threads, len(chunks))
    if workers <= 1:
        return [function(chunk) for chunk in chunks]
    results: dict[int, Result] = {}
    failures: list[BaseException] = []
    pending = iter(enumerate(chunks))
    lock = threading.Lock()

    def work() -> None:
        while not failures:
            with lock:
                position, chunk = next(pending, (-1, None))
            if position < 0:
                return
            try:
                results[position] = function(chunk)  # type: ignore[arg-type]
            except BaseException as error:
                failures.append(error)

    helpers = [threading.Thread(target=work, daemon=True) for _ in range(workers - 1)]
    for helper in helpers:
        helper.start()
    try:
        work()
        for helper in helpers:
            helper.join()
    except BaseException as error:  # Ctrl-C in this thread: the others stop at their next chunk
        failures.append(error)
    if failures:
        raise failures[0]
    return [results[position] for position in range(len(chunks))]
