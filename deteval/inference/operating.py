"""How sure chosen cuts are: chosen again in every bootstrap replicate, and on halves of the images."""

from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

import numpy as np
from msgspec import Struct

from deteval.inference.intervals import percentile_intervals
from deteval.inference.judgement import LEAST_DEFINED
from deteval.inference.paired import WEIGHTS_AT_ONCE
from deteval.inference.weights import draw_weights
from deteval.kernels.lanes import LANES
from deteval.operating import Chosen, Kept, Rows, choose, macro, pooled, rates_of
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.operating_points import THRESHOLD, Criterion, Intervals, Rates, Splits, Stability
from deteval.records.resampling import LEAST_UNITS, Resampling, Units
from deteval.threads import map_chunks

TOTALS = ("own macro", "own micro", "one macro", "one micro")
"""What is measured of all classes: each at its own cut or all at one, averaged or pooled."""
Progress = Callable[[float], None]
Result = TypeVar("Result")


class Drawn(Struct, frozen=True):
    """Cuts and rates under many weightings: NaN where there is none.

    threshold: of the classes and of the one cut, (classes + 1, weightings). classes: rates by name, (classes,
    weightings). totals: rates of each of TOTALS by name, (weightings,).
    """

    threshold: Floats
    classes: dict[str, Floats]
    totals: dict[str, dict[str, Floats]]

    def take(self, count: int) -> "Drawn":
        """The first weightings; lanes that were not asked for are cut."""
        return Drawn(self.threshold[:, :count], {name: values[:, :count] for name, values in self.classes.items()},
                     {total: {name: values[:count] for name, values in rates.items()}
                      for total, rates in self.totals.items()})


def measure_chosen(positives: Floats, threshold: Floats, own: Kept, at_one: Kept, criterion: Criterion, room: float,
                   ) -> Drawn:
    """All rates of cuts under each weighting."""
    classes = rates_of(own, positives, criterion, room)
    at = rates_of(at_one, positives, criterion, room)
    everything = positives.sum(axis=0)
    parts = (macro(classes, positives), rates_of(pooled(own), everything, criterion, room), macro(at, positives),
             rates_of(pooled(at_one), everything, criterion, room))
    return Drawn(threshold, classes, dict(zip(TOTALS, parts, strict=True)))


def measure_replicates(rows: Rows, criterion: Criterion, resampling: Resampling, units: Units,
                       progress: Progress | None = None) -> Drawn:
    """Cuts chosen anew in every bootstrap replicate, and what they are worth there.

    The same bits for every number of threads. Memory: 64 bytes per replicate and class, 128 for LRP; at most 128 MiB
    of weights, or one block of them.
    """
    blocks = -(-resampling.replicates // LANES)
    batch = max(1, WEIGHTS_AT_ONCE // max(1, rows.n_images * LANES))
    found: list[Drawn] = []
    for first in range(0, blocks, batch):
        last = min(first + batch, blocks)
        weights = draw_weights(units, rows.n_images, (last - first) * LANES, resampling.seed, first_block=first)

        def replicate(chosen: Chosen) -> Drawn:
            return measure_chosen(chosen.positives, chosen.threshold, chosen.own, chosen.at_one, criterion, rows.room)

        def report(done: int, before: int = first) -> None:
            if progress is not None:
                progress((before + done) / blocks)

        found += _over_blocks(rows, criterion, list(weights), replicate, report)
    return _join(found).take(resampling.replicates)


def _over_blocks(rows: Rows, criterion: Criterion, weights: list[Floats],
                         function: Callable[[Chosen], Result], report: Callable[[int], None]) -> list[Result]:
    """The function of the cuts chosen under each block of weights, on several threads."""
    caller = get_ident()
    done: list[None] = []

    def one_block(block: Floats) -> Result:
        result = function(choose(rows, criterion, block.astype(np.float64), threads=1))
        done.append(None)
        if get_ident() == caller:
            report(len(done))
        return result

    return map_chunks(one_block, weights, rows.threads)


def _join(parts: list[Drawn]) -> Drawn:
    """Blocks one after the other."""
    first = parts[0]
    return Drawn(np.concatenate([one.threshold for one in parts], axis=1),
                 {name: np.concatenate([one.classes[name] for one in parts], axis=1) for name in first.classes},
                 {total: {name: np.concatenate([one.totals[total][name] for one in parts]) for name in rates}
                  for total, rates in first.totals.items()})


def class_intervals(drawn: Drawn, k: int, units: int, resampling: Resampling, what: str) -> Intervals:
    """Intervals of the cut and the rates of a class, over the replicates in which it has a cut.

    units: images (or clusters, as `what` says) that hold the class.
    """
    return _intervals(drawn.threshold[k], {name: values[k] for name, values in drawn.classes.items()}, units,
                      resampling, what)


def total_intervals(drawn: Drawn, total: str, units: int, resampling: Resampling, what: str) -> Intervals:
    """Intervals of the rates of all classes, and of the one cut for all where that is asked for."""
    cut = drawn.threshold[-1] if total.startswith("one") else None
    return _intervals(cut, drawn.totals[total], units, resampling, what)


def _intervals(threshold: Floats | None, rates: dict[str, Floats], units: int, resampling: Resampling, what: str,
               ) -> Intervals:
    columns = {**({} if threshold is None else {THRESHOLD: threshold}), **rates}
    defined = ~np.isnan(next(iter(columns.values())))
    if units < LEAST_UNITS:
        reason = f"too few {what} ({units} of the {LEAST_UNITS} needed)" if units else "no ground truth that counts"
    elif defined.sum() < LEAST_DEFINED * len(defined):
        reason = f"a cut in only {int(defined.sum()):,} of {len(defined):,} replicates"
    else:
        replicates = np.where(defined[:, None], np.stack(list(columns.values()), axis=1), np.nan)
        found = percentile_intervals(replicates, np.full(len(columns), units), resampling.alpha)
        limits = {name: None if np.isnan(low) else (float(low), float(high))
                  for name, low, high in zip(columns, found.low, found.high, strict=True)}
        return Intervals(limits, units)
    return Intervals(dict.fromkeys(columns), units, reason)


class Halves(Struct, frozen=True):
    """Cuts chosen on one half: their rates there and on the other half, and which of both hold ground truth.

    has_cut: whether both halves hold ground truth and the one that chooses has a cut, (classes + 1, splits); last for
    the one cut.
    """

    chosen: Drawn
    other: Drawn
    has_cut: Bools


def measure_halves(rows: Rows, criterion: Criterion, splits: Splits, units: Units,
                   progress: Progress | None = None) -> Halves:
    """Choose on one half of the images (or clusters), measure on it and on the other; many times over."""
    weights = draw_halves(units, rows.n_images, splits)
    totals = [_running(values) for values in (rows.hit.astype(np.float64), np.ones(len(rows.hit)), rows.loss)]
    all_positives = np.bincount(rows.gt_category, minlength=rows.classes).astype(np.float64)[:, None]

    def both(chosen: Chosen) -> tuple[Drawn, Drawn, Bools]:
        positives = all_positives - chosen.positives
        own, at_one = _other_half(rows, chosen, totals)
        mine = measure_chosen(chosen.positives, chosen.threshold, chosen.own, chosen.at_one, criterion, rows.room)
        theirs = measure_chosen(positives, chosen.threshold, own, at_one, criterion, rows.room)
        truth = np.vstack([positives > 0, (positives > 0).any(axis=0)])
        return mine, theirs, truth & ~np.isnan(chosen.threshold)

    def report(done: int) -> None:
        if progress is not None:
            progress(done / len(weights))

    found = _over_blocks(rows, criterion, weights, both, report)
    return Halves(_join([one[0] for one in found]).take(splits.count), _join([one[1] for one in found]).take(
        splits.count), np.concatenate([one[2] for one in found], axis=1)[:, : splits.count])


def draw_halves(units: Units, images: int, splits: Splits) -> list[Floats]:
    """1 for the images of the half that chooses, blocks of shape (images, LANES); half of the units, rounded down."""
    blocks = []
    for first in range(0, splits.count, LANES):
        weights = np.zeros((images, LANES))
        for lane in range(LANES):
            words = np.random.PCG64(np.random.SeedSequence(splits.seed, spawn_key=(first + lane, 1))).random_raw(
                units.count)
            half = np.zeros(units.count)
            half[np.argsort(words, kind="stable")[: units.count // 2]] = 1.0
            weights[:, lane] = half if units.cluster is None else half[units.cluster]
        blocks.append(weights)
    return blocks


def _running(values: Floats) -> Floats:
    """Sums up to and with each row; before them all, 0 at the end, where position -1 points."""
    return np.append(np.cumsum(values, dtype=np.float64), 0.0)


def _other_half(rows: Rows, chosen: Chosen, totals: list[Floats]) -> tuple[Kept, Kept]:
    """What the other half keeps at the cuts of this one: what all images keep there, less what this half does."""
    first = rows.starts[:-2, None]
    own_rows = np.where(chosen.row[:-1] >= 0, chosen.row[:-1], first - 1)
    one_rows = _rows_above(rows, chosen.threshold[-1])

    def at(last: Ints, mine: Kept) -> Kept:
        sums = [total[last] - total[first - 1] if len(total) > 1 else np.zeros(last.shape) for total in totals]
        return Kept(sums[0] - mine.hits, sums[1] - mine.rows, np.maximum(sums[2] - mine.loss, 0.0))

    mine = chosen.kept.part(np.s_[:-1])
    own, at_one = at(own_rows, mine), at(one_rows, chosen.at_one)
    has_truth = chosen.positives > 0  # the half that chooses decides which cut a class gets
    return Kept(*(np.where(has_truth, one, other) for one, other in (
        (own.hits, at_one.hits), (own.rows, at_one.rows), (own.loss, at_one.loss)))), at_one


def _rows_above(rows: Rows, cuts: Floats) -> Ints:
    """Of every class the last row with a score of at least each cut; the one before its first where none is."""
    cuts = np.where(np.isnan(cuts), np.inf, cuts)
    counts = [np.searchsorted(-rows.scores[first:last], -cuts, side="right")
              for first, last in zip(rows.starts[:-2].tolist(), rows.starts[1:-1].tolist(), strict=True)]
    return rows.starts[:-2, None] + np.array(counts, np.int64).reshape(rows.classes, len(cuts)) - 1


def class_stability(halves: Halves, k: int) -> Stability:
    """What the cut of a class is worth on the data that did not choose it."""
    return _stability(halves, halves.has_cut[k], halves.chosen.threshold[k],
                      *({name: values[k] for name, values in side.classes.items()}
                        for side in (halves.chosen, halves.other)))


def total_stability(halves: Halves, total: str) -> Stability:
    """The same of all classes."""
    one = total.startswith("one")
    used: Bools = halves.has_cut[-1] if one else np.any(halves.has_cut[:-1], axis=0)
    return _stability(halves, used, halves.chosen.threshold[-1] if one else None, halves.chosen.totals[total],
                      halves.other.totals[total])


def _stability(halves: Halves, used: Bools, threshold: Floats | None, chosen: dict[str, Floats],
               other: dict[str, Floats]) -> Stability:
    def means(rates: dict[str, Floats]) -> Rates:
        found: Rates = {}
        for name, values in rates.items():
            both = used & ~np.isnan(chosen[name]) & ~np.isnan(other[name])
            found[name] = float(values[both].mean()) if both.any() else None
        return found

    spread = None
    if threshold is not None and used.any():
        low, middle, high = np.quantile(threshold[used], [0.05, 0.5, 0.95]).tolist()
        spread = (low, middle, high)
    return Stability(means(chosen), means(other), spread, int(used.sum()), int((~used).sum()))
