"""The command line as a user meets it: outputs, exit codes, options over YAML over defaults, pipes and files."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from datasets import random_dataset
from reference import run_reference

import deteval
from deteval.cli.main import COMMANDS

SEED = 7
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}


@pytest.fixture
def files(tmp_path):
    """A ground truth and predictions on disk, under COCO settings."""
    seed = next(seed for seed in range(1000) if len(random_dataset(seed).detections) > 20
                and random_dataset(seed).settings["max_dets"] == (1, 10, 100)
                and not random_dataset(seed).settings["class_agnostic"]
                and run_reference(random_dataset(seed).ground_truth, random_dataset(seed).detections).stats[0] > 0.1)
    data = random_dataset(seed)
    (tmp_path / "gt.json").write_text(json.dumps(data.ground_truth))
    (tmp_path / "preds.json").write_text(json.dumps(data.detections))
    return tmp_path / "preds.json", tmp_path / "gt.json", data


def subprocess_run(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "deteval", *map(str, arguments)], capture_output=True, text=True,
                          env=ENVIRONMENT | options.pop("env", {}), timeout=120, **options)


def test_all_formats_agree(files, deteval_run):
    predictions, truth, data = files
    document = json.loads(deteval_run("score", predictions, truth, "--format", "json").out)
    expected = run_reference(data.ground_truth, data.detections)
    assert [-1.0 if v is None else v for v in document["metrics"].values()] == expected.stats.tolist()
    table = deteval_run("score", predictions, truth).out
    markdown = deteval_run("score", predictions, truth, "--format", "markdown").out
    rows = list(csv.DictReader(io.StringIO(deteval_run("score", predictions, truth, "--format", "csv").out)))
    values = {row["name"]: row["value"] for row in rows if row["section"] == "metric"}
    for name, value in document["metrics"].items():
        shown = "n/a" if value is None else f"{value:.4f}"
        assert shown in table
        assert shown in markdown
        assert values[name] == ("" if value is None else repr(value))
    assert {row["name"]: int(row["value"]) for row in rows if row["section"] == "total"} == document["totals"]
    for one in document["classes"]:
        mine = {row["name"]: row["value"] for row in rows if row["section"] == "class" and row["class"] == one["name"]}
        assert mine == {"n_gt": str(one["n_gt"]), "n_images": str(one["n_images"]), "n_det": str(one["n_det"]),
                        **{key: str(one[key]) for key in ("true_positives", "false_positives", "false_negatives")},
                        **{key: "" if v is None else repr(v) for key, v in one["metrics"].items()}}
        assert one["true_positives"] + one["false_negatives"] == one["n_gt"]


def test_coco_lines_are_those_of_pycocotools(files, deteval_run, capfd):
    import reference
    from pycocotools.cocoeval import COCOeval

    predictions, truth, data = files
    mine = deteval_run("score", predictions, truth, "--format", "coco", "-q")
    evaluation = COCOeval(*reference.as_coco(data.ground_truth, data.detections), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    capfd.readouterr()
    evaluation.summarize()
    assert mine.out == capfd.readouterr().out
    assert mine.err == ""
    refused = deteval_run("score", predictions, truth, "--format", "coco", "--iou", ".5")
    assert (refused.code, refused.out) == (2, "")


def test_option_beats_yaml_beats_default(files, deteval_run, tmp_path):
    predictions, truth, _ = files
    (tmp_path / "run.yaml").write_text("iou: [.3, .5]\nmax_dets: [5]\nformat: json\n")
    settings = json.loads(deteval_run("score", predictions, truth, "--config", tmp_path / "run.yaml",
                                      "--max-dets", "7").out)["settings"]
    assert (settings["iou"], settings["max_dets"], settings["similarity"]) == (".3,.5", [7], "iou")


def test_digits_and_per_class_shape_only_what_people_read(files, deteval_run):
    predictions, truth, _ = files
    whole = deteval_run("score", predictions, truth, "--format", "json").out
    again = deteval_run("score", predictions, truth, "--format", "json", "--digits", "1", "--per-class", "none").out
    assert again == whole
    table = deteval_run("score", predictions, truth, "--digits", "2", "--per-class", "worst:1").out
    assert "the 1 of" in table
    assert "n_images" not in deteval_run("score", predictions, truth, "--per-class", "none").out


@pytest.mark.parametrize("arguments, message", [
    (["--similarity", "giuo"], "similarity: 'giuo' is not one of iou, giou, diou, ciou; did you mean 'giou'?"),
    (["--iou", "1.5"], "iou: 1.5 is outside (0, 1], the range of iou"),
    (["--iou", "nan"], "iou: 'nan' is not a number; write .5 or .3,.5 or .5:.95:.05"),
    (["--iou", ".5:.9:.3"], "iou: '.5:.9:.3': the step does not divide the range; did you mean '.5:.8:.3'?"),
    (["--max-dets", "0"], "max_dets: 0 is not a whole number of at least 1"),
    (["--max-dets", "99999999999999999999"], "max_dets: 99999999999999999999 is too large, 2147483647 is the largest "),
    (["-o", ""], "'' is not the name of a file to write to"),
    (["--save-evidence", ""], "'' is not the name of a file to write to"),
    (["--class-agnostic", "--metrics", "AP/class=person"], ("metric 'AP/class=person': names a class, and this run "
                                                            "does not look at classes (class_agnostic)")),
    (["--max-dets", ","], "max_dets: '' is not a whole number of at least 1"),
    (["--area", "tiny"], "area: 'tiny' is neither coco, all, small, medium, large nor name:lo-hi"),
    (["--area", "a:5-3"], "area: a:5.0-3.0 is not a range of areas from low to high"),
    (["--metrics", "AP60"], "metric 'AP60': 'AP60' is not a metric; did you mean 'AP50'?"),
    (["--metrics", "AP@.52"], "metric 'AP@.52': the run has no IoU threshold .52, only .5:.95:.05"),
    (["--metrics", "AP/max=50"], "metric 'AP/max=50': the run has no cap 50, only 1, 10, 100"),
    (["--iou", ".3,.6", "--metrics", "AP50"], ("metric 'AP50' is defined under COCO's thresholds, areas and caps only; "
                                               "write it out, as in 'AP@.5'")),
    (["--min-score", "high"], "min_score: 'high' is not a finite number"),
    (["--allow", "bad-json"], ("allow: bad-json can never be allowed; these can: negative-box, negative-area, "
                               "unknown-image, unknown-category, orphan-annotation, duplicate-image, "
                               "duplicate-category, image-in-two-files")),
    (["--format", "jsn"], "format: 'jsn' is not one of table, json, csv, markdown, coco; did you mean 'json'?"),
    (["--per-class", "best"], "per_class: 'best' is not all, none or worst:N"),
    (["--classes", "nosuchclass"], "class 'nosuchclass' is not among the"),
    (["--matches", "/nowhere/m.jsonl"], "/nowhere/m.jsonl: the folder /nowhere does not exist"),
    (["-o", "/"], "/: is a directory, a file name is needed"),
    (["--matches", "m.jsonl", "--iou", ".7"], ("matches_iou: the run has no IoU threshold .5, only .7; give "
                                               "--matches-iou one of them")),
    (["--nonsense"], "No such option '--nonsense'"),
])
def test_usage_errors(files, deteval_run, arguments, message):
    predictions, truth, _ = files
    outcome = deteval_run("score", predictions, truth, *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith(f"deteval: {message}"), outcome.err
    assert outcome.out == ""


NO_MAP = "is neither a number to add, as +1, nor coco80to91 nor the path of a YAML file"


@pytest.mark.parametrize("value, problem", [
    ("category_map: {1: 2}", f"category_map: {{1: 2}} {NO_MAP}"),
    ("category_map: true", f"category_map: True {NO_MAP}"),
    ("category_map: ''", f"category_map: '' {NO_MAP}"),
    ("images: 3", "images: 3 is not the path of a file that lists images"),
    ("images: [1, 2]", "images: [1, 2] is not the path of a file that lists images"),
    ("images: ''", "images: '' is not the path of a file that lists images"),
])
def test_values_of_a_yaml_file_that_are_no_paths(files, deteval_run, gate, tmp_path, value, problem):
    config = tmp_path / "score.yaml"
    config.write_text(f"iou: 0.5\n{value}\n")
    outcome = deteval_run("score", *files[:2], "--config", config)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {config}:2: {problem}\n")
    outcome = gate("- {metric: AP, min: 0.1}\n", baseline=None, extra=f"settings:\n  {value}\n")
    assert (outcome.code, outcome.err) == (2, f"deteval: {tmp_path / 'gate.yaml'}:2: {problem}\n")


@pytest.mark.parametrize("option", ["--operating-points", "--category-map", "--config", "--images", "-o", "--matches",
                                    "--save-evidence"])
def test_names_that_are_too_long_are_usage_errors(files, deteval_run, tmp_path, option):
    name = tmp_path / ("x" * 300)
    predictions, truth, _ = files
    outcome = deteval_run("score", predictions, truth, option, name)
    done = "written" if option in ("-o", "--matches", "--save-evidence") else "read"
    assert (outcome.code, outcome.err) == (2, f"deteval: {name}: cannot be {done}: File name too long\n")
    assert deteval_run("gate", name, truth, "--min", "AP=0.1").code == 2
    assert deteval_run("compare", predictions, predictions, "--gt", truth, "--cluster-by", name).code == 2


def test_unsorted_settings_are_sorted_with_a_note(files, deteval_run):
    predictions, truth, _ = files
    document = json.loads(deteval_run("score", predictions, truth, "--iou", ".7,.5,.5", "--format", "json").out)
    notes = [finding["message"] for finding in document["findings"] if finding["code"] == "settings-sorted"]
    assert notes == ["iou: sorted, and repeated values taken once: 0.5, 0.7"]
    assert not document["comparable_to_coco"]
    assert "IoU thresholds are .5,.7, COCO's are .5:.95:.05" in document["not_comparable"]


def test_output_file_is_whole_or_not_there(files, deteval_run, tmp_path):
    predictions, truth, _ = files
    target = tmp_path / "run.json"
    outcome = deteval_run("score", predictions, truth, "--format", "json", "-o", target)
    assert (outcome.code, outcome.out) == (0, "")
    assert json.loads(target.read_text())["schema"] == "deteval.scores/1"
    before = target.read_text()
    broken = tmp_path / "broken.json"
    broken.write_text("[")
    assert deteval_run("score", broken, truth, "--format", "json", "-o", target).code == 3
    assert target.read_text() == before
    assert deteval_run("score", predictions, truth, "-o", truth).code == 2, "an input is never overwritten"
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "broken.json", "gt.json", "preds.json"}


def test_matches_name_every_detection_and_every_missed_object(files, deteval_run, tmp_path):
    predictions, truth, data = files
    target = tmp_path / "matches.jsonl"
    document = json.loads(deteval_run("score", predictions, truth, "--matches", target, "--format", "json").out)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    found = [line for line in lines if line["kind"] == "detection"]
    assert sorted(line["index"] for line in found) == list(range(len(data.detections)))
    verdicts = [line["verdict"] for line in lines]
    totals = document["totals"]
    assert verdicts.count("true positive") == totals["true_positives"]
    assert verdicts.count("false positive") == totals["false_positives"]
    assert verdicts.count("missed") == totals["false_negatives"]
    for line in found:
        record = data.detections[line["index"]]
        assert (line["image_id"], line["score"], line["box"]) == (record["image_id"], record["score"],
                                                                  [float(v) for v in record["bbox"]])
        if line["verdict"] == "true positive":
            truth_record = data.ground_truth["annotations"][line["ground_truth"]["index"]]
            assert truth_record["image_id"] == record["image_id"]
            assert line["similarity"] >= 0.5
            assert line["best_same_class"]["similarity"] >= line["similarity"]


def test_stdin_and_shards(files, tmp_path):
    predictions, truth, data = files
    whole = json.loads(subprocess_run("score", predictions, truth, "--format", "json").stdout)["metrics"]
    piped = subprocess_run("score", "-", truth, "--format", "json", input=predictions.read_text())
    assert json.loads(piped.stdout)["metrics"] == whole
    images = sorted({str(record["image_id"]) for record in data.detections})
    for name, part in (("a", images[::2]), ("b", images[1::2])):
        chosen = [record for record in data.detections if str(record["image_id"]) in part]
        (tmp_path / f"{name}.json").write_text(json.dumps(chosen))
    shards = subprocess_run("score", tmp_path / "b.json", tmp_path / "a.json", truth, "--format", "json")
    assert json.loads(shards.stdout)["metrics"] == whole
    assert subprocess_run("score", "-", "-", input="[]").returncode == 2


def test_a_closed_pipe_is_no_error(files):
    predictions, truth, _ = files
    command = f"{sys.executable} -m deteval score {predictions} {truth}; echo code $? >&2"
    outcome = subprocess.run(["bash", "-c", f"({command}) | true"], capture_output=True, text=True, timeout=120)
    assert outcome.stderr.splitlines()[-1:] == ["code 0"]
    assert "Traceback" not in outcome.stderr


def test_ctrl_c_ends_with_130(tmp_path, files):
    _, truth, _ = files
    process = subprocess.Popen([sys.executable, "-m", "deteval", "score", "-", str(truth)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)  # by then it waits for stdin
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.lstrip()) == (130, "deteval: interrupted\n")


def test_help_imports_neither_numba_nor_numpy():
    code = ("import sys; from deteval.cli.main import _exit_code; _exit_code(['--help']); "
            "_exit_code(['score', '--help']); heavy = ('numpy', 'numba', 'pycocotools', 'yaml', 'msgspec'); "
            "print([name for name in heavy if name in sys.modules])")
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert outcome.stdout.splitlines()[-1] == "[]"


def test_import_is_cheap_and_public_names_resolve():
    code = "import sys, deteval; print('numpy' in sys.modules); [getattr(deteval, name) for name in deteval.__all__]"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (outcome.stdout, outcome.stderr) == ("False\n", "")
    with pytest.raises(AttributeError):
        deteval.nonsense  # noqa: B018


def test_every_command_has_help_with_examples(deteval_run):
    for command in COMMANDS:
        outcome = deteval_run(command, "--help")
        assert outcome.code == 0
        assert "Examples:" in outcome.out
        assert "Exit codes:" in outcome.out


@pytest.mark.parametrize("arguments, code", [([], 2), (["--version"], 0), (["nope"], 2), (["score"], 2),
                                             (["score", "only-one.json"], 2), (["check"], 2)])
def test_calls_without_files(deteval_run, arguments, code):
    assert deteval_run(*arguments).code == code


@pytest.mark.parametrize("command", ["score", "crosscheck"])
def test_a_missing_ground_truth_is_said_so(deteval_run, command):
    outcome = deteval_run(command, "preds.json")
    assert outcome.err == ("deteval: predictions and a ground truth are needed, PREDS... GT; only preds.json was "
                           f"given; see deteval {command} --help\n")


def test_an_internal_error_is_one_line(files, deteval_run, monkeypatch):
    import deteval.runs

    predictions, truth, _ = files
    monkeypatch.setattr(deteval.runs, "match", lambda *a, **k: 1 / 0)
    outcome = deteval_run("score", predictions, truth)
    assert outcome.code == 70
    assert outcome.err == ("deteval: internal error, a defect of deteval: ZeroDivisionError: division by zero; "
                           "DETEVAL_TRACEBACK=1 shows where\n")


def test_threads_do_not_change_a_byte_and_one_starts_none(files, deteval_run, monkeypatch):
    import threading

    predictions, truth, _ = files
    outputs = {deteval_run("score", predictions, truth, "--format", "json", "--threads", n).out for n in (2, 3, 16)}
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread was started"))
    outputs.add(deteval_run("score", predictions, truth, "--format", "json", "--threads", 1).out)
    assert len(outputs) == 1


def test_timings(files, deteval_run):
    predictions, truth, _ = files
    outcome = deteval_run("score", predictions, truth, "--format", "json", "--timings")
    assert {"read", "decode", "join", "match", "measure"} <= set(json.loads(outcome.out)["timings"])
    assert outcome.err.startswith("read ")


def test_images_subset(files, deteval_run, tmp_path):
    predictions, truth, data = files
    keep = [image["id"] for image in data.ground_truth["images"]][:2]
    listing = tmp_path / "ids.txt"
    listing.write_text("# a comment\n" + "\n".join(map(str, keep)) + "\n")
    document = json.loads(deteval_run("score", predictions, truth, "--images", listing, "--format", "json").out)
    part = {**data.ground_truth, "images": [i for i in data.ground_truth["images"] if i["id"] in keep],
            "annotations": [a for a in data.ground_truth["annotations"] if a["image_id"] in keep]}
    gt = deteval.load_ground_truth(part)
    dt = deteval.load_detections([d for d in data.detections if d["image_id"] in keep], gt)
    assert document["metrics"] == deteval.evaluate(gt, dt).metrics
    assert document["fingerprint"] == deteval.evaluate(gt, dt).fingerprint
    listing.write_text("nosuchimage")
    assert deteval_run("score", predictions, truth, "--images", listing).code == 3


def test_configs_state_the_defaults():
    from deteval.loading.settings import make_settings, read_config
    from deteval.records.params import Params
    from deteval.records.reading import Reading

    path = Path(__file__).parent.parent / "configs" / "coco.yaml"
    settings = make_settings(read_config(path))
    assert settings.params == Params()
    assert settings.reading == Reading()
    from deteval.loading.settings import SETTINGS
    from deteval.loading.yaml_file import read_yaml

    assert set(read_yaml(path).value) == set(SETTINGS), "every setting is stated"


def test_outputs_that_are_no_files(files, deteval_run, tmp_path):
    predictions, truth, _ = files
    assert deteval_run("score", predictions, truth, "-o", "-", "--format", "json").out.startswith("{")
    assert not Path("-").exists()
    assert deteval_run("score", predictions, truth, "--matches", "-").code == 2
    both = tmp_path / "both.txt"
    assert deteval_run("score", predictions, truth, "-o", both, "--matches", both).code == 2
    piped = subprocess_run("score", predictions, truth, "--format", "json", "-o", "/dev/stdout")
    assert (piped.returncode, piped.stdout[:1]) == (0, "{")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_disk_and_a_closed_stdout_are_usage_errors(files):
    predictions, truth, _ = files
    for redirection, message in ((">/dev/full", "stdout: cannot be written: No space left on device"),
                                 (">&-", "stdout is closed; -o FILE writes to a file")):
        command = f"{sys.executable} -m deteval score {predictions} {truth} {redirection}"
        outcome = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
        assert (outcome.returncode, outcome.stderr) == (2, f"deteval: {message}\n")


def test_csv_and_coco_lines_come_with_their_caveats(files, deteval_run):
    predictions, truth, _ = files
    rows = deteval_run("score", predictions, truth, "--format", "csv", "--min-score", "0.3", "-q").out.splitlines()
    assert "run,,,comparable_to_coco,false" in rows
    assert "run,,,not_comparable,detections with a score below 0.3 are dropped" in rows
    lines = deteval_run("score", predictions, truth, "--format", "coco", "--min-score", "0.3").err.splitlines()
    assert "not comparable to COCO: detections with a score below 0.3 are dropped" in lines


@pytest.mark.parametrize("width, left_out", [(200, ""), (80, "n_images"), (60, "n_images")])
def test_a_narrow_table_keeps_the_counts(files, width, left_out):
    from msgspec.structs import replace

    from deteval.reports.layout import Look, display_width
    from deteval.reports.table import render_table

    _, _, data = files
    gt = deteval.load_ground_truth(data.ground_truth)
    scores = deteval.evaluate(gt, deteval.load_detections(data.detections, gt))
    longer = tuple(replace(one, name=f"{one.name} with a long name") for one in scores.classes)
    text = render_table(replace(scores, classes=longer, findings=(), inputs=()), Look(width=width))
    assert max(map(display_width, text.splitlines())) <= width
    heading = next(line for line in text.splitlines() if line.startswith("id"))
    assert heading.split()[-3:] == ["TP", "FP", "FN"]
    assert (f"for want of room without {left_out}" in " ".join(text.split())) == bool(left_out)
