"""A report of several tables, each with a line that says how to read it: what table and markdown share."""

from collections.abc import Sequence

from msgspec import Struct

from deteval.records.findings import Finding
from deteval.reports.layout import Look, printable


class Section(Struct, frozen=True):
    """One table. caption: how to read it. rows: the heading first; the first `left` columns are texts, the column
    `names` is shortened on a narrow screen, then those named in `optional` are left out. notes: sentences below it.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    left: int = 1
    names: int = 0
    optional: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Sheet(Struct, frozen=True):
    """The whole report. subject: what it is about, by role. facts: settings and ground truth. remarks: what stands out.
    notes: how far to trust it, and what could not be told.
    """

    subject: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    headline: Section
    remarks: tuple[str, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def points(value: float | None, look: Look, *, signed: bool = True) -> str:
    """A share or cost in points, hundredths of AP, with one decimal less than metrics have; `n/a` where undefined.

    >>> points(-0.01234, Look()), points(0.5, Look(digits=2), signed=False), points(-1e-9, Look())
    ('-1.234', '50.0', '0.000')
    """
    if value is None:
        return "n/a"
    text = f"{100 * value:{'+' if signed else ''}.{max(look.digits - 1, 0)}f}"
    return text if float(text) else text.lstrip("+-")


def difference(value: float | None, look: Look) -> str:
    """A difference of a metric on its own scale, with its sign."""
    if value is None:
        return "n/a"
    text = f"{value:+.{look.digits}f}"
    return text if float(text) else text[1:]


def count(number: int) -> str:
    """A count, in groups of three."""
    return f"{number:,}"


def name_cell(name: object) -> str:
    """A name or id from data; empty for none."""
    return "" if name is None else printable(str(name))


def image_cells(image_id: int | str, file_name: str | None) -> list[str]:
    """An image by id and file name; the name is left out where it is the id."""
    return [name_cell(image_id), "" if file_name == image_id else name_cell(file_name)]


def rows_of(heading: Sequence[str], body: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """A heading and what stands below it, without the columns that are empty all the way down."""
    kept = [i for i in range(len(heading)) if not body or any(row[i] for row in body)]
    return tuple(tuple(row[i] for i in kept) for row in [heading, *body])
