"""Curves of one model: precision over recall, counts over score cuts, AP over IoU thresholds; per class and for all.

Score cuts stand on an even grid, so that one pass counts every class at every cut, and nothing is sorted for it.
"""

import numpy as np
from msgspec import Struct

from deteval.averages import average_precision
from deteval.diagnosis.mending import Cell
from deteval.kernels import tallies
from deteval.measures import Ranked
from deteval.records.dataset import Categories, Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.numbers import position_of
from deteval.records.params import RECALL_POINTS
from deteval.threads import map_chunks

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
    cuts, hits, misses = _count(ranked, position)
    block = ranked.precision([0], params.max_dets[-1], ranked.once)[0][0]
    averages = [average_precision(block[:, [t]]) for t in range(len(params.iou))]
    return ScoreCurves(
        iou=params.iou[position], thresholds=params.iou, categories=evidence.categories,
        n_gt=ranked.positives(0, ranked.once), cuts=cuts, hits=hits, misses=misses, precision=block,
        ap=np.array([value for value, _ in averages]), class_ap=np.array([classes for _, classes in averages]).T)


def _count(ranked: Ranked, threshold: int) -> tuple[Floats, Ints, Ints]:
    """The cuts, and true and false positives from each of them up to the next, per class."""
    evidence, scores = ranked.evidence, ranked.evidence.scores
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 1.0)
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    shares = np.arange(STEPS + 1) / STEPS
    cuts = np.maximum.accumulate(np.clip(low * (1.0 - shares) + high * shares, low, high))
    scale = STEPS / (high - low) if high > low else 0.0
    scale = scale if np.isfinite(scale) else 0.0  # then cuts are searched one by one
    hits, misses = (np.zeros((len(evidence.categories), len(cuts)), np.int64) for _ in range(2))
    cell = Cell(ranked, threshold, 0)
    map_chunks(lambda chunk: tallies.count_by_score(
        *chunk, *cell.place, ranked.starts, evidence.rank, scores, *cell.bits, cuts, scale, hits.ravel(),
        misses.ravel()), ranked.chunks, ranked.threads)
    return cuts, hits, misses


def recall_points() -> tuple[float, ...]:
    """The recalls of the last axis of `ScoreCurves.precision`."""
    return tuple(RECALL_POINTS)
