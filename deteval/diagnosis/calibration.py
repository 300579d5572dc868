"""Whether scores mean what they say: reliability by score, and what precision a user may expect of a score.

Expected calibration error after Guo et al. 2017 (arXiv 1706.04599), with "correct" being a true positive.
"""

import math

import numpy as np
from msgspec import Struct

from deteval.errors import usage_error
from deteval.grouping import chunks_by_work
from deteval.kernels import tallies
from deteval.measures import Ranked
from deteval.operating import Chosen, Flags, Rows, choose, gather_rows
from deteval.records.calibration import Bin, Calibration, ClassCalibration, Expected
from deteval.records.criterion import Criterion
from deteval.records.dataset import Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.params import find_threshold
from deteval.threads import map_chunks

Z = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""
STEPS = 20
"""Scores at which the expected precision is told: in steps of 1/20, or at twentieths of the detections."""
NO_DETECTIONS = "there is no detection that counts"
NO_PROBABILITIES = "scores go from {low:.4g} to {high:.4g}: they are no probabilities"
TOO_FAR = NO_PROBABILITIES + ", and too large for bins"


def calibrate(evidence: Evidence | Ranked, iou: float = 0.5, *, bins: int = 10, threads: int | None = None,
              ) -> Calibration:
    """Scores against how often they are right: in the first area range, at the largest cap, ignored detections aside.

    bins: of equal width from 0 to 1. Scores beyond that are no probabilities: bins span what there is, and there is no
    calibration error, nor bins where a sum of scores could overflow. Errors: `DetevalError` (usage) for a threshold
    that the run lacks, or a number of bins outside 1 to 1,000.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or not 1 <= bins <= 1000:
        raise usage_error(f"bins: {bins!r} is not a whole number from 1 to 1,000")
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    threshold = find_threshold(ranked.evidence.params, iou)
    rows = gather_rows(ranked, threshold)
    return calibrate_rows(rows, choose(rows, Criterion()), ranked.evidence, threshold, bins)


def calibrate_rows(rows: Rows, chosen: Chosen, evidence: Evidence, threshold: int, bins: int = 10) -> Calibration:
    """The same of rows that are gathered already; chosen: their cuts of best F1; threshold: by position."""
    categories, params = evidence.categories, evidence.params
    pooled, n = slice(rows.starts[-2], None), int(rows.starts[-2])
    scores = rows.scores[:n]
    low, high = (float(scores.min()), float(scores.max())) if n else (0.0, 1.0)
    probable = low >= 0 and high <= 1
    too_far = not math.isfinite(n * max(abs(low), abs(high)))
    edges = np.arange(bins + 1) / bins if probable else np.array([low, high]) if too_far or low == high else \
        np.linspace(low, high, bins + 1)
    shape = (rows.classes, len(edges) - 1)
    tally = _Tally(n=np.zeros(shape, np.int64), score=np.zeros(shape), hits=np.zeros(shape, np.int64))
    map_chunks(lambda chunk: tallies.tally_bins(
        *chunk, rows.starts, rows.scores, rows.hit, edges, tally.n.ravel(), tally.score.ravel(), tally.hits.ravel()),
        chunks_by_work(rows.starts[:-1]), rows.threads)
    whole, each = tally.pooled(), tally.errors()
    told = bool(n) and probable
    cut, n_above = float(chosen.threshold[-1, 0]), int(chosen.kept.rows[-1, 0])
    reason = "" if told else NO_DETECTIONS if not n else (TOO_FAR if too_far else NO_PROBABILITIES)
    return Calibration(
        iou=params.iou[threshold], n=n, error=float(whole.errors()[0]) if told else None,
        largest=float(np.nanmax(abs(whole.gaps()))) if told else None,
        class_error=float(np.nanmean(each)) if told else None,
        bins=() if too_far else whole.bins(edges), classes=tuple(
            ClassCalibration(id=key, name=name, n=int(tally.n[k].sum()),
                             error=float(each[k]) if told and tally.n[k].any() else None,
                             over=tally.over(k) if told and tally.n[k].any() else None)
            for k, (key, name) in enumerate(zip(categories.ids.tolist(), categories.names, strict=True))),
        expected=_expected(rows.scores[pooled], rows.hit[pooled], rows.block_end[pooled], probable),
        reason=reason.format(low=low, high=high), cut=None if math.isnan(cut) else cut, n_above=n_above,
        error_above=_error_above(rows, n_above, edges) if told and n_above else None)


def _error_above(rows: Rows, n: int, edges: Floats) -> float:
    """The calibration error of the n detections with the highest scores, in the same bins."""
    first, shape = int(rows.starts[-2]), (1, len(edges) - 1)
    tally = _Tally(n=np.zeros(shape, np.int64), score=np.zeros(shape), hits=np.zeros(shape, np.int64))
    tallies.tally_bins(0, 1, np.array([first, first + n]), rows.scores, rows.hit, edges, tally.n.ravel(),
                       tally.score.ravel(), tally.hits.ravel())
    return float(tally.errors()[0])


class _Tally(Struct, frozen=True):
    """Detections, the sum of their scores, and true positives, by class and bin; shape (classes, bins)."""

    n: Ints
    score: Floats
    hits: Ints

    def pooled(self) -> "_Tally":
        """All classes as one."""
        with np.errstate(over="ignore"):  # sums of huge scores; a run with such scores has no bins
            return _Tally(*(getattr(self, name).sum(axis=0, keepdims=True) for name in self.__struct_fields__))

    def gaps(self) -> Floats:
        """Mean score less precision, NaN in an empty bin."""
        with np.errstate(invalid="ignore", divide="ignore"):
            gaps: Floats = self.score / self.n - self.hits / self.n
        return gaps

    def errors(self) -> Floats:
        """The mean difference of a detection's bin, NaN without detections; shape (classes,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            errors: Floats = np.nansum(abs(self.gaps()) * self.n, axis=1) / self.n.sum(axis=1)
        return errors

    def over(self, k: int) -> float:
        """Mean score less precision of one class."""
        return float((self.score[k].sum() - self.hits[k].sum()) / self.n[k].sum())

    def bins(self, edges: Floats) -> tuple[Bin, ...]:
        """Those of the only class."""
        found = []
        for i, (n, score, hits) in enumerate(zip(self.n[0].tolist(), self.score[0].tolist(), self.hits[0].tolist(),
                                                 strict=True)):
            found.append(Bin(low=float(edges[i]), high=float(edges[i + 1]), n=n, mean_score=score / n if n else None,
                             precision=hits / n if n else None, interval=wilson(int(hits), n) if n else None))
        return tuple(found)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927); n > 0."""
    share, square = hits / n, Z * Z / n
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * np.sqrt(share * (1 - share) / n + square / (4 * n))
    return (0.0 if hits == 0 else max(float(middle - half), 0.0), 1.0 if hits == n else min(float(middle + half), 1.0))


def _expected(scores: Floats, hit: Flags, block_end: Flags, probable: bool) -> tuple[Expected, ...]:
    """What scores promise; rows by descending score, block_end: where a score is the last of its equals."""
    if not len(scores):
        return ()
    ends = np.flatnonzero(block_end)
    kept, hits = ends + 1, np.cumsum(hit, dtype=np.int64)[ends]
    levels = scores[ends]  # descending, each score once
    rising = isotonic(np.diff(kept, prepend=0)[::-1], np.diff(hits, prepend=0)[::-1])[::-1]
    wanted = np.arange(STEPS + 1) / STEPS
    wanted = wanted[(wanted >= levels[-1]) & (wanted <= levels[0])]
    if not probable or not len(wanted):
        wanted = np.unique(scores[::-1][np.arange(STEPS + 1) * (len(scores) - 1) // STEPS])
    found = []
    for score in wanted.tolist():
        last = int(np.searchsorted(-levels, -score, "right")) - 1  # of the scores that are at least this
        below = min(last + (levels[last] > score), len(levels) - 1)  # this score, or the next lower one
        found.append(Expected(score=score, precision=float(rising[below]),
                              precision_above=float(hits[last] / kept[last]), kept=int(kept[last])))
    return tuple(found)


def isotonic(n: Ints, hits: Ints) -> Floats:
    """Shares of n that never fall, nearest to hits / n by least squares; shape (blocks,).

    Neighbours whose shares fall are pooled until none do (Ayer et al. 1955): whole runs of them at a time, compared
    in whole numbers.
    """
    first = np.arange(len(n))
    sizes, right = n.astype(np.int64), hits.astype(np.int64)
    while True:
        rises = right[:-1] * sizes[1:] < right[1:] * sizes[:-1]
        if rises.all():
            return np.repeat(right / sizes, np.diff(first, append=len(n)))
        starts = np.concatenate([[0], np.flatnonzero(rises) + 1])
        first, sizes, right = first[starts], np.add.reduceat(sizes, starts), np.add.reduceat(right, starts)
