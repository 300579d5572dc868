"""`deteval compare`: what it says of two models, in every format, and what it refuses to say."""

import csv
import inspect
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from msgspec.structs import replace

import deteval
from deteval.inference.judgement import Differences, unjudged
from deteval.loading.evidence_file import save_evidence
from deteval.runs import make_run
from deteval.studies import compare

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "fixtures" / "sample"
BASE, NEW, GT = SAMPLE / "preds.json", SAMPLE / "preds_new.json", SAMPLE / "gt.json"
SCHEMA = json.loads((Path(deteval.__file__).parent / "compare.schema.json").read_text())
FEW = ("--replicates", "200")
NO_RESAMPLING = "no resampling: nothing is said about chance"


@pytest.fixture(scope="module")
def gt():
    return deteval.load_ground_truth(GT, image_fields=True)


@pytest.fixture
def evidence(tmp_path, gt):
    """Both models of the sample as saved evidence."""
    paths = []
    for path in (BASE, NEW):
        paths.append(tmp_path / f"{path.stem}.evidence.npz")
        save_evidence(paths[-1], make_run(gt, deteval.load_detections(path, gt)))
    return paths


def document_of(outcome):
    """The JSON that a comparison printed, checked against the schema."""
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    jsonschema.validate(document, SCHEMA)
    return document


def without_names(document):
    """What a document says, apart from what its models are called and where they come from."""
    one, = document["comparisons"]
    return one["metrics"], one["classes"], one["slices"], document["inference"]


def test_values_are_those_of_score(deteval_run):
    document = document_of(deteval_run("compare", BASE, NEW, "--gt", GT, "--format", "json", *FEW))
    one, = document["comparisons"]
    for role, path in (("base", BASE), ("new", NEW)):
        scores = json.loads(deteval_run("score", path, GT, "--format", "json").out)
        assert {name: each[role] for name, each in one["metrics"].items()} == scores["metrics"]
        assert [each[role] for each in one["classes"]] == [each["metrics"]["AP"] for each in scores["classes"]]
        assert one["signatures"][role] == scores["signature"]
        assert one["fingerprints"][role] == scores["fingerprint"]
        assert one[role] == str(path)
    for each in (*one["metrics"].values(), *one["classes"]):
        assert each["difference"] == pytest.approx(each["new"] - each["base"], abs=1e-12)
    assert document["inference"] == {"replicates": 200, "seed": 1, "alpha": 0.05, "correction": "max-t", "images": 40,
                                     "clusters": None}


def test_formats_agree(deteval_run):
    arguments = ("compare", BASE, NEW, "--gt", GT, "--metrics", "AP,APs", *FEW)
    document = document_of(deteval_run(*arguments, "--format", "json"))
    one, = document["comparisons"]
    rows = list(csv.DictReader(io.StringIO(deteval_run(*arguments, "--format", "csv").out)))
    table, markdown = deteval_run(*arguments, "--power").out, deteval_run(*arguments, "--format", "markdown").out
    named = [("metric", name, each) for name, each in one["metrics"].items()]
    named += [("class", each["name"], each) for each in one["classes"]]
    assert len(rows) == len(named)
    for row, (section, name, each) in zip(rows, named, strict=True):
        assert (row["section"], row["metric" if section == "metric" else "class"]) == (section, name)
        for key in ("base", "new", "difference", "low", "high", "p_value", "standard_error", "detectable"):
            assert row[key] == ("" if each[key] is None else repr(each[key])), key
        line = next(line for line in table.splitlines() if re.search(rf"^(\d+ +)?{name}  ", line))
        for shown in (f"{each['base']:.4f}", f"{each['new']:.4f}", f"{each['difference']:+.4f}"):
            assert shown in line
            assert shown in markdown
        if each["low"] is not None:
            assert f"{each['low']:+.4f} to {each['high']:+.4f}" in line
            assert f"{each['detectable']:.4f}" in line
    assert document_of(deteval_run(*arguments, "--format", "json", "--digits", 1, "--per-class", "none", "--hide",
                                   "50pt")) == document, "these shape only what people read"


def test_evidence_stands_for_predictions(deteval_run, evidence):
    expected = without_names(document_of(deteval_run("compare", BASE, NEW, "--gt", GT, "--format", "json", *FEW)))
    saved = deteval_run("compare", *evidence, "--format", "json", *FEW)
    assert without_names(document_of(saved)) == expected
    mixed = deteval_run("compare", evidence[0], NEW, "--gt", GT, "--format", "json", *FEW)
    assert without_names(document_of(mixed)) == expected
    python = deteval.compare(*(make_run(gt := deteval.load_ground_truth(GT), deteval.load_detections(path, gt))
                               for path in (BASE, NEW)), resampling=deteval.Resampling(replicates=200))
    assert without_names(python.to_dict()) == expected


def test_several_models_are_compared_as_if_alone(deteval_run):
    both = document_of(deteval_run("compare", BASE, NEW, BASE, "--gt", GT, "--format", "json", *FEW))
    assert [one["new"] for one in both["comparisons"]] == [str(NEW), str(BASE)]
    alone = document_of(deteval_run("compare", BASE, NEW, "--gt", GT, "--format", "json", *FEW))
    assert both["comparisons"][0] == alone["comparisons"][0]
    assert [one["name"] for one in both["models"]] == [str(BASE), str(NEW), str(BASE)]
    table = deteval_run("compare", BASE, NEW, BASE, "--gt", GT, *FEW).out
    assert table.count("\nmetric  ") == 2
    assert "base " in table.splitlines()[0]


def test_the_same_file_twice_is_identical(deteval_run):
    outcome = deteval_run("compare", BASE, BASE, "--gt", GT, *FEW)
    assert outcome.code == 0
    assert "Identical: both models have the same scores and the same matches.\n" in outcome.out
    assert outcome.out.endswith("\n\nThere is nothing to test.\n")
    assert "nan" not in outcome.out.lower()
    document = document_of(deteval_run("compare", BASE, BASE, "--gt", GT, "--format", "json", *FEW))
    one, = document["comparisons"]
    assert one["identical"]
    assert all(each["identical"] and each["difference"] == 0 for each in one["metrics"].values())


def test_a_seed_is_printed_and_decides(deteval_run):
    runs = {seed: deteval_run("compare", BASE, NEW, "--gt", GT, "--seed", seed, *FEW).out for seed in (1, 2)}
    assert "200 replicates, seed 2;" in runs[2]
    assert runs[1] != runs[2]
    for threads in (1, 3):
        assert deteval_run("compare", BASE, NEW, "--gt", GT, "--threads", threads, *FEW).out == runs[1]


def test_a_slice_is_compared_like_a_whole(deteval_run, tmp_path):
    (tmp_path / "slices.yaml").write_text("late: {file_name: ['street_02*', 'street_03*']}\nfirst: {ids: [1, 2, 3]}\n")
    (tmp_path / "late.txt").write_text("\n".join(map(str, range(20, 40))))
    outcome = deteval_run("compare", BASE, NEW, "--gt", GT, "--slices", tmp_path / "slices.yaml", "--format", "json",
                          *FEW)
    late, first = document_of(outcome)["comparisons"][0]["slices"]
    assert "warning: slices differ in size: do not compare their APs with each other" in outcome.err
    alone = document_of(deteval_run("compare", BASE, NEW, "--gt", GT, "--images", tmp_path / "late.txt", "--format",
                                    "json", *FEW))["comparisons"][0]
    assert (late["name"], late["images"]) == ("late", 20)
    assert late["metrics"] == alone["metrics"]
    assert late["classes"] == alone["classes"]
    assert first["metrics"]["AP"]["differs"] is None
    assert first["metrics"]["AP"]["reason"] == "too few images (3 of the 10 needed)"
    table = deteval_run("compare", BASE, NEW, "--gt", GT, "--slices", tmp_path / "slices.yaml", *FEW).out
    assert "\nslice late: 20 images\n" in table
    assert "measures both models on them. A slice draws its own images.\n" in table
    assert "; no verdict: too few images (3 of the 10 needed).\n" in table


def clusters(tmp_path, count):
    """A file that puts the sample's images into this many clusters."""
    path = tmp_path / f"{count}.json"
    path.write_text(json.dumps({str(image): f"clip {image % count}" for image in range(1, 41)}))
    return path


def test_clusters(deteval_run, tmp_path):
    document = document_of(deteval_run("compare", BASE, NEW, "--gt", GT, "--cluster-by", clusters(tmp_path, 20),
                                       "--format", "json", *FEW))
    assert document["inference"]["clusters"] == {"by": str(tmp_path / "20.json"), "count": 20}
    assert "only 20 of them" in document["remarks"][0]
    one, = document["comparisons"]
    assert one["metrics"]["AP"]["units"] <= 20
    assert one["metrics"]["AP"]["differs"] is not None


def test_too_few_clusters_carry_no_verdict(deteval_run, tmp_path):
    outcome = deteval_run("compare", BASE, NEW, "--gt", GT, "--cluster-by", clusters(tmp_path, 9), *FEW)
    assert outcome.code == 4
    assert "AP fell by 1.3 points; no verdict: too few clusters (9 of the 10 needed).\n" in outcome.out
    assert "proven for" not in outcome.out
    assert "\nNothing could be tested.\nwarning: " in outcome.out
    assert "warning: clusters of " in outcome.out


def test_frames_of_videos_are_remarked_on(deteval_run, tmp_path):
    truth = json.loads(GT.read_text())
    for image in truth["images"]:
        image |= {"file_name": f"video_{image['id'] % 2}/frame_{image['id'] // 2:04d}.jpg", "video": image["id"] % 2}
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    outcome = deteval_run("compare", BASE, NEW, "--gt", tmp_path / "gt.json", *FEW)
    assert "warning: image names look like frames of 2 videos" in outcome.out
    grouped = deteval_run("compare", BASE, NEW, "--gt", tmp_path / "gt.json", "--cluster-by", "video", *FEW)
    assert grouped.code == 4
    assert "frames of" not in grouped.out


@pytest.mark.parametrize("arguments, order", [
    ([], ["person", "dog", "bicycle", "traffic light", "bus", "car"]),
    (["--sort", "name"], ["bicycle", "bus", "car", "dog", "person", "traffic light"]),
    (["--sort", "n_gt"], ["person", "car", "bus", "traffic light", "bicycle", "dog"]),
    (["--per-class", "worst:2"], ["person", "dog"]),
    (["--hide", "2pt"], ["person", "dog", "car"]),
    (["--hide", "0.1", "--sort", "name"], ["person"]),
    (["--per-class", "none"], []),
])
def test_classes_shown_and_their_order(deteval_run, arguments, order):
    lines = deteval_run("compare", BASE, NEW, "--gt", GT, *arguments, *FEW).out.splitlines()
    rows = [re.match(r"\d +(\S+(?: \S+)*)  ", line) for line in lines]
    assert [row[1] for row in rows if row] == order
    assert any("hidden, with differences below" in line for line in lines) == ("--hide" in arguments)


def test_classes_are_compared_by_the_first_metric_of_all_classes(deteval_run):
    document = document_of(deteval_run("compare", BASE, NEW, "--gt", GT, "--metrics", "AP/class=dog,AP50,AP",
                                       "--format", "json", *FEW))
    assert document["class_metric"] == "AP50"
    dog = next(one for one in document["comparisons"][0]["classes"] if one["name"] == "dog")
    scores = json.loads(deteval_run("score", BASE, GT, "--format", "json").out)
    assert dog["base"] == scores["classes"][5]["metrics"]["AP50"]


@pytest.mark.parametrize("arguments, message", [
    ([BASE], "a base and at least one new model are needed, BASE NEW...; 1 given"),
    ([BASE, NEW], "predictions need their ground truth, --gt GT"),
    ([BASE, NEW, "--gt", GT, "--metrics", "AP60"], "metric 'AP60': 'AP60' is not a metric; did you mean 'AP50'?"),
    ([BASE, NEW, "--gt", GT, "--metrics", "AP/class=dgo"], "class 'dgo' is not among the 6"),
    ([BASE, NEW, "--gt", GT, "--sort", "size"], "sort: 'size' is not one of difference, name, n_gt"),
    ([BASE, NEW, "--gt", GT, "--hide", "1%"], "hide: '1%' is a share; give points as 0.2pt"),
    ([BASE, NEW, "--gt", GT, "--hide", "big"], "hide: 'big' is not a tolerance"),
    ([BASE, NEW, "--gt", GT, "--replicates", "5"], (
        "replicates: 5 is neither 0, which shows differences without intervals, nor a whole number from 100 to "
        "1,000,000")),
    ([BASE, NEW, "--gt", GT, "--replicates", "-1"], "replicates: -1 is neither 0"),
    ([BASE, NEW, "--gt", GT, "--alpha", "2"], "alpha: 2.0 is not between 0 and 0.5"),
    ([BASE, NEW, "--gt", GT, "--correct", "holm"], "correct: 'holm' is not one of max-t, none"),
    ([BASE, NEW, "--gt", GT, "--cluster-by", "video"], "there is no file 'video', and the images have no field"),
    ([BASE, NEW, "--gt", GT, "--slices", "none.yaml"], "none.yaml: cannot be read"),
    ([BASE, NEW, "--gt", GT, "--format", "coco"], "format: 'coco' is not one of table, json, csv, markdown"),
    (["-", "-", "--gt", GT], "stdin (-) can be read only once"),
    ([BASE, NEW, "--gt", GT, "-o", NEW], "is an input too"),
    ([BASE, "none.json", "--gt", GT], "none.json: cannot be read"),
    ([BASE, "none.evidence.npz"], "none.evidence.npz: cannot be read"),
])
def test_usage_errors(deteval_run, arguments, message):
    outcome = deteval_run("compare", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


def test_evidence_takes_neither_ground_truth_nor_settings(deteval_run, evidence):
    for arguments, message in ((["--gt", GT], f"{GT}: evidence needs no ground truth"),
                               (["--iou", ".5"], "iou: evidence keeps the settings"),
                               (["--images", "x.txt"], "images: evidence keeps the settings")):
        outcome = deteval_run("compare", *evidence, *arguments)
        assert outcome.code == 2
        assert outcome.err.startswith(f"deteval: {message}"), outcome.err
    assert deteval_run("compare", BASE, NEW, "--gt", evidence[0]).code == 2


def test_errors_of_all_files_are_said_at_once(deteval_run, tmp_path):
    record = {"image_id": 999, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps([record]))
    outcome = deteval_run("compare", tmp_path / "a.json", tmp_path / "b.json", "--gt", GT)
    assert outcome.code == 3
    assert all(f"{name}.json: detections[0].image_id: 999 is not an image" in outcome.err for name in ("a", "b"))


def test_differences_without_resampling(deteval_run, evidence):
    arguments = ("compare", BASE, NEW, "--gt", GT, "--metrics", "AP,APs,AP/class=dog")
    tested = document_of(deteval_run(*arguments, "--format", "json", *FEW))
    bare = document_of(deteval_run(*arguments, "--format", "json", "--replicates", 0))
    assert bare["inference"] is None
    for old, new in zip(estimates(tested), estimates(bare), strict=True):
        values = dict.fromkeys(("low", "high", "p_value", "standard_error", "detectable", "differs"))
        assert new == old | values | {"identical": False, "reason": NO_RESAMPLING}
    python = deteval.compare(*map(deteval.load_evidence, evidence), ["AP", "APs", "AP/class=dog"], resampling=None)
    assert without_names(python.to_dict()) == without_names(bare)


def estimates(document):
    one, = document["comparisons"]
    return [*one["metrics"].values(), *one["classes"]]


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_every_format_says_that_nothing_was_resampled(deteval_run, form):
    outcome = deteval_run("compare", BASE, NEW, "--gt", GT, "--format", form, "--replicates", 0)
    assert outcome.code == 0
    people = form in ("table", "markdown")
    assert "o resampling: nothing is said about chance" in outcome.out
    assert ("No resampling: nothing is said about chance." in outcome.err) != people
    for word in ("proven", "verdict", "interval", "bootstrap", "replicate"):
        assert not people or word not in outcome.out, word
    alike = deteval_run("compare", BASE, BASE, "--gt", GT, "--format", form, "--replicates", 0)
    assert alike.code == 0
    assert not people or "Identical: both models have the same scores" in alike.out


@pytest.mark.parametrize(("option", "value"), [("--seed", "0"), ("--alpha", "0.1"), ("--correct", "none"),
                                               ("--cluster-by", "video"), ("--power", None)])
def test_what_belongs_to_resampling_is_refused_without(deteval_run, option, value):
    outcome = deteval_run("compare", BASE, NEW, "--gt", GT, "--replicates", 0, option, *([value] if value else []))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (f"deteval: {option[2:]}: there is nothing to resample with --replicates 0; leave one of the "
                           "two away\n")


def test_that_images_look_like_frames_matters_to_resampling_only(evidence, monkeypatch):
    monkeypatch.setattr(compare, "looks_like_video", lambda images: "frames of a video")
    models = [deteval.load_evidence(path) for path in evidence]
    remarks = [deteval.compare(*models, "AP", resampling=resampling).remarks
               for resampling in (deteval.Resampling(replicates=100), None)]
    assert remarks == [("frames of a video",), ()]


def test_what_is_undefined_says_so_without_resampling_too():
    base, new = np.array([np.nan, 0.5, 0.5, np.nan]), np.array([0.5, 0.25, 0.5, np.nan])
    columns = Differences(base, new, new - base, np.empty((0, 4)), np.array([3, 4, 12, 0]))
    one, two, three, four = columns.estimates("AP", unjudged(columns))
    assert [each.reason for each in (one, two, three, four)] == [
        "undefined in the base model", NO_RESAMPLING, NO_RESAMPLING, "no ground truth that counts"]
    assert (one.difference, two.difference, three.difference) == (None, -0.25, 0)
    assert (three.units, three.identical, three.differs) == (12, False, None)


def test_no_resampling_needs_no_scipy(evidence):
    code = ("import sys, deteval; deteval.compare(*map(deteval.load_evidence, sys.argv[1:]), resampling=None); "
            "print('scipy' in sys.modules)")
    run = subprocess.run([sys.executable, "-c", code, *map(str, evidence)], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_a_gate_needs_resampling(deteval_run):
    outcome = deteval_run("gate", NEW, GT, "--min", "AP=0.4", "--replicates", 0)
    assert outcome.code == 2
    assert "replicates: 0 is not a whole number from 100" in outcome.err


def test_undefined_metrics_stop_as_in_score(deteval_run):
    outcome = deteval_run("compare", BASE, NEW, "--gt", GT, "--area", "tiny:0-1", "--metrics", "AP")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "deteval: every requested metric is undefined: no ground truth that counts\n"


def test_what_is_proven_is_listed_by_size(gt):
    from deteval.reports.compare_words import outcome

    base, new = (deteval.match(gt, deteval.load_detections(path, gt)) for path in (BASE, NEW))
    one, = deteval.compare(base, new, "AP", resampling=deteval.Resampling(replicates=200)).comparisons
    sizes = (-0.01, -0.3, 0.2, 0.25, -0.2, 0.01)
    classes = tuple(replace(each, estimate=replace(each.estimate, difference=size, differs=True))
                    for each, size in zip(one.whole.classes, sizes, strict=True))
    words = outcome(one, replace(one.whole, classes=classes), 0.05, "AP")
    assert words[1] == ("Classes in AP: a drop is proven for bicycle, traffic light, person; a rise for bus, car, dog.")


def test_names_from_data_cannot_become_markup(deteval_run, tmp_path):
    truth = json.loads(GT.read_text())
    truth["categories"][0]["name"] = "per|son</details>*\x1b[31m"
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    markdown = deteval_run("compare", BASE, NEW, "--gt", tmp_path / "gt.json", "--format", "markdown", *FEW).out
    assert "per\\|son\\</details\\>\\*" in markdown
    assert "son</details>" not in markdown
    assert "\x1b" not in markdown + deteval_run("compare", BASE, NEW, "--gt", tmp_path / "gt.json", *FEW).out


def test_bare_evidence_is_compared_in_python(gt):
    base, new = (deteval.match(gt, deteval.load_detections(path, gt)) for path in (BASE, NEW))
    result = deteval.compare(base, [new, base], "AP", slices={"half": range(20)})
    jsonschema.validate(result.to_dict(), SCHEMA)
    assert [one.new.name for one in result.comparisons] == ["new 1", "new 2"]
    assert result.comparisons[0].base.name == "base"
    assert result.comparisons[1].identical
    assert result.to_dict()["comparisons"][0]["fingerprints"] == {"base": None, "new": None}
    with pytest.raises(deteval.DetevalError, match="at least one new model"):
        deteval.compare(base, [])


def test_every_field_and_parameter_is_documented(gt):
    base = deteval.match(gt, deteval.load_detections(BASE, gt))
    document = deteval.compare(base, base, "AP", slices={"half": range(20)}).to_dict()
    one = document["comparisons"][0]
    page = (ROOT / "docs" / "json.md").read_text("utf-8")
    page = page[page.index("## `deteval compare") : page.index("## `deteval check")]
    for names in (document, document["inference"], one, one["slices"][0], one["metrics"]["AP"], one["classes"][0],
                  document["models"][0]):
        assert [name for name in names if f"`{name}`" not in page] == []
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    for name in (*inspect.signature(deteval.compare).parameters, *deteval.Resampling.__struct_fields__):
        assert re.search(rf"^`(compare|Resampling)\(.*\b{name}\b", page, re.MULTILINE), name
