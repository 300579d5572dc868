"""AP of evidence in which some outcomes are put right: at one IoU threshold and area range, at the largest cap."""

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval.grouping import gather
from deteval.measures import Measurement, Ranked, measure
from deteval.records.dataset import Bools, Floats, Ints, Positions
from deteval.records.evidence import Evidence, Words, class_starts
from deteval.records.metric import Metric
from deteval.records.params import Params


class Counted(Struct, frozen=True):
    """The detections that count, by class, then descending score; ties by image, then rank.

    place: their rows in the whole evidence, shape (rows,). cell: evidence of them alone, with one threshold, area range
    and cap, in this order.
    """

    place: Ints
    cell: Evidence
    threads: int


def bits_at(words: Words, area: int, threshold: int) -> Bools:
    """One area range and threshold of a bit table, shape (rows,)."""
    column: Bools = (words[:, area, threshold >> 5] & np.uint32(1 << (threshold & 31))) != 0
    return column


def counted_rows(ranked: Ranked, threshold: int, area: int = 0) -> Counted:
    """The rows of a threshold and an area range, both by position. Memory: about 40 bytes per detection."""
    evidence, params, threads = ranked.evidence, ranked.evidence.params, ranked.threads
    counts = (evidence.rank < params.max_dets[-1]) & ~bits_at(evidence.ignored, area, threshold)
    place = ranked.order[counts[ranked.order]]
    cell = Evidence(
        params=Params(similarity=params.similarity, iou=(params.iou[threshold],), areas=(params.areas[area],),
                      max_dets=(params.max_dets[-1],)),
        images=evidence.images, categories=evidence.categories, image=gather(evidence.image, place, threads),
        category=gather(evidence.category, place, threads), rank=np.zeros(len(place), np.int32),
        scores=gather(evidence.scores, place, threads), row=gather(evidence.row, place, threads),
        true_positive=_words(bits_at(evidence.true_positive, area, threshold)[place]),
        ignored=_words(np.zeros(len(place), bool)), gt_image=evidence.gt_image, gt_category=evidence.gt_category,
        gt_row=evidence.gt_row, gt_ignored=evidence.gt_ignored[:, area : area + 1],
        found=_words(bits_at(evidence.found, area, threshold)))
    return Counted(place, cell, threads)


def mended(rows: Counted, *, hit: Bools | None = None, dropped: Bools | None = None, removed: Bools | None = None,
           ) -> Evidence:
    """The cell with other outcomes.

    hit, dropped: detections that become true positives, and that are taken away, shape (rows,). removed: ground truths
    that are taken away, shape (ground truths,).
    """
    cell = rows.cell
    if hit is not None:
        cell = replace(cell, true_positive=cell.true_positive | _words(hit))
    if dropped is not None:
        cell = replace(cell, ignored=_words(dropped))
    if removed is not None:
        cell = replace(cell, gt_ignored=cell.gt_ignored | removed[:, None])
    return cell


def moved(cell: Evidence, rows: Ints, category: Positions) -> Evidence:
    """The cell with copies of some rows as true positives of other classes.

    A copy stands after what the class itself has with this score on its image, the earlier record first.
    """
    order = np.lexsort((cell.row[rows], cell.image[rows], -cell.scores[rows], category))
    rows, category = rows[order], category[order]
    places = _places_after(cell, category, cell.scores[rows], cell.image[rows])
    source = np.insert(np.arange(len(cell)), places, rows)
    copies = places + np.arange(len(rows))
    columns = {name: getattr(cell, name)[source] for name in
               ("image", "category", "rank", "scores", "row", "true_positive", "ignored")}
    columns["category"][copies], columns["true_positive"][copies], columns["ignored"][copies] = category, 1, 0
    return replace(cell, **columns)


def _places_after(cell: Evidence, category: Positions, scores: Floats, image: Positions) -> Ints:
    """Where rows are put in, after those of their class with a higher score, or the same on no later image: all by
    bisection at once."""
    starts = class_starts(cell.category, len(cell.categories))
    low, high = starts[category], starts[category + 1]
    while (open_ := low < high).any():
        middle = np.minimum((low + high) // 2, len(cell) - 1)
        there = cell.scores[middle]
        before = (there > scores) | ((there == scores) & (cell.image[middle] <= image))
        low, high = np.where(open_ & before, middle + 1, low), np.where(open_ & ~before, middle, high)
    return low


def average_precision(cell: Evidence, threads: int) -> Measurement:
    """AP of a cell whose rows stand in the order of `Counted`."""
    ranked = Ranked(cell, threads)
    ranked.order = np.arange(len(cell), dtype=np.int64)  # what sorting them again would find
    return measure([Metric("AP")], ranked)


def _words(flags: Bools) -> Words:
    return flags.astype(np.uint32).reshape(-1, 1, 1)
