"""Operating points for a person at a terminal: a cut per class, all classes together, and how far to trust them."""

from deteval.records.operating_points import OperatingPoints
from deteval.records.params import signature
from deteval.reports.layout import BOLD, DIM, YELLOW, Look, columns, printable, wrapped
from deteval.reports.operating_rows import (
    LEGEND,
    class_cells,
    class_heading,
    dropped_first,
    select_classes,
    total_heading,
    total_rows,
)
from deteval.reports.operating_words import explanation, title
from deteval.reports.table import findings_lines


def render_table(points: OperatingPoints, look: Look, per_class: str = "all") -> str:
    """The whole report as text. per_class: `all`, `none` or `worst:N`."""
    lines = [*_heading(points, look), ""]
    chosen, which = select_classes(points, per_class)
    if chosen:
        lines += [look.style(line, DIM) for line in wrapped(which, look)] if which else []
        rows = [class_heading(points), *(class_cells(one, points, look) for one in chosen)]
        lines += [*_table(rows, points, look, left=2), ""]
    lines += _table([total_heading(points), *total_rows(points, look)], points, look, left=1)
    lines += [*(look.style(line, DIM) for line in wrapped(LEGEND, look)), ""]
    for text in explanation(points, look):
        lines += wrapped(text, look)
    for text in points.remarks:
        first, *rest = wrapped(f"warning: {printable(text)}", look)
        lines += [look.style("warning", YELLOW) + first.removeprefix("warning"), *rest]
    if points.findings:
        lines += ["", *findings_lines(points.findings, look)]
    return "\n".join(lines) + "\n"


def _heading(points: OperatingPoints, look: Look) -> list[str]:
    """What was read, under which settings, and what was chosen."""
    names = [printable(one.path) for one in points.inputs]
    subject = f"{', '.join(names[:-1])} on {names[-1]}" if len(names) > 1 else printable(points.name)
    facts = signature(points.params) + (f"\nground truth {points.fingerprint}" if points.fingerprint else "")
    return [*(look.style(line, BOLD) for line in wrapped(subject, look)),
            *(look.style(line, DIM) for line in wrapped(facts, look)), *wrapped(title(points), look)]


def _table(rows: list[list[str]], points: OperatingPoints, look: Look, left: int) -> list[str]:
    """Aligned rows."""
    return columns(rows, look, left=left, names=left - 1, optional=dropped_first(rows[0], points))
