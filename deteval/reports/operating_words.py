"""What chosen score cuts are, why some are missing, and how far to trust them, in sentences."""

from collections.abc import Sequence
from math import isinf

from deteval.errors import counted
from deteval.records.criterion import LRP, PRECISION, RECALL, Criterion
from deteval.records.numbers import threshold_text
from deteval.records.operating_points import ONE, OWN, ClassPoint, OperatingPoints, Overall
from deteval.reports.inference_words import level
from deteval.reports.layout import Look, printable

MOST_NAMES = 12
"""Names that a sentence lists, and classes without a cut that get a line, before it says how many more there are."""
NO_TRUTH = "no ground truth"
AGREEING = 0.9
"""The share of splits that must agree before one kind of cuts is called better."""


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
    return f"threshold: {goal(points.criterion)}, at {where(points)}"


def where(points: OperatingPoints) -> str:
    """Where counts were taken, and the settings that cuts depend on, where they are not the usual ones."""
    params = points.params
    special = [
        "" if params.similarity == "iou" else f"similarity {params.similarity}",
        "" if params.nms is None else f"NMS at IoU {threshold_text(params.nms)}",
        "" if params.operating_points is None else "above earlier cuts per class",
        "class-agnostic" if params.class_agnostic else "",
        "the ignore field honoured" if params.honour_ignore else "",
    ]
    return ", ".join([str(points.counts_at), *(text for text in special if text)])


def missing(points: OperatingPoints, which: str = OWN) -> list[str]:
    """Why classes, or all of them together, have no cut. which: ONE to speak of the one cut for all alone."""
    lines = []
    if points.one.threshold is None:
        lines.append(f"No cut for all classes: {points.one.reason}.")
    if which == ONE:
        return lines
    without = [one for one in points.classes if one.reason and one.reason != NO_TRUTH]
    lines += [f"No cut for {printable(one.name)}: {one.reason}." for one in without[:MOST_NAMES]]
    if len(without) > MOST_NAMES:
        lines.append(f"No cut for {len(without) - MOST_NAMES:,} more, which JSON and CSV name.")
    names = [printable(one.name) for one in points.classes if one.reason == NO_TRUTH]
    if names:
        cut = "the one cut for all holds" if points.one.threshold is not None else "there is no cut"
        lines.append(f"No ground truth, so {cut}: {_listed(names)}.")
    return lines


def file_gaps(points: OperatingPoints, which: str) -> list[str]:
    """What the YAML file says of classes for which no cut will do. which: OWN or ONE."""
    named = [(repr(printable(one.name)), cut) for one, cut in points.cuts_by_class(which)]
    if points.default_cut is None or isinf(points.default_cut):
        named.append(("the default", points.default_cut))
    dropped = [name for name, cut in named if cut is not None and isinf(cut)]
    open_ones = [name for name, cut in named if cut is None]
    lines = []
    if dropped:
        lines.append(f"In the file as drop, nothing of it is kept: {_listed(dropped)}.")
    if open_ones:
        lines.append(f"In the file as null, to be decided by a person before it can be used: {_listed(open_ones)}.")
    return lines


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES:,} more"


def explanation(points: OperatingPoints, look: Look, which: str = OWN) -> list[str]:
    """How to read the numbers, and how far to trust them. which: as `missing`."""
    lines = [*missing(points, which), *_stability(points, look), *_intervals(points)]
    if points.splits is None and not _corrected(points):
        lines.append("Measured on the images that chose the cuts, which flatters them; --stability says by how much.")
    return lines


def _corrected(points: OperatingPoints) -> bool:
    """Whether any rate is shown as it is elsewhere."""
    parts = (*(one.part for one in points.classes), points.own.macro, points.one.macro)
    return any(part.intervals is not None and part.intervals.elsewhere.get(points.criterion.main) is not None
               for part in parts)


def _intervals(points: OperatingPoints) -> list[str]:
    resampling, units = points.resampling, points.units
    if resampling is None or units is None:
        return []
    unit = "images" if units.cluster is None else units.name
    lines = [(f"Intervals at {level(resampling.alpha)}: {counted(resampling.replicates, 'bootstrap replicate')}, seed "
             f"{resampling.seed}; each draws {units.count:,} of {units.count:,} {unit} with replacement and chooses "
             "every cut anew.")]
    if _corrected(points):
        name = points.criterion.main
        lines.append(f"{name} elsewhere and the interval of {name}: what these cuts are worth on new images like "
                     "these, without what the choice flatters them by.")
    return [*lines, *_without_interval(points)]


def _without_interval(points: OperatingPoints) -> list[str]:
    """What has a cut but no interval, by the reason."""
    parts = [(printable(one.name), one.part) for one in points.classes if one.n_gt and one.threshold is not None]
    parts.append(("own cuts", points.own.macro))
    if points.one.threshold is not None:
        parts.append(("one cut for all", points.one.macro))
    names: dict[str, list[str]] = {}
    for name, part in parts:
        if part.intervals is not None and part.intervals.reason:
            reason, _, needed = part.intervals.reason.partition(" (")
            if needed:
                reason = f"fewer than {needed.split()[3]} {reason.removeprefix('too few ')}"
            elif reason.startswith("a cut in only"):
                reason = "a cut in too few replicates"
            names.setdefault(reason, []).append(name)
    return [f"No interval, {reason}: {_listed(found)}." for reason, found in names.items()]


def _stability(points: OperatingPoints, look: Look) -> list[str]:
    """What is lost on images that did not choose the cuts, and whether a cut per class pays there."""
    splits, units = points.splits, points.units
    if splits is None or units is None:
        return []
    unit = "images" if units.cluster is None else units.name
    lines = [(f"Stability: {units.count:,} {unit} split in halves {splits.count:,} times, seed {splits.seed}; cuts "
             "chosen on one half, measured on it and on the other; optimism: how much better they look on the half "
             "that chose.")]
    if points.criterion.target is not None:
        return [*lines, *_target_elsewhere(points, look)]
    name = points.criterion.main
    for what, one in (("own cuts", points.own), ("one cut for all", points.one)):
        found = one.macro.stability
        if found is not None and found.chosen[name] is not None:
            lines.append(f"With {what}, {name} (macro) is {look.value(found.chosen[name])} on the half that chose and "
                         f"{look.value(found.other[name])} on the other.")
    return [*lines, *_verdict(points)]


def _verdict(points: OperatingPoints) -> list[str]:
    """Which cuts to take, by how many splits agree."""
    found = points.verdicts
    if found is None or not found.splits or len(points.classes) < 2:  # of one class both cuts are the same
        return []
    least = AGREEING * found.splits
    of = f"of {found.splits:,} splits"
    if found.one >= least:
        return [(f"On the other half one cut for all is worth more in {found.one:,} {of}. Half of the images choose "
                 "worse than all of them would, which counts against own cuts; --ci says what all are worth.")]
    if found.own >= least:
        return [(f"On the other half own cuts are worth more in {found.own:,} {of}, although half of the images "
                 "choose worse than all of them would.")]
    return [(f"Neither is clearly worth more on the other half (own cuts in {found.own:,}, one cut for all in "
             f"{found.one:,} {of}): one cut for all is the simpler one. Half of the images choose worse than all of "
             "them would, which counts against own cuts.")]


def _target_elsewhere(points: OperatingPoints, look: Look) -> list[str]:
    """Precision and recall on the half that did not choose, and whether the target is met there."""
    criterion, found = points.criterion, points.verdicts
    if criterion.target is None or found is None or found.met is None:
        return []
    if not found.splits:
        return ["In no split could a cut be chosen and judged."]
    count = points.splits.count - found.splits if points.splits is not None else 0
    left, lines = f" ({count:,} more had no cut)" if count else "", []
    for what, average, part, met in (("own cuts", "macro", points.own.macro, found.met[0]),
                                     ("one cut for all", "micro", points.one.micro, found.met[1])):
        if part.stability is None or part.stability.other[criterion.main] is None:
            continue
        other = part.stability.other
        reached = (other[criterion.main] or 0.0) >= criterion.target
        lines.append(f"With {what} ({average}), precision is {look.value(other[PRECISION])} and recall "
                     f"{look.value(other[RECALL])} on the other half: the target of {criterion.main} "
                     f"{criterion.target:g} is {'met' if reached else 'missed'} there on average, and met in {met:,} "
                     f"of {found.splits:,} splits{left}.")
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
