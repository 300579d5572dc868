"""Label suspects: by hand, and against the literal oracle on awkward data."""

import oracle_suspects as oracle
import pytest
from datasets import random_dataset
from msgspec.structs import replace
from test_confusion import BOX, FAR, NEAR, scene
from test_exactness import params_of

import deteval
from deteval.errors import USAGE, DetevalError
from deteval.measures import Ranked, measure
from deteval.operating import gather_rows
from deteval.records.run import Boxes
from deteval.suspects import find_suspects


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
    """Beside a cat that is found at 0.87, where confidence begins."""
    assert looked_at([("cat", CORNER), *objects], [("cat", CORNER, 0.87), *found]) == listed


def test_a_crowd_of_the_class_explains_what_is_beside_it():
    found = [("cat", CORNER, 0.5), ("dog", NEAR, 0.9), ("bird", NEAR, 0.9)]
    objects = [("dog", FAR), ("cat", CORNER)]
    assert looked_at(objects, found, [{"iscrowd": 1}]) == [("unlabelled", None, "bird")]
    assert ("unlabelled", None, "dog") in looked_at(objects, found)


VARIANTS = ({}, {"similarity": "giou"}, {}, {"similarity": "ciou"})


@pytest.mark.parametrize("first", range(0, 240, 40))
def test_equal_to_the_literal_oracle(first):
    kinds = set()
    for seed in range(first, first + 40):
        data = random_dataset(seed)
        more = VARIANTS[seed % len(VARIANTS)]
        params = replace(params_of(data), **more)
        for iou in (params.iou[0], params.iou[-1]):
            evidence, boxes = matched(data, params, iou)
            found = find_suspects(evidence, iou, boxes=boxes, top=1000, threads=1 + seed % 2)
            expected = oracle.suspects(oracle.look(data.ground_truth, data.detections, data.settings | more, iou), iou)
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
    evidence, boxes = matched(data, params, params.iou[0])
    whole, bare, few = (find_suspects(evidence, params.iou[0], **more)
                        for more in ({"boxes": boxes, "top": 1000}, {"top": 1000}, {"top": 2}))
    assert [replace(one, box=None, annotation_id=None) for one in whole.listed] == list(bare.listed)
    assert bare.counts == few.counts
    assert find_suspects(evidence, params.iou[0], top=2, rows=gather_rows(Ranked(evidence), 0)) == few
    for kind, count in few.counts.items():
        assert [one for one in few.listed if one.kind == kind] == \
            [one for one in bare.listed if one.kind == kind][: min(2, count)]
    assert whole.counts["unlabelled"] > 2


def test_a_relabelled_file_has_the_ap_that_was_told():
    """Where no other detection is near, editing the file gives the very AP."""
    objects = [("cat", CORNER), ("dog", FAR), ("bird", [200, 0, 30, 30]), ("bird", [400, 0, 30, 30])]
    found = [("cat", CORNER, 0.8), ("cat", FAR, 0.9), ("bird", [400, 0, 30, 30], 0.4), ("dog", BOX, 0.95)]

    def judged(objects):
        _, boxes = scene(objects, found)
        evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
        return find_suspects(evidence), float(measure("AP@.5", evidence).values[0])

    told, before = judged(objects)
    assert told.metric == "AP@.5"
    changes = {one.kind: one.ap_change for one in told.listed}
    edits = {"unlabelled": [*objects, ("dog", BOX)], "unseen": [*objects[:2], objects[3]],
             "other class": [objects[0], ("cat", FAR), *objects[2:]]}
    assert set(changes) == set(edits)
    for kind, edited in edits.items():
        assert changes[kind] == pytest.approx(judged(edited)[1] - before, abs=1e-12), kind


def test_words():
    _, boxes = scene(SEEN, [("cat", BOX, 0.87), ("dog", FAR, 0.9)])
    evidence = deteval.match(boxes.ground_truth, boxes.detections, detail=(0.5,))
    assert find_suspects(evidence).least_score == ("the score of best F1 of its class (0.87); an object is seen from "
                                                   "0.87 on, which 95 % of true positives reach")
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
