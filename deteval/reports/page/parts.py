"""What pages of several commands share: facts of a run, tables of images, names of groups."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from deteval.errors import counted
from deteval.records.dataset import Floats, Input
from deteval.records.findings import NOTE, Finding
from deteval.records.params import Params, signature
from deteval.records.scores import settings_dict
from deteval.reports.page.sections import Table

MOST_GROUPS = 200
"""Classes that get curves of their own."""
ALL_CLASSES = "All classes"
EXACT = 1e15
"""From here on a float has no decimals to round."""


def plain(value: Any) -> Any:
    """A number as a table holds it: None where undefined, Python's own numbers."""
    if value is None or isinstance(value, (bool, str)):
        return value
    number = value.item() if hasattr(value, "item") else value
    return None if isinstance(number, float) and not math.isfinite(number) else number


def short(values: Sequence[Any] | Floats, digits: int = 4) -> list[float | None]:
    """Points of a curve: rounded, None where undefined; whole numbers without a fraction."""
    exact = np.asarray(values, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # a number as large as floats go is rounded as it is
        numbers = np.where(np.abs(exact) < EXACT, np.round(exact, digits), exact)
        halves = np.flatnonzero(abs(abs(exact - numbers) * 10**digits - 0.5) < 1e-6)
    for i in halves.tolist():
        numbers[i] = round(float(exact[i]), digits)  # half way, or nearly: by its own digits, as JSON would be read
    found: list[float | None] = numbers.tolist()
    for i in np.flatnonzero(numbers == np.rint(numbers)).tolist():
        found[i] = int(numbers[i]) if np.isfinite(numbers[i]) else None
    for i in np.flatnonzero(np.isnan(numbers)).tolist():
        found[i] = None
    return found


def groups_of(names: Sequence[str], n_gt: Sequence[int]) -> tuple[dict[str, int], str]:
    """Names of the classes that get curves and their positions, and a note if that is not all of them.

    Classes without ground truth are left out; of too many, those with most ground truths are taken.
    """
    held = [k for k, count in enumerate(n_gt) if count > 0]
    note = ""
    if len(held) > MOST_GROUPS:
        kept = set(sorted(held, key=lambda k: -n_gt[k])[:MOST_GROUPS])
        note = f"Curves of the {MOST_GROUPS} classes with most ground truths; the tables hold all {len(names):,}."
        held = [k for k in held if k in kept]
    return {names[k]: k for k in held}, note


def all_name(names: Iterable[str]) -> str:
    """A name for all classes that none of them has."""
    taken, name = set(names), ALL_CLASSES
    while name in taken:
        name += " (all)"
    return name


def facts_of(params: Params, fingerprint: str, reading: Mapping[str, Any], versions: Mapping[str, str],
             ) -> list[tuple[str, str]]:
    """Signature, settings, fingerprint and versions."""
    return [("signature", signature(params)), *settings_facts(settings_dict(params) | dict(reading)),
            *([("fingerprint of the ground truth", fingerprint)] if fingerprint else []),
            *([("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))] if versions else [])]


def settings_facts(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings that are set, as the command line takes them."""
    found = []
    for name, value in settings.items():
        if value in (None, False, [], ()) or value == {}:
            continue
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else \
            "yes" if value is True else str(value)
        found.append((name, text))
    return found


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Paths without their folders, or with as many as tell them apart.

    >>> short_names(["runs/a/dt.json", "runs/b/dt.json"]), short_names(["runs/a/dt.json", "gt.json"])
    (('a/dt.json', 'b/dt.json'), ('dt.json', 'gt.json'))
    """
    parts = [re.split(r"[/\\]", name.rstrip("/")) for name in names]
    most, different = max(map(len, parts), default=1), len(set(names))
    for length in range(1, most):
        found = tuple("/".join(one[-length:]) for one in parts)
        if len(set(found)) == different:
            return found
    return tuple(names)


def input_facts(inputs: Iterable[Input]) -> list[tuple[str, str]]:
    """Every file with its size and what it held."""
    found = {}
    for one in inputs:
        parts = [f"{count:,} {name.replace('_', ' ')}" for name, count in one.counts.items()]
        parts += [] if one.bytes is None else [f"{one.bytes:,} bytes"]
        found[one.path] = ("input", one.path + (f" ({', '.join(parts)})" if parts else ""))
    return list(found.values())


def worth_saying(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings, each once; notes last."""
    unique = list(dict.fromkeys(findings))
    return (*(one for one in unique if one.severity != NOTE), *(one for one in unique if one.severity == NOTE))


def filled(table: Table) -> Table:
    """A table without the columns that are empty all the way down."""
    kept = [i for i in range(len(table.columns))
            if not table.rows or any(row[i] not in (None, "") for row in table.rows)]
    judged = None if table.judged is None else kept.index(range(len(table.columns))[table.judged])
    return replace(table, columns=tuple(table.columns[i] for i in kept), judged=judged,
                   rows=tuple(tuple(row[i] for i in kept) for row in table.rows))


def missing_lines(missing: Mapping[str, str]) -> tuple[str, ...]:
    """What could not be told, and why."""
    return tuple(f"{name.replace('_', ' ')}: {why}" for name, why in missing.items())


def more(shown: int, total: int, what: str) -> str:
    """A note on rows that are left out, "" if there are none."""
    return "" if total <= shown else f"The first {shown:,} of {counted(total, what)}."
