"""A comparison for a person at a terminal: metrics, classes, slices, and what they mean."""

from collections.abc import Sequence

from msgspec import Struct

from deteval.errors import counted
from deteval.records.comparison import Comparison, Comparisons, Part
from deteval.records.params import signature
from deteval.records.resampling import ClassEstimate, Estimate
from deteval.reports.compare_words import explanation, outcome, verdict
from deteval.reports.inference_words import in_points, level
from deteval.reports.layout import BOLD, DIM, GREEN, RED, YELLOW, Look, columns, printable, wrapped

SORTS = ("difference", "name", "n_gt")
DROPPED_FIRST = ("n_images", "p", "id", "base", "new", "detectable", "n_gt")
"""Columns that a narrow screen loses first: the difference, its interval and the verdict stay."""


PROVEN = "proven"
"""The last column, where there are verdicts."""


class Show(Struct, frozen=True):
    """Which classes to show, and how. per_class: `all`, `none` or `worst:N`, by difference. hide: classes whose
    difference is smaller than this, None for none. power: show the detectable drop too.
    """

    per_class: str = "all"
    sort: str = "difference"
    hide: float | None = None
    power: bool = False


def render_table(comparisons: Comparisons, look: Look, show: Show) -> str:
    """The whole report as text."""
    lines: list[str] = []
    for one in comparisons.comparisons:
        lines += [*_heading(one, comparisons, look), ""]
        for part in one.parts:
            lines += [*_part(one, part, comparisons, look, show), ""]
    for text in explanation(comparisons, show.power):
        lines += wrapped(text, look)
    for text in comparisons.remarks:
        first, *rest = wrapped(f"warning: {printable(text)}", look)
        lines += [look.style("warning", YELLOW) + first.removeprefix("warning"), *rest]
    return "\n".join(lines) + "\n"


def _heading(one: Comparison, comparisons: Comparisons, look: Look) -> list[str]:
    names = [line for role, model in (("base", one.base), ("new ", one.new))
             for line in wrapped(f"{role} {printable(model.name)}", look, "     ")]
    facts = signature(comparisons.params) + (f"\nground truth {one.base.fingerprint}" if one.base.fingerprint else "")
    return [*(look.style(line, BOLD) for line in names), *(look.style(line, DIM) for line in wrapped(facts, look))]


def _part(one: Comparison, part: Part, comparisons: Comparisons, look: Look, show: Show) -> list[str]:
    """Metrics, classes and what they show."""
    alpha = comparisons.alpha
    lines = [look.style(f"slice {printable(part.name)}: {counted(part.n_images, 'image')}", BOLD)] if part.name else []
    lines += _table([heading(alpha, show), *(cells(each, alpha, look, show) for each in part.metrics)], look, left=1)
    chosen, title = select_classes(part, show, comparisons.class_metric)
    if chosen:
        rows = [class_heading(alpha, show), *(class_cells(each, alpha, look, show) for each in chosen)]
        lines += ["", *(look.style(line, DIM) for line in wrapped(title, look)), *_table(rows, look, left=2)]
    elif title:
        lines += ["", *(look.style(line, DIM) for line in wrapped(title, look))]
    lines.append("")
    for text in outcome(one, part, alpha, comparisons.class_metric):
        lines += wrapped(text, look)
    return lines


def _table(rows: list[list[str]], look: Look, left: int) -> list[str]:
    """Aligned rows, those with a proven drop or rise in colour."""
    optional = [rows[0].index(name) for name in DROPPED_FIRST if name in rows[0]]
    lines = columns(rows, look, left=left, names=left - 1, optional=optional)
    colours = {"drop": RED, "rise": GREEN, "no verdict": DIM}
    for i, row in enumerate(rows if rows[0][-1] == PROVEN else []):
        if row[-1] in colours:
            lines[i] = look.style(lines[i], colours[row[-1]])
    return lines


def heading(alpha: float | None, show: Show) -> list[str]:
    """Column names of the table of metrics; alpha: None without resampling, and so without intervals and verdicts."""
    values = ["metric", "base", "new", "difference"]
    if alpha is None:
        return values
    return [*values, f"{level(alpha)} interval", "p", *(["detectable"] if show.power else []), PROVEN]


def class_heading(alpha: float | None, show: Show) -> list[str]:
    """Column names of the table of classes."""
    return ["id", "class", "n_gt", "n_images", *heading(alpha, show)[1:]]


def cells(one: Estimate, alpha: float | None, look: Look, show: Show) -> list[str]:
    """One row of the table of metrics, on the metric's own scale."""
    values = [printable(one.metric), look.value(one.base), look.value(one.new), _signed(one.difference, look)]
    if alpha is None:
        return values
    limits = "n/a" if one.low is None or one.high is None else f"{_signed(one.low, look)} to {_signed(one.high, look)}"
    return [*values, limits, p_text(one.p_value), *([look.value(one.detectable)] if show.power else []), verdict(one)]


def class_cells(one: ClassEstimate, alpha: float | None, look: Look, show: Show) -> list[str]:
    """One row of the table of classes."""
    return [printable(str(one.id)), printable(one.name), f"{one.n_gt:,}", f"{one.n_images:,}",
            *cells(one.estimate, alpha, look, show)[1:]]


def p_text(value: float | None) -> str:
    """A p-value with three decimals; `<0.001` below."""
    return "n/a" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _signed(value: float | None, look: Look) -> str:
    if value is None:
        return "n/a"
    text = f"{value:+.{look.digits}f}"
    return text if float(text) else text[1:]


def select_classes(part: Part, show: Show, metric: str) -> tuple[Sequence[ClassEstimate], str]:
    """The classes to show, in order, and the line above them, "" if no classes are wanted."""
    if show.per_class == "none" or not part.classes:
        return (), ""
    chosen = list(part.classes)
    what = f"classes in {metric}, by {show.sort}"
    if show.per_class != "all":
        known = [one for one in chosen if one.estimate.difference is not None]
        chosen = sorted(known, key=_drop)[: int(show.per_class.partition(":")[2])]
        what = f"the {len(chosen)} of {len(part.classes)} classes with the lowest difference in {metric}"
    if show.hide is not None:
        kept = [one for one in chosen if one.estimate.difference is None or abs(one.estimate.difference) >= show.hide]
        if len(kept) < len(chosen):
            what += f"; {len(chosen) - len(kept)} hidden, with differences below {in_points(show.hide)}"
        chosen = kept
    keys = {"difference": _drop, "name": lambda one: one.name, "n_gt": lambda one: -one.n_gt}
    return sorted(chosen, key=keys[show.sort]), what


def _drop(one: ClassEstimate) -> float:
    """Largest drops first, what is undefined last."""
    return float("inf") if one.estimate.difference is None else one.estimate.difference
