"""Builds the kernels ahead of time into a shared library that needs neither numba nor Python.

    python -m deteval.kernels.build FOLDER

Every kernel becomes a C function `deteval_<name>` that takes a pointer and a length for each array: numba compiles it
to LLVM code, the codes are merged, only the entries stay visible, one more optimisation removes what can never happen
(errors, reference counts), and the C compiler links the one object that comes of it. A kernel that allocates or raises
would still refer to numba or Python then: the build fails and names it. The last bytes of the library say what it was
made from.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["NUMBA_CPU_NAME"] = "generic"  # before numba is imported: the library must run on every CPU
os.environ["NUMBA_CPU_FEATURES"] = ""
os.environ["NUMBA_DISABLE_JIT"] = "0"

import llvmlite.binding as llvm
import numba
from numba import types

from deteval.kernels.compiled import LIBRARY, MODULES, OPTIONS, Kernel, compile_helpers, numba_type, sealed

FROM_C = {"atan2", "memset", "memcpy", "memmove"}
"""What a kernel may need from the C library."""


def all_kernels() -> list[Kernel]:
    """Every kernel of every kernel file."""
    found = []
    for name in MODULES:
        module = import_module(f"deteval.kernels.{name}")
        found += [value for value in vars(module).values()
                  if isinstance(value, Kernel) and value.__module__ == module.__name__]
    return found


def entry_code(one: Kernel) -> tuple[str, str]:
    """LLVM code of a C function around a kernel, and its name in there."""
    parameters, arguments, kinds = [], [], []
    for place, kind in enumerate(one.types):
        of = numba_type(kind)
        if isinstance(of, types.Array):
            parameters += [f"p{place}", f"n{place}"]
            arguments.append(f"carray(p{place}, (n{place},))")
            kinds += [types.CPointer(of.dtype), types.int64]
        else:
            parameters.append(f"p{place}")
            arguments.append(f"p{place}")
            kinds.append(of)
    scope: dict[str, Any] = {"carray": numba.carray,  # type: ignore[attr-defined]
                              "kernel": numba.njit(**OPTIONS)(one.function)}
    exec(f"def {one.name}({', '.join(parameters)}):\n    return kernel({', '.join(arguments)})", scope)
    compiled = numba.cfunc(types.int64(*kinds), **OPTIONS)(scope[one.name])
    return compiled.inspect_llvm(), compiled.native_name


def merged_module(kernels: list[Kernel]) -> llvm.ModuleRef:
    """One module that holds every entry and shows nothing else."""
    whole = llvm.parse_assembly("")
    for one in kernels:
        try:
            code, name = entry_code(one)
        except numba.errors.NumbaError as error:
            raise RuntimeError(f"kernel {one.name} of {one.__module__} cannot be compiled:\n{error}") from None
        module = llvm.parse_assembly(code)
        for function in module.functions:
            if not function.is_declaration:
                function.linkage = "internal"
        entry = module.get_function(name)
        entry.linkage = "external"
        entry.name = f"deteval_{one.name}"
        for variable in module.global_variables:
            if not variable.is_declaration:
                variable.linkage = "internal"
        whole.link_in(module)
    return whole


def optimise(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """LLVM's O3 over the whole module."""
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


def check_self_contained(module: llvm.ModuleRef) -> None:
    """Fail, naming the culprits, if a kernel still needs numba or Python."""
    needed = {one.name for one in [*module.functions, *module.global_variables] if one.is_declaration}
    foreign = sorted(name for name in needed - FROM_C if not name.startswith("llvm."))
    if foreign:
        users = [function.name.removeprefix("deteval_") for function in module.functions
                 if not function.is_declaration and any(f"@{name}" in str(function) for name in foreign)]
        raise RuntimeError(f"kernels must not allocate or raise; {', '.join(users)} need {', '.join(foreign)}")


def compiler() -> list[str]:
    """The C compiler that links: $CC, cc, gcc, clang, or that of the ziglang package."""
    chosen = shlex.split(os.environ.get("CC", ""))
    if chosen and not shutil.which(chosen[0]):
        raise RuntimeError(f"CC names {chosen[0]}, which is not there")
    if chosen:
        return chosen
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise RuntimeError("there is no C compiler to link the kernels with: install one (as the package gcc, or ziglang "
                       "by pip), or name one in CC")


def link(linker: list[str], code: Path, library: Path) -> None:
    """Link an object into a shared library."""
    command = [*linker, "-shared", "-o", str(library), str(code), "-lm"]
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    if outcome.returncode or not library.exists():
        raise RuntimeError(f"the C compiler failed: {shlex.join(command)}\n{outcome.stdout}{outcome.stderr}".rstrip())


def build(folder: Path) -> Path:
    """Build the library into a folder, in place by one rename. `RuntimeError` says why that cannot be done."""
    linker = compiler()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    compile_helpers()
    module = merged_module(all_kernels())
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu="generic", features="", opt=3, reloc="pic", codemodel="default")
    optimise(module, machine)
    check_self_contained(module)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as scratch:  # beside the library: a rename must do
        code, library = Path(scratch) / "kernels.o", Path(scratch) / LIBRARY
        code.write_bytes(machine.emit_object(module))
        link(linker, code, library)
        library.write_bytes(sealed(library.read_bytes()))
        shutil.copymode(__file__, library)  # readable by those who can read the kernels, whatever the umask
        os.replace(library, folder / LIBRARY)
    return folder / LIBRARY


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")
    except (RuntimeError, OSError) as failure:
        sys.exit(str(failure))
