"""One rule of a gate, from a mapping of a YAML file or from an option, checked as far as it can be without data."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from deteval.errors import DetevalError, nearest, usage_error
from deteval.records.gate import (
    LEVELS,
    MAX_DROP,
    MAX_RISE,
    MINIMUM,
    MODES,
    TOTALS,
    Rule,
    metric_tolerance,
    total_tolerance,
)
from deteval.records.metric import parse_metrics
from deteval.records.numbers import parse_number

METRIC_KEYS = ("metric", MINIMUM, MAX_DROP, "classes", "slice", "mode", "min_gt", "level")
TOTAL_KEYS = ("total", MAX_RISE, "level")
RULE_KEYS = tuple(dict.fromkeys((*METRIC_KEYS, *TOTAL_KEYS)))
OPTIONS = {"--min": ("metric", MINIMUM), "--max-drop": ("metric", MAX_DROP), "--max-rise": ("total", MAX_RISE)}

Refuse = Callable[[str, str], DetevalError]
"""Makes the error of a key of the rule: what messages call the place is known to the caller only."""


def parse_rule(values: Mapping[str, Any], defaults: Mapping[str, Any], place: str, line: int, refuse: Refuse) -> Rule:
    """A rule; `defaults` are those of its keys that it does not give itself. Errors: `DetevalError` (usage)."""
    given = {key: value for key, value in values.items() if value is not None}
    keys = TOTAL_KEYS if "total" in given or ("total" in defaults and "metric" not in given) else METRIC_KEYS
    whole = {key: value for key, value in defaults.items() if key in keys} | given
    if "metric" in whole and "total" in whole:
        raise refuse("total", "a rule is about a metric or about a total; write two rules")
    if "metric" not in whole and "total" not in whole:
        raise refuse("", "a rule needs metric: NAME or total: NAME")
    for key in given:
        if key not in keys:
            raise refuse(key, f"{key} is no key of a rule about a {keys[0]}, which takes {', '.join(keys[1:])}")
    for name, key in (("metric", MINIMUM), ("total", MAX_RISE)):
        if name in whole and not any(limit in whole for limit in (key, *((MAX_DROP,) if name == "metric" else ()))):
            needed = f"{MINIMUM} or {MAX_DROP}" if name == "metric" else MAX_RISE
            raise refuse("", f"the rule about {whole[name]} demands nothing: {needed} is needed")
    rule = Rule(place=place, line=line, **{_FIELDS.get(key, key): _value(key, value, refuse)
                                           for key, value in whole.items()})
    return _consistent(rule, given, refuse)


_FIELDS = {MINIMUM: "minimum"}


def _consistent(rule: Rule, given: Mapping[str, Any], refuse: Refuse) -> Rule:
    """Refuse what a rule says without effect."""
    if "mode" in given and rule.max_drop is None:
        raise refuse("mode", f"mode says how a drop is tested, and this rule has no {MAX_DROP}")
    if "min_gt" in given and not rule.classes:
        raise refuse("min_gt", "min_gt chooses among classes, and this rule names none; add classes: \"*\"")
    if rule.metric is not None and rule.metric.category is not None and rule.classes:
        if "classes" not in given:
            return replace(rule, classes=())
        raise refuse("classes", f"{rule.metric} is about one class already; leave out classes, or /class=")
    return rule


def _value(key: str, value: Any, refuse: Refuse) -> Any:
    """The value of a key, parsed."""
    try:
        return _PARSERS[key](value)
    except ValueError as error:
        raise refuse(key, f"{key}: {error}") from None
    except DetevalError as error:
        raise refuse(key, str(error)) from None


def parse_names(value: Any) -> tuple[str, ...]:
    """Names, ids or globs of classes: one, or a list of at least one; else ValueError."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(one, (str, int)) and not isinstance(one, bool) and one != "" for one in items):
        raise ValueError(f"{value!r} is neither a name nor a list of names")
    return tuple(str(one) for one in items)


def _metric(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not one metric; write a rule for each")
    metrics = parse_metrics(value)
    if len(metrics) != 1:
        raise ValueError(f"{value!r} is not one metric; write a rule for each")
    return metrics[0]


def _total(value: Any) -> str:
    if value not in TOTALS:
        hint = nearest(str(value), list(TOTALS)) or f"; there are {', '.join(TOTALS)}"
        raise ValueError(f"there is no total {value!r}{hint}")
    return str(value)


def _floor(value: Any) -> float:
    problem = f"{value!r} is not a number from 0 to 1, as 0.42"
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(problem)
    try:
        number = parse_number(str(value))
    except ValueError:
        raise ValueError(problem) from None
    if not 0 <= number <= 1:
        raise ValueError(problem)
    return number


def _word(valid: tuple[str, ...]) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in valid:
            raise ValueError(f"{value!r} is not one of {', '.join(valid)}{nearest(str(value), list(valid))}")
        return str(value)

    return parse


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a whole number of at least 0")
    return value


def _name(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise ValueError(f"{value!r} is not the name of a slice")
    return str(value)


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "metric": _metric, "total": _total, MINIMUM: _floor, MAX_DROP: metric_tolerance, MAX_RISE: total_tolerance,
    "classes": parse_names, "slice": _name, "mode": _word(MODES), "min_gt": _count, "level": _word(LEVELS),
}


def parse_mode(value: str) -> str:
    """The mode given with `--mode`; `DetevalError` (usage) for another word."""
    return str(_value("mode", value, lambda key, problem: usage_error(problem)))


def check_default(key: str, value: Any, refuse: Refuse) -> None:
    """Refuse a default that no rule could take."""
    _value(key, value, refuse)


def parse_option(option: str, text: str, defaults: Mapping[str, Any]) -> Rule:
    """The rule of `--min AP=0.42`, `--max-drop AP=0.5pt` or `--max-rise TOTAL=10%`, split at the last `=`."""
    place = f"{option} {text}"

    def refuse(key: str, problem: str) -> DetevalError:
        return usage_error(f"{place}: {problem}")

    name, equals, limit = text.rpartition("=")
    subject, key = OPTIONS[option]
    if not equals or not name or not limit:
        example = {"--min": "AP=0.42", "--max-drop": "AP=0.5pt", "--max-rise": "false_positives=10%"}[option]
        raise refuse(key, f"a name, = and a number are needed, as {option} {example}")
    others = {name: value for name, value in defaults.items() if name not in (MINIMUM, MAX_DROP, MAX_RISE, "classes",
                                                                               "slice", "metric", "total", "min_gt")}
    return parse_rule({subject: name, key: limit}, others, place, 0, refuse)
