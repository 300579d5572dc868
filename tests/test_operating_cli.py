"""`deteval operating-points`: formats that agree, a YAML that score takes back, and what is refused."""

import csv
import io
import json
import re
from pathlib import Path

import jsonschema
import pytest
from conftest import SAMPLE
from msgspec.structs import replace

import deteval
from deteval.records.criterion import Criterion
from deteval.records.operating_points import Splits, Verdicts
from deteval.records.resampling import Resampling
from deteval.reports.layout import Look, display_width
from deteval.reports.operating_table import render_table
from deteval.reports.operating_yaml import render_yaml
from deteval.studies.operating_points import operating_points

PREDS, GT = SAMPLE / "preds.json", SAMPLE / "gt.json"
SCHEMA = json.loads((Path(deteval.__file__).parent / "operating_points.schema.json").read_text())
COUNTS = ("true_positives", "false_positives", "false_negatives")


def document(outcome):
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    jsonschema.validate(found, SCHEMA)
    return found


def written(points, tmp_path, *options):
    """The YAML file, and what it says."""
    outcome = points(*options, "--format", "yaml", "-o", tmp_path / "points.yaml")
    assert outcome.code == 0, outcome.err
    return (tmp_path / "points.yaml").read_text(), outcome


def test_the_table(points):
    outcome = points()
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"""\
{PREDS} on {GT}
deteval|bbox|sim:iou|thr:.5|area:all|max:100|v:{deteval.__version__}
ground truth 59f4c2ba2f0c7d3c
threshold: the score with the largest F1, at IoU .5, area all, at most 100 detections

id  class          n_gt  n_images  threshold  precision  recall      F1  TP  FP  FN   AP@.5
1   person           81        32     0.4650     0.9062  0.7160  0.8000  58   6  23  0.7623
2   bicycle          12         9     0.4789     0.9091  0.8333  0.8696  10   1   2  0.8092
3   car              56        31     0.5221     0.9268  0.6786  0.7835  38   3  18  0.7829
4   bus              18        13     0.4509     0.8947  0.9444  0.9189  17   2   1  0.9740
5   traffic light    18        15     0.5663     1.0000  0.7222  0.8387  13   0   5  0.7228
6   dog              10         9     0.4506     0.6667  0.8000  0.7273   8   4   2  0.6696

all classes      threshold  precision  recall      F1   TP  FP  FN
own cuts, macro                0.8839  0.7824  0.8230  144  16  51
own cuts, micro                0.9000  0.7385  0.8113  144  16  51
one cut, macro      0.4374     0.8189  0.7884  0.7982  146  25  49
one cut, micro      0.4374     0.8538  0.7487  0.7978  146  25  49
own cuts: one for each class; one cut: for all classes; macro: mean over classes, micro: counts pooled

Measured on the images that chose the cuts, which flatters them; --stability says by how much.

warning: 1 image with ground truth and without detections, as image 18: did the model run on all of them? \
[images-without-detections]
"""


def test_reasons(sample_run):
    found = operating_points(sample_run, Criterion("precision", target=1.0))
    low = operating_points(sample_run, Criterion("precision", target=0.95))
    reasons = {one.name: one.reason for one in (*found.classes, *low.classes) if one.reason}
    assert all(re.fullmatch(r"precision (1|0\.95) is not reached: at most 0\.\d+, at score 0\.\d+", reason)
               for reason in reasons.values())
    gt = deteval.load_ground_truth(json.loads(GT.read_text()))
    nothing = operating_points(deteval.make_run(gt, deteval.load_detections([], gt)))
    assert {one.reason for one in (*nothing.classes, nothing.one)} == {"no detection"}
    away = [{**one, "bbox": [5000, 5000, 10, 10]} for one in json.loads(PREDS.read_text())]
    missed = operating_points(deteval.make_run(gt, deteval.load_detections(away, gt)))
    assert {one.reason for one in (*missed.classes, missed.one)} == {"no detection is a true positive"}
    assert "No cut for all classes: no detection is a true positive." in render_table(missed, Look())


def test_classes_without_ground_truth_hold_at_the_one_cut(tmp_path):
    truth = json.loads(GT.read_text())
    truth["annotations"] = [one for one in truth["annotations"] if one["category_id"] != 6]
    gt = deteval.load_ground_truth(truth)
    found = operating_points(deteval.make_run(gt, deteval.load_detections(json.loads(PREDS.read_text()), gt)))
    dog = found.classes[-1]
    above = [one for one in json.loads(PREDS.read_text()) if one["category_id"] == 6
             and one["score"] >= found.one.threshold]
    assert (dog.threshold, dog.reason, dog.n_gt) == (None, "no ground truth", 0)
    assert (dog.counts.true_positives, dog.counts.false_positives) == (0, len(above)) != (0, 0)
    text = render_yaml(found, Look())
    assert '  # no ground truth, the default holds: "dog"\n' in text
    assert "No ground truth, so the one cut for all holds: dog." in render_table(found, Look())


def test_formats_agree(points):
    options = ("--ci", "--replicates", 200, "--stability", "--splits", 20)
    found = document(points(*options, "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(points(*options, "--format", "csv").out)))
    assert [row["section"] for row in rows] == ["class"] * 6 + ["own_cuts"] * 2 + ["one_cut"] * 2
    for row, one in zip(rows, found["classes"], strict=False):
        assert [row["class"], float(row["threshold"]), float(row["F1"])] == [one["name"], one["threshold"], one["F1"]]
        limits = one["intervals"]["recall"] or {"low": "", "high": ""}
        assert [row["recall_low"], row["recall_high"]] == [str(limits["low"]), str(limits["high"])]
        assert row["recall_elsewhere"] == str(one["elsewhere"]["recall"] or "")
        assert float(row["F1_optimism"]) == one["stability"]["optimism"]["F1"]
    for row, one in zip(rows[6:], (("own_cuts", "macro"), ("own_cuts", "micro"), ("one_cut", "macro"),
                                   ("one_cut", "micro")), strict=True):
        assert float(row["F1"]) == found[one[0]][one[1]]["F1"]
    table = points(*options, "-q").out
    markdown = points(*options, "--format", "markdown").out
    for one in found["classes"]:
        for name in ("threshold", "precision", "recall", "F1"):
            assert f"{one[name]:.4f}" in table
            assert f"| {one[name]:.4f} |" in markdown
    assert found["inference"] == {"replicates": 200, "seed": 1, "alpha": 0.05, "clusters": None}
    worth_more = found["stability"].pop("worth_more")
    assert found["stability"] == {"splits": 20, "seed": 1, "target_met": None, "clusters": None}
    assert sum(worth_more.values()) == 20


@pytest.mark.parametrize("options", [(), ("--beta", "2"), ("--lrp",)], ids=" ".join)
def test_evidence_gives_what_predictions_give(points, deteval_run, tmp_path, options):
    evidence = tmp_path / "run.npz"
    assert deteval_run("score", PREDS, GT, "--save-evidence", evidence, "--detail", ".5", "-q").code == 0
    ours, theirs = document(points(*options, "--format", "json")), document(
        deteval_run("operating-points", evidence, *options, "--format", "json"))
    for name in ("classes", "own_cuts", "one_cut", "AP", "n_gt", "counts_at", "fingerprint", "findings"):
        assert ours[name] == theirs[name], name
    assert theirs["signature"].startswith("deteval|bbox|sim:iou|thr:.5:.95:.05|")


@pytest.mark.parametrize("width", [200, 100, 80, 60, 45])
def test_a_narrow_table_keeps_cut_and_rate(sample_run, width):
    for criterion in (Criterion(), Criterion("recall", target=0.7), Criterion("lrp")):
        gt = deteval.load_ground_truth(GT)
        evidence = deteval.match(gt, deteval.load_detections(PREDS, gt), deteval.Params(iou=0.5), detail=[0.5])
        found = operating_points(evidence, criterion, resampling=Resampling(replicates=200), splits=Splits(count=10))
        lines = render_table(found, Look(width=width)).splitlines()
        assert max(map(display_width, lines)) <= width
        for heading in (line for line in lines if "threshold  " in line and not line.startswith("threshold")):
            assert criterion.main in heading.split()
            if width >= 80:
                assert f"{criterion.main} elsewhere" in heading
                assert f"{criterion.main} 95 %" in heading if criterion.target is None else \
                    criterion.free in heading.split()
        plain = render_table(found, Look(colour=True))
        assert re.sub(r"\x1b\[\d*m", "", plain) == render_table(found, Look())


@pytest.mark.parametrize("options, message", [
    (("--beta", "0"), ("beta: 0.0 is not a number from 0.01 to 100; 1 weighs precision and recall alike, 2 recall "
                       "twice as much")),
    (("--beta", "nan"), ("beta: nan is not a number from 0.01 to 100; 1 weighs precision and recall alike, 2 recall "
                        "twice as much")),
    (("--target", "precison=0.9"), ("target: 'precison=0.9' is neither precision=X nor recall=X, with X above 0 and up "
                                   "to 1")),
    (("--target", "precision=90"), ("target: 'precision=90' is neither precision=X nor recall=X, with X above 0 and up "
                                   "to 1")),
    (("--target", "recall=0"), "target: 'recall=0' is neither precision=X nor recall=X, with X above 0 and up to 1"),
    (("--beta", "2", "--lrp"), "lrp: --beta and --lrp choose by different things; give one of them"),
    (("--iou", ".5,.7"), "iou: '.5,.7' is not one number; a cut is chosen at a single threshold, as .5"),
    (("--iou", "1.5"), "iou: 1.5 is outside (0, 1], the range of iou"),
    (("--lrp", "--iou", "1"), "iou: the LRP error needs a threshold below 1, as it divides by 1 - IoU"),
    (("--replicates", "500"), "replicates: belongs to --ci, which is not given"),
    (("--splits", "5", "--ci"), "splits: belongs to --stability, which is not given"),
    (("--seed", "5"), "seed: belongs to --ci or --stability, which is not given"),
    (("--stability", "--splits", "1"), "splits: 1 is not a whole number from 2 to 100,000"),
    (("--ci", "--replicates", "10"), "replicates: 10 is not a whole number from 100 to 1,000,000"),
    (("--ci", "--cluster-by", "video"), None),
    (("--format", "yml"), "format: 'yml' is not one of table, json, csv, markdown, yaml; did you mean 'yaml'?"),
    (("--cuts", "one"), "cuts: belongs to --format yaml; the other formats show own cuts and one for all"),
    (("--cuts", "two", "--format", "yaml"), "cuts: 'two' is not one of own, one"),
    (("--per-class", "best:3"), "per_class: 'best:3' is not all, none or worst:N"),
])
def test_refusals(points, options, message):
    outcome = points(*options)
    assert (outcome.code, outcome.out) == (2, "")
    if message is not None:
        assert outcome.err == f"deteval: {message}\n"
    assert outcome.err.startswith("deteval: ")
    assert "Traceback" not in outcome.err


def test_refusals_of_evidence(deteval_run, saved):
    outcome = deteval_run("operating-points", saved, "--lrp")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == ("deteval: lrp: the LRP error needs to know how well each detection fits; save the evidence "
                           "with `deteval score --save-evidence FILE --detail .5`, or give predictions and ground "
                           "truth here\n")
    outcome = deteval_run("operating-points", saved, "--iou", ".52")
    assert outcome.err == "deteval: iou: the run has no IoU threshold .52, only .5:.95:.05\n"
    outcome = deteval_run("operating-points", saved, "--max-dets", "5")
    assert outcome.code == 2
    assert "max_dets: evidence keeps the settings" in outcome.err
    outcome = deteval_run("operating-points", PREDS)
    assert outcome.code == 2
    assert outcome.err.startswith("deteval: predictions and a ground truth are needed, PREDS... GT; only ")
    assert deteval_run("operating-points", saved, GT).code == 2


def test_nothing_evaluable(deteval_run, tmp_path):
    truth = json.loads(GT.read_text())
    (tmp_path / "gt.json").write_text(json.dumps({**truth, "annotations": []}))
    outcome = deteval_run("operating-points", PREDS, tmp_path / "gt.json", "-o", tmp_path / "out.txt")
    assert (outcome.code, outcome.out) == (3, "")
    assert "nothing to choose by: the ground truth holds no object" in outcome.err
    assert not (tmp_path / "out.txt").exists()


def test_settings_of_a_config_hold_and_its_lists_are_read_as_documented(points, deteval_run, tmp_path):
    (tmp_path / "config.yaml").write_text("iou: .5:.95:.05\narea: [small, all]\nmax_dets: [1, 10]\nmetrics: [AP75]\n")
    found = document(points("--config", tmp_path / "config.yaml", "--format", "json", "--iou", ".75"))
    assert found["counts_at"] == {"iou": 0.75, "area": "small", "max_dets": 10, "min_score": None}
    clusters = tmp_path / "clusters.csv"
    images = json.loads(GT.read_text())["images"]
    clusters.write_text("image,cluster\n" + "".join(f"{one['id']},{one['id'] // 2}\n" for one in images))
    found = document(points("--ci", "--stability", "--cluster-by", clusters, "--format", "json"))
    assert found["inference"]["clusters"]["count"] == found["stability"]["clusters"]["count"] > 10


def test_settings_that_cuts_depend_on_are_named(points, tmp_path):
    outcome = points("--nms", ".5", "--similarity", "giou")
    assert ("threshold: the score with the largest F1, at IoU .5, area all, at most 100 detections, similarity giou, "
            "NMS at IoU .5\n") in outcome.out
    text, _ = written(points, tmp_path, "--nms", ".5", "--min-score", ".3")
    assert "score at least 0.3, NMS at IoU .5.\n" in text
    assert "give the same --nms wherever it is used" in text


def test_lrp_close_to_1_is_refused(points):
    outcome = points("--lrp", "--iou", "0.9999999999999999")
    assert outcome.code == 2
    assert outcome.err == "deteval: iou: the LRP error needs a threshold below 1, as it divides by 1 - IoU\n"


def test_worst_classes_are_those_of_the_rate_that_chose(sample_run):
    gt = deteval.load_ground_truth(GT)
    evidence = deteval.match(gt, deteval.load_detections(PREDS, gt), deteval.Params(iou=0.5), detail=[0.5])
    for criterion, end in ((Criterion("lrp"), max), (Criterion(), min), (Criterion("precision", target=0.9), min)):
        found = operating_points(evidence, criterion)
        worst = end(found.classes, key=lambda one: one.part.rates[criterion.main])
        text = render_table(found, Look(), "worst:1")
        assert f"with the {'highest' if end is max else 'lowest'} {criterion.main}\n" in text
        assert f"\n{worst.id}   {worst.name} " in text


@pytest.mark.parametrize("own, one, equal, sentence", [
    (90, 10, 0, "On the other half own cuts are worth more in 90 of 100 splits, although half "),
    (3, 97, 0, "On the other half one cut for all is worth more in 97 of 100 splits. Half of the images choose worse"),
    (37, 63, 0, ("Neither is clearly worth more on the other half (own cuts in 37, one cut for all in 63 of 100 "
                 "splits): one cut for all is the simpler one. ")),
    (89, 11, 0, "Neither is clearly worth more"), (11, 89, 0, "Neither is clearly worth more"),
    (0, 0, 100, "Neither is clearly worth more"),
])
def test_a_verdict_needs_nine_splits_of_ten(sample_run, own, one, equal, sentence):
    found = operating_points(sample_run, splits=Splits(count=10))
    points = replace(found, verdicts=Verdicts(own, one, equal))
    assert sentence in render_table(points, Look())


def test_under_a_target_both_rates_elsewhere_are_told(sample_run):
    found = operating_points(sample_run, Criterion("precision", target=0.9), splits=Splits())
    text = render_table(found, Look())
    own, one = found.own.macro.stability.other, found.one.micro.stability.other
    for what, rates, word, met in (("own cuts (macro)", own, "missed", found.verdicts.met[0]),
                                   ("one cut for all (micro)", one, "met", found.verdicts.met[1])):
        assert (f"With {what}, precision is {rates['precision']:.4f} and recall {rates['recall']:.4f} on the other "
                f"half: the target of precision 0.9 is {word} there on average, and met in {met} of 100 splits.\n"
                ) in text
    assert "worth more" not in text


def test_flattering_numbers_are_called_so(sample_run):
    flattered = "Measured on the images that chose the cuts, which flatters them; --stability says by how much."
    assert flattered in render_table(operating_points(sample_run), Look())
    text = render_table(operating_points(sample_run, resampling=Resampling(replicates=100)), Look())
    assert flattered not in text
    assert "F1 elsewhere and the interval of F1: what these cuts are worth on new images like these" in text


@pytest.mark.parametrize("resampling, splits", [(None, None), (True, None), (None, True), (True, True)])
def test_a_narrow_table_of_a_target_keeps_what_it_costs(sample_run, resampling, splits):
    found = operating_points(sample_run, Criterion("precision", target=0.8), splits=splits and Splits(count=4),
                             resampling=resampling and Resampling(replicates=100))
    heads = [line.split() for line in render_table(found, Look(width=80)).splitlines()
             if {"class", "classes"} & set(line.split()) and "threshold" in line.split()]
    assert len(heads) == 2
    assert all({"threshold", "precision", "recall"} <= set(head) for head in heads)
    assert ("elsewhere" in heads[0]) == bool(resampling)
