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
import deteval.scoring
from deteval.agreement import check_agreement
from deteval.records.categories import cuts_by_class
from deteval.records.dataset import Categories
from deteval.records.params import signature
from deteval.records.score_cuts import Origin, ScoreCuts
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
        "the default score cut, 0.25, holds for 4 classes that have none of their own: 'bicycle', 'car', 'bus', 'dog'"
    assert messages(sample(operating_points=some, classes=("dog", "person")))["default-cut"] == \
        "the default score cut, 0.25, holds for 1 class that has none of its own: 'dog'"
    assert messages(sample(operating_points=ScoreCuts((("dog", 0.5),), 0.25)))["default-cut"].endswith(" light'")
    assert "default-cut" not in messages(sample(operating_points=ScoreCuts((), 0.25)))  # one cut for all was meant
    assert "default-cut" not in messages(sample(operating_points=ScoreCuts((("dog", 0.5),), np.inf)))
    assert "default-cut" not in messages(sample(operating_points=ScoreCuts(tuple(SAMPLE_CUTS.items()), 0.25)))


def test_drop_keeps_nothing_of_a_class():
    run = sample(operating_points=ScoreCuts((("dog", "drop"), ("bus", np.inf), ("person", 0.25)), 0.0))
    plain = sample(operating_points=ScoreCuts((("person", 0.25),), 0.0))
    names = np.array(run.evidence.categories.names, object)
    kept = ~np.isin(names[plain.evidence.category], ["dog", "bus"])
    assert (~kept).sum() > 0
    assert np.array_equal(run.evidence.scores, plain.evidence.scores[kept])
    assert messages(run)["dropped-class"] == "2 classes are dropped, nothing of them is kept: 'bus', 'dog'"
    assert "dropped-class" not in messages(plain)
    one = messages(sample(classes=("dog", "person"), operating_points=ScoreCuts((("person", 0.25),), "drop")))
    assert one["dropped-class"] == "1 class is dropped, nothing of it is kept: 'dog'"
    assert run.evidence.params.operating_points.to_dict() == {
        "default": 0.0, "classes": {"bus": "drop", "dog": "drop", "person": 0.25}}
    truth = deteval.load_ground_truth(TRUTH)
    assert crosscheck(truth, deteval.load_detections(PREDICTIONS, truth), run.evidence.params, threads=1).equal


SCALE = "is the cut on another scale?"


@pytest.mark.parametrize("settings, message", [
    ({"min_score": 40}, f"no detection reaches the score cut 40: the highest score is 0.94975; {SCALE}"),
    ({"min_score": 40, "operating_points": ScoreCuts((), "drop")},
     f"no detection reaches the score cut 40: the highest score is 0.94975; {SCALE}"),
    ({"min_score": 0.1, "operating_points": ScoreCuts((("person", "drop"),), 40)},
     ("no detection reaches the score cut of its class: the highest score is {}, of class {}, whose cut is 40; "
      f"{SCALE}")),
    ({"operating_points": ScoreCuts((), "drop")}, "no detection is kept: every class that has any is dropped"),
])
def test_cuts_that_leave_nothing(settings, message):
    gt = deteval.load_ground_truth(TRUTH)
    dt = deteval.load_detections(PREDICTIONS, gt)
    row = int(np.argmax(np.where(dt.category == gt.categories.names.index("person"), -1, dt.scores)))
    found = messages(sample(**settings))
    assert found["nothing-kept"] == message.format(dt.scores[row], f"'{gt.categories.names[dt.category[row]]}'")
    assert not {"emptied-images", "images-without-detections"} & set(found)
    assert "nothing-kept" not in messages(sample(min_score=float(dt.scores.max())))


def test_images_that_cuts_emptied_are_not_said_to_have_had_no_detection():
    gt = deteval.load_ground_truth(TRUTH)
    dt = deteval.load_detections(PREDICTIONS, gt)
    with_truth = set(gt.image.tolist())
    never = with_truth - set(dt.image.tolist())
    assert len(never) == 1
    without = ("1 image with ground truth and without detections, as image "
               f"{gt.images.ids[min(never)]}: did the model run on all of them?")
    for settings in ({"min_score": 0.9}, {"operating_points": ScoreCuts((), 0.9)}):
        run = sample(**settings)
        found = {finding.code: finding.message for finding in deteval.scoring.summarise(run, ()).findings}
        emptied = with_truth - never - set(dt.image[dt.scores >= 0.9].tolist())
        assert emptied
        assert found["images-without-detections"] == without
        assert found["emptied-images"] == (f"{len(emptied)} images with ground truth keep no detection at these score "
                                           f"cuts, as image {gt.images.ids[min(emptied)]}")
        earlier = replace(run, findings=())  # as evidence of an earlier version has it
        codes = [finding.code for finding in deteval.scoring.summarise(earlier, ()).findings]
        assert codes.count("emptied-images") == 1
        assert "images-without-detections" not in codes
    for settings in ({"min_score": float(dt.scores.min())}, {"nms": 0.1}, {}):
        findings = [one.message for one in deteval.scoring.summarise(sample(**settings), ()).findings]
        assert findings.count(without) == 1
        assert not any("keep" in one for one in findings)


@pytest.mark.parametrize("names", [("person", "dog"), ("dog",), ("bus", "bicycle")])
@pytest.mark.parametrize("lowest", [0.3, 0.6])
def test_only_what_is_scored_is_counted_as_emptied(names, lowest):
    """Classes and images that were not asked for have neither ground truth nor detections here."""
    gt = deteval.load_ground_truth(TRUTH)
    dt = deteval.load_detections(PREDICTIONS, gt)
    chosen = {gt.categories.names.index(name) for name in names}
    images = range(3, 31)
    bare = min(set(gt.image[np.isin(gt.category, list(chosen))].tolist()) & set(images))  # has others' detections only
    rows = np.flatnonzero((dt.image != bare) | ~np.isin(dt.category, list(chosen)))
    assert bare in dt.image[rows]
    dt = replace(dt, **{name: getattr(dt, name)[rows] for name in ("image", "category", "boxes", "scores", "row")})

    def on(side, kept):
        return {place for place, category, keep in zip(side.image.tolist(), side.category.tolist(), kept, strict=True)
                if place in images and category in chosen and keep}

    truth, detected = on(gt, [True] * len(gt.image)), on(dt, [True] * len(dt))
    emptied = (truth & detected) - on(dt, (dt.scores >= lowest).tolist())
    never = truth - detected
    assert bare in never
    run = deteval.make_run(gt, dt, deteval.Params(classes=names, min_score=lowest), images=images)
    counts = {finding.code: finding.count for finding in run.findings}
    assert counts["images-without-detections"] == len(never)
    assert counts.get("emptied-images", 0) == len(emptied)
    assert f"as image {gt.images.ids[min(never)]}:" in messages(run)["images-without-detections"]


SIGNATURE = "deteval|bbox|sim:{}|thr:.75|area:{}|max:100{}|v:1.0"


@pytest.mark.parametrize("origin, settings, there, here", [
    (Origin(iou=0.75), {"iou": 0.5}, "at IoU .75", "at IoU .5"),
    (Origin(iou=0.3), {}, "at IoU .3", "at IoU .5:.95:.05"),
    (Origin(iou=0.75), {}, None, None),
    (Origin(iou=0.9), {}, None, None),  # the run's is 0.8999999999999999
    (Origin(signature=SIGNATURE.format("giou", "coco", "|nms:0.3")), {}, "with similarity giou, with NMS 0.3",
     "with similarity iou, without NMS"),
    (Origin(iou=0.75, signature=SIGNATURE.format("iou", "small,all", "|class-agnostic|classes:a,b")),
     {"iou": 0.5, "nms": 0.5},
     "at IoU .75, in area range small, without looking at classes, without NMS",
     "at IoU .5, in area range all, class by class, with NMS 0.5"),
    (Origin(iou=0.75, signature=SIGNATURE.format("iou", "all", "|classes:a")), {}, None, None),
    (Origin(signature="another program"), {}, None, None),
])
def test_cuts_chosen_under_other_settings(origin, settings, there, here):
    cuts = ScoreCuts(tuple(SAMPLE_CUTS.items()), 0.5, origin)
    found = messages(sample(operating_points=cuts, **settings)).get("cuts-from-elsewhere")
    assert found == (there and f"the score cuts were chosen {there}, and are used {here}: other cuts may be best here")


def test_where_cuts_come_from_does_not_tell_them_apart():
    one, other = ScoreCuts((("a", 0.5),), None, Origin(iou=0.5, signature="x")), ScoreCuts((("a", 0.5),))
    assert one == other
    assert hash(one) == hash(other)
    assert one.digest() == other.digest()
    assert deteval.Params(operating_points=one) == deteval.Params(operating_points=other)
    assert one.to_dict() == other.to_dict()


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
    ({"cat": float("-inf")}, "class 'cat': -inf is not a finite score"),
    ({"cat": "dorp"}, "class 'cat': 'dorp' is not a score; did you mean 'drop'?"),
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
    with pytest.raises(ValueError, match="default: nan is not a finite score"):
        ScoreCuts((), float("nan"))


@pytest.mark.parametrize("base, new, reason", [
    ({}, {"nms": 0.5}, "nms is 0.5, the base's is not given"),
    ({}, {"operating_points": SAMPLE_CUTS}, "operating_points is given for 6 classes, the base's is not given"),
    ({"operating_points": SAMPLE_CUTS}, {"operating_points": {**SAMPLE_CUTS, "dog": 0.15, "bus": 0.5}},
     "operating_points: the score cut of class 'bus' is 0.5, the base's is 0.25 (and 1 more)"),
    ({"operating_points": SAMPLE_CUTS}, {"operating_points": ScoreCuts(tuple(SAMPLE_CUTS.items()), 0.5)},
     "operating_points: the default is 0.5, the base's is not given"),
    ({"operating_points": {"dog": 0.5, **SAMPLE_CUTS}}, {"operating_points": {**SAMPLE_CUTS, "dog": "drop"}},
     "operating_points: the score cut of class 'dog' is drop, the base's is 0.1"),
    ({"operating_points": ScoreCuts((), 0.25)}, {"operating_points": SAMPLE_CUTS},
     "operating_points: the score cut of class 'bicycle' is 0.2, the base's is the default, 0.25 (and 6 more)"),
    ({"operating_points": SAMPLE_CUTS}, {"operating_points": ScoreCuts((), "drop")},
     "operating_points: the score cut of class 'bicycle' is the default, drop, the base's is 0.2 (and 6 more)"),
    ({"operating_points": ScoreCuts((), 0.25)}, {},
     "operating_points is not given, the base's is 0.25 for all classes"),
    ({"operating_points": ScoreCuts((("dog", 0.5),), 0.25)}, {},
     "operating_points is not given, the base's is given for 1 class"),
])
def test_runs_with_other_cuts_do_not_compare(base, new, reason):
    base, new = sample(**base), sample(**new)
    with pytest.raises(deteval.DetevalError) as error:
        check_agreement(base, new)
    assert (str(error.value).partition("the settings differ: ")[2], error.value.exit_code) == (reason, 4)
    check_agreement(new, new)


def test_drop_comes_back_from_evidence(tmp_path):
    run = sample(operating_points=ScoreCuts((("dog", "drop"), ("person", 0.5)), "drop", Origin(iou=0.5)))
    deteval.save_evidence(tmp_path / "run.npz", run)
    again = deteval.load_evidence(tmp_path / "run.npz")
    assert again.evidence.params == run.evidence.params
    assert again.evidence.params.operating_points.classes == (("dog", np.inf), ("person", 0.5))
    assert [one.message for one in again.findings] == [one.message for one in run.findings]
    header = json.loads(np.load(tmp_path / "run.npz")["header.json"])
    assert header["params"]["operating_points"] == {"classes": [["dog", "drop"], ["person", 0.5]], "default": "drop"}


def test_settings_and_findings_come_back_from_evidence(tmp_path):
    run = sample(nms=0.4, operating_points=ScoreCuts((("1", 0.1), ("dog", 1 / 3)), 5e-324))
    deteval.save_evidence(tmp_path / "run.npz", run)
    again = deteval.load_evidence(tmp_path / "run.npz")
    assert again.evidence.params == run.evidence.params
    assert differing(again, replace(run, name=str(tmp_path / "run.npz"))) == []
    header = json.loads(np.load(tmp_path / "run.npz")["header.json"])
    assert header["params"]["operating_points"] == {"classes": [["1", 0.1], ["dog", 1 / 3]], "default": 5e-324}
