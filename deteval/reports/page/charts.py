"""What the scripts of a page need of its charts: their data as JSON, and the room that each takes."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from deteval.reports.page.sections import Bars, Heatmap, Lines, Section

Chart = Lines | Bars | Heatmap
HEIGHT = 340
"""Pixels of a chart of ordinary size."""
TALL = 460
"""A chart that is taller has a row of the page to itself."""
CELL = 44
"""Pixels of the largest cell of a matrix."""
MOST_WRITTEN = 14
"""A larger matrix shows colours alone; as in heatmap.js."""
SAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""Inside a JSON text these stand in strings only; escaped, nothing in it can end a script element."""


class Frame(msgspec.Struct, frozen=True):
    """The place of a chart. height, width: pixels, width 0 as wide as there is room; family: charts of one family have
    the same groups and share the picker's choice; groups: names to pick from, empty if there is nothing to pick.
    """

    height: int
    width: int
    family: int
    groups: tuple[str, ...]


def frames(sections: Sequence[Section]) -> dict[str, Frame]:
    """The frames of all charts, by id."""
    families: dict[tuple[str, ...], int] = {}
    found = {}
    for section in sections:
        if isinstance(section, Chart):
            groups = tuple(section.groups)
            family = families.setdefault(groups, len(families))
            found[section.id] = Frame(_height(section), _width(section), family, groups if len(groups) > 1 else ())
    return found


def halves(sections: Sequence[Section]) -> frozenset[str]:
    """Ids of the charts that stand two in a row on a wide screen: neighbours, neither of them tall."""
    paired: set[str] = set()
    waiting = ""
    for section in sections:
        if not isinstance(section, Lines | Bars) or _height(section) > TALL:
            waiting = ""
        elif waiting:
            paired |= {waiting, section.id}
            waiting = ""
        else:
            waiting = section.id
    return frozenset(paired)


def charts_json(sections: Sequence[Section]) -> str:
    """The data of all charts, safe inside a script element."""
    frame = frames(sections)
    data = {section.id: {"kind": type(section).__name__, "family": frame[section.id].family, **_fields(section)}
            for section in sections if isinstance(section, Chart)}
    try:
        text = msgspec.json.encode(data, enc_hook=_plain).decode()
    except UnicodeEncodeError:  # half of a surrogate pair in a name, which JSON can hold and UTF-8 cannot
        text = json.dumps(msgspec.to_builtins(data, enc_hook=_plain), separators=(",", ":"))
    return text.translate(SAFE)


def _plain(value: Any) -> Any:
    """A number or array of numpy as Python's."""
    return value.tolist()


def _fields(chart: Chart) -> dict[str, Any]:
    """A chart's fields; its groups as a list, for a JavaScript object does not keep the order of names like `10`."""
    left_out = ("id", "note", "groups", "low", "high")
    fields = {name: getattr(chart, name) for name in chart.__struct_fields__ if name not in left_out}
    places: dict[tuple[Any, ...], int] = {}
    groups = [{"name": name, **_group(chart, name, places)} for name in chart.groups]
    return {**fields, "groups": groups, "places": list(places)}


def _group(chart: Chart, group: str, places: dict[tuple[Any, ...], int]) -> dict[str, Any]:
    """What a chart shows of one group; with a series stand the ends of its intervals. places: where the points of
    curves stand, each sequence once; a curve has its number."""
    if isinstance(chart, Heatmap):
        return {"cells": chart.groups[group], "best": chart.best.get(group)}
    if isinstance(chart, Lines):
        return {"lines": [{"name": name, **line, "x": places.setdefault(tuple(line["x"]), len(places))}
                          for name, line in chart.groups[group].items()]}
    return {"series": [{"name": name, "values": values, "low": chart.low.get(name), "high": chart.high.get(name)}
                       for name, values in chart.groups[group].items()]}


def _height(chart: Chart) -> int:
    if isinstance(chart, Heatmap):
        return 150 + len(chart.rows) * _cell_size(chart)
    if isinstance(chart, Bars) and chart.horizontal:
        beside = 1 if chart.stacked else max((len(series) for series in chart.groups.values()), default=1)
        return 90 + len(chart.names) * (10 + 14 * beside)
    return HEIGHT


def _width(chart: Chart) -> int:
    """A matrix is as wide as its columns need: its box scrolls on a small screen."""
    if not isinstance(chart, Heatmap):
        return 0
    written = max(len(chart.rows), len(chart.columns)) <= MOST_WRITTEN  # numbers stand in the cells
    return 250 + len(chart.columns) * (_cell_size(chart) + (24 if written else 0))


def _cell_size(chart: Heatmap) -> int:
    """Pixels of a cell: room for a number in a small matrix, for a name beside it in a large one."""
    most = max(len(chart.rows), len(chart.columns), 1)
    return max(11, min(CELL, 800 // most))
