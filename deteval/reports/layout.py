"""Text laid out for a terminal or a pipe: aligned columns, wrapped cells, colour where it is wanted."""

from collections.abc import Sequence

from msgspec import Struct

BOLD, DIM, YELLOW, RED, GREEN = "1", "2", "33", "31", "32"
ELLIPSIS = "…"
SHORTEST_NAME = 12


class Look(Struct, frozen=True):
    """How to print: columns available (None: no limit), whether to use colour, decimals of a metric."""

    width: int | None = None
    colour: bool = False
    digits: int = 4

    def style(self, text: str, code: str) -> str:
        """The text in a colour or weight, if colour is wanted."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def value(self, value: float | None) -> str:
        """A metric, rounded; `n/a` where undefined."""
        return "n/a" if value is None else f"{value:.{self.digits}f}"


def display_width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def printable(text: str) -> str:
    """A name from data, with control characters made visible."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def cut(text: str, width: int) -> str:
    """The text, shortened with an ellipsis to at most `width` columns."""
    if display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[:-1]
    return text + ELLIPSIS


def pad(text: str, width: int, left: bool) -> str:
    """The text filled up with spaces to `width` columns."""
    fill = " " * max(0, width - display_width(text))
    return text + fill if left else fill + text


def columns(rows: Sequence[Sequence[str]], look: Look, *, left: int = 1, names: int = 0,
            optional: Sequence[int] = (), kept: Sequence[int] = ()) -> list[str]:
    """Rows of cells as aligned lines, the first row a heading; the first `left` columns are flush left.

    On a narrow screen the column `names` is shortened first, to no less than twelve characters, then the columns
    `optional` are left out, in their order, then those at the right, but never those `kept`; a last line says which.
    """
    widths = [max(display_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    shown = list(range(len(widths)))
    if look.width is not None:
        droppable = [*optional, *(i for i in reversed(shown) if i > left and i not in (*optional, *kept))]
        least = min(SHORTEST_NAME, widths[names])
        while droppable and sum(widths[i] for i in shown) - widths[names] + least + 2 * (len(shown) - 1) > look.width:
            shown.remove(droppable.pop(0))
        spare = look.width - sum(widths[i] for i in shown) - 2 * (len(shown) - 1)
        widths[names] = max(least, widths[names] + min(spare, 0))
    lines = ["  ".join(pad(cut(row[i], widths[i]), widths[i], i < left) for i in shown).rstrip() for row in rows]
    lines[0] = look.style(lines[0], BOLD)
    missing = [rows[0][i] for i in range(len(widths)) if i not in shown]
    if missing:
        lines += [look.style(line, DIM) for line in wrapped(f"for want of room without {', '.join(missing)}", look)]
    return lines


def cells(names: Sequence[str], values: Sequence[str], look: Look, most: int = 6) -> list[str]:
    """Names above values, `most` side by side, or a half or a third of that where they do not fit."""
    lines: list[str] = []
    if look.width is not None:
        widest = max((max(display_width(text), 7) for text in [*names, *values]), default=7)
        fits = [part for part in (most, most // 2, most // 3) if part * (widest + 2) - 2 <= look.width]
        most = fits[0] if fits else 1
    start = 0
    while start < len(names):
        stop = start
        widths = []
        while stop < len(names) and stop - start < most:
            width = max(display_width(names[stop]), display_width(values[stop]), 7)
            widths.append(width)
            stop += 1
        lines.append(look.style("  ".join(pad(names[i], widths[i - start], False) for i in range(start, stop)), BOLD))
        lines.append("  ".join(pad(values[i], widths[i - start], False) for i in range(start, stop)))
        start = stop
    return lines


def wrapped(text: str, look: Look, indent: str = "  ") -> list[str]:
    """A sentence broken into lines; continuation lines are indented."""
    import textwrap

    if look.width is None:
        return text.split("\n")
    return [line for part in text.split("\n")
            for line in textwrap.wrap(part, max(look.width, 20), subsequent_indent=indent,
                                      break_on_hyphens=False) or [""]]
