"""Builds the kernels into a shared library while the package is built; everything else stands in pyproject.toml.

A build that fails gives a package without the library, which compiles its kernels on use, and a warning;
DETEVAL_REQUIRE_BUILT=1 makes it an error, for continuous integration and releases.
"""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

SOURCE = Path(__file__).parent.resolve()
LIBRARIES = ("built.so", "built.dll")


class BuildWithKernels(build_py):
    """Copies the package, then puts the library beside the kernels it was made from."""

    def run(self) -> None:
        root = SOURCE if self.editable_mode else Path(self.build_lib).resolve()
        if not self.editable_mode:
            shutil.rmtree(root / "deteval", ignore_errors=True)  # what an earlier build left
        super().run()
        if self.editable_mode:  # nobody else would, where PYTHONDONTWRITEBYTECODE is set: 45 ms in every process
            compileall.compile_dir(root / "deteval", quiet=2)
        kernels = root / "deteval" / "kernels"
        path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))  # pip's own lies there
        outcome = subprocess.run([sys.executable, "-m", "deteval.kernels.build", str(kernels)], cwd=SOURCE,
                                 env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
        if outcome.returncode == 0:
            return
        for name in LIBRARIES:  # of an earlier build
            (kernels / name).unlink(missing_ok=True)
        if os.environ.get("DETEVAL_REQUIRE_BUILT", "0") not in ("", "0"):
            raise SystemExit(f"the kernels could not be built:\n{outcome.stderr}")
        self.warn(f"the kernels could not be built and will be compiled on use:\n{outcome.stderr}")


class PlatformWheel(bdist_wheel):
    """One wheel for every Python of a platform: the library refers to neither Python nor numba."""

    def get_tag(self) -> tuple[str, str, str]:
        if not any((Path(self.bdist_dir) / "deteval" / "kernels" / name).exists() for name in LIBRARIES):
            return super().get_tag()
        self.root_is_pure = False  # not before the package was copied: setuptools would put it elsewhere
        return ("py3", "none", super().get_tag()[2])


def linker_package() -> list[str]:
    """The package that brings a C compiler where there is none, asked for while pip collects what a build needs."""
    here = os.environ.get("CC") or any(shutil.which(name) for name in ("cc", "gcc", "clang"))
    return [] if here or "egg_info" not in sys.argv else ["ziglang"]


setup(cmdclass={"build_py": BuildWithKernels, "bdist_wheel": PlatformWheel}, setup_requires=linker_package())
