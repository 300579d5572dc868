"""Rules of a gate as they are written: tolerances, the YAML file with its lines, options; every refusal by word."""

import pytest
from gate_data import PREDICTIONS, TRUTH

import deteval
from deteval.errors import DetevalError
from deteval.loading.gate_file import read_gate
from deteval.loading.gate_rules import parse_option
from deteval.records.gate import TOTALS, metric_tolerance, total_tolerance

METRIC_FORMS = "a number in [0, 1), points as 0.5pt or a share of the baseline as 1%"
TOTAL_FORMS = "a whole number or a share of the baseline as 10%"


@pytest.mark.parametrize("value, base, allowed", [
    (0.005, 0.4, 0.005), ("0.005", 0.4, 0.005), ("0.5pt", 0.4, 0.005), ("1%", 0.4, 0.004), (0, 0.4, 0.0),
    ("0%", 0.4, 0.0), ("99.9pt", 0.4, 0.999), ("1%", 0.0, 0.0),
])
def test_tolerances_of_metrics(value, base, allowed):
    assert metric_tolerance(value).allowed(base) == pytest.approx(allowed, abs=1e-15)


@pytest.mark.parametrize("value, base, allowed", [(10, 50, 10), ("10", 50, 10), ("10%", 50, 5), ("10%", 0, 0),
                                                  ("250%", 2, 5), (0, 50, 0)])
def test_tolerances_of_totals(value, base, allowed):
    assert total_tolerance(value).allowed(base) == pytest.approx(allowed)


@pytest.mark.parametrize("value, problem", [
    (1, "'1' is outside [0, 1); 1pt are points, 1% is a share of the baseline"),
    (0.5e2, "'50.0' is outside [0, 1); 50.0pt are points, 50.0% is a share of the baseline"),
    (-0.01, "'-0.01' is outside [0, 1)"), ("-1pt", "'-1pt' is outside [0, 100pt)"),
    ("100%", "'100%' is outside [0, 100%)"), ("-1%", "'-1%' is outside [0, 100%)"),
    (float("nan"), f"'nan' is not a tolerance: {METRIC_FORMS}"), ("nan", f"'nan' is not a tolerance: {METRIC_FORMS}"),
    ("inf%", f"'inf%' is not a tolerance: {METRIC_FORMS}"), (True, f"'True' is not a tolerance: {METRIC_FORMS}"),
    ("0.5 pt", f"'0.5 pt' is not a tolerance: {METRIC_FORMS}"), ("half", f"'half' is not a tolerance: {METRIC_FORMS}"),
    ("", f"'' is not a tolerance: {METRIC_FORMS}"), ([1], f"'[1]' is not a tolerance: {METRIC_FORMS}"),
])
def test_refused_tolerances_of_metrics(value, problem):
    with pytest.raises(ValueError) as error:
        metric_tolerance(value)
    assert str(error.value) == problem


@pytest.mark.parametrize("value, problem", [
    (0.5, f"'0.5' is no tolerance of a total: {TOTAL_FORMS}"),
    ("5pt", f"'5pt' is no tolerance of a total: {TOTAL_FORMS}"),
    (-1, "'-1' is negative"), ("-1%", "'-1%' is negative"), ("nan", f"'nan' is not a tolerance: {TOTAL_FORMS}"),
    (None, f"'None' is not a tolerance: {TOTAL_FORMS}"), (True, f"'True' is not a tolerance: {TOTAL_FORMS}"),
])
def test_refused_tolerances_of_totals(value, problem):
    with pytest.raises(ValueError) as error:
        total_tolerance(value)
    assert str(error.value) == problem


WHOLE = """\
version: 1
baseline: base/main.json
settings: {iou: .5:.95:.05, max_dets: [1, 10, 100], images: listed.txt}
defaults: {level: warn, alpha: 0.1, replicates: 500, seed: 7, correct: none, mode: beyond, min_gt: 5}
rules:
  - {metric: AP, min: 0.42}
  - {metric: AP, max_drop: 0.5pt, level: error}
  - metric: AP
    classes: [person, "traffic*"]
    max_drop: 1%
    mode: plain
    min_gt: 20
  - {metric: "F1@.5/score=0.25", slice: night, max_drop: 1pt}
  - {total: false_positives_on_background_images, max_rise: 10%}
slices:
  night: {image: {timeofday: night}}
mute:
  - {classes: toaster, until: 2027-12-31, reason: relabelling}
"""


def test_the_whole_file(tmp_path):
    (tmp_path / "gate.yaml").write_text(WHOLE)
    gate = read_gate(tmp_path / "gate.yaml")
    assert gate.baseline == str(tmp_path / "base" / "main.json"), "paths are relative to the file"
    assert gate.settings["images"] == str(tmp_path / "listed.txt")
    assert gate.resampling == {"alpha": 0.1, "replicates": 500, "seed": 7, "correct": "none"}
    floor, drop, classes, score, total = gate.rules
    assert (floor.minimum, floor.max_drop, floor.level, floor.line) == (0.42, None, "warn", 6)
    assert (drop.max_drop.text, drop.mode, drop.level) == ("0.5pt", "beyond", "error")
    assert (classes.classes, classes.mode, classes.min_gt, classes.line) == (("person", "traffic*"), "plain", 20, 8)
    assert (str(score.metric), score.slice, score.min_gt) == ("F1@.5/score=0.25", "night", 5)
    assert (total.total, total.max_rise.amount, total.mode) == ("false_positives_on_background_images", 0.1, None)
    assert list(gate.slices) == ["night"]
    assert [(str(mute.until), mute.classes, mute.reason) for mute in gate.mutes] == [
        ("2027-12-31", ("toaster",), "relabelling")]


RULES = "version: 1\nrules:\n  - "
KEYS = "metric, min, max_drop, classes, slice, mode, min_gt, level"


@pytest.mark.parametrize("text, line, problem", [
    ("rulez: []", 1, "unknown key 'rulez'; did you mean 'rules'?"),
    ("version: 2\nrules: []", 1, "version 2 is not known; this deteval reads version 1"),
    ("version: 1\nrules: []", 2, ("there is no rule, and a gate without rules would pass everything; write one, as "
                                 "rules: [{metric: AP, max_drop: 0.5pt}]")),
    ("version: 1", 1, ("there is no rule, and a gate without rules would pass everything; write one, as rules: "
                      "[{metric: AP, max_drop: 0.5pt}]")),
    ("rules: {metric: AP}", 1, "rules must be a list, each item a rule such as {metric: AP, max_drop: 0.5pt}"),
    (RULES + "AP", 3, ("a mapping with keys metric, min, max_drop, classes, slice, mode, min_gt, level, total, "
                      "max_rise is needed")),
    (RULES + "{metric: AP, maxdrop: 1pt}", 3, "unknown key 'maxdrop'; did you mean 'max_drop'?"),
    (RULES + "metric: AP\n    max_drop: 0.5pts", 4, f"max_drop: '0.5pts' is not a tolerance: {METRIC_FORMS}"),
    (RULES + "{metric: AP, max_drop: .nan}", 3, "'.nan' is not a finite number"),
    (RULES + "{metric: AP, min: " + "1" * 4301 + "}", 3, ("a number of 4,301 digits is larger than any that is needed "
                                                          "here")),
    (RULES + "{metric: AP, max_drop: -1pt}", 3, "max_drop: '-1pt' is outside [0, 100pt)"),
    (RULES + "{metric: AP, max_drop: 1.5}", 3, ("max_drop: '1.5' is outside [0, 1); 1.5pt are points, 1.5% is a share "
                                               "of the baseline")),
    (RULES + "{metric: AP60, min: 0.1}", 3, "metric 'AP60': 'AP60' is not a metric; did you mean 'AP50'?"),
    (RULES + "{metric: [AP, AR], min: 0.1}", 3, "metric: ['AP', 'AR'] is not one metric; write a rule for each"),
    (RULES + "{metric: 'AP,AR', min: 0.1}", 3, "metric: 'AP,AR' is not one metric; write a rule for each"),
    (RULES + "{metric: AP}", 3, "the rule about AP demands nothing: min or max_drop is needed"),
    (RULES + "{total: n_det}", 3, "the rule about n_det demands nothing: max_rise is needed"),
    (RULES + "{max_drop: 1pt}", 3, "a rule needs metric: NAME or total: NAME"),
    (RULES + "{metric: AP, total: n_det, min: 0.1}", 3, ("a rule is about a metric or about a total; write two "
                                                         "rules")),
    (RULES + "{total: false_positive, max_rise: 1}", 3, ("total: there is no total 'false_positive'; did you mean "
                                                         "'false_positives'?")),
    (RULES + "{total: n_det, max_rise: 1.5}", 3, f"max_rise: '1.5' is no tolerance of a total: {TOTAL_FORMS}"),
    (RULES + "{total: n_det, max_rise: 1, mode: plain}", 3, ("mode is no key of a rule about a total, which takes "
                                                             "max_rise, level")),
    (RULES + "{metric: AP, max_rise: 1}", 3, f"max_rise is no key of a rule about a metric, which takes {KEYS[8:]}"),
    (RULES + "{metric: AP, min: 42}", 3, "min: 42 is not a number from 0 to 1, as 0.42"),
    (RULES + "{metric: AP, min: true}", 3, "min: True is not a number from 0 to 1, as 0.42"),
    (RULES + "{metric: AP, max_drop: 1pt, mode: beyonnd}", 3, ("mode: 'beyonnd' is not one of plain, significant, "
                                                              "beyond, non-inferior; did you mean 'beyond'?")),
    (RULES + "{metric: AP, min: 0.4, mode: plain}", 3, "mode says how a drop is tested, and this rule has no max_drop"),
    (RULES + "{metric: AP, max_drop: 1pt, level: eror}", 3, ("level: 'eror' is not one of error, warn; did you mean "
                                                            "'error'?")),
    (RULES + "{metric: AP, max_drop: 1pt, min_gt: 20}", 3, ("min_gt chooses among classes, and this rule names none; "
                                                           "add classes: \"*\"")),
    (RULES + "{metric: AP, max_drop: 1pt, classes: '*', min_gt: -1}", 3,
     "min_gt: -1 is not a whole number of at least 0"),
    (RULES + "{metric: AP, max_drop: 1pt, classes: []}", 3, "classes: [] is neither a name nor a list of names"),
    (RULES + "{metric: AP/class=dog, max_drop: 1pt, classes: '*'}", 3, ("AP/class=dog is about one class already; "
                                                                       "leave out classes, or /class=")),
    (RULES + "{metric: AP, max_drop: 1pt, slice: nite}\nslices: {night: {ids: [1]}}", 3,
     "there is no slice 'nite'; did you mean 'night'?"),
    (RULES + "{metric: AP, max_drop: 1pt, slice: night}", 3, "there is no slice 'night'; define it under slices:"),
    ("settings:\n  ioo: .5\nrules: [{metric: AP, min: 0.1}]", 2, "unknown key 'ioo'; did you mean 'iou'?"),
    ("settings:\n  iou: 2\nrules: [{metric: AP, min: 0.1}]", 2, "iou: 2 is outside (0, 1], the range of iou"),
    ("defaults:\n  alpha: 0.7\nrules: [{metric: AP, min: 0.1}]", 2, ("alpha: 0.7 is not between 0 and 0.5; 0.05 gives "
                                                                    "95 % intervals")),
    ("defaults:\n  replicate: 7\nrules: [{metric: AP, min: 0.1}]", 2, ("unknown key 'replicate'; did you mean "
                                                                      "'replicates'?")),
    ("defaults:\n  mode: soft\nrules: [{metric: AP, min: 0.1}]", 2, ("mode: 'soft' is not one of plain, significant, "
                                                                    "beyond, non-inferior")),
    ("baseline: 7\nrules: [{metric: AP, min: 0.1}]", 1, "7 is not a path"),
    (RULES + "{metric: AP, min: 0.1}\nmute: [{classes: dog, until: 2027-12-31}]", 4,
     "a mute needs reason: which classes, until which day (2027-12-31), and why"),
    (RULES + "{metric: AP, min: 0.1}\nmute:\n  - {classes: dog, until: 2027-13-31, reason: x}", 5,
     "until: '2027-13-31' is not a day, as 2027-12-31"),
    (RULES + "{metric: AP, min: 0.1}\nmute:\n  - {class: dog, until: 2027-12-31, reason: x}", 5,
     "unknown key 'class'; did you mean 'classes'?"),
])
def test_refusals_name_line_and_nearest_word(tmp_path, text, line, problem):
    path = tmp_path / "gate.yaml"
    path.write_text(text + "\n")
    with pytest.raises(DetevalError) as error:
        read_gate(path)
    assert (error.value.exit_code, str(error.value)) == (2, f"{path}:{line}: {problem}")


def test_options_are_split_at_the_last_equals_sign():
    rule = parse_option("--max-drop", "F1@.5/score=0.25=1pt", {"mode": "plain", "max_drop": "9pt", "classes": "*"})
    assert (str(rule.metric), rule.max_drop.text, rule.mode) == ("F1@.5/score=0.25", "1pt", "plain")
    assert (rule.classes, rule.place) == ((), "--max-drop F1@.5/score=0.25=1pt")
    assert parse_option("--min", "AP/class=a=b=0.5", {}).metric.category == "a=b"
    assert parse_option("--max-rise", "n_det=10%", {}).max_rise.relative


@pytest.mark.parametrize("option, text, problem", [
    ("--min", "AP", "a name, = and a number are needed, as --min AP=0.42"),
    ("--max-drop", "=1pt", "a name, = and a number are needed, as --max-drop AP=0.5pt"),
    ("--max-rise", "n_det=", "a name, = and a number are needed, as --max-rise false_positives=10%"),
    ("--min", "AP=high", "min: 'high' is not a number from 0 to 1, as 0.42"),
    ("--max-drop", "AP=5", "max_drop: '5' is outside [0, 1); 5pt are points, 5% is a share of the baseline"),
    ("--max-rise", "n_gts=5", "total: there is no total 'n_gts'; did you mean 'n_gt'?"),
])
def test_refused_options(option, text, problem):
    with pytest.raises(DetevalError) as error:
        parse_option(option, text, {})
    assert (error.value.exit_code, str(error.value)) == (2, f"{option} {text}: {problem}")


def test_the_totals_are_those_of_a_score():
    truth = deteval.load_ground_truth(TRUTH)
    assert tuple(deteval.evaluate(truth, deteval.load_detections(PREDICTIONS, truth)).totals) == TOTALS
