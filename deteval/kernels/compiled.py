"""How a kernel becomes machine code; the only import of numba.

A *kernel* is called from Python: its signature stands beside it, it takes one-dimensional contiguous arrays and
scalars, returns an int64, writes into arrays that the caller allocated, never allocates and never raises. A *helper*
is called by kernels. Both stay plain functions until they are needed, and then come from one of three places:

- `built`: the shared library that was made when the package was built, loaded with ctypes: ready in milliseconds;
- `jit`: numba compiles on first use, where the library is missing, damaged or made from other source;
- `python`: as they stand, for tests (NUMBA_DISABLE_JIT=1).

All three give the same bytes. DETEVAL_KERNELS=jit or python asks for one of them.
"""

import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

MODULES = ("numbers", "json_values", "json_columns", "boxes", "similarity", "suppression", "matching",
           "ordering", "curves", "cut_curves", "lanes", "operating", "influence", "confusion", "mending", "tallies")
"""Every kernel file."""
LIBRARY = "built.dll" if sys.platform == "win32" else "built.so"
HERE = Path(__file__).parent
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Options of every kernel: other threads run meanwhile, 0/0 is NaN as in numpy, and never fast-math."""
ASKED_FOR = "asked for"
_RESOLVING = threading.Lock()


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
            with _RESOLVING:
                self._call = self._call or _resolve(self)
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
        return asked, ASKED_FOR
    library, reason = _library()
    return ("built", "") if library else ("jit", reason)


@cache
def stamp() -> bytes:
    """A digest of every kernel file and of what compiles them: a library made from other source is not used."""
    return digest(b"".join((HERE / f"{name}.py").read_bytes() for name in ("compiled", "build", *MODULES)))


def digest(data: bytes) -> bytes:
    """Sixteen characters that tell these bytes from others."""
    return hashlib.sha256(data).hexdigest()[:16].encode()


def sealed(library: bytes) -> bytes:
    """A library with what `_library` asks for at its end: the stamp, and a digest of everything before."""
    return library + stamp() + digest(library + stamp())


@cache
def _library() -> tuple[ctypes.CDLL | None, str]:
    """The built library, or None and the reason. Checked before it is loaded: loading half a file ends the process."""
    try:
        content = (HERE / LIBRARY).read_bytes()
        if digest(content[:-16]) != content[-16:]:
            return None, "the built kernels are damaged"
        if content[-32:-16] != stamp():
            return None, "the kernels were edited since they were built"
        return ctypes.CDLL(str(HERE / LIBRARY)), ""
    except FileNotFoundError:
        return None, "the package was installed without built kernels"
    except OSError as error:
        return None, f"the built kernels cannot be loaded ({error})"


def _resolve(one: Kernel) -> Callable[..., int]:
    """The function to call from now on: checks its arguments, as the machine code itself cannot."""
    check, call = _checker(one), {"built": _built, "jit": _jit, "python": _plain}[mode()[0]](one)
    return lambda *arguments: call(*check(arguments))


def _plain(one: Kernel) -> Callable[..., int]:
    """The function as it stands; wrapping integers do not warn."""

    def call(*arguments: Any) -> int:
        with np.errstate(over="ignore"):
            return int(one.function(*arguments))

    return call


def _jit(one: Kernel) -> Callable[..., int]:
    """The function compiled by numba; from its cache on disk, if that can be used."""
    import numba

    compile_helpers()
    function = one.function
    function.__qualname__ = f"{one.name}_{stamp().decode()}"  # the cache is asked by name: other source, other name
    signature = numba.int64(*(numba_type(kind) for kind in one.types))
    try:
        compiled: Callable[..., int] = numba.njit(signature, cache=True, **OPTIONS)(function)
    except Exception:  # a read-only installation without a home, a full disk, a damaged cache
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


def _checker(one: Kernel) -> Callable[[tuple[Any, ...]], list[Any]]:
    """Returns arguments, scalars as int or float; raises TypeError unless all are of the types of the signature."""
    kinds = [(kind, np.dtype(kind.removeprefix("const ").partition("[")[0]), "[" in kind, kind.startswith("const "))
             for kind in one.types]

    def check(arguments: tuple[Any, ...]) -> list[Any]:
        if len(arguments) != len(kinds):
            raise TypeError(f"{one.name} takes {len(kinds)} arguments, not {len(arguments)}")
        checked: list[Any] = []
        for place, (value, (kind, dtype, is_array, is_constant)) in enumerate(zip(arguments, kinds, strict=True)):
            if is_array:
                good = isinstance(value, np.ndarray) and value.dtype == dtype and value.ndim == 1 and (
                    value.flags.carray or (is_constant and value.flags.c_contiguous and value.flags.aligned))
            elif dtype == np.float64:
                good = isinstance(value, (float, np.floating, int, np.integer))
            else:
                good = isinstance(value, (int, np.integer)) and -(2**63) <= value < 2**63
            if not good:
                found = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
                needs = f"{kind}, contiguous{'' if is_constant else ' and writable'}" if is_array else kind
                raise TypeError(f"{one.name}: argument {place} must be {needs}, not {found}")
            checked.append(value if is_array else float(value) if dtype == np.float64 else int(value))
        return checked

    return check


def _built(one: Kernel) -> Callable[..., int]:
    """The entry of the built library: a pointer and a length for every array."""
    entry = getattr(_library()[0], f"deteval_{one.name}")
    parameters: list[Any] = []
    for kind in one.types:
        scalar = ctypes.c_double if kind == "float64" else ctypes.c_int64
        parameters += [ctypes.c_void_p, ctypes.c_int64] if "[" in kind else [scalar]
    entry.argtypes, entry.restype = parameters, ctypes.c_int64

    def call(*arguments: Any) -> int:
        passed: list[Any] = []
        for value in arguments:
            passed += [value.ctypes.data, value.size] if isinstance(value, np.ndarray) else [value]
        result: int = entry(*passed)
        return result

    return call
