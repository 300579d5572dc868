"""What every detection adds to the area under a precision-recall curve, and what became of objects, in obvious Python.

Written to be verified by eye against the formulae of docs/explain.md; nothing of deteval is imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Row:
    """A detection of one class: hit and ignored per threshold. model: 0 for the base, 1 for the new one."""

    model: int
    score: float
    image: int
    rank: int
    hit: tuple[bool, ...]
    ignored: tuple[bool, ...]

    @property
    def key(self):
        """What two rows that are alike share."""
        return (-self.score, self.image, self.rank, self.outcome)

    @property
    def outcome(self):
        """Bits as numbers, the last threshold first, so that more hits come before fewer."""
        return tuple(-sum(int(bit) << t for t, bit in enumerate(bits)) for bits in (self.hit, self.ignored))


def merged(rows: Sequence[Row]) -> list[Row]:
    """In the order in which both models are measured: by score, image, rank, outcomes, base before new."""
    return sorted(rows, key=lambda row: (*row.key, row.model))


def curve(hits: Sequence[bool], weights: Sequence[float]):
    """Interpolated precision of every true positive and the row whose precision that is, the last of those that are
    equal but for rounding, by row; None elsewhere."""
    true, kept, precision = 0.0, 0.0, []
    for hit, weight in zip(hits, weights, strict=True):
        true, kept = true + weight * hit, kept + weight
        precision.append(true / kept if hit else None)
    best = []
    for j, hit in enumerate(hits):
        later = [(precision[i], i) for i in range(j, len(hits)) if hits[i]]
        best.append(max((one for one in later if one[0] > max(later)[0] - 1e-12), key=itemgetter(1)) if hit else None)
    return best


def area(hits: Sequence[bool], weights: Sequence[float], positives: int) -> float:
    """The area under the interpolated curve that the 101 recall points sample, half a point at recall 0."""
    found = [(one[0], weight) for one, weight in zip(curve(hits, weights), weights, strict=True) if one is not None]
    if not found:
        return 0.0
    total = sum(precision * weight for precision, weight in found) + positives / 200 * found[0][0]
    return total / positives * 100 / 101


def derivatives(hits: Sequence[bool], weights: Sequence[float], positives: int) -> list[float]:
    """d area / d weight of every row, with the precision that each true positive has taken as it is."""
    best = curve(hits, weights)
    first = next((j for j, hit in enumerate(hits) if hit), None)
    kept = np.cumsum(weights)
    share: dict[int, float] = {}
    for j, one in enumerate(best):
        if one is not None:
            share[one[1]] = share.get(one[1], 0.0) + weights[j] + (positives / 200 if j == first else 0.0)
    values = []
    for q, hit in enumerate(hits):
        gain = sum(weight / kept[m] for m, weight in share.items() if m >= q)
        loss = sum(weight * best[m][0] / kept[m] for m, weight in share.items() if m >= q)
        values.append(((best[q][0] + gain if hit else 0.0) - loss) / positives * 100 / 101)
    return values


def attribution(rows: Sequence[Row], positives: int, thresholds: Sequence[int], nodes=None) -> dict[Row, list[float]]:
    """What each row adds to the difference, by threshold; several equal rows of a model stand for one another.

    nodes: (place, weight) of the integration over (0, 1); four of Gauss and Legendre by default.
    """
    if nodes is None:
        places, weights = np.polynomial.legendre.leggauss(4)
        nodes = list(zip((places + 1) / 2, weights / 2, strict=True))
    order = merged(rows)
    values = {row: [0.0] * len(thresholds) for row in order}
    assert len(values) == len(order)
    for lane, t in enumerate(thresholds):
        counted = [row for row in order if not row.ignored[t]]
        for place, weight in nodes:
            each = derivatives([row.hit[t] for row in counted], [place if row.model else 1 - place for row in counted],
                               positives)
            for row, value in zip(counted, each, strict=True):
                values[row][lane] += weight * (value if row.model else -value)
    return values


class Seen(NamedTuple):
    """One model at one threshold. found_by: detection by object. false: object of its own class and similarity, object
    of another class and similarity, score, by false positive; None where there is no object."""

    found_by: dict[int, int]
    false: dict[int, tuple]


def what_is_instead(mine: Seen, other: Seen, level: float, background: float) -> dict[int, tuple[str, int | None]]:
    """Of each object that only `mine` finds: what `other` has there, and the detection."""
    result: dict[int, tuple[str, int | None]] = {}
    for item in mine.found_by:
        if item in other.found_by:
            continue
        candidates = []
        for row, (same, same_similarity, another, another_similarity, score) in other.false.items():
            if another == item and another_similarity >= level:
                candidates.append((-score, 0, row, "another class"))
            if same == item and same_similarity >= background:
                candidates.append((-score, 1, row, "badly localised"))
        result[item] = (min(candidates)[3], min(candidates)[2]) if candidates else ("missed", None)
    return result
