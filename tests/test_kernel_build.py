"""Building the kernels: what fails says why and what to do, and a package without the library comes of it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deteval.kernels.compiled import LIBRARY

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if name not in ("CC", "PYTHONPATH", "DETEVAL_KERNELS", "DETEVAL_REQUIRE_BUILT")}
BAD_KERNELS = '''
import numpy as np
from deteval.kernels.compiled import helper, kernel

@helper
def largest(values):
    if values.size == 0:
        raise ValueError("empty")
    return values[0]

@kernel("int64(int64[::1])")
def allocating(values):
    return np.cumsum(values)[-1]

@kernel("int64(int64[::1])")
def raising(values):
    return largest(values)

@kernel("int64(int64[::1])")
def counting(values):
    return values.size
'''
UNTYPED_KERNEL = '''
from deteval.kernels.compiled import kernel

@kernel("int64(int64[::1])")
def unclear(values):
    return values.nonsense
'''


def checkout(folder, kernels=None):
    """A copy of what the package is built from; kernels: the only kernel file of it, if given."""
    folder.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "deteval", folder / "deteval", ignore=shutil.ignore_patterns("__pycache__", "built.*"))
    if kernels is not None:
        home = folder / "deteval" / "kernels"
        (home / "few.py").write_text(kernels)
        head, _, rest = (home / "compiled.py").read_text().partition("MODULES = (")
        (home / "compiled.py").write_text(f'{head}MODULES = ("few",){rest.partition(")")[2]}')
    return folder


def build(folder, **environment):
    """`python -m deteval.kernels.build` there, as if ziglang were not installed."""
    code = ("import runpy, sys; sys.modules['ziglang'] = None; sys.argv = ['build', 'deteval/kernels']; "
            "runpy.run_module('deteval.kernels.build', run_name='__main__')")
    return subprocess.run([sys.executable, "-c", code], cwd=folder, timeout=300, capture_output=True, text=True,
                          check=False, env=ENVIRONMENT | {"PYTHONPATH": str(folder)} | environment)


def left_over(folder):
    """What a failed build left beside the kernels."""
    home = folder / "deteval" / "kernels"
    return [path.name for path in home.iterdir() if path.suffix != ".py" and path.name != "__pycache__"]


def test_a_kernel_that_allocates_or_raises_is_named(tmp_path):
    folder = checkout(tmp_path / "source", BAD_KERNELS)
    outcome = build(folder)
    assert outcome.returncode == 1
    culprits = outcome.stderr.partition("must not allocate or raise; ")[2].partition(" need ")[0]
    assert {"allocating", "raising"} <= set(culprits.split(", "))
    assert "counting" not in outcome.stderr
    assert "NRT_" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert left_over(folder) == []


def test_a_kernel_without_types_is_named(tmp_path):
    outcome = build(checkout(tmp_path / "source", UNTYPED_KERNEL))
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("kernel unclear of deteval.kernels.few cannot be compiled:\n")
    assert "nonsense" in outcome.stderr


def test_without_a_c_compiler_the_build_says_what_to_do(tmp_path):
    folder = checkout(tmp_path / "source")
    outcome = build(folder, PATH=str(tmp_path))
    assert (outcome.returncode, outcome.stderr) == (1, (
        "there is no C compiler to link the kernels with: install one (as the package gcc, or ziglang by pip), or name "
        "one in CC\n"))
    outcome = build(folder, CC="no-such-compiler -O2")
    assert (outcome.returncode, outcome.stderr) == (1, "CC names no-such-compiler, which is not there\n")


def test_a_c_compiler_that_fails_is_quoted(tmp_path):
    one_kernel = BAD_KERNELS.partition("@helper")[0] + BAD_KERNELS[BAD_KERNELS.rindex("@kernel"):]
    folder = checkout(tmp_path / "source", one_kernel)
    compiler = tmp_path / "compiler"
    compiler.write_text("#!/bin/sh\n: > $4\necho 'out of luck' >&2\nexit 3\n")  # with an output for all that
    compiler.chmod(0o755)
    outcome = build(folder, CC=f"{compiler} -v")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"the C compiler failed: {compiler} -v -shared -o ")
    assert outcome.stderr.endswith("\nout of luck\n")
    compiler.write_text("#!/bin/sh\nexit 0\n")  # and one that does nothing
    assert build(folder, CC=str(compiler)).stderr.startswith("the C compiler failed: ")
    assert left_over(folder) == []
    if shutil.which("cc") is None:
        pytest.skip("the rest needs a C compiler")
    earlier = os.umask(0o077)
    try:
        outcome = build(folder, NUMBA_DISABLE_JIT="1", NUMBA_CPU_NAME="no-such-cpu")
    finally:
        os.umask(earlier)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert left_over(folder) == [LIBRARY]
    home = folder / "deteval" / "kernels"
    assert (home / LIBRARY).stat().st_mode == (home / "build.py").stat().st_mode


def needs_setuptools():
    setuptools = pytest.importorskip("setuptools", minversion="77")
    assert setuptools


def set_up(folder, *arguments, **environment):
    return subprocess.run([sys.executable, "setup.py", *arguments], cwd=folder, env=ENVIRONMENT | environment,
                          timeout=300, capture_output=True, text=True, check=False)


def test_a_package_without_library_comes_of_a_build_that_fails(tmp_path):
    needs_setuptools()
    folder = checkout(tmp_path / "source")
    kernels = folder / "out" / "deteval" / "kernels"
    kernels.mkdir(parents=True)
    for name in (LIBRARY, "of_an_earlier_version.py"):
        (kernels / name).write_text("")
    broken = {"CC": "no-such-compiler"}
    outcome = set_up(folder, "build_py", "--build-lib", "out", **broken)
    assert outcome.returncode == 0, outcome.stderr
    assert "the kernels could not be built and will be compiled on use:\nCC names no-such-compiler" in outcome.stderr
    assert (kernels / "curves.py").exists()
    assert not (kernels / LIBRARY).exists()
    assert not (kernels / "of_an_earlier_version.py").exists()
    outcome = set_up(folder, "build_py", "--build-lib", "out", **broken, DETEVAL_REQUIRE_BUILT="1")
    assert outcome.returncode == 1
    assert "the kernels could not be built:\nCC names no-such-compiler" in outcome.stderr


@pytest.mark.long
def test_a_wheel_is_for_its_platform_if_it_holds_the_library(tmp_path):
    needs_setuptools()
    folder = checkout(tmp_path / "source")
    set_up(folder, "bdist_wheel", CC="no-such-compiler")
    assert [wheel.name.partition("-py3-")[2] for wheel in (folder / "dist").iterdir()] == ["none-any.whl"]
    shutil.rmtree(folder / "dist")
    assert set_up(folder, "bdist_wheel", DETEVAL_REQUIRE_BUILT="1").returncode == 0
    wheel, = (folder / "dist").iterdir()
    assert not wheel.name.endswith("any.whl")
    assert "-py3-none-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        assert f"deteval/kernels/{LIBRARY}" in archive.namelist()
        archive.extractall(tmp_path / "installed")
    outcome = subprocess.run([sys.executable, "-c", "from deteval.kernels.compiled import mode; print(*mode())"],
                             cwd=tmp_path, env=ENVIRONMENT | {"PYTHONPATH": str(tmp_path / "installed")},
                             capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "built"


@pytest.mark.long
@pytest.mark.parametrize("compiler", ["", "no-such-compiler"])
def test_pip_builds_in_isolation(tmp_path, compiler):
    folder = checkout(tmp_path / "source")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", folder], check=True, timeout=600, cwd=tmp_path,
                   env=ENVIRONMENT | ({"CC": compiler} if compiler else {}))
    version = subprocess.run([python, "-m", "deteval", "--version"], cwd=tmp_path, env=ENVIRONMENT, check=True,
                             capture_output=True, text=True).stdout
    assert ("(kernels: built)" in version) == (not compiler)
