"""Label suspects: by hand, and against the literal oracle on awkward data."""

import json

import numpy as np
import oracle_suspects as oracle
import pytest
from datasets import random_dataset
from msgspec.structs import replace
from test_confusion import BOX, FAR, NEAR, scene
from test_exactness import params_of

import deteval
from deteval.diagnosis import suspects
from deteval.diagnosis.suspects import find_suspects
from deteval.errors import USAGE, DetevalError
from deteval.measures import Ranked, measure
from deteval.operating import choose, gather_rows
from deteval.records.criterion import Criterion
from deteval.records.run import Boxes


def matched(data, params, iou):
    gt = deteval.load_ground_truth(data.ground_truth)
    dt = deteval.load_detections(data.detections, gt)
    return deteval.match(gt, dt, params, detail=(iou,)), Boxes(gt, dt)


def looked_at(objects, found, more=()):
    """Suspects of one image, of kind, label and predicted class."""
    _, boxes = scene(objects, found, more)
    evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
    return [(one.kind, one.label, one.predicted) for one in find_suspects(evidence, boxes=boxes).listed]


SEEN = [("cat", BOX)]
CORNER = [300, 300, 50, 50]
CATS = [("cat", [60 * i, 600, 50, 50]) for i in range(10)]
SURE = [(*cat, 0.87) for cat in CATS]
"""Enough true positives that their score says from where on a detection is sure, and sees."""


@pytest.mark.parametrize(("objects", "found", "listed"), [
    ([], [("cat", BOX, 0.9)], [("unlabelled", None, "cat")]),
    ([], [("cat", BOX, 0.85)], []),
    ([], [("bird", FAR, 0.9)], [("unlabelled", None, "bird")]),
    ([("dog", FAR)], [], [("unseen", "dog", None)]),
    ([("dog", FAR)], [("bird", [100, 100, 40, 10], 0.9)], []),
    ([("dog", FAR)], [("bird", [100, 100, 40, 10], 0.85)], [("unseen", "dog", None)]),
    ([("dog", FAR)], [("bird", FAR, 0.9)], [("other class", "dog", "bird")]),
    ([("dog", FAR)], [("bird", FAR, 0.9), ("cat", FAR, 0.95)], [("other class", "dog", "cat")]),
    ([("dog", FAR)], [("bird", FAR, 0.9), ("dog", FAR, 0.9)], []),
    ([("cat", FAR), ("dog", FAR)], [("cat", FAR, 0.9), ("cat", FAR, 0.88)], []),
])
def test_by_hand(objects, found, listed):
    """Beside cats that are found at 0.87, where confidence begins."""
    assert looked_at([*CATS, *objects], [*SURE, *found]) == listed


def test_the_cut_of_a_class_does_not_hang_on_a_handful():
    """Nine dogs at .2 have a best F1 at .2, and yet a dog at .3 is sure of nothing; ten do."""
    for dogs, listed in ((9, []), (10, [("unlabelled", None, "dog")])):
        some = [("dog", [60 * i, 800, 50, 50]) for i in range(dogs)]
        found = [*SURE, *((*dog, 0.2) for dog in some), ("dog", BOX, 0.3), *[("cat", FAR, 0.5)] * 20]
        _, boxes = scene([*CATS, *some], found)
        evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
        told = find_suspects(evidence, boxes=boxes)
        assert [(one.kind, one.label, one.predicted) for one in told.listed] == listed
        assert told.cuts == {"cat": 0.87, "dog": 0.87 if dogs < 10 else 0.2, "bird": 0.87}
        assert ", and of all classes (0.87) where that of its own would rest on fewer than 10 true" in told.least_score


def test_mostly_wrong_is_not_sure():
    """Dogs whose best F1 keeps 10 right and 30 wrong take the higher cut of all classes."""
    dogs = [("dog", [60 * i, 800, 50, 50]) for i in range(10)]
    wrong = [("dog", [60 * i, 1000, 50, 50], 0.3) for i in range(30)]
    _, boxes = scene([*CATS, *dogs], [*SURE, *((*dog, 0.2) for dog in dogs), *wrong])
    evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
    assert find_suspects(evidence).cuts["dog"] == 0.87


def test_what_is_seen_does_not_hang_on_the_threshold():
    """At an IoU of .9 one cat is found, at .95; the others still say which detections see."""
    found = [("cat", CATS[0][1], 0.95), *(("cat", [x, y, w, h - 8], 0.6) for _, (x, y, w, h) in CATS[1:]),
             ("dog", [100, 100, 40, 10], 0.7)]
    gt = deteval.load_ground_truth({
        "images": [{"id": 1}], "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 1 + (name == "dog"), "bbox": box}
                        for i, (name, box) in enumerate([*CATS, ("dog", FAR)])]})
    dt = deteval.load_detections([{"image_id": 1, "category_id": 1 + (name == "dog"), "bbox": box, "score": score}
                                  for name, box, score in found], gt)
    evidence = deteval.match(gt, dt, deteval.Params(iou=(0.5, 0.9)), detail=(0.9,))
    told = find_suspects(evidence, 0.9)
    assert (told.counts["unseen"], told.seen_from) == (0, 0.6)
    assert "at least 0.6, which 95 % of true positives at IoU .5 reach" in told.least_score


def test_a_crowd_of_the_class_explains_what_is_beside_it():
    found = [("cat", CORNER, 0.5), ("dog", NEAR, 0.9), ("bird", NEAR, 0.9)]
    objects = [("dog", FAR), ("cat", CORNER)]
    assert looked_at(objects, found, [{"iscrowd": 1}]) == [("unlabelled", None, "bird")]
    assert ("unlabelled", None, "dog") in looked_at(objects, found)


VARIANTS = ({}, {"similarity": "giou"}, {}, {"similarity": "ciou"})


@pytest.mark.parametrize("first", range(0, 240, 40))
def test_equal_to_the_literal_oracle(first, monkeypatch):
    kinds = set()
    for seed in range(first, first + 40):
        enough = (2, 4, 10)[seed % 3]
        monkeypatch.setattr(suspects, "ENOUGH", enough)
        data = random_dataset(seed)
        more = VARIANTS[seed % len(VARIANTS)]
        params = replace(params_of(data), **more)
        for iou in (params.iou[0], params.iou[-1]):
            evidence, boxes = matched(data, params, iou)
            found = find_suspects(evidence, iou, boxes=boxes, top=1000, threads=1 + seed % 2)
            views = [oracle.look(data.ground_truth, data.detections, data.settings | more, one)
                     for one in (iou, min(params.iou))]
            expected = oracle.suspects(views[0], iou, views[1], enough)
            assert [(one.kind, one.detection, one.ground_truth) for one in found.listed] == \
                [one[:3] for one in expected], seed
            for ours, theirs in zip(found.listed, expected, strict=True):
                assert (ours.ap_change is None) == (theirs.ap_change is None)
                assert ours.ap_change is None or ours.ap_change == pytest.approx(theirs.ap_change, abs=1e-12), seed
                check_record(ours, data)
            assert sum(found.counts.values()) == len(expected)
            kinds |= {one.kind for one in expected}
    assert kinds == {"unlabelled", "unseen", "other class"}


def check_record(one, data):
    """Image, box and score are those of the records that it names."""
    label = None if one.ground_truth is None else data.ground_truth["annotations"][one.ground_truth]
    detection = None if one.detection is None else data.detections[one.detection]
    assert list(one.box) == list(map(float, (label or detection)["bbox"]))
    for record in (label, detection):
        assert record is None or record["image_id"] == one.image_id
    assert one.score == (None if detection is None else detection["score"])
    assert one.file_name == f"{one.image_id}.jpg"
    assert (one.similarity is None) == (label is None or detection is None)


def test_without_boxes_and_the_top_few():
    data = random_dataset(53)
    params = params_of(data)
    for one in data.detections:  # without boxes nobody knows which of them have no area
        one["bbox"][2:] = np.maximum(one["bbox"][2:], 1).tolist()
    evidence, boxes = matched(data, params, params.iou[0])
    whole, bare, few = (find_suspects(evidence, params.iou[0], **more)
                        for more in ({"boxes": boxes, "top": 1000}, {"top": 1000}, {"top": 2}))
    assert [replace(one, box=None, annotation_id=None) for one in whole.listed] == list(bare.listed)
    assert bare.counts == few.counts
    chosen = choose(gather_rows(Ranked(evidence), 0), Criterion())
    assert find_suspects(evidence, params.iou[0], top=2, chosen=chosen) == few
    for kind, count in few.counts.items():
        assert [one for one in few.listed if one.kind == kind] == \
            [one for one in bare.listed if one.kind == kind][: min(2, count)]
    assert whole.counts["unlabelled"] > 2


def test_a_relabelled_file_has_the_ap_that_was_told():
    """Where no other detection is near, editing the file gives the very AP."""
    objects = [("cat", CORNER), ("dog", FAR), ("bird", [200, 0, 30, 30]), ("bird", [400, 0, 30, 30])]
    flat = [("cat", [500, 0, 0, 30], 0.99), ("cat", [500, 100, 30, 0], 0.98)]
    found = [("cat", CORNER, 0.8), ("cat", FAR, 0.9), ("bird", [400, 0, 30, 30], 0.4), ("dog", BOX, 0.95), *flat]

    def judged(objects):
        _, boxes = scene(objects, found)
        evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
        return find_suspects(evidence, boxes=boxes), float(measure("AP@.5", evidence).values[0])

    told, before = judged(objects)
    assert told.metric == "AP@.5"
    changes = {one.kind: one.ap_change for one in told.listed}
    edits = {"unlabelled": [*objects, ("dog", BOX)], "unseen": [*objects[:2], objects[3]],
             "other class": [objects[0], ("cat", FAR), *objects[2:]]}
    assert set(changes) == set(edits)
    for kind, edited in edits.items():
        assert changes[kind] == pytest.approx(judged(edited)[1] - before, abs=1e-12), kind
    assert told.counts["unlabelled"] == 1  # a label without an area would be found by nothing, and lower AP
    for name, box, _ in flat:
        assert judged([*objects, (name, box)])[1] < before


def test_the_record_of_a_detection_in_one_of_several_files(tmp_path):
    """By its own file, as match lines have it; one file needs no name."""
    gt = deteval.load_ground_truth({
        "images": [{"id": 1}, {"id": 2}], "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX}]})
    parts = [[{"image_id": 1, "category_id": 1, "bbox": BOX, "score": 0.8}] * 3,
             [{"image_id": 2, "category_id": 1, "bbox": FAR, "score": score} for score in (0.1, 0.9)]]
    paths = [tmp_path / f"{i}.json" for i in range(3)]
    for path, part in zip(paths, [*parts, parts[0] + parts[1]], strict=True):
        path.write_text(json.dumps(part))
    for given, place in ((paths[:2], (1, str(paths[1]))), (paths[2:], (4, None))):
        dt = deteval.load_detections([str(path) for path in given], gt)
        evidence = deteval.match(gt, dt, detail=(0.5,))
        for boxes, expected in ((Boxes(gt, dt), place), (None, (4, None))):
            told = find_suspects(evidence, boxes=boxes).listed
            assert [(one.detection, one.file) for one in told if one.kind == "unlabelled"] == [expected]


def test_words():
    _, boxes = scene(SEEN, [("cat", BOX, 0.87), ("dog", FAR, 0.9)])
    evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
    assert find_suspects(evidence).least_score == (
        "the score of best F1 of its class (0.87), and of all classes (0.87) where that of its own would rest on fewer "
        "than 10 true positives, or keep mostly false ones; a detection of any score sees an object")
    _, boxes = scene(CATS, SURE)
    evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
    found = find_suspects(evidence)
    assert "(0.87)" in found.least_score
    assert found.cuts == {"cat": 0.87, "dog": 0.87, "bird": 0.87}
    _, boxes = scene(SEEN, [])
    evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
    nothing = find_suspects(evidence)
    assert nothing.least_score == "no score, for there is no true positive"
    assert [(one.kind, one.ap_change) for one in nothing.listed] == [("unseen", None)]


def test_what_is_missing_is_said():
    evidence, _ = scene(SEEN, [])
    with pytest.raises(DetevalError, match=r"save it with .* --detail \.5`") as caught:
        find_suspects(evidence)
    assert caught.value.exit_code == USAGE
    with pytest.raises(DetevalError, match=r"no IoU threshold \.42"):
        find_suspects(evidence, 0.42)
