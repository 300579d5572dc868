"""What is drawn and how often, and what it says about the difference of two models (docs/statistics.md)."""

import math
import operator

from msgspec import Struct
from msgspec.structs import force_setattr

from deteval.errors import nearest, usage_error
from deteval.records.dataset import Positions

CORRECTIONS = ("max-t", "none")
LEAST_REPLICATES, MOST_REPLICATES = 100, 1_000_000
LEAST_ALPHA = 1e-6
LEAST_UNITS = 10
"""Fewer images, images that hold a class, or clusters than this: an interval misleads, and there is no verdict."""
FEW_CLUSTERS = 30
"""Fewer clusters than this: a verdict comes with a warning."""
NO_RESAMPLING = "no resampling: nothing is said about chance"
"""Why a difference that was not resampled has no interval."""


class Resampling(Struct, frozen=True):
    """How differences are tested. A wrong value raises `DetevalError` (usage).

    replicates: how often images are drawn. seed: where the draw begins; the same seed, the same numbers. alpha: the
    chance of calling equal models different; intervals are at level 1 - alpha. correct: how the classes of a family
    share alpha, "max-t" or "none". cluster_by: what whole groups of images are drawn by; None: single images.
    """

    replicates: int = 2000
    seed: int = 1
    alpha: float = 0.05
    correct: str = "max-t"
    cluster_by: str | None = None

    def __post_init__(self) -> None:
        for name, low, high in (("replicates", LEAST_REPLICATES, MOST_REPLICATES), ("seed", 0, 2**63 - 1)):
            force_setattr(self, name, checked_whole(name, getattr(self, name), low, high))
        if isinstance(self.alpha, bool) or not isinstance(self.alpha, (int, float)) or not 0 < self.alpha < 0.5:
            raise usage_error(f"alpha: {self.alpha!r} is not between 0 and 0.5; 0.05 gives 95 % intervals")
        if self.alpha < LEAST_ALPHA:
            raise usage_error(f"alpha: {self.alpha!r} is below {LEAST_ALPHA:f}, for which no number of replicates is "
                              "enough")
        if self.alpha * (self.replicates + 1) < 2:
            raise usage_error(f"replicates: {self.replicates} are too few for alpha {self.alpha:g}; at least "
                              f"{math.ceil(2 / self.alpha)} are needed")
        if self.correct not in CORRECTIONS:
            raise usage_error(f"correct: {self.correct!r} is not one of {', '.join(CORRECTIONS)}"
                              f"{nearest(str(self.correct), list(CORRECTIONS))}")


def checked_whole(name: str, value: object, low: int, high: int) -> int:
    """The number, if it is a whole one from low to high; `DetevalError` (usage) otherwise."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = low - 1
    if isinstance(value, bool) or not low <= number <= high:
        raise usage_error(f"{name}: {value!r} is not a whole number from {low:,} to {high:,}")
    return number


class Units(Struct, frozen=True):
    """What is drawn: images, or clusters of them.

    count: how many there are. cluster: the cluster position of every image, int32; None: every image is its own.
    name: "images", or "clusters of <field>".
    """

    count: int
    cluster: Positions | None = None
    name: str = "images"


class Estimate(Struct, frozen=True):
    """What is known of the difference new - base of one metric, on the metric's own scale of 0 to 1.

    base, new, difference: the exact values; None: undefined. low, high: the interval of the difference (simultaneous
    for a class in a max-T family). p_value: the smallest alpha whose interval excludes 0. standard_error: of the
    difference. detectable: the drop shown with 80 % probability. units: the independent units behind it: images,
    images that hold the class, or clusters. differs: a difference is proven (in a family: after correction); None: no
    verdict. identical: the difference is exactly 0, in every replicate too. reason: why there is no interval or
    verdict; "" otherwise.
    """

    metric: str
    base: float | None
    new: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    standard_error: float | None
    detectable: float | None
    units: int
    differs: bool | None
    identical: bool
    reason: str


class ClassEstimate(Struct, frozen=True):
    """The estimate of one class; n_gt, n_images: its ground truths and their images in the metric's area range."""

    id: int | str
    name: str
    n_gt: int
    n_images: int
    estimate: Estimate
