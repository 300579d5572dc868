"""A second model for a random data set: some detections moved, rescored, dropped, doubled or given another class."""

import numpy as np

import deteval


def changed_detections(data, seed):
    """The detections of another model: a third of the images keep theirs."""
    rng = np.random.default_rng(seed)
    classes = [one["id"] for one in data.ground_truth["categories"]]
    kept = {one["id"] for one in data.ground_truth["images"] if rng.random() < 1 / 3}
    found = []
    for one in data.detections:
        one = dict(one)
        draw = rng.random()
        if one["image_id"] not in kept:
            if draw < 0.2:
                continue
            if draw < 0.4:
                one["score"] = float(rng.choice([0.1, 0.5, one["score"], rng.random()]))
            elif draw < 0.6:
                x, y, width, height = one["bbox"]
                one["bbox"] = [x + 0.2 * width * rng.random(), y, width, height]
            elif draw < 0.7:
                one["category_id"] = classes[int(rng.integers(len(classes)))]
            elif draw < 0.8:
                found.append(dict(one))
        found.append(one)
    return found


def two_models(data, params, seed=0, detail=()):
    """Evidence of a data set's detections, and of changed ones."""
    gt = deteval.load_ground_truth(data.ground_truth)
    return [deteval.match(gt, deteval.load_detections(found, gt), params, detail=detail)
            for found in (data.detections, changed_detections(data, seed))]
