"""What changed from one model to another, object by object and error by error, at one IoU threshold.

Told in the first area range, within the largest cap, from the detail table of both models.
"""

from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.diagnosis.error_kinds import LEFT_OUT, classify, nearest_objects
from deteval.diagnosis.mending import Codes
from deteval.influence import Attribution
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.error_kinds import BACKGROUND, FALSE_POSITIVES
from deteval.records.evidence import Evidence, Words
from deteval.records.explanation import KindShare
from deteval.records.params import find_threshold

INSTEAD = ("another class", "badly localised", "missed")
"""What a model has of an object that only the other one finds."""
ANOTHER_CLASS, BADLY_LOCALISED, MISSED = range(len(INSTEAD))
LOST, GAINED, KEPT, FALSE = "lost", "gained", "kept", "false positives"
FIT, RANK, IGNORED = "fit", "rank", "ignored"


class Side(Struct, frozen=True):
    """One of two models.

    found_by: the detection row that finds each ground truth, -1 for none; crowds and ignored ones are found by none.
    instead: of what only the other model finds, the highest-scored false positive that is nearest to it, -1 for none
    (missed) and elsewhere; instead_kind: a place in INSTEAD, of what only the other model finds. codes: of the rows,
    as `error_kinds.classify`. similarity: of each row with what it took.
    """

    found_by: Ints
    instead: Ints
    instead_kind: NDArray[np.int8]
    codes: Codes
    similarity: Floats


class Changes(Struct, frozen=True):
    """Both models, and masks of the ground truths that only the base finds, only the new model, or both."""

    base: Side
    new: Side
    lost: Bools
    gained: Bools
    kept: Bools


def has_detail(evidence: Evidence, iou: float) -> bool:
    """Whether the detail table at an IoU threshold of the run is there."""
    return evidence.detail is not None and find_threshold(evidence.params, iou) in evidence.detail.thresholds


def find_changes(base: Evidence, new: Evidence, iou: float) -> Changes:
    """Compare two models that agree in all but detections and have the detail table at the threshold."""
    codes = [classify(one, iou) for one in (base, new)]
    found = [_found_by(one, iou) for one in (base, new)]
    lost, gained = (found[0] >= 0) & (found[1] < 0), (found[0] < 0) & (found[1] >= 0)
    sides = [Side(rows, *_instead(one, of_rows, others, iou), of_rows, _similarity(one, iou)) for one, of_rows, rows,
             others in zip((base, new), codes, found, (gained, lost), strict=True)]
    return Changes(base=sides[0], new=sides[1], lost=lost, gained=gained, kept=(found[0] >= 0) & (found[1] >= 0))


def _slot(evidence: Evidence, iou: float) -> int:
    """The column of the threshold in the detail table."""
    assert evidence.detail is not None
    return evidence.detail.thresholds.index(find_threshold(evidence.params, iou))


def _similarity(evidence: Evidence, iou: float) -> Floats:
    assert evidence.detail is not None
    return evidence.detail.similarity[:, _slot(evidence, iou)]


def _found_by(evidence: Evidence, iou: float) -> Ints:
    """The true positive of every ground truth, -1 for none."""
    assert evidence.detail is not None
    threshold = find_threshold(evidence.params, iou)
    rows = np.flatnonzero(evidence.true_positive[:, 0, threshold >> 5] & np.uint32(1 << (threshold & 31)))
    found = np.full(len(evidence.gt_image), -1, np.int64)
    found[evidence.detail.taken[rows, _slot(evidence, iou)]] = rows
    return found


def _instead(evidence: Evidence, codes: Codes, wanted: Bools, iou: float) -> tuple[Ints, NDArray[np.int8]]:
    """Of each wanted ground truth the highest-scored false positive nearest to it, and the kind.

    A false positive is nearest to the object of another class that fits best if that is by the threshold or more, and
    to the one of its own class that fits best if that is by more than background.
    """
    nearest, level = nearest_objects(evidence), evidence.params.iou[find_threshold(evidence.params, iou)]
    wanted = np.append(wanted, False)  # where position -1 points
    false = codes >= 0
    rows = [np.flatnonzero(false & wanted[nearest.other] & (nearest.other_similarity >= level)),
            np.flatnonzero(false & wanted[nearest.same] & (nearest.same_similarity >= BACKGROUND))]
    objects = np.concatenate([nearest.other[rows[0]], nearest.same[rows[1]]])
    kinds = np.repeat(np.array([ANOTHER_CLASS, BADLY_LOCALISED], np.int8), [len(rows[0]), len(rows[1])])
    candidates = np.concatenate(rows)
    order = np.lexsort((candidates, kinds, -evidence.scores[candidates], objects))
    first = order[np.diff(objects[order], prepend=-1) != 0]
    instead, kind = np.full(len(wanted) - 1, -1, np.int64), np.full(len(wanted) - 1, MISSED, np.int8)
    instead[objects[first]], kind[objects[first]] = candidates[first], kinds[first]
    return instead, kind


def agreement_bits(changes: Changes, base: Evidence, new: Evidence) -> tuple[Words, Words]:
    """Thresholds at which the detections of an object that both find have the same outcome, for each row of either."""
    rows, partners = changes.base.found_by[changes.kept], changes.new.found_by[changes.kept]
    differing = (base.true_positive[rows, 0] ^ new.true_positive[partners, 0]) | (
        base.ignored[rows, 0] ^ new.ignored[partners, 0])
    bits = [np.zeros((len(one), base.true_positive.shape[2]), np.uint32) for one in (base, new)]
    bits[0][rows] = bits[1][partners] = ~differing
    return bits[0], bits[1]


def share_kinds(changes: Changes, values: Attribution, base: Evidence, new: Evidence, category: int | None,
                ) -> tuple[KindShare, ...]:
    """The difference by kind of change: the shares are sums of all row values, each taken once.

    values: with the agreeing part at `agreement_bits`. category: the one class to count in, None for all. Objects that
    only one model finds have the true positive of that model, and what the other one has instead; those of both have
    both true positives: `fit` is what they add at thresholds where one counts as found and the other does not, `rank`
    at the others.
    """
    of_class = np.ones(len(base.gt_image), bool) if category is None else base.gt_category == category
    found: list[KindShare] = []
    for group, mine, where in ((LOST, changes.lost, changes.new), (GAINED, changes.gained, changes.base)):
        taken = np.zeros(len(where.codes), bool)  # a row may stand for two objects; its value counts once
        for kind, name in enumerate(INSTEAD):
            objects = mine & of_class & (where.instead_kind == kind)
            rows = where.instead[objects & (where.instead >= 0)]
            fresh = np.zeros(len(taken), bool)
            fresh[rows] = True
            fresh &= ~taken
            taken |= fresh
            hits, misses = (values.base, values.new) if group == LOST else (values.new, values.base)
            finder = changes.base if group == LOST else changes.new
            share = float(hits[finder.found_by[objects]].sum() + misses[fresh].sum())
            count = int(objects.sum())
            found.append(KindShare(group, name, *((count, 0) if group == LOST else (0, count)), share))
    return (*found, *_kept_kinds(changes, values, base, new, of_class),
            *_false_kinds(changes, values, base, new, of_class, category))


def _kept_kinds(changes: Changes, values: Attribution, base: Evidence, new: Evidence, of_class: Bools,
                ) -> Iterable[KindShare]:
    kept = changes.kept & of_class
    rows, partners = changes.base.found_by[kept], changes.new.found_by[kept]
    whole = float(values.base[rows].sum() + values.new[partners].sum())
    agreeing = float(values.base_agreeing[rows].sum() + values.new_agreeing[partners].sum())
    differs = ((base.true_positive[rows, 0] != new.true_positive[partners, 0])
               | (base.ignored[rows, 0] != new.ignored[partners, 0])).any(axis=1)
    yield KindShare(KEPT, FIT, int(differs.sum()), int(differs.sum()), whole - agreeing)
    yield KindShare(KEPT, RANK, int(kept.sum()), int(kept.sum()), agreeing)


def _false_kinds(changes: Changes, values: Attribution, base: Evidence, new: Evidence, of_class: Bools,
                 category: int | None) -> Iterable[KindShare]:
    """All other false positives, by kind; and what is ignored at this threshold, where it matters at another."""
    counts, shares = np.zeros((2, len(FALSE_POSITIVES)), np.int64), np.zeros(len(FALSE_POSITIVES))
    ignored = 0.0
    for place, (side, worth, one) in enumerate(((changes.base, values.base, base), (changes.new, values.new, new))):
        rest = np.ones(len(one), bool) if category is None else one.category == category
        ignored += float(worth[rest & (side.codes == LEFT_OUT)].sum())
        rest[side.instead[of_class & (side.instead >= 0)]] = False
        rest &= side.codes >= 0
        counts[place] = np.bincount(side.codes[rest], minlength=len(FALSE_POSITIVES))
        shares += np.bincount(side.codes[rest], worth[rest], len(FALSE_POSITIVES))
    for code, name in enumerate(FALSE_POSITIVES):
        yield KindShare(FALSE, name, int(counts[0, code]), int(counts[1, code]), float(shares[code]))
    if ignored:
        yield KindShare(FALSE, IGNORED, 0, 0, ignored)
