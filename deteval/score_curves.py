"""Curves of one model: precision over recall, counts over score cuts, AP over IoU thresholds; per class and for all.

Score cuts stand on an even grid, so that one pass counts every class at every cut, and nothing is sorted for it.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.averages import average_precision
from deteval.measures import Ranked
from deteval.records.dataset import Categories, Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.numbers import position_of
from deteval.records.params import RECALL_POINTS

STEPS = 100
"""Steps of the grid of score cuts."""


class ScoreCurves(Struct, frozen=True):
    """What is drawn of a run, in the first area range at the largest cap.

    iou: the threshold at which counts over scores are taken. n_gt: ground truths that count, (classes,). cuts: from
    the lowest to the highest score shown, (101,). hits, misses: true and false positives with a score from each cut up
    to the next, (classes, cuts); the last holds those at the highest cut or above. precision: interpolated, at
    RECALL_POINTS, (classes, thresholds, 101), -1 for a class without ground truth. ap: over all classes, (thresholds,),
    and class_ap, (classes, thresholds), NaN where undefined.
    """

    iou: float
    thresholds: tuple[float, ...]
    categories: Categories
    n_gt: Ints
    cuts: Floats
    hits: Ints
    misses: Ints
    precision: Floats
    ap: Floats
    class_ap: Floats

    @property
    def best_cut(self) -> float:
        """The cut of the grid with the largest F1 of all classes pooled."""
        hits, rows = self.kept(self.hits.sum(axis=0)), self.kept((self.hits + self.misses).sum(axis=0))
        with np.errstate(invalid="ignore", divide="ignore"):
            score = 2.0 * hits / (rows + self.n_gt.sum())
        return float(self.cuts[int(np.argmax(np.nan_to_num(score)))])

    @staticmethod
    def kept(counts: Ints) -> Ints:
        """Counts of what has at least the score of each cut, from counts between cuts; along the last axis."""
        totals: Ints = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
        return totals


def score_curves(evidence: Evidence | Ranked, iou: float = 0.5, *, threads: int | None = None) -> ScoreCurves:
    """The curves of a run. iou: one of its thresholds; else the lowest is taken."""
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    evidence = ranked.evidence
    params = evidence.params
    position = position_of(iou, params.iou) or 0
    cuts, hits, misses = _count(evidence, position)
    block = ranked.precision([0], params.max_dets[-1], ranked.once)[0][0]
    averages = [average_precision(block[:, [t]]) for t in range(len(params.iou))]
    return ScoreCurves(
        iou=params.iou[position], thresholds=params.iou, categories=evidence.categories,
        n_gt=ranked.positives(0, ranked.once), cuts=cuts, hits=hits, misses=misses, precision=block,
        ap=np.array([value for value, _ in averages]), class_ap=np.array([classes for _, classes in averages]).T)


def _count(evidence: Evidence, threshold: int) -> tuple[Floats, Ints, Ints]:
    """The cuts, and true and false positives from each of them up to the next, per class."""
    word, bit = threshold >> 5, np.uint32(1 << (threshold & 31))
    scores = evidence.scores
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 1.0)
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    shares = np.arange(STEPS + 1) / STEPS
    cuts = np.maximum.accumulate(np.clip(low * (1.0 - shares) + high * shares, low, high))
    shape = (len(evidence.categories), len(cuts))
    place = _places(scores, cuts)
    place += evidence.category * np.int64(len(cuts))
    hit = (evidence.true_positive[:, 0, word] & bit) != 0
    miss = ((evidence.ignored[:, 0, word] & bit) == 0) & ~hit
    miss &= evidence.rank < evidence.params.max_dets[-1]

    def counted(rows: NDArray[np.bool_]) -> Ints:
        counts: Ints = np.bincount(place[rows], minlength=shape[0] * shape[1]).reshape(shape)
        return counts

    return cuts, counted(hit), counted(miss)


def _places(scores: Floats, cuts: Floats) -> Ints:
    """The last cut that each score reaches."""
    if cuts[0] != 0.0 or cuts[-1] != 1.0:
        return np.searchsorted(cuts, scores, side="right") - 1
    place = (scores * STEPS).astype(np.int64)  # right, or one beside it; several times as fast as the search
    place -= scores < cuts[place]
    place += (place < STEPS) & (scores >= cuts[np.minimum(place + 1, STEPS)])
    return place


def recall_points() -> tuple[float, ...]:
    """The recalls of the last axis of `ScoreCurves.precision`."""
    return tuple(RECALL_POINTS)
