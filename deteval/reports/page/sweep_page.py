"""The page of `deteval sweep`: heat maps and lines over any two axes, with the best point marked."""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

from deteval.records.scores import settings_dict
from deteval.records.sweep import Axis, Best, Sweep
from deteval.reports.layout import Look
from deteval.reports.page.parts import filled, input_facts, plain, settings_facts, short_names, worth_saying
from deteval.reports.page.sections import VALUE, Column, Headline, Heatmap, Lines, Page, Section, Table, Words
from deteval.reports.sweep_words import explanation

MOST_CELLS = 40_000
"""Values in the charts of a pair of axes; beyond that the other axes stay at the best point."""
MOST_ROWS = 5_000
"""Points in the table."""
MOST_LINES = 8
"""Lines in a chart; of an axis with more values, these are taken evenly."""
Position = tuple[int, ...]


def sweep_page(sweep: Sweep, digits: int = 4) -> Page:
    """All points of all models."""
    plan = sweep.plan
    swept = {axis.name for axis in plan.axes}
    facts = [*input_facts(one for model in sweep.models for one in model.inputs),
             *((f"axis {axis.name}", ", ".join(axis.texts)) for axis in plan.axes),
             *settings_facts({name: value for name, value in settings_dict(plan.base).items() if name not in swept}
                             | dict(sweep.reading)),
             ("fingerprint of the ground truth", sweep.models[0].fingerprint if sweep.models else ""),
             ("versions", ", ".join(f"{name} {text}" for name, text in sweep.versions.items()))]
    words = tuple(explanation(sweep, Look(digits=digits)))
    sections: list[Section] = [Words("outcome", "What the sweep found", words, listed=True)] if words else []
    if sweep.best:
        sections.append(_best_table(sweep))
    sections += _charts(sweep)
    sections.append(_points(sweep))
    metric = "" if plan.objective is None else str(plan.objective.metric)
    return Page(
        title="Sweep of " + ", ".join(short_names([model.name for model in sweep.models])),
        path=", ".join(model.name for model in sweep.models), command="sweep", verdict=None,
        headlines=tuple(Headline(f"best {metric}" + (f" of {one.model}" if len(sweep.models) > 1 else ""), one.value,
                                 hint=plan.words(one.position)) for one in sweep.best),
        findings=worth_saying(sweep.findings), not_comparable=(),
        facts=tuple((name, text) for name, text in facts if text), sections=tuple(sections), digits=digits)


def _best_table(sweep: Sweep) -> Table:
    plan = sweep.plan
    columns = (Column("model"), *(Column(axis.name) for axis in plan.axes),
               *(Column(str(metric), VALUE) for metric in plan.metrics), Column("beware"))
    values = {model.name: model.values for model in sweep.models}
    rows = tuple((one.model, *(axis.texts[i] for axis, i in zip(plan.axes, one.position, strict=True)),
                  *(plain(value) for value in values[one.model][one.position]), _ends(sweep, one))
                 for one in sweep.best)
    return filled(Table("best", "Best points", columns, rows))


def _ends(sweep: Sweep, best: Best) -> str:
    """The axes at whose end a best point lies, and which way it may get better still."""
    ends = []
    for axis, place in zip(sweep.plan.axes, best.position, strict=True):
        order = axis.ascending
        if order is not None and len(order) > 1 and place in (order[0], order[-1]):
            ends.append(f"the {'lowest' if place == order[0] else 'highest'} {axis.name}")
    further = " and ".join(f"a {way} {name}" for name, way in best.open_ends)
    return f"at {' and '.join(ends)}" + (f"; {further} may be better still" if further else "") if ends else ""


def _charts(sweep: Sweep) -> list[Section]:
    """For every pair of axes a heat map, and lines over each of the two; lines alone where only one axis varies."""
    varied = [place for place, axis in enumerate(sweep.plan.axes) if len(axis) > 1]
    if len(varied) == 1:
        return [_lines(sweep, varied[0], None)]
    sections: list[Section] = []
    for a, b in combinations(varied, 2):
        across, down = (a, b) if len(sweep.plan.axes[a]) >= len(sweep.plan.axes[b]) else (b, a)
        sections += [_heatmap(sweep, across, down), _lines(sweep, across, down), _lines(sweep, down, across)]
    return sections


def _others(sweep: Sweep, axes: tuple[int, ...], model: int) -> tuple[Iterator[Position], bool]:
    """Positions to show with 0 at these axes: all of the other axes, or of too many that of the best point; and
    whether that is all."""
    plan = sweep.plan
    size = plan.points * len(plan.metrics) * len(sweep.models)
    if size <= MOST_CELLS:
        spans = [range(1) if place in axes else range(len(axis)) for place, axis in enumerate(plan.axes)]
        return product(*spans), True
    best = next((one.position for one in sweep.best if one.model == sweep.models[model].name), (0,) * len(plan.axes))
    return iter([tuple(0 if place in axes else i for place, i in enumerate(best))]), len(axes) == len(plan.axes)


def _groups(sweep: Sweep, axes: tuple[int, ...]) -> tuple[dict[str, tuple[int, int, Position]], str]:
    """By name: model, metric, and where the other axes stand; the objective first, at the best point of each model."""
    plan, found, complete = sweep.plan, {}, True
    best = {one.model: one.position for one in sweep.best}
    for model in range(len(sweep.models)):
        positions, whole = _others(sweep, axes, model)
        complete &= whole
        for position in positions:
            held = [f"{axis.name} {axis.texts[position[place]]}" for place, axis in enumerate(plan.axes)
                    if place not in axes and len(axis) > 1]
            for column, metric in enumerate(plan.metrics):
                parts = [str(metric), *([sweep.models[model].name] if len(sweep.models) > 1 else []), *held]
                found[", ".join(parts)] = (model, column, position)
    goal = 0 if plan.objective is None else plan.column(plan.objective.metric)

    def rank(item: tuple[int, int, Position]) -> tuple[bool, bool]:
        model, column, position = item
        there = best.get(sweep.models[model].name)
        return column != goal, there is not None and any(
            there[place] != i for place, i in enumerate(position) if place not in axes)

    ordered = dict(sorted(found.items(), key=lambda one: rank(one[1])))
    note = ("The grid is large: the other axes stay at the best point, or at their first value. The JSON and CSV "
            "reports hold every point.")
    return ordered, "" if complete else note


def _heatmap(sweep: Sweep, across: int, down: int) -> Heatmap:
    plan = sweep.plan
    columns, rows = plan.axes[across], plan.axes[down]
    groups, note = _groups(sweep, (across, down))
    cells, marks = {}, {}
    for name, (model, column, position) in groups.items():
        values = sweep.models[model].values[..., column]
        cells[name] = tuple((i, j, value) for i in range(len(rows)) for j in range(len(columns))
                            if (value := plain(values[_at(position, {down: i, across: j})])) is not None)
        if (mark := _best_at(sweep, model, column, position, (across, down))) is not None:
            marks[name] = (mark[down], mark[across])
    return Heatmap(f"map-{columns.name.replace('_', '-')}-{rows.name.replace('_', '-')}",
                   f"{columns.name} and {rows.name}", columns.name, rows.name, columns.texts, rows.texts, cells, marks,
                   note=" ".join(text for text in ("The best point is marked." if marks else "", note) if text))


def _lines(sweep: Sweep, along: int, between: int | None) -> Lines:
    plan = sweep.plan
    axis, other = plan.axes[along], None if between is None else plan.axes[between]
    groups, note = _groups(sweep, (along,) if between is None else (along, between))
    numbers, order = _numbers(axis)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, (model, column, position) in groups.items():
        values = sweep.models[model].values[..., column]
        lines: dict[str, dict[str, Any]] = {}
        best = _best_at(sweep, model, column, position, (along,) if between is None else (along, between))
        for i in _taken(other, None if best is None or between is None else best[between]):
            held = {} if between is None else {between: i}
            lines[str(plan.metrics[column]) if other is None else f"{other.name} {other.texts[i]}"] = {
                "x": [numbers[j] for j in order],
                "y": [plain(values[_at(position, {**held, along: j})]) for j in order]}
        if best is not None:
            lines["best point"] = {"x": [numbers[best[along]]], "y": [plain(values[best])], "marker": True}
        found[name] = lines
    few = "" if other is None or len(other) <= MOST_LINES else \
        f"{MOST_LINES} of the {len(other)} values of {other.name} are drawn."
    key = axis.name.replace("_", "-") + ("" if other is None else f"-by-{other.name.replace('_', '-')}")
    return Lines(f"lines-{key}", f"Over {axis.name}" + ("" if other is None else f", by {other.name}"), axis.name,
                 "metric", found, y_titles={name: str(plan.metrics[column]) for name, (_, column, _) in groups.items()},
                 note=" ".join(text for text in (few, note) if text))


def _numbers(axis: Axis) -> tuple[list[Any], list[int]]:
    """The values of an axis as numbers if they all are, else as texts; and their order."""
    values = list(axis.plain)
    if axis.name in ("iou", "max_dets") and all(len(value) == 1 for value in axis.values):
        values = [value[0] for value in axis.values]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return values, sorted(range(len(values)), key=lambda i: values[i])
    return list(axis.texts), list(axis.ascending or range(len(axis)))


def _taken(axis: Axis | None, best: int | None) -> list[int]:
    """Positions of the lines: of too many some evenly, that of the best point among them."""
    if axis is None:
        return [0]
    if len(axis) <= MOST_LINES:
        return list(range(len(axis)))
    even = {round(i * (len(axis) - 1) / (MOST_LINES - 1)) for i in range(MOST_LINES)}
    return sorted(even | (set() if best is None else {best}))


def _at(position: Position, held: Mapping[int, int]) -> Position:
    return tuple(held.get(place, i) for place, i in enumerate(position))


def _best_at(sweep: Sweep, model: int, column: int, position: Position, axes: tuple[int, ...]) -> Position | None:
    """The best point of a model, if it lies in this group and the group shows the objective."""
    plan = sweep.plan
    if plan.objective is None or column != plan.column(plan.objective.metric):
        return None
    for one in sweep.best:
        if one.model == sweep.models[model].name and all(
                i == position[place] for place, i in enumerate(one.position) if place not in axes):
            return one.position
    return None


def _points(sweep: Sweep) -> Table:
    plan = sweep.plan
    metrics = [str(metric) for metric in plan.metrics]
    columns = (Column("model"), *(Column(axis.name) for axis in plan.axes), *(Column(name, VALUE) for name in metrics))
    rows: list[tuple[Any, ...]] = []
    for model in sweep.models:
        values = model.values.reshape(plan.points, len(metrics))
        for point, of_point in zip(product(*(axis.texts for axis in plan.axes)), values, strict=True):
            if len(rows) == MOST_ROWS:
                break
            rows.append((model.name, *point, *(plain(value) for value in of_point)))
    total = plan.points * len(sweep.models)
    note = "" if len(rows) == total else f"The first {len(rows):,} of {total:,} points; JSON and CSV hold all."
    return Table("points", "All points", columns, tuple(rows), note=note, filter=True)
