"""docs/gating.md and configs/gate.yaml: what is there to copy works, from nothing to a red build."""

import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from datetime import date
from pathlib import Path

import pytest
import yaml
from gate_data import PREDICTIONS, SAMPLE, TRUTH

import deteval
from deteval.loading.gate_file import KEYS, RESAMPLING_KEYS, read_gate
from deteval.loading.gate_rules import RULE_KEYS
from deteval.loading.gate_targets import find_targets
from deteval.loading.slices import select
from deteval.records.gate import MODES

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import examples  # noqa: E402

PAGE = ROOT / "docs" / "gating.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = {name: block for block in examples.blocks(PAGE) if (name := examples.file_of(block))}
PREDICT = """\
import argparse, shutil
parser = argparse.ArgumentParser()
parser.add_argument("--images")
parser.add_argument("--output")
shutil.copy("model.json", parser.parse_args().output)
"""
NEEDS_THE_SERVICE = re.compile(r"^(pip install|git push|gh )")


def test_the_config_loads_and_fits_the_sample():
    gate = read_gate(ROOT / "configs" / "gate.yaml")
    truth = deteval.load_ground_truth(TRUTH)
    targets = find_targets(gate, truth.categories, deteval.Params(), date(2027, 1, 1))
    assert [len(classes) for classes in targets.classes if classes is not None] == [6, 2]
    assert [len(select(rule, truth.images)) for rule in gate.slices.values()] == [20, 2]
    assert list(targets.muted) == [truth.categories.names.index("dog")]
    stated = yaml.safe_load((ROOT / "configs" / "gate.yaml").read_text())
    assert set(stated) == set(KEYS), "every key is stated"
    assert {key for rule in stated["rules"] for key in rule} == set(RULE_KEYS), "and every key of a rule"


def test_the_config_states_the_defaults():
    from msgspec.structs import asdict

    from deteval.records.resampling import Resampling

    gate = read_gate(ROOT / "configs" / "gate.yaml")
    assert {key: asdict(Resampling())[key] for key in gate.resampling} == gate.resampling
    assert gate.defaults == {"level": "error"}


def test_the_page_names_every_key_and_mode():
    for name in (*KEYS, *RULE_KEYS, *RESAMPLING_KEYS, *MODES):
        assert f"`{name}`" in TEXT or name == "rules", name


def steps(document):
    """The commands of a workflow or pipeline, those that need the service aside; each as a script."""
    jobs = document.get("jobs", document)
    scripts = []
    for job in jobs.values():
        scripts += [step["run"] for step in job.get("steps", []) if "run" in step] + job.get("script", [])
    kept = [[line for line in script.splitlines() if not NEEDS_THE_SERVICE.match(line)] for script in scripts]
    return ["\n".join(lines) for lines in kept if lines]


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A repository as the page describes it, with a stub for the model that copies model.json."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/val", "baselines"):
        Path(name).mkdir(parents=True)
    Path("data/val.json").write_text(TRUTH.read_text())
    Path("model.json").write_text(PREDICTIONS.read_text())
    Path("predict.py").write_text(PREDICT)
    for block in BLOCKS.values():
        examples.write_block(block)
    written = re.search(r"^\$ (deteval score .*)$", TEXT, re.MULTILINE)
    Path("predictions.json").write_text(PREDICTIONS.read_text())
    run(written[1])
    return tmp_path


def run(script):
    """The last exit code and the output of a script, run as a service runs it: bash -e."""
    done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, check=False, timeout=120,
                          env=environment())
    return done.returncode, done.stdout + done.stderr


def environment():
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_RUN_ID": "7", "GITHUB_STEP_SUMMARY": str(Path("summary.md").resolve())}


def test_the_files_are_those_of_the_services():
    assert set(BLOCKS) == {"gate.yaml", ".gitlab-ci.yml", ".github/workflows/gate.yml",
                           ".github/workflows/baseline.yml"}
    for name, block in BLOCKS.items():
        document = yaml.safe_load(block.text)
        if "workflows" in name:
            job, = document["jobs"].values()
            assert job["runs-on"]
            assert {True, "jobs", "permissions"} <= set(document), "YAML 1.1 reads the key on as true"
            assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)
            assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_what_is_installed_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "```text\ndeteval[gate]\n```" in TEXT
    assert project["name"] == "deteval"
    assert any(one.startswith("junitparser") for one in project["optional-dependencies"]["gate"])


@pytest.mark.parametrize("name", [".github/workflows/gate.yml", ".gitlab-ci.yml"])
def test_from_a_green_build_to_a_red_one(scratch, name):
    predict, gate = steps(yaml.safe_load(BLOCKS[name].text))
    for model, expected in ((PREDICTIONS, 0), (SAMPLE / "preds_new.json", 1)):
        Path("model.json").write_text(model.read_text())
        assert run(predict)[0] == 0
        code, output = run(gate)
        assert code == expected, output
        cases = ElementTree.parse("gate.xml").getroot()
        assert int(cases.get("failures")) == expected
    assert "::error file=gate.yaml,line=6,title=deteval gate%3A AP of person::AP of person fell by 11.9" in output
    assert "FAIL: 1 of 7 tests failed" in Path("summary.md").read_text()


def test_the_baseline_is_updated_by_review(scratch):
    run("git init -q -b main && git add . && git -c user.name=a -c user.email=a@b commit -q -m start")
    Path("model.json").write_text((SAMPLE / "preds_new.json").read_text())
    scripts = steps(yaml.safe_load(BLOCKS[".github/workflows/baseline.yml"].text))
    for script in scripts:
        code, output = run(script)
        assert code == 0, output
    code, output = run("git diff --stat main HEAD -- baselines")
    assert "main.json" in output
    assert "main.evidence.npz" in output
    assert "baseline-7" in run("git branch --show-current")[1]
    code, output = run("deteval gate predictions.json data/val.json --config gate.yaml")
    assert code == 0, output
