"""How the boxes of the same detections moved from base to new: shifted, scaled, mirrored, rounded, or at random."""

from collections.abc import Iterator

import numpy as np

from deteval.records.dataset import Bools, Floats

EXPLAINED = 0.9
"""A rule holds if it places so many of the moved boxes, each within TOLERANCE of the way that it went."""
TOLERANCE = 0.25
LOOKED_AT = 10_000
"""So many boxes, spread evenly, tell the rule."""
NOISE, NOISE_PART = 0.1, 0.005
"""Moves of less, in pixels and against the box, come from the precision of numbers."""
CUT = 1e-3
"""Less than so many pixels are not cut off, but lost in sums of corner and side."""
PAIRS, ONE_WAY = 50, 0.8
"""Boxes of the same objects have a habit if so many, at least, go mostly one way."""
Rule = tuple[str, Floats]


def move_of(base: Floats, new: Floats, width: Floats, height: Floats) -> str:
    """The rule by which most boxes moved, in words; "" for no rule.

    base, new: x, y, width, height of boxes that all moved, shape (boxes, 4). width, height: of their images.
    """
    some = slice(None, None, max(1, len(base) // LOOKED_AT))
    base, new, width, height = base[some], new[some], width[some], height[some]
    way = np.abs(new - base).max(axis=1)
    for digits, text in enumerate(("whole pixels", "0.1 px", "0.01 px")):
        if _rounded(base, new, digits):
            return f"rounded to {text}"
    if _clipped(base, new, width, height):
        return "clipped to their images"
    if _clipped(new, base, width, height):
        return "not clipped to their images, as those of base are"
    if (new[:, 2:] <= 0).any(axis=1).mean() >= EXPLAINED > (base[:, 2:] <= 0).any(axis=1).mean():
        return "without any extent"
    best, told = EXPLAINED, ""
    for text, placed in _rules(base, new, width, height):
        off = np.abs(placed - new).max(axis=1)
        share = float((off <= TOLERANCE * way).mean())
        if share > best + (0.02 if told else 0.0):  # the simpler rule stands first
            best, told = share, text
    return told


def scatter(base: Floats, new: Floats) -> str:
    """How far boxes moved that follow no rule."""
    way, size = np.abs(new - base).max(axis=1), np.sqrt(np.abs(base[:, 2] * base[:, 3]))
    part = f", {np.median(way[size > 0] / size[size > 0]):.1%} of the box" if (size > 0).all() else ""
    return f"moved in all directions, by no common rule: in the median by {np.median(way):.1f} px{part}"


def real_moves(base: Floats, new: Floats) -> Bools:
    """Which boxes moved by more than the noise of floats; all of them where less than half are such noise."""
    way, size = np.abs(new - base).max(axis=1), np.sqrt(np.abs(base[:, 2] * base[:, 3]))
    noise = (way < NOISE) & (way < NOISE_PART * size)
    return way >= NOISE if noise.mean() >= 0.5 else np.ones(len(base), bool)


def _rounded(base: Floats, new: Floats, digits: int) -> bool:
    """Whether new alone has no more digits, and lies as near as that makes it."""
    off = 1e-6 if digits else 0.0
    whole = [bool((np.abs(one - np.round(one, digits)) <= off).all(axis=1).mean() >= 0.99) for one in (base, new)]
    near = np.abs(new - base).max(axis=1) <= 10.0**-digits + off
    return whole == [False, True] and bool(near.mean() >= 0.99)


def _clipped(whole: Floats, clipped: Floats, width: Floats, height: Floats) -> bool:
    """Whether boxes are others cut off at the borders of their images: at 0 and at the width, or the width - 1."""
    ends = np.column_stack([width, height])
    way = np.abs(whole - clipped).max(axis=1)
    for last in (ends, ends - 1):
        corner, far = (np.clip(one, 0, last) for one in (whole[:, :2], whole[:, :2] + whole[:, 2:]))
        off = np.abs(np.column_stack([corner, far - corner]) - clipped).max(axis=1)
        if ((off <= 0.01 * way) & (way > CUT)).mean() >= EXPLAINED:
            return True
    return False


def _rules(base: Floats, new: Floats, width: Floats, height: Floats) -> Iterator[Rule]:
    """Ways to move boxes, the simple ones first, with where each would put them."""
    x, y, w, h = base.T
    shift = np.median(new[:, :2] - base[:, :2], axis=0)
    yield f"shifted by {_directions(shift, '{} px')}", np.column_stack([base[:, :2] + shift, w, h])
    wider, taller = np.median(new[:, 2:] - base[:, 2:], axis=0).tolist()
    yield _resized(wider, taller), np.column_stack([x, y, w + wider, h + taller])
    yield from _scaled(base, new)
    relative = np.median((new[:, :2] - base[:, :2]) / np.maximum(base[:, 2:], 1e-9), axis=0)
    half = " (as if centres stood for corners)" if np.allclose(np.abs(relative), 0.5, atol=0.01) else ""
    sides = _directions(100 * relative, "{} % of their size")
    yield f"shifted by {sides}{half}", np.column_stack([base[:, :2] + relative * base[:, 2:], w, h])
    yield "mirrored left to right", np.column_stack([width - x - w, y, w, h])
    yield "mirrored top to bottom", np.column_stack([x, height - y - h, w, h])
    yield "turned upside down", np.column_stack([width - x - w, height - y - h, w, h])
    yield "written with x and y exchanged", np.column_stack([y, x, h, w])
    yield "written as corners x1, y1, x2, y2 where x, y, width, height is meant", np.column_stack([x, y, x + w, y + h])


def _scaled(base: Floats, new: Floats) -> Iterator[Rule]:
    """Scaled with their images' coordinates, about their centres, and about their corners."""
    real = np.flatnonzero((base[:, 2:] > 0).all(axis=1))
    if not len(real):
        return
    ratio = np.median(new[real, 2:] / base[real, 2:], axis=0)
    size = base[:, 2:] * ratio
    if np.abs(ratio - 1).max() < 1e-3:
        return
    by = _times(ratio)
    undone = " (as if the size of the input was not undone)"
    yield f"scaled with all coordinates, {by}{undone}", np.column_stack([base[:, :2] * ratio, size])
    corner = base[:, :2] + (base[:, 2:] - size) / 2
    yield f"scaled about their centres, {by}", np.column_stack([corner, size])
    yield f"scaled from their upper left corners, {by}", np.column_stack([base[:, :2], size])


def _resized(wider: float, taller: float) -> str:
    """By how much boxes grew from their upper left corners, in words."""
    least = 0.02 * max(abs(wider), abs(taller))
    sides = ((wider, ("narrower", "wider")), (taller, ("lower", "taller")))
    return " and ".join(f"{_short(abs(size))} px {names[int(size > 0)]}" for size, names in sides if abs(size) > least)


def _times(ratio: Floats) -> str:
    if abs(ratio[0] - ratio[1]) <= 0.01 * ratio[0]:
        return f"by {ratio.mean():.3g}"
    return f"widths by {ratio[0]:.3g}, heights by {ratio[1]:.3g}"


def _directions(shift: Floats, form: str) -> str:
    """A shift to the right and down, in words."""
    sides = [(abs(one), names[int(one > 0)]) for one, names in zip(shift, (("left", "right"), ("up", "down")),
                                                                  strict=True)]
    told = [f"{form.format(_short(size))} {name}" for size, name in sides if size > 0.02 * np.abs(shift).max()]
    return " and ".join(told) or form.format("0")


def _short(size: float) -> str:
    return f"{round(size, 1):g}" if size >= 1 else f"{size:.2g}"


def habit_of(base: Floats, new: Floats) -> str:
    """Whether the boxes of the same objects lie to one side in new, or are larger or smaller there; "" if not.

    base, new: of two models that need not be versions of each other.
    """
    real = (base[:, 2:] > 0).all(axis=1) & (new[:, 2:] > 0).all(axis=1)
    base, new = base[real], new[real]
    if len(base) < PAIRS:
        return ""
    centres = (new[:, :2] + new[:, 2:] / 2) - (base[:, :2] + base[:, 2:] / 2)
    ratios = np.log(new[:, 2:] / base[:, 2:])
    lie, scale = _typical(centres, 1.0), _typical(ratios, 0.05)
    parts = [f"lie {_directions(lie, '{} px')}"] if lie.any() else []
    parts += [f"are scaled, {_times(np.exp(scale))}"] if scale.any() else []
    return f"boxes of new {' and '.join(parts)} in the median, against those of base" if parts else ""


def _typical(changes: Floats, least: float) -> Floats:
    """The median of each column, 0 where changes do not go one way mostly."""
    typical = np.median(changes, axis=0)
    one_way = (changes * np.sign(typical) > 0).mean(axis=0)
    return np.where((one_way >= ONE_WAY) & (np.abs(typical) >= least), typical, 0.0)
