"""What happened to the objects that two models both find: whether boxes fit worse, whether scores moved, and where."""

import numpy as np
from msgspec import Struct

from deteval.differences.changes import Changes
from deteval.errors import counted, shortened
from deteval.records.dataset import Bools, Floats, Positions
from deteval.records.evidence import Evidence

FEW = 5
"""Fewer objects than this are no pattern."""
BY_CHANCE = 4.0
"""Changes go one way if the two ways differ by so many standard deviations of a fair coin."""
NOTABLE = 0.05
"""A shift of scores stands out if it is at least this share of the middle half of the base's scores."""
MOSTLY, MARGIN = 0.8, 0.001
"""Nearly all, of objects; and by how much a median similarity must differ at least."""
TOO_LARGE = float(np.finfo(np.float64).max) / 4
"""Differences and means of larger scores could overflow: nothing is said of them."""
NAMED = 3
SPELLED = {"iou": "IoU", "giou": "GIoU", "diou": "DIoU", "ciou": "CIoU"}
VERBS = {-1: "fell", 1: "rose"}


class Pairs(Struct, frozen=True):
    """The detections of both models on the same objects, one row per object.

    scores, similarity: of base and of new. category, image: of the object. similarity_name: as it is spelled.
    classes: how many are looked at. noun: what both models have, by what the pairs were made.
    """

    base_scores: Floats
    new_scores: Floats
    base_similarity: Floats
    new_similarity: Floats
    category: Positions
    image: Positions
    names: tuple[str, ...]
    n_images: int
    classes: int
    similarity_name: str
    noun: str = "objects"

    def __len__(self) -> int:
        return len(self.category)


def pair_up(changes: Changes, base: Evidence, new: Evidence, objects: Bools, classes: int) -> Pairs:
    """The pairs of those of the objects that both models find."""
    kept = changes.kept & objects
    rows, partners = changes.base.found_by[kept], changes.new.found_by[kept]
    return Pairs(
        base_scores=base.scores[rows], new_scores=new.scores[partners], base_similarity=changes.base.similarity[rows],
        new_similarity=changes.new.similarity[partners], category=base.gt_category[kept], image=base.gt_image[kept],
        names=base.categories.names, n_images=len(base.images), classes=classes,
        similarity_name=SPELLED[base.params.similarity])


def one_way(change: Floats, one_sided: float) -> int:
    """-1 or 1 if most changes go down or up, by a share of them and more than chance would have it; 0 otherwise."""
    down, up = int((change < 0).sum()), int((change > 0).sum())
    moved = down + up
    by_chance = BY_CHANCE * moved**0.5 if moved >= BY_CHANCE**2 else moved
    if moved < FEW or abs(up - down) < max(one_sided * moved, by_chance):
        return 0
    return 1 if up > down else -1


def fit_remark(pairs: Pairs) -> str:
    """Whether boxes fit better or worse, or moved at all while scores stayed; "" if not."""
    base, new = pairs.base_similarity, pairs.new_similarity
    moved = base != new
    count = int(moved.sum())
    if count < FEW:
        return ""
    boxes_only = count >= 0.1 * len(pairs) and (pairs.base_scores == pairs.new_scores).mean() >= 0.9
    before, after = np.median(base[moved]), np.median(new[moved])
    if not (one_way(new - base, 0.1) and abs(after - before) >= MARGIN):
        if not boxes_only:
            return ""
        if abs(after - before) < 10 * MARGIN:
            return (
                f"of {counted(len(pairs), 'object')} found by both, {count:,} have another box with the same score in "
                "new, which fits better as often as worse")
    scores = ", with the same scores" if boxes_only else ""
    return (f"of {counted(len(pairs), 'object')} found by both, new fits {int((new < base).sum()):,} worse and "
            f"{int((new > base).sum()):,} better{scores}: median {pairs.similarity_name} of these {before:.3f} -> "
            f"{after:.3f}")


def scores_remark(pairs: Pairs, order_kept: bool) -> str:
    """Whether scores moved one way: of all objects, in some classes, or on some images; "" if not.

    order_kept: whether in every class the same outcomes follow each other in both models, so that AP sees no change.
    """
    base, new = pairs.base_scores, pairs.new_scores
    if len(pairs) < FEW or max(np.abs(base).max(), np.abs(new).max()) > TOO_LARGE:
        return ""
    spread = float(np.subtract(*np.percentile(base, [75, 25]))) or float(np.ptp(base)) or 1.0
    change, least = new - base, NOTABLE * spread
    way, before, after = one_way(change, 0.3), np.median(base), np.median(new)
    if way and abs(np.median(change)) >= least and abs(after - before) >= least:
        unseen = ("their order did not change, so AP does not see it, but every score cut does" if order_kept else
                  "score cuts chosen for base do not fit new")
        return f"scores of the same {pairs.noun} {VERBS[way]}: median {_score(before)} -> {_score(after)}; {unseen}"
    large = np.abs(change) >= 2 * least
    if large.sum() < FEW:
        return ""
    return _in_classes(pairs, change, large) or _on_images(pairs, change, large)


def _in_classes(pairs: Pairs, change: Floats, large: Bools) -> str:
    """Classes in which scores moved one way, if nearly all large changes are theirs."""
    told, explained = [], 0
    for k, name in enumerate(pairs.names):
        rows = np.flatnonzero(pairs.category == k)
        way = one_way(change[rows], MOSTLY)
        if way and large[rows].mean() >= 0.5:
            explained += int(large[rows].sum())
            before, after = np.median(pairs.base_scores[rows]), np.median(pairs.new_scores[rows])
            text = f"{shortened(name)} {VERBS[way]}, median {_score(before)} -> {_score(after)}"
            told.append((len(rows), text))
    if explained < MOSTLY * large.sum():
        return ""
    told.sort(key=lambda one: -one[0])
    more = f"; and {len(told) - NAMED:,} more" if len(told) > NAMED else ""
    return (f"scores of the same {pairs.noun} moved in {len(told):,} of {pairs.classes:,} classes: "
            f"{'; '.join(text for _, text in told[:NAMED])}{more}; AP sees it only where their order changed, every "
            "score cut does")


def _on_images(pairs: Pairs, change: Floats, large: Bools) -> str:
    """Images on which nearly all scores moved the same way, if nearly all large changes are theirs."""
    objects = np.bincount(pairs.image, minlength=pairs.n_images)
    for way, verb in VERBS.items():
        moved, far = (np.bincount(pairs.image, mask, pairs.n_images) for mask in (change * way > 0, large))
        some = (objects > 0) & (moved >= MOSTLY * objects) & (far >= 0.5 * objects)
        rows = some[pairs.image]
        if some.sum() >= FEW and large[rows].sum() >= MOSTLY * large.sum():
            before, after = np.median(pairs.base_scores[rows]), np.median(pairs.new_scores[rows])
            every = int((objects > 0).sum())
            return (f"scores of the same {pairs.noun} {verb} on {int(some.sum()):,} of {every:,} images, "
                    f"median {_score(before)} -> {_score(after)}, not on the others")
    return ""


def _score(value: float) -> str:
    """A score, so that small ones do not show as nothing."""
    return f"{value:.3f}" if value >= 0.01 else f"{value:.2g}"
