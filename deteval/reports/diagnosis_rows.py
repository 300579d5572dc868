"""One model looked at from all sides, as tables: error kinds, classes, sizes, images; the other parts have files of
their own."""

from collections.abc import Callable, Sequence

from deteval.records.diagnosis import Diagnosis
from deteval.records.error_kinds import KINDS, Breakdown, ErrorKinds
from deteval.records.numbers import threshold_text
from deteval.records.params import signature
from deteval.reports.calibration_rows import calibration_sections
from deteval.reports.confusion_rows import confusion_sections
from deteval.reports.layout import Look
from deteval.reports.sheet import Section, Sheet, count, image_cells, name_cell, points, rows_of
from deteval.reports.suspect_rows import suspect_sections

FIX_WORDS = {
    "classification": "box fits an object of another class",
    "localisation": "right class, box fits badly",
    "both": "another class, and box fits badly",
    "duplicate": "object is found already",
    "background": "no object there",
    "missed": "not found, and nothing near to mend",
}
"""What each kind of error is."""
MISSES = ("Of the objects that are not found, whatever the score, those are missed that no error could be mended into; "
          "confusion misses objects at its score cut, and suspects are unseen if nothing sure enough comes near.")
"""Why the parts count different objects."""
SHORT = ("classif", "localis", "both", "duplic", "backgr", "missed")
"""Their names in a heading, in the order of KINDS."""
FEW = 3
"""Suspects of each kind in a report of all parts."""


def diagnosis_sheet(diagnosis: Diagnosis, look: Look, by: str = "", top: int = 10) -> Sheet:
    """The report. by: a part to show alone, "" for all. top: rows of each part."""
    kinds = diagnosis.error_kinds
    sections: dict[str, Callable[[], list[Section]]] = {
        "kind": lambda: [_kinds(kinds, look)] if kinds else [],
        "class": lambda: [_breakdowns("classes", kinds.classes, kinds, look, top)] if kinds else [],
        "size": lambda: [_breakdowns("sizes", kinds.sizes, kinds, look, None)] if kinds else [],
        "confusion": lambda: confusion_sections(diagnosis.confusion, look, top, whole=by == "confusion"),
        "suspects": lambda: suspect_sections(diagnosis.suspects, look, top if by else min(top, FEW)),
        "calibration": lambda: calibration_sections(diagnosis.calibration, look, top, whole=by == "calibration"),
        "image": lambda: [_images(diagnosis, look, top)] if diagnosis.images else [],
    }
    chosen = [section for name, make in sections.items() if by in ("", name) for section in make()]
    names = [one.path for one in diagnosis.inputs]
    subject = f"{', '.join(names[:-1])} on {names[-1]}" if len(names) > 1 else diagnosis.name
    facts = (signature(diagnosis.params),
             *([f"ground truth {diagnosis.fingerprint}"] if diagnosis.fingerprint else []))
    headline = ((*diagnosis.metrics, "images", "ground truths", "detections"),
                (*(look.value(value) for value in diagnosis.metrics.values()),
                 *map(count, (diagnosis.n_images, diagnosis.n_gt, diagnosis.n_det))))
    return Sheet(
        subject=(("", subject),), facts=facts,
        headline=Section("", headline, left=0),
        remarks=diagnosis.remarks, sections=tuple(chosen),
        notes=tuple(f"no {name.replace('_', ' ')}: {why}" for name, why in diagnosis.missing.items()),
        findings=diagnosis.findings)


def _metric(iou: float) -> str:
    return f"AP@{threshold_text(iou)}"


def _at(kinds: ErrorKinds) -> str:
    return f"IoU {threshold_text(kinds.iou)}"


def _kinds(kinds: ErrorKinds, look: Look) -> Section:
    whole = kinds.whole
    body = [[name, FIX_WORDS.get(name, ""), count(one.count), points(one.cost, look, signed=False)]
            for name, one in ((name, whole.kinds[name]) for name in KINDS)]
    body += [["all false positives", "of every kind together", count(whole.false_positives.count),
              points(whole.false_positives.cost, look, signed=False)],
             ["all false negatives", "every object that is not found", count(whole.false_negatives.count),
              points(whole.false_negatives.cost, look, signed=False)]]
    at, metric = _at(kinds), _metric(kinds.iou)
    return Section(
        "error kinds", rows_of(["kind", "what it is", "errors", "cost"], body), left=2, names=1,
        optional=("what it is",),
        caption=f"at {at}, area {kinds.area}, at most {kinds.max_dets} detections; cost: by how many points (0.01) "
                f"{metric} would rise were these errors mended alone. Costs do not add up",
        notes=(MISSES,))


def _breakdowns(title: str, parts: Sequence[Breakdown], kinds: ErrorKinds, look: Look, top: int | None) -> Section:
    """Costs of each kind, for classes or sizes; of classes the lowest AP first."""
    shown = list(parts)
    notes: tuple[str, ...] = ()
    if top is not None:
        known = sorted((one for one in parts if one.ap is not None), key=lambda one: one.ap or 0.0)
        shown = known[:top]
        if len(shown) < len(parts):
            lowest = f"the {len(shown):,} of {len(parts):,} classes with the lowest {_metric(kinds.iou)}"
            notes = (f"{lowest}; --top N shows more",)
    heading = ["id", "class" if title == "classes" else "size", "n_gt", "TP", _metric(kinds.iou), *SHORT]
    body = [[name_cell(one.id), name_cell(one.name), count(one.n_gt), count(one.true_positives), look.value(one.ap),
             *(points(one.kinds[name].cost, look, signed=False) for name in KINDS)] for one in shown]
    rows = rows_of(heading, body)
    left = 2 if "id" in rows[0] else 1
    return Section(title, rows, caption=f"cost of each kind of error in points of {_metric(kinds.iou)}", left=left,
                   names=left - 1, optional=("TP", "id", "both", "duplic", "n_gt"), notes=notes)


def _images(diagnosis: Diagnosis, look: Look, top: int) -> Section:
    body = [[*image_cells(one.image_id, one.file_name), count(one.missed), count(one.false_positives),
             points(one.cost, look, signed=False)] for one in diagnosis.images[:top]]
    rows = rows_of(["image", "file", "not found", "FP", "cost"], body)
    left = 2 if "file" in rows[0] else 1
    return Section("worst images", rows, left=left, names=left - 1,
                   caption=f"cost: what their errors take from {_metric(diagnosis.iou)}, in points, to first order")
