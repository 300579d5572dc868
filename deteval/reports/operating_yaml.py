"""Operating points as the YAML file that `--operating-points` of score, compare, gate and sweep takes."""

from math import isinf

from deteval.records.operating_points import ONE, OWN, ClassPoint, OperatingPoints, Part
from deteval.records.params import signature
from deteval.records.score_cuts import DROP
from deteval.reports.layout import Look, printable
from deteval.reports.operating_words import NO_TRUTH, goal, where

VERSION = 1


LONGEST_KEY = 1000
"""Characters of a key before its colon; YAML looks no further than 1,024 for that."""


def render_yaml(points: OperatingPoints, look: Look, which: str = OWN) -> str:
    """A score cut per class at full precision; what it is worth there stands beside it as a comment.

    which: OWN, a cut for each class, or ONE, `default` alone. A class without ground truth is left out, so that
    `default`, the one cut for all, holds. A class for which no cut will do is `drop`, nothing of it is kept; under a
    target of recall null, which `--operating-points` refuses until somebody decides.
    """
    worth = points.one.reason or _worth(points.one.micro, points, look)
    classes = points.cuts_by_class(which)
    entries = [_entry(one, cut, points, look, which) for one, cut in classes]
    listed = {one.id for one, _ in classes}
    absent = [quoted(one.name) for one in points.classes if one.reason == NO_TRUTH and one.id not in listed]
    lines = [
        f"# {_first_upper(goal(points.criterion))}, at {where(points)}.",
        f"# {printable(' on '.join(one.path for one in points.inputs) or points.name)}",
        _USE,
        *([_SUPPRESSED] if points.params.nms is not None else []),
        *([_MIN_SCORE] if points.params.min_score is not None else []),
        f"version: {VERSION}",
        f"chosen: {quoted(str(points.criterion))}",
        f"iou: {points.counts_at.iou!r}",
        f"signature: {quoted(signature(points.params))}",
        *([f"fingerprint: {quoted(points.fingerprint)}"] if points.fingerprint else []),
        f"default: {_cut(points.default_cut)}  # one cut for all classes: {worth}",
        *(["classes:", *entries] if entries else ["classes: {}"]),
    ]
    if absent and which == OWN and not points.params.class_agnostic:
        lines.append(f"  # no ground truth, the default holds: {', '.join(absent)}")
    return "\n".join(lines) + "\n"


_USE = ("# `--operating-points FILE` of score, compare, gate and sweep keeps detections with at least the score of "
        "their class.")
_SUPPRESSED = "# Chosen after NMS, which this file does not hold: give the same --nms wherever it is used."
_MIN_SCORE = "# Chosen among the detections above a lowest score; no cut lies below it."


def _entry(one: ClassPoint, cut: float | None, points: OperatingPoints, look: Look, which: str) -> str:
    """The line of a class, or two where its name is too long for one."""
    name = quoted(one.name)
    key = f"  {name}:" if len(name) <= LONGEST_KEY else f"  ? {name}\n  :"
    if which == ONE or one.reason == NO_TRUTH:
        comment = "the cut that was there before"
    else:
        comment = one.reason or _worth(one.part, points, look)
    return f"{key} {_cut(cut)}  # {comment}"


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
    return "null" if threshold is None else DROP if isinf(threshold) else repr(threshold)


def _worth(part: Part, points: OperatingPoints, look: Look) -> str:
    """The rates of a cut, rounded, and where it is known what it is chosen by is worth elsewhere."""
    found = [f"{name} {look.value(part.rates[name])}" for name in points.criterion.rates[:4]]
    name = points.criterion.main
    if part.intervals is not None and part.intervals.elsewhere.get(name) is not None:
        found.append(f"{name} elsewhere {look.value(part.intervals.elsewhere[name])}")
    return ", ".join(found)


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
