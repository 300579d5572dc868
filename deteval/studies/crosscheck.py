"""deteval against pycocotools on the same columns, every cell of precision, recall and scores."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from deteval.errors import usage_error
from deteval.evaluation import match
from deteval.grouping import above_cuts
from deteval.measures import measure, precision_arrays
from deteval.records.categories import select_categories
from deteval.records.dataset import Detections, Floats, GroundTruth, Ints
from deteval.records.evidence import Evidence
from deteval.records.metric import default_metrics
from deteval.records.params import RECALL_POINTS, Params, has_coco_cells

ARRAYS = ("precision", "recall", "scores")


class DifferingCell(Struct, frozen=True):
    """The first cell in which both programs differ; recall_point is None for an array that has none."""

    array: str
    category: str
    iou: float
    recall_point: float | None
    area: str
    max_dets: int
    deteval: float
    reference: float


class Crosscheck(Struct, frozen=True):
    """The comparison of all cells. stats: the twelve numbers, under COCO's thresholds, areas and caps only.

    original_stats: the reference's numbers on the annotation ids of the file, where those hold a 0 or repeat and the
    reference therefore differs from itself on renumbered ids.
    """

    cells: int
    largest_difference: float
    differing: int
    first: DifferingCell | None
    n_images: int
    stats: dict[str, float] | None
    reference_stats: dict[str, float] | None
    original_stats: dict[str, float] | None

    @property
    def equal(self) -> bool:
        """Whether every cell is equal bit for bit."""
        return self.differing == 0


def check_expressible(params: Params) -> None:
    """Refuse (usage) settings that the reference cannot express."""
    reasons = []
    if params.similarity != "iou":
        reasons.append(f"similarity {params.similarity}: it knows IoU only")
    if params.honour_ignore:
        reasons.append("honour_ignore: it overwrites ignore by iscrowd")
    if reasons:
        raise usage_error("crosscheck: pycocotools cannot express " + "; ".join(reasons))


def sample_images(n_images: int, size: int, seed: int = 0) -> Ints:
    """Positions of a seeded random subset of the images."""
    return np.sort(np.random.default_rng(seed).choice(n_images, min(size, n_images), replace=False))


def crosscheck(ground_truth: GroundTruth, detections: Detections, params: Params | None = None, *,
               images: Sequence[int] | Ints | None = None, threads: int | None = None) -> Crosscheck:
    """Score the same images with both programs and compare. Errors: `check_expressible`."""
    params = params or Params()
    check_expressible(params)
    evidence = match(ground_truth, detections, params, images=images, threads=threads)
    return compare_with_reference(evidence, ground_truth, detections, threads=threads)


def compare_with_reference(evidence: Evidence, ground_truth: GroundTruth, detections: Detections, *,
                           threads: int | None = None) -> Crosscheck:
    """Compare the arrays of an evidence with those of pycocotools on the columns it was matched from."""
    check_expressible(evidence.params)
    columns = _columns(evidence, ground_truth, detections)
    theirs, their_stats = run_reference(evidence.params, columns, np.arange(1, len(ground_truth) + 1))
    ours = precision_arrays(evidence, threads)
    original = None
    ids = ground_truth.annotation_ids
    if their_stats is not None and ids is not None and (0 in ids or len(np.unique(ids)) < len(ids)):
        original = run_reference(evidence.params, columns, ids)[1]
    stats = None
    if their_stats is not None:
        metrics = default_metrics(evidence.params)
        values = measure(metrics, evidence, threads=threads).values
        stats = {str(metric): -1.0 if np.isnan(value) else float(value)
                 for metric, value in zip(metrics, values, strict=True)}
    return _compare(evidence, ours, theirs, stats, their_stats, original)


def _compare(evidence: Evidence, ours: Sequence[Floats], theirs: Sequence[Floats], stats: dict[str, float] | None,
             their_stats: dict[str, float] | None, original: dict[str, float] | None) -> Crosscheck:
    largest, differing, first = 0.0, 0, None
    for name, mine, reference in zip(ARRAYS, ours, theirs, strict=True):
        unequal = mine != reference
        if unequal.any():
            differing += int(unequal.sum())
            largest = max(largest, float(np.abs(mine - reference).max()))
            first = first or _cell(evidence, name, mine, reference, np.argwhere(unequal)[0])
    if stats != their_stats and first is None and stats is not None and their_stats is not None:
        name = next(name for name in stats if stats[name] != their_stats[name])
        differing, largest = 1, abs(stats[name] - their_stats[name])
        params = evidence.params
        first = DifferingCell(name, "all classes", params.iou[0], None, params.areas[0].name, params.max_dets[-1],
                              stats[name], their_stats[name])
    return Crosscheck(sum(mine.size for mine in ours), largest, differing, first, len(evidence.images), stats,
                      their_stats, original)


def _cell(evidence: Evidence, name: str, ours: Floats, theirs: Floats, index: Ints) -> DifferingCell:
    """The cell at [T, R, K, A, M], or [T, K, A, M] for recall."""
    place = tuple(int(i) for i in index)
    threshold, *point, category, area, cap = place
    params = evidence.params
    return DifferingCell(
        array=name, category=evidence.categories.names[category], iou=params.iou[threshold],
        recall_point=RECALL_POINTS[point[0]] if point else None, area=params.areas[area].name,
        max_dets=params.max_dets[cap], deteval=float(ours[place]), reference=float(theirs[place]),
    )


class _Columns(Struct, frozen=True):
    """Both sides as the evidence saw them, images and classes as positions from 0."""

    ground_truth: GroundTruth
    detections: Detections
    truth_rows: Ints
    found_rows: Ints
    image_position: Ints
    category_position: Ints


def _columns(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> _Columns:
    is_covered = np.isin(ground_truth.images.ids, evidence.images.ids)
    category = select_categories(ground_truth.categories, evidence.params)[1].astype(np.int64)
    if evidence.params.class_agnostic:  # the reference joins classes in ascending order by itself
        category = np.where(category >= 0, np.arange(len(category)), -1)
    kept = is_covered[detections.image] & (category[detections.category] >= 0)
    above = above_cuts(detections, evidence.params, category >= 0)
    if above is not None:
        kept &= above
    if evidence.params.nms is not None:  # what was suppressed does not exist
        kept &= np.isin(detections.row, evidence.row)
    truth = is_covered[ground_truth.image] & (category[ground_truth.category] >= 0)
    return _Columns(ground_truth, detections, np.flatnonzero(truth), np.flatnonzero(kept),
                    np.where(is_covered, np.cumsum(is_covered) - 1, -1), category)


def run_reference(params: Params, columns: _Columns, annotation_ids: Ints,
                  ) -> tuple[tuple[Floats, Floats, Floats], dict[str, float] | None]:
    """pycocotools' arrays, and its twelve numbers where they exist, with these ids for the annotations."""
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(*_coco_objects(params, columns, annotation_ids), "bbox")
        run.params.iouThrs = np.array(params.iou)
        run.params.maxDets = list(params.max_dets)
        run.params.areaRng = [[area.low, area.high] for area in params.areas]
        run.params.areaRngLbl = [area.name for area in params.areas]
        run.params.useCats = 0 if params.class_agnostic else 1
        run.evaluate()
        run.accumulate()
        stats = None
        if has_coco_cells(params):
            run.summarize()
            names = [str(metric) for metric in default_metrics(params)]
            stats = dict(zip(names, map(float, run.stats), strict=True))
    return (run.eval["precision"], run.eval["recall"], run.eval["scores"]), stats


def _coco_objects(params: Params, columns: _Columns, annotation_ids: Ints) -> tuple[COCO, COCO]:
    """Both sides as the reference holds them in memory."""
    truth, found = columns.ground_truth, columns.detections
    images = [{"id": position} for position in columns.image_position.tolist() if position >= 0]
    categories = [{"id": position} for position in np.unique(columns.category_position).tolist() if position >= 0]
    boxes = truth.boxes[columns.truth_rows]
    area = boxes[:, 2] * boxes[:, 3] if params.area_source == "box" else truth.area[columns.truth_rows]
    annotations = _records(columns, truth, columns.truth_rows, annotation_ids[columns.truth_rows], area)
    for record, crowd in zip(annotations, truth.is_crowd[columns.truth_rows].tolist(), strict=True):
        record["iscrowd"] = int(crowd)
    boxes = found.boxes[columns.found_rows]
    results = _records(columns, found, columns.found_rows, np.arange(1, len(boxes) + 1), boxes[:, 2] * boxes[:, 3])
    for record, score in zip(results, found.scores[columns.found_rows].tolist(), strict=True):
        record |= {"score": score, "iscrowd": 0}
    sides = COCO(), COCO()
    for side, records in zip(sides, (annotations, results), strict=True):
        side.dataset = {"images": images, "categories": categories, "annotations": records}
        side.createIndex()
    return sides


def _records(columns: _Columns, side: GroundTruth | Detections, rows: Ints, ids: Ints, area: Floats,
             ) -> list[dict[str, Any]]:
    """Boxes as records, in file order."""
    image = columns.image_position[side.image[rows]].tolist()
    category = columns.category_position[side.category[rows]].tolist()
    return [{"id": key, "image_id": i, "category_id": c, "bbox": box, "area": a}
            for key, i, c, box, a in zip(ids.tolist(), image, category, side.boxes[rows].tolist(), area.tolist(),
                                         strict=True)]
