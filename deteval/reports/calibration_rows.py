"""Whether scores mean what they say, as tables: by score, by class, and what to expect of a score."""

from deteval.errors import counted
from deteval.records.calibration import Bin, Calibration
from deteval.records.numbers import threshold_text
from deteval.reports.layout import Look
from deteval.reports.sheet import Section, count, difference, name_cell, rows_of


def calibration_sections(calibration: Calibration, look: Look, top: int, whole: bool) -> list[Section]:
    """Scores beside the precision of detections with such scores; with `whole` classes and expectations as well."""
    at = threshold_text(calibration.iou)
    notes = []
    if calibration.error is not None:
        notes.append(f"Expected calibration error {look.value(calibration.error)}, largest "
                     f"{look.value(calibration.largest)}, mean over classes {look.value(calibration.class_error)}.")
    if calibration.error_above is not None and calibration.cut is not None:
        notes.append(f"From {calibration.cut:.4g} on, where F1 of all classes is best, it is "
                     f"{look.value(calibration.error_above)} ({counted(calibration.n_above, 'detection')}).")
    if calibration.reason:
        notes.append(f"No calibration error: {calibration.reason}.")
    bins = Section(
        "calibration", rows_of(["scores", "n", "mean score", "precision", "95 % interval", "score too high by"],
                               [_bin_row(one, look) for one in calibration.bins if one.n]),
        caption=f"whether a score is the chance to be right: detections by score, and their precision at IoU {at}",
        optional=("95 % interval", "n"), notes=tuple(notes))
    return [bins, *([_classes(calibration, look, top), _expected(calibration, look)] if whole else [])]


def _bin_row(one: Bin, look: Look) -> list[str]:
    over = None if one.mean_score is None or one.precision is None else one.mean_score - one.precision
    interval = "" if one.interval is None else f"{look.value(one.interval[0])} to {look.value(one.interval[1])}"
    return [f"{one.low:.4g} to {one.high:.4g}", count(one.n), look.value(one.mean_score), look.value(one.precision),
            interval, difference(over, look)]


def _classes(calibration: Calibration, look: Look, top: int) -> Section:
    known = sorted((one for one in calibration.classes if one.error is not None), key=lambda one: -(one.error or 0.0))
    if not known:
        known = list(calibration.classes)
    body = [[name_cell(one.id), name_cell(one.name), count(one.n), look.value(one.error), difference(one.over, look)]
            for one in known[:top]]
    return Section("calibration by class", rows_of(["id", "class", "n", "error", "score too high by"], body), left=2,
                   names=1, optional=("id",), caption="the largest expected calibration error first")


def _expected(calibration: Calibration, look: Look) -> Section:
    body = [[f"{one.score:.4g}", look.value(one.precision), look.value(one.precision_above), count(one.kept)]
            for one in calibration.expected]
    heading = ["score", "precision there", "precision from there on", "detections"]
    return Section(
        "what to expect of a score", rows_of(heading, body),
        caption="there: of detections with about this score; from there on: of all with this score or a higher one")
