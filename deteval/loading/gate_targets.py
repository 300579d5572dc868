"""What the rules of a gate stand for on a ground truth and a baseline: refused here, before anything is scored."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from deteval.errors import DetevalError, usage_error
from deteval.loading.gate_file import GateConfig
from deteval.records.baseline import Baseline
from deteval.records.categories import find_categories
from deteval.records.dataset import Categories
from deteval.records.gate import PLAIN, Mute, Rule
from deteval.records.metric import resolve
from deteval.records.params import Params


class Targets(Struct, frozen=True):
    """Positions of classes. classes: those of each rule, None for all of them together. named: those of each rule that
    it names by themselves, not by a pattern. muted: mutes in force by class. expired: the others.
    """

    classes: tuple[tuple[int, ...] | None, ...]
    named: tuple[frozenset[int], ...]
    muted: dict[int, Mute]
    expired: tuple[Mute, ...]


def find_targets(config: GateConfig, categories: Categories, params: Params, today: date) -> Targets:
    """The classes that rules and mutes stand for; `DetevalError` (usage) for a class or metric that does not exist.

    categories: those that are scored.
    """
    classes: list[tuple[int, ...] | None] = []
    named: list[frozenset[int]] = []
    for rule in config.rules:
        if rule.metric is not None:
            _check_metric(rule, categories, params)
        found = {pattern: _find(rule.place, categories, pattern) for pattern in rule.classes}
        exact = {str(key) for key in categories.ids} | set(categories.names)
        classes.append(tuple(sorted({one for places in found.values() for one in places})) if rule.classes else None)
        named.append(frozenset(one for pattern, places in found.items() if pattern in exact for one in places))
    muted: dict[int, Mute] = {}
    expired = []
    for mute in config.mutes:
        places = [one for pattern in mute.classes for one in _find(mute.place, categories, pattern)]
        if mute.until < today:
            expired.append(mute)
        else:
            muted |= dict.fromkeys(places, mute)
    return Targets(tuple(classes), tuple(named), muted, tuple(expired))


def _find(place: str, categories: Categories, pattern: str) -> list[int]:
    try:
        return find_categories(categories, pattern)
    except DetevalError as error:
        raise usage_error(f"{place}: {error}") from None


def _check_metric(rule: Rule, categories: Categories, params: Params) -> None:
    metric = rule.metric
    assert metric is not None
    try:
        resolve(metric, params)
    except DetevalError as error:
        raise usage_error(f"{rule.place}: {error}") from None
    if metric.category is not None and len(_find(rule.place, categories, metric.category)) > 1:
        raise usage_error(f"{rule.place}: metric {str(metric)!r} is about several classes; use classes: "
                          f"{metric.category!r} instead of /class=")


def check_baseline(rules: Sequence[Rule], baseline: Baseline | None) -> None:
    """Refuse (usage) rules that need a baseline, or evidence of it, that is not there."""
    for rule in rules:
        if not rule.needs_baseline:
            continue
        if baseline is None:
            raise usage_error(f"{rule.place}: {rule.name} is compared with a baseline, and none is given; add "
                              "baseline: FILE to the YAML or --baseline FILE, a score JSON")
        if baseline.run is not None:
            continue
        what = f"mode {rule.mode}" if rule.max_drop and rule.mode not in (None, PLAIN) else ""
        what = what or (f"slice {rule.slice}" if rule.slice else "")
        if what:
            instead = "; or ask for mode: plain" if what.startswith("mode") and not rule.slice else ""
            raise usage_error(f"{rule.place}: {what} needs the baseline's evidence, and {baseline.why_unpaired}; write "
                              "both with deteval score PREDS GT --save-evidence baseline.evidence.npz --format json -o "
                              f"baseline.json and keep them side by side{instead}")
