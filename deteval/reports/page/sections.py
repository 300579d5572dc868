"""What a page is made of. Commands fill these records; `render` alone turns them into HTML."""

from typing import Any

from msgspec import Struct

from deteval.records.findings import Finding

TEXT, COUNT, VALUE, DIFFERENCE, SHARE = "text", "count", "value", "difference", "share"
POINTS, CHANGE = "points", "change"
"""How a column is shown: as it is; whole numbers; a metric on its 0-1 scale, rounded; the same with a sign and a
colour; per cent; in points, hundredths of a metric; the same with a sign. The cell keeps the full value,
as the JSON has it."""
GOOD, BAD, UNSURE, PLAIN = "good", "bad", "unsure", "plain"


class Headline(Struct, frozen=True):
    """A number at the top. value: None where undefined, with the reason; low, high: its interval, if one is known.
    signed: a difference; toned: whether it is proven, and so has a colour. hint: what it means.
    """

    name: str
    value: float | int | None
    low: float | None = None
    high: float | None = None
    signed: bool = False
    hint: str = ""
    toned: bool = False


class Verdict(Struct, frozen=True):
    """One sentence above everything else. tone: GOOD, BAD, UNSURE or PLAIN, shown by a word and a sign, not by colour
    alone. word: another one than that of the tone."""

    text: str
    tone: str
    word: str = ""


class Column(Struct, frozen=True):
    """A column of a table; hint: what it means, shown on hover and read aloud."""

    title: str
    kind: str = TEXT
    hint: str = ""


class Table(Struct, frozen=True):
    """Sortable and, with `filter`, filterable by text; None is shown as n/a. judged: the column that says in a word
    whether the differences of a row are proven; only those of a proven drop or rise have a colour.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    filter: bool = False
    judged: int | None = None


class Lines(Struct, frozen=True):
    """Curves. groups: by name, as classes; the page shows one at a time, with a picker, the first one first. A group
    maps the name of a line to its {"x": [...], "y": [...]}, and may have "dash": true, "steps": true, "text": [...]
    (hover texts) and "marker": true (points, no line). None in y breaks the line. y_titles: by group, where they
    differ.
    """

    id: str
    title: str
    x_title: str
    y_title: str
    groups: dict[str, dict[str, dict[str, Any]]]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    note: str = ""
    y_titles: dict[str, str] = {}


class Bars(Struct, frozen=True):
    """Bars beside or on top of each other. names: of the bars; series: values by name, one each per bar; low, high:
    ends of intervals, by series. With groups, as of `Lines`, names and series are by group. points: values are shares
    of a metric, shown in points, hundredths of it.
    """

    id: str
    title: str
    x_title: str
    y_title: str
    names: tuple[Any, ...]
    groups: dict[str, dict[str, tuple[float | int | None, ...]]]
    low: dict[str, tuple[float | None, ...]] = {}
    high: dict[str, tuple[float | None, ...]] = {}
    stacked: bool = False
    horizontal: bool = False
    log: bool = False
    note: str = ""
    points: bool = False


class Heatmap(Struct, frozen=True):
    """A matrix. cells: (row, column, value), those not listed are empty. best: (row, column) to mark. log: colours by
    the logarithm. groups as in Lines, by name; one group without a name needs no picker.
    """

    id: str
    title: str
    x_title: str
    y_title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    groups: dict[str, tuple[tuple[int, int, float | int], ...]]
    best: dict[str, tuple[int, int]] = {}
    log: bool = False
    note: str = ""


class Box(Struct, frozen=True):
    """A box to draw, in pixels of the image. tone: "truth" (an object that is found), "missed", "below the cut" (found
    only by a detection that is not drawn), "true positive", "false positive" or "ignored". label: written beside it if
    `written`, else shown on hover and focus alone.
    """

    x: float
    y: float
    width: float
    height: float
    tone: str
    label: str = ""
    written: bool = True


class Picture(Struct, frozen=True):
    """An image worth a look. source: a data URI of a thumbnail, None where there is no picture; width, height: of the
    image in pixels. boxes are drawn over it as SVG.
    """

    image_id: str
    file_name: str
    caption: str
    source: str | None = None
    width: float = 0.0
    height: float = 0.0
    boxes: tuple[Box, ...] = ()


class Pictures(Struct, frozen=True):
    """The images worth a look, worst first."""

    id: str
    title: str
    items: tuple[Picture, ...]
    note: str = ""


class Words(Struct, frozen=True):
    """Sentences, one a paragraph, or with `listed` one an item of a list."""

    id: str
    title: str
    lines: tuple[str, ...]
    listed: bool = False


Section = Table | Lines | Bars | Heatmap | Pictures | Words


class Page(Struct, frozen=True):
    """A whole report. path: what a short title stands for, shown on hover. Words that the sections begin with stand
    before the findings. facts: settings, inputs, fingerprint, versions: name and text. digits: of a rounded metric.
    """

    title: str
    command: str
    verdict: Verdict | None
    headlines: tuple[Headline, ...]
    findings: tuple[Finding, ...]
    not_comparable: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    digits: int = 4
    path: str = ""
