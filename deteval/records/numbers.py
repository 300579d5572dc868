"""Numbers as text: threshold ranges such as `.5:.95:.05`, lists, and their canonical spelling."""

import math

import numpy as np

NEAR = 1e-9
"""Two thresholds nearer than this are the same threshold."""


def parse_number(text: str) -> float:
    """A finite decimal number; ValueError otherwise."""
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"{text.strip()!r} is not a finite number")
    return value


def parse_numbers(text: str) -> tuple[float, ...]:
    """The values of `.3,.5` or of a range `.5:.95:.05`, as written; ValueError says what is wrong.

    A range `start:stop:step` is `np.linspace(start, stop, round((stop - start) / step) + 1)`, both ends included,
    as pycocotools spells its thresholds; a single value is the literal.
    """
    values: list[float] = []
    for item in text.split(","):
        values.extend(_parse_range(item) if ":" in item else [_parse_item(item)])
    return tuple(values)


def _parse_item(text: str) -> float:
    try:
        return parse_number(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not a number; write .5 or .3,.5 or .5:.95:.05") from None


def _parse_range(text: str) -> list[float]:
    parts = text.split(":")
    if len(parts) != 3:
        raise ValueError(f"{text.strip()!r} is not a range; write start:stop:step, as .5:.95:.05")
    start, stop, step = (_parse_item(part) for part in parts)
    if step <= 0 or stop < start:
        raise ValueError(f"{text.strip()!r}: a range ascends, with a step above 0")
    steps = (stop - start) / step
    if steps > 1e6:
        raise ValueError(f"{text.strip()!r}: more than a million values")
    if abs(steps - round(steps)) > NEAR * max(1.0, steps):
        nearest = f"did you mean {':'.join(map(threshold_text, (start, start + int(steps) * step, step)))!r}?" \
            if steps > 1 else "it is larger"
        raise ValueError(f"{text.strip()!r}: the step does not divide the range; {nearest}")
    return [float(value) for value in np.linspace(start, stop, round(steps) + 1)]


def number_text(value: float) -> str:
    """A number in its shortest spelling, a whole one without a decimal point: `0.25`, `1024`, `1e+10`."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e10:
        return str(int(value))
    return repr(value)


def threshold_text(value: float) -> str:
    """A threshold without its leading zero, and without the dust of binary fractions: `.5`, `.9`, `1`, `-.25`."""
    text = f"{value:.10g}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def thresholds_text(values: tuple[float, ...]) -> str:
    """Ascending thresholds in canonical spelling: as a range where they are one, else as a list."""
    if len(values) > 2:
        step = (values[-1] - values[0]) / (len(values) - 1)
        text = ":".join(threshold_text(value) for value in (values[0], values[-1], step))
        try:
            if parse_numbers(text) == values:
                return text
        except ValueError:
            pass
    return ",".join(threshold_text(value) if float(f"{value:.10g}") == value else repr(value) for value in values)


def position_of(value: float, values: tuple[float, ...]) -> int | None:
    """Where `value` stands among `values`, looked up within 1e-9; None if none is that near."""
    for position, candidate in enumerate(values):
        if abs(candidate - value) <= NEAR:
            return position
    return None
