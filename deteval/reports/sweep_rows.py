"""The points of a sweep as text: the model, the setting of each axis, the value of each metric."""

from collections.abc import Callable, Iterator
from itertools import product

from deteval.records.sweep import Sweep
from deteval.reports.layout import printable


def heading(sweep: Sweep) -> list[str]:
    """`model`, the axes by option name, the metrics."""
    return ["model", *(axis.name for axis in sweep.plan.axes), *(printable(str(one)) for one in sweep.plan.metrics)]


def rows(sweep: Sweep, show: Callable[[float | None], str]) -> Iterator[list[str]]:
    """A row per point under that heading, the last axis fastest; `show` prints a value, None where undefined.

    Settings are as an option takes them; control characters of names are made visible.
    """
    texts = [[printable(text) for text in axis.texts] for axis in sweep.plan.axes]
    for model in sweep.models:
        name, values = printable(model.name), model.values.reshape(sweep.plan.points, -1).tolist()
        for point, of_point in zip(product(*texts), values, strict=True):
            yield [name, *point, *(show(None if value != value else value) for value in of_point)]
