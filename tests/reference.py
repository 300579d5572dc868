"""pycocotools on a data set: the numbers that deteval must reproduce bit for bit.

Ids are renumbered first. Annotation ids become 1..N, because the reference takes a match with id 0 for no
match; image and category ids become their positions 1..I and 1..K in ascending order (numeric for integers,
by code point for strings), which is the order the reference would visit them in.
"""

import contextlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import COCO_AREAS, COCO_IOU, COCO_MAX_DETS, DataSet
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Record = dict[str, Any]

COCO_SETTINGS: Record = {
    "iou": COCO_IOU,
    "areas": COCO_AREAS,
    "max_dets": COCO_MAX_DETS,
    "class_agnostic": False,
}


@dataclass(frozen=True)
class Reference:
    """Arrays over T thresholds, R recall points, K classes, A areas, M caps; -1 where undefined."""

    precision: NDArray[np.float64]  # (T, R, K, A, M)
    recall: NDArray[np.float64]  # (T, K, A, M)
    scores: NDArray[np.float64]  # (T, R, K, A, M)
    stats: NDArray[np.float64] | None  # the twelve numbers, under COCO's thresholds, areas and caps only


def reference(dataset: DataSet) -> Reference:
    """What pycocotools makes of this data set under its settings."""
    return run_reference(dataset.ground_truth, dataset.detections, dataset.settings)


def run_reference(
    ground_truth: Record, detections: list[Record], settings: Record = COCO_SETTINGS
) -> Reference:
    """What pycocotools makes of a COCO ground truth and results list, neither of which is changed."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco_gt, coco_dt = as_coco(ground_truth, detections)
        run = COCOeval(coco_gt, coco_dt, "bbox")
        run.params.iouThrs = np.array(settings["iou"], dtype=np.float64)
        run.params.areaRng = [[low, high] for _, low, high in settings["areas"]]
        run.params.areaRngLbl = [name for name, _, _ in settings["areas"]]
        run.params.maxDets = list(settings["max_dets"])
        run.params.useCats = 0 if settings["class_agnostic"] else 1
        run.evaluate()
        run.accumulate()
        stats = None
        if all(tuple(settings[key]) == COCO_SETTINGS[key] for key in ("iou", "areas", "max_dets")):
            run.summarize()
            stats = np.array(run.stats)
    return Reference(run.eval["precision"], run.eval["recall"], run.eval["scores"], stats)


def as_coco(ground_truth: Record, detections: list[Record]) -> tuple[COCO, COCO]:
    """Both sides as pycocotools objects, renumbered, holding only the fields that the box evaluation reads.

    `loadRes` raises on an empty list, so that an empty detection side is built by hand: the evaluation itself
    then gives recall 0 and precision 0 wherever there is ground truth.
    """
    images = positions(ground_truth["images"])
    categories = positions(ground_truth["categories"])
    coco_gt = COCO()
    coco_gt.dataset = {
        "images": [{"id": position} for position in images.values()],
        "categories": [{"id": position} for position in categories.values()],
        "annotations": [
            {
                "id": number,
                "image_id": images[annotation["image_id"]],
                "category_id": categories[annotation["category_id"]],
                "bbox": annotation["bbox"],
                "area": annotation.get("area", float(annotation["bbox"][2]) * float(annotation["bbox"][3])),
                "iscrowd": int(annotation.get("iscrowd", 0)),
            }
            for number, annotation in enumerate(ground_truth["annotations"], start=1)
        ],
    }
    coco_gt.createIndex()
    results = [
        {
            "image_id": images[detection["image_id"]],
            "category_id": categories[detection["category_id"]],
            "bbox": detection["bbox"],
            "score": detection["score"],
        }
        for detection in detections
    ]
    if results:
        return coco_gt, coco_gt.loadRes(results)
    coco_dt = COCO()
    coco_dt.dataset = {**coco_gt.dataset, "annotations": []}
    coco_dt.createIndex()
    return coco_gt, coco_dt


def positions(records: Iterable[Record]) -> dict[Any, int]:
    """The place of each record's id, from 1, in ascending order of the ids."""
    return {value: place for place, value in enumerate(sorted({record["id"] for record in records}), start=1)}
