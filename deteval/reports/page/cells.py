"""How a number of a page is written: rounded for the eye, the full value beside it."""

import math
from typing import Any

from msgspec import Struct

from deteval.reports.layout import printable
from deteval.reports.page.sections import COUNT, DIFFERENCE, SHARE, TEXT, VALUE, Headline

NOT_AVAILABLE = "n/a"
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
    return Cell(_rounded(value, kind, digits), full, _tone(value) if kind == DIFFERENCE else "")


def headline_cell(headline: Headline, digits: int) -> Cell:
    """The number of a headline."""
    return cell(headline.value, _kind(headline), digits)


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
    sign = "+" if kind == DIFFERENCE and value else ""
    if isinstance(value, int) or kind == COUNT:
        return f"{value:{sign},}"
    return f"{value:{sign}.{digits}f}"


def _tone(value: float) -> str:
    return "up" if value > 0 else "down" if value < 0 else ""
