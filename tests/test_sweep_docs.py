"""docs/sweep.md, docs/json.md and configs/sweep.yaml say what there is, and what is there to copy works."""

import json
from pathlib import Path

import jsonschema
import yaml

import deteval
from deteval.loading.sweep_axes import NAMES
from deteval.loading.sweep_file import KEYS, read_sweep
from deteval.records.sweep import CHEAP

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "sweep.md").read_text("utf-8")
SCHEMA = json.loads((Path(deteval.__file__).parent / "sweep.schema.json").read_text())


def test_the_config_states_every_key_and_runs(deteval_run, monkeypatch):
    path = ROOT / "configs" / "sweep.yaml"
    assert set(yaml.safe_load(path.read_text())) == set(KEYS), "every key is stated"
    assert {name: len(axis) for name, axis in read_sweep(path).axes.items()} == {"iou": 3, "min_score": 19, "nms": 2}
    monkeypatch.chdir(ROOT)
    outcome = deteval_run("sweep", "configs/sweep.yaml", "--digits", 2)
    assert outcome.code == 0
    assert "old: F1 0.81 with precision 0.85 at iou .5, min_score 0.45, nms 0.5" in outcome.out


def test_the_page_names_every_key_and_axis_with_its_cost():
    assert [key for key in KEYS if f"`{key}`" not in PAGE] == []
    axes = PAGE[PAGE.index("| axis |") :].split("\n\n")[0].splitlines()[2:]
    costs = {name.strip("` "): row.split("|")[3].strip() for row in axes for name in row.split("|")[1].split(",")}
    assert costs == {name: "nothing" if name in CHEAP else "a match for each value" for name in NAMES}


def test_every_json_field_is_documented(deteval_run):
    outcome = deteval_run("sweep", ROOT / "configs" / "sweep.yaml", "--format", "json", "-q", "--iou", ".5")
    document = json.loads(outcome.out)
    jsonschema.validate(document, SCHEMA)
    assert set(document) == set(SCHEMA["required"]) == set(SCHEMA["properties"])
    page = (ROOT / "docs" / "json.md").read_text("utf-8")
    section = page[page.index("## `deteval sweep --format json`") :].split("\n## ")[0]
    for name in (*document, *document["best"][0], *document["axes"][0], *document["objective"]):
        assert f"`{name}`" in section, name
