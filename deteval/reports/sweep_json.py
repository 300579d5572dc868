"""A sweep for programs: one strict JSON object, with a line per point, so that no more than the text is in memory."""

import json

from deteval.records.sweep import Sweep
from deteval.reports.machine import render_json

_NO_POINTS = '\n  "points": [],\n'
"""How the empty list of points stands in the document; within texts quotes are escaped."""


def render_sweep(sweep: Sweep) -> str:
    """The document of `Sweep.to_dict`; undefined is null, never NaN."""
    before, _, after = render_json(sweep.to_dict(points=False)).partition(_NO_POINTS)
    rows = ",\n    ".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in sweep.rows())
    return f'{before}\n  "points": [\n    {rows}\n  ],\n{after}'
