"""`--allow CODE` and `--lenient`: the run scores, the finding becomes a counted warning, and the number is the one
that the catalogue promises.
"""

import contextlib
import copy
import io
import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
from loading_transcripts import FIXTURES, run
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from deteval.records.findings import ALLOWABLE, CATALOGUE

FOLDER = FIXTURES / "broken"


class Case(NamedTuple):
    """Files of fixtures/broken, how many cases the finding counts, and how both sides are mended (in place) before
    the reference scores them: None where it takes them as they are.
    """

    code: str
    files: tuple[str, ...]
    count: int
    mend: Callable[[dict, list], None] | None


def box_areas(truth, _):
    for one in truth["annotations"]:
        one["area"] = one["area"] if one["area"] >= 0 else one["bbox"][2] * one["bbox"][3]


def drop_unknown_images(truth, found):
    known = {image["id"] for image in truth["images"]}
    found[:] = [one for one in found if one["image_id"] in known]


def keep_first_images(truth, _):
    truth["images"] = list({image["id"]: image for image in reversed(truth["images"])}.values())


def nothing(truth, found):
    pass


CASES = [
    Case("negative-box", ("preds-negative-width.json", "gt.json"), 2, None),
    Case("negative-box", ("preds-negative-height.json", "gt.json"), 1, None),
    Case("negative-box", ("preds.json", "gt-negative-box.json"), 1, None),
    Case("negative-area", ("preds.json", "gt-negative-area.json"), 2, box_areas),
    Case("unknown-image", ("preds-unknown-image.json", "gt.json"), 2, drop_unknown_images),
    Case("unknown-category", ("preds-unknown-category.json", "gt.json"), 2, None),
    Case("orphan-annotation", ("preds.json", "gt-orphan-image.json"), 2, None),
    Case("orphan-annotation", ("preds.json", "gt-orphan-category.json"), 1, None),
    Case("duplicate-image", ("preds.json", "gt-duplicate-image.json"), 1, keep_first_images),
    Case("duplicate-category", ("preds.json", "gt-duplicate-category-name.json"), 1, nothing),
    Case("image-in-two-files", ("shard-1.json", "shard-2.json", "gt.json"), 1, nothing),
]


def reference(case):
    """The twelve numbers of pycocotools on the files of a case."""
    *found, truth = (json.loads((FOLDER / name).read_text("utf-8")) for name in case.files)
    found = [one for part in found for one in part]
    if case.mend is not None:
        case.mend(truth, found)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def score(files, *options):
    code, out, err = run("score", *files, "--format", "json", *options)
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {' '.join(case.files)}")
def test_allowed_findings_are_counted_and_score_as_promised(case, monkeypatch):
    monkeypatch.chdir(FOLDER)
    document = score(case.files, "--allow", case.code)
    (finding,) = [one for one in document["findings"] if one["code"] == case.code]
    assert (finding["severity"], finding["count"]) == ("warning", case.count)
    assert finding["message"].endswith(f"; allowed: {CATALOGUE[case.code].allowed}")
    assert [-1.0 if value is None else value for value in document["metrics"].values()] == reference(case)
    assert any(case.code in reason for reason in document["not_comparable"])
    assert score(case.files, "--lenient")["metrics"] == document["metrics"]


def test_every_allowable_code_has_a_case():
    assert {case.code for case in CASES} == ALLOWABLE


def test_allowing_one_code_leaves_the_others_errors(monkeypatch):
    monkeypatch.chdir(FOLDER)
    files = ("preds-unknown-category.json", "gt-orphan-image.json")
    assert run("score", *files, "--allow", "unknown-category")[0] == 3
    document = score(files, "--lenient")
    assert {one["code"] for one in document["findings"] if "; allowed: " in one["message"]} == {
        "unknown-category", "orphan-annotation"}
    assert document["metrics"] == score(files, "--allow", "unknown-category,orphan-annotation")["metrics"]


def test_names_that_stand_twice_are_told_apart(monkeypatch):
    monkeypatch.chdir(FOLDER)
    document = score(("preds.json", "gt-duplicate-category-name.json"), "--lenient")
    assert [one["name"] for one in document["classes"]] == ["cat", "dog#2", "dog#3"]


def test_an_id_that_stands_twice_is_never_allowed(monkeypatch):
    monkeypatch.chdir(FOLDER)
    code, _, err = run("score", "preds.json", "gt-duplicate-category-id.json", "--lenient")
    assert code == 3
    assert err == ("deteval: gt-duplicate-category-id.json: categories[2].id: 2 is listed twice "
                   "[duplicate-category]\n")


@pytest.mark.parametrize("code", sorted(set(CATALOGUE) - ALLOWABLE))
def test_other_codes_are_refused(code, monkeypatch):
    monkeypatch.chdir(FOLDER)
    result = run("score", "preds.json", "gt.json", "--allow", code)
    assert result[0] == 2
    assert result[2].startswith(f"deteval: allow: {code} can never be allowed; these can: negative-box, ")


def test_an_unknown_code_is_refused_with_the_nearest():
    assert run("score", "a", "b", "--allow", "unknown-imag")[1:] == (
        "", "deteval: allow: there is no finding 'unknown-imag'; did you mean 'unknown-image'?\n")
