"""What every detection does to AP: in one model, and in the difference of two."""

import numpy as np
from msgspec import Struct

from deteval.errors import usage_error
from deteval.grouping import chunks_by_work
from deteval.kernels import influence as kernels
from deteval.measures import Ranked, find_class
from deteval.records.dataset import Floats, Ints
from deteval.records.evidence import Evidence, Words
from deteval.records.metric import Cell, Metric, resolve
from deteval.threads import map_chunks

INNER, OUTER = 0.3399810435848563, 0.8611363115940526
NODES = (1 + np.array([-OUTER, -INNER, INNER, OUTER])) / 2
NODE_WEIGHTS = np.array([0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538]) / 2
"""Gauss-Legendre on (0, 1); four nodes leave about a hundredth of a difference unexplained, more nodes no less."""
SAMPLED = 100 / 101
"""The area under the curve has 100 of the 101 recall points; the point at recall 0 counts half besides."""


class Attribution(Struct, frozen=True):
    """What each row of two models adds to the difference of a metric, new minus base.

    base, new: per row of their evidence; their sum is the difference but for what the integration leaves out. A row
    that both have alike (image, rank, score, outcomes) adds nothing, nor do rows of a class whose outcomes have the
    same order in both. base_agreeing, new_agreeing: the part of the thresholds that `agree` marks; empty without it.
    """

    base: Floats
    new: Floats
    base_agreeing: Floats
    new_agreeing: Floats


def influence(ranked: Ranked, metric: Metric) -> Floats:
    """By how much the metric changes per unit of weight of each row, shape (rows,).

    The derivative of the area under the interpolated precision: positive for true positives, negative for false ones,
    0 for ignored ones, beyond the cap, and below a class's last true positive. To first order, a model without the row
    loses this much. Errors: `DetevalError` (usage) for a metric that is no AP, or that the run does not have.
    """
    once = np.ones(1)
    values: Floats = _row_values(None, ranked, metric, None, (0 * once, once, once), ranked.threads)[0]
    return values


def attribute(base: Ranked, new: Ranked, metric: Metric, agree: tuple[Words, Words] | None = None,
              threads: int | None = None) -> Attribution:
    """Share the difference of the metric out to the rows of both models, which must agree in all but detections.

    agree: bits of thresholds for each row of base and of new, shape (rows, words). Aumann-Shapley values: rows of
    the base weigh 1 - s, those of the new model s, and each gets the integral of its derivative over s. Threads give
    the same bits for every number of them. Errors: as `influence`.
    """
    nodes = (NODES[::-1].copy(), NODES, NODE_WEIGHTS)
    values, agreeing = _row_values(base, new, metric, agree, nodes, threads or new.threads)
    rows = len(base.evidence)
    of_both = (values[:rows], values[rows:]) + ((agreeing[:rows], agreeing[rows:]) if agree is not None else ())
    return Attribution(*of_both, *([np.zeros(0)] * (4 - len(of_both))))


def weighty_classes(ranked: Ranked, metric: Metric) -> Ints:
    """Positions of the classes whose mean the metric is: those with ground truth, or the one that it names."""
    positives = ranked.positives(resolve(metric, ranked.evidence.params).area, ranked.once)
    chosen = np.flatnonzero(positives)
    return chosen if metric.category is None else chosen[chosen == find_class(metric, ranked.evidence)]


def average_cell(metric: Metric, evidence: Evidence) -> Cell:
    """Where an AP is measured; `DetevalError` (usage) for another kind of metric."""
    if metric.kind != "AP":
        raise usage_error(f"metric {str(metric)!r}: only an AP can be shared out to detections, such as AP or AP50")
    return resolve(metric, evidence.params)


def _row_values(base: Ranked | None, new: Ranked, metric: Metric, agree: tuple[Words, Words] | None,
                nodes: tuple[Floats, Floats, Floats], threads: int) -> tuple[Floats, Floats]:
    """The values of all rows, of the base first, and those at the thresholds where they agree."""
    cell = average_cell(metric, new.evidence)
    parts = [new.evidence] if base is None else [base.evidence, new.evidence]
    if base is None:
        first_new, base_starts, order = 0, np.zeros_like(new.starts), new.order
    else:
        first_new, base_starts = len(base.evidence), base.starts
        order = np.concatenate([base.order, new.order + first_new])
    true_positive, ignored = _outcomes(parts, cell)
    positives, chosen = new.positives(cell.area, new.once), weighty_classes(new, metric)
    wanted = np.zeros_like(positives)
    wanted[chosen] = positives[chosen]
    lanes, room = np.array(cell.thresholds, np.int64), 2 * int(np.diff(new.gt_starts).max(initial=0))
    columns = [np.concatenate([getattr(one, name) for one in parts]) for name in ("image", "rank", "scores")]
    bits = np.zeros(0, np.uint32) if agree is None else np.concatenate(agree).ravel()
    values = np.zeros(first_new + len(new.evidence))
    agreeing = np.zeros(len(values) if agree is not None else 0)
    rows = base_starts + new.starts

    def classes(chunk: tuple[int, int]) -> None:
        longest = int(np.diff(rows[chunk[0] : chunk[1] + 1]).max(initial=0))
        size = len(lanes)
        kernels.row_values(
            *chunk, base_starts, new.starts + first_new, order, first_new, *columns, true_positive, ignored, bits,
            lanes, len(new.evidence.params.iou), cell.max_dets, wanted, *nodes,
            SAMPLED / (max(len(chosen), 1) * size), room,
            *(np.empty(length, np.int64) for length in (longest, size, 2 * size, 2 * size * room, 2 * size * room)),
            *(np.empty(length) for length in (room, size * room, size * room)), values, agreeing)

    map_chunks(classes, chunks_by_work(rows), threads)
    return values, agreeing


def _outcomes(parts: list[Evidence], cell: Cell) -> tuple[Words, Words]:
    """Bits of true positives and of ignored rows in the area range, flat; other thresholds than wanted are ignored."""
    words = (len(parts[0].params.iou) + 31) // 32
    wanted = np.zeros(words, np.uint32)
    for threshold in cell.thresholds:
        wanted[threshold >> 5] |= np.uint32(1 << (threshold & 31))
    true_positive = np.concatenate([one.true_positive[:, cell.area] & wanted for one in parts])
    ignored = np.concatenate([one.ignored[:, cell.area] | (_every(len(parts[0].params.iou)) & ~wanted)
                              for one in parts])
    return true_positive.ravel(), ignored.ravel()


def _every(thresholds: int) -> Words:
    """The bits of all thresholds, shape (words,)."""
    return np.array([(1 << min(32, thresholds - first)) - 1 for first in range(0, thresholds, 32)], np.uint32)
