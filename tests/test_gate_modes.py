"""The four modes of a gate, their words, and what they say of pairs of models made for the purpose."""

import pytest
from gate_data import PREDICTIONS, TRUTH, drop_rule, estimate, sample_predictions

import deteval
from deteval.gating.decision import decide, least_shown
from deteval.records.gate import FAILED, MAX_DROP, PASSED, UNPROVEN, Outcome, Verdict
from deteval.records.resampling import Resampling, Units
from deteval.reports.gate_remarks import count_text, remarks
from deteval.reports.gate_words import sentence

PROVEN, OPEN, SMALL, BETTER = (-0.015, -0.003), (-0.015, 0.004), (-0.002, 0.001), (0.002, 0.02)


@pytest.mark.parametrize("mode, drop, interval, status", [
    ("plain", 0.009, None, FAILED), ("plain", 0.003, None, PASSED), ("plain", 0.003 + 1e-12, None, PASSED),
    ("plain", 0.0030001, None, FAILED), ("plain", -0.5, None, PASSED),
    ("significant", 0.009, PROVEN, FAILED), ("significant", 0.009, OPEN, UNPROVEN),
    ("significant", 0.003, PROVEN, PASSED), ("significant", 0.002, (-0.003, -0.001), PASSED),
    ("significant", -0.01, BETTER, PASSED),
    ("beyond", 0.009, (-0.015, -0.0031), FAILED), ("beyond", 0.009, PROVEN, UNPROVEN), ("beyond", 0.001, SMALL, PASSED),
    ("non-inferior", 0.0, OPEN, FAILED), ("non-inferior", 0.001, SMALL, PASSED),
    ("non-inferior", -0.01, BETTER, PASSED), ("non-inferior", 0.0, (-0.003, 0.003), PASSED),
])
def test_when_a_drop_fails(mode, drop, interval, status):
    found = None if interval is None else estimate(-drop, *interval)
    assert decide(mode, drop, 0.003, found) == status


@pytest.mark.parametrize("mode", ["significant", "beyond", "non-inferior"])
def test_identical_models_pass_in_every_mode_and_without_tolerance(mode):
    assert decide(mode, 0.0, 0.0, estimate(0.0, 0.0, 0.0, identical=True)) == PASSED
    assert decide(mode, 0.0, 0.0, estimate(0.0, None, None, identical=True)) == PASSED


def outcome(mode, difference, interval, tolerance=0.003, text="0.3pt", **fields):
    """What the gate makes of a made-up test."""
    found = None if interval is None else estimate(difference, *interval, **fields)
    status = decide(mode, -difference, tolerance, found)
    return Outcome(drop_rule(text), MAX_DROP, status, mode=mode, value=0.5 + difference, base=0.5, tolerance=tolerance,
                   estimate=found, n_gt=100)


@pytest.mark.parametrize("one, words", [
    (outcome("significant", -0.009, PROVEN), ("AP fell by 0.9 points (95 % interval -1.5 to -0.3): a drop is proven "
                                             "and exceeds the tolerance of 0.3 points.")),
    (outcome("beyond", -0.009, (-0.015, -0.004)), ("AP fell by 0.9 points (95 % interval -1.5 to -0.4): a drop beyond "
                                                  "the tolerance of 0.3 points is proven.")),
    (outcome("non-inferior", -0.001, (-0.007, 0.005)), ("AP fell by 0.1 points (95 % interval -0.7 to 0.5): a drop "
                                                       "beyond the tolerance of 0.3 points is not ruled out.")),
    (outcome("plain", -0.009, None), "AP fell by 0.9 points, more than the tolerance of 0.3 points."),
    (outcome("plain", -0.001, None), "AP fell by 0.1 points, within the tolerance of 0.3 points."),
    (outcome("plain", 0.02, None), "AP rose by 2.0 points."), (outcome("plain", 0.0, None), "AP is unchanged."),
    (outcome("significant", -0.009, OPEN, standard_error=0.0032),
     ("AP fell by 0.9 points (95 % interval -1.5 to 0.4), more than the tolerance of 0.3 points, but no drop is "
     "proven. Drops up to 1.5 points are not ruled out; this test set reliably shows drops of 0.9 or more.")),
    (outcome("beyond", -0.009, PROVEN, standard_error=0.0032),
     ("AP fell by 0.9 points (95 % interval -1.5 to -0.3), more than the tolerance of 0.3 points, but no drop beyond "
     "the tolerance of 0.3 points is proven. Drops up to 1.5 points are not ruled out; this test set reliably shows "
     "drops of 0.9 or more.")),
    (outcome("significant", -0.001, (-0.007, 0.005), standard_error=0.0032),
     ("AP fell by 0.1 points (95 % interval -0.7 to 0.5). No drop proven. Drops up to 0.7 points are not ruled out; "
     "this test set reliably shows drops of 0.9 or more.")),
    (outcome("significant", -0.001, SMALL), ("AP fell by 0.1 points (95 % interval -0.2 to 0.1). Any drop is smaller "
                                            "than 0.3 points.")),
    (outcome("significant", -0.002, (-0.0029, -0.001)), ("AP fell by 0.2 points (95 % interval -0.3 to -0.1): a drop "
                                                        "is proven, within the tolerance of 0.3 points.")),
    (outcome("significant", 0.01, BETTER), ("AP rose by 1.0 point (95 % interval 0.2 to 2.0). A rise is proven. Any "
                                           "drop is smaller than 0.3 points.")),
    (outcome("significant", 0.0, (0.0, 0.0), identical=True), "AP is identical."),
    (outcome("plain", -0.009, None, 0.005, "1%"), ("AP fell by 0.9 points, more than the tolerance of 0.5 points (1% "
                                                  "of the baseline).")),
])
def test_words_of_the_modes(one, words):
    assert sentence(one, 0.05) == words
    assert "no regression" not in words


def test_an_idle_tolerance_is_said():
    def said(*outcomes):
        verdict = Verdict(outcomes, resampling=Resampling(), units=Units(100))
        return [line for line in remarks(verdict) if "tolerance" in line]

    idle = outcome("significant", -0.001, (-0.007, 0.005), standard_error=0.0032)
    assert said(idle) == [("AP: the tolerance of 0.3 points is idle: it is below 1.96 standard errors (0.6 points), "
                          "and only larger drops can be proven on this test set.")]
    assert said(outcome("significant", -0.001, SMALL, standard_error=0.0015)) == []
    assert said(outcome("beyond", -0.001, (-0.007, 0.005), standard_error=0.0032)) == []
    assert said(outcome("non-inferior", -0.001, SMALL, standard_error=0.0015)) == [
        ("AP: the tolerance of 0.3 points is too small for mode non-inferior: below 0.4 points equal models may fail "
        "on this test set.")]


def test_a_family_counts_as_one_chance_of_a_false_alarm():
    from msgspec.structs import replace

    one = outcome("significant", -0.001, SMALL)
    rule = replace(drop_rule(classes=("*",)), place="gate.yaml:9")
    family = [replace(one, rule=rule, class_name=name) for name in ("cat", "dog", "cow")]
    assert count_text(Verdict((one,))) == "1 test in all."
    assert count_text(Verdict((one, *family))) == (
        "4 tests in all: 1 single, and 1 family of 3 classes; each single test and each family has its own chance of a "
        "false alarm, and these add up.")
    assert least_shown(one.estimate) == pytest.approx(0.0196, abs=1e-4)


def run_of(truth, detections):
    return deteval.runs.make_run(truth, deteval.load_detections(detections, truth))


@pytest.fixture(scope="module")
def models():
    """The run of the sample's detector, and that of one whose cars are worthless and dogs a little off."""
    import deteval.runs

    truth = deteval.load_ground_truth(TRUTH)
    moved = {3: 300, 6: 2}
    worse = [{**one, "bbox": [one["bbox"][0] + moved.get(one["category_id"], 0), *one["bbox"][1:]]}
             for one in sample_predictions()]
    return deteval.runs.make_run(truth, deteval.load_detections(PREDICTIONS, truth)), run_of(truth, worse)


def judged(models, tmp_path, rules, new=1, **more):
    """The verdict on a pair, from rules as YAML."""
    from datetime import date

    from deteval.gating.parts import Question
    from deteval.loading.gate_file import read_gate
    from deteval.loading.gate_targets import find_targets
    from deteval.records.baseline import Baseline
    from deteval.records.params import signature
    from deteval.studies.gate import judge

    (tmp_path / "gate.yaml").write_text(f"rules:\n{rules}")
    base, run = models[0], models[new]
    config = read_gate(tmp_path / "gate.yaml")
    evidence = base.evidence
    baseline = Baseline(name="base", signature=signature(evidence.params), fingerprint=base.fingerprint, settings={},
                        metrics={}, undefined={}, totals={}, classes=(), run=base)
    targets = find_targets(config, evidence.categories, evidence.params, date(2026, 1, 1))
    return judge(Question(config=config, targets=targets, run=run, baseline=baseline,
                          resampling=Resampling(replicates=400), **more))


def test_a_family_finds_the_one_class_that_fell(models, tmp_path):
    verdict = judged(models, tmp_path, "- {metric: AP, classes: '*', max_drop: 2pt}\n")
    assert verdict.status == "FAIL"
    assert [one.class_name for one in verdict.of(FAILED)] == ["car"]
    untested = [(one.class_name, one.reason) for one in verdict.of("untested")]
    assert untested == [("dog", "too few images (9 of the 10 needed)")]
    assert {one.class_name for one in verdict.of(PASSED)} == {"person", "bicycle", "bus", "traffic light"}


def test_too_few_images_leave_a_class_untested_and_a_rule_with_nothing_is_undecidable(models, tmp_path):
    from numpy import arange

    slices = {"part": arange(12)}
    text = "- {{metric: AP, classes: {}, max_drop: 2pt, slice: part}}\nslices: {{part: {{ids: [1]}}}}\n"
    some = judged(models, tmp_path, text.format("['person', 'dog']"), slices=slices)
    untested = some.of("untested")
    assert [one.class_name for one in untested] == ["dog"]
    assert untested[0].reason.startswith("too few images (")
    assert some.status != "UNDECIDABLE"
    none = judged(models, tmp_path, text.format("dog"), slices=slices)
    assert none.status == "UNDECIDABLE"
    assert none.of("undecidable")[0].reason == "nothing is left to test: 1 with too few images"


def test_few_clusters_give_no_verdict(models, tmp_path):
    verdict = judged(models, tmp_path, "- {metric: AP, max_drop: 2pt}\n", clusters=[i // 5 for i in range(40)])
    assert verdict.status == "UNDECIDABLE"
    assert verdict.of("undecidable")[0].reason == "too few clusters (8 of the 10 needed)"
    assert any("fewer than 10 carry no verdict" in text for text in verdict.warnings)
