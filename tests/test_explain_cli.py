"""`deteval explain`: two models and one, formats that agree, image ids, evidence, and what is refused."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from conftest import SAMPLE
from explain_data import made_diagnosis, made_explanation
from gate_data import write

import deteval

BASE, NEW, GT = SAMPLE / "preds.json", SAMPLE / "preds_new.json", SAMPLE / "gt.json"
SCHEMAS = {name: json.loads((Path(deteval.__file__).parent / f"{name}.schema.json").read_text())
           for name in ("explanation", "diagnosis")}
PARTS = ("error_kinds", "confusion", "suspects", "calibration")


@pytest.fixture
def change(deteval_run):
    """Runs `deteval explain` on the sample's two models."""
    return lambda *arguments: deteval_run("explain", NEW, GT, "--base", BASE, "--threads", 1, *arguments)


@pytest.fixture
def alone(deteval_run):
    """Runs `deteval explain` on one model of the sample."""
    return lambda *arguments: deteval_run("explain", BASE, GT, "--threads", 1, *arguments)


@pytest.fixture
def detailed(deteval_run, tmp_path):
    """Evidence of both models with the detail table at IoU .5, and of the base without."""
    for name, preds, options in (("base", BASE, ("--detail", ".5")), ("new", NEW, ("--detail", ".5")),
                                 ("plain", BASE, ())):
        outcome = deteval_run("score", preds, GT, "-q", "-o", tmp_path / "score.txt", "--save-evidence",
                              tmp_path / f"{name}.npz", *options)
        assert outcome.code == 0, outcome.err
    return tmp_path


def document(outcome, schema):
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    jsonschema.validate(found, SCHEMAS[schema])
    return found


def tables(text):
    """The rows of every table of a markdown report, by the title of what holds it."""
    found = {}
    for title, body in re.findall(r"<summary>(.*?)</summary>(.*?)</details>", text, re.DOTALL):
        found[title] = [[cell.strip() for cell in line[1:-1].split("|")] for line in body.splitlines()
                        if line.startswith("| ") and not line.startswith("| ---")]
    return found


def test_schemas_hold_for_everything_that_a_record_can_hold():
    for name, made in (("explanation", made_explanation()), ("diagnosis", made_diagnosis())):
        found = json.loads(json.dumps(made.to_dict(), allow_nan=False))
        jsonschema.validate(found, SCHEMAS[name])
        assert set(found) == set(SCHEMAS[name]["properties"])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**found, "remarks": "none"}, SCHEMAS[name])
    nothing = made_diagnosis(error_kinds=None, confusion=None, suspects=None, missing={"confusion": "no boxes"})
    jsonschema.validate(json.loads(json.dumps(nothing.to_dict())), SCHEMAS["diagnosis"])


def test_shares_of_all_views_add_up_to_the_difference(change):
    found = document(change("--format", "json"), "explanation")
    difference = found["difference"]
    assert difference == found["new"] - found["base"] != 0
    assert sum(one["share"] for one in found["classes"]) == pytest.approx(difference, abs=1e-12)
    images = sum(one["share"] for one in found["images"]) + found["elsewhere"]
    assert images + found["remainder"] == pytest.approx(difference, abs=1e-12)
    assert sum(one["share"] for one in found["kinds"]) + found["remainder"] == pytest.approx(difference, abs=1e-12)
    for one in found["classes"]:
        rest = one["elsewhere"] + one["remainder"]
        assert sum(image["share"] for image in one["images"]) + rest == pytest.approx(one["share"], abs=1e-12)


def test_formats_agree_on_a_change(change):
    found = document(change("--format", "json"), "explanation")
    markdown = change("--format", "markdown", "--digits", 8, "-q")
    assert (markdown.code, markdown.err) == (0, "")
    rows = tables(markdown.out)
    shares = {one["name"]: f"{100 * one['share']:+.7f}" for one in found["classes"]}
    assert {row[1]: row[6] for row in rows["classes"][1:] if row[0]} == shares
    assert rows["classes"][-1][6] == f"{100 * found['difference']:+.7f}"
    assert {row[0]: row[5] for row in rows["images"][1:] if row[1]} == {
        str(one["image_id"]): f"{100 * one['share']:+.7f}" for one in found["images"]}
    assert [float(row[-1]) for row in rows["images"][-3:]] == pytest.approx(
        [100 * found[name] for name in ("elsewhere", "remainder", "difference")], abs=1e-6)
    named = [one for one in found["kinds"] if one["base"] or one["new"] or abs(one["share"]) > 5e-10]
    assert [float(row[3]) for row in rows["kinds of change"][1:-2]] == pytest.approx(
        [100 * one["share"] for one in named], abs=1e-6)
    table = change("-q").out
    for one in found["remarks"]:
        assert f"- {one}\n" in table
    for row in rows["classes"][1:]:
        assert f"{float(row[6]):+.3f}" in table


@pytest.mark.parametrize("by, titles", [("class", ["classes"]), ("kind", ["kinds of change"]), ("image", ["images"])])
def test_one_part_of_a_change(change, by, titles):
    outcome = change("--by", by, "--format", "markdown", "-q")
    found = list(tables(outcome.out))
    assert found[: len(titles)] == titles
    assert found[len(titles):] == ([] if by != "image" else [title for title in found if "class " in title])
    if by == "image":
        assert len(found) == 7


def test_top_limits_rows_and_the_rest_is_summed(change):
    found = document(change("--format", "json"), "explanation")
    lines = change("--by", "class", "--top", 2, "-q").out.splitlines()
    shares = sorted((one["share"] for one in found["classes"]), key=lambda share: -abs(share))
    row = next(line for line in lines if "4 others" in line)
    assert float(row.split()[-1]) == pytest.approx(100 * sum(shares[2:]), abs=0.0006)
    every = [abs(one["share"]) for one in document(change("--top", 1000, "--format", "json"), "explanation")["images"]]
    assert every == sorted(every, reverse=True)
    few = document(change("--top", 3, "--format", "json"), "explanation")
    assert len(few["images"]) == 3
    assert few["images"] == found["images"][:3]


def test_another_metric_of_one_class(change):
    found = document(change("--metric", "AP50/class=dog", "--format", "json"), "explanation")
    assert found["metric"] == "AP50/class=dog"
    assert [one["name"] for one in found["classes"]] == ["dog"]
    assert found["classes"][0]["share"] == pytest.approx(found["difference"], abs=1e-12)


def test_slices_add_up_over_a_partition(change, tmp_path):
    ids = [one["id"] for one in json.loads(GT.read_text())["images"]]
    rules = {"first": ids[:15], "rest": ids[15:]}
    (tmp_path / "slices.yaml").write_text("".join(f"{name}: {{ids: {values}}}\n" for name, values in rules.items()))
    outcome = change("--slices", tmp_path / "slices.yaml", "--format", "json")
    found = document(outcome, "explanation")
    assert [(one["name"], one["images"]) for one in found["slices"]] == [("first", 15), ("rest", len(ids) - 15)]
    assert sum(one["share"] for one in found["slices"]) + found["remainder"] == pytest.approx(found["difference"])
    text = change("--slices", tmp_path / "slices.yaml", "--by", "slice", "-q").out
    assert f"first      15  {100 * found['slices'][0]['share']:+.3f}" in text
    assert "kinds of change" not in text


def test_slices_by_fields_of_images(deteval_run, tmp_path):
    truth = json.loads(GT.read_text())
    truth["images"] = [{**one, "night": one["id"] % 2 == 0} for one in truth["images"]]
    (tmp_path / "slices.yaml").write_text("night: {image: {night: true}}\nday: {image: {night: false}}\n")
    outcome = deteval_run("explain", NEW, write(tmp_path / "gt.json", truth), "--base", BASE, "--format", "json",
                          "--slices", tmp_path / "slices.yaml")
    assert [(one["name"], one["images"]) for one in document(outcome, "explanation")["slices"]] == [
        ("night", 20), ("day", 20)]


def test_findings_stand_on_stderr_once_and_without_notes(change):
    outcome = change("--min-score", ".3")
    assert outcome.err.count("[images-without-detections]") == 1
    assert "left-out" not in outcome.err
    assert change("--min-score", ".3", "-q").err == ""


def test_ids_are_what_images_takes(change, alone, deteval_run, tmp_path):
    found = document(change("--format", "json", "--top", 6, "--ids", tmp_path / "ids.txt", "-q"), "explanation")
    worst = sorted(found["images"], key=lambda one: one["share"])
    assert (tmp_path / "ids.txt").read_text() == "".join(f"{one['image_id']}\n" for one in worst)
    outcome = deteval_run("score", NEW, GT, "--images", tmp_path / "ids.txt", "--format", "json", "-q")
    assert json.loads(outcome.out)["totals"]["n_images"] == 6
    outcome = alone("--by", "suspects", "--ids", tmp_path / "suspects.txt", "--format", "json")
    listed = document(outcome, "diagnosis")["suspects"]["listed"]
    ids = list(dict.fromkeys(str(one["image_id"]) for one in listed))
    assert (tmp_path / "suspects.txt").read_text().split() == ids
    assert f"wrote {tmp_path / 'suspects.txt'}\n" in outcome.err


def test_ids_that_fit_no_line_are_a_list():
    from deteval.reports.image_ids import ids_text

    assert ids_text([]) == ""
    assert ids_text(["a", "007"]) == "a\n007\n"
    for ids in (["#1"], [" a"], ["a\nb"], ["[1]"], ["a", "b\u2028"]):
        assert json.loads(ids_text(ids)) == ids


def test_identical_models_have_nothing_to_share(deteval_run):
    outcome = deteval_run("explain", BASE, GT, "--base", BASE, "--format", "json")
    found = document(outcome, "explanation")
    assert found["difference"] == found["remainder"] == found["elsewhere"] == 0
    assert found["images"] == []
    assert {one["share"] for one in found["kinds"]} <= {0}


def test_evidence_tells_what_predictions_tell(change, detailed, deteval_run):
    ours = document(change("--format", "json"), "explanation")
    for arguments in ((detailed / "new.npz", "--base", detailed / "base.npz"),
                      (NEW, GT, "--base", detailed / "base.npz"), (detailed / "new.npz", GT, "--base", BASE)):
        theirs = document(deteval_run("explain", *arguments, "--format", "json"), "explanation")
        for name in ("classes", "images", "kinds", "remainder", "difference", "missing"):
            assert ours[name] == theirs[name], name


@pytest.mark.parametrize("more", [(), ("--by", "class"), ("-o", "why.txt")])
def test_no_image_to_list(deteval_run, tmp_path, monkeypatch, more):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids.txt").write_text("16\n")
    outcome = deteval_run("explain", BASE, GT, "--base", BASE, "--ids", "ids.txt", *more)
    assert outcome.code == 0
    assert (tmp_path / "ids.txt").read_text() == ""
    assert "wrote ids.txt, which is empty: there is no image to list\n" in outcome.err


def test_evidence_without_detail_says_what_is_missing(deteval_run, detailed):
    outcome = deteval_run("explain", detailed / "new.npz", "--base", detailed / "plain.npz")
    assert outcome.code == 0
    assert "no kinds: " in outcome.out
    assert "--detail .5" in outcome.out
    assert "classes\n" in outcome.out
    found = document(deteval_run("explain", detailed / "plain.npz", "--format", "json"), "diagnosis")
    assert found["error_kinds"] is None
    assert {"error_kinds", "confusion"} <= set(found["missing"])


def test_one_model(alone):
    found = document(alone("--format", "json"), "diagnosis")
    assert all(found[name] is not None for name in PARTS)
    assert found["missing"] == {}
    whole = found["error_kinds"]["all"]
    wrong = sum(one["count"] for name, one in whole["kinds"].items() if name != "missed")
    assert wrong == whole["false_positives"]["count"]
    assert whole["true_positives"] + whole["false_negatives"]["count"] == whole["n_gt"] == found["totals"]["n_gt"]
    objects = sum(one["count"] for one in found["confusion"]["cells"] if one["truth"] is not None)
    assert objects == found["totals"]["n_gt"]
    rows = tables(alone("--format", "markdown", "--digits", 8, "-q").out)
    assert {row[0]: (row[2], row[3]) for row in rows["error kinds"][1:-2]} == {
        name: (str(one["count"]), f"{100 * one['cost']:.7f}") for name, one in whole["kinds"].items()}
    assert {row[0]: row[-1] for row in rows["worst images"][1:]} == {
        str(one["image_id"]): f"{100 * one['cost']:.7f}" for one in found["images"]}
    table = alone().out
    for title in ("error kinds", "classes", "sizes", "confusion", "label suspects", "calibration", "worst images"):
        assert f"\n{title}\n" in table
    for one in found["remarks"]:
        assert f"- {one}\n" in table


@pytest.mark.parametrize("by, titles", [
    ("class", ["classes"]), ("image", ["worst images"]), ("kind", ["error kinds"]), ("size", ["sizes"]),
    ("confusion", ["confusion matrix", "confusion by class", "confusion"]), ("suspects", ["label suspects"]),
    ("calibration", ["calibration", "calibration by class", "what to expect of a score"]),
])
def test_one_part_of_a_model(alone, by, titles):
    assert list(tables(alone("--by", by, "--format", "markdown", "-q").out)) == titles


def test_the_matrix_adds_up(alone):
    found = document(alone("--format", "json"), "diagnosis")
    heading, *rows = tables(alone("--by", "confusion", "--format", "markdown", "-q").out)["confusion matrix"]
    cells = {(one["truth"] or "background", one["predicted"] or "missed"): one["count"]
             for one in found["confusion"]["cells"]}
    shown = {(row[0], name): int(cell.replace(",", "")) for row in rows
             for name, cell in zip(heading[1:], row[1:], strict=True) if cell not in (".", "")}
    assert shown == cells


def test_models_that_do_not_compare(deteval_run, tmp_path, detailed):
    truth = json.loads(GT.read_text())
    truth["annotations"] = truth["annotations"][:-3]
    outcome = deteval_run("explain", NEW, write(tmp_path / "gt.json", truth), "--base", detailed / "base.npz")
    assert (outcome.code, outcome.out) == (4, "")
    assert "the ground truths differ" in outcome.err


def test_nothing_evaluable(deteval_run, tmp_path):
    empty = write(tmp_path / "gt.json", {**json.loads(GT.read_text()), "annotations": []})
    for arguments in ((), ("--base", BASE)):
        outcome = deteval_run("explain", NEW, empty, *arguments, "-o", tmp_path / "out.txt", "--ids", tmp_path / "ids")
        assert (outcome.code, outcome.out) == (3, ""), outcome
        assert "explain" in outcome.err
        assert not (tmp_path / "out.txt").exists()
        assert not (tmp_path / "ids").exists()


@pytest.mark.parametrize("options, message", [
    (("--iou", ".5,.7"), "iou: '.5,.7' is not one number; errors are told at a single threshold, as .5"),
    (("--iou", ".52"), ("iou: the run has no IoU threshold .52, only .5:.95:.05; give one of these, or other "
                        "thresholds to the run (`iou:` in a --config)")),
    (("--metric", "AR"), ("metric: AR is no AP, and only differences of AP are shared out; give one as AP, AP50 or "
                          "AP/area=small")),
    (("--metric", "APx"), "metric 'APx': 'APx' is not a metric; did you mean 'AP'?"),
    (("--metric", "AP@.52"), "metric 'AP@.52': the run has no IoU threshold .52, only .5:.95:.05"),
    (("--by", "clas"), "by: 'clas' is not one of class, image, kind, slice; did you mean 'class'?"),
    (("--by", "confusion"), ("by: confusion is told of one model, without --base; of a change: class, image, kind, "
                             "slice")),
    (("--by", "slice"), "by: slices are named in a file, --slices FILE.yaml"),
    (("--ids", "-"), "ids: - is not a file; the result itself goes to stdout"),
    (("--ids", GT), f"{GT}: is an input too; write the result elsewhere"),
    (("--ids", "same.txt", "-o", "same.txt"), "same.txt: is given for -o and for --ids; they need a file each"),
    (("--ids", "same.html", "--html", "same.html"),
     "same.html: is given for --ids and for --html; they need a file each"),
    (("--format", "csv"), "format: 'csv' is not one of table, json, markdown"),
])
def test_refusals(change, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = change(*options)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {message}\n")


@pytest.mark.parametrize("options, message", [
    (("--by", "slice"), ("by: slice is told of a change, give --base FILE; of one model: class, image, kind, size, "
                         "confusion, suspects, calibration")),
    (("--metric", "AP50"), "metric: belongs to --base, which is not given"),
    (("--slices", "slices.yaml"), "slices: belongs to --base, which is not given"),
])
def test_refusals_of_one_model(alone, options, message):
    outcome = alone(*options)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {message}\n")


def test_refusals_of_files(deteval_run, detailed):
    base, new = detailed / "base.npz", detailed / "new.npz"
    for arguments, message in (
            ((), "predictions and a ground truth are needed, PREDS... GT; none was given"),
            ((NEW,), "predictions and a ground truth are needed, PREDS... GT; only "),
            ((new, "--base", BASE), "predictions need a ground truth, EVIDENCE GT --base BASE; evidence would not"),
            ((new, GT, "--base", base), "evidence needs no ground truth"),
            ((new, "--base", base, "--max-dets", 5), "max_dets: evidence keeps the settings"),
            ((NEW, GT, "--base", "missing.json"), "missing.json: cannot be read: No such file or directory"),
            ((new, "--base", base, "--iou", ".52"), "iou: the run has no IoU threshold .52")):
        outcome = deteval_run("explain", *arguments)
        assert (outcome.code, outcome.out) == (2, ""), arguments
        assert message in outcome.err


def test_a_config_has_the_thresholds_of_the_run(deteval_run, tmp_path):
    (tmp_path / "config.yaml").write_text("iou: .3\narea: all\n")
    outcome = deteval_run("explain", NEW, GT, "--base", BASE, "--config", tmp_path / "config.yaml")
    assert outcome.code == 2
    assert "the run has no IoU threshold .5, only .3" in outcome.err
    outcome = deteval_run("explain", NEW, GT, "--base", BASE, "--config", tmp_path / "config.yaml", "--iou", ".3",
                          "--format", "json")
    assert document(outcome, "explanation")["iou"] == 0.3
