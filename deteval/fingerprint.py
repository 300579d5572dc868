"""A hash of what a ground truth says, to tell whether two runs were scored on the same one."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deteval.grouping import counting_order
from deteval.records.dataset import GroundTruth, Images, Ints
from deteval.threads import available_threads, map_chunks

COLUMNS = ("boxes", "area", "image", "category", "is_crowd", "ignore")
DIGEST_BYTES = 8


def fingerprint(ground_truth: GroundTruth, images: Images | None = None, threads: int | None = None) -> str:
    """A hash of the ground-truth columns, not of the file's bytes: equal for equal content, whatever its layout.

    images: hash these only.
    """
    order = _by_image_and_category(ground_truth)
    if images is not None and len(images) < len(ground_truth.images):
        order = order[np.isin(ground_truth.images.ids[ground_truth.image[order]], images.ids)]
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for ids in ((images or ground_truth.images).ids, ground_truth.categories.ids):
        digest.update(repr(ids.tolist()).encode())
    digest.update(repr(ground_truth.categories.names).encode())
    columns = [getattr(ground_truth, name) for name in COLUMNS]
    for part in map_chunks(lambda column: _digest(column, order), columns, threads or available_threads()):
        digest.update(part)
    return digest.hexdigest()


def _digest(column: NDArray[Any], order: Ints) -> bytes:
    return hashlib.blake2b(np.take(column, order, axis=0).tobytes(), digest_size=2 * DIGEST_BYTES).digest()


def _by_image_and_category(ground_truth: GroundTruth) -> Ints:
    """Rows by image, then category, then file order."""
    by_category = counting_order(ground_truth.category, len(ground_truth.categories))[0]
    return counting_order(ground_truth.image, len(ground_truth.images), by_category)[0]
