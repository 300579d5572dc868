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
from deteval.reports.page.parts import ALL_CLASSES, MOST_GROUPS, all_name, missing_lines, more, plain, short
from deteval.reports.page.sections import (
    COUNT,
    DIFFERENCE,
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

MOST_CELLS = 100
"""Classes of the confusion matrix that are drawn."""
MOST_PAIRS = 200
BACKGROUND = "background"
MEANING = {
    "classification": "on an object of another class",
    "localisation": "on an object of its class, but the box fits badly",
    "both": "another class, and the box fits badly",
    "duplicate": "on an object that a better detection has found",
    "background": "on no object",
    "missed": "objects that nothing finds, not even badly",
}


def opening_sections(diagnosis: Diagnosis) -> tuple[Section, ...]:
    """What stands out, and what could not be told."""
    found: list[Section] = []
    if diagnosis.remarks:
        found.append(Words("stands-out", "What stands out", diagnosis.remarks))
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
    rows = [(name, MEANING[name], whole.kinds[name].count, whole.kinds[name].cost) for name in KINDS]
    rows += [("all false positives", "all kinds of them at once", whole.false_positives.count,
              whole.false_positives.cost),
             ("all false negatives", "every object that was not found", whole.false_negatives.count,
              whole.false_negatives.cost)]
    held = [one for one in kinds.classes if one.n_gt]
    held = sorted(held, key=lambda one: -one.n_gt)[:MOST_GROUPS] if len(held) > MOST_GROUPS else held
    name = all_name(one.name for one in kinds.classes)
    groups = {name: _costs(whole)} | {one.name: _costs(one) for one in held}
    return [
        Table("error-kinds", "Error kinds, and what they cost", (
            Column("kind"), Column("what it is"), Column("errors", COUNT),
            Column("AP lost", VALUE, f"by how much AP at {at} would rise were these errors mended alone")), tuple(rows),
            note=f"At {at}, after TIDE: {whole.true_positives:,} of {counted(whole.n_gt, 'object')} found. Costs do "
                 "not add up: each kind is mended alone."),
        Bars("error-costs", "AP lost by kind of error", "kind of error", f"AP lost at {at}", KINDS, groups),
        _breakdowns("error-classes", "Error kinds by class", "class", kinds.classes),
        *([_breakdowns("error-sizes", "Error kinds by size", "area range", kinds.sizes)] if kinds.sizes else []),
    ]


def _costs(one: Breakdown) -> dict[str, tuple[float | None, ...]]:
    return {"AP lost": tuple(plain(one.kinds[kind].cost) for kind in KINDS)}


def _breakdowns(key: str, title: str, what: str, parts: Iterable[Breakdown]) -> Table:
    columns = (Column(what), Column("ground truths", COUNT), Column("found", COUNT), Column("AP", VALUE),
               *(Column(f"{kind}: AP lost", VALUE, MEANING[kind]) for kind in KINDS),
               *(Column(f"{kind}: errors", COUNT, MEANING[kind]) for kind in KINDS))
    rows = tuple((one.name, one.n_gt, one.true_positives, one.ap, *(one.kinds[kind].cost for kind in KINDS),
                  *(one.kinds[kind].count for kind in KINDS)) for one in parts)
    return Table(key, title, columns, rows, filter=len(rows) > 10)


def _confusion(confusion: Confusion) -> list[Section]:
    names = [*confusion.categories.names, BACKGROUND]
    cells = list(zip(confusion.truth.tolist(), confusion.predicted.tolist(), confusion.count.tolist(), strict=True))
    background, truths, weight = len(names) - 1, [0] * len(names), [0] * len(names)
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
    labels = tuple(names[k] for k in place)
    left_out = int(confusion.left_out.sum())
    aside = f" {counted(left_out, 'detection')} on crowds and on objects outside the area range left out." \
        if left_out else ""
    note = (f"Pairs at IoU {threshold_text(confusion.iou)} or more, one to one; {confusion.cut}.{aside} Colours by "
            f"the logarithm. {more(len(drawn), len(busy), 'class')}")
    return [
        Heatmap("confusion", "Confusion matrix", "predicted", "ground truth", labels, labels, {"": shown}, log=True,
                note=note.strip()),
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
    points = {"x": [plain(one.mean_score) for one in filled], "y": [plain(one.precision) for one in filled],
              "text": [f"{one.n:,} detections" for one in filled]}
    lines: dict[str, dict[str, Any]] = {"precision of detections of this score": points}
    if not found.reason:
        lines["a perfectly calibrated model"] = {"x": [0, 1], "y": [0, 1], "dash": True}
    expected = found.expected
    if expected:
        lines["expected precision (never falls)"] = {
            "x": short((one.score for one in expected), 6), "y": short(one.precision for one in expected),
            "steps": True}
    bins = tuple((f"{one.low:.4g} to {one.high:.4g}", one.n, one.mean_score, one.precision,
                  *((None, None) if one.interval is None else one.interval)) for one in found.bins)
    classes = tuple((one.name, one.n, one.error, one.over) for one in found.classes)
    sections: list[Section] = [
        Lines("calibration", "Do scores mean what they say?", "score", f"share of detections right at {at}",
              {"": lines}, y_range=(0.0, 1.02), note=summary),
        Table("calibration-bins", "Calibration by score", (
            Column("scores"), Column("detections", COUNT), Column("mean score", VALUE), Column("precision", VALUE),
            Column("low", VALUE, "95 % interval of the precision"), Column("high", VALUE)), bins),
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
            Column("score - precision", DIFFERENCE, "above 0: more confident than right")), classes,
            filter=len(classes) > 10))
    return sections


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _suspects(found: Suspects) -> Table:
    counts = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items())
    rows = tuple((one.kind, str(one.image_id), one.file_name or "", one.label or "", one.predicted or "", one.score,
                  one.similarity, one.ap_change, "" if one.annotation_id is None else str(one.annotation_id),
                  "" if one.ground_truth is None else str(one.ground_truth),
                  "" if one.detection is None else str(one.detection),
                  "" if one.box is None else ", ".join(f"{side:.1f}" for side in one.box)) for one in found.listed)
    columns = (Column("kind"), Column("image"), Column("file"), Column("label"), Column("predicted"),
               Column("score", VALUE), Column("IoU", VALUE),
               Column(f"change of {found.metric}", DIFFERENCE, "were the label as the detections have it"),
               Column("annotation id"), Column("ground-truth record"), Column("detection record"),
               Column("box", TEXT, "x, y, width, height in pixels"))
    return Table("suspects", "Labels to look at", columns, rows, filter=len(rows) > 10,
                 note=f"In all {counts}; confident: {found.least_score}. A model may be as wrong as a label.")


def image_table(images: Sequence[WorstImage], iou: float) -> Table | None:
    """The worst images, None if there are none."""
    if not images:
        return None
    columns = (Column("image"), Column("file"), Column("AP lost", VALUE, "to first order"), Column("missed", COUNT),
               Column("false positives", COUNT))
    rows = tuple((str(one.image_id), one.file_name or "", one.cost, one.missed, one.false_positives)
                 for one in images)
    return Table("images", "Images that cost most", columns, rows, filter=len(rows) > 10,
                 note=f"By what their errors cost of AP at IoU {threshold_text(iou)}, {ALL_CLASSES.lower()}.")
