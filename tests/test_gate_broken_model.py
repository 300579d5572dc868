"""A model broken on purpose: the message must say what was broken."""

import pytest
from gate_data import TRUTH, sample_predictions, write

RULES = """\
defaults: {replicates: 400}
rules:
  - {metric: AP, max_drop: 2pt}
  - {metric: AP, classes: "*", max_drop: 5pt}
  - {metric: "F1@.5/score=0.5", max_drop: 2pt}
  - {total: n_det, max_rise: 10%}
"""


@pytest.fixture
def broken(gate_base, deteval_run, tmp_path):
    """The gate's outcome on predictions changed one by one; None drops one."""

    def run(change):
        changed = [new for one in sample_predictions() if (new := change(dict(one))) is not None]
        (tmp_path / "gate.yaml").write_text(RULES)
        return deteval_run("gate", write(tmp_path / "preds.json", changed), TRUTH, "--config", tmp_path / "gate.yaml",
                           "--baseline", gate_base / "base.json", "--no-github")

    return run


def failed_lines(outcome):
    """The sentences on what failed, without the rule that each begins with."""
    return [line.partition(": ")[2] for line in outcome.out.splitlines() if ".yaml:" in line]


def test_the_model_as_it_is(broken):
    assert broken(lambda one: one).code == 0


def test_a_dropped_class(broken):
    outcome = broken(lambda one: None if one["category_id"] == 3 else one)
    assert outcome.code == 1
    lines = failed_lines(outcome)
    assert lines[1].startswith("AP of car fell by 51.7 points (95 % interval ")
    assert lines[1].endswith("a drop is proven and exceeds the tolerance of 5.0 points.")
    assert not any(f"AP of {name}" in line for line in lines for name in ("person", "bus"))


def test_shifted_boxes(broken):
    outcome = broken(lambda one: one | {"bbox": [one["bbox"][0] + 8, one["bbox"][1] + 8, *one["bbox"][2:]]})
    assert outcome.code == 1
    lines = failed_lines(outcome)
    assert lines[0].startswith("AP fell by ")
    assert any(line.startswith("AP of person fell by ") for line in lines), "classes fall with it"


def test_rescaled_scores_leave_ap_and_move_what_has_a_score_cut(broken):
    outcome = broken(lambda one: one | {"score": one["score"] / 2})
    assert outcome.code == 1
    assert [line.partition(" fell")[0] for line in failed_lines(outcome)] == ["F1@.5/score=0.5"]


def test_doubled_detections(gate_base, deteval_run, tmp_path):
    twice = [one for one in sample_predictions() for one in (one, one | {"score": one["score"] / 3})]
    (tmp_path / "gate.yaml").write_text(RULES)
    outcome = deteval_run("gate", write(tmp_path / "preds.json", twice), TRUTH, "--config", tmp_path / "gate.yaml",
                          "--baseline", gate_base / "base.json", "--no-github")
    assert outcome.code == 1
    assert any("n_det rose by 505, from 505 to 1,010: more than the 50.5 allowed (10% of the baseline)." in line
               for line in failed_lines(outcome))


def test_no_detections_at_all(broken):
    outcome = broken(lambda one: None)
    assert outcome.code == 1
    assert "[empty-predictions]" in outcome.out, "findings explain a failure"


def test_corners_for_boxes_come_with_the_hint_that_explains_them(broken):
    def corners(one):
        x, y, width, height = one["bbox"]
        return one | {"bbox": [x, y, x + width, y + height]}

    outcome = broken(corners)
    assert outcome.code == 1
    assert "[looks-xyxy]" in outcome.out
