"""JSON of unknown quality to Python values, and a finding that names the byte where it is not JSON."""

import json
from typing import Any

from deteval.loading.collector import MISSING, TOO_DEEP, Collector
from deteval.loading.source import Text

WHITE_SPACE = " \t\n\r"
LONGEST_INTEGER = 600
"""Digits. Beyond, Python may refuse to convert; such a number is larger than any id and than any float anyway."""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else float(digits)


_decoder = json.JSONDecoder(parse_int=_integer)


def parse(text: Text, collector: Collector) -> Any:
    """The value of a JSON text, or MISSING with a finding."""
    characters = text.characters()
    try:
        return _decoder.decode(characters)
    except json.JSONDecodeError as error:
        _note(error, characters, text, collector)
    except RecursionError:
        collector.file_level("bad-json", TOO_DEEP)
    return MISSING


def parse_lines(text: Text, collector: Collector) -> Any:
    """The values of JSON lines (or of objects that follow each other in any layout), or MISSING with a finding.

    None, and nothing noted, if the text is not that: its first value is no record of a detection.
    """
    characters = text.characters()
    values: list[Any] = []
    position = _skip_space(characters, 0)
    try:
        while position < len(characters):
            value, position = _decoder.raw_decode(characters, position)
            values.append(value)
            if not _is_record(values[0]):
                return None
            position = _skip_space(characters, position)
    except json.JSONDecodeError as error:
        if not values:
            return None
        error, stop = _first_bad_line(characters) or (error, len(characters))
        _note(error, characters[:stop], text, collector)
        return MISSING
    except RecursionError:
        collector.file_level("bad-json", TOO_DEEP)
        return MISSING
    return values if len(values) > 1 or (values and "image_id" in values[0]) else None


def _first_bad_line(characters: str) -> tuple[json.JSONDecodeError, int] | None:
    """What is wrong with the first line that is not JSON, and where that line ends; None if values span lines."""
    start = 0
    good = 0
    for line in characters.split("\n"):
        stop = start + len(line)
        try:
            good += bool(line.strip()) and bool(_decoder.decode(line))
        except json.JSONDecodeError as error:
            return (json.JSONDecodeError(error.msg, characters, start + error.pos), stop) if good else None
        start = stop + 1
    return None


def _is_record(value: Any) -> bool:
    """Whether a value may be one detection, not an object that holds a list of them."""
    return isinstance(value, dict) and "annotations" not in value and "predictions" not in value


def _skip_space(characters: str, position: int) -> int:
    while position < len(characters) and characters[position] in WHITE_SPACE:
        position += 1
    return position


def _note(error: json.JSONDecodeError, characters: str, text: Text, collector: Collector) -> None:
    if not characters.strip():
        collector.file_level("bad-json", "the file is empty")
        return
    what, position = _problem(error, characters)
    byte = text.start + len(characters[:position].encode("utf-8"))
    line, column = characters.count("\n", 0, position) + 1, position - characters.rfind("\n", 0, position)
    collector.file_level("bad-json", f"not JSON: {what} at byte {byte} (line {line}, column {column})")


def _problem(error: json.JSONDecodeError, characters: str) -> tuple[str, int]:
    """What is wrong, and at which character; the same words in every version of Python.

    characters: the text, up to the end of the line that is wrong where it is JSON lines.
    """
    position, message = error.pos, error.msg
    what = "file" if len(characters) == len(error.doc) else "line"
    before = characters[max(0, position - 100) : position].rstrip(WHITE_SPACE)
    rest = characters[position : position + 20]
    if message.startswith("Unterminated string"):
        return f"the {what} is cut off, or a quote is missing: there is no end to the string", position
    if not characters[position:].strip(WHITE_SPACE):
        return f"the {what} is cut off", len(characters.rstrip(WHITE_SPACE))
    if message.startswith("Illegal trailing comma") or (rest[0] in "]}" and before.endswith(",")):
        return "a comma stands before the end of a list or object", characters.rfind(",", 0, position + 1)
    found = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(rest.split()))
    quote = '"' if "'" in found else "'"
    return f"{_reason(message, before, rest)}, found {quote}{found}{quote},", position


def _reason(message: str, before: str, rest: str) -> str:
    if message == "Extra data":
        return "there is more after its end"
    for start, reason in (("'", "strings need double quotes"), ("//", "there are no comments in JSON"),
                          ("/*", "there are no comments in JSON"), ("#", "there are no comments in JSON"),
                          ("+", "a number has a plus sign"), (".", "a number has no digit beside its point"),
                          ("-.", "a number has no digit beside its point"), ("True", "JSON writes true"),
                          ("False", "JSON writes false"), ("None", "JSON writes null")):
        if rest.startswith(start):
            return reason
    if before.endswith("0") and rest[0].isdigit():
        return "a number has a leading zero"
    return message.removesuffix(" at").rstrip(": ")
