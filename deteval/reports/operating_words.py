"""What chosen score cuts are, why some are missing, and how far to trust them, in sentences."""

from collections.abc import Sequence

from deteval.errors import counted
from deteval.records.operating_points import (
    LRP,
    LRP_PARTS,
    PRECISION,
    RECALL,
    ClassPoint,
    Criterion,
    OperatingPoints,
    Overall,
)
from deteval.records.resampling import LEAST_UNITS
from deteval.reports.inference_words import level
from deteval.reports.layout import Look, printable

MOST_NAMES = 12
"""Names that a sentence lists, and classes without a cut that get a line, before it says how many more there are."""
NO_TRUTH = "no ground truth"
LRP_NAME = LRP_PARTS[0]


def goal(criterion: Criterion) -> str:
    """What a cut is to do."""
    if criterion.kind == PRECISION:
        return f"the lowest score with a precision of at least {criterion.target:g}"
    if criterion.kind == RECALL:
        return f"the highest score with a recall of at least {criterion.target:g}"
    return "the score with the smallest LRP error" if criterion.kind == LRP else \
        f"the score with the largest {criterion.f_name}"


def title(points: OperatingPoints) -> str:
    """What was chosen, and where counts were taken."""
    return f"threshold: {goal(points.criterion)}, at {points.counts_at}"


def missing(points: OperatingPoints) -> list[str]:
    """Why classes, or all of them together, have no cut."""
    lines = []
    if points.one.threshold is None:
        lines.append(f"No cut for all classes: {points.one.reason}.")
    without = [one for one in points.classes if one.reason and one.reason != NO_TRUTH]
    lines += [f"No cut for {printable(one.name)}: {one.reason}." for one in without[:MOST_NAMES]]
    if len(without) > MOST_NAMES:
        lines.append(f"No cut for {len(without) - MOST_NAMES:,} more, which JSON and CSV name.")
    names = [printable(one.name) for one in points.classes if one.reason == NO_TRUTH]
    if names:
        cut = "the one cut for all holds" if points.one.threshold is not None else "there is no cut"
        lines.append(f"No ground truth, so {cut}: {_listed(names)}.")
    return lines


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES:,} more"


def explanation(points: OperatingPoints, look: Look) -> list[str]:
    """How to read the numbers, and how far to trust them."""
    lines = [*missing(points), *_stability(points, look), *_intervals(points)]
    if points.splits is None:
        lines.append("Measured on the images that chose the cuts, which flatters them; --stability says by how much.")
    return lines


def _intervals(points: OperatingPoints) -> list[str]:
    resampling, units = points.resampling, points.units
    if resampling is None or units is None:
        return []
    unit = "images" if units.cluster is None else units.name
    short = [one for one in points.classes if one.part.intervals is not None and one.n_gt
             and one.part.intervals.units < LEAST_UNITS]
    lines = [(f"Intervals at {level(resampling.alpha)}: {counted(resampling.replicates, 'bootstrap replicate')}, seed "
             f"{resampling.seed}; each draws {units.count:,} of {units.count:,} {unit} with replacement and chooses "
             "every cut anew.")]
    if short:
        what = "images" if units.cluster is None else "clusters"
        names = _listed([printable(one.name) for one in short])
        lines.append(f"No interval on fewer than {LEAST_UNITS} {what}: {names}.")
    return lines


def _stability(points: OperatingPoints, look: Look) -> list[str]:
    """What is lost on images that did not choose the cuts, and whether a cut per class pays there."""
    splits, units = points.splits, points.units
    if splits is None or units is None:
        return []
    unit = "images" if units.cluster is None else units.name
    name = points.criterion.main
    lines = [(f"Stability: {units.count:,} {unit} split in halves {splits.count:,} times, seed {splits.seed}; cuts "
             "chosen on one half, measured on it and on the other.")]
    worth = {}
    for what, one in (("each class at its own cut", points.own), ("one cut for all", points.one)):
        found = one.macro.stability
        if found is None or found.chosen[name] is None:
            continue
        worth[what] = found.other[name] or 0.0
        if name == LRP_NAME:
            worth[what] *= -1  # an error
        lines.append(f"With {what}, {name} (macro) is {look.value(found.chosen[name])} on the half that chose and "
                     f"{look.value(found.other[name])} on the other.")
    if len(worth) == 2 and points.criterion.target is None:
        better = max(worth, key=lambda what: worth[what])
        lines.append(f"On images that did not choose the cuts, {better} is worth more.")
    return lines


def cut_text(one: ClassPoint | Overall, look: Look) -> str:
    """A cut in a table; `none` where there is no cut."""
    return "none" if one.threshold is None else look.value(one.threshold)


def signed(value: float | None, look: Look) -> str:
    """A difference with its sign."""
    if value is None:
        return "n/a"
    text = f"{value:+.{look.digits}f}"
    return text if float(text) else text[1:]
