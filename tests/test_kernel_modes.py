"""Kernels built ahead of time, compiled on use and as plain Python: the same bytes, and none of them ever crashes.

Every test that starts a process does so on a copy of the installed package, so that nothing is left in it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import deteval
from deteval.cli import output
from deteval.kernels import compiled

PACKAGE = Path(deteval.__file__).parent
TESTS = Path(__file__).parent
needs_library = pytest.mark.skipif(compiled._library()[0] is None,
                                   reason=f"no built kernels in this installation: {compiled._library()[1]}")
FIRST_VALUE = """
import sys
import numpy as np
from deteval.kernels.compiled import mode
from deteval.kernels.json_columns import next_value
text = np.frombuffer(b"[   1]", np.uint8)
print(next_value(text, 0, len(text)), *mode())
"""
"""Calls a kernel whose helper lies in another file; 4 is right."""
UNASKED = {name: value for name, value in os.environ.items()
           if name != "DETEVAL_KERNELS" and not name.startswith("NUMBA_")}


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, with its library if there is one and without any cache. Returns the folder around it."""
    shutil.copytree(PACKAGE, tmp_path / "copy" / "deteval", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "copy"


def start(folder, *arguments, before=(), **environment):
    """A Python process that finds the package in a folder."""
    path = os.pathsep.join([str(folder), str(TESTS)])
    return subprocess.Popen([*before, sys.executable, *map(str, arguments)], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=UNASKED | {"PYTHONPATH": path} | environment)


def finish(process):
    """What a process printed; it must end well and without a word on stderr."""
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    return out.strip()


def run(folder, code, **options):
    return finish(start(folder, "-c", code, **options))


def library(folder):
    return folder / "deteval" / "kernels" / compiled.LIBRARY


def test_all_modes_agree_on_whole_outputs_and_two_may_start_first_at_once(copy):
    script = TESTS / "kernel_digests.py"
    both = [start(copy, script, DETEVAL_KERNELS="jit") for _ in range(2)]
    jit, other = (json.loads(finish(process)) for process in both)
    cached = {file: file.read_bytes() for file in (copy / "deteval").rglob("*.nb?")}
    again = json.loads(finish(start(copy, script, DETEVAL_KERNELS="jit")))
    python = json.loads(finish(start(copy, script, DETEVAL_KERNELS="python")))
    assert jit == other == again
    assert jit["digests"] == python["digests"]
    assert jit["mode"] == ["jit", "asked for"]
    assert python["mode"] == ["python", "asked for"]
    assert jit["never called"] == []
    assert len(cached) > 10
    assert cached == {file: file.read_bytes() for file in (copy / "deteval").rglob("*.nb?")}
    if compiled._library()[0] is None:
        pytest.skip("plain Python and compiled on use agree; no built kernels in this installation")
    built = json.loads(finish(start(copy, script)))
    assert built == python | {"mode": ["built", ""]}


@needs_library
def test_an_edit_is_noticed_and_no_stale_machine_code_is_used(copy):
    helper = copy / "deteval" / "kernels" / "json_values.py"
    original = helper.read_text()
    assert run(copy, FIRST_VALUE) == "4 built"
    for more in (0, 1):  # a helper of another file than the kernel that is called
        helper.write_text(f"{original}\n\n@helper\ndef skip_space(data, i, size):\n    return i + {more}\n")
        assert run(copy, FIRST_VALUE) == f"{1 + more} jit the kernels were edited since they were built"
    helper.write_text(original)
    assert run(copy, FIRST_VALUE) == "4 built"
    build = copy / "deteval" / "kernels" / "build.py"
    build.write_text(build.read_text() + "\n")
    assert run(copy, "from deteval.kernels.compiled import mode; print(mode()[0])") == "jit"


@needs_library
def test_a_damaged_library_is_refused_before_it_is_loaded(copy):
    code = """
import random
from deteval.kernels import compiled
path = compiled.HERE / compiled.LIBRARY
whole = path.read_bytes()
damaged = [whole[:size] for size in (0, 1, 16, 32, *random.Random(0).sample(range(len(whole)), 20))]
damaged += [b"text", compiled.HERE.joinpath("curves.py").read_bytes(), whole[:5000] + b"?" + whole[5001:]]
for content in damaged:
    path.write_bytes(content)
    compiled._library.cache_clear()
    assert compiled.mode() == ("jit", "the built kernels are damaged"), compiled.mode()
path.write_bytes(compiled.sealed(b"no library"))
compiled._library.cache_clear()
print(*compiled.mode())
path.unlink()
path.mkdir()
compiled._library.cache_clear()
print(*compiled.mode())
"""
    lines = run(copy, code).splitlines()
    assert [line.partition(" (")[0] for line in lines] == ["jit the built kernels cannot be loaded"] * 2


def unprivileged():
    """What makes root obey file permissions, as others do; skips where that cannot be had."""
    if os.geteuid() != 0:
        return ()
    before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search",
              "--inh-caps=-dac_override,-dac_read_search")
    if shutil.which("setpriv") is None or subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("root cannot be made to obey file permissions here")
    return before


def test_no_place_for_a_cache(copy, tmp_path):
    library(copy).unlink(missing_ok=True)
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        nowhere = {"HOME": str(copy / "home"), "XDG_CACHE_HOME": str(copy / "cache")}
        for extra in ({}, {"NUMBA_CACHE_DIR": str(copy / "numba")}):
            process = start(copy, "-c", FIRST_VALUE, before=unprivileged(), **nowhere, **extra)
            assert finish(process) == "4 jit the package was installed without built kernels"
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert not list(tmp_path.rglob("*.nb?"))


def test_a_cache_that_cannot_be_written_or_read(copy):
    library(copy).unlink(missing_ok=True)
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"  # as if the disk were full
    assert run(copy, full + FIRST_VALUE, PYTHONDONTWRITEBYTECODE="1").startswith("4 jit")
    assert run(copy, FIRST_VALUE) == "4 jit the package was installed without built kernels"
    cache = list(copy.rglob("*.nb?"))
    assert len(cache) == 2
    for file in cache:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert run(copy, FIRST_VALUE).startswith("4 jit")


BAD_CALLS = """
import numpy as np
from deteval.kernels.curves import tied_rows
from deteval.kernels.json_columns import next_value
one, floats = np.zeros(4, np.int64), np.zeros(4)
fixed = np.zeros(4, np.int64)
fixed.flags.writeable = False
unaligned = np.frombuffer(bytearray(33), np.uint8)[1:].view(np.int64)
bad = [("too few", (0, 0, one, one)), ("too many", (0, 0, one, one, floats, floats)), ("none", ()),
       ("type", (0, 0, one, one, floats.astype(np.float32))), ("sign", (0, 0, one.view(np.uint64), one, floats)),
       ("order", (0, 0, one, one, floats.astype(">f8"))), ("read-only", (0, 0, fixed, one, floats)),
       ("strided", (0, 0, np.zeros(8, np.int64)[::2], one, floats)), ("backwards", (0, 0, one[::-1], one, floats)),
       ("unaligned", (0, 0, unaligned, one, floats)), ("shape", (0, 0, one.reshape(2, 2), one, floats)),
       ("list", (0, 0, [0, 0], one, floats)), ("no array", (0, 0, None, one, floats)),
       ("float", (0.5, 0, one, one, floats)), ("text", ("0", 0, one, one, floats)),
       ("large", (2**63, 0, one, one, floats)), ("array", (one, 0, one, one, floats)),
       ("no number", (None, 0, one, one, floats))]
for name, arguments in bad:
    try:
        tied_rows(*arguments)
        print(name, "was taken")
    except TypeError as error:
        assert "tied_rows" in str(error), error
text = np.frombuffer(b"[1]", np.uint8)
assert not text.flags.writeable
print(next_value(text, 0, 3), next_value(text.copy(), np.int32(0), np.uint64(3)), tied_rows(0, 1, one[:2], one, floats),
      tied_rows(np.int64(0), True, np.array([0, 4]), np.arange(4), floats), next_value(text[:0], 0, 0))
"""


@pytest.mark.parametrize("asked", [pytest.param("built", marks=needs_library), "jit", "python"])
def test_wrong_arguments_raise_type_error(copy, asked):
    assert run(copy, BAD_CALLS, DETEVAL_KERNELS=asked) == "1 1 0 4 -1"


def test_a_kernel_may_be_called_first_by_many_threads_at_once(copy):
    code = """
import threading
import numpy as np
from deteval.kernels import boxes, json_columns
text, results = np.frombuffer(b"[   1]", np.uint8), []
ready = threading.Barrier(6)
def first(position):
    ready.wait()
    tables = np.zeros((2, 32), np.uint32)
    results.append(json_columns.next_value(text, 0, 6) if position % 2 else
                   boxes.repeat_candidates(np.zeros(2, np.uint64), *tables, np.empty(2, np.int64)))
threads = [threading.Thread(target=first, args=(position,)) for position in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(results))
"""
    assert run(copy, code, DETEVAL_KERNELS="jit") == "[2, 2, 2, 4, 4, 4]"


@needs_library
def test_scoring_with_built_kernels_imports_no_numba(copy):
    code = """
import sys
from deteval.cli.main import _exit_code
sample = sys.argv[1]
code = _exit_code(["score", sample + "/preds.json", sample + "/gt.json", "-o", "result.txt"])
print(code, [name for name in sys.modules if name.partition(".")[0] in ("numba", "llvmlite")])
"""
    process = start(copy, "-c", code, TESTS.parent / "fixtures" / "sample")
    out, err = process.communicate(timeout=60)
    assert out.strip() == "0 []", err
    assert "compiled on use" not in err


def test_version_says_where_kernels_come_from_and_imports_no_numba(copy):
    code = ("import sys; from deteval.cli.main import _exit_code; _exit_code(['--version']); "
            "print([name for name in ('numba', 'llvmlite') if name in sys.modules])")
    begin = f"deteval {deteval.__version__} (kernels: "
    expected = {"jit": "compiled on use: asked for", "python": "plain Python: asked for"}
    if compiled._library()[0] is not None:
        expected["built"] = "built"
    for asked, words in expected.items():
        assert run(copy, code, DETEVAL_KERNELS=asked).splitlines() == [f"{begin}{words})", "[]"]
    library(copy).unlink(missing_ok=True)
    assert run(copy, code).splitlines()[0] == \
        f"{begin}compiled on use: the package was installed without built kernels)"


def test_compiling_on_use_is_remarked_upon_once_unless_asked_for(monkeypatch, capfd):
    line = "kernels are compiled on use, the first run takes longer: edited\n"
    for where, why, quiet, expected in (("jit", "edited", False, line), ("jit", "edited", True, ""),
                                        ("jit", "asked for", False, ""), ("python", "asked for", False, ""),
                                        ("built", "", False, "")):
        monkeypatch.setattr(compiled, "mode", lambda where=where, why=why: (where, why))
        output.remark_kernels(quiet)
        assert capfd.readouterr().err == expected


@pytest.mark.parametrize("command", ["score", "check", "crosscheck"])
def test_every_command_that_scores_remarks(command, monkeypatch, deteval_run):
    calls = []
    monkeypatch.setattr(output, "remark_kernels", calls.append)
    sample = TESTS.parent / "fixtures" / "sample"
    assert deteval_run(command, sample / "preds.json", sample / "gt.json").code == 0
    assert calls == [False]
