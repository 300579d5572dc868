"""Detections of two models that are the same but for one thing: class, score, box, or nothing at all."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.records.dataset import Bools, Floats, Ints, Positions
from deteval.records.evidence import Evidence
from deteval.records.run import Boxes, places_of

Keys = NDArray[np.uint64]

CLASS, SCORE, BOX, IMAGE = "class", "score", "box", "image"
MOSTLY = 0.8
"""Two models hold the same detections if this share of the smaller one is found in the other."""
SAMPLE = 20_000
"""A first look goes to images that hold about so many detections."""
FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class Columns(Struct, frozen=True):
    """The detections of a model, in the order of its evidence. rows: their places there; record: in the file; source,
    places: boxes as they were read, None if they are not at hand, and where among them each detection stands.
    """

    rows: Ints
    image: Positions
    category: Positions
    scores: Floats
    record: Ints
    source: Floats | None
    places: Ints

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def boxes(self) -> Floats:
        """The boxes, which must be at hand; gathered anew at every call, as most of them are rarely needed."""
        assert self.source is not None
        return np.take(self.source, self.places, axis=0)

    def take(self, chosen: Ints | Bools) -> "Columns":
        """Some of the detections."""
        return Columns(self.rows[chosen], self.image[chosen], self.category[chosen], self.scores[chosen],
                       self.record[chosen], self.source, self.places[chosen])

    def keys(self, free: str = "") -> Keys:
        """A number for each detection, equal where all but the free column are equal."""
        parts: list[NDArray[np.generic]] = [] if free == IMAGE else [self.image]
        parts += [] if free == CLASS else [self.category]
        parts += [] if free == SCORE else [self.scores + 0.0]  # 0.0 and -0.0 are one score
        if self.source is not None and free not in (BOX, IMAGE):
            parts += list(self.boxes.T + 0.0)
        return mixed(parts)


class Same(Struct, frozen=True):
    """Which detections of base and of new are the same, and what of them may differ (`free`; "" if nothing does).

    base, new: places in the columns of either. changed: per pair, whether it differs.
    """

    free: str
    base: Ints
    new: Ints
    changed: Bools


def columns_of(evidence: Evidence, boxes: Boxes | None, category: int | None = None) -> Columns:
    """The detections of a model, of one class if one is named."""
    first, last = 0, len(evidence)
    if category is not None:
        first, last = np.searchsorted(evidence.category, [category, category + 1]).tolist()
    records = evidence.row[first:last]
    return Columns(np.arange(first, last), evidence.image[first:last], evidence.category[first:last],
                   evidence.scores[first:last], records, None if boxes is None else boxes.detections.boxes,
                   records if boxes is None else places_of(boxes.detections, records, "detections"))


def mixed(parts: list[NDArray[np.generic]]) -> Keys:
    """One number out of several columns, the same for the same values, other for others but by a wild chance."""
    key = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        bits = np.ascontiguousarray(part).view(np.uint64) if part.dtype == np.float64 else part.astype(np.uint64)
        key = (key ^ bits) * FIRST
        key ^= key >> np.uint64(29)
        key *= SECOND
        key ^= key >> np.uint64(32)
    return key


def repeats(keys: Keys) -> Ints:
    """How many equal keys stand before each."""
    order = np.argsort(keys, kind="stable")
    ascending = keys[order]
    starts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1])) if len(keys) else np.zeros(0, np.int64)
    before = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    found = np.empty(len(keys), np.int64)
    found[order] = before
    return found


def pair(base: Keys, new: Keys) -> tuple[Ints, Ints]:
    """Places of equal keys in both, each used once: the first goes with the first, the second with the second."""
    ours, theirs = (mixed([one, repeats(one)]) for one in (base, new))
    order, other = np.argsort(ours), np.argsort(theirs)
    if not len(order) or not len(other):
        return order[:0], other[:0]
    places = np.minimum(np.searchsorted(ours[order], theirs[other]), len(order) - 1)
    equal = ours[order[places]] == theirs[other]
    rows, partners = order[places[equal]], other[equal]
    by_row = np.argsort(rows)
    return rows[by_row], partners[by_row]


def find_same(base: Columns, new: Columns) -> Same | None:
    """What two models share: the pairing that leaves the fewest detections unpaired, of those the one that leaves
    nothing free if it can; None where they are no versions of the same detections.
    """
    smaller = min(len(base), len(new))
    if not smaller:
        return None
    aligned = _aligned(base, new)
    if aligned is not None:
        return aligned
    some = [_sample(one, base if len(base) >= len(new) else new) for one in (base, new)]
    frees = ["", CLASS, BOX] if base.source is None else ["", CLASS, SCORE, BOX]
    least = MOSTLY * min(map(len, some))
    counts = {free: len(pair(some[0].keys(free), some[1].keys(free))[0]) for free in frees}
    if max(counts.values()) >= least and not _known_by_score(some[0], some[1]):
        counts[BOX] = -1
    if max(counts.values()) < least:
        return None
    identical = pair(base.keys(), new.keys())
    if base.source is None and counts[BOX] < 0 and not len(identical[0]) == len(base) == len(new):
        return None  # without boxes the score is all there is
    best = Same("", *identical, np.zeros(len(identical[0]), bool))
    if len(identical[0]) < smaller:
        for free in frees[1:]:
            if counts[free] >= max(least, 0):
                best = _better(best, free, base, new, identical)
    return best if len(best.base) >= MOSTLY * smaller else None


def _known_by_score(base: Columns, new: Columns) -> bool:
    """Whether image, class and score tell detections apart: few are alike, and few fit those of the next image."""
    keys = [one.keys(BOX) for one in (base, new)]
    if all(len(np.unique(one)) < MOSTLY * len(one) for one in keys):  # one of them may hold copies of its own
        return False
    images = np.unique(new.image)
    following = np.roll(images, 1)[np.searchsorted(images, new.image)]
    others = Columns(new.rows, following, new.category, new.scores, new.record, new.source, new.places)
    by_chance = len(pair(keys[0], others.keys(BOX))[0]) if len(images) > 1 else 0
    return by_chance < 0.5 * len(pair(keys[0], keys[1])[0])


def _aligned(base: Columns, new: Columns) -> Same | None:
    """The quick way to the same: both stand in the same order, and at most one column differs; None if not."""
    if len(base) != len(new) or not all(np.array_equal(getattr(base, name), getattr(new, name))
                                        for name in ("image", "category")):
        return None
    rows, scores, some = np.arange(len(base)), base.scores != new.scores, [_sample(one, base) for one in (base, new)]
    if scores.any() and (base.source is None or not np.array_equal(some[0].boxes, some[1].boxes)):
        return None
    boxes = np.zeros(len(base), bool) if base.source is None else (base.boxes != new.boxes).any(axis=1)
    if scores.any() and boxes.any():
        return None
    changed = scores | boxes
    if changed.any():  # unless detections of equal scores stand in another order
        alike, unchanged = len(pair(some[0].keys(), some[1].keys())[0]), ~changed
        if unchanged.mean() > MOSTLY or alike > unchanged[some[0].rows - base.rows[0]].sum():
            return None
        if boxes.any() and not _known_by_score(some[0], some[1]):
            return None
    return Same(SCORE if scores.any() else BOX if boxes.any() else "", rows, rows, changed)


def _better(best: Same, free: str, base: Columns, new: Columns, identical: tuple[Ints, Ints]) -> Same:
    """The pairing that leaves one thing free if it pairs more; what is identical stays paired as it is."""
    left = [np.ones(len(one), bool) for one in (base, new)]
    for mask, rows in zip(left, identical, strict=True):
        mask[rows] = False
    others = [np.flatnonzero(mask) for mask in left]
    places = pair(*(one.take(rows).keys(free) for one, rows in zip((base, new), others, strict=True)))
    if len(identical[0]) + len(places[0]) <= len(best.base):
        return best
    rows, partners = (np.concatenate([same, rest[some]]) for same, rest, some in zip(identical, others, places,
                                                                                    strict=True))
    return Same(free, rows, partners, np.arange(len(rows)) >= len(identical[0]))


def _sample(one: Columns, larger: Columns) -> Columns:
    """The detections on some of the images, spread evenly."""
    step = len(larger) // SAMPLE
    return one if step < 2 else one.take(one.image % step == 0)
