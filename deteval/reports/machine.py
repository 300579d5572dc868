"""Scores for programs: JSON, CSV and the twelve lines of pycocotools, all at the precision they were computed in."""

import csv
import io
import json
from typing import Any

from deteval.errors import usage_error
from deteval.records.metric import COCO_METRICS
from deteval.records.params import COCO_IOU, COCO_MAX_DETS, has_coco_cells, signature
from deteval.records.scores import Scores


def render_json(document: dict[str, Any]) -> str:
    """A strict JSON document: undefined is null, never NaN."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_csv(scores: Scores) -> str:
    """One value a row: section (run, finding, metric, total, class), class_id, class, name, value; an undefined value
    is empty.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["section", "class_id", "class", "name", "value"])
    writer.writerow(["run", "", "", "signature", signature(scores.params)])
    writer.writerow(["run", "", "", "fingerprint", scores.fingerprint])
    writer.writerow(["run", "", "", "comparable_to_coco", str(scores.comparable_to_coco).lower()])
    for reason in scores.not_comparable:
        writer.writerow(["run", "", "", "not_comparable", reason])
    for finding in scores.findings:
        writer.writerow(["finding", "", "", finding.code, finding.count])
    for name, value in scores.metrics.items():
        writer.writerow(["metric", "", "", name, "" if value is None else repr(value)])
    for name, number in scores.totals.items():
        writer.writerow(["total", "", "", name, number])
    for one in scores.classes:
        counts = {"n_gt": one.n_gt, "n_images": one.n_images, "n_det": one.n_det,
                  "true_positives": one.true_positives, "false_positives": one.false_positives,
                  "false_negatives": one.false_negatives}
        for name, value in (counts | one.values).items():
            writer.writerow(["class", one.id, one.name, name, "" if value is None else repr(value)])
    return stream.getvalue()


def check_coco_format(scores_params: Any) -> None:
    """Refuse (usage) the twelve lines under settings that they do not exist for."""
    if not has_coco_cells(scores_params):
        raise usage_error("format coco prints the twelve COCO numbers, which exist under COCO's thresholds, areas and "
                          "caps only; use --format table or json")


def render_coco(scores: Scores) -> str:
    """The twelve lines exactly as pycocotools prints them; -1.000 where undefined (cocoeval.py, summarize)."""
    lines = []
    for name, metric in COCO_METRICS.items():
        title, short = ("Average Precision", "(AP)") if metric.kind == "AP" else ("Average Recall", "(AR)")
        iou = f"{metric.iou[0]:0.2f}" if metric.iou else f"{COCO_IOU[0]:0.2f}:{COCO_IOU[-1]:0.2f}"
        value = scores.metrics[name]
        lines.append(f" {title:<18} {short} @[ IoU={iou:<9} | area={metric.area or 'all':>6s} | "
                     f"maxDets={metric.max_dets or COCO_MAX_DETS[-1]:>3d} ] = {-1.0 if value is None else value:0.3f}")
    return "\n".join(lines) + "\n"
