"""How a number of a page is written: rounded for the eye, the full value beside it."""

import math
from html import escape
from typing import Any

from msgspec import Struct

from deteval.reports.layout import printable
from deteval.reports.page.sections import CHANGE, COUNT, DIFFERENCE, POINTS, SHARE, TEXT, VALUE, Headline, Table

NOT_AVAILABLE = "n/a"
PROVEN = ("drop", "rise", "failed")
"""Words of a verdict that there is a difference, or too large a one."""
SIGNED = (DIFFERENCE, CHANGE)
LONG = 32
"""Characters of a text that is broken into lines where room is short."""


class Cell(Struct, frozen=True):
    """text: what is read; value: the full number, "" where there is none; tone: its look: up, down, missing, long
    or none."""

    text: str
    value: str
    tone: str = ""


def cell(value: Any, kind: str, digits: int) -> Cell:
    """A value as a column of this kind shows it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Cell(NOT_AVAILABLE, "", "missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = printable(str(value))
        return Cell(text, "", "long" if len(text) > LONG else "")
    full = "" if kind == TEXT else str(value)
    text = _rounded(value, kind, digits)
    return Cell(text, full, _tone(text) if kind == DIFFERENCE else "")


def table_body(table: Table, digits: int) -> str:
    """The rows of a table as HTML, every text and value escaped."""
    kinds = [column.kind for column in table.columns]
    lines = []
    for row in table.rows:
        cells = []
        proven = table.judged is not None and row[table.judged] in PROVEN
        for place, (value, kind) in enumerate(zip(row, kinds, strict=False)):
            shown, tag = cell(value, kind, digits), "td" if place else "th"
            look = "" if shown.tone in ("up", "down") and not proven else shown.tone
            tone = f" class={escape(look)}" if look else ""
            full = f" data-value={escape(shown.value)}" if shown.value else ""
            scope = "" if place else " scope=row"
            cells.append(f"<{tag}{scope}{tone}{full}>{escape(shown.text)}</{tag}>")
        lines.append("<tr>" + "".join(cells) + "</tr>\n")
    return "".join(lines)


def headline_cell(headline: Headline, digits: int) -> Cell:
    """The number of a headline."""
    shown = cell(headline.value, _kind(headline), digits)
    return shown if headline.toned or shown.tone == "missing" else Cell(shown.text, shown.value)


def interval(headline: Headline, digits: int) -> str:
    """The interval of a headline, `0.4712 to 0.5033`; "" where none is known."""
    if headline.low is None or headline.high is None:
        return ""
    ends = (cell(end, _kind(headline), digits).text for end in (headline.low, headline.high))
    return " to ".join(ends)


def _kind(headline: Headline) -> str:
    whole = isinstance(headline.value, int)
    return COUNT if whole and not headline.signed else DIFFERENCE if headline.signed else VALUE


def _rounded(value: float, kind: str, digits: int) -> str:
    if kind == TEXT:
        return str(value)
    if kind == SHARE:
        return f"{value:.1%}"
    sign = "+" if kind in SIGNED and value else ""
    if kind in (POINTS, CHANGE):
        text = f"{100 * value:{sign}.{max(digits - 1, 0)}f}"
    elif isinstance(value, int) or kind == COUNT:
        return f"{value:{sign},}"
    else:
        text = f"{value:{sign}.{digits}f}"
    return text if float(text) else text.lstrip("+-")


def _tone(text: str) -> str:
    """By what is read: a zero after rounding is neither up nor down."""
    return "up" if text.startswith("+") else "down" if text.startswith("-") else ""
