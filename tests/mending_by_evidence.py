"""Error kinds mended the slow way: evidence in which outcomes are put right, measured as any other.

What the kernels of `deteval.diagnosis.mending` find must have the same bits.
"""

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval.diagnosis.error_kinds import CLASSIFICATION, LOCALISATION, TRUE_POSITIVE, classify, nearest_objects
from deteval.diagnosis.mending import bits_at
from deteval.measures import Measurement, Ranked, measure
from deteval.records.dataset import Bools, Floats, Ints, Positions
from deteval.records.error_kinds import FALSE_POSITIVES
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


def counted_rows(ranked: Ranked, threshold: int, area: int = 0) -> Counted:
    """The rows of a threshold and an area range, both by position."""
    evidence, params = ranked.evidence, ranked.evidence.params
    counts = (evidence.rank < params.max_dets[-1]) & ~bits_at(evidence.ignored, area, threshold)
    place = ranked.order[counts[ranked.order]]
    cell = Evidence(
        params=Params(similarity=params.similarity, iou=(params.iou[threshold],), areas=(params.areas[area],),
                      max_dets=(params.max_dets[-1],)),
        images=evidence.images, categories=evidence.categories, image=evidence.image[place],
        category=evidence.category[place], rank=np.zeros(len(place), np.int32),
        scores=evidence.scores[place], row=evidence.row[place],
        true_positive=_words(bits_at(evidence.true_positive, area, threshold)[place]),
        ignored=_words(np.zeros(len(place), bool)), gt_image=evidence.gt_image, gt_category=evidence.gt_category,
        gt_row=evidence.gt_row, gt_ignored=evidence.gt_ignored[:, area : area + 1],
        found=_words(bits_at(evidence.found, area, threshold)))
    return Counted(place, cell)


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


def average_precision(cell: Evidence) -> Measurement:
    """AP of a cell whose rows stand in the order of `Counted`."""
    ranked = Ranked(cell)
    ranked.order = np.arange(len(cell), dtype=np.int64)  # what sorting them again would find
    return measure([Metric("AP")], ranked)


def _words(flags: Bools) -> Words:
    return flags.astype(np.uint32).reshape(-1, 1, 1)


def mended_values(ranked: Ranked, iou: float, area: int) -> list[Measurement]:
    """AP as it is, with every kind of false positive mended alone, all of them, without the missed objects and without
    those not found."""
    evidence = ranked.evidence
    threshold = evidence.params.iou.index(iou)
    rows, nearest = counted_rows(ranked, threshold, area), nearest_objects(evidence)
    cell, codes = rows.cell, classify(evidence, iou, area=area)[rows.place]
    target = np.where(codes == LOCALISATION, nearest.same[rows.place],
                      np.where(codes == CLASSIFICATION, nearest.other[rows.place], -1))
    unfound = ~cell.gt_ignored[:, 0] & (cell.found[:, 0, 0] == 0)
    usable = [i for i in np.flatnonzero(target >= 0).tolist() if unfound[target[i]]]
    usable.sort(key=lambda i: (-cell.scores[i], cell.row[i]))
    chosen, missed = np.zeros(len(codes), bool), unfound.copy()
    for i in usable:
        chosen[i] = missed[target[i]]
        missed[target[i]] = False
    assert ((codes == TRUE_POSITIVE) == (cell.true_positive[:, 0, 0] != 0)).all()
    edited = [mended(rows, dropped=codes == code) for code in range(len(FALSE_POSITIVES))]
    misplaced = np.flatnonzero(chosen & (codes == CLASSIFICATION))
    edited[CLASSIFICATION] = moved(edited[CLASSIFICATION], misplaced, cell.gt_category[target[misplaced]])
    edited[LOCALISATION] = mended(rows, hit=chosen & (codes == LOCALISATION),
                                  dropped=~chosen & (codes == LOCALISATION))
    edited += [mended(rows, dropped=codes >= 0), mended(rows, removed=missed), mended(rows, removed=unfound)]
    return [average_precision(one) for one in (cell, *edited)]
