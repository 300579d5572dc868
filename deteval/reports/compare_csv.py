"""A comparison for a spreadsheet: one estimate a row, at full precision."""

import csv
import io
from collections.abc import Iterator

from deteval.records.comparison import Comparison, Comparisons, Part
from deteval.records.resampling import Estimate
from deteval.reports.layout import printable

COLUMNS = ("base_model", "new_model", "slice", "section", "class_id", "class", "n_gt", "n_images", "metric", "base",
           "new", "difference", "low", "high", "p_value", "standard_error", "detectable", "units", "differs",
           "identical", "reason")


def render_csv(comparisons: Comparisons) -> str:
    """Rows of the sections `metric` and `class`, for all images (no slice) and for each slice; undefined is empty.

    Names are as the tables show them: control characters are made visible.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in comparisons.comparisons:
        for part in one.parts:
            writer.writerows(_rows(one, part))
    return stream.getvalue()


def _rows(one: Comparison, part: Part) -> Iterator[list[str]]:
    models = [printable(name) for name in (one.base.name, one.new.name, part.name)]
    for estimate in part.metrics:
        yield [*models, "metric", "", "", "", str(part.n_images), *_values(estimate)]
    for each in part.classes:
        yield [*models, "class", printable(str(each.id)), printable(each.name), str(each.n_gt), str(each.n_images),
               *_values(each.estimate)]


def _values(one: Estimate) -> list[str]:
    numbers = (one.base, one.new, one.difference, one.low, one.high, one.p_value, one.standard_error, one.detectable)
    return [one.metric, *("" if value is None else repr(float(value)) for value in numbers), str(one.units),
            "" if one.differs is None else str(one.differs).lower(), str(one.identical).lower(), one.reason]
