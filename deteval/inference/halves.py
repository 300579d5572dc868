"""Cuts chosen on one half of the images and measured on the other, many times over."""

import numpy as np
from msgspec import Struct

from deteval.inference.operating import (
    Drawn,
    Progress,
    all_positives_of,
    join,
    kept_by_all,
    measure_chosen,
    over_blocks,
    running_sums,
    without_dust,
)
from deteval.kernels.lanes import LANES
from deteval.operating import Chosen, Kept, Rows
from deteval.records.criterion import LRP, Criterion
from deteval.records.dataset import Bools, Floats
from deteval.records.operating_points import Rates, Splits, Stability, Verdicts
from deteval.records.resampling import Units


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
    sums, all_positives = running_sums(rows), all_positives_of(rows)

    def both(chosen: Chosen) -> tuple[Drawn, Drawn, Bools]:
        positives = all_positives - chosen.positives
        own, at_one = _other_half(rows, chosen, sums)
        mine = measure_chosen(chosen.positives, chosen.threshold, chosen.own, chosen.at_one, criterion, rows.room)
        theirs = measure_chosen(positives, chosen.threshold, own, at_one, criterion, rows.room)
        truth = np.vstack([positives > 0, (positives > 0).any(axis=0)])
        return mine, theirs, truth & ~np.isnan(chosen.threshold)

    def report(done: int) -> None:
        if progress is not None:
            progress(done / len(weights))

    found = over_blocks(rows, criterion, weights, both, report)
    return Halves(join([one[0] for one in found]).take(splits.count), join([one[1] for one in found]).take(
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


def _other_half(rows: Rows, chosen: Chosen, sums: list[Floats]) -> tuple[Kept, Kept]:
    """What the other half keeps at the cuts of this one: what all images keep there, less what this half does."""
    own, one = (without_dust(Kept(every.hits - mine.hits, every.rows - mine.rows, every.loss - mine.loss))
                for every, mine in zip(kept_by_all(rows, chosen, sums), (chosen.own, chosen.at_one), strict=True))
    return own, one


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


def count_splits(halves: Halves, criterion: Criterion) -> Verdicts:
    """Of the splits in which both can be judged: which is worth more on the other half, own cuts or one; and, under a
    target, in how many each meets it there.

    Own cuts by the mean over classes, as the target holds for each; the one cut by the pooled counts that chose it.
    """
    name = criterion.main
    own, one = (halves.other.totals[f"{which} macro"][name] for which in ("own", "one"))
    judged = np.any(halves.has_cut[:-1], axis=0) & halves.has_cut[-1] & ~np.isnan(own) & ~np.isnan(one)
    ahead = (one - own if criterion.kind == LRP else own - one)[judged]
    met = None
    if criterion.target is not None:
        pooled_one = halves.other.totals["one micro"][name]
        met = (int((own[judged] >= criterion.target).sum()), int((pooled_one[judged] >= criterion.target).sum()))
    return Verdicts(int((ahead > 0).sum()), int((ahead < 0).sum()), int((ahead == 0).sum()), met)
