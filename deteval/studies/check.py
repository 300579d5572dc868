"""Everything there is to find in the input, by the path that a score takes."""

from collections.abc import Sequence

from deteval.loading.ground_truth import read_ground_truth
from deteval.loading.image_list import read_image_list
from deteval.loading.pair import read_pair
from deteval.records.findings import ERROR, Finding
from deteval.records.params import Params
from deteval.records.reading import Reading
from deteval.scoring import evaluate


def find(predictions: Sequence[str], ground_truth: str, params: Params, reading: Reading, *,
         images: str | None = None, threads: int | None = None) -> tuple[Finding, ...]:
    """All findings of predictions and ground truth, or of a ground truth alone if there are no predictions.

    images: a file that lists the images to look at.

    What shows only once boxes are matched (ties, caps, images without detections) is there if nothing stops a score.
    """
    if not predictions:
        return read_ground_truth(ground_truth, allow=reading.allow, threads=threads)[1]
    pair = read_pair(predictions, ground_truth, reading, threads)
    if pair.ground_truth is None or pair.detections is None:
        return pair.findings
    if any(finding.severity == ERROR for finding in pair.findings):
        return pair.findings
    chosen = read_image_list(images, pair.ground_truth.images) if images else None
    return evaluate(pair.ground_truth, pair.detections, params, images=chosen, threads=threads).findings
