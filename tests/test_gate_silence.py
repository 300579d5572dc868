"""Nothing passes a gate, or is lost on its way out, without a word."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from gate_data import PREDICTIONS, TRUTH, sample_predictions, sample_truth, write

from deteval.inference.judgement import Differences, judge
from deteval.records.resampling import Resampling


def without(category, tmp_path):
    """The sample's predictions without a class."""
    return write(tmp_path / "lost.json", [one for one in sample_predictions() if one["category_id"] != category])


def test_a_class_that_alone_changed_is_tested_by_itself():
    """Max-T over one class that varies would widen its interval for the others, which cannot err."""
    rng = np.random.default_rng(0)
    column = -np.abs(rng.normal(0.25, 0.1, 400))  # a drop in every replicate
    replicates = np.stack([column, np.zeros(400), np.zeros(400)], axis=1)
    points = np.array([-0.25, 0.0, 0.0])
    columns = Differences(base=np.full(3, 0.5), new=0.5 + points, difference=points, replicates=replicates,
                          units=np.array([11, 40, 40]))
    judged = judge(columns, ["", "", ""], Resampling(replicates=400), family=True)
    assert judged.differs.tolist() == [True, False, False]
    assert judged.high[0] < 0


def test_a_class_on_few_images_is_listed_with_its_drop(gate, tmp_path):
    outcome = gate('  - {metric: AP, classes: "*", max_drop: 5pt}\n', new=without(6, tmp_path))
    assert "dog (9 of the 10 needed, -" in outcome.out, outcome.out


def test_a_slice_that_can_never_be_tested_is_said_while_all_is_green(gate):
    few = "  - {metric: AP, slice: few, max_drop: 5pt}\n"
    outcome = gate(few, extra="defaults: {replicates: 200}\nslices: {few: {ids: [1, 2, 3]}}\n")
    assert outcome.code == 0
    assert "too few images (3 of the 10 needed): nothing changed this time" in outcome.out


@pytest.mark.parametrize("tolerance, warned", [("0.5", True), ("0.05", False), ("50pt", False), ("50%", False)])
def test_a_plain_number_that_may_mean_points_is_asked_about(gate, tolerance, warned):
    outcome = gate(f"  - {{metric: AP, max_drop: {tolerance}}}\n")
    assert ("max_drop 0.5 allows 50 points; write 0.5pt for 0.5 points" in outcome.out) == warned


def test_evidence_of_another_run_is_refused_for_slices_too(gate, gate_base, tmp_path):
    document = json.loads((gate_base / "base.json").read_text())
    document["evidence"] = str(gate_base / document["evidence"])
    document["metrics"]["AP"] -= 0.01
    stale = write(tmp_path / "stale.json", document)
    outcome = gate("  - {metric: AP, slice: few, max_drop: 5pt}\n", baseline=stale,
                   extra="defaults: {replicates: 200}\nslices: {few: {ids: [1, 2, 3]}}\n")
    assert outcome.code == 2
    assert "its evidence is that of another run: AP" in outcome.err


def test_a_star_means_all_classes_even_where_one_is_called_so(deteval_run, tmp_path):
    truth = sample_truth()
    truth["categories"][0]["name"] = "*"
    gt = write(tmp_path / "gt.json", truth)
    outcome = deteval_run("gate", PREDICTIONS, gt, "--config", write_rules(tmp_path), "--no-github", "--format", "json")
    assert len(json.loads(outcome.out)["outcomes"]) == len(truth["categories"])


def write_rules(tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text('rules: [{metric: AP, classes: "*", min: 0}]\n')
    return path


def test_a_summary_that_cannot_be_written_does_not_take_the_verdict_along(gate, monkeypatch, tmp_path, deteval_run):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "such"))
    outcome = deteval_run("gate", PREDICTIONS, TRUTH, "--min", "AP=0.9")
    assert outcome.code == 1
    assert outcome.out.startswith("FAIL: 1 of 1 test failed")
    assert "no step summary: " in outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes that break")
@pytest.mark.parametrize("arguments, code", [
    (("gate", "absent.json", TRUTH, "--min", "AP=0.1"), 2),
    (("gate", PREDICTIONS, TRUTH, "--min", "AP=0.9", "-o", "report.txt"), 1),
    (("gate", PREDICTIONS, TRUTH, "--min", "AP=0.1", "-o", "report.txt"), 0),
    (("score", PREDICTIONS, TRUTH, "-o", "report.txt"), 0),
    (("compare", "absent.json", "absent.json", "--gt", TRUTH), 2),
])
def test_stderr_that_nobody_reads_changes_nothing(tmp_path, arguments, code):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([sys.executable, "-m", "deteval", *map(str, arguments)], cwd=tmp_path, check=False,
                              stdout=subprocess.PIPE, stderr=writer)
    finally:
        os.close(writer)
    assert done.returncode == code
    if "-o" in arguments:
        assert (tmp_path / "report.txt").read_text()
