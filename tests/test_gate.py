"""`deteval gate` as a user meets it: verdicts, exit codes, what is refused before anything is scored."""

import json
import re
import subprocess
import sys

import pytest
from gate_data import PREDICTIONS, SAMPLE, TRUTH, sample_predictions, sample_truth, write


def test_identical_predictions_pass(gate):
    outcome = gate("- {metric: AP, max_drop: 0}\n- {metric: AP, classes: '*', max_drop: 0pt, mode: non-inferior}\n"
                   "- {total: n_det, max_rise: 0%}\n")
    first = outcome.out.splitlines()[0]
    assert (outcome.code, first) == (0, ("PASS: 8 tests, none failed; drops are tested in modes significant and "
                                        "non-inferior (paired bootstrap over 40 images)"))
    assert "8 passed; --verbose shows them" in outcome.out
    verbose = gate("- {metric: AP, max_drop: 0}\n", "--verbose").out
    assert "AP is identical." in verbose


def test_a_proven_drop_fails_with_its_numbers(gate, worse):
    outcome = gate("- {metric: AP, max_drop: 0.5pt}\n- {metric: AP, classes: person, max_drop: 2pt}\n", new=worse)
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    assert lines[0] == ("FAIL: 2 of 2 tests failed; drops are tested in mode significant (paired bootstrap over 40 "
                        "images)")
    assert any(line.startswith("AP of person  max_drop 2pt") and line.endswith(" 81") for line in lines)
    assert "a drop is proven and exceeds the tolerance of 2.0 points." in outcome.out
    assert "2,000 replicates" not in outcome.out
    assert "200 replicates, seed 1" in outcome.out


def test_without_evidence_drops_are_compared_plainly(gate, worse):
    outcome = gate("- {metric: AP, max_drop: 0.5pt}\n", new=worse, baseline="plain.json")
    assert outcome.code == 1
    assert outcome.out.splitlines()[0].startswith(
        "FAIL: 1 of 1 test failed; drops are compared in mode plain, without a test against chance (")
    assert "plain.json names no evidence)" in outcome.out.splitlines()[0]
    assert ", more than the tolerance of 0.5 points." in outcome.out


def test_a_drop_that_is_not_proven_warns_and_passes(gate):
    new = SAMPLE / "preds_new.json"
    outcome = gate("- {metric: AP, max_drop: 0.5pt}\n", new=new)
    assert outcome.code == 0
    assert "warning: AP fell by 1.3 points (95 % interval " in outcome.out
    assert "more than the tolerance of 0.5 points, but no drop is proven." in outcome.out
    plain = gate("- {metric: AP, max_drop: 0.5pt, mode: plain}\n- {metric: AP, slice: few, max_drop: 0, level: warn}\n"
                 "slices: {few: {ids: [1, 2]}}\n", new=new)
    assert plain.code == 1
    assert plain.out.startswith("FAIL: 1 of 1 test failed; drops are compared in mode plain, without a test against "
                                "chance\n")
    assert gate("- {metric: AP, max_drop: 0.5pt, mode: beyond}\n", new=new).code == 0
    assert gate("- {metric: AP, max_drop: 0.5pt, mode: non-inferior}\n", new=new).code == 1
    assert gate("- {metric: AP, max_drop: 0.5pt}\n", "--mode", "plain", new=new).code == 1


def test_floors_need_no_baseline(gate):
    assert gate("- {metric: AP, min: 0.42}\n", baseline=None).code == 0
    outcome = gate("- {metric: AP, min: 0.5}\n- {metric: AP, classes: '*', min: 0.3}\n", baseline=None)
    assert outcome.code == 1
    assert outcome.out.splitlines()[0] == "FAIL: 1 of 7 tests failed"
    assert "AP is 0.4879, below the floor of 0.5." in outcome.out


def test_a_value_equal_to_its_floor_passes(gate, gate_base):
    value = json.loads((gate_base / "base.json").read_text())["metrics"]["AP"]
    assert gate(f"- {{metric: AP, min: {value!r}}}\n", baseline=None).code == 0
    assert gate(f"- {{metric: AP, min: {value + 1e-6!r}}}\n", baseline=None).code == 1


def test_rules_as_options(gate_base, deteval_run, worse):
    plain = ("--baseline", gate_base / "plain.json", "--no-github")
    passed = deteval_run("gate", PREDICTIONS, TRUTH, *plain, "--min", "AP=0.42", "--max-drop", "AP=0.5pt", "--max-drop",
                         "F1@.5/score=0.25=1pt", "--max-rise", "false_positives=10%")
    assert (passed.code, passed.out.splitlines()[0].partition(";")[0]) == (0, "PASS: 4 tests, none failed")
    failed = deteval_run("gate", worse, TRUTH, *plain, "--max-drop", "AP/class=person=1%", "--max-rise",
                         "false_positives=0")
    assert (failed.code, failed.out.splitlines()[0].partition(";")[0]) == (1, "FAIL: 2 of 2 tests failed")
    assert "false_positives rose by " in failed.out


def test_evidence_in_place_of_predictions(gate, gate_base):
    outcome = gate("- {metric: AP, max_drop: 0.5pt}\n", new=gate_base / "base.evidence.npz", truth=None)
    assert outcome.code == 0
    assert gate("- {metric: AP, max_drop: 0.5pt}\n", new=gate_base / "base.evidence.npz", truth=None,
                baseline="base.evidence.npz").code == 0, "evidence is a baseline, too"
    refused = gate("- {metric: AP, max_drop: 0.5pt}\n", "--iou", ".5", new=gate_base / "base.evidence.npz", truth=None)
    assert (refused.code, refused.err) == (2, ("deteval: iou: evidence keeps the settings that it was matched under; "
                                              "give this option to `deteval score --save-evidence`, or give "
                                              "predictions here\n"))
    same = gate("- {metric: AP, max_drop: 0.5pt}\n", "--iou", ".5:.95:.05", new=gate_base / "base.evidence.npz",
                truth=None)
    assert same.code == 0


def test_the_baseline_gives_the_settings(gate, gate_base, deteval_run, tmp_path):
    other = tmp_path / "other.json"
    assert deteval_run("score", PREDICTIONS, TRUTH, "--iou", ".3,.5", "--format", "json", "-o", other).code == 0
    outcome = gate("- {metric: 'AP@.3', max_drop: 0}\n", baseline=None)
    assert outcome.code == 2
    passed = gate("- {metric: 'AP', max_drop: 0}\n", "--baseline", other, baseline=None)
    assert passed.code == 0
    assert "|thr:.3,.5|" in passed.out


def test_other_settings_other_data_and_missing_metrics_are_undecidable(gate, gate_base, tmp_path):
    rule = "- {metric: AP, max_drop: 0}\n"
    outcome = gate(rule, "--iou", ".5", baseline="plain.json")
    assert outcome.code == 4
    assert outcome.out.splitlines()[0] == "UNDECIDABLE: 1 demand cannot be decided; 0 tests, none failed"
    assert "the settings differ: iou is .5, the base's is .5:.95:.05" in outcome.out
    truth = sample_truth()
    truth["annotations"][0]["bbox"][2] += 1
    changed = gate(rule, truth=write(tmp_path / "gt.json", truth))
    assert changed.code == 4
    assert "the ground truths differ: their images and classes are the same, their objects are not" in changed.out
    truth["annotations"].pop()
    fewer = gate(rule, truth=write(tmp_path / "gt.json", truth), baseline="plain.json")
    assert fewer.code == 4
    assert "40 images and 194 objects, the baseline's is " in fewer.out
    missing = gate("- {metric: AP75, max_drop: 0}\n", baseline="plain.json")
    assert missing.code == 4
    assert ("plain.json does not hold AP75, only AP, AP50, F1@.5/score=0.25; score it again with --metrics AP75 among "
            "others, or save its evidence") in missing.out
    assert gate("- {metric: AP75, max_drop: 0}\n").code == 0, "evidence has every metric"
    assert gate("- {metric: 'AP@.5', max_drop: 0}\n", baseline="plain.json").code == 0, "the same under another name"
    assert gate("- {metric: AP75/class=dog, max_drop: 0}\n", baseline="plain.json").code == 0, "classes hold it"
    by_class = gate("- {metric: APs, classes: '*', max_drop: 0}\n", baseline="plain.json")
    assert by_class.code == 4
    assert "the baseline does not hold APs by class" in by_class.out


def test_an_undefined_metric_is_undecidable_and_a_failure_beats_it(gate, tmp_path):
    truth = sample_truth()
    truth["annotations"] = [one for one in truth["annotations"] if one["category_id"] != 6]
    path = write(tmp_path / "gt.json", truth)
    rule = "- {metric: AP/class=dog, min: 0.1}\n"
    outcome = gate(rule, truth=path, baseline=None)
    assert outcome.code == 4
    assert "AP/class=dog cannot be decided: class dog has no ground truth that counts in area range all." in outcome.out
    assert gate(rule + "- {metric: AP, min: 0.99}\n", truth=path, baseline=None).code == 1
    assert gate(rule.replace("0.1", "0.1, level: warn") + "- {metric: AP, min: 0.1}\n", truth=path,
                baseline=None).code == 0
    named = gate("- {metric: AP, classes: [dog, car], min: 0.1}\n", truth=path, baseline=None)
    assert named.code == 4, "a class asked for by name must be there"
    every = gate("- {metric: AP, classes: '*', min: 0.1}\n", truth=path, baseline=None)
    assert every.code == 0
    assert "AP by class, min 0.1: not tested: dog: no ground truth that counts" in every.out


def test_min_gt_lists_what_it_leaves_untested(gate):
    outcome = gate("- {metric: AP, classes: '*', max_drop: 2pt, min_gt: 18}\n")
    assert outcome.code == 0
    assert ("AP by class, max_drop 2pt: not tested: bicycle (12), dog (10): fewer ground truths than min_gt 18"
            in outcome.out)
    nothing = gate("- {metric: AP, classes: '*', max_drop: 2pt, min_gt: 500}\n")
    assert nothing.code == 4
    assert "nothing is left to test: 6 with fewer ground truths than min_gt 500." in nothing.out


def test_warnings_do_not_fail(gate, worse):
    outcome = gate("- {metric: AP, max_drop: 0.5pt, level: warn}\n- {metric: AP, min: 0.1}\n", new=worse)
    assert outcome.code == 0
    assert "warning: AP fell by " in outcome.out
    assert outcome.out.startswith("PASS: 2 tests, none failed;")


def test_mutes(gate, worse):
    rule = "- {metric: AP, classes: [person, car], max_drop: 2pt}\n"
    mute = "mute: [{{classes: {}, until: {}, reason: relabelling}}]\n"
    muted = gate(rule + mute.format("'pers*'", "2999-12-31"), new=worse)
    assert muted.code == 0
    assert "muted: person (-" in muted.out
    assert "until 2999-12-31: relabelling" in muted.out
    expired = gate(rule + mute.format("person", "2020-01-31"), new=worse)
    assert expired.code == 1
    assert ("the mute of person ended on 2020-01-31 and mutes no longer (its reason was: relabelling); take it out, or "
            "give it another day") in expired.out
    everything = gate("- {metric: AP, classes: person, max_drop: 2pt}\n" + mute.format("person", "2999-12-31"),
                      new=worse)
    assert (everything.code, everything.out.splitlines()[0]) == (4, "UNDECIDABLE: nothing was tested")


def test_slices(gate, worse, tmp_path):
    slices = "slices:\n  first: {ids: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]}\n"
    rule = "- {metric: AP, slice: first, max_drop: 1pt}\n- {metric: AP, slice: first, classes: person, min: 0.1}\n"
    assert gate(rule + slices).code == 0
    failed = gate(rule + slices, new=worse)
    assert failed.code == 1
    assert "AP in slice first fell by " in failed.out
    part = json.loads(gate(rule + slices, "--format", "json", "-q").out)["outcomes"]
    assert {one["slice"] for one in part} == {"first"}


def test_a_failure_beats_what_cannot_be_compared(gate):
    drop = "- {metric: AP, max_drop: 0, level: warn}\n"
    undecidable = gate(drop + "- {metric: AP, min: 0.1}\n", "--max-dets", "1,10,50")
    assert undecidable.code == 4, "other settings are said whatever the level"
    assert undecidable.out.splitlines()[0].startswith("UNDECIDABLE: ")
    failed = gate(drop + "- {metric: AP, min: 0.99}\n", "--max-dets", "1,10,50")
    assert (failed.code, failed.out.splitlines()[0]) == (1, "FAIL: 1 of 1 test failed")
    assert "max_dets is 1,10,50, the base's is 1,10,100" in failed.out


def test_classes_against_a_baseline_without_evidence(gate, worse):
    outcome = gate("- {metric: AP, classes: '*', max_drop: 2pt}\n", new=worse, baseline="plain.json")
    assert outcome.code == 1
    assert outcome.out.splitlines()[0].startswith("FAIL: 1 of 6 tests failed; drops are compared in mode plain")
    assert "AP of person fell by " in outcome.out


def test_clusters_from_a_file_beside_the_rules(gate, tmp_path):
    lines = [f"{image['id']},scene {image['id'] // 2}" for image in sample_truth()["images"]]
    (tmp_path / "scenes.csv").write_text("\n".join(["image,cluster", *lines]) + "\n")
    extra = "defaults: {replicates: 200, cluster_by: scenes.csv}\n"
    outcome = gate("- {metric: AP, max_drop: 0}\n", new=SAMPLE / "preds_new.json", extra=extra)
    assert "(paired bootstrap over 21 clusters of " in outcome.out.splitlines()[0]
    assert "only 21 of them, below 30 intervals are rough" in outcome.out
    missing = gate("- {metric: AP, max_drop: 0}\n", extra="defaults: {cluster_by: scene}\n")
    assert missing.code == 2
    assert missing.err.startswith("deteval: cluster_by: there is no file 'scene', and the images have no field 'scene'")


def test_allowances_of_one_side_only_are_undecidable(gate, tmp_path):
    extra = write(tmp_path / "extra.json", [*sample_predictions(),
                                            {"image_id": 999, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}])
    rule = "- {metric: AP, max_drop: 0}\n"
    assert gate(rule, new=extra).code == 3
    for baseline in ("base.json", "plain.json"):
        outcome = gate(rule, "--allow", "unknown-image", new=extra, baseline=baseline)
        assert outcome.code == 4
        assert re.search("the allowances differ: .*unknown-image were allowed: dropped, only here", outcome.out)


def test_evidence_comes_alone(gate, gate_base):
    outcome = gate("- {metric: AP, max_drop: 0}\n", new=gate_base / "base.evidence.npz")
    assert outcome.code == 2
    assert outcome.err.endswith("base.evidence.npz: is evidence, which needs neither ground truth nor other files; "
                                "give it alone\n")


@pytest.mark.parametrize("floor, code", [(0.1, 0), (0.99, 1)])
def test_a_closed_pipe_keeps_the_verdict(floor, code):
    command = (f"{sys.executable} -m deteval gate {PREDICTIONS} {TRUTH} --min AP={floor} --github 2>&1 | true; "
               "exit ${PIPESTATUS[0]}")
    assert subprocess.run(["bash", "-c", command], timeout=60, check=False).returncode == code


def test_threads_and_seed_decide_what_they_should(gate, worse):
    rule = "- {metric: AP, max_drop: 0.5pt}\n"
    one = gate(rule, "--format", "json", "-q", new=worse).out
    assert gate(rule, "--format", "json", "-q", "--threads", 2, new=worse).out == one
    other = json.loads(gate(rule, "--format", "json", "-q", "--seed", 2, new=worse).out)
    assert other["outcomes"][0]["low"] != json.loads(one)["outcomes"][0]["low"]
    assert other["inference"]["seed"] == 2


def test_slices_by_fields_of_the_images(deteval_run, tmp_path):
    truth = sample_truth()
    for image in truth["images"]:
        image["attributes"] = {"timeofday": "night" if image["id"] % 2 else "day"}
    path = write(tmp_path / "gt.json", truth)
    base, new = tmp_path / "base.json", tmp_path / "new.evidence.npz"
    for predictions, arguments in ((PREDICTIONS, ("-o", base, "--save-evidence", tmp_path / "base.evidence.npz")),
                                   (SAMPLE / "preds_new.json", ("-o", tmp_path / "x.json", "--save-evidence", new))):
        assert deteval_run("score", predictions, path, "--format", "json", *arguments).code == 0
    (tmp_path / "gate.yaml").write_text(
        "baseline: base.json\ndefaults: {replicates: 200}\nrules:\n- {metric: AP75, slice: night, max_drop: 1pt}\n"
        "slices: {night: {image: {attributes.timeofday: night}}}\n")
    rules = ("--config", tmp_path / "gate.yaml", "--no-github")
    from_predictions = deteval_run("gate", SAMPLE / "preds_new.json", path, *rules)
    from_evidence = deteval_run("gate", new, *rules)
    assert from_predictions.code == 1
    assert "AP75 in slice night fell by " in from_predictions.out
    assert "(paired bootstrap over 20 images)" in from_predictions.out
    assert from_evidence.out.splitlines()[2:] == from_predictions.out.splitlines()[2:]


def test_settings_of_the_file(deteval_run, tmp_path):
    (tmp_path / "ids.txt").write_text("\n".join(map(str, range(1, 31))))
    base = tmp_path / "base.json"
    assert deteval_run("score", PREDICTIONS, TRUTH, "--images", tmp_path / "ids.txt", "--format", "json", "-o", base,
                       "--save-evidence", tmp_path / "base.evidence.npz").code == 0
    rules = "baseline: base.json\ndefaults: {replicates: 200}\nrules: [{metric: AP, max_drop: 0}]\n"
    (tmp_path / "gate.yaml").write_text(rules + "settings: {images: ids.txt}\n")
    arguments = ("gate", PREDICTIONS, TRUTH, "--config", tmp_path / "gate.yaml", "--no-github")
    assert deteval_run(*arguments).code == 0, "images are relative to the file, too"
    (tmp_path / "gate.yaml").write_text(rules)
    outcome = deteval_run(*arguments)
    assert outcome.code == 4
    assert "the images differ: 40 images, the base has 30; image 31 is not in the base" in outcome.out
