"""A confusion matrix as tables: the matrix itself where it is small, classes, and the pairs most often confused."""

from collections.abc import Sequence

from deteval.errors import counted
from deteval.records.confusion import Confusion
from deteval.records.numbers import threshold_text
from deteval.reports.layout import SHORTEST_NAME, Look, cut, display_width
from deteval.reports.sheet import Section, count, name_cell, rows_of

MOST_COLUMNS = 12
"""Classes of a matrix that is shown whole."""
BACKGROUND, MISSED = "background", "missed"
"""The row of detections that lie on nothing, and the column of objects that nothing found."""
ROOMY = 80
"""Columns from which on two class names stand side by side in full."""
Cell = tuple[int, int, int]


def confusion_sections(confusion: Confusion | None, look: Look, top: int, whole: bool) -> list[Section]:
    """The pairs of classes most often confused; with `whole` the matrix (if it is small) and every class as well."""
    if confusion is None:
        return []
    cells = list(zip(confusion.truth.tolist(), confusion.predicted.tolist(), confusion.count.tolist(), strict=True))
    names = [*(name_cell(name) for name in confusion.categories.names), ""]
    caption = (f"objects paired one to one with kept detections of any class at IoU {threshold_text(confusion.iou)}; "
               f"kept: {confusion.cut}")
    if not whole:
        return [_pairs(cells, names, confusion, look, top, caption)]
    matrix = _matrix(cells, names, caption)
    small = len(names) - 1 <= MOST_COLUMNS and (look.width is None or _width(matrix) <= look.width)
    return [*([matrix] if small else []), _classes(cells, names, confusion, top, "" if small else caption),
            _pairs(cells, names, confusion, look, top, "")]


def _width(section: Section) -> int:
    """Columns that a table takes."""
    return sum(max(map(display_width, column)) + 2 for column in zip(*section.rows, strict=True)) - 2


def _totals(cells: Sequence[Cell], background: int) -> str:
    """How many objects were paired with what."""
    own = sum(n for truth, predicted, n in cells if truth == predicted)
    other = sum(n for truth, predicted, n in cells if truth != predicted and background not in (truth, predicted))
    missed = sum(n for truth, predicted, n in cells if truth != background and predicted == background)
    nothing = sum(n for truth, predicted, n in cells if truth == background)
    return (f"Of {counted(own + other + missed, 'object')} {own:,} {_be(own)} taken for what "
            f"{'it is' if own == 1 else 'they are'}, {other:,} for another class, and {missed:,} {_be(missed)} missed; "
            f"{nothing:,} of {counted(own + other + nothing, 'detection')} {'lies' if nothing == 1 else 'lie'} on "
            "nothing.")


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _pairs(cells: Sequence[Cell], names: list[str], confusion: Confusion, look: Look, top: int, caption: str,
           ) -> Section:
    background = len(names) - 1
    objects = _sums(cells, 0, len(names))
    wrong = sorted((cell for cell in cells if cell[0] != cell[1] and background not in cell[:2]),
                   key=lambda cell: -cell[2])
    short = names if look.width is None or look.width >= ROOMY else [cut(name, SHORTEST_NAME) for name in names]
    body = [[names[truth], short[predicted], count(n), f"{100 * n / objects[truth]:.1f} %"]
            for truth, predicted, n in wrong[:top]]
    more = len(wrong) - top
    rest = [f"{counted(more, 'more pair')} {_be(more)} confused."] if more > 0 else []
    none = [] if wrong else ["No object is taken for another class."]
    return Section("confusion", rows_of(["object", "taken for", "objects", "of its class"], body), caption=caption,
                   left=2, names=0, notes=(*none, *rest, _totals(cells, background), *_left_out(confusion)))


def _left_out(confusion: Confusion) -> list[str]:
    total = int(confusion.left_out.sum())
    if not total:
        return []
    return [f"{counted(total, 'kept detection')} on crowds or objects that do not count {_be(total)} left out."]


def _sums(cells: Sequence[Cell], axis: int, length: int) -> list[int]:
    sums = [0] * length
    for cell in cells:
        sums[cell[axis]] += cell[2]
    return sums


def _matrix(cells: Sequence[Cell], names: list[str], caption: str) -> Section:
    """Rows: what the objects are; columns: what they are taken for."""
    table = [[0] * len(names) for _ in names]
    for truth, predicted, n in cells:
        table[truth][predicted] = n
    body = [[name, *(count(n) if n else "." for n in row)]
            for name, row in zip([*names[:-1], BACKGROUND], table, strict=True)]
    body[-1][-1] = ""
    return Section("confusion matrix", tuple(map(tuple, [["object", *names[:-1], MISSED], *body])),
                   caption=f"rows: what objects are, columns: what they are taken for; {MISSED}: objects without a "
                           f"detection, {BACKGROUND}: detections without an object; {caption}")


def _classes(cells: Sequence[Cell], names: list[str], confusion: Confusion, top: int, caption: str) -> Section:
    """Every class by what becomes of its objects and of its detections, the most wrong objects first."""
    background = len(names) - 1
    objects, kept = _sums(cells, 0, len(names)), _sums(cells, 1, len(names))
    own, missed, alone = ([0] * len(names) for _ in range(3))
    for truth, predicted, n in cells:
        if truth == predicted:
            own[truth] = n
        elif predicted == background:
            missed[truth] = n
        elif truth == background:
            alone[predicted] = n
    order = sorted(range(background), key=lambda i: own[i] - objects[i])
    body = [[names[i], count(objects[i]), count(own[i]), count(objects[i] - own[i] - missed[i]), count(missed[i]),
             count(kept[i]), count(kept[i] - own[i] - alone[i]), count(alone[i]), count(int(confusion.left_out[i]))]
            for i in order[:top]]
    heading = ["class", "objects", "right", "as another", "missed", "detections", "of another", "of nothing",
               "left out"]
    return Section("confusion by class", rows_of(heading, body), caption=caption,
                   optional=("left out", "detections", "objects"))
