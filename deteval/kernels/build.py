"""Builds the kernels ahead of time into a shared library that needs neither numba nor Python.

    python -m deteval.kernels.build FOLDER

Every kernel becomes a C function `deteval_<name>` that takes a pointer and a length for each array: numba compiles it
to LLVM code, the codes are merged, only the entries stay visible, one more optimisation removes what can never happen
(errors, reference counts), and the C compiler links the one object that comes of it. A kernel that allocates or raises
would still refer to numba or Python then: the build fails and names it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_CPU_NAME", "generic")  # before numba is imported: the library must run on every CPU
os.environ.setdefault("NUMBA_CPU_FEATURES", "")

import llvmlite.binding as llvm
import numba
from numba import types

from deteval.kernels.compiled import LIBRARY, MODULES, OPTIONS, Kernel, compile_helpers, numba_type, stamp

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
    exec(f"def entry({', '.join(parameters)}):\n    return kernel({', '.join(arguments)})", scope)
    compiled = numba.cfunc(types.int64(*kinds), **OPTIONS)(scope["entry"])
    return compiled.inspect_llvm(), compiled.native_name


def merged_module(kernels: list[Kernel]) -> llvm.ModuleRef:
    """One module that holds every entry and shows nothing else."""
    whole = llvm.parse_assembly(f'@deteval_stamp = constant [{len(stamp()) + 1} x i8] c"{stamp()}\\00"\n')
    for one in kernels:
        code, name = entry_code(one)
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
        users = [function.name for function in module.functions
                 if not function.is_declaration and any(name in str(function) for name in foreign)]
        raise RuntimeError(f"kernels allocate or raise: {', '.join(users)} need {', '.join(foreign)}")


def link_command() -> list[str]:
    """The C compiler: $CC, cc, or that of the ziglang package."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name.split()[0]):
            return name.split()
    return [sys.executable, "-m", "ziglang", "cc"]


def build(folder: Path) -> Path:
    """Build the library into a folder, in place by one rename."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    compile_helpers()
    module = merged_module(all_kernels())
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=os.environ["NUMBA_CPU_NAME"], features="", opt=3, reloc="pic", codemodel="default")
    optimise(module, machine)
    check_self_contained(module)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        code, linked = Path(scratch) / "kernels.o", Path(scratch) / LIBRARY
        code.write_bytes(machine.emit_object(module))
        command = [*link_command(), "-shared", "-o", str(linked), str(code), "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        os.replace(linked, folder / LIBRARY)
    return folder / LIBRARY


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")
