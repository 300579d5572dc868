"""A sweep for a spreadsheet or a data frame: one point a row, at full precision."""

import csv
import io

from deteval.records.sweep import Sweep
from deteval.reports.sweep_rows import heading, rows


def render_csv(sweep: Sweep) -> str:
    """A column for the model, one for each axis and one for each metric; undefined is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heading(sweep))
    writer.writerows(rows(sweep, lambda value: "" if value is None else repr(value)))
    return stream.getvalue()
