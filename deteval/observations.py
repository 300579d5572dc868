"""What stands out in the difference of two models, in sentences: what broke, not only by how much.

Each remark weighs as much of the difference as it speaks of.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from deteval.changes import (
    ANOTHER_CLASS,
    BADLY_LOCALISED,
    FIT,
    GAINED,
    INSTEAD,
    KEPT,
    LOST,
    MISSED,
    RANK,
    Changes,
    Side,
)
from deteval.errors import counted, shortened
from deteval.influence import Attribution
from deteval.kept_objects import FEW, NAMED, fit_remark, pair_up, scores_remark
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.explanation import ClassShare, KindShare

MOST_REMARKS = 8
CAUSE = 3
"""A remark that says what broke stands before one that says where, unless it speaks of so many times less."""
HALF = 0.5
NEXT_TO_NONE = 20
"""A class is silent if it has so many times fewer detections than in the other model."""
WORDS = {
    (LOST, INSTEAD[ANOTHER_CLASS]): "objects that base finds and new sees as another class",
    (LOST, INSTEAD[BADLY_LOCALISED]): "objects that base finds and new localises badly",
    (LOST, INSTEAD[MISSED]): "objects that base finds and new misses",
    (GAINED, INSTEAD[ANOTHER_CLASS]): "objects that new finds and base sees as another class",
    (GAINED, INSTEAD[BADLY_LOCALISED]): "objects that new finds and base localises badly",
    (GAINED, INSTEAD[MISSED]): "objects that new finds and base misses",
    (KEPT, FIT): "objects found by both that fit well enough in one model only, at some thresholds",
    (KEPT, RANK): "objects found by both that moved among the false positives by their scores",
}
Remark = tuple[float, str]


class Observed(Struct, frozen=True):
    """All that is known of a difference.

    classes, categories: those that are looked at, with their positions. by_image: the share of every image. changes,
    kinds: None and empty without the detail table.
    """

    base: Evidence
    new: Evidence
    iou: float
    difference: float
    classes: tuple[ClassShare, ...]
    categories: list[int]
    by_image: Floats
    changes: Changes | None
    kinds: tuple[KindShare, ...]
    values: Attribution

    def part(self, share: float) -> str:
        """A share beside the whole difference, in points."""
        small, whole = (round(100 * value, 2) + 0.0 for value in (share, self.difference))  # never -0.00
        return f"{small:+.2f} of {whole:+.2f} points"

    @property
    def objects(self) -> Bools:
        """Ground truths of the classes that are looked at."""
        looked_at = np.zeros(len(self.base.categories), bool)
        looked_at[self.categories] = True
        return looked_at[self.base.gt_category]


def observe(seen: Observed) -> tuple[str, ...]:
    """What stands out, the most important first: causes before what they add up to."""
    silent = list(_silent_classes(seen))
    causes, sums = [*silent, *_silent_images(seen)], list(_concentration(seen, class_named=bool(silent)))
    if seen.changes is not None:
        causes += [*_wrong_classes(seen, seen.changes), *_same_objects(seen, seen.changes),
                   *_badly_localised(seen, seen.changes)]
        sums += _largest_kinds(seen)
    found = [(CAUSE * abs(weight), text) for weight, text in causes] + [(abs(weight), text) for weight, text in sums]
    found.sort(key=lambda remark: -remark[0])
    return tuple(text for _, text in found[:MOST_REMARKS])


def _silent_classes(seen: Observed) -> Iterator[Remark]:
    """Classes of which one model has no detection, or next to none."""
    sizes = {"base": np.bincount(seen.base.category, minlength=len(seen.base.categories)),
             "new": np.bincount(seen.new.category, minlength=len(seen.base.categories))}
    for mine, other in (("new", "base"), ("base", "new")):
        few = [(one, int(sizes[mine][k]), int(sizes[other][k]))
               for one, k in zip(seen.classes, seen.categories, strict=True)
               if one.share is not None and sizes[other][k] >= FEW and sizes[mine][k] * NEXT_TO_NONE <= sizes[other][k]]
        few.sort(key=lambda one: -abs(one[0].share or 0.0))
        if len(few) > NAMED:
            share = sum(one.share or 0.0 for one, _, _ in few)
            names = ", ".join(shortened(one.name) for one, _, _ in few[:NAMED])
            yield share, (f"{len(few):,} classes have no detection in {mine}, or next to none, among them {names}: "
                          f"{seen.part(share)}")
            continue
        for one, count, others in few:
            has, share = f"has {counted(count, 'detection')}" if count else "has no detection", one.share or 0.0
            yield share, f"class {shortened(one.name)}: {mine} {has} ({other} {others:,}): {seen.part(share)}"


def _silent_images(seen: Observed) -> Iterator[Remark]:
    """Images on which only one model has detections; and whether one has many more of them than the other."""
    some = [np.bincount(one.image, minlength=len(seen.by_image)) > 0 for one in (seen.base, seen.new)]
    only_base, only_new = some[0] & ~some[1], some[1] & ~some[0]
    for mine, other, model, finder in ((only_base, only_new, "new", "base"), (only_new, only_base, "base", "new")):
        if mine.sum() >= max(NAMED, 0.02 * len(mine), 5 * other.sum()):
            share = float(seen.by_image[mine].sum())
            yield share, (f"{int(mine.sum()):,} of {len(mine):,} images have no detection in {model}, where {finder} "
                          f"has some: {seen.part(share)}")
            return
    total, before = len(seen.new), len(seen.base)
    if total > 2 * before or before > 2 * total:
        yield 0.0, f"new has {counted(total, 'detection')}, base {before:,}"


def _concentration(seen: Observed, *, class_named: bool) -> Iterator[Remark]:
    """Whether one class (unless one is named already) or a few images make most of the difference."""
    word = "drop" if seen.difference < 0 else "rise"
    shares = np.array([one.share or 0.0 for one in seen.classes])
    largest = int(np.argmax(np.abs(shares))) if len(shares) else 0
    if len(shares) > 2 and not class_named and _is_most(shares[largest], abs(shares[largest]), shares, seen.difference):
        one = seen.classes[largest]
        yield 0.9 * shares[largest], (f"most of the {word} is in class {shortened(one.name)}: "
                                      f"{seen.part(shares[largest])} (its AP {one.base:.4f} -> {one.new:.4f})")
    images = len(seen.by_image)
    order = np.argsort(-np.abs(seen.by_image), kind="stable")[: max(NAMED, images // 100)]
    sums, weights = np.cumsum(seen.by_image[order]), np.cumsum(np.abs(seen.by_image[order]))
    for count in range(1, len(order) + 1 if images >= 2 * FEW else 1):
        if _is_most(sums[count - 1], weights[count - 1], seen.by_image, seen.difference):
            ids = ", ".join(shortened(seen.base.images.ids.tolist()[i]) for i in order[:count][:NAMED].tolist())
            more = f" and {count - NAMED:,} more" if count > NAMED else ""
            yield 0.8 * sums[count - 1], (f"most of the {word} is in {count:,} of {images:,} images: {ids}{more}: "
                                          f"{seen.part(sums[count - 1])}")
            return


def _is_most(part: float, weight: float, shares: Floats, difference: float) -> bool:
    """Whether a part makes half of a difference, and of all ups and downs too."""
    return part * difference > 0 and abs(part) >= HALF * abs(difference) and weight >= HALF * np.abs(shares).sum()


class _Pair(Struct, frozen=True):
    """Objects of a class that the other model sees as another: how many, of all that only one model finds, and what
    the class has of the difference."""

    category: int
    other: int
    count: int
    of: int
    share: float


def _wrong_classes(seen: Observed, changes: Changes) -> Iterator[Remark]:
    """Objects that one model finds and the other sees as another class; two classes that changed places."""
    names = [shortened(name) for name in seen.base.categories.names]
    for word, model, pairs in (
            ("lost", "new", _seen_as(seen, changes.lost, changes.base, changes.new, seen.new)),
            ("gained", "base", _seen_as(seen, changes.gained, changes.new, changes.base, seen.base))):
        by_other: dict[int, list[_Pair]] = {}
        for one in pairs:
            by_other.setdefault(one.other, []).append(one)
        for other, members in by_other.items():
            if len(members) > NAMED:
                count, of = sum(one.count for one in members), sum(one.of for one in members)
                yield sum(one.share for one in members), (
                    f"{count:,} of {of:,} {word} objects of {len(members):,} classes are detected as {names[other]} by "
                    f"{model}")
        single = {(one.category, one.other): one for one in pairs if len(by_other[one.other]) <= NAMED}
        for (category, other), one in list(single.items())[: 2 * NAMED]:
            back, name = single.get((other, category)), names[category]
            if back is None:
                yield one.share, (f"{one.count:,} of {one.of:,} {word} objects of class {name} are detected as "
                                  f"{names[other]} by {model}")
            elif category < other:  # told once for both
                yield one.share + back.share, (
                    f"classes {name} and {names[other]} look swapped in {model}: {one.count:,} of {one.of:,} {word} "
                    f"objects of {name} are detected as {names[other]}, {back.count:,} of {back.of:,} of "
                    f"{names[other]} as {name}")


def _seen_as(seen: Observed, mine: Bools, finder: Side, where: Side, other: Evidence) -> list[_Pair]:
    """Pairs of classes that hold a good part of the objects that only one model finds, those that weigh most first."""
    classes = seen.base.gt_category
    of = np.bincount(classes[mine], minlength=len(seen.base.categories))
    found = np.bincount(classes[finder.found_by >= 0], minlength=len(of))
    objects = np.flatnonzero(mine & (where.instead_kind == ANOTHER_CLASS))
    keys = classes[objects].astype(np.int64) * len(of) + other.category[where.instead[objects]]
    shares = {k: one.share or 0.0 for one, k in zip(seen.classes, seen.categories, strict=True)}
    pairs = [_Pair(key // len(of), key % len(of), count, int(of[key // len(of)]), shares.get(key // len(of), 0.0))
             for key, count in zip(*_tally(keys), strict=True)]
    return sorted((one for one in pairs if one.category in shares
                   and one.count >= max(FEW, 0.4 * one.of, 0.1 * found[one.category])), key=lambda one: -abs(one.share))


def _tally(keys: Ints) -> tuple[list[int], list[int]]:
    """Distinct keys, ascending, and how often each occurs."""
    ascending = np.sort(keys)
    first = np.flatnonzero(np.diff(ascending, prepend=-1))
    return ascending[first].tolist(), np.diff(np.append(first, len(ascending))).tolist()


def _same_objects(seen: Observed, changes: Changes) -> Iterator[Remark]:
    """How the boxes and the scores of the objects that both find differ."""
    shares = {(one.group, one.kind): one.share for one in seen.kinds}
    pairs = pair_up(changes, seen.base, seen.new, seen.objects, len(seen.categories))
    order_kept = not (np.any(seen.values.base) or np.any(seen.values.new))
    for kind, text in ((FIT, fit_remark(pairs)), (RANK, scores_remark(pairs, order_kept))):
        if text:
            yield shares[KEPT, kind], text


def _badly_localised(seen: Observed, changes: Changes) -> Iterator[Remark]:
    """Whether most objects that only one model finds are there in the other, but with a box that fits badly."""
    shares, objects = {(one.group, one.kind): one.share for one in seen.kinds}, seen.objects
    for mine, finder, where, group, model in ((changes.lost, changes.base, changes.new, LOST, "new"),
                                              (changes.gained, changes.new, changes.base, GAINED, "base")):
        all_of_them, found = int((mine & objects).sum()), int(((finder.found_by >= 0) & objects).sum())
        bad = int((mine & objects & (where.instead_kind == BADLY_LOCALISED)).sum())
        if bad >= max(FEW, HALF * all_of_them, 0.02 * found):
            yield shares[group, INSTEAD[BADLY_LOCALISED]], (
                f"{bad:,} of {counted(all_of_them, f'{group} object')} are badly localised by {model}")


def _largest_kinds(seen: Observed) -> Iterator[Remark]:
    """How many objects only one model finds, if that is one-sided; and the kind of change that makes most of it all."""
    lost, gained = (sum(one.base + one.new for one in seen.kinds if one.group == group) for group in (LOST, GAINED))
    share = sum(one.share for one in seen.kinds if one.group in (LOST, GAINED))
    if lost + gained >= FEW and max(lost, gained) >= 2 * min(lost, gained):
        yield share, (f"{lost:,} objects are found by base alone and {gained:,} by new alone at IoU {seen.iou:g}: "
                      f"{seen.part(share)}")
    largest = max(seen.kinds, key=lambda one: abs(one.share))
    if seen.difference and abs(largest.share) >= 0.3 * sum(abs(one.share) for one in seen.kinds):
        words = WORDS.get((largest.group, largest.kind), f"false positives of kind {largest.kind}")
        count = f"{largest.base:,}" if largest.base == largest.new else f"base {largest.base:,}, new {largest.new:,}"
        yield 0.9 * largest.share, f"the largest kind of change: {words} ({count}): {seen.part(largest.share)}"
