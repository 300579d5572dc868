"""Operating points as the YAML file that `--operating-points` of score, sweep and gate takes."""

from deteval.records.operating_points import OperatingPoints, Rates
from deteval.records.params import signature
from deteval.reports.layout import Look, printable
from deteval.reports.operating_words import NO_TRUTH, goal

VERSION = 1


def render_yaml(points: OperatingPoints, look: Look) -> str:
    """A score cut per class at full precision; what it is worth there stands beside it as a comment.

    A class without ground truth is left out, so that `default`, the one cut for all, holds. A class for which no cut
    will do has null, which `--operating-points` refuses until somebody decides.
    """
    worth = points.one.reason or _worth(points.one.micro.rates, points, look)
    lines = [
        f"# {_first_upper(goal(points.criterion))}, at {points.counts_at}.",
        f"# {printable(' on '.join(one.path for one in points.inputs) or points.name)}",
        "# `--operating-points FILE` of score, sweep and gate keeps detections with at least the score of their class.",
        f"version: {VERSION}",
        f"chosen: {quoted(str(points.criterion))}",
        f"iou: {points.counts_at.iou!r}",
        f"signature: {quoted(signature(points.params))}",
        *([f"fingerprint: {quoted(points.fingerprint)}"] if points.fingerprint else []),
        f"default: {_cut(points.one.threshold)}  # one cut for all classes: {worth}",
    ]
    classes = () if points.params.class_agnostic else points.classes
    entries = [f"  {quoted(one.name)}: {_cut(one.threshold)}  # {one.reason or _worth(one.part.rates, points, look)}"
               for one in classes if one.reason != NO_TRUTH]
    absent = [quoted(one.name) for one in classes if one.reason == NO_TRUTH]
    lines += ["classes:", *entries] if entries else ["classes: {}"]
    lines += [f"  # no ground truth, the default holds: {', '.join(absent)}"] if absent else []
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A text in double quotes, so that YAML reads it as this text whatever it holds."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cut(threshold: float | None) -> str:
    return "null" if threshold is None else repr(threshold)


def _worth(rates: Rates, points: OperatingPoints, look: Look) -> str:
    """The rates of a cut, rounded."""
    return ", ".join(f"{name} {look.value(rates[name])}" for name in points.criterion.rates[:4])


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
