"""Operating points for a spreadsheet: a class or total a row, at full precision."""

import csv
import io

from deteval.records.operating_points import THRESHOLD, Counts, OperatingPoints, Part
from deteval.reports.layout import printable


def render_csv(points: OperatingPoints) -> str:
    """Rows of the sections `class`, `own_cuts` and `one_cut`, these two as macro and micro; undefined is empty.

    Names are as the tables show them: control characters are made visible.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([
        "section", "average", "class_id", "class", "n_gt", "n_images", THRESHOLD, *points.criterion.rates,
        "true_positives", "false_positives", "false_negatives", "AP", "reason", *_interval_heading(points),
        *_stability_heading(points)])
    for one in points.classes:
        writer.writerow(["class", "", printable(str(one.id)), printable(one.name), one.n_gt, one.n_images,
                         _number(one.threshold), *_rates(one.part, points), *_counts(one.counts), _number(one.ap),
                         one.reason, *_intervals(one.part, points), *_stability(one.part, points)])
    for section, total in (("own_cuts", points.own), ("one_cut", points.one)):
        for average, part in (("macro", total.macro), ("micro", total.micro)):
            writer.writerow([section, average, "", "", points.n_gt, points.n_images, _number(total.threshold),
                             *_rates(part, points), *_counts(total.counts),
                             _number(points.ap) if average == "macro" else "", total.reason,
                             *_intervals(part, points), *_stability(part, points)])
    return stream.getvalue()


def _interval_heading(points: OperatingPoints) -> list[str]:
    if points.resampling is None:
        return []
    names = [f"{name}_{end}" for name in (THRESHOLD, *points.criterion.rates) for end in ("low", "high")]
    return [*(f"{name}_elsewhere" for name in points.criterion.rates), *names, "units", "interval_reason"]


def _stability_heading(points: OperatingPoints) -> list[str]:
    if points.splits is None:
        return []
    names = [f"{name}_{half}" for name in points.criterion.rates for half in ("chosen", "other", "optimism")]
    return [*names, "threshold_5", "threshold_median", "threshold_95", "splits", "without_cut"]


def _rates(part: Part, points: OperatingPoints) -> list[str]:
    return [_number(part.rates[name]) for name in points.criterion.rates]


def _counts(counts: Counts) -> list[int]:
    return [counts.true_positives, counts.false_positives, counts.false_negatives]


def _intervals(part: Part, points: OperatingPoints) -> list[str]:
    if part.intervals is None:
        return []
    limits = [part.intervals.limits.get(name) or (None, None) for name in (THRESHOLD, *points.criterion.rates)]
    elsewhere = [_number(part.intervals.elsewhere[name]) for name in points.criterion.rates]
    return [*elsewhere, *(_number(limit) for both in limits for limit in both), str(part.intervals.units),
            part.intervals.reason]


def _stability(part: Part, points: OperatingPoints) -> list[str]:
    found = part.stability
    if found is None:
        return []
    rates = [value for name in points.criterion.rates
             for value in (found.chosen[name], found.other[name], found.optimism(name))]
    return [*map(_number, (*rates, *(found.threshold or (None, None, None)))), str(found.splits),
            str(found.without_cut)]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
