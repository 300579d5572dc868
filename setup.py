"""Builds the kernels into a shared library while the package is built; everything else stands in pyproject.toml.

A build that fails gives a package without the library, which compiles its kernels on use, and a warning;
DETEVAL_REQUIRE_BUILT=1 makes it an error, for continuous integration and releases.
"""

import os
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
        super().run()
        root = SOURCE if self.editable_mode else Path(self.build_lib).resolve()
        environment = os.environ | {"PYTHONPATH": str(SOURCE)}
        command = [sys.executable, "-m", "deteval.kernels.build", str(root / "deteval" / "kernels")]
        outcome = subprocess.run(command, cwd=SOURCE, env=environment, capture_output=True, text=True, check=False)
        if outcome.returncode == 0:
            return
        if os.environ.get("DETEVAL_REQUIRE_BUILT"):
            raise SystemExit(f"the kernels could not be built:\n{outcome.stderr}")
        self.warn(f"the kernels could not be built and will be compiled on use:\n{outcome.stderr}")


class PlatformWheel(bdist_wheel):
    """One wheel for every Python of a platform: the library refers to neither Python nor numba."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        built = any((Path(self.bdist_dir) / "deteval" / "kernels" / name).exists() for name in LIBRARIES)
        return ("py3", "none", super().get_tag()[2] if built else "any")


setup(cmdclass={"build_py": BuildWithKernels, "bdist_wheel": PlatformWheel})
