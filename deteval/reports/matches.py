"""One line of JSON per detection and per missed object, for a viewer or a notebook."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from deteval.records.dataset import Detections, GroundTruth
from deteval.records.evidence import Detail, Evidence
from deteval.reports.writer import write_file


def write_matches(path: str, evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> None:
    """Write the lines to a file, whole or not at all."""
    write_file(path, match_lines(evidence, ground_truth, detections))


def match_lines(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> Iterator[str]:
    """Lines by image id, detections before missed objects, at the one threshold of the detail table."""
    detail = evidence.detail
    assert detail is not None  # the caller asked match() for it
    writer = _Lines(evidence, detail, ground_truth, detections)
    by_image = np.argsort(evidence.image, kind="stable")
    missed = np.flatnonzero(~writer.found & ~evidence.gt_ignored[:, 0])
    missed = missed[np.argsort(evidence.gt_image[missed], kind="stable")]
    place = 0
    for row in by_image.tolist():
        while place < len(missed) and evidence.gt_image[missed[place]] < evidence.image[row]:
            yield writer.missed(int(missed[place]))
            place += 1
        yield writer.detection(row)
    for row in missed[place:].tolist():
        yield writer.missed(row)


class _Lines:
    """Rows of evidence as lines of JSON."""

    def __init__(self, evidence: Evidence, detail: Detail, ground_truth: GroundTruth, detections: Detections) -> None:
        self.evidence, self.detail = evidence, detail
        self.boxes = _by_row(detections.row, detections.boxes)
        self.gt_boxes = _by_row(ground_truth.row, ground_truth.boxes)
        self.gt_category = _by_row(ground_truth.row, ground_truth.category)
        self.gt_ids = None if ground_truth.annotation_ids is None else _by_row(ground_truth.row,
                                                                               ground_truth.annotation_ids)
        self.category = _by_row(detections.row, detections.category)
        self.categories = ground_truth.categories
        self.files = [one.path for one in detections.inputs]
        self.first_rows = np.array(detections.first_rows)
        threshold = detail.thresholds[0]
        self.word, self.bit = threshold >> 5, np.uint32(threshold & 31)
        self.found = self._bits(evidence.found)

    def _bits(self, words: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
        bits: np.ndarray[Any, np.dtype[np.bool_]] = (words[:, 0, self.word] >> self.bit) & 1 == 1
        return bits

    def detection(self, row: int) -> str:
        """A detection: what it was matched with, and what it overlaps most."""
        evidence, detail = self.evidence, self.detail
        taken = int(detail.taken[row, 0])
        shard = int(np.searchsorted(self.first_rows, evidence.row[row], side="right")) - 1
        record = {
            "kind": "detection", **self._image(int(evidence.image[row])),
            "class": self._class(self.category[evidence.row[row]]), "score": float(evidence.scores[row]),
            "box": self.boxes[evidence.row[row]].tolist(), "verdict": self._verdict(row),
            "similarity": None if taken < 0 else float(detail.similarity[row, 0]),
            "ground_truth": None if taken < 0 else self._truth(int(evidence.gt_row[taken])),
            "best_same_class": self._best(detail.best_same[row], detail.best_same_similarity[row]),
            "best_other_class": self._best(detail.best_other[row], detail.best_other_similarity[row]),
            "index": int(evidence.row[row] - self.first_rows[shard]),
        }
        if len(self.files) > 1:
            record["file"] = self.files[shard]
        return _line(record)

    def missed(self, row: int) -> str:
        """A ground truth that counts and that no detection found."""
        evidence = self.evidence
        index = int(evidence.gt_row[row])
        return _line({"kind": "missed", **self._image(int(evidence.gt_image[row])),
                      "class": self._class(self.gt_category[index]), "score": None,
                      "box": self.gt_boxes[index].tolist(), "verdict": "missed",
                      "ground_truth": self._truth(index)})

    def _image(self, image: int) -> dict[str, Any]:
        key = self.evidence.images.ids[image]
        return {"image_id": key if isinstance(key, str) else int(key),
                "file_name": self.evidence.images.file_names[image]}

    def _class(self, category: int) -> str:
        return self.categories.names[int(category)]

    def _best(self, row: int, similarity: float) -> dict[str, Any] | None:
        if row < 0:
            return None
        index = int(self.evidence.gt_row[row])
        return {**self._truth(index), "class": self._class(self.gt_category[index]), "similarity": float(similarity)}

    def _truth(self, index: int) -> dict[str, Any]:
        """A ground truth by its place in the file, and by its annotation id where those are whole numbers."""
        return {"index": index, "id": None if self.gt_ids is None else int(self.gt_ids[index])}

    def _verdict(self, row: int) -> str:
        evidence = self.evidence
        if evidence.rank[row] >= evidence.params.max_dets[-1]:
            return "beyond the cap"
        if (evidence.true_positive[row, 0, self.word] >> self.bit) & 1:
            return "true positive"
        return "ignored" if (evidence.ignored[row, 0, self.word] >> self.bit) & 1 else "false positive"


def _by_row(row: Any, column: Any) -> Any:
    """A column laid out by index in the file."""
    out = np.zeros((int(row.max(initial=-1)) + 1, *column.shape[1:]), column.dtype)
    out[row] = column
    return out


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
