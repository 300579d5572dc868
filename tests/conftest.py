"""Fixtures that several tests share."""

import os
from dataclasses import dataclass

import pytest

from deteval.cli.main import _exit_code
from deteval.kernels.compiled import mode

os.environ["PYTHONSAFEPATH"] = "1"  # `python -m deteval` runs what is installed, not what lies in this folder
if mode()[0] == "jit":  # an installation without built kernels says so on stderr, which no test here is about
    os.environ["DETEVAL_KERNELS"] = "jit"


@dataclass(frozen=True)
class Outcome:
    """What a command line printed and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def deteval_run(capfd):
    """Runs `deteval ARGUMENTS` in this process, with the real streams captured."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = _exit_code([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run
