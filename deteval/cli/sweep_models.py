"""The ground truth and the models of a sweep: all checked at the start, then read one at a time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from deteval.cli.sweep_request import SweepRequest
from deteval.loading.detections import read_detections
from deteval.loading.pair import read_pair
from deteval.loading.source import STDIN
from deteval.records.findings import raise_errors

if TYPE_CHECKING:
    from deteval.records.dataset import Detections, GroundTruth, Ints


def read_models(request: SweepRequest) -> "tuple[GroundTruth, dict[str, Callable[[], Detections]], Ints | None]":
    """The ground truth, a function per model that reads its detections, and positions of the images to score.

    Everything wrong with any file is said at once (`DetevalError`, input) rather than when its turn comes, perhaps
    hours later. For that all models are read here, but only the first, whose turn is next, is kept until its turn;
    the others are read again, so that few are in memory at a time. Stdin can be read only once and is kept, too.
    """
    reading, threads = request.settings.reading, request.threads
    (first, files), *others = request.predictions.items()
    pair = read_pair(files, request.ground_truth, reading, threads)
    findings, kept = list(pair.findings), {first: pair.detections}
    if pair.ground_truth is not None:
        for name, files in others:
            detections, more = read_detections(files, pair.ground_truth, reading, threads)
            findings += more
            if STDIN in files:
                kept[name] = detections
            del detections
    raise_errors(dict.fromkeys(findings))
    truth = pair.ground_truth
    assert truth is not None  # nothing to return is always an error-level finding
    del pair

    def reader(name: str) -> "Callable[[], Detections]":
        def read() -> "Detections":
            found = kept.pop(name, None)
            if found is None:
                found, _ = read_detections(request.predictions[name], truth, reading, threads)
            assert found is not None  # it was read without an error before
            return found

        return read

    images = None
    if request.images is not None:
        from deteval.loading.image_list import read_image_list

        images = read_image_list(request.images, truth.images)
    return truth, {name: reader(name) for name in request.predictions}, images
