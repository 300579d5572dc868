"""The one exception of deteval, its exit codes, and the wording of messages about a record of a file."""

GATE_FAILED = 1
"""A rule of a gate is broken."""
USAGE = 2
"""Usage, configuration, a file that cannot be opened or written, a missing extra."""
INPUT = 3
"""Input content is invalid, or nothing can be evaluated."""
UNDECIDABLE = 4
"""No verdict: an undefined metric, other data or settings than the base's, too few clusters."""
MISMATCH = 5
"""The cross-check with the reference found a difference."""
INTERNAL = 70
"""A defect of deteval itself."""
INTERRUPTED = 130
"""Stopped by Ctrl-C."""


class DetevalError(Exception):
    """Something a user can act on; the message says what, where and what to do.

    `exit_code` is the code the command line ends with.
    """

    def __init__(self, message: str, *, exit_code: int = INPUT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def usage_error(message: str) -> DetevalError:
    """A `DetevalError` for a wrong setting, option or file name."""
    return DetevalError(message, exit_code=USAGE)


def place(file: str, section: str = "", record: int | None = None, field: str = "") -> str:
    """Where something stands: `preds.json: detections[17].bbox`."""
    where = section if record is None else f"{section}[{record}]"
    dotted = ".".join(part for part in (where, field) if part)
    return f"{file}: {dotted}" if dotted else file


def and_more(count: int) -> str:
    """The tail of a message that names the first of `count` cases."""
    return f" (and {count - 1:,} more)" if count > 1 else ""


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 image`, `2,000 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def nearest(word: str, valid: list[str]) -> str:
    """`; did you mean 'iou'?`, or nothing where no valid word is near."""
    import difflib

    same = [one for one in valid if one.lower() == word.lower()]
    close = same or difflib.get_close_matches(word, valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def shortened(value: object, limit: int = 60) -> str:
    """A value from a file as Python would write it, cut to `limit` characters."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # more digits than Python prints, or too deep a value
        return "a number of thousands of digits"
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    text = text if len(text) <= limit else f"{text[: limit // 3]}…{text[-(limit - limit // 3 - 1) :]}"
    return f"'{text}'" if isinstance(value, str) else text
