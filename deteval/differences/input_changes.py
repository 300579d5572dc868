"""What changed in the detections as such, whatever they score: the first things to know of two models.

Every sentence here needs strict evidence: detections that are the same but for one thing, or a limit that cuts sharply.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from deteval.differences.class_moves import Move, Words, told_moves
from deteval.differences.moved_boxes import move_of, real_moves, scatter
from deteval.differences.moved_scores import rank_remark, rescaled_remark
from deteval.differences.same_detections import (
    BOX,
    CLASS,
    IMAGE,
    SCORE,
    Columns,
    Keys,
    Same,
    columns_of,
    find_same,
    mixed,
    repeats,
)
from deteval.errors import counted, shortened
from deteval.records.dataset import Bools, Ints
from deteval.records.evidence import Evidence
from deteval.records.run import Boxes

FEW = 5
SURE_SCORES, CHANCE = 3, 0.1
"""An image is known again by so many different scores; not where base alone has so many images alike, of those found.
"""
NEARLY_ALL, FEW_OF_THE_OTHER = 0.95, 0.1
WHOLE = 0.8
"""A class moved if so many of its detections have one other class."""
CLOSE, LOOKED_AT = 0.8, 1000
"""IoU of near copies; and at how many added detections one looks."""
IDENTICAL, BOXES, SCORES, CLASSES, IMAGES, LIMITS = "identical", "boxes", "scores", "classes", "images", "limits"


class InputChanges(Struct, frozen=True):
    """Sentences, and what they told of."""

    remarks: tuple[str, ...]
    told: frozenset[str]


class Inputs(Struct, frozen=True):
    """The detections of base and of new, and what they share."""

    base_evidence: Evidence
    new_evidence: Evidence
    base: Columns
    new: Columns
    same: Same | None
    boxes: tuple[Boxes | None, Boxes | None]
    category: int | None
    order_kept: bool


def input_changes(base: Evidence, new: Evidence, boxes: tuple[Boxes | None, Boxes | None] | None, category: int | None,
                  order_kept: bool) -> InputChanges:
    """What changed in the detections. category: the one class to look at. order_kept: whether AP sees no order change.

    boxes: what both were matched from, where it is at hand; without, only scores and classes can be the same.
    """
    at_hand = (None, None) if boxes is None or None in boxes else boxes
    ours, theirs = (columns_of(one, found, category) for one, found in zip((base, new), at_hand, strict=True))
    seen = Inputs(base, new, ours, theirs, find_same(ours, theirs), at_hand, category, order_kept)
    identical = _identical(seen)
    if identical:
        return InputChanges((identical,), frozenset([IDENTICAL]))
    told: dict[str, list[str]] = {
        CLASSES: list(_classes(seen)), BOXES: list(_boxes(seen)), SCORES: list(_scores(seen)),
        IMAGES: list(_images(seen)), LIMITS: list(_limits(seen))}
    if not told[LIMITS] and not told[IMAGES]:
        told[LIMITS] = list(_rest(seen))
    return InputChanges(tuple(text for texts in told.values() for text in texts),
                        frozenset(name for name, texts in told.items() if texts))


def _identical(seen: Inputs) -> str:
    """Whether both hold the same detections, whatever their order; "" if not."""
    same, n = seen.same, len(seen.base)
    if same is None or same.free or not len(same.base) == n == len(seen.new):
        return ""
    by = ""
    if seen.base.source is None:
        if not np.array_equal(_outcomes(seen.base, seen.base_evidence), _outcomes(seen.new, seen.new_evidence)):
            return ""
        by = ", by image, class, score and outcome"
    order = "" if np.array_equal(seen.base.record[same.base], seen.new.record[same.new]) else (
        ", in another order in the file")
    return f"the detections are identical{_but_for_classes(seen)}: {n:,} in both{by}{order}"


def _but_for_classes(seen: Inputs) -> str:
    """What identical detections may differ in where the run does not look at classes; "" where nothing."""
    if not seen.base_evidence.params.class_agnostic:
        return ""
    found = [mixed([one.keys(), boxes.detections.category[one.places]])
             for one, boxes in zip((seen.base, seen.new), seen.boxes, strict=True) if boxes is not None]
    if len(found) < 2:
        return " for this run, which does not look at classes"
    if np.array_equal(np.sort(found[0]), np.sort(found[1])):
        return ""
    return " but for their classes, which this run does not look at"


def _outcomes(one: Columns, evidence: Evidence) -> Keys:
    """What stands for each detection and all that it found, ascending; in place of its box."""
    bits = [words[one.rows].reshape(len(one), -1).T for words in (evidence.true_positive, evidence.ignored)]
    return np.sort(mixed([one.keys(), *bits[0], *bits[1]]))


def _classes(seen: Inputs) -> Iterator[str]:
    """Detections that have another class in new, and box and score of base."""
    same = seen.same
    if same is None or same.free != CLASS:
        return
    before, after = seen.base.category[same.base].astype(np.int64), seen.new.category[same.new].astype(np.int64)
    classes = len(seen.base_evidence.categories)
    of = np.bincount(before, minlength=classes)
    keys, counts = np.unique((before * classes + after)[before != after], return_counts=True)
    moves = [Move(key // classes, key % classes, count, int(of[key // classes]),
                  bool(count >= WHOLE * of[key // classes]))
             for key, count in zip(keys.tolist(), counts.tolist(), strict=True)]
    told = list(told_moves(moves, seen.base_evidence.categories, int((of > 0).sum()),
                           Words("detections", "are", "of class", "new")))
    yield from (one.text for one in told)
    inside = {source for one in told for source in one.classes}
    rest = sorted((one for one in moves if one.source not in inside), key=lambda one: -one.count)
    total, names = sum(one.count for one in rest), seen.base_evidence.categories.names
    if total >= FEW and rest[0].count >= 0.4 * total:
        one = rest[0]
        yield (f"{one.count:,} of {one.of:,} detections of class {shortened(names[one.source])} are of class "
               f"{shortened(names[one.target])} in new, with the same boxes and scores")
    elif total >= FEW and not (told and total < 0.05 * len(before)):
        yield (f"{total:,} of {len(before):,} detections ({total / len(before):.1%}) have another class in new, with "
               "the same boxes and scores and by no pattern, as at random")


def _boxes(seen: Inputs) -> Iterator[str]:
    """Detections whose boxes moved while classes and scores stayed."""
    same = seen.same
    if same is None or same.free != BOX or same.changed.sum() < FEW:
        return
    rows, images = same.base[same.changed], seen.base_evidence.images
    base, new, image = seen.base.take(rows).boxes, seen.new.take(same.new[same.changed]).boxes, seen.base.image[rows]
    how = move_of(base, new, images.width[image], images.height[image])
    if not how:
        real = real_moves(base, new)
        base, new, image = base[real], new[real], image[real]
        if len(image) < FEW:
            return  # noise of floats
        how = move_of(base, new, images.width[image], images.height[image]) or scatter(base, new)
    some, every = len(np.unique(image)), len(np.unique(seen.new.image))
    where = f", on {some:,} of {every:,} images" if some < 0.9 * every else ""
    how_many = f"all {len(image):,} boxes" if len(image) == len(seen.new) else (
        f"{len(image):,} of {len(seen.new):,} boxes{where}")
    yield f"in new, {how_many} are {how}, with the same scores"


def _scores(seen: Inputs) -> Iterator[str]:
    """Detections whose scores moved while classes and boxes stayed."""
    same = seen.same
    if same is None or same.free != SCORE or same.changed.sum() < FEW:
        return
    base, new = seen.base.take(same.base), seen.new.take(same.new)
    text = rank_remark(base.scores, new.scores, same.changed) or rescaled_remark(
        base, new, seen.base_evidence.categories.names, len(seen.base_evidence.images), seen.order_kept)
    if text:
        yield text


def _images(seen: Inputs) -> Iterator[str]:
    """Images whose detections stand on another image in new."""
    if seen.same is not None and len(seen.same.base) == max(len(seen.base), len(seen.new)):
        return
    ids = seen.base_evidence.images.ids.tolist()
    some = len(np.unique(seen.new.image))
    at_hand = seen.base.source is not None and seen.new.source is not None
    for by_boxes in (True, False) if at_hand else (False,):
        moved, places, chance = _moved_images(seen, by_boxes)
        if len(moved) >= max(2, 0.02 * some) and chance <= CHANCE * len(moved):
            break
    else:
        return
    example = ", ".join(f"those of {shortened(ids[place])} on {shortened(ids[image])}"
                        for image, place in zip(moved[:2].tolist(), places[:2].tolist(), strict=True))
    steps = moved - places
    step = int(np.median(steps))
    all_alike = f", by {step:+d} in their order" if (steps == step).mean() >= 0.9 else ""
    yield (f"detections stand on other images in new: on {len(moved):,} of {some:,} images those of another "
           f"one{all_alike}: {example}")


def _moved_images(seen: Inputs, by_boxes: bool) -> tuple[Ints, Ints, int]:
    """Images whose detections are those of one other image of base, that image, and how many of base are alike."""
    n_images = len(seen.base_evidence.images)
    (base, sure), (new, others) = (_signatures(one, n_images, by_boxes) for one in (seen.base, seen.new))
    known = np.flatnonzero(sure)
    _, first, inverse, counts = np.unique(base[known], return_index=True, return_inverse=True, return_counts=True)
    unique = known[first[counts == 1]]  # by ascending signature
    if not len(unique):
        return unique, unique, len(known)
    places = unique[np.minimum(np.searchsorted(base[unique], new), len(unique) - 1)]
    moved = np.flatnonzero(others & (base[places] == new) & (base != new))
    return moved, places[moved], int((counts[inverse] > 1).sum())


def _signatures(one: Columns, n_images: int, by_boxes: bool) -> tuple[Ints, Bools]:
    """A number for what stands on each image, whatever the order, and whether that is enough to know the image."""
    keys = one.keys(IMAGE)
    total = np.zeros(n_images, np.uint64)
    np.add.at(total, one.image, mixed([keys, *(one.boxes.T + 0.0)]) if by_boxes else keys)
    images = one.image if by_boxes else one.image[repeats(mixed([one.image, one.scores + 0.0])) == 0]
    return total.view(np.int64), np.bincount(images, minlength=n_images) >= (1 if by_boxes else SURE_SCORES)


def _limits(seen: Inputs) -> Iterator[str]:
    """Limits that cut one model and not the other: detections an image, scores, sizes of boxes."""
    for less, more, name, other in ((seen.new, seen.base, "new", "base"), (seen.base, seen.new, "base", "new")):
        if not len(less) or len(less) >= len(more):
            continue
        cap = _cap(less, more, len(seen.base_evidence.images), name, other)
        if cap:
            yield cap
            continue
        gone = _unpaired(seen, more)
        least = float(less.scores.min())
        below = more.scores < least
        alike = 0.5 <= (~below).sum() / len(less) <= 2.0 if gone is None else below[gone].mean() >= NEARLY_ALL
        if below.sum() >= max(FEW, 0.1 * len(more)) and alike:  # as many are left as in the other, or the same ones
            yield (f"{name} has no score below {least:.3g}: {int(below.sum()):,} of {len(more):,} detections of "
                   f"{other} are below")
        elif gone is not None and gone.sum() >= FEW and less.source is not None:
            smallest = float(less.boxes[:, 2:].prod(axis=1).min())
            small = more.boxes[:, 2:].prod(axis=1) < smallest
            if small[gone].mean() >= NEARLY_ALL:
                yield (f"{name} has no box of less than {smallest:,.0f} px^2: {int(small.sum()):,} of {len(more):,} "
                       f"boxes of {other} are smaller")


def _cap(less: Columns, more: Columns, n_images: int, name: str, other: str) -> str:
    """Whether one model stops at so many detections an image where the other goes on; "" if not."""
    few, many = (np.bincount(one.image, minlength=n_images) for one in (less, more))
    cap = int(few.max())
    beyond = many > cap
    if beyond.sum() < max(FEW, 0.02 * (many > 0).sum()) or (few[beyond] == cap).mean() < NEARLY_ALL:
        return ""
    return (f"{name} has at most {counted(cap, 'detection')} an image: {other} has more on {int(beyond.sum()):,} of "
            f"{int((many > 0).sum()):,} images, up to {int(many.max()):,} ({len(less):,} detections, {other} "
            f"{len(more):,})")


def _unpaired(seen: Inputs, one: Columns) -> Bools | None:
    """Which detections of a model the other one has not, nearly; None where both are not versions of the same."""
    if seen.same is None:
        return None
    left = np.ones(len(one), bool)
    left[seen.same.base if one is seen.base else seen.same.new] = False
    return left if left.any() else None


def _rest(seen: Inputs) -> Iterator[str]:
    """Detections that only one model has, where it has those of the other as well; copies are told apart."""
    for mine, other, name, theirs in ((seen.new, seen.base, "new", "base"), (seen.base, seen.new, "base", "new")):
        extra, less = _unpaired(seen, mine), _unpaired(seen, other)
        if extra is None or extra.sum() < FEW or _silent(extra, mine, other):
            continue
        if less is not None and less.sum() > FEW_OF_THE_OTHER * extra.sum():
            continue  # both have some of their own: they are another version, not more
        total = int(extra.sum())
        copies = int((repeats(mine.keys())[extra] > 0).sum())
        if copies >= NEARLY_ALL * total:
            every = "every detection stands twice in" if 2 * copies == len(mine) else "detections are repeated in"
            yield f"{every} {name}: {copies:,} of {len(mine):,} are exact copies of another one"
        elif _close_copies(mine, extra, len(seen.base_evidence.images)) >= WHOLE:
            yield (f"{name} has {total:,} near copies of its own detections (the same image and class, IoU of "
                   f"{CLOSE:g} or more), {theirs} has not: {len(mine):,} detections, {theirs} {len(other):,}")
        else:
            alike = "all" if len(mine) - total == len(other) else f"{len(mine) - total:,}"
            evidence = seen.new_evidence if mine is seen.new else seen.base_evidence
            hits = int(evidence.true_positive[mine.rows[extra], 0].any(axis=1).sum())
            yield (f"{name} has {counted(total, 'detection')} that {theirs} has not, besides {alike} of the "
                   f"{len(other):,} of {theirs}; {hits:,} of them find an object")


def _silent(extra: Bools, mine: Columns, other: Columns) -> bool:
    """Whether what only one model has is of classes, or on images, where the other has nothing: that is told apart."""
    for column, others in ((mine.category, other.category), (mine.image, other.image)):
        if (~np.isin(column[extra], others)).mean() >= NEARLY_ALL:
            return True
    return False


def _close_copies(one: Columns, extra: Bools, n_images: int) -> float:
    """The share of some detections that another one of the same image and class nearly covers; of a sample."""
    if one.source is None:
        return 0.0
    groups = one.category.astype(np.int64) * n_images + one.image
    chosen = np.flatnonzero(extra)
    chosen = chosen[:: max(1, len(chosen) // LOOKED_AT)]
    first, last = (np.searchsorted(groups, groups[chosen], side) for side in ("left", "right"))
    close, boxes = 0, one.boxes
    for row, start, end in zip(chosen.tolist(), first.tolist(), last.tolist(), strict=True):
        others = boxes[start:end]
        x, y, w, h = boxes[row]
        overlap = (np.minimum(others[:, :2] + others[:, 2:], (x + w, y + h))
                   - np.maximum(others[:, :2], (x, y))).clip(0).prod(axis=1)
        union = others[:, 2] * others[:, 3] + w * h - overlap
        close += int((overlap >= CLOSE * np.maximum(union, 1e-300)).sum() > 1)
    return close / len(chosen)
