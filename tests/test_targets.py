"""No command writes over a file that it reads: every option that names a file to write, against every input."""

import json
from importlib import import_module

import pytest
from conftest import SAMPLE

from deteval.cli.main import COMMANDS
from deteval.cli.targets import SOURCES, TARGETS

SETTING_FILES = ("category_map", "operating_points")
FLAGS = {"ground_truth": "--gt", "output": "-o"}
REFUSAL = "is an input too; write the "
TEXTS = {
    "gt.json": (SAMPLE / "gt.json").read_text(), "preds.json": (SAMPLE / "preds.json").read_text(),
    "new.json": (SAMPLE / "preds_new.json").read_text(), "ids.txt": "1\n2\n3\n", "map.yaml": "1: 1\n",
    "cuts.yaml": "classes: {person: 0.5}\ndefault: 0.1\n", "slices.yaml": "few: {ids: [1, 2]}\n",
    "clusters.csv": "image,cluster\n1,a\n", "config.yaml": "similarity: iou\n",
    "sweep.yaml": "ground_truth: gt.json\npredictions: {a: preds.json}\nsweep: {max_dets: [10, 100]}\n",
}
READS = {
    "category_map": "map.yaml", "operating_points": "cuts.yaml", "config": "config.yaml", "images": "ids.txt",
    "slices": "slices.yaml", "cluster_by": "clusters.csv", "base": "preds.json", "baseline": "base.json",
    "ground_truth": "gt.json",
}
BEFORE = {
    "score": ["preds.json", "gt.json"], "compare": ["preds.json", "new.json"], "explain": ["new.json", "gt.json"],
    "gate": ["new.json", "gt.json", "--max-drop", "AP=1pt"], "sweep": ["sweep.yaml"],
    "operating-points": ["preds.json", "gt.json", "--stability"], "check": ["preds.json", "gt.json"],
    "crosscheck": ["preds.json", "gt.json"],
}
NEEDS = {("compare", "ground_truth"): {}, ("gate", "baseline"): {}, ("explain", "slices"): {"base": "preds.json"},
         ("gate", "config"): {"baseline": "base.json"}, ("sweep", "ground_truth"): {}}
"""What must be given besides; for the others the defaults below."""
ALWAYS = {"compare": {"ground_truth": "gt.json"}, "gate": {"baseline": "base.json"}}


def options_of(command):
    """The options of a command that name files, by name: the flag."""
    found = getattr(import_module(f"deteval.cli.{command.replace('-', '_')}"), command.replace("-", "_"))
    return {one.name: FLAGS.get(one.name, one.opts[-1]) for one in found.params
            if one.param_type_name == "option" and ("FILE" in (one.metavar or "") or one.name == "ground_truth")}


CASES = [(command, source, target) for command in COMMANDS for source in options_of(command) if source not in TARGETS
         for target in options_of(command) if target in TARGETS]


@pytest.fixture
def folder(tmp_path, monkeypatch, gate_base):
    """A folder with one file of every kind, and nothing may be matched."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    for name in ("base.json", "base.evidence.npz"):
        (tmp_path / name).write_bytes((gate_base / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deteval.runs.make_run", lambda *a, **k: pytest.fail("something was matched"))
    return tmp_path


def state(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def refused(deteval_run, folder, arguments, target):
    before = state(folder)
    outcome = deteval_run(*arguments)
    assert (outcome.code, outcome.out) == (2, ""), arguments
    assert outcome.err.startswith(f"deteval: {target}: "), (arguments, outcome.err)
    assert REFUSAL in outcome.err, (arguments, outcome.err)
    assert state(folder) == before


def test_every_option_of_a_file_is_known():
    for command in COMMANDS:
        for name in options_of(command):
            assert name in TARGETS or name in SOURCES or name in SETTING_FILES, f"{command}: {name}"


@pytest.mark.parametrize("command, source, target", CASES)
def test_an_input_named_by_an_option(deteval_run, folder, command, source, target):
    flags, path = options_of(command), READS[source]
    if (command, source) == ("gate", "config"):
        (folder / path).write_text("rules: [{metric: AP, max_drop: 1pt}]\n")
    more = {source: path} | ALWAYS.get(command, {}) | NEEDS.get((command, source), {})
    arguments = [word for name, value in more.items() for word in (flags[name], value)]
    refused(deteval_run, folder, [command, *BEFORE[command], *arguments, flags[target], f"./{path}"], f"./{path}")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_input_that_is_an_argument(deteval_run, folder, command):
    flags = options_of(command)
    more = [word for name, value in ALWAYS.get(command, {}).items() for word in (flags[name], value)]
    for path in [one for one in BEFORE[command] if one in TEXTS]:
        for target in TARGETS.keys() & flags.keys():
            refused(deteval_run, folder, [command, *BEFORE[command], *more, flags[target], path], path)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ("gate", "sweep")])
@pytest.mark.parametrize("overridden", [False, True])
def test_an_input_that_a_config_names(deteval_run, folder, command, overridden):
    (folder / "sub").mkdir()
    for name in ("ids.txt", "map.yaml", "cuts.yaml"):
        (folder / "sub" / name).write_text(TEXTS[name])
    (folder / "sub" / "config.yaml").write_text(
        "images: ids.txt\ncategory_map: map.yaml\noperating_points: cuts.yaml\n")
    flags = options_of(command)
    given = {"config": "sub/config.yaml"} | ALWAYS.get(command, {})
    if overridden:  # it is not used, and still not to be lost
        given |= {"images": "ids.txt", "category_map": "+0", "operating_points": "none"}
    more = [word for name, value in given.items() for word in (flags[name], value)]
    before = {one: one.read_text() for one in (folder / "sub").iterdir()}
    for path in ("sub/ids.txt", "sub/map.yaml", "sub/cuts.yaml"):
        for target in TARGETS.keys() & flags.keys():
            outcome = deteval_run(command, *BEFORE[command], *more, flags[target], path)
            assert (outcome.code, outcome.out) == (2, "")
            assert outcome.err.startswith(f"deteval: {path}: {REFUSAL}")
    assert before == {one: one.read_text() for one in (folder / "sub").iterdir()}


GATE_TARGETS = [["-o"], ["--html"], ["--junit"], ["-q", "-o"]]


@pytest.mark.parametrize("target", GATE_TARGETS)
@pytest.mark.parametrize("path", ["base.evidence.npz", "link.npz", "ids.txt", "map.yaml", "cuts.yaml", "clusters.csv",
                                  "base.json", "gate.yaml"])
def test_what_a_gate_finds_by_itself(deteval_run, folder, target, path):
    (folder / "link.npz").symlink_to("base.evidence.npz")
    (folder / "gate.yaml").write_text(
        "baseline: base.json\nsettings: {images: ids.txt, category_map: map.yaml, operating_points: cuts.yaml}\n"
        "defaults: {cluster_by: clusters.csv}\nrules: [{metric: AP, max_drop: 1pt}]\n")
    refused(deteval_run, folder, ["gate", "new.json", "gt.json", "--config", "gate.yaml", *target, path], path)


def test_a_file_that_the_settings_of_a_baseline_name(deteval_run, folder):
    document = json.loads((folder / "base.json").read_text())
    document["settings"]["category_map"] = "map.yaml"
    (folder / "base.json").write_text(json.dumps(document))
    refused(deteval_run, folder, ["gate", *BEFORE["gate"], "--baseline", "base.json", "--junit", "map.yaml"],
            "map.yaml")


@pytest.mark.parametrize("path", ["base.evidence.npz", "new.json"])
def test_the_step_summary_of_github_is_no_input(deteval_run, folder, monkeypatch, path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / path))
    refused(deteval_run, folder, ["gate", *BEFORE["gate"], "--baseline", "base.json"], "GITHUB_STEP_SUMMARY")


def test_evidence_is_not_read_first(deteval_run, folder, monkeypatch):
    evidence = folder / "base.evidence.npz"
    monkeypatch.setattr("deteval.loading.evidence_file.load_evidence", lambda *a: pytest.fail("something was read"))
    for command, more in (("compare", [evidence]), ("explain", ["--base", evidence]), ("operating-points", []),
                          ("explain", [])):
        refused(deteval_run, folder, [command, evidence, *more, "-o", evidence], evidence)
        refused(deteval_run, folder, [command, evidence, *more, "--html", evidence], evidence)


@pytest.mark.parametrize("name", ["street_001.JPG", "street_001.jp2", "street_001"])
@pytest.mark.parametrize("target", ["-o", "--html"])
def test_pictures_are_inputs(deteval_run, folder, target, name):
    (folder / "images").mkdir()
    picture = folder / "images" / name
    picture.write_bytes(b"a picture")
    given = ["score", "preds.json", "gt.json", "--images-dir", "images"] + (["--html", "x"] if target == "-o" else [])
    outcome = deteval_run(*given, target, f"images/{name}")
    assert (outcome.code, outcome.out) == (2, "")
    assert "is an input too, a picture of --images-dir" in outcome.err
    assert picture.read_bytes() == b"a picture"
    assert not (folder / "x").exists()
