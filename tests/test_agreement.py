"""What does not compare is refused with exit code 4, and the message names the part that differs."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

import deteval
from deteval.agreement import check_agreement
from deteval.errors import UNDECIDABLE
from deteval.loading.evidence_file import save_evidence
from deteval.runs import make_run

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"
TRUTH = json.loads((SAMPLE / "gt.json").read_text())
DETECTIONS = json.loads((SAMPLE / "preds.json").read_text())


def run(truth=TRUTH, detections=DETECTIONS, params=None, allow=()):
    """A run in memory, read with some allowances."""
    reading = deteval.Reading(allow=frozenset(allow))
    gt = deteval.load_ground_truth(truth, allow=reading.allow)
    return make_run(gt, deteval.load_detections(detections, gt, reading), params, reading={"allow": sorted(allow)})


def changed(section, place, **fields):
    """The ground truth with other fields in one record."""
    records = [dict(record) for record in TRUTH[section]]
    records[place] |= fields
    return {**TRUTH, section: records}


def message(base, new):
    with pytest.raises(deteval.DetevalError) as error:
        check_agreement(base, new)
    assert error.value.exit_code == UNDECIDABLE
    return str(error.value)


def test_equal_runs_agree():
    check_agreement(run(), run(detections=DETECTIONS[:-1]))


@pytest.mark.parametrize("params, reason", [
    ({"iou": ".5,.75"}, "iou is .5,.75, the base's is .5:.95:.05"),
    ({"max_dets": 10, "similarity": "giou"},
     "similarity is giou, the base's is iou; max_dets is 10, the base's is 1,10,100"),
    ({"min_score": 0.3}, "min_score is 0.3, the base's is not given"),
    ({"class_agnostic": True}, "class_agnostic is true, the base's is false"),
    ({"classes": ("dog",)}, "classes is dog, the base's is not given"),
])
def test_settings(params, reason):
    assert message(run(), run(params=deteval.Params(**params))) == \
        f"predictions does not compare with predictions: the settings differ: {reason}"


@pytest.mark.parametrize("truth, reason", [
    (changed("categories", 5, name="cat"), "the class lists differ: id 6 is 'cat', the base's is 'dog'"),
    ({**TRUTH, "categories": [*TRUTH["categories"], {"id": 7, "name": "cat"}]},
     "the class lists differ: 'cat', id 7, is not the base's"),
    ({**TRUTH, "images": [*TRUTH["images"], {"id": 99}]},
     "the images differ: 41 images, the base has 40; image 99 is not in the base"),
    ({**TRUTH, "annotations": TRUTH["annotations"][1:]}, "the ground truths differ: 196 objects, the base's has 197"),
    (changed("annotations", 0, iscrowd=1),
     "the ground truths differ: their images and classes are the same, their objects are not (fingerprint "),
    (changed("annotations", 0, bbox=[1, 2, 30, 40]), "the ground truths differ: their images and classes"),
])
def test_ground_truths(truth, reason):
    assert f"does not compare with predictions: {reason}" in message(run(), run(truth))


def test_what_only_the_base_has_is_named_too():
    more = run({**TRUTH, "images": [*TRUTH["images"], {"id": 99}]})
    assert "40 images, the base has 41; image 99 is in the base only" in message(more, run())
    more = run({**TRUTH, "categories": [*TRUTH["categories"], {"id": 7, "name": "cat"}]})
    assert "'cat', id 7, is the base's only" in message(more, run())


def test_evidence_in_memory_has_no_fingerprint():
    bare = replace(run(), fingerprint="")
    check_agreement(bare, run())
    assert "the class lists differ" in message(bare, run(changed("categories", 5, name="cat")))


def test_allowances():
    stray = {"image_id": 99, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
    dropped = run(detections=[*DETECTIONS, stray], allow=["unknown-image"])
    twice = run(detections=[*DETECTIONS, stray, stray], allow=["unknown-image"])
    check_agreement(dropped, twice)  # how many were dropped is each model's own
    check_agreement(dropped, run(allow=["unknown-image"]))  # nothing to drop here, but it would have been
    reason = ": the allowances differ: cases of unknown-image were allowed: dropped, only "
    assert message(run(), dropped).endswith(f"{reason}here")
    assert message(dropped, run()).endswith(f"{reason}in the base")


def test_the_command_exits_with_4(deteval_run, tmp_path):
    for name, truth in (("a", TRUTH), ("b", changed("annotations", 0, area=7.0))):
        save_evidence(tmp_path / f"{name}.npz", run(truth))
    outcome = deteval_run("compare", tmp_path / "a.npz", tmp_path / "b.npz")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.startswith(f"deteval: {tmp_path / 'b.npz'} does not compare with {tmp_path / 'a.npz'}: the "
                                  "ground truths differ")
