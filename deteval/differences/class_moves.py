"""Classes that stand for others in the other model: swapped, in a circle, merged, all ids shifted."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from deteval.errors import shortened
from deteval.records.dataset import Categories

NAMED = 3
MOST_CLASSES = 0.8
"""All ids look shifted if so many of the classes that have detections follow the shift."""


class Move(Struct, frozen=True):
    """So many (count) of what one class holds (of) that are of another class in the other model.

    whole: whether it is next to all that the class has. share: of the difference.
    """

    source: int
    target: int
    count: int
    of: int
    whole: bool
    share: float = 0.0


class Told(Struct, frozen=True):
    """A sentence, what it weighs of the difference, and the classes it speaks of."""

    text: str
    share: float
    classes: frozenset[int]


class Words(Struct, frozen=True):
    """How to say what moved (noun), what became of it (verb and preposition), and in which model."""

    noun: str
    verb: str
    preposition: str
    model: str

    @property
    def turned(self) -> str:
        """The verb with its preposition."""
        return f"{self.verb} {self.preposition}"


def told_moves(moves: Sequence[Move], categories: Categories, present: int, words: Words) -> Iterator[Told]:
    """The pattern of classes that moved as a whole. present: how many classes have what moves."""
    noun, model = words.noun, words.model
    whole = {one.source: one for one in moves if one.whole}
    names = [shortened(name) for name in categories.names]
    shift = _shifted(whole, categories, present)
    if shift:
        few = ", ".join(f"{names[one.source]} -> {names[one.target]}" for one in list(whole.values())[:NAMED])
        yield _told(f"all class ids look shifted by {shift} in {model}: {few} and so on ({_counts(whole.values())} "
                    f"{noun} of {len(whole):,} classes)", whole.values())
        return
    circles = list(_circles(whole))
    inside = {source for circle in circles for source in circle}
    if len(circles) > NAMED:
        few = ", ".join(f"{names[s]} -> {names[whole[s].target]}" for s in sorted(inside)[:NAMED])
        some = [whole[source] for source in inside]
        yield _told(f"{len(inside):,} classes look mixed up in {model}: {few} and so on ({_counts(some)} {noun})", some)
    else:
        for circle in circles:
            yield _circle([whole[source] for source in circle], names, words)
    yield from _merged([one for one in whole.values() if one.source not in inside and one.count > 1], names, words)


def _shifted(whole: dict[int, Move], categories: Categories, present: int) -> int:
    """By how much all class ids, or all places among them, are shifted; 0 if they are not."""
    if len(whole) < max(NAMED + 1, MOST_CLASSES * present):
        return 0
    places = len(categories)
    steps = [(one.target - one.source) % places for one in whole.values()]
    steps = [step - places if step > places // 2 else step for step in steps]
    ids = categories.ids.tolist()
    by_id = [ids[one.target] - ids[one.source] for one in whole.values()] if isinstance(ids[0], int) else []
    for found in (steps, by_id):
        common = max(set(found), key=found.count, default=0)
        if common and found.count(common) >= 0.9 * len(found):
            return int(common)
    return 0


def _circles(whole: dict[int, Move]) -> Iterator[list[int]]:
    """Classes that moved on to each other and back to the first."""
    done: set[int] = set()
    for first in whole:
        path = [first]
        while path[-1] in whole and whole[path[-1]].target not in path and path[-1] not in done:
            path.append(whole[path[-1]].target)
        if first not in done and path[-1] in whole and whole[path[-1]].target == first:
            yield path
        done |= set(path)


def _circle(moves: list[Move], names: list[str], words: Words) -> Told:
    first, *others = moves
    if len(moves) == 2:
        a, b = names[first.source], names[first.target]
        return _told(
            f"classes {a} and {b} look swapped in {words.model}: {first.count:,} of {first.of:,} {words.noun} of {a} "
            f"{words.turned} {b}, {others[0].count:,} of {others[0].of:,} of {b} {words.preposition} {a}", moves)
    way = " -> ".join([*(names[one.source] for one in moves), names[first.source]])
    return _told(f"{len(moves)} classes look exchanged in a circle in {words.model}, {way}: {_counts(moves)} "
                 f"{words.noun}", moves)


def _merged(moves: list[Move], names: list[str], words: Words) -> Iterator[Told]:
    """Classes that became another one, which may have stayed."""
    by_target: dict[int, list[Move]] = {}
    sources = {one.source for one in moves}
    chained = [one for one in moves if one.target in sources or any(other.target == one.source for other in moves)]
    if chained:
        few = ", ".join(f"{names[one.source]} -> {names[one.target]}" for one in chained[:NAMED])
        yield _told(f"{len(chained):,} classes look moved on in {words.model}: {few}"
                    f"{' and so on' if len(chained) > NAMED else ''} ({_counts(chained)} {words.noun})", chained)
    for one in (one for one in moves if one not in chained):
        by_target.setdefault(one.target, []).append(one)
    for target, some in sorted(by_target.items(), key=lambda one: -sum(each.count for each in one[1])):
        few = ", ".join(names[one.source] for one in some[:NAMED])
        if len(some) > 1:
            more = f" and {len(some) - NAMED:,} more" if len(some) > NAMED else ""
            yield _told(f"{len(some):,} classes {words.turned} {names[target]} in {words.model}: {_counts(some)} "
                        f"{words.noun} of {few}{more}", some)
        else:
            yield _told(f"{_counts(some)} {words.noun} of class {few} {words.turned} {names[target]} in {words.model}",
                        some)


def _counts(moves: Iterable[Move]) -> str:
    moves = list(moves)
    return f"{sum(one.count for one in moves):,} of {sum(one.of for one in moves):,}"


def _told(text: str, moves: Iterable[Move]) -> Told:
    moves = list(moves)
    return Told(text, sum(one.share for one in moves), frozenset(one.source for one in moves))
