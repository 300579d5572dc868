"""Detections broken in one way each: the first sentence of the explanation names the way, with figures."""

import copy
import json
import math
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import deteval
from deteval.differences.class_moves import Move, Words, told_moves
from deteval.differences.moved_boxes import habit_of, move_of
from deteval.differences.same_detections import mixed, pair, repeats
from deteval.records.dataset import Categories
from deteval.records.run import Boxes

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"
PERSON, BICYCLE, CAR, BUS, LIGHT, DOG = range(1, 7)


@cache
def sample():
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    return gt, json.loads((SAMPLE / "preds.json").read_text("utf-8"))


def run_of(records):
    gt = sample()[0]
    found = deteval.load_detections(records, gt)
    return deteval.make_run(gt, found, detail=(0.5,)), Boxes(gt, found)


def remarks_of(base, new, *, boxes=True, **options):
    (first, ours), (second, theirs) = run_of(base), run_of(new)
    return deteval.explain(first, second, boxes=(ours, theirs) if boxes else None, **options).remarks


def each(change):
    """All records changed one by one; None drops one."""
    return lambda found: [one for one in map(change, found) if one is not None]


def moved(place):
    return each(lambda one: one | {"bbox": [float(side) for side in place(*one["bbox"])]})


def rescored(score):
    return each(lambda one: one | {"score": score(one)})


def reclassed(classes):
    return each(lambda one: one | {"category_id": classes.get(one["category_id"], one["category_id"])})


def best(found, count):
    by_image = {}
    for one in sorted(found, key=lambda one: -one["score"]):
        by_image.setdefault(one["image_id"], []).append(one)
    return [one for some in by_image.values() for one in some[:count]]


def mirrored(found):
    width = dict(zip(sample()[0].images.ids.tolist(), sample()[0].images.width.tolist(), strict=True))
    return [one | {"bbox": [width[one["image_id"]] - one["bbox"][0] - one["bbox"][2], *one["bbox"][1:]]}
            for one in found]


def jittered(found):
    draw = random.Random(1).gauss
    return moved(lambda x, y, w, h: (x + draw(0, 0.05) * w, y + draw(0, 0.05) * h, w * (1 + draw(0, 0.05)),
                                     h * (1 + draw(0, 0.05))))(found)


def shuffled(found):
    scores = random.Random(1).sample([one["score"] for one in found], len(found))
    return [one | {"score": score} for one, score in zip(found, scores, strict=True)]


def on_the_next_image(found):
    ids = sample()[0].images.ids.tolist()
    following = dict(zip(ids, [*ids[1:], ids[0]], strict=True))
    return [one | {"image_id": following[one["image_id"]]} for one in found]


def some_classes_lost(found):
    draw = random.Random(2)
    return [one | {"category_id": draw.randint(1, 6)} if draw.random() < 0.15 else one for one in found]


def with_noise(found):
    draw = random.Random(3).random
    return found + [{"image_id": one["image_id"], "category_id": one["category_id"], "score": draw(),
                     "bbox": [500 * draw(), 300 * draw(), 20.0, 20.0]} for one in found[::5]]


ONE_SCORE = "all 505 detections with the same boxes have the score 1 in new, so that their order is lost"
NEXT = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 1}
BROKEN = {
    "identical": (list, "the detections are identical: 505 in both"),
    "reordered": (lambda found: found[::-1], "the detections are identical: 505 in both, in another order in the file"),
    "shifted a little": (moved(lambda x, y, w, h: (x + 1, y, w, h)),
                         "in new, all 505 boxes are shifted by 1 px right, with the same scores"),
    "shifted": (moved(lambda x, y, w, h: (x - 4, y + 30, w, h)),
                "in new, all 505 boxes are shifted by 4 px left and 30 px down, with the same scores"),
    "shifted by their size": (moved(lambda x, y, w, h: (x + 0.1 * w, y, w, h)),
                              "in new, all 505 boxes are shifted by 10 % of their size right, with the same scores"),
    "centres for corners": (moved(lambda x, y, w, h: (x + w / 2, y + h / 2, w, h)),
                            ("in new, all 505 boxes are shifted by 50 % of their size right and 50 % of their size "
                             "down (as if centres stood for corners), with the same scores")),
    "larger": (moved(lambda x, y, w, h: (x - 0.1 * w, y - 0.1 * h, 1.2 * w, 1.2 * h)),
               "in new, all 505 boxes are scaled about their centres, by 1.2, with the same scores"),
    "narrower": (moved(lambda x, y, w, h: (x + 0.1 * w, y, 0.8 * w, h)),
                 ("in new, all 505 boxes are scaled about their centres, widths by 0.8, heights by 1, with the same "
                 "scores")),
    "of a smaller input": (moved(lambda x, y, w, h: (x / 2, y / 2, w / 2, h / 2)),
                           ("in new, all 505 boxes are scaled with all coordinates, by 0.5 (as if the size of the "
                            "input was not undone), with the same scores")),
    "corners": (moved(lambda x, y, w, h: (x, y, x + w, y + h)),
                ("in new, all 505 boxes are written as corners x1, y1, x2, y2 where x, y, width, height is meant, with "
                "the same scores")),
    "transposed": (moved(lambda x, y, w, h: (y, x, h, w)),
                   "in new, all 505 boxes are written with x and y exchanged, with the same scores"),
    "mirrored": (mirrored, "in new, all 505 boxes are mirrored left to right, with the same scores"),
    "a pixel less": (moved(lambda x, y, w, h: (x, y, w - 1, h - 1)),
                     "in new, all 505 boxes are 1 px narrower and 1 px lower, with the same scores"),
    "two pixels wider": (moved(lambda x, y, w, h: (x, y, w + 2, h)),
                         "in new, all 505 boxes are 2 px wider, with the same scores"),
    "rounded a little": (moved(lambda x, y, w, h: [round(side, 1) for side in (x, y, w, h)]),
                         "in new, 497 of 505 boxes are rounded to 0.1 px, with the same scores"),
    "without extent": (moved(lambda x, y, w, h: (0, 0, 0, 0)),
                       "in new, all 505 boxes are without any extent, with the same scores"),
    "rounded": (moved(lambda x, y, w, h: map(round, (x, y, w, h))),
                "in new, 497 of 505 boxes are rounded to whole pixels, with the same scores"),
    "jittered": (jittered, "in new, all 505 boxes are moved in all directions, by no common rule: in the median by"),
    "top 3": (lambda found: best(found, 3),
              "new has at most 3 detections an image: base has more on 38 of 39 images, up to 27 (116 detections"),
    "top 1": (lambda found: best(found, 1), "new has at most 1 detection an image: base has more on 39 of 39 images"),
    "cut": (each(lambda one: one if one["score"] >= 0.4 else None), "new has no score below 0.402: 321 of 505 "),
    "no small ones": (each(lambda one: one if one["bbox"][2] * one["bbox"][3] >= 2000 else None),
                      "new has no box of less than 2,"),
    "on the next image": (on_the_next_image, ("detections stand on other images in new: on 39 of 39 images those of "
                                             "another one, by +1 in their order: those of ")),
    "twice": (lambda found: found + found, "every detection stands twice in new: 505 of 1,010 are exact copies"),
    "nearly twice": (lambda found: found + moved(lambda x, y, w, h: (x + 0.5, y, w, h))(found),
                     ("new has 505 near copies of its own detections (the same image and class, IoU of 0.8 or more), "
                     "base has not: 1,010 detections, base 505")),
    "more noise": (with_noise, "new has 101 detections that base has not, besides all of the 505 of base; "),
    "halved": (rescored(lambda one: one["score"] / 2),
               ("scores of the same boxes fell: median 0.265 -> 0.133; their order did not change, so AP does not see "
               "it, but every score cut does")),
    "a class halved": (rescored(lambda one: one["score"] * (0.5 if one["category_id"] == CAR else 1)),
                       "scores of the same boxes moved in 1 of 6 classes: 'car' fell, median "),
    "rounded scores": (rescored(lambda one: round(one["score"], 1)),
                       "scores are rounded to 0.1 in new: "),
    "one score": (rescored(lambda one: 1.0), ONE_SCORE),
    "shuffled": (shuffled, "scores of new do not follow those of base, as if shuffled: rank correlation "),
    "reversed": (rescored(lambda one: 1 - one["score"]), "the order of scores is reversed in new: rank correlation -1"),
    "swapped": (reclassed({CAR: DOG, DOG: CAR}),
                ("classes 'car' and 'dog' look swapped in new: 138 of 138 detections of 'car' are of class 'dog', 37 "
                 "of 37 of 'dog' of class 'car'")),
    "merged": (reclassed({BUS: CAR}), "40 of 40 detections of class 'bus' are of class 'car' in new"),
    "merged, three": (reclassed({BUS: CAR, DOG: CAR, LIGHT: CAR}),
                      "3 classes are of class 'car' in new: 123 of 123 detections of 'bus', 'traffic light', 'dog'"),
    "in a circle": (reclassed({BUS: CAR, CAR: DOG, DOG: BUS}),
                    ("3 classes look exchanged in a circle in new, 'car' -> 'dog' -> 'bus' -> 'car': 215 of 215 "
                    "detections")),
    "ids shifted": (reclassed(NEXT), ("all class ids look shifted by 1 in new: 'person' -> 'bicycle', 'bicycle' -> "
                                     "'car', 'car' -> 'bus' and so on (505 of 505 detections of 6 classes)")),
    "classes at random": (some_classes_lost, "6"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_first_sentence_names_it(name):
    change, said = BROKEN[name]
    records = sample()[1]
    told = remarks_of(records, change(copy.deepcopy(records)))
    assert told[0].startswith(said), told
    assert len(told) <= 8
    assert not any("found by both, " in one for one in told)  # what follows from it is no news
    if name in ("identical", "reordered"):
        assert len(told) == 1
    if name == "classes at random":
        assert "have another class in new, with the same boxes and scores and by no pattern" in told[0]


@pytest.mark.parametrize("name", ["top 3", "cut", "no small ones", "twice", "nearly twice", "more noise"])
def test_the_way_back_is_told_of_the_base(name):
    change, said = BROKEN[name]
    records = sample()[1]
    back = remarks_of(change(copy.deepcopy(records)), records)[0]
    names = {"new": "base", "base": "new", "base,": "new,", "new:": "base:"}
    assert back.startswith(" ".join(names.get(word, word) for word in said.split(" ")[:8])), back


@pytest.mark.parametrize("name", ["identical", "reordered", "top 3", "cut", "on the next image", "twice", "shuffled",
                                  "rounded scores", "swapped", "merged", "in a circle", "ids shifted"])
def test_evidence_alone_is_enough_for(name):
    change, said = BROKEN[name]
    records = sample()[1]
    first = remarks_of(records, change(copy.deepcopy(records)), boxes=False)[0]
    assert first.startswith(said.split(":")[0])


def test_two_models_of_their_own_are_no_versions_of_each_other():
    new = json.loads((SAMPLE / "preds_new.json").read_text("utf-8"))
    told = remarks_of(sample()[1], new)
    assert told == remarks_of(sample()[1], new, boxes=False)
    assert [one.split(":")[0] for one in told] == ["the largest kind of change"]


def test_other_scores_on_some_images_are_no_other_detections():
    """Without boxes the rescored ones are in neither model the other's; neither has more."""
    chosen = set(sorted({one["image_id"] for one in sample()[1]})[:6])
    new = [one | {"score": one["score"] * (0.2 if one["image_id"] in chosen else 1)} for one in sample()[1]]
    assert not any("that base has not" in one for one in remarks_of(sample()[1], new, boxes=False))
    assert remarks_of(sample()[1], new)[0].startswith("scores of the same boxes fell on 6 of 39 images, median ")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("change", [rescored(lambda one: one["score"] * 1e308),
                                    rescored(lambda one: one["score"] - 1e308),
                                    moved(lambda x, y, w, h: (x, y, w * 1e150, h * 1e150)),
                                    moved(lambda x, y, w, h: (x - 1e150, y, w, h))])
def test_values_as_large_as_floats_go(change):
    for boxes in (True, False):
        assert len(remarks_of(sample()[1], change(sample()[1]), boxes=boxes)) <= 8
        assert len(remarks_of(change(sample()[1]), sample()[1], boxes=boxes)) <= 8


def test_ties_in_another_order_are_no_change():
    records = [one | {"score": round(one["score"], 1)} for one in sample()[1]]
    assert remarks_of(records, records[::-1])[0].startswith("the detections are identical: 505 in both")


def test_part_of_the_boxes_is_told_with_its_images():
    chosen = set(sorted({one["image_id"] for one in sample()[1]})[:8])
    new = [one | {"bbox": [one["bbox"][0] + 9, *one["bbox"][1:]]} if one["image_id"] in chosen else one
           for one in sample()[1]]
    count = sum(one["image_id"] in chosen for one in new)
    assert remarks_of(sample()[1], new)[0] == (f"in new, {count} of 505 boxes, on 8 of 39 images are shifted by 9 px "
                                               "right, with the same scores")


def test_few_objects_are_enough_for_swapped_classes():
    """Three detections each, with other scores and boxes, so that only the objects say so."""
    gt = deteval.load_ground_truth({
        "images": [{"id": i} for i in range(6)], "categories": [{"id": k, "name": f"c{k}"} for k in range(3)],
        "annotations": [{"id": i + 1, "image_id": i, "category_id": i % 2, "bbox": [0, 0, 10, 10], "area": 100,
                         "iscrowd": 0} for i in range(6)]})

    def of(classes, score):
        return deteval.match(gt, deteval.load_detections(
            [{"image_id": i, "category_id": classes[i % 2], "bbox": [0, score, 10, 10], "score": score + i / 100}
             for i in range(6)], gt), detail=(0.5,))

    told = deteval.explain(of((0, 1), 0.5), of((1, 0), 0.3)).remarks
    assert told[0] == ("classes 'c0' and 'c1' look swapped in new: 3 of 3 lost objects of 'c0' are detected as 'c1', "
                       "3 of 3 of 'c1' as 'c0'")


def test_boxes_of_the_same_objects_have_a_habit():
    """Other scores as well: boxes are compared object by object."""
    new = [one | {"bbox": [one["bbox"][0] + 5, *one["bbox"][1:]], "score": math.sqrt(one["score"])}
           for one in sample()[1]]
    told = remarks_of(sample()[1], new)
    assert "of the objects found by both, boxes of new lie 5 px right in the median, against those of base" in told


def test_boxes_that_move_any_way_have_no_habit():
    rng = np.random.default_rng(0)
    base = rng.random((200, 4)) * 100 + 20
    assert habit_of(base, base + rng.normal(0, 3, base.shape)) == ""
    assert habit_of(base, base * (1, 1, 1.2, 1.2)).endswith("are scaled, by 1.2 in the median, against those of base")
    size = np.full(200, 500.0)
    assert move_of(base, base + rng.normal(0, 3, base.shape), size, size) == ""
    assert move_of(base, np.rint(base + np.array([3, 0, 0, 0])), size, size) == "shifted by 3 px right"


def test_classes_moved_on_in_a_chain_are_one_sentence():
    categories = Categories(ids=np.array([2, 5, 7, 20]), names=("a", "b", "c", "d"))
    words = Words("detections", "are", "of class", "new")
    chain = [Move(0, 1, 9, 9, True), Move(1, 2, 4, 5, True)]
    assert [one.text for one in told_moves(chain, categories, 4, words)] == [
        "2 classes look moved on in new: 'a' -> 'b', 'b' -> 'c' (13 of 14 detections)"]
    pairs = [Move(0, 1, 9, 9, True), Move(1, 0, 9, 9, True), Move(2, 3, 9, 9, False)]
    assert [one.classes for one in told_moves(pairs, categories, 4, words)] == [{0, 1}]
    assert not list(told_moves([Move(0, 3, 1, 1, True)], categories, 4, words))  # one detection is no pattern


def test_equal_detections_are_paired_once_each():
    base, new = (mixed([np.array(one)]) for one in ([3, 1, 3, 2], [3, 3, 3, 2, 5]))
    rows, partners = pair(base, new)
    assert rows.tolist() == [0, 2, 3]
    assert partners.tolist() == [0, 1, 3]
    assert repeats(new).tolist() == [0, 1, 2, 0, 0]
    assert [len(one) for one in pair(base, new[:0])] == [0, 0]


def independent(seed, score, per_image=10, images=60, classes=1):
    """The detections of a model that shares nothing with another one but how coarse its scores are."""
    draw = random.Random(seed)
    return [{"image_id": image, "category_id": draw.randint(1, classes), "score": score(draw),
             "bbox": [draw.uniform(0, 500), draw.uniform(0, 300), draw.uniform(5, 90), draw.uniform(5, 90)]}
            for image in range(1, images + 1) for _ in range(draw.randint(0, per_image))]


def told_of_images(base, new, *, boxes=True, class_agnostic=False, images=60):
    gt = deteval.load_ground_truth({
        "images": [{"id": i, "width": 640, "height": 480} for i in range(1, images + 1)],
        "categories": [{"id": k, "name": f"c{k}"} for k in (1, 2, 3)],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [50, 50, 100, 100], "area": 10_000,
                         "iscrowd": 0} for i in range(1, images + 1)]})
    runs, at_hand = [], []
    for records in (base, new):
        found = deteval.load_detections(records, gt)
        runs.append(deteval.make_run(gt, found, deteval.Params(class_agnostic=class_agnostic), detail=(0.5,)))
        at_hand.append(Boxes(gt, found))
    return deteval.explain(*runs, boxes=tuple(at_hand) if boxes else None).remarks


COARSE = {"one score": lambda draw: 1.0, "ten scores": lambda draw: draw.randint(0, 9) / 10,
          "a hundred": lambda draw: draw.randint(0, 99) / 100}


@pytest.mark.parametrize("boxes", [True, False])
@pytest.mark.parametrize("per_image", [1, 4, 100])
@pytest.mark.parametrize("name", COARSE)
def test_models_of_coarse_scores_are_no_versions_of_each_other(name, per_image, boxes):
    base, new = (independent(seed, COARSE[name], per_image, images=300) for seed in (1, 2))
    told = told_of_images(base, new, boxes=boxes, images=300)
    for claim in ("on other images", "in new, ", "are identical", "as if shuffled", "that base has not", "of class"):
        assert not any(claim in one for one in told if "objects" not in one), told


def test_one_box_an_image_of_one_score_is_no_pair():
    base, new = ([one | {"image_id": i + 1} for i, one in enumerate(independent(seed, lambda draw: 1.0)[:60])]
                 for seed in (1, 2))
    assert not any("moved in all directions" in one for one in told_of_images(base, new))


def test_equal_boxes_tell_images_of_one_score():
    base = independent(1, lambda draw: 1.0)
    new = [one | {"image_id": one["image_id"] % 60 + 1} for one in base]
    assert told_of_images(base, new)[0].startswith("detections stand on other images in new: on ")
    assert "by +1 in their order" in told_of_images(base, new)[0]
    assert not any("on other images" in one for one in told_of_images(base, new, boxes=False))


def test_boxes_that_moved_are_counted_of_all_of_new():
    base = independent(1, random.Random.random)
    others = independent(2, random.Random.random)[: len(base) // 5]
    new = [one | {"bbox": [one["bbox"][0] + 5, *one["bbox"][1:]]} for one in base[len(others):]] + others
    assert told_of_images(base, new)[0].startswith(f"in new, {len(base) - len(others)} of {len(base)} boxes")


@pytest.mark.parametrize("change", [
    lambda x, y, w, h: (x, y, (x + w) - x, (y + h) - y), lambda *box: np.array(box, np.float32).tolist(),
    lambda x, y, w, h: (x + 0.003 * math.sin(w), y, w + 0.004 * math.cos(x), h)])
def test_noise_of_floats_is_no_move(change):
    base = independent(1, random.Random.random)
    assert not any("boxes" in one for one in told_of_images(base, moved(change)(base)))


def test_what_moved_beside_the_noise_of_floats_is_told():
    base = independent(1, random.Random.random)
    new = moved(lambda x, y, w, h: (x + (7 if h > 60 else 0), y, (x + w) - x, (y + h) - y))(base)
    count = sum(one["bbox"][3] > 60 for one in base)
    assert told_of_images(base, new)[0].startswith(f"in new, {count} of {len(base)} boxes")
    assert "are shifted by 7 px right, with the same scores" in told_of_images(base, new)[0]


def clipped(last):
    """Through corners, as programs do it."""
    def cut(x, y, w, h):
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, 640 - last), min(y + h, 480 - last)
        return left, top, right - left, bottom - top
    return moved(cut)


@pytest.mark.parametrize("last", [0, 1])
def test_clipping_is_named(last):
    base = moved(lambda x, y, w, h: (1.4 * x - 60, 1.7 * y - 40, w, h))(independent(1, random.Random.random))
    base = [one for one in base if one["bbox"][0] + one["bbox"][2] > 2 and one["bbox"][1] + one["bbox"][3] > 2
            and one["bbox"][0] < 630 and one["bbox"][1] < 470]
    new = clipped(last)(base)
    first, back = told_of_images(base, new)[0], told_of_images(new, base)[0]
    assert "are clipped to their images, with the same scores" in first
    assert "are not clipped to their images, as those of base are, with the same scores" in back


def test_a_run_that_does_not_look_at_classes_says_so_of_identical_detections():
    base = independent(1, random.Random.random, classes=3)
    new = [one | {"category_id": one["category_id"] % 3 + 1} for one in base]
    n, by = f"{len(base)} in both", ", by image, class, score and outcome"
    assert told_of_images(base, new, class_agnostic=True) == (
        f"the detections are identical but for their classes, which this run does not look at: {n}",)
    assert told_of_images(base, base, class_agnostic=True) == (f"the detections are identical: {n}",)
    assert told_of_images(base, new, class_agnostic=True, boxes=False) == (
        f"the detections are identical for this run, which does not look at classes: {n}{by}",)


def test_an_image_that_base_has_twice_or_with_few_scores_is_not_known_again():
    base = [one for one in independent(1, random.Random.random) if one["image_id"] != 9]
    base += [one | {"image_id": 9} for one in base if one["image_id"] == 3]
    new = [one | {"image_id": one["image_id"] % 60 + 1} for one in base]
    scores = [[one["score"] for one in base if one["image_id"] == image] for image in range(1, 61)]
    counts = [sum(len(some) >= least and scores.count(some) == 1 for some in scores) for least in (1, 3)]
    assert counts[1] < counts[0]
    for boxes, count in zip((True, False), counts, strict=True):
        assert f"in new: on {count} of " in told_of_images(base, new, boxes=boxes)[0]


def test_detections_of_one_score_on_one_image_are_no_pairs():
    base, new = (independent(seed, lambda draw: 1.0, images=1) for seed in (1, 3))
    base, new = ([one | {"bbox": [*one["bbox"][:3], side]} for side in range(9, 99, 9)] for one in (base[0], new[0]))
    assert not any("in new, " in one for one in told_of_images(base, new, images=1))
