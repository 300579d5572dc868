"""The recipes: every page is run on data in its framework's form, and all come to the same numbers."""

import json
import os
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deteval

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"
sys.path.insert(0, str(ROOT / "docs"))
import examples  # noqa: E402

PAGES = [page for page in examples.pages() if page.parent.name == "recipes" and page.name != "README.md"]
FRAMEWORKS = [page.stem for page in PAGES]


def page_of(framework: str) -> Path:
    return ROOT / "docs" / "recipes" / f"{framework}.md"


@pytest.fixture(scope="module")
def expected() -> deteval.Scores:
    """Scores of the first eight images of the sample, of which all recipes are made."""
    gt = deteval.load_ground_truth(FIXTURES / "sample" / "gt.json")
    dt = deteval.load_detections(FIXTURES / "sample" / "preds.json", gt)
    return deteval.evaluate(gt, dt, images=range(8))


@pytest.fixture(scope="module")
def names() -> dict[str, dict[str, Any]]:
    """What is defined once all examples of a page have run, by framework."""
    return {framework: examples.check(page_of(framework)) for framework in FRAMEWORKS}


def test_there_is_a_page_and_a_folder_for_every_framework() -> None:
    assert sorted(folder.name for folder in (FIXTURES / "recipes").iterdir()) == FRAMEWORKS
    index = (ROOT / "docs" / "recipes" / "README.md").read_text("utf-8")
    assert all(f"({page.name})" in index for page in PAGES)


def test_the_index_runs() -> None:
    examples.check(ROOT / "docs" / "recipes" / "README.md")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_python_comes_to_the_same_numbers(framework: str, names: dict[str, dict[str, Any]],
                                          expected: deteval.Scores) -> None:
    if framework == "detectron2":
        assert "scores" not in names[framework]  # its file needs no conversion
        return
    scores = names[framework]["scores"]
    assert scores.totals == expected.totals
    # corners cost a last bit of a box, text labels all but six digits
    assert list(scores.metrics.values()) == pytest.approx(list(expected.metrics.values()), abs=1e-12)


def score_commands() -> list[str]:
    """All `deteval score` commands of the pages that read bundled files."""
    texts = [block.text for page in PAGES for block in examples.blocks(page) if block.language == "console"]
    return [line[2:] for text in texts for line in text.splitlines()
            if line.startswith("$ deteval score fixtures/")]


@pytest.mark.parametrize("command", score_commands(), ids=lambda command: shlex.split(command)[2].split("recipes/")[1])
def test_command_line_comes_to_the_same_numbers(command: str, expected: deteval.Scores) -> None:
    with examples.working_folder():
        output, code = examples.run_deteval(f"{command} --format json")
    assert code == 0
    document = json.loads(output)
    assert document["totals"] == expected.totals
    assert document["metrics"] == expected.metrics


class Tensor:
    """As much of a tensor on the CPU as numpy sees."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, dtype=np.float32 if np.asarray(values).dtype.kind == "f" else np.int64)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self) -> int:
        return len(self.values)


def test_torchvision_takes_tensors(names: dict[str, dict[str, Any]]) -> None:
    columns = names["torchvision"]["columns"]
    outputs = [{"boxes": Tensor(np.zeros((0, 4), np.float32)), "labels": Tensor(np.zeros(0, int)),
                "scores": Tensor(np.zeros(0))},
               {"boxes": Tensor([[1.0, 2.0, 5.0, 9.0]]), "labels": Tensor([3]), "scores": Tensor([0.5])}]
    found = columns(outputs, [7, 8])
    assert {name: values.tolist() for name, values in found.items()} == {
        "image_id": [8], "category_id": [3], "bbox": [[1.0, 2.0, 5.0, 9.0]], "score": [0.5]}


def test_mmdetection_takes_a_pickle_of_tensors(names: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    results = json.loads((FIXTURES / "recipes" / "mmdetection" / "results.json").read_text("utf-8"))
    for result in results:
        found = result["pred_instances"]
        found["bboxes"] = Tensor(np.array(found["bboxes"], float).reshape(-1, 4))
        found["labels"], found["scores"] = Tensor(np.array(found["labels"], int)), Tensor(np.array(found["scores"]))
    (tmp_path / "results.pkl").write_bytes(pickle.dumps(results))
    results = pickle.loads((tmp_path / "results.pkl").read_bytes())
    columns = names["mmdetection"]["columns"](results, [1, 2, 3, 6, 10, 18])
    assert columns["bbox"].shape == (102, 4)
    assert set(columns["category_id"].tolist()) <= {1, 2, 3, 6, 10, 18}


@pytest.mark.parametrize("script, folder", [("make_sample.py", "sample"), ("make_recipes.py", "recipes")])
def test_scripts_make_what_is_bundled(script: str, folder: str, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONSAFEPATH": ""}  # the scripts stand beside each other and import each other
    subprocess.run([sys.executable, FIXTURES / script, "--to", tmp_path], check=True, env=environment)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    bundled = {path.relative_to(FIXTURES / folder): path.read_bytes()
               for path in (FIXTURES / folder).rglob("*") if path.is_file()}
    assert made == bundled


def test_sample_is_as_described() -> None:
    text = (FIXTURES / "README.md").read_text("utf-8")
    truth = json.loads((FIXTURES / "sample" / "gt.json").read_text("utf-8"))
    detections = json.loads((FIXTURES / "sample" / "preds.json").read_text("utf-8"))
    objects = [one for one in truth["annotations"] if not one["iscrowd"]]
    crowds = [one["image_id"] for one in truth["annotations"] if one["iscrowd"]]
    assert f"{len(truth['images'])} images of 640 x 480 pixels, {len(truth['categories'])} classes, " in text
    assert re.search(rf"{len(objects)} objects of all COCO sizes and two crowds, {len(detections)} detections", text)
    images = set(range(1, 41))
    assert images - {one["image_id"] for one in truth["annotations"]} == {7, 23}
    assert images - {one["image_id"] for one in detections} == {18}
    assert crowds == [12, 31]
