"""The two sides of a gate as plain numbers: those of a run, and those that a score JSON holds."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval.errors import DetevalError, usage_error
from deteval.measures import find_class, measure
from deteval.records.baseline import Baseline
from deteval.records.evidence import Evidence
from deteval.records.findings import Finding
from deteval.records.metric import Metric, parse_metric, resolve
from deteval.records.run import Run
from deteval.scoring import summarise

SAME = 1e-6
"""A number of a score JSON and that of its evidence are equal within this."""


class Side(Struct, frozen=True):
    """Values by canonical metric name, None where undefined or not held; `reasons` says why.

    classes: one value per class, in the order of the evidence; a metric that is not held has no entry.
    """

    values: dict[str, float | None]
    reasons: dict[str, str]
    classes: dict[str, tuple[float | None, ...]]
    totals: dict[str, int]
    findings: tuple[Finding, ...] = ()

    def value(self, metric: Metric) -> tuple[float | None, str]:
        """A value, or None and the reason."""
        name = str(metric)
        return self.values.get(name), self.reasons.get(name, "")


def side_of_run(run: Run, metrics: Sequence[Metric], class_metrics: Sequence[Metric], threads: int | None = None,
                ) -> Side:
    """Measured from evidence."""
    scores = summarise(run, metrics, threads=threads)
    classes = measure(class_metrics, run.evidence, threads=threads).classes if class_metrics else ()
    return Side(
        values=dict(scores.metrics), reasons=dict(scores.undefined), totals=dict(scores.totals),
        classes={str(metric): tuple(None if np.isnan(value) else float(value) for value in row)
                 for metric, row in zip(class_metrics, classes, strict=True)},
        findings=scores.findings,
    )


def side_of_file(baseline: Baseline, metrics: Sequence[Metric], class_metrics: Sequence[Metric], evidence: Evidence,
                 ) -> Side:
    """Looked up in a score JSON; a metric that means the same under another name will do.

    evidence: of the run it is compared with, for its settings and classes.
    """
    by_cell = {_cell(metric, evidence): name for name, metric in _parsed(baseline, evidence).items()}
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for metric in metrics:
        name = by_cell.get(_cell(metric, evidence))
        if name is not None:
            values[str(metric)] = baseline.metrics[name]
            reasons[str(metric)] = f"undefined in the baseline: {baseline.undefined.get(name, 'it holds null')}"
        elif metric.category is not None and (column := _column(baseline, replace(metric, category=None), evidence)):
            values[str(metric)] = column[find_class(metric, evidence)]
            reasons[str(metric)] = "undefined in the baseline"
        else:
            values[str(metric)] = None
            reasons[str(metric)] = (f"{baseline.name} does not hold {metric}, only {', '.join(baseline.metrics)}; "
                                    f"score it again with --metrics {metric} among others, or save its evidence")
    columns = {str(metric): _column(baseline, metric, evidence) for metric in class_metrics}
    return Side(values=values, reasons=reasons, totals=dict(baseline.totals),
                classes={name: column for name, column in columns.items() if column is not None})


def _cell(metric: Metric, evidence: Evidence) -> tuple[object, ...]:
    """What a metric measures, whatever it is called."""
    place = None if metric.category is None else find_class(metric, evidence)
    return metric.kind, resolve(metric, evidence.params), metric.micro, place


def _parsed(baseline: Baseline, evidence: Evidence) -> dict[str, Metric]:
    """The metrics that the baseline holds, those aside that mean nothing here."""
    found = {}
    for name in baseline.metrics:
        try:
            metric = parse_metric(name)
            _cell(metric, evidence)
        except DetevalError:
            continue
        found[name] = metric
    return found


def _column(baseline: Baseline, metric: Metric, evidence: Evidence) -> tuple[float | None, ...] | None:
    """A metric of every class, None if the baseline's classes do not hold it."""
    by_id = {one.id: one for one in baseline.classes}
    held = baseline.classes[0].values if baseline.classes else {}
    names = {_cell(parse_metric(name), evidence): name for name in held}
    name = names.get(_cell(metric, evidence))
    ids = [key if isinstance(key, str) else int(key) for key in evidence.categories.ids]
    if name is None or any(key not in by_id for key in ids):
        return None
    return tuple(by_id[key].values.get(name) for key in ids)


def check_belongs(baseline: Baseline, threads: int | None) -> None:
    """Refuse (usage) a score JSON whose evidence, measured again, comes to other numbers."""
    if baseline.run is None:
        return
    metrics = tuple(_parsed(baseline, baseline.run.evidence).values())
    again = dict(zip(map(str, metrics), measure(metrics, baseline.run.evidence, threads=threads).values, strict=True))
    for name, value in baseline.metrics.items():
        found = again.get(name, value)
        other = None if found is None or np.isnan(found) else float(found)
        same = value == other if value is None or other is None else abs(value - other) <= SAME
        if not same:
            raise usage_error(f"{baseline.name}: its evidence is that of another run: {name} is {other} there and "
                              f"{value} here; write both anew with deteval score --save-evidence")
