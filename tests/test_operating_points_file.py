"""`--operating-points FILE`: what the file may hold, the exact text of every refusal, and every way to give it."""

import json
from pathlib import Path

import pytest
from gate_data import PREDICTIONS, TRUTH

import deteval
from deteval.loading import operating_points_file
from deteval.loading.operating_points_file import read_operating_points
from deteval.loading.settings import make_settings
from deteval.records.score_cuts import ScoreCuts

ROOT = Path(__file__).resolve().parents[1]

FILES, NEW = (PREDICTIONS, TRUTH), PREDICTIONS.parent / "preds_new.json"
GOOD = "default: 0.5\nclasses:\n  person: 0.4\n  traffic light: 0.3\n  6: 0.25\n"
INF = float("inf")
CUTS = ScoreCuts((("person", 0.4), ("traffic light", 0.3), ("6", 0.25)), 0.5)


@pytest.fixture
def points(tmp_path):
    """Writes a file of operating points."""

    def written(text, name="points.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


@pytest.mark.parametrize("text, cuts", [
    (GOOD, CUTS),
    (f"version: 1\nchosen: F1\niou: 0.5\nsignature: deteval|bbox\nfingerprint: 00ff\n{GOOD}", CUTS),
    ('{"default": 0.5, "classes": {"person": 0.4, "traffic light": 0.3, "6": 0.25}}', CUTS),
    ("classes:\n  default: 0.25\n", ScoreCuts((("default", 0.25),))),
    ("default: null\nclasses: {default: 1e-3}", ScoreCuts((("default", 0.001),))),
    ("default: 0\nclasses: {}\n", ScoreCuts((), 0.0)),
    ("default: 0.25\n", ScoreCuts((), 0.25)),
    ("default: 0.25\nclasses:\n", ScoreCuts((), 0.25)),
    ("default: drop\nclasses: {person: 0.5, bus: drop}\n", ScoreCuts((("bus", INF), ("person", 0.5)), INF)),
    ('{"default": "drop", "classes": {"drop": 0.5, "bus": "drop"}}', ScoreCuts((("bus", INF), ("drop", 0.5)), INF)),
    ('classes: {"no": 1, "a: b": -2, "\\u00e9": 0.1, "007": 0.2}\n',
     ScoreCuts((("no", 1), ("a: b", -2), ("\u00e9", 0.1), ("007", 0.2)))),
])
def test_what_a_file_holds(points, text, cuts):
    assert read_operating_points(points(text)) == cuts
    assert make_settings({"operating_points": str(points(text))}).params == deteval.Params(operating_points=cuts)


NO_LINES = "classes must be lines `class: score`, as person: 0.41"
FLAT = "; if it is a class: classes stand under `classes:`"
NO_CUT = ("has no score cut: write a score, drop to keep nothing of it, or take the line out so that the default "
          "holds")
KEYS = "version, chosen, iou, signature, fingerprint, default, classes"


@pytest.mark.parametrize("text, line, problem", [
    ("", 1, NO_LINES),
    ("version: 1\nclasses: [person]\n", 2, NO_LINES),
    ("classes: 0.5\n", 1, NO_LINES),
    ("classes:\n", 1, NO_LINES),
    ("- person: 0.5\n", 1, f"a mapping with keys {KEYS} is needed"),
    ("0.5", 1, f"a mapping with keys {KEYS} is needed"),
    ("clases: {person: 0.5}\n", 1, "unknown key 'clases'; did you mean 'classes'?"),
    ("classes: {person: 0.5}\nthreshold: 0.5\n", 2, f"unknown key 'threshold'{FLAT}"),
    ("person: 0.5\ntraffic light: .4\n", 1, f"unknown key 'person'{FLAT}"),
    ("default: 0.5\nperson: drop\n", 2, f"unknown key 'person'{FLAT}"),
    ("default: 0.5\nthresholds: [1]\n", 2, "unknown key 'thresholds'"),
    ("fingerprnt: abc\ndefault: 0.5\n", 1, "unknown key 'fingerprnt'; did you mean 'fingerprint'?"),
    ("defualt: 0.5\n", 1, "unknown key 'defualt'; did you mean 'default'?"),
    ("version: 2\nclasses: {person: 0.5}\n", 1, "version 2 is not known; this deteval reads version 1"),
    ("version: true\nclasses: {person: 0.5}\n", 1, "version True is not known; this deteval reads version 1"),
    ("classes:\n  person: 0.5\n  bus: null\n", 3, f"class 'bus' {NO_CUT}"),
    ("classes:\n  bus:\n", 2, f"class 'bus' {NO_CUT}"),
    ("classes:\n  bus: Drop\n", 2, "class 'bus': 'Drop' is not a score; did you mean 'drop'?"),
    ("classes:\n  bus: high\n", 2, "class 'bus': 'high' is not a score"),
    ("classes:\n  bus: '0.5'\n", 2, "class 'bus': '0.5' is not a score"),
    ("classes:\n  bus: true\n", 2, "class 'bus': True is not a score"),
    ("classes:\n  bus: [0.5]\n", 2, "class 'bus': [0.5] is not a score"),
    ("classes:\n  bus: .inf\n", 2, "'.inf' is not a finite number"),
    ("classes:\n  bus: .nan\n", 2, "'.nan' is not a finite number"),
    ("classes:\n  bus: 1e999\n", 2, "class 'bus': inf is not a finite score; write drop to keep nothing"),
    ("classes:\n  bus: 0.5\ndefault: 1e999\n", 3, "default: inf is not a finite score; write drop to keep nothing"),
    ("classes:\n  bus: 0.5\ndefault: high\n", 3, "default: 'high' is not a score"),
    ("classes:\n  1: 0.5\n  '1': 0.4\n", 3, "class '1' stands here for the second time"),
    ("classes:\n  bus: 0.5\n  bus: 0.4\n", 3, "the key 'bus' stands here for the second time"),
    ("classes:\n  true: 0.5\n", 2, "True is neither the name nor the id of a class; put a name in quotes"),
    ("classes:\n  1.5: 0.5\n", 2, "1.5 is neither the name nor the id of a class; put a name in quotes"),
    ("classes:\n  no: 0.5\n", 2, "'no' may be read as a boolean; write false, or put it in quotes"),
    ("classes:\n  007: 0.5\n", 2, "'007' may be read as a number in base 60 or 8; put it in quotes: \"007\""),
    ("classes:\n  person: 0.5\n  b\x1bus: 0.5\n", 3, r"not YAML: a control character, as '\x1b'"),
    ("classes: {bus: 0.5\n", 2, "not YAML: expected ',' or '}', but got '<stream end>'"),
])
def test_what_a_file_may_not_hold(points, deteval_run, text, line, problem):
    file = points(text)
    outcome = deteval_run("score", *FILES, "--operating-points", file)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {file}:{line}: {problem}\n")


@pytest.mark.parametrize("value, message", [
    ("nowhere.yaml", "nowhere.yaml: cannot be read: No such file or directory"),
    ("", "operating_points: '' is not the path of a YAML file"),
    (".", ".: cannot be read: Is a directory"),
])
def test_what_is_no_file(deteval_run, value, message):
    outcome = deteval_run("score", *FILES, "--operating-points", value)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {message}\n")


@pytest.mark.parametrize("text, problem", [
    ("classes:\n  car: 0.5\n  persn: 0.5\n", (":3: class 'persn' is not among the 6 of the ground truth; did you mean "
                                              "'person'?")),
    ("default: 0\nclasses:\n  1: 0.5\n  person: 0.5\n", ":4: '1' and 'person' are the same class"),
    ("classes: {person: 0.5}\n", (": class 'bicycle' has no score cut (and 4 more have none); give it one, or a "
                                  "`default` for all such classes, or score without it (--classes)")),
])
def test_classes_that_do_not_fit(points, deteval_run, text, problem):
    for command in ("score", "check", "crosscheck"):
        outcome = deteval_run(command, *FILES, "--operating-points", points(text))
        assert (outcome.code, outcome.out, outcome.err) == (2, "", f"deteval: {points(text)}{problem}\n")


def test_a_yaml_file_names_it_beside_itself_and_errors_name_both_lines(points, deteval_run, tmp_path):
    points(GOOD)
    by_option = deteval_run("score", *FILES, "-q", "--format", "json", "--operating-points", tmp_path / "points.yaml")
    document = json.loads(by_option.out)
    assert document["settings"]["operating_points"] == CUTS.to_dict()
    assert "detections with a score below the cut of their class are dropped" in document["not_comparable"]
    (tmp_path / "config").mkdir()
    config = points("min_score: none\noperating_points: ../points.yaml\n", "config/score.yaml")
    arguments = ("score", *FILES, "-q", "--format", "json", "--config", config)
    assert deteval_run(*arguments).out == by_option.out
    assert deteval_run(*arguments, "--operating-points", "none").out == \
        deteval_run("score", *FILES, "-q", "--format", "json").out
    points("classes: {bus: high}\n")
    outcome = deteval_run(*arguments)
    broken = tmp_path / "config" / ".." / "points.yaml"
    assert (outcome.code, outcome.err) == (2, f"deteval: {config}:2: {broken}:1: class 'bus': 'high' is not a score\n")


@pytest.mark.parametrize("value, problem", [
    ("[a.yaml]", "operating_points: ['a.yaml'] is not the path of a YAML file"),
    ("0.5", "operating_points: 0.5 is not the path of a YAML file"),
    ("true", "operating_points: True is not the path of a YAML file"),
    ("{person: 0.5}", (f"operating_points: unknown key 'person'{FLAT}; the path of a YAML file is needed, or a mapping "
                       "with classes and default")),
    ("{classes: {person: high}}", "operating_points: class 'person': 'high' is not a score"),
    ("{default: high}", "operating_points: default: 'high' is not a score"),
])
def test_values_of_a_yaml_file(points, deteval_run, value, problem):
    config = points(f"iou: 0.5\noperating_points: {value}\n", "config.yaml")
    outcome = deteval_run("score", *FILES, "--config", config)
    assert (outcome.code, outcome.err) == (2, f"deteval: {config}:2: {problem}\n")


def test_cuts_may_stand_in_the_yaml_file_itself(points, deteval_run):
    config = points("operating_points: {default: 0.5, classes: {person: 0.4, traffic light: 0.3, 6: 0.25}}\n", "c.yaml")
    assert deteval_run("score", *FILES, "-q", "--config", config).out == \
        deteval_run("score", *FILES, "-q", "--operating-points", points(GOOD)).out


def test_the_result_does_not_overwrite_what_was_chosen(points, gate, deteval_run, tmp_path):
    file = points(GOOD)
    config = points("operating_points: points.yaml\n", "config.yaml")
    refusal = "is an input too; write the result elsewhere\n"
    for target in (file, config):
        for command in (("score", *FILES), ("compare", PREDICTIONS, NEW, "--gt", TRUTH), ("check", *FILES)):
            outcome = deteval_run(*command, "--config", config, "-o", target)
            assert (outcome.code, outcome.err) == (2, f"deteval: {target}: {refusal}")
    outcome = gate("- {metric: AP, min: 0.1}\n", "-o", file, baseline=None,
                   extra="settings: {operating_points: points.yaml}\n")
    assert (outcome.code, outcome.err) == (2, f"deteval: {file}: {refusal}")
    assert file.read_text() == GOOD


def test_compare_takes_them_for_all_models(points, deteval_run):
    outcome = deteval_run("compare", PREDICTIONS, NEW, "--gt", TRUTH, "--format", "json", "--replicates", 100, "-q",
                          "--operating-points", points(GOOD), "--nms", 0.5)
    document = json.loads(outcome.out)
    assert document["settings"]["operating_points"] == CUTS.to_dict()
    assert document["settings"]["nms"] == 0.5
    for model in document["models"]:
        assert "below the cut of their class" in str(model["findings"])


def test_a_gate_takes_over_those_of_its_baseline(points, gate, deteval_run, tmp_path):
    """From the score JSON, from evidence, or given again; others do not compare."""
    file, base = points(GOOD), tmp_path / "base.json"
    evidence = tmp_path / "base.evidence.npz"
    settings = ("--operating-points", file, "--nms", 0.5)
    outputs = ("--format", "json", "-o", base, "--save-evidence", evidence)
    assert deteval_run("score", *FILES, *settings, *outputs).code == 0
    rules = "- {metric: AP, max_drop: 1pt}\n"
    new = PREDICTIONS
    for baseline in (base, evidence):
        assert gate(rules, "--baseline", baseline, new=new).code == 0
        assert gate(rules, "--baseline", baseline, "--nms", ".5", new=new).code == 0
        assert gate(rules, "--baseline", baseline, *settings, new=evidence, truth=None).code == 0
        other = gate(rules, "--baseline", baseline, "--operating-points", "none", new=new)
        assert other.code == 4
        assert "operating_points is not given, the base's is given for 3 classes" in " ".join(other.out.split())
        changed = points(GOOD.replace("0.25", "0.2"), "changed.yaml")
        other = gate(rules, "--baseline", baseline, "--operating-points", changed, new=new)
        assert other.code == 4
        assert "the score cut of class '6' is 0.2, the base's is 0.25" in " ".join(other.out.split())
        refused = gate(rules, "--baseline", baseline, "--operating-points", changed, new=evidence, truth=None)
        assert (refused.code, refused.err) == (
            2, ("deteval: operating_points: evidence keeps the settings that it was matched under; give this option to "
                "`deteval score --save-evidence`, or give predictions here\n"))


def test_settings_of_a_gate_file(points, gate, tmp_path):
    points(GOOD)
    rules = "- {metric: AP, min: 0.1}\n"
    assert gate(rules, baseline=None, extra="settings: {operating_points: points.yaml, nms: 0.5}\n").code == 0
    points("classes: {bus: high}\n")
    outcome = gate(rules, baseline=None, extra="settings:\n  operating_points: points.yaml\n")
    assert (outcome.code, outcome.err) == (2, (f"deteval: {tmp_path / 'gate.yaml'}:2: {tmp_path / 'points.yaml'}:1: "
                                               "class 'bus': 'high' is not a score\n"))


def test_a_baseline_with_cuts_that_are_none(gate, deteval_run, tmp_path):
    base = tmp_path / "base.json"
    deteval_run("score", *FILES, "--format", "json", "-o", base)
    document = json.loads(base.read_text())
    how = "write one with deteval score PREDS GT --format json -o baseline.json"
    for value, problem in (({"classes": {"bus": "high"}}, "operating_points: class 'bus': 'high' is not a score"),
                           ({"class": {}}, ("operating_points: unknown key 'class'; did you mean 'classes'?; the path "
                                            "of a YAML file is needed, or a mapping with classes and default")),
                           ([{}], "operating_points: {} is no text, number or boolean")):
        document["settings"]["operating_points"] = value
        base.write_text(json.dumps(document))
        outcome = gate("- {metric: AP, max_drop: 1pt}\n", "--baseline", base)
        assert (outcome.code, outcome.err) == (2, f"deteval: {base}: settings.{problem}; {how}\n")


def test_dropped_classes_stay_dropped_in_json_and_under_a_baseline(points, gate, deteval_run, tmp_path):
    """JSON knows no infinity: the word stands in settings, and comes back from them."""
    file, base, evidence = points("default: drop\nclasses: {person: 0.5, dog: drop}\n"), tmp_path / "base.json", \
        tmp_path / "base.npz"
    assert deteval_run("score", *FILES, "--operating-points", file, "--format", "json", "-o", base, "--save-evidence",
                       evidence).code == 0
    document = json.loads(base.read_text())
    assert document["settings"]["operating_points"] == {"default": "drop", "classes": {"dog": "drop", "person": 0.5}}
    inline = points("operating_points: {default: drop, classes: {person: 0.5, dog: drop}}\n", "config.yaml")
    again = json.loads(deteval_run("score", *FILES, "--format", "json", "--config", inline).out)
    assert (again["signature"], again["metrics"]) == (document["signature"], document["metrics"])
    for baseline in (base, evidence):
        assert gate("- {metric: AP, max_drop: 1pt}\n", "--baseline", baseline, new=PREDICTIONS).code == 0
    document["settings"]["operating_points"]["classes"] = {"dg": "drop"}
    base.write_text(json.dumps(document))
    outcome = gate("- {metric: AP, max_drop: 1pt}\n", "--baseline", base)
    assert (outcome.code, outcome.err) == (2, (f"deteval: {base}: settings.operating_points: class 'dg' is not among "
                                               "the 6 of the ground truth; did you mean 'dog'?\n"))


def test_a_file_says_where_its_cuts_were_chosen(points, deteval_run):
    signature = "deteval|bbox|sim:iou|thr:.75|area:coco|max:1,10,100|nms:0.3|v:0"
    file = points(f"iou: 0.75\nsignature: '{signature}'\ndefault: 0.5\n")
    outcome = deteval_run("score", *FILES, "--iou", ".5", "--operating-points", file)
    assert ("note: the score cuts were chosen at IoU .75, with NMS 0.3, and are used at IoU .5, without NMS: other "
            "cuts may be best here [cuts-from-elsewhere]\n") in outcome.out
    assert "cuts-from-elsewhere" not in deteval_run("score", *FILES, "--nms", ".3", "--operating-points", file).out
    assert "cuts-from-elsewhere" not in deteval_run("score", *FILES, "--operating-points", points(GOOD)).out


def test_as_many_classes_as_there_may_be(points, monkeypatch):
    file = points(GOOD)
    monkeypatch.setattr(operating_points_file, "MOST_NODES", 6)  # the file, default, classes and three cuts
    assert read_operating_points(file) == CUTS
    monkeypatch.setattr(operating_points_file, "MOST_NODES", 5)
    with pytest.raises(deteval.DetevalError, match=r"points.yaml:5: the file is too large for a configuration"):
        read_operating_points(file)


def test_the_example_in_configs_fits_the_sample(deteval_run):
    path = ROOT / "configs" / "points.yaml"
    outcome = deteval_run("score", PREDICTIONS, TRUTH, "--operating-points", path, "--format", "json")
    document = json.loads(outcome.out)
    assert document["settings"]["operating_points"] == {
        "default": 0.44, "classes": {"6": 0.45, "bus": "drop", "person": 0.46, "traffic light": 0.57}}
    n_det = {one["name"]: one["n_det"] for one in document["classes"]}
    rows = json.loads(PREDICTIONS.read_text())
    names = {1: "person", 2: "bicycle", 3: "car", 4: "bus", 5: "traffic light", 6: "dog"}
    cuts = {"person": 0.46, "bus": 2, "traffic light": 0.57, "dog": 0.45}
    assert n_det == {name: sum(one["category_id"] == key and one["score"] >= cuts.get(name, 0.44) for one in rows)
                     for key, name in names.items()}
    codes = {finding["code"] for finding in document["findings"]}
    assert {"default-cut", "dropped-class", "left-out"} <= codes
    assert "cuts-from-elsewhere" not in codes
