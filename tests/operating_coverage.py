"""Do intervals of chosen cuts hold what these cuts are worth on new images? Data sets drawn by `simulator`."""

from functools import cache

import numpy as np
from acceptance import Tally, run_sets
from simulator import draw_pair, still_images

from deteval.inference.operating import TOTALS, class_intervals, measure_chosen, measure_replicates, total_intervals
from deteval.inference.weights import image_units
from deteval.measures import Ranked
from deteval.operating import Kept, Rows, choose, gather_rows
from deteval.records.criterion import Criterion
from deteval.records.resampling import Resampling


@cache
def population(classes: int, images: int) -> Rows:
    """One model on many images."""
    return draw_rows(classes, images, 2**20)


def draw_rows(classes: int, images: int, number: int) -> Rows:
    """One model on images drawn anew, at IoU 0.5."""
    pair = draw_pair(np.random.default_rng([number, classes, images]), classes, still_images(images))
    return gather_rows(Ranked(pair[0], 1), 0)


def keep(rows: Rows, cuts: np.ndarray) -> Kept:
    """What every class keeps at its cut, NaN to keep nothing, in plain numpy; shape (classes, 1)."""
    found = np.zeros((3, rows.classes, 1))
    for k in range(rows.classes):
        mine = slice(rows.starts[k], rows.starts[k + 1])
        kept = rows.scores[mine] >= cuts[k]
        found[:2, k, 0] = rows.hit[mine][kept].sum(), kept.sum()
    return Kept(*found)


def cover(classes: int, images: int, criterion: Criterion, sets: int, replicates: int, everywhere: int) -> Tally:
    """Totals and classes (`rare`: on 10 to 49 images, `common`: on more) by the rate that cuts are chosen by."""
    truth = population(classes, everywhere)
    positives = np.bincount(truth.gt_category, minlength=classes).astype(float)[:, None]
    name = criterion.main

    def one(number: int) -> Tally:
        rows, tally = draw_rows(classes, images, number), Tally()
        chosen = choose(rows, criterion)
        cut = chosen.threshold[:, 0]
        own = np.where(chosen.positives[:, 0] > 0, cut[:-1], cut[-1])
        here, there = (measure_chosen(positive, chosen.threshold, *kept, criterion, rows.room) for positive, kept in (
            (chosen.positives, (chosen.own, chosen.at_one)),
            (positives, (keep(truth, own), keep(truth, np.full(classes, cut[-1]))))))
        resampling = Resampling(replicates, seed=number)
        found = measure_replicates(rows, criterion, resampling, image_units(images))
        for total in TOTALS:
            apparent = {rate: values.item() for rate, values in here.totals[total].items()}
            true = there.totals[total][name].item()
            interval = total_intervals(found, total, apparent, images, resampling, "images", criterion)
            tally.add_interval(total, *interval.limits[name], true)
            tally.add(f"{total} apparent", apparent[name] - true)
            tally.add(f"{total} elsewhere", interval.elsewhere[name] - true)
        for k in range(classes):
            units = len(np.unique(rows.gt_image[rows.gt_category == k]))
            apparent = {rate: values[k, 0] for rate, values in here.classes.items()}
            interval = class_intervals(found, k, apparent, units, resampling, "images", criterion)
            if interval.limits[name] is not None and not np.isnan(cut[k]):
                tally.add_interval("rare" if units < 50 else "common", *interval.limits[name],
                                   there.classes[name][k, 0])
        return tally

    return run_sets(one, sets)
