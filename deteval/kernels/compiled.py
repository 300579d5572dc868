"""How a kernel becomes machine code; the only import of numba.

A *kernel* is called from Python: its signature stands beside it, it takes one-dimensional contiguous arrays and
scalars, returns an int64, writes into arrays that the caller allocated, never allocates and never raises. A *helper*
is called by kernels. Both stay plain functions until they are needed, and then come from one of three places:

- `built`: the shared library that was made when the package was built, loaded with ctypes: ready in milliseconds;
- `jit`: numba compiles on first use, where the library is missing or was made from other source;
- `python`: as they stand, for tests (NUMBA_DISABLE_JIT=1).

All three give the same bytes. DETEVAL_KERNELS=jit or python asks for one of them.
"""

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

MODULES = ("numbers", "json_values", "json_columns", "boxes", "similarity", "matching", "ordering", "curves")
"""Every kernel file; all of them make up the stamp."""
LIBRARY = "built.dll" if sys.platform == "win32" else "built.so"
HERE = Path(__file__).parent
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Options of every kernel: other threads run meanwhile, 0/0 is NaN as in numpy, and never fast-math."""


class Kernel:
    """A function that is called with exactly the types of its signature, and checks that it is."""

    def __init__(self, function: Callable[..., int], signature: str) -> None:
        self.function = function
        self.name = function.__name__
        self.signature = signature
        self.types = [part.strip() for part in signature.partition("(")[2].rstrip(")").split(",")]
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self._call: Callable[..., int] | None = None

    def __call__(self, *arguments: Any) -> int:
        if self._call is None:
            self._call = _resolve(self)
        return self._call(*arguments)


def kernel(signature: str) -> Callable[[Callable[..., int]], Kernel]:
    """Make a function a kernel, as `kernel("int64(float64[::1], int64)")`."""
    return lambda function: Kernel(function, signature)


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function one that kernels may call."""
    function.is_helper = True  # type: ignore[attr-defined]
    return function


def mode() -> tuple[str, str]:
    """`built`, `jit` or `python`, and why it is not `built`."""
    asked = "python" if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") else os.environ.get("DETEVAL_KERNELS")
    if asked in ("python", "jit"):
        return asked, "asked for"
    library, reason = _library()
    return ("built", "") if library else ("jit", reason)


@cache
def stamp() -> str:
    """A hash of every kernel file: a library made from other source is not used."""
    digest = hashlib.sha256()
    for name in ("compiled", *MODULES):
        digest.update((HERE / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


@cache
def _library() -> tuple[ctypes.CDLL | None, str]:
    """The built library, or None and the reason."""
    path = HERE / LIBRARY
    if not path.exists():
        return None, "the package was installed without built kernels"
    try:
        library = ctypes.CDLL(str(path))
        made_from = ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(library, "deteval_stamp"))).decode()
    except (OSError, ValueError) as error:
        return None, f"the built kernels cannot be loaded ({error})"
    if made_from != stamp():
        return None, "the kernels were edited since they were built"
    return library, ""


def _resolve(one: Kernel) -> Callable[..., int]:
    """The function to call from now on."""
    where = mode()[0]
    if where == "built":
        return _built(one, getattr(_library()[0], f"deteval_{one.name}"))
    return _plain(one) if where == "python" else _jit(one)


def _plain(one: Kernel) -> Callable[..., int]:
    """The function as it stands, with the checks of a compiled one; wrapping integers do not warn."""
    check = _checker(one)

    def call(*arguments: Any) -> int:
        check(arguments)
        with np.errstate(over="ignore"):
            return int(one.function(*arguments))

    return call


def _jit(one: Kernel) -> Callable[..., int]:
    """The function compiled by numba; from its cache on disk, if there is a place for one."""
    import numba

    compile_helpers()
    function = one.function
    function.__qualname__ = f"{one.name}_{stamp()}"  # the cache is asked by name: other source, other name
    signature = numba.int64(*(numba_type(kind) for kind in one.types))
    try:
        compiled: Callable[..., int] = numba.njit(signature, cache=True, **OPTIONS)(function)
    except RuntimeError:  # no place to cache in: a read-only installation without a home
        compiled = numba.njit(signature, **OPTIONS)(function)
    return compiled


@cache
def compile_helpers() -> None:
    """Hand every helper to numba, in all kernel files: kernels find them there by name."""
    import numba

    modules = [import_module(f"deteval.kernels.{name}") for name in MODULES]
    compiled: dict[Any, Any] = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            if getattr(value, "is_helper", False):
                if value not in compiled:
                    compiled[value] = numba.njit(**OPTIONS)(value)
                setattr(module, name, compiled[value])


def numba_type(kind: str) -> Any:
    """The numba type of a part of a signature: `int64`, `float64[::1]`, `const uint8[::1]`."""
    from numba import types

    element, brackets, _ = kind.removeprefix("const ").partition("[")
    scalar = getattr(types, element)
    return types.Array(scalar, 1, "C", readonly=kind.startswith("const ")) if brackets else scalar


def _checker(one: Kernel) -> Callable[[tuple[Any, ...]], None]:
    """Raises TypeError unless arguments are of the types of the signature; the library itself cannot tell."""
    kinds = [(kind, np.dtype(kind.removeprefix("const ").partition("[")[0]), "[" in kind, kind.startswith("const "))
             for kind in one.types]

    def check(arguments: tuple[Any, ...]) -> None:
        if len(arguments) != len(kinds):
            raise TypeError(f"{one.name} takes {len(kinds)} arguments, not {len(arguments)}")
        for place, (value, (kind, dtype, is_array, is_constant)) in enumerate(zip(arguments, kinds, strict=True)):
            if is_array and not (isinstance(value, np.ndarray) and value.dtype == dtype and value.ndim == 1
                                 and value.flags.c_contiguous and (is_constant or value.flags.writeable)):
                found = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
                raise TypeError(f"{one.name}: argument {place} must be {kind}, contiguous and writable, not {found}")
            if not is_array and not isinstance(value, (int, float, np.integer, np.floating)):
                raise TypeError(f"{one.name}: argument {place} must be {kind}, not {value!r}")

    return check


def _built(one: Kernel, entry: Any) -> Callable[..., int]:
    """The entry of the built library: a pointer and a length for every array."""
    check = _checker(one)
    entry.restype = ctypes.c_int64

    def call(*arguments: Any) -> int:
        check(arguments)
        passed: list[Any] = []
        for value, kind in zip(arguments, one.types, strict=True):
            if isinstance(value, np.ndarray):
                passed += [ctypes.c_void_p(value.ctypes.data), ctypes.c_int64(value.size)]
            else:
                passed.append(ctypes.c_double(value) if kind == "float64" else ctypes.c_int64(int(value)))
        return int(entry(*passed))

    return call
