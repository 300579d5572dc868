"""Operating points as rows of a table: what table and markdown share."""

from collections.abc import Sequence

from deteval.records.criterion import LRP_PARTS
from deteval.records.numbers import threshold_text
from deteval.records.operating_points import THRESHOLD, ClassPoint, OperatingPoints, Overall, Part
from deteval.reports.inference_words import level
from deteval.reports.layout import Look, printable
from deteval.reports.operating_words import cut_text, signed

DROPPED_FIRST = (f"{THRESHOLD} ", "n_images", "id", "AP@", "optimism", "localisation", "n_gt", "FN", "FP", "TP")
"""Columns that a narrow screen loses first, by the beginning of their names."""
LEGEND = "own cuts: one for each class; one cut: for all classes; macro: mean over classes, micro: counts pooled"


def class_heading(points: OperatingPoints) -> list[str]:
    """Column names of the classes."""
    return ["id", "class", "n_gt", "n_images", *_value_heading(points), "TP", "FP", "FN",
            f"AP@{threshold_text(points.counts_at.iou)}"]


def total_heading(points: OperatingPoints) -> list[str]:
    """Column names of all classes together."""
    return ["all classes", *_value_heading(points), "TP", "FP", "FN"]


def _value_heading(points: OperatingPoints) -> list[str]:
    main = points.criterion.main
    names = [THRESHOLD, *(name.removeprefix("LRP_") for name in _shown(points))]
    if points.resampling is not None:
        at = level(points.resampling.alpha)
        names += [head for name in _elsewhere(points) for head in (f"{name} elsewhere", f"{name} {at}")]
        names.append(f"{THRESHOLD} {at}")
    if points.splits is not None:
        names += [f"{main} other half", "optimism"]
    return names


def dropped_first(heading: Sequence[str], points: OperatingPoints) -> list[int]:
    """Columns in the order in which a narrow screen loses them: cuts and what they are chosen by stay the longest."""
    criterion = points.criterion
    free, main = criterion.free, criterion.main
    if criterion.target is not None:  # what a target costs stays longer than how sure it is
        sure = [] if points.resampling is None else [f"{main} {level(points.resampling.alpha)}"]
        names = [*DROPPED_FIRST, f"{free} ", criterion.f_name, *sure, f"{main} other", free, f"{main} "]
        return _places(heading, names)
    names = [*DROPPED_FIRST, *([] if free == main else [f"{free} "]), f"{main} other",
             *(name for name in reversed(_shown(points)) if name != main), f"{main} e"]
    names.insert(-1, f"{main} ")
    return _places(heading, names)


def _places(heading: Sequence[str], names: Sequence[str]) -> list[int]:
    """Columns whose names begin so, in that order."""
    places = [i for name in names for i, head in enumerate(heading) if head.startswith(name)]
    return list(dict.fromkeys(places))


def _shown(points: OperatingPoints) -> tuple[str, ...]:
    """The rates shown: all but the shares of the LRP error that precision and recall tell."""
    return tuple(name for name in points.criterion.rates if name not in LRP_PARTS[2:])


def _elsewhere(points: OperatingPoints) -> tuple[str, ...]:
    """The rates shown as they are elsewhere: that by which cuts are chosen, and what a target costs."""
    return tuple(dict.fromkeys((points.criterion.main, points.criterion.free)))


def class_cells(one: ClassPoint, points: OperatingPoints, look: Look) -> list[str]:
    """One class."""
    counts = one.counts
    return [printable(str(one.id)), printable(one.name), f"{one.n_gt:,}", f"{one.n_images:,}", cut_text(one, look),
            *_value_cells(one.part, points, look), f"{counts.true_positives:,}", f"{counts.false_positives:,}",
            f"{counts.false_negatives:,}", look.value(one.ap)]


def total_rows(points: OperatingPoints, look: Look) -> list[list[str]]:
    """All classes: at their own cuts and at one, averaged and pooled."""
    return [cells for name, one in (("own cuts", points.own), ("one cut", points.one))
            for cells in (_total_cells(f"{name}, macro", one, one.macro, points, look),
                          _total_cells(f"{name}, micro", one, one.micro, points, look))]


def _total_cells(name: str, one: Overall, part: Part, points: OperatingPoints, look: Look) -> list[str]:
    counts = one.counts
    cut = "" if one is points.own else cut_text(one, look)
    return [name, cut, *_value_cells(part, points, look), f"{counts.true_positives:,}", f"{counts.false_positives:,}",
            f"{counts.false_negatives:,}"]


def _value_cells(part: Part, points: OperatingPoints, look: Look) -> list[str]:
    main = points.criterion.main
    cells = [look.value(part.rates[name]) for name in _shown(points)]
    if part.intervals is not None:
        for name in (*_elsewhere(points), THRESHOLD):
            limits = part.intervals.limits.get(name)
            missing = "n/a" if name in part.intervals.limits else ""
            cells += [look.value(part.intervals.elsewhere[name])] if name != THRESHOLD else []
            cells.append(missing if limits is None else f"{look.value(limits[0])} to {look.value(limits[1])}")
    if part.stability is not None:
        cells += [look.value(part.stability.other[main]), signed(part.stability.optimism(main), look)]
    return cells


def select_classes(points: OperatingPoints, per_class: str) -> tuple[Sequence[ClassPoint], str]:
    """The classes to show, in order, and a line about them, "" if they are all there. per_class: `all`, `none` or
    `worst:N`, by the rate that their own cut was chosen by.
    """
    name = points.criterion.main
    error = name in LRP_PARTS
    if per_class == "none":
        return (), ""
    if per_class == "all":
        return points.classes, ""
    known = sorted((one for one in points.classes if one.n_gt), key=lambda one: one.part.rates[name] or 0.0,
                   reverse=error)
    chosen = known[: int(per_class.partition(":")[2])]
    end = "highest" if error else "lowest"
    return chosen, f"the {len(chosen)} of {len(points.classes)} classes with the {end} {name}"
