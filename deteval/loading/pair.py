"""A ground truth and predictions on it, read together so that everything wrong with either is said at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from deteval.errors import usage_error
from deteval.loading.detections import Source, read_detections, undecodable
from deteval.loading.ground_truth import read_ground_truth
from deteval.loading.source import STDIN
from deteval.records.dataset import Detections, GroundTruth
from deteval.records.findings import Finding, raise_errors
from deteval.records.reading import Reading


class Pair(Struct, frozen=True):
    """What could be read of both sides, and all findings."""

    ground_truth: GroundTruth | None
    detections: Detections | None
    findings: tuple[Finding, ...]


def read_pair(predictions: Source, ground_truth: str | Path | Mapping[str, Any], reading: Reading,
              threads: int | None = None, image_fields: bool = False) -> Pair:
    """Both sides with their findings; without a ground truth predictions are looked at by themselves.

    image_fields: keep the other fields of the image records, for slices and clusters.
    """
    named = [predictions] if isinstance(predictions, str) else predictions
    if str(ground_truth) == STDIN and isinstance(named, (list, tuple)) and STDIN in map(str, named):
        raise usage_error("stdin (-) can be read only once")
    truth, findings = read_ground_truth(ground_truth, allow=reading.allow, threads=threads, image_fields=image_fields)
    if truth is None:
        swapped = any(finding.code == "looks-swapped" for finding in findings)
        return Pair(None, None, findings if swapped else (*findings, *undecodable(predictions, reading)))
    detections, more = read_detections(predictions, truth, reading, threads)
    return Pair(truth, detections, (*findings, *more))


def load_pair(
    predictions: Source, ground_truth: str | Path | Mapping[str, Any], reading: Reading,
    threads: int | None = None, image_fields: bool = False
) -> tuple[GroundTruth, Detections]:
    """Both sides; `DetevalError` (input) that lists every error-level finding of either."""
    pair = read_pair(predictions, ground_truth, reading, threads, image_fields)
    raise_errors(pair.findings)
    assert pair.ground_truth is not None  # nothing to return is always an error-level finding
    assert pair.detections is not None
    return pair.ground_truth, pair.detections
