"""Where a model loses AP, as sections of a page: error kinds, confusion, calibration, suspicious labels, images."""

from collections.abc import Iterable, Sequence
from typing import Any

from deteval.errors import counted
from deteval.records.calibration import Calibration
from deteval.records.confusion import Confusion
from deteval.records.diagnosis import Diagnosis, WorstImage
from deteval.records.error_kinds import KINDS, Breakdown, ErrorKinds
from deteval.records.numbers import threshold_text
from deteval.records.suspects import Suspects
from deteval.reports.confusion_rows import BACKGROUND, MISSED
from deteval.reports.diagnosis_rows import FIX_WORDS, MISSES
from deteval.reports.page.parts import ALL_CLASSES, MOST_GROUPS, all_name, filled, missing_lines, more, plain, short
from deteval.reports.page.sections import (
    CHANGE,
    COUNT,
    DIFFERENCE,
    POINTS,
    SHARE,
    TEXT,
    VALUE,
    Bars,
    Column,
    Heatmap,
    Lines,
    Section,
    Table,
    Words,
)
from deteval.reports.suspect_rows import MEANINGS

MOST_CELLS = 100
"""Classes of the confusion matrix that are drawn."""
MOST_PAIRS = 200


def opening_sections(diagnosis: Diagnosis) -> tuple[Section, ...]:
    """What stands out, and what could not be told."""
    found: list[Section] = []
    if diagnosis.remarks:
        found.append(Words("stands-out", "What stands out", diagnosis.remarks, listed=True))
    if diagnosis.missing:
        found.append(Words("missing", "What this page cannot tell", missing_lines(diagnosis.missing)))
    return tuple(found)


def diagnosis_sections(diagnosis: Diagnosis) -> tuple[Section, ...]:
    """Everything but what stands out and the images."""
    found: list[Section] = []
    if diagnosis.error_kinds is not None:
        found += _error_kinds(diagnosis.error_kinds)
    if diagnosis.confusion is not None:
        found += _confusion(diagnosis.confusion)
    found += _calibration(diagnosis.calibration)
    if diagnosis.suspects is not None:
        found.append(_suspects(diagnosis.suspects))
    return tuple(found)


def _error_kinds(kinds: ErrorKinds) -> list[Section]:
    at = f"IoU {threshold_text(kinds.iou)}"
    whole = kinds.whole
    rows = [(name, FIX_WORDS[name], whole.kinds[name].count, whole.kinds[name].cost) for name in KINDS]
    rows += [("all false positives", "of every kind together", whole.false_positives.count,
              whole.false_positives.cost),
             ("all false negatives", "objects that are not found", whole.false_negatives.count,
              whole.false_negatives.cost)]
    held = [one for one in kinds.classes if one.n_gt]
    held = sorted(held, key=lambda one: -one.n_gt)[:MOST_GROUPS] if len(held) > MOST_GROUPS else held
    name = all_name(one.name for one in kinds.classes)
    groups = {name: _costs(whole)} | {one.name: _costs(one) for one in held}
    return [
        Table("error-kinds", "Error kinds, and what they cost", (
            Column("kind"), Column("what it is"), Column("errors", COUNT),
            Column("cost in points", POINTS, f"by how many points (0.01) AP at {at} would rise were these errors "
                   "mended alone")), tuple(rows),
            note=f"At {at}, after TIDE: {whole.true_positives:,} of {counted(whole.n_gt, 'object')} found. Costs do "
                 f"not add up: each kind is mended alone. {MISSES}"),
        Bars("error-costs", "Cost by kind of error", "kind of error", f"points of AP at {at}", KINDS, groups,
             points=True),
        _breakdowns("error-classes", "Error kinds by class", "class", kinds.classes, kinds.iou),
        *([_breakdowns("error-sizes", "Error kinds by size", "area range", kinds.sizes, kinds.iou)] if kinds.sizes
          else []),
    ]


def _costs(one: Breakdown) -> dict[str, tuple[float | None, ...]]:
    return {"cost": tuple(plain(one.kinds[kind].cost) for kind in KINDS)}


def _breakdowns(key: str, title: str, what: str, parts: Iterable[Breakdown], iou: float) -> Table:
    ap = f"AP@{threshold_text(iou)}"
    columns = (Column(what), Column("ground truths", COUNT), Column("found", COUNT), Column(ap, VALUE),
               *(Column(kind, POINTS, f"{FIX_WORDS[kind]}: points of {ap} lost") for kind in KINDS))
    rows = tuple((one.name, one.n_gt, one.true_positives, one.ap, *(one.kinds[kind].cost for kind in KINDS))
                 for one in parts)
    return Table(key, title, columns, rows, filter=len(rows) > 10,
                 note=f"What each kind of error costs, in points (0.01) of {ap}.")


def _confusion(confusion: Confusion) -> list[Section]:
    names = confusion.categories.names
    cells = list(zip(confusion.truth.tolist(), confusion.predicted.tolist(), confusion.count.tolist(), strict=True))
    background = len(names)
    truths, weight = [0] * (background + 1), [0] * (background + 1)
    for truth, predicted, count in cells:
        truths[truth] += count
        weight[truth] += count
        weight[predicted] += count
    busy = [k for k in range(background) if weight[k]]
    drawn = sorted(sorted(busy, key=lambda k: -weight[k])[:MOST_CELLS])
    place = {k: i for i, k in enumerate([*drawn, background])}
    shown = tuple((place[truth], place[predicted], count) for truth, predicted, count in cells
                  if truth in place and predicted in place)
    pairs = sorted((cell for cell in cells if cell[0] != cell[1] and background not in cell[:2]),
                   key=lambda cell: -cell[2])
    rows = tuple((names[truth], names[predicted], count, count / truths[truth])
                 for truth, predicted, count in pairs[:MOST_PAIRS])
    labels = tuple(names[k] for k in drawn)
    left_out = int(confusion.left_out.sum())
    aside = f" {counted(left_out, 'detection')} on crowds and on objects outside the area range left out." \
        if left_out else ""
    note = (f"Objects paired one to one with kept detections of any class at IoU {threshold_text(confusion.iou)}; "
            f"kept: {confusion.cut}. {MISSED}: objects without a detection; {BACKGROUND}: detections without an "
            f"object.{aside} Colours by the logarithm. {more(len(drawn), len(busy), 'class')}")
    return [
        Heatmap("confusion", "Confusion matrix", "predicted", "ground truth", (*labels, MISSED), (*labels, BACKGROUND),
                {"": shown}, log=True, note=note.strip()),
        *([Table("confused-pairs", "Classes taken for another", (
            Column("ground truth"), Column("predicted"), Column("objects", COUNT),
            Column("share of the class", SHARE, "of all objects of the class")), rows, filter=len(rows) > 10,
            note=more(len(rows), len(pairs), "pair"))] if rows else []),
    ]


def _calibration(found: Calibration) -> list[Section]:
    at = f"IoU {threshold_text(found.iou)}"
    filled = [one for one in found.bins if one.n]
    summary = found.reason or (
        f"Expected calibration error {_number(found.error)}, the largest of a bin {_number(found.largest)}, mean of "
        f"the classes {_number(found.class_error)}.")
    if found.error_above is not None and found.cut is not None:
        summary += (f" From {found.cut:.4g} on, where F1 of all classes is best, it is {_number(found.error_above)} "
                    f"({counted(found.n_above, 'detection')}).")
    points = {"x": [plain(one.mean_score) for one in filled], "y": [plain(one.precision) for one in filled],
              "text": [f"{one.n:,} detections" for one in filled]}
    lines: dict[str, dict[str, Any]] = {"precision of detections of this score": points}
    if not found.reason:
        lines["a perfectly calibrated model"] = {"x": [0, 1], "y": [0, 1], "dash": True}
    expected = found.expected
    if expected:
        lines["expected precision (never falls)"] = {
            "x": short([one.score for one in expected], 6), "y": short([one.precision for one in expected]),
            "steps": True}
    bins = tuple((f"{one.low:.4g} to {one.high:.4g}", one.n, one.mean_score, one.precision,
                  None if one.mean_score is None or one.precision is None else one.mean_score - one.precision,
                  *((None, None) if one.interval is None else one.interval)) for one in found.bins)
    classes = tuple((one.name, one.n, one.error, one.over) for one in found.classes)
    sections: list[Section] = [
        Lines("calibration", "Do scores mean what they say?", "score", f"share of detections right at {at}",
              {"": lines}, y_range=(0.0, 1.02), note=summary),
        Table("calibration-bins", "Calibration by score", (
            Column("scores"), Column("detections", COUNT), Column("mean score", VALUE), Column("precision", VALUE),
            Column("score too high by", DIFFERENCE, "mean score minus precision; below 0: too low"),
            Column("precision from", VALUE, "lower end of the 95 % interval of the precision"),
            Column("precision to", VALUE, "upper end of the 95 % interval of the precision")), bins,
            note="precision from, to: its 95 % interval (Wilson); where the mean score lies outside it, the score is "
                 "not the chance to be right."),
    ]
    if expected:
        sections.append(Table("expected-precision", "What to expect of a score", (
            Column("score", VALUE), Column("precision at it", VALUE, "of detections of about this score"),
            Column("precision from it on", VALUE, "of all detections with this score or more"),
            Column("detections from it on", COUNT)),
            tuple((one.score, one.precision, one.precision_above, one.kept) for one in expected)))
    if classes:
        sections.append(Table("calibration-classes", "Calibration by class", (
            Column("class"), Column("detections", COUNT), Column("calibration error", VALUE),
            Column("score too high by", DIFFERENCE, "mean score minus precision; below 0: too low")), classes,
            filter=len(classes) > 10))
    return sections


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _suspects(found: Suspects) -> Table:
    of = "" if found.seen_from is None else f" of {found.seen_from:.3g} or more"
    counts = "; ".join(f"{count:,} {kind}: {MEANINGS.get(kind, kind).format(of=of)}"
                       for kind, count in found.counts.items())
    rows = tuple((one.kind, str(one.image_id), _file(one.image_id, one.file_name), one.label or "",
                  one.predicted or "", one.score, one.similarity, one.ap_change,
                  "" if one.annotation_id is None else str(one.annotation_id),
                  "" if one.box is None else ", ".join(f"{side:.1f}" for side in one.box)) for one in found.listed)
    columns = (Column("suspect"), Column("image"), Column("file"), Column("label"), Column("detected as"),
               Column("score", VALUE), Column("IoU", VALUE),
               Column(f"{found.metric} change", CHANGE, "in points (0.01), were the label as detected"),
               Column("annotation"), Column("box", TEXT, "x, y, width, height in pixels"))
    return filled(Table(
        "suspects", "Labels to look at", columns, rows, filter=len(rows) > 10,
        note=f"{counts}. Confident: {found.least_score}. A model may be as wrong as a label. {found.metric} change: in "
             "points (0.01), were the label as detected. Record numbers stand in the JSON."))


def _file(image_id: int | str, file_name: str | None) -> str:
    """A file name, "" where it is the id."""
    return "" if file_name is None or file_name == image_id else file_name


def image_table(images: Sequence[WorstImage], iou: float) -> Table | None:
    """The worst images, None if there are none."""
    if not images:
        return None
    ap = f"AP@{threshold_text(iou)}"
    columns = (Column("image"), Column("file"), Column("not found", COUNT), Column("false positives", COUNT),
               Column("cost in points", POINTS, f"what its errors take from {ap}, to first order"))
    rows = tuple((str(one.image_id), _file(one.image_id, one.file_name), one.missed, one.false_positives, one.cost)
                 for one in images)
    return filled(Table(
        "images", "Images that cost most", columns, rows, filter=len(rows) > 10,
        note=f"cost: what their errors take from {ap}, in points (0.01), to first order, {ALL_CLASSES.lower()}; errors "
             "of every score count."))
