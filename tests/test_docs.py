"""Documentation and code say the same: examples are run, and options, findings, names and fields are compared."""

import contextlib
import inspect
import io
import math
import re
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import deteval
from deteval.cli.main import COMMANDS, main
from deteval.loading.settings import SETTINGS, make_settings, read_config
from deteval.records.findings import CATALOGUE, ERROR
from deteval.records.metric import parse_metrics

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import examples  # noqa: E402

README = (ROOT / "README.md").read_text("utf-8")
DOCS = {page.name: page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md")}
EVERYTHING = "\n".join([README, *DOCS.values()])
PAGES = [page for page in examples.pages() if "recipes" not in page.parts]  # test_recipes.py runs those
INSTALL = ("python3 -m venv .venv && .venv/bin/pip install . && "
           ".venv/bin/deteval score fixtures/sample/preds.json fixtures/sample/gt.json")
TEST = ".venv/bin/pip install '.[test]' && .venv/bin/pytest"
FIRST, SECOND = [10.0, 10.0, 20.0, 20.0], [60.0, 10.0, 20.0, 20.0]
OTHERS_OPTIONS = {"--to", "--out", "--help", "--version"}


def options(command: str) -> list[str]:
    """All spellings of the options of a command."""
    found = main.get_command(click.Context(main), command)
    assert found is not None
    return [name for param in found.params if isinstance(param, click.Option)
            for name in (*param.opts, *param.secondary_opts)]


def help_of(command: str) -> str:
    """What `deteval COMMAND --help` prints."""
    return examples.run_deteval(f"deteval {command} --help")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows of a page."""
    return [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in text.splitlines()
            if line.startswith("|") and not line.startswith("|--")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_come_out_as_shown(page: Path) -> None:
    examples.check(page)


def test_ellipsis_stands_for_any_lines() -> None:
    assert examples.matches("a\n...\nd\n", "a\nb\nc\nd\n")
    assert examples.matches("...\nd\n", "d\n")
    assert not examples.matches("a\n...\nd\n", "a\nb\nc\n")
    assert not examples.matches("a.\n", "ab\n")


def test_readme_has_the_two_commands_in_blocks_of_their_own() -> None:
    bash = [block.text for block in examples.blocks(ROOT / "README.md") if block.language == "bash"]
    assert INSTALL + "\n" in bash
    assert TEST + "\n" in bash


def test_readme_begins_with_a_real_run() -> None:
    first = next(block for block in examples.blocks(ROOT / "README.md") if block.text)
    assert first.language == "console"
    assert "\n...\n" not in first.text
    assert first.line < 10


def reference_ap(ids: list[int], scores: list[float], boxes: list[list[float]], classes: list[int],
                 caps: list[int]) -> float:
    """What pycocotools calls AP on two objects (one if there is one id), detections given."""
    truth = COCO()
    truth.dataset = two_objects(ids)
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        found = truth.loadRes(detections(scores, boxes, classes))
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.params.maxDets = caps
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def two_objects(ids: list[int]) -> dict[str, Any]:
    """A ground truth with an object for each annotation id."""
    return {"images": [{"id": 1}], "categories": [{"id": 1, "name": "thing"}],
            "annotations": [{"id": key, "image_id": 1, "category_id": 1, "bbox": box, "area": 400, "iscrowd": 0}
                            for key, box in zip(ids, (FIRST, SECOND), strict=False)]}


def detections(scores: list[float], boxes: list[list[float]], classes: list[int]) -> list[dict[str, Any]]:
    """Results on the one image."""
    return [{"image_id": 1, "category_id": k, "bbox": box, "score": score}
            for score, box, k in zip(scores, boxes, classes, strict=True)]


@pytest.mark.parametrize("ids, scores, boxes, classes, caps, reference, ours", [
    ([1], [0.9], [[math.nan] * 4], [1], [1, 10, 100], 1.0, "not-finite"),
    ([1, 2], [0.9, math.nan], [FIRST, SECOND], [1, 1], [1, 10, 100], 1.0, "not-finite"),
    ([1], [0.9, 0.8], [FIRST, SECOND], [1, 7], [1, 10, 100], 1.0, "unknown-category"),
    ([0, 1], [0.9, 0.9], [FIRST, SECOND], [1, 1], [1, 10, 100], 0.2525, 1.0),
    ([1, 1], [0.9, 0.9], [FIRST, SECOND], [1, 1], [1, 10, 100], 0.2525, 1.0),
    ([1], [0.9], [FIRST], [1], [1, 10, 300], -1.0, 1.0),
], ids=["nan-box", "nan-score", "unknown-class", "id-zero", "shared-id", "caps"])
def test_what_the_readme_says_of_pycocotools(ids: list[int], scores: list[float], boxes: list[list[float]],
                                             classes: list[int], caps: list[int], reference: float,
                                             ours: float | str) -> None:
    assert reference_ap(ids, scores, boxes, classes, caps) == pytest.approx(reference, abs=1e-4)
    gt = deteval.load_ground_truth(two_objects(ids))
    if isinstance(ours, str):
        with pytest.raises(deteval.DetevalError, match=rf"\[{ours}\]"):
            deteval.load_detections(detections(scores, boxes, classes), gt)
        return
    dt = deteval.load_detections(detections(scores, boxes, classes), gt)
    ap = deteval.evaluate(gt, dt, deteval.Params(max_dets=tuple(caps)), metrics=parse_metrics("AP")).metrics["AP"]
    assert ap == pytest.approx(ours)


def test_no_detections_are_an_error_of_pycocotools_only() -> None:
    with pytest.raises(IndexError):
        reference_ap([1], [], [], [], [1, 10, 100])
    gt = deteval.load_ground_truth(two_objects([1]))
    assert deteval.evaluate(gt, deteval.load_detections([], gt)).metrics["AP"] == 0


def test_benchmark_block_is_delimited() -> None:
    assert re.search(r"^<!-- benchmark -->\n(.*\n)*?<!-- /benchmark -->$", README, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str) -> None:
    assert f"deteval {command}" in README
    missing = [name for name in options(command) if f"`{name}" not in EVERYTHING and f", `{name}" not in EVERYTHING]
    assert missing == ["-h", "--help"][: len(missing)]


def test_every_documented_option_exists() -> None:
    known = {name for command in COMMANDS for name in options(command)} | OTHERS_OPTIONS
    documented = set(re.findall(r"`(--[a-z][a-z-]*)", EVERYTHING))
    assert documented - known == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str) -> None:
    text = help_of(command)
    shown = text[text.index("Examples:") :].split("\n\n")[0].splitlines()[1:]
    assert shown
    assert all(f"deteval {command} " in line for line in shown)
    assert "Exit codes:" in text


def test_main_help_names_every_command() -> None:
    text = examples.run_deteval("deteval --help")[0]
    assert all(f"  {command} " in text and f"deteval {command} " in text for command in COMMANDS)


def test_documented_defaults_are_those_of_the_code() -> None:
    found = {row[0].strip("`").removeprefix("--").replace("-", "_"): re.search(r"Default `([^`]*)`", row[-1])
             for row in rows(DOCS["cli.md"]) if row[0].startswith("`--")}
    checked = {name: default[1] for name, default in found.items() if default and name in SETTINGS}
    assert set(checked) == {"similarity", "iou", "max_dets", "area", "area_source", "box_format", "match_images"}
    given = make_settings(checked)
    assert (given.params, given.reading) == (make_settings({}).params, make_settings({}).reading)


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_configs_are_mentioned(config: Path) -> None:
    assert f"configs/{config.name}" in README


def test_coco_yaml_states_the_defaults() -> None:
    values = read_config(ROOT / "configs" / "coco.yaml")
    assert make_settings(values).params == make_settings({}).params
    assert make_settings(values).reading == make_settings({}).reading


def test_yaml_of_the_command_line_page_loads(tmp_path: Path) -> None:
    config, category_map = (block.text for block in examples.blocks(ROOT / "docs" / "cli.md")
                            if block.language == "yaml")
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "my_classes.yaml").write_text(category_map)
    extra = ("images", "metrics", "per_class", "digits", "format", "threads")
    settings = read_config(tmp_path / "config.yaml", extra)
    assert settings["category_map"] == str(tmp_path / "my_classes.yaml")
    assert all(f"`{name}`" in DOCS["cli.md"] for name in extra)


def test_findings_page_is_the_catalogue() -> None:
    documented = {row[0].strip("`"): (row[1], row[4]) for row in rows(DOCS["findings.md"])
                  if row[0].startswith("`")}
    expected = {code: (kind.severity, kind.allowed or ("never" if kind.severity == ERROR else ""))
                for code, kind in CATALOGUE.items()}
    assert documented == expected


def test_metric_table_parses() -> None:
    section = README[README.index("## The metric language") : README.index("## Output")]
    spelled = [metric for row in rows(section)[1:] for metric in re.findall(r"`([^`]+)`", row[0])]
    assert len(spelled) > 20
    for text in spelled:
        assert [str(metric) for metric in parse_metrics(text)] == [text]


def test_every_public_name_is_documented() -> None:
    page = DOCS["api.md"]
    assert [name for name in deteval.__all__ if f"`{name}`" not in page and f"`{name}," not in page
            and f", {name}`" not in page] == []
    for name in ("load_ground_truth", "load_detections", "evaluate", "match", "measure", "merge", "parse_metrics",
                 "make_run", "save_evidence", "load_evidence", "plan_sweep", "sweep"):
        for parameter in inspect.signature(getattr(deteval, name)).parameters:
            assert re.search(rf"^`{name}\(.*\b{parameter}\b", page, re.MULTILINE), (name, parameter)
    for kind in (deteval.Params, deteval.Reading):
        section = page[page.index(f"`{kind.__name__}(") :]
        section = section[: section.index(")`")]
        hidden = {"notes"}  # not given by users
        names = set(kind.__struct_fields__) - hidden
        assert {name for name in names if f"{name}=" not in section.replace("\n", " ")} == set()


def test_every_json_field_is_documented() -> None:
    with examples.working_folder():
        gt = deteval.load_ground_truth("fixtures/sample/gt.json")
        document = deteval.evaluate(gt, deteval.load_detections("fixtures/sample/preds.json", gt)).to_dict()
    page = DOCS["json.md"]
    for name in (*document, *document["classes"][0], *document["counts_at"], *document["findings"][0]):
        assert f"`{name}`" in page, name
    assert all(f"`{name}`" in DOCS["metrics.md"] for name in document["totals"])
    assert f"`{document['schema']}`" in page


def test_changelog_names_the_version() -> None:
    assert f"\n## {deteval.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_contributing_is_short() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()) <= 60


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [*examples.pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"],
                         ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target, fragment in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
        if target.startswith("http"):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert fragment in [anchor(heading) for heading in headings], (target, fragment)
