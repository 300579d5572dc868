"""Error kinds against tidecv, the authors' own program: equal where both mean the same, and where they differ."""

import sys
from importlib import import_module
from importlib.util import find_spec
from unittest.mock import MagicMock

import numpy as np
import pytest
from shared_data import find_folder, find_pairs, load, needs_shared_data

import deteval
from deteval.diagnosis.error_kinds import error_kinds
from deteval.records.params import RECALL_POINTS, AreaRange, Params


def import_tidecv():
    """tidecv also draws and downloads; what it would do that with is not needed here, and stood in for if missing.

    In CI it is installed alone (`.ci/run`), without those half a gigabyte of packages.
    """
    if find_spec("tidecv") is None:
        pytest.skip("tidecv is not installed: pip install --no-deps tidecv", allow_module_level=True)
    missing = [name for name in ("cv2", "appdirs", "matplotlib", "pandas", "seaborn") if find_spec(name) is None]
    stands_in = {name: MagicMock() for name in missing}
    if "matplotlib" in missing:
        stands_in |= {"matplotlib.pyplot": MagicMock(), "matplotlib.lines": MagicMock()}
    sys.modules.update(stands_in)
    try:
        return import_module("tidecv")
    finally:  # what was imported for real stays: some modules cannot be loaded twice
        for name in stands_in:
            del sys.modules[name]


tidecv = import_tidecv()
SHORT = {"classification": "Cls", "localisation": "Loc", "both": "Both", "duplicate": "Dupe", "background": "Bkg",
         "missed": "Miss"}
PARAMS = Params(iou=(0.5, 0.75), areas=(AreaRange("all", 0.0, 1e10),), max_dets=(100,))


@pytest.fixture
def their_recall_points(monkeypatch):
    """tidecv reads precision at recalls of k / 100. The reference's `linspace` is an ulp higher at some, where a recall
    of exactly that misses it."""
    assert sum(point > k / 100 for k, point in enumerate(RECALL_POINTS)) == 10
    for module in ("measures", "diagnosis.mending"):
        monkeypatch.setattr(f"deteval.{module}.RECALL_POINTS", tuple(k / 100 for k in range(101)))


def draw(seed):
    """Ground truth and detections without crowds or equal scores: good boxes, loose ones, wrong classes, noise."""
    rng = np.random.default_rng(seed)
    n_images, n_classes = int(rng.integers(1, 12)), int(rng.integers(1, 5))
    annotations, detections = [], []
    for image in range(1, n_images + 1):
        for _ in range(int(rng.integers(0, 9))):
            box = [*rng.uniform(0, 200, 2), *rng.uniform(10, 120, 2)]
            category = int(rng.integers(1, n_classes + 1))
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": category, "bbox": box,
                                "area": box[2] * box[3], "iscrowd": 0})
            for _ in range(int(rng.integers(0, 4))):
                shift = rng.normal(0, rng.choice([0.03, 0.15, 0.4]), 4) * [box[2], box[3], box[2], box[3]]
                near = [*(np.array(box) + shift)[:2], *np.maximum((np.array(box) + shift)[2:], 1)]
                other = int(rng.integers(1, n_classes + 1)) if rng.random() < 0.3 else category
                detections.append({"image_id": image, "category_id": other, "bbox": near})
        for _ in range(int(rng.integers(0, 4))):
            detections.append({"image_id": image, "category_id": int(rng.integers(1, n_classes + 1)),
                               "bbox": [*rng.uniform(0, 200, 2), *rng.uniform(10, 120, 2)]})
    detections = [{**one, "bbox": [float(value) for value in one["bbox"]], "score": float(score)}
                  for one, score in zip(detections, rng.permutation(len(detections)) / 1000, strict=True)]
    return {"images": [{"id": image} for image in range(1, n_images + 1)], "annotations": annotations,
            "categories": [{"id": k, "name": f"class {k}"} for k in range(1, n_classes + 1)]}, detections


def run_tidecv(ground_truth, detections, iou):
    truth, found = tidecv.Data("gt"), tidecv.Data("dt")
    for image in ground_truth["images"]:
        truth.add_image(image["id"], str(image["id"]))
    for category in ground_truth["categories"]:
        truth.add_class(category["id"], category["name"])
    for one in ground_truth["annotations"]:
        add = truth.add_ignore_region if one["iscrowd"] else truth.add_ground_truth
        add(one["image_id"], one["category_id"], one["bbox"])
    for one in detections:
        found.add_detection(one["image_id"], one["category_id"], one["score"], one["bbox"])
    return tidecv.TIDE().evaluate(truth, found, pos_threshold=iou)


def run_ours(ground_truth, detections, iou):
    gt = deteval.load_ground_truth(ground_truth)
    return error_kinds(deteval.match(gt, deteval.load_detections(detections, gt), PARAMS, detail=(iou,)), iou)


def fixed(run, kind):
    """tidecv's curves by class once a kind is mended."""
    if kind == "false_positives":
        return run.fix_errors(transform=tidecv.FalsePositiveError.fix).objs
    if kind == "false_negatives":
        return run.fix_errors(false_neg_dict=run.false_negatives).objs
    return run.fix_errors(lambda error: error.short_name == SHORT[kind]).objs


def compare(ground_truth, detections, iou):
    """Counts are equal, and so are AP and costs of every class, as long as the class has ground truth. Returns both
    programs' outcome."""
    theirs, ours = run_tidecv(ground_truth, detections, iou), run_ours(ground_truth, detections, iou)
    counts = {error.short_name: count for error, count in theirs.count_errors().items()}
    assert {SHORT[kind]: one.count for kind, one in ours.whole.kinds.items()} == counts
    assert ours.whole.false_negatives.count == sum(map(len, theirs.false_negatives.values()))
    for part in ours.classes:
        if part.n_gt == 0:
            assert part.ap is None
            continue
        before = theirs.ap_data.objs[part.id].get_ap() / 100
        assert part.ap == pytest.approx(before, abs=1e-12)
        for kind in (*SHORT, "false_positives", "false_negatives"):
            cost = part.kinds[kind].cost if kind in SHORT else getattr(part, kind).cost
            curve = fixed(theirs, kind)[part.id]
            if curve.num_gt_positives == 0:
                assert cost is None
            else:
                assert cost == pytest.approx(max(0, curve.get_ap() / 100 - before), abs=1e-12), (part.id, kind)
    return theirs, ours


def compare_means(theirs, ours):
    """The means over all classes, on tidecv's scale, where every class keeps ground truth whatever is mended."""
    if any(part.n_gt == 0 or part.true_positives == 0 for part in ours.classes):
        return False
    assert ours.whole.ap * 100 == pytest.approx(theirs.ap, abs=1e-10)
    costs = {error.short_name: cost for error, cost in theirs.fix_main_errors().items()}
    assert {SHORT[kind]: one.cost * 100 for kind, one in ours.whole.kinds.items()} == pytest.approx(costs, abs=1e-10)
    special = {error.short_name: cost for error, cost in theirs.fix_special_errors().items()}
    assert {"FalsePos": ours.whole.false_positives.cost * 100,
            "FalseNeg": ours.whole.false_negatives.cost * 100} == pytest.approx(special, abs=1e-10)
    return True


@pytest.mark.usefixtures("their_recall_points")
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_equal_on_random_data(first):
    means = [compare_means(*compare(*draw(seed), iou)) for seed in range(first, first + 20) for iou in (0.5, 0.75)]
    assert sum(means) >= 15


@pytest.mark.usefixtures("their_recall_points")
@needs_shared_data
def test_equal_on_real_data():
    """COCO images without their crowds, scores told apart."""
    assert find_folder() is not None
    ground_truth, detections = load(next(pair for pair in find_pairs() if pair.name == "coco100_fakebbox"))
    annotations = [one for one in ground_truth["annotations"] if not one["iscrowd"]]
    ranks = np.argsort(np.argsort([-one["score"] for one in detections], kind="stable"))
    detections = [{**one, "score": float(1 - rank / len(ranks))} for one, rank in zip(detections, ranks, strict=True)]
    _, ours = compare({**ground_truth, "annotations": annotations}, detections, 0.5)
    assert sum(one.count for one in ours.whole.kinds.values()) > 100


def test_near_on_their_own_grid():
    """With the reference's recall points costs differ by what a few of 101 points weigh, if at all."""
    for seed in range(10):
        ground_truth, detections = draw(seed)
        theirs, ours = run_tidecv(ground_truth, detections, 0.5), run_ours(ground_truth, detections, 0.5)
        for part in ours.classes:
            if part.n_gt:
                assert part.ap == pytest.approx(theirs.ap_data.objs[part.id].get_ap() / 100, abs=10 / 101)


def test_classes_without_ground_truth_weigh_on_their_mean():
    """tidecv counts a class with detections and no object as an AP of 0, COCO and deteval leave it out."""
    ground_truth = {"images": [{"id": 1}], "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
                    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0.0, 0.0, 9.0, 9.0],
                                     "area": 81.0, "iscrowd": 0}]}
    detections = [{"image_id": 1, "category_id": 1, "bbox": [0.0, 0.0, 9.0, 9.0], "score": 0.9},
                  {"image_id": 1, "category_id": 2, "bbox": [50.0, 50.0, 9.0, 9.0], "score": 0.8}]
    theirs, ours = run_tidecv(ground_truth, detections, 0.5), run_ours(ground_truth, detections, 0.5)
    assert theirs.ap == pytest.approx(50)
    assert ours.whole.ap == pytest.approx(1)
    costs = {error.short_name: cost for error, cost in theirs.fix_main_errors().items()}
    assert costs["Bkg"] == pytest.approx(50)  # without its detection the class is gone, and the mean rises
    assert ours.whole.kinds["background"].cost == 0


def test_crowds():
    """What a crowd absorbs is no error here, for it costs no AP; tidecv counts it, and by its nearest object at that.

    The first detection is absorbed; tidecv calls it a localisation error of the person inside, and has it mend that
    object, which here is missed.
    """
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0.0, 0.0, 10.0, 10.0], "area": 100.0, "iscrowd": 0}
    crowd = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0.0, 0.0, 90.0, 90.0], "area": 8100.0, "iscrowd": 1}
    ground_truth = {"images": [{"id": 1}], "categories": [{"id": 1, "name": "person"}], "annotations": [person, crowd]}
    detections = [{"image_id": 1, "category_id": 1, "bbox": [0.0, 0.0, 10.0, 25.0], "score": 0.9}]
    theirs, ours = run_tidecv(ground_truth, detections, 0.5), run_ours(ground_truth, detections, 0.5)
    counts = {error.short_name: count for error, count in theirs.count_errors().items()}
    assert (counts["Loc"], counts["Miss"]) == (1, 0)
    assert (ours.whole.kinds["localisation"].count, ours.whole.kinds["missed"].count) == (0, 1)
    assert ours.whole.false_positives.count == 0
