"""What chosen cuts are worth on new images, and how sure that is: chosen again in every bootstrap replicate.

Rates measured on the images that chose the cuts are too good. The optimism bootstrap (Efron 1983, JASA 78:316; Harrell,
Lee and Mark 1996, Statistics in Medicine 15:361) finds by how much: the cuts of every replicate are measured on the
replicate and on all images, and the mean difference is taken off. Intervals lie around the corrected rate, as Noma et
al. propose (2021, Statistics in Medicine 40:5691). docs/statistics.md has the simulation that settled the rest.
"""

from collections.abc import Callable
from math import exp, sqrt
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
from deteval.records.criterion import PRECISION, RECALL, Criterion
from deteval.records.dataset import Floats, Ints
from deteval.records.operating_points import THRESHOLD, Intervals, Limits, Rates
from deteval.records.resampling import LEAST_UNITS, Resampling, Units
from deteval.threads import map_chunks

TOTALS = ("own macro", "own micro", "one macro", "one micro")
"""What is measured of all classes: each at its own cut or all at one, averaged or pooled."""
SEEN = 1.0 - exp(-1.0)
"""The share of the images that a replicate holds: the cuts of a replicate have seen as many of the images that they are
measured on. So the difference to these is smaller than that to new images, its mean for a rate that a cut is the best
of by about this factor, its spread by its root."""
LEAST_ERRORS = 5
"""Fewer errors than this at a cut, of the kind that it is chosen by: draws of these images cannot show what more images
would, and intervals are far too narrow (docs/statistics.md)."""
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


class Replicates(Struct, frozen=True):
    """Cuts chosen in every replicate: what they are worth there, and on all images."""

    chosen: Drawn
    everywhere: Drawn


def measure_chosen(positives: Floats, threshold: Floats, own: Kept, at_one: Kept, criterion: Criterion, room: float,
                   averaged: Floats | None = None) -> Drawn:
    """All rates of cuts under each weighting.

    averaged: the ground truths that decide which classes the means are over; those of the weighting by default.
    """
    averaged = positives if averaged is None else averaged
    classes = rates_of(own, positives, criterion, room)
    at = rates_of(at_one, positives, criterion, room)
    everything = positives.sum(axis=0)
    parts = (macro(classes, averaged), rates_of(pooled(own), everything, criterion, room), macro(at, averaged),
             rates_of(pooled(at_one), everything, criterion, room))
    return Drawn(threshold, classes, dict(zip(TOTALS, parts, strict=True)))


def measure_replicates(rows: Rows, criterion: Criterion, resampling: Resampling, units: Units,
                       progress: Progress | None = None) -> Replicates:
    """Cuts chosen anew in every bootstrap replicate, and what they are worth there and on all images.

    The same bits for every number of threads. Memory: 112 bytes per replicate and class, 240 for LRP; at most 128 MiB
    of weights, or one block of them.
    """
    blocks = -(-resampling.replicates // LANES)
    batch = max(1, WEIGHTS_AT_ONCE // max(1, rows.n_images * LANES))
    sums, positives = running_sums(rows), all_positives_of(rows)
    found: list[tuple[Drawn, Drawn]] = []
    for first in range(0, blocks, batch):
        last = min(first + batch, blocks)
        weights = draw_weights(units, rows.n_images, (last - first) * LANES, resampling.seed, first_block=first)

        def replicate(chosen: Chosen) -> tuple[Drawn, Drawn]:
            own, at_one = kept_by_all(rows, chosen, sums)
            everywhere = np.broadcast_to(positives, chosen.positives.shape)
            return (measure_chosen(chosen.positives, chosen.threshold, chosen.own, chosen.at_one, criterion, rows.room),
                    measure_chosen(everywhere, chosen.threshold, own, at_one, criterion, rows.room,
                                   averaged=chosen.positives))  # a mean over other classes would be another rate

        def report(done: int, before: int = first) -> None:
            if progress is not None:
                progress((before + done) / blocks)

        found += over_blocks(rows, criterion, list(weights), replicate, report)
    return Replicates(*(join([one[side] for one in found]).take(resampling.replicates) for side in (0, 1)))


def over_blocks(rows: Rows, criterion: Criterion, weights: list[Floats], function: Callable[[Chosen], Result],
                report: Callable[[int], None]) -> list[Result]:
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


def join(parts: list[Drawn]) -> Drawn:
    """Blocks one after the other."""
    first = parts[0]
    return Drawn(np.concatenate([one.threshold for one in parts], axis=1),
                 {name: np.concatenate([one.classes[name] for one in parts], axis=1) for name in first.classes},
                 {total: {name: np.concatenate([one.totals[total][name] for one in parts]) for name in rates}
                  for total, rates in first.totals.items()})


def running_sums(rows: Rows) -> list[Floats]:
    """True positives, rows and loss up to and with each row; 0 at the end, where position -1 points."""
    return [np.append(np.cumsum(values, dtype=np.float64), 0.0)
            for values in (rows.hit.astype(np.float64), np.ones(len(rows.hit)), rows.loss)]


def all_positives_of(rows: Rows) -> Floats:
    """Ground truths of every class, (classes, 1)."""
    return np.bincount(rows.gt_category, minlength=rows.classes).astype(np.float64)[:, None]


def kept_by_all(rows: Rows, chosen: Chosen, sums: list[Floats]) -> tuple[Kept, Kept]:
    """What all images, each counted once, keep at chosen cuts: every class at its own, and all at one.

    Those who choose decide which cut a class gets: its own where they hold its ground truth.
    """
    first = rows.starts[:-2, None]
    own_rows = np.where(chosen.row[:-1] >= 0, chosen.row[:-1], first - 1)
    one_rows = _rows_above(rows, chosen.threshold[-1])

    def at(last: Ints) -> Kept:
        return without_dust(Kept(*(total[last] - total[first - 1] if len(total) > 1 else np.zeros(last.shape)
                                   for total in sums)))

    return at(np.where(chosen.positives > 0, own_rows, one_rows)), at(one_rows)


def without_dust(kept: Kept) -> Kept:
    """Without what differences of sums of losses leave over where nothing is lost, or no true positive is kept."""
    return Kept(kept.hits, kept.rows, np.where(kept.hits > 0, np.maximum(kept.loss, 0.0), 0.0))


def _rows_above(rows: Rows, cuts: Floats) -> Ints:
    """Of every class the last row with a score of at least each cut; the one before its first where none is."""
    cuts = np.where(np.isnan(cuts), np.inf, cuts)
    counts = [np.searchsorted(-rows.scores[first:last], -cuts, side="right")
              for first, last in zip(rows.starts[:-2].tolist(), rows.starts[1:-1].tolist(), strict=True)]
    return rows.starts[:-2, None] + np.array(counts, np.int64).reshape(rows.classes, len(cuts)) - 1


def errors_at(kept: Kept, positives: Ints | Floats, criterion: Criterion) -> tuple[Floats, str]:
    """How many errors there are at cuts of the kind that they are chosen by, and what these are called."""
    wrong, missed = kept.rows - kept.hits, positives - kept.hits
    if criterion.kind == PRECISION:
        return wrong, "false positives"
    return (missed, "false negatives") if criterion.kind == RECALL else (wrong + missed, "errors")


def too_few_errors(count: float, what: str) -> str:
    """Why a cut with so few errors has no interval, "" if they are enough."""
    return f"too few {what} ({count:.0f} of the {LEAST_ERRORS} needed)" if count < LEAST_ERRORS else ""


def class_intervals(found: Replicates, k: int, apparent: Rates, units: int, resampling: Resampling, what: str,
                    criterion: Criterion, doubt: str = "") -> Intervals:
    """Intervals of the cut of a class and of its rates elsewhere, over the replicates in which it has a cut.

    apparent: rates on the images that chose. units: images (or clusters, as `what` says) that hold the class. doubt:
    why there can be none, "" if there may.
    """
    chosen, everywhere = ({name: values[k] for name, values in side.classes.items()}
                          for side in (found.chosen, found.everywhere))
    return _intervals(found.chosen.threshold[k], chosen, everywhere, apparent, units, resampling, what, criterion,
                      doubt)


def total_intervals(found: Replicates, total: str, apparent: Rates, units: int, resampling: Resampling, what: str,
                    criterion: Criterion, doubt: str = "") -> Intervals:
    """Intervals of the rates of all classes, and of the one cut for all where that is asked for."""
    cut = found.chosen.threshold[-1] if total.startswith("one") else None
    return _intervals(cut, found.chosen.totals[total], found.everywhere.totals[total], apparent, units, resampling,
                      what, criterion, doubt)


def _intervals(threshold: Floats | None, chosen: dict[str, Floats], everywhere: dict[str, Floats], apparent: Rates,
               units: int, resampling: Resampling, what: str, criterion: Criterion, doubt: str) -> Intervals:
    defined = ~np.isnan(threshold if threshold is not None else chosen[PRECISION])
    names = [*([] if threshold is None else [THRESHOLD]), *chosen]
    if units < LEAST_UNITS:
        reason = f"too few {what} ({units} of the {LEAST_UNITS} needed)" if units else "no ground truth that counts"
        return Intervals(dict.fromkeys(names), dict.fromkeys(chosen), units, reason)
    if defined.sum() < LEAST_DEFINED * len(defined) or doubt:
        reason = doubt or f"a cut in only {int(defined.sum()):,} of {len(defined):,} replicates"
        return Intervals(dict.fromkeys(names), dict.fromkeys(chosen), units, reason)
    limits: dict[str, Limits | None] = {}
    elsewhere: Rates = {}
    if threshold is not None:
        limits[THRESHOLD] = _limits(np.where(defined, threshold, np.nan), units, resampling.alpha)
    for name in chosen:
        elsewhere[name], limits[name] = _elsewhere(
            apparent[name], np.where(defined, chosen[name], np.nan), np.where(defined, everywhere[name], np.nan), units,
            resampling.alpha, targeted=name == criterion.main and criterion.target is not None)
    return Intervals(limits, elsewhere, units)


def _elsewhere(apparent: float | None, chosen: Floats, everywhere: Floats, units: int, alpha: float, *, targeted: bool,
               ) -> tuple[float | None, Limits | None]:
    """What a rate is worth on images that did not choose, and its interval; within 0 and 1.

    targeted: the rate that a cut must reach. Reaching a value is no maximum, and the mean difference is all of it.
    """
    both = ~np.isnan(chosen) & ~np.isnan(everywhere)
    if apparent is None or not both.any():
        return None, None
    difference = np.where(both, chosen - everywhere, np.nan)
    mean = float(difference[both].mean())
    worth = min(max(apparent - (mean if targeted else mean / SEEN), 0.0), 1.0)
    limits = _limits((difference - mean) / sqrt(SEEN) + worth, units, alpha)
    return worth, None if limits is None else (min(max(limits[0], 0.0), 1.0), min(max(limits[1], 0.0), 1.0))


def _limits(values: Floats, units: int, alpha: float) -> Limits | None:
    """The expanded percentile interval of one column."""
    found = percentile_intervals(values[:, None], np.array([units]), alpha)
    low, high = float(found.low[0]), float(found.high[0])
    return None if np.isnan(low) else (low, high)
