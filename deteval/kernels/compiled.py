"""How a kernel becomes machine code; the only import of numba.

A kernel is called from Python: its signature stands beside it, it takes one-dimensional contiguous arrays and
scalars, returns an int64, writes into arrays that the caller allocated, never allocates and never raises, so that
it can be compiled ahead of time. A helper is called by kernels and is inlined into them.
"""

from collections.abc import Callable
from typing import Any

import numba

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Options of every kernel: other threads run meanwhile, 0/0 is NaN as in numpy, and never fast-math."""


def kernel(signature: str) -> Callable[[Callable[..., Any]], Callable[..., int]]:
    """Compile a function for exactly this signature; arguments of other types are a TypeError, never a copy."""

    def decorate(function: Callable[..., Any]) -> Callable[..., int]:
        try:
            compiled: Callable[..., int] = numba.njit(signature, cache=True, **OPTIONS)(function)
        except RuntimeError:  # no place to cache in: a read-only installation without a home
            compiled = numba.njit(signature, **OPTIONS)(function)
        return compiled

    return decorate


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that kernels call."""
    compiled: Callable[..., Any] = numba.njit(**OPTIONS)(function)
    return compiled
