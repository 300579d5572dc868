"""What stands out in the difference of two models, in sentences: what broke, not only by how much.

Each remark weighs as much of the difference as it speaks of.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from deteval.differences.changes import (
    ANOTHER_CLASS,
    BADLY_LOCALISED,
    FALSE,
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
from deteval.differences.class_moves import Move, Words, told_moves
from deteval.differences.input_changes import CLASSES, IDENTICAL, LIMITS, input_changes
from deteval.differences.kept_objects import FEW, NAMED, Pairs, fit_remark, pair_up, scores_remark
from deteval.differences.moved_boxes import habit_of
from deteval.differences.moved_scores import rank_remark
from deteval.errors import counted, shortened
from deteval.influence import Attribution
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.error_kinds import FALSE_POSITIVES
from deteval.records.evidence import Evidence
from deteval.records.explanation import ClassShare, KindShare
from deteval.records.run import Boxes, places_of

MOST_REMARKS = 8
CAUSE = 3
"""A remark that says what broke stands before one that says where, unless it speaks of so many times less."""
HALF, MOST_OF = 0.5, 0.6
LEAST = 3
"""Fewer objects of a class are no pattern, even if all of them move."""
NOTEWORTHY, LEAST_POINTS = 0.05, 0.00005
"""A remark weighs so much of the difference at least, and as much as shows in points."""
SIZES, MANY_MORE = 0.8, 1.5
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
    kinds: None and empty without the detail table. thresholds: of the metric, by position. boxes: of base and new, if
    at hand.
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
    thresholds: tuple[int, ...]
    boxes: tuple[Boxes | None, Boxes | None] | None

    def part(self, share: float) -> str:
        """A share beside the whole difference, in points."""
        small, whole = (round(100 * value, 2) + 0.0 for value in (share, self.difference))  # never -0.00
        if small * whole > 0 and abs(small) <= abs(whole):
            return f"{small:+.2f} of {whole:+.2f} points"
        return f"{small:+.2f} points, {whole:+.2f} in all"

    def most(self, share: float) -> str:
        """What a part is of the difference that has its sign and is no more than twice as large."""
        word = "drop" if self.difference < 0 else "rise"
        return f"{'most of' if abs(share) <= abs(self.difference) else 'more than'} the {word} is in"

    def weighs(self, share: float) -> bool:
        """Whether a share is worth a sentence."""
        return abs(share) >= max(NOTEWORTHY * abs(self.difference), LEAST_POINTS)

    @property
    def objects(self) -> Bools:
        """Ground truths of the classes that are looked at."""
        return self._looked_at[self.base.gt_category]

    def rows(self, model: Evidence) -> Bools:
        """Detections of the classes that are looked at."""
        return self._looked_at[model.category]

    @property
    def _looked_at(self) -> Bools:
        looked_at = np.zeros(len(self.base.categories), bool)
        looked_at[self.categories] = True
        return looked_at


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # coordinates and scores may be as large as floats go
def observe(seen: Observed) -> tuple[str, ...]:
    """What stands out, the most important first: what changed in the detections as such, then causes before what they
    add up to; only what weighs something of the difference.
    """
    order_kept = not (np.any(seen.values.base) or np.any(seen.values.new))
    category = None if len(seen.categories) == len(seen.base.categories) else seen.categories[0]
    changed = input_changes(seen.base, seen.new, seen.boxes, category, order_kept)
    if IDENTICAL in changed.told:
        return changed.remarks
    silent = [] if CLASSES in changed.told else list(_silent_classes(seen))
    causes, sums = [*silent, *_silent_images(seen)], list(_concentration(seen, class_named=bool(silent)))
    total, before = (int(seen.rows(one).sum()) for one in (seen.new, seen.base))
    always = [f"new has {counted(total, 'detection')}, base {before:,}"] * (
        not changed.remarks and (total > 2 * before or before > 2 * total))
    if seen.changes is not None:
        if not changed.told - {LIMITS}:
            pairs = pair_up(seen.changes, seen.base, seen.new, seen.objects, len(seen.categories))
            causes += [*_wrong_classes(seen, seen.changes), *_fit(seen, seen.changes, pairs)]
            always += filter(None, [_order_lost(seen, pairs) or scores_remark(pairs, order_kept)])
        causes += [*_badly_localised(seen, seen.changes), *_lost_sizes(seen, seen.changes)]
        sums += _largest_kinds(seen, seen.changes)
    weighed = [(CAUSE * abs(weight), text) for weight, text in causes if seen.weighs(weight)]
    weighed += [(abs(weight), text) for weight, text in sums if seen.weighs(weight)]
    shares = {(one.group, one.kind): one.share for one in seen.kinds}
    weighed += [(CAUSE * abs(shares.get((KEPT, RANK), 0.0)), text) for text in always]
    weighed.sort(key=lambda remark: -remark[0])
    return tuple(dict.fromkeys([*changed.remarks, *(text for _, text in weighed)]))[:MOST_REMARKS]


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
    """Images on which only one model has detections."""
    some = [np.bincount(one.image[seen.rows(one)], minlength=len(seen.by_image)) > 0 for one in (seen.base, seen.new)]
    only_base, only_new = some[0] & ~some[1], some[1] & ~some[0]
    for mine, other, model, finder in ((only_base, only_new, "new", "base"), (only_new, only_base, "base", "new")):
        if mine.sum() >= max(NAMED, 0.02 * len(mine), 5 * other.sum()):
            share = float(seen.by_image[mine].sum())
            yield share, (f"{int(mine.sum()):,} of {len(mine):,} images have no detection in {model}, where {finder} "
                          f"has some: {seen.part(share)}")
            return


def _concentration(seen: Observed, *, class_named: bool) -> Iterator[Remark]:
    """Whether one class (unless one is named already) or a few images make most of the difference, or more of it."""
    way = np.sign(seen.difference)
    if not way:
        return
    shares = np.array([one.share or 0.0 for one in seen.classes])
    largest = int(np.argmax(shares * way)) if len(shares) else 0
    if len(shares) > 2 and not class_named and _is_most(shares[largest], shares, seen.difference):
        one = seen.classes[largest]
        yield 0.9 * shares[largest], (f"{seen.most(shares[largest])} class {shortened(one.name)}: "
                                      f"{seen.part(shares[largest])} (its AP {one.base:.4f} -> {one.new:.4f})")
    images = len(seen.by_image)
    order = np.argsort(-seen.by_image * way, kind="stable")[: max(NAMED, images // 100)]
    order = order[seen.by_image[order] * way > 0]
    sums = np.cumsum(seen.by_image[order])
    for count in range(1, len(order) + 1 if images >= 2 * FEW else 1):
        if _is_most(sums[count - 1], seen.by_image, seen.difference):
            ids = ", ".join(shortened(seen.base.images.ids.tolist()[i]) for i in order[:count][:NAMED].tolist())
            more = f" and {count - NAMED:,} more" if count > NAMED else ""
            yield 0.8 * sums[count - 1], (f"{seen.most(sums[count - 1])} {count:,} of {images:,} images: {ids}{more}: "
                                          f"{seen.part(sums[count - 1])}")
            return


def _is_most(part: float, shares: Floats, difference: float) -> bool:
    """Whether a part makes half of a difference, and of all ups and downs too."""
    return bool(abs(part) >= HALF * max(abs(difference), np.abs(shares).sum()))


def _wrong_classes(seen: Observed, changes: Changes) -> Iterator[Remark]:
    """Objects that one model finds and the other sees as another class; classes that changed places."""
    names = [shortened(name) for name in seen.base.categories.names]
    for word, model, finder, mine, where, other in (
            ("lost", "new", changes.base, changes.lost, changes.new, seen.new),
            ("gained", "base", changes.new, changes.gained, changes.base, seen.base)):
        found = np.bincount(seen.base.gt_category[finder.found_by >= 0], minlength=len(names))
        moves = _seen_as(seen, mine, found, where, other)
        told = list(told_moves(moves, seen.base.categories, int((found >= LEAST).sum()),
                               Words(f"{word} objects", "are detected", "as", model)))
        yield from ((one.share, one.text) for one in told)
        inside = {source for one in told for source in one.classes}
        for one in [one for one in moves if one.source not in inside][:NAMED]:
            yield one.share, (f"{one.count:,} of {one.of:,} {word} objects of class {names[one.source]} are detected "
                              f"as {names[one.target]} in {model}")


def _seen_as(seen: Observed, mine: Bools, found: Ints, where: Side, other: Evidence) -> list[Move]:
    """Pairs of classes that hold a good part of the objects that only one model finds, those that weigh most first."""
    classes = seen.base.gt_category
    of = np.bincount(classes[mine], minlength=len(found))
    objects = np.flatnonzero(mine & (where.instead_kind == ANOTHER_CLASS))
    keys = classes[objects].astype(np.int64) * len(of) + other.category[where.instead[objects]]
    shares = {k: one.share or 0.0 for one, k in zip(seen.classes, seen.categories, strict=True)}
    moves = []
    for key, count in zip(*_tally(keys), strict=True):
        source, target = divmod(key, len(of))
        whole = count >= max(LEAST, MOST_OF * of[source], HALF * found[source])
        if source in shares and (whole or count >= max(FEW, 0.4 * of[source], 0.1 * found[source])):
            moves.append(Move(source, target, count, int(of[source]), bool(whole), shares[source]))
    return sorted(moves, key=lambda one: -abs(one.share))


def _tally(keys: Ints) -> tuple[list[int], list[int]]:
    """Distinct keys, ascending, and how often each occurs."""
    ascending = np.sort(keys)
    first = np.flatnonzero(np.diff(ascending, prepend=-1))
    return ascending[first].tolist(), np.diff(np.append(first, len(ascending))).tolist()


def _fit(seen: Observed, changes: Changes, pairs: Pairs) -> Iterator[Remark]:
    """How the boxes of the objects that both find differ, and where they moved to."""
    share = next(one.share for one in seen.kinds if (one.group, one.kind) == (KEPT, FIT))
    text = fit_remark(pairs)
    if text:
        yield share, text
    if seen.boxes is not None and None not in seen.boxes:
        kept = changes.kept & seen.objects
        boxes = []
        for model, side, given in zip((seen.base, seen.new), (changes.base, changes.new), seen.boxes, strict=True):
            assert given is not None
            records = model.row[side.found_by[kept]]
            boxes.append(given.detections.boxes[places_of(given.detections, records, "detections")])
        habit = habit_of(*boxes)
        if habit:
            yield share, f"of the objects found by both, {habit}"


def _order_lost(seen: Observed, pairs: Pairs) -> str:
    """Whether scores were rounded, or are those of base in another order; "" if not."""
    if len(pairs) < FEW:
        return ""
    assert seen.changes is not None
    before, after = (np.sort(one.scores[seen.rows(one)]) for one in (seen.base, seen.new))
    few = len(pairs) < HALF * (seen.changes.base.found_by >= 0).sum()  # what else became of them matters more
    return rank_remark(pairs.base_scores, pairs.new_scores, pairs.base_scores != pairs.new_scores,
                       "objects found by both", ordered=few or not np.array_equal(before, after))


def _badly_localised(seen: Observed, changes: Changes) -> Iterator[Remark]:
    """Whether most objects that only one model finds are there in the other, but with a box that fits badly; and so
    rarely the other way round.
    """
    shares, objects = {(one.group, one.kind): one.share for one in seen.kinds}, seen.objects
    sides = ((changes.lost & objects, changes.base, changes.new, LOST, "new"),
             (changes.gained & objects, changes.new, changes.base, GAINED, "base"))
    bad = [int((mine & (where.instead_kind == BADLY_LOCALISED)).sum()) for mine, _, where, _, _ in sides]
    for (mine, finder, _, group, model), some, others in zip(sides, bad, reversed(bad), strict=True):
        all_of_them, found = int(mine.sum()), int(((finder.found_by >= 0) & objects).sum())
        if some >= max(FEW, HALF * all_of_them, 0.02 * found, 2 * others):
            yield shares[group, INSTEAD[BADLY_LOCALISED]], (
                f"{some:,} of {counted(all_of_them, f'{group} object')} are badly localised by {model}")


def _lost_sizes(seen: Observed, changes: Changes) -> Iterator[Remark]:
    """Whether most objects that only one model finds are of one size, more than of those that both find."""
    for mine, group in ((changes.lost, LOST), (changes.gained, GAINED)):
        chosen, kept = mine & seen.objects, changes.kept & seen.objects
        total = int(chosen.sum())
        for place, area in enumerate(seen.base.params.areas[1:], 1):
            inside = ~seen.base.gt_ignored[:, place]
            some, usual = int((chosen & inside).sum()), (kept & inside).sum() / max(kept.sum(), 1)
            if some >= max(2 * FEW, SIZES * total) and usual <= HALF * SIZES:
                share = sum(one.share for one in seen.kinds if one.group == group)
                yield share, f"most {group} objects are {area.name}: {some:,} of {total:,}"


def _largest_kinds(seen: Observed, changes: Changes) -> Iterator[Remark]:
    """How many objects only one model finds, if that is one-sided; and the kind of change that makes most of it all."""
    lost, gained = (sum(one.base + one.new for one in seen.kinds if one.group == group) for group in (LOST, GAINED))
    share = sum(one.share for one in seen.kinds if one.group in (LOST, GAINED))
    if lost + gained >= FEW and max(lost, gained) >= 2 * min(lost, gained):
        are = "object is" if lost == 1 else "objects are"
        yield share, (f"{lost:,} {are} found by base alone and {gained:,} by new alone at IoU {seen.iou:g}: "
                      f"{seen.part(share)}")
    false = [one for one in seen.kinds if one.group == FALSE]
    before, after = sum(one.base for one in false), sum(one.new for one in false)
    many = max(before, after) >= max(FEW, MANY_MORE * min(before, after))
    if many:
        most, share = max(false, key=lambda one: abs(one.share)), sum(one.share for one in false)
        yield share, (f"other false positives: base {before:,}, new {after:,}, of these {most.kind} {most.base:,} and "
                      f"{most.new:,}{_mostly_true(seen, changes, most)}: {seen.part(share)}")
    found = list(_net_kinds(seen))
    for one in false if not many else ():
        counts = f"(base {one.base:,}, new {one.new:,}){_mostly_true(seen, changes, one)}"
        found.append((one.share, f"false positives at IoU {seen.iou:g} of kind {one.kind} {counts}"))
    share, text = max(found, key=lambda one: one[0] * seen.difference)
    if share * seen.difference > 0 and abs(share) >= 0.3 * sum(abs(one) for one, _ in found):
        yield 0.9 * share, f"the largest kind of change: {text}: {seen.part(share)}"


def _net_kinds(seen: Observed) -> Iterator[Remark]:
    """Kinds of change of objects: what one model loses less what it gains in the same way, and what both find."""
    kinds = {(one.group, one.kind): one for one in seen.kinds}
    for kind in INSTEAD:
        lost, gained = kinds[LOST, kind], kinds[GAINED, kind]
        share = lost.share + gained.share
        group, count, others = (LOST, lost.base, gained.new) if share < 0 else (GAINED, gained.new, lost.base)
        back = f", less {others:,} the other way round" if others else ""
        yield share, f"{WORDS[group, kind]} ({count:,}{back})"
    for kind in (FIT, RANK):
        yield kinds[KEPT, kind].share, f"{WORDS[KEPT, kind]} ({kinds[KEPT, kind].base:,})"


def _mostly_true(seen: Observed, changes: Changes, kind: KindShare) -> str:
    """What false positives of a kind are at the other thresholds of the metric; "" if not true positives."""
    if kind.group != FALSE or kind.kind not in FALSE_POSITIVES:
        return ""
    code, thresholds, hits, total = FALSE_POSITIVES.index(kind.kind), seen.thresholds, 0, 0
    for side, one in ((changes.base, seen.base), (changes.new, seen.new)):
        rows = np.flatnonzero(side.codes == code)
        bits = one.true_positive[rows, 0]
        at = sum((bits[:, t >> 5] >> np.uint32(t & 31) & np.uint32(1)).astype(np.int64) for t in thresholds)
        hits, total = hits + int((2 * at > len(thresholds)).sum()), total + len(rows)
    return f", of which {hits / total:.0%} are true positives at most thresholds" if 10 * hits > total else ""
