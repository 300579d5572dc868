"""Draws with replacement, as one whole-number weight per image and replicate."""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deteval.errors import usage_error
from deteval.kernels.lanes import LANES
from deteval.records.dataset import Ints
from deteval.records.resampling import FEW_CLUSTERS, LEAST_UNITS, Units


def draw_weights(units: Units, images: int, replicates: int, seed: int, *, first_block: int = 0) -> NDArray[Any]:
    """How often every image counts in every replicate, shape (blocks, images, LANES).

    A replicate draws `units.count` units with replacement: multinomial counts, each image with that of its unit. There
    are ceil(replicates / LANES) blocks. uint8 where the largest count fits, else uint16: `images` bytes per replicate,
    and 24 bytes per unit and lane of scratch.

    Block b takes its numbers from PCG64 seeded by SeedSequence(seed, spawn_key=(b,)), so that it depends neither on how
    many blocks are drawn nor on which come before: `first_block` starts further on. Units are read off the raw 64-bit
    words, whose stream numpy keeps: the same bits on every machine and under every version.
    """
    blocks = -(-replicates // LANES)
    weights: NDArray[Any] = np.zeros((blocks, images, LANES), np.uint8)
    if units.count == 0 or images == 0:
        return weights
    for block in range(blocks):
        counts = _draw_block(units.count, seed, first_block + block)
        if weights.dtype == np.uint8 and counts.max() > 255:
            weights = weights.astype(np.uint16)
        weights[block] = counts if units.cluster is None else counts[units.cluster]
    return weights


def _draw_block(units: int, seed: int, block: int) -> Ints:
    """How often each unit is drawn in each lane of a block, shape (units, LANES)."""
    words = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(block,))).random_raw(units * LANES)
    drawn = ((words >> np.uint64(11)) * (2.0**-53 * units)).astype(np.int64)  # uniform: 53 bits are exact in float64
    np.minimum(drawn, units - 1, out=drawn)
    drawn *= LANES
    drawn.reshape(units, LANES)[:] += np.arange(LANES)
    return np.bincount(drawn, minlength=units * LANES).reshape(units, LANES)


def cluster_units(values: Sequence[Any], name: str, ids: Sequence[Any] | None = None) -> Units:
    """Clusters of images with equal values, in the order of their first image.

    values: one per image. name: the field or file they come from. ids: what messages call the images, their positions
    by default. Errors: `DetevalError` (usage) for an image without a value, or whose value names no cluster.
    """
    places: dict[Any, int] = {}
    cluster = np.empty(len(values), np.int32)
    for image, value in enumerate(values):
        if value is None or (isinstance(value, float) and math.isnan(value)) or not isinstance(value, Hashable):
            label = f"image {ids[image]!r}" if ids is not None else f"the image at position {image}"
            what = "has no value" if value is None else f"{value!r} cannot name a cluster"
            raise usage_error(f"cluster-by {name}: {label}: {what}; every image needs one text or number")
        cluster[image] = places.setdefault((isinstance(value, str), value), len(places))
    return Units(len(places), cluster, f"clusters of {name}")


def image_units(images: int) -> Units:
    """Every image is drawn on its own."""
    return Units(images)


def cluster_warning(units: Units) -> str:
    """What to say where clusters are few, "" elsewhere."""
    if units.cluster is None or units.count >= FEW_CLUSTERS:
        return ""
    if units.count < LEAST_UNITS:
        return (f"{units.name}: only {units.count} of them, and fewer than {LEAST_UNITS} carry no verdict; collect "
                "more of them, or test without clusters only if the images are independent")
    return (f"{units.name}: only {units.count} of them, below {FEW_CLUSTERS} intervals are rough; read verdicts near "
            "their limit with care")
