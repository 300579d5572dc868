"""Fixtures that several tests share."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from gate_data import FAST, PREDICTIONS, TRUTH, sample_predictions, write
from sweep_data import GRID, MODELS

import deteval
from deteval.cli.main import _exit_code
from deteval.kernels.compiled import mode

os.environ["PYTHONSAFEPATH"] = "1"  # `python -m deteval` runs what is installed, not what lies in this folder
os.environ.pop("GITHUB_STEP_SUMMARY", None)  # a gate of a test is no gate of the build that runs it
if mode()[0] == "jit":  # an installation without built kernels says so on stderr, which no test here is about
    os.environ["DETEVAL_KERNELS"] = "jit"

SAMPLE = Path(__file__).parents[1] / "fixtures" / "sample"


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


@pytest.fixture
def sample_run():
    """The run of the bundled sample."""
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    return deteval.make_run(gt, deteval.load_detections(SAMPLE / "preds.json", gt))


@pytest.fixture
def saved(sample_run, tmp_path):
    """A file that holds it as evidence."""
    deteval.save_evidence(tmp_path / "run.npz", sample_run)
    return tmp_path / "run.npz"


@pytest.fixture(scope="session")
def gate_base(tmp_path_factory):
    """A folder with baselines of the sample: base.json with base.evidence.npz beside it, and plain.json without."""
    folder = tmp_path_factory.mktemp("base")
    for arguments in ((["--save-evidence", folder / "base.evidence.npz", "-o", folder / "base.json"]),
                      (["-o", folder / "plain.json", "--metrics", "AP,AP50,F1@.5/score=0.25"])):
        command = ("score", PREDICTIONS, TRUTH, "-q", "--format", "json", *arguments)
        assert _exit_code([str(one) for one in command]) == 0
    return folder


@pytest.fixture
def gate(gate_base, deteval_run, tmp_path):
    """Runs the gate on rules written as YAML; the baseline is the one with evidence unless told otherwise."""

    def run(rules, *arguments, new=PREDICTIONS, truth=TRUTH, baseline="base.json", extra=FAST):
        text = f"baseline: {gate_base / baseline}\n" if baseline else ""
        (tmp_path / "gate.yaml").write_text(f"{text}{extra}rules:\n{rules}")
        files = [new] if truth is None else [new, truth]
        return deteval_run("gate", *files, "--config", tmp_path / "gate.yaml", "--threads", 1, "--no-github",
                           *arguments)

    return run


@pytest.fixture
def worse(tmp_path):
    """Predictions whose persons are moved half out of place."""
    return write(tmp_path / "worse.json", [
        {**one, "bbox": [one["bbox"][0] + one["bbox"][2] / 3, *one["bbox"][1:]]} if one["category_id"] == 1 else one
        for one in sample_predictions()])


@pytest.fixture
def sweep(tmp_path, deteval_run):
    """Runs a sweep of the text of a YAML file, the models of the sample above it unless told otherwise."""

    def run(text=GRID, *arguments, models=MODELS):
        (tmp_path / "sweep.yaml").write_text(models + text)
        return deteval_run("sweep", tmp_path / "sweep.yaml", "--threads", 1, *arguments)

    return run


@pytest.fixture
def points(deteval_run):
    """Runs `deteval operating-points` on the sample."""
    files = (SAMPLE / "preds.json", SAMPLE / "gt.json")
    return lambda *arguments: deteval_run("operating-points", *files, "--threads", 1, *arguments)
