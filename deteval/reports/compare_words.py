"""What a comparison of two models shows, what was tested, and what the numbers mean, in sentences."""

from collections.abc import Sequence

from deteval.errors import counted
from deteval.records.comparison import Comparison, Comparisons, Part
from deteval.records.resampling import LEAST_UNITS, NO_RESAMPLING, Estimate
from deteval.reports.inference_words import change, drawn, family, level, power, sentence
from deteval.reports.layout import printable

MOST_NAMES = 12
"""Names that a sentence lists before it says how many more there are."""


def verdict(estimate: Estimate) -> str:
    """A word for a table: `drop`, `rise`, `no`, `identical`, `no verdict`."""
    if estimate.identical:
        return "identical"
    if estimate.differs is None:
        return "no verdict"
    if not estimate.differs:
        return "no"
    return "drop" if (estimate.difference or 0.0) < 0 else "rise"


def outcome(comparison: Comparison, part: Part, alpha: float | None, class_metric: str) -> list[str]:
    """What the metrics and classes of a part show: its first metric in full, then what is proven, then what is open.

    alpha: None if nothing was resampled, and so nothing is proven or open.
    """
    if comparison.identical:
        return ["Identical: both models have the same scores and the same matches."]
    if alpha is None:
        return [f"{change(one, alpha)}." for one in part.metrics[:1]]
    metrics = [(one.metric, one) for one in part.metrics]
    classes = [(one.name, one.estimate) for one in part.classes]
    lines = [sentence(one, alpha) for _, one in metrics[:1]]
    if len(metrics) > 1:
        lines += _proven("Metrics", metrics)
    lines += _proven(f"Classes in {class_metric}", sorted(classes, key=lambda one: -abs(one[1].difference or 0.0)))
    return [*lines, *_open(metrics[1:]), *_open(classes)]


def explanation(comparisons: Comparisons, with_power: bool = False) -> list[str]:
    """How the tests were made, and how to read them."""
    resampling, parts = comparisons.resampling, [part for one in comparisons.comparisons for part in one.parts]
    if resampling is None:
        return [f"{NO_RESAMPLING.capitalize()}. A difference is new minus base; a point is 0.01."]
    metrics = sum(_is_tested(one) for part in parts for one in part.metrics)
    families = [sum(_is_tested(one.estimate) for one in part.classes) for part in parts]
    if not metrics + sum(families):
        same = all(one.identical for one in comparisons.comparisons)
        return ["There is nothing to test." if same else "Nothing could be tested."]
    apart = " A slice draws its own images." if comparisons.comparisons[0].slices else ""
    lines = [
        drawn(resampling, comparisons.units) + apart,
        (f"A difference is new minus base, and proven where its {level(resampling.alpha)} interval excludes 0; a "
         "point is 0.01. Not proven does not mean equal: it may be as large as the interval says."),
    ]
    if any(families):
        apart = " The classes of each slice and model are a family of their own." if len(parts) > 1 else ""
        lines.append(family(max(families), resampling) + apart)
    tests = f"{counted(metrics + sum(families), 'test')} in all"
    if metrics > 1 or len(parts) > 1:
        tests += f": {counted(metrics, 'metric')} and {sum(families):,} of classes" if any(families) else ""
        tests += ". Nothing corrects for the number of metrics" + \
            (", slices or models" if len(parts) > 1 else "") + ": their false alarms add up"
    return [*lines, f"{tests}.", *([power(resampling)] if with_power else [])]


def _is_tested(one: Estimate) -> bool:
    return one.differs is not None and not one.identical


def _proven(what: str, named: Sequence[tuple[str, Estimate]]) -> list[str]:
    """`Classes in AP: a drop is proven for dog, bus; a rise for none.`; nothing where there is no verdict on any."""
    words = [(name, verdict(one)) for name, one in named if verdict(one) != "no verdict"]
    if not words:
        return []
    drops, rises = ([name for name, word in words if word == wanted] for wanted in ("drop", "rise"))
    if not drops and not rises:
        same = all(word == "identical" for _, word in words)
        return [f"{what}: all identical." if same else f"{what}: no difference is proven."]
    return [f"{what}: a drop is proven for {_listed(drops)}; a rise for {_listed(rises)}."]


def _open(named: Sequence[tuple[str, Estimate]]) -> list[str]:
    """Names without a verdict, by the reason why."""
    reasons: dict[str, list[str]] = {}
    for name, one in named:
        if one.differs is None and not one.identical:
            reasons.setdefault(one.reason.partition(" (")[0], []).append(name)
    return [f"No verdict on {_listed(names)}: {reason}" + (f", at least {LEAST_UNITS} are needed." if
            reason.startswith("too few") else ".") for reason, names in reasons.items()]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:MOST_NAMES]) or "none"
    return shown + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
