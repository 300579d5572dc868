"""A score cut per class: which detections it leaves, which class each cut belongs to, and what a run says of it."""

import json

import numpy as np
import pytest
from datasets import random_dataset
from gate_data import PREDICTIONS, TRUTH
from msgspec.structs import replace
from records_equal import differing
from test_exactness import params_of

import deteval
from deteval.agreement import check_agreement
from deteval.records.categories import cuts_by_class
from deteval.records.dataset import Categories
from deteval.records.params import signature
from deteval.records.score_cuts import ScoreCuts
from deteval.studies.crosscheck import crosscheck

SAMPLE_CUTS = {"person": 0.4, "bicycle": 0.2, "car": 0.3, "bus": 0.25, "traffic light": 0.5, "dog": 0.1}


def classes(*names, ids=None):
    return Categories(ids=np.array(ids or range(1, len(names) + 1), dtype=object if ids else np.int64), names=names)


def cuts_of(cuts, categories, scored=None, default=None):
    scored = np.ones(len(categories), bool) if scored is None else np.array(scored)
    return cuts_by_class(ScoreCuts(tuple(cuts.items()), default), categories, scored).tolist()


def sample(**settings):
    """The run of the sample."""
    gt = deteval.load_ground_truth(TRUTH)
    return deteval.make_run(gt, deteval.load_detections(PREDICTIONS, gt), deteval.Params(**settings))


def messages(run):
    return {finding.code: finding.message for finding in run.findings}


def test_a_cut_belongs_to_a_name_and_else_to_an_id():
    assert cuts_of({"cat": 0.5, "2": 0.25}, classes("cat", "dog")) == [0.5, 0.25]
    assert cuts_of({"2": 0.5, "dog": 0.25}, classes("2", "dog")) == [0.5, 0.25]  # a name is taken before an id
    assert cuts_of({"a": 0.5, "dog": 0.25}, classes("cat", "dog", ids=["a", "b"]), [False, True]) == [-np.inf, 0.25]
    assert cuts_of({"a*": 0.5, "a": 0.25}, classes("a*", "a")) == [0.5, 0.25]  # no globs


def test_what_is_not_scored_needs_no_cut_and_the_default_holds_for_the_rest():
    assert cuts_of({"cat": 0.5}, classes("cat", "dog"), [True, False]) == [0.5, -np.inf]
    assert cuts_of({"cat": 0.5}, classes("cat", "dog"), [False, True], 0.125) == [-np.inf, 0.125]
    assert cuts_of({}, classes("cat", "dog"), default=-3) == [-3, -3]


@pytest.mark.parametrize("cuts, message", [
    ({"catt": 0.5}, "class 'catt' is not among the 2 of the ground truth; did you mean 'cat'?"),
    ({"ca*": 0.5}, "class 'ca*' is not among the 2 of the ground truth; did you mean 'cat'?"),
    ({"cat": 0.5, "1": 0.5, "dog": 0.5}, "'1' and 'cat' are the same class"),
    ({"cat": 0.5}, ("class 'dog' has no score cut; give it one, or a `default` for all such classes, or score without "
                    "it (--classes)")),
    ({}, ("class 'cat' has no score cut (and 1 more have none); give it one, or a `default` for all such classes, or "
          "score without it (--classes)")),
])
def test_classes_and_cuts_must_fit(cuts, message):
    with pytest.raises(deteval.DetevalError) as error:
        cuts_of(cuts, classes("cat", "dog"))
    assert (str(error.value), error.value.exit_code) == (f"operating_points: {message}", 2)


@pytest.mark.parametrize("seed", range(120))
def test_what_remains_is_scored_as_if_it_were_all(seed):
    """Inclusive, with `min_score` besides, class by class of the source even in class-agnostic runs, NMS after it."""
    data = random_dataset(seed)
    rng = np.random.default_rng(seed)
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    pool = np.append(dt.scores, 0.0)
    named = {name: float(rng.choice(pool)) for name in gt.categories.names if rng.random() < 0.7}
    default = float(rng.choice(pool))
    lowest = float(rng.choice(pool)) if seed % 2 else None
    params = replace(params_of(data), nms=(None, 0.5)[seed % 3 == 0])
    kept = [row for row in range(len(dt))
            if dt.scores[row] >= named.get(gt.categories.names[dt.category[row]], default)
            and (lowest is None or dt.scores[row] >= lowest)]
    columns = {name: getattr(dt, name)[kept] for name in ("image", "category", "boxes", "scores", "row")}
    alone = deteval.match(gt, replace(dt, **columns), params, detail=params.iou[:1])
    cut = replace(params, min_score=lowest, operating_points=ScoreCuts(tuple(named.items()), default))
    assert differing(deteval.match(gt, dt, cut, detail=params.iou[:1]), replace(alone, params=cut)) == []
    assert seed % 4 or crosscheck(gt, dt, cut, threads=1).equal


def test_every_detection_left_out_is_counted_once():
    run = sample(classes=("person", "dog"), min_score=0.3, nms=0.3, operating_points={"person": 0.6, "dog": 0.1})
    gt = deteval.load_ground_truth(TRUTH)
    dt = deteval.load_detections(PREDICTIONS, gt)
    chosen = [{"person": 0.6, "dog": 0.1}.get(gt.categories.names[k]) for k in dt.category]
    other = sum(cut is None for cut in chosen)
    below = sum(cut is not None and score < 0.3 for cut, score in zip(chosen, dt.scores, strict=True))
    own = sum(cut is not None and 0.3 <= score < cut for cut, score in zip(chosen, dt.scores, strict=True))
    rest = len(dt) - other - below - own - len(run.evidence)
    assert min(other, below, own, rest) > 0
    assert messages(run)["left-out"] == (
        f"{len(dt) - len(run.evidence)} detections left out: {other} of classes that were not asked for, {below} below "
        f"the score cut, {own} below the cut of their class, {rest} suppressed by NMS")


def test_a_note_names_the_classes_of_the_default():
    some = ScoreCuts((("person", 0.4), ("5", 0.5)), 0.25)
    assert messages(sample(operating_points=some))["default-cut"] == \
        "4 classes without a score cut, scored from the default 0.25 up: 'bicycle', 'car', 'bus', 'dog'"
    assert messages(sample(operating_points=some, classes=("dog", "person")))["default-cut"] == \
        "1 class without a score cut, scored from the default 0.25 up: 'dog'"
    assert messages(sample(operating_points=ScoreCuts((), 0.25)))["default-cut"].endswith("'traffic light' and 1 more")
    assert "default-cut" not in messages(sample(operating_points=ScoreCuts(tuple(SAMPLE_CUTS.items()), 0.25)))


def test_equal_cuts_are_equal_in_any_order_and_spelling():
    one = ScoreCuts((("a", 1), ("b", -0.0)), 0)
    assert one == ScoreCuts((("b", 0.0), ("a", 1.0)), -0.0)
    assert one.digest() == ScoreCuts((("b", 0.0), ("a", 1.0)), 0.0).digest()
    others = (ScoreCuts((("a", 1),), 0), ScoreCuts((("a", 1), ("b", 0)), None), ScoreCuts((("a", 1), ("b", 5e-324)), 0))
    assert len({one.digest(), *(other.digest() for other in others)}) == 4
    params = [deteval.Params(operating_points=cuts) for cuts in (one, *others)]
    assert len({signature(each) for each in params}) == 4


@pytest.mark.parametrize("value, problem", [
    ({"cat": float("nan")}, "class 'cat': nan is not a finite score"),
    ({"cat": 10**400}, "class 'cat': inf is not a finite score"),
    ({"cat": True}, "class 'cat': True is not a score"),
    ({"cat": "0.5"}, "class 'cat': '0.5' is not a score"),
    ({"cat": None}, "class 'cat': None is not a score"),
    ({1: 0.5, "1": 0.5}, "class '1' is named twice"),
    ("points.yaml", "'points.yaml' is no mapping of classes to scores"),
    ([("cat", 0.5)], "[('cat', 0.5)] is no mapping of classes to scores"),
])
def test_params_refuse_what_is_no_cut(value, problem):
    with pytest.raises(deteval.DetevalError) as error:
        deteval.Params(operating_points=value)
    assert (str(error.value), error.value.exit_code) == (f"operating_points: {problem}", 2)
    with pytest.raises(ValueError, match="default: inf is not a finite score"):
        ScoreCuts((), float("inf"))


@pytest.mark.parametrize("base, new, reason", [
    ({}, {"nms": 0.5}, "nms is 0.5, the base's is not given"),
    ({}, {"operating_points": SAMPLE_CUTS}, "operating_points is given for 6 classes, the base's is not given"),
    ({"operating_points": SAMPLE_CUTS}, {"operating_points": {**SAMPLE_CUTS, "dog": 0.15, "bus": 0.5}},
     "operating_points: the score cut of class 'bus' is 0.5, the base's is 0.25 (and 1 more)"),
    ({"operating_points": SAMPLE_CUTS}, {"operating_points": ScoreCuts(tuple(SAMPLE_CUTS.items()), 0.5)},
     "operating_points: the default is 0.5, the base's is not given"),
])
def test_runs_with_other_cuts_do_not_compare(base, new, reason):
    base, new = sample(**base), sample(**new)
    with pytest.raises(deteval.DetevalError) as error:
        check_agreement(base, new)
    assert (str(error.value).partition("the settings differ: ")[2], error.value.exit_code) == (reason, 4)
    check_agreement(new, new)


def test_settings_and_findings_come_back_from_evidence(tmp_path):
    run = sample(nms=0.4, operating_points=ScoreCuts((("1", 0.1), ("dog", 1 / 3)), 5e-324))
    deteval.save_evidence(tmp_path / "run.npz", run)
    again = deteval.load_evidence(tmp_path / "run.npz")
    assert again.evidence.params == run.evidence.params
    assert differing(again, replace(run, name=str(tmp_path / "run.npz"))) == []
    header = json.loads(np.load(tmp_path / "run.npz")["header.json"])
    assert header["params"]["operating_points"] == {"classes": [["1", 0.1], ["dog", 1 / 3]], "default": 5e-324}
