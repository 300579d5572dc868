"""Curves of one model as charts with one class picker: precision over recall, rates and counts over scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deteval.records.dataset import Floats, Ints
from deteval.records.numbers import threshold_text
from deteval.reports.page.parts import all_name, groups_of, short
from deteval.reports.page.sections import Bars, Lines, Section
from deteval.score_curves import STEPS, ScoreCurves, recall_points

BAR = 5
"""Steps of the score grid in one bar of the histogram."""
UNIT = (0.0, 1.02)
Group = dict[str, dict[str, Any]]


def curve_sections(curves: ScoreCurves, cuts: Mapping[str, float | None] | None = None, one_cut: float | None = None,
                   *, with_recall: bool = True) -> tuple[Section, ...]:
    """The charts of a run. cuts: operating points to mark, by class name; one_cut: that of all classes."""
    names = curves.categories.names
    groups, note = groups_of(names, curves.n_gt.tolist())
    everything = all_name(names)
    at = f"IoU {threshold_text(curves.iou)}"
    rates = {everything: _rates(curves, curves.hits.sum(axis=0), curves.misses.sum(axis=0), int(curves.n_gt.sum()),
                                one_cut)}
    bars = {everything: _histogram(curves.hits.sum(axis=0), curves.misses.sum(axis=0))}
    for name, k in groups.items():
        cut = None if cuts is None else cuts.get(name)
        rates[name] = _rates(curves, curves.hits[k], curves.misses[k], int(curves.n_gt[k]), cut)
        bars[name] = _histogram(curves.hits[k], curves.misses[k])
    low, high = float(curves.cuts[0]), float(curves.cuts[-1])
    marked = " The dashed line marks the chosen cut." if cuts is not None or one_cut is not None else ""
    over_scores: tuple[Section, ...] = (
        Lines("rates-over-score", "Precision, recall and F1 over score",
              "score cut: detections at or above it are kept", f"precision, recall, F1 at {at}", rates,
              x_range=(low, high) if high > low else None, y_range=UNIT,
              note=_notes(f"All classes: detections of all classes pooled.{marked} Precision ends where nothing is "
                          "kept.", note)),
        Bars("score-histogram", "Scores of true and false positives", "score", "detections", _bar_names(curves.cuts),
             bars, stacked=True,
             note=_notes(f"Detections that count at {at}; a bar holds the scores from its left end up to the next.",
                         note)),
    )
    if not with_recall:
        return over_scores
    return (_precision_recall(curves, groups, everything, note), *over_scores,
            _over_iou(curves, groups, everything, note))


def _notes(*texts: str) -> str:
    return " ".join(text for text in texts if text)


def _precision_recall(curves: ScoreCurves, groups: Mapping[str, int], everything: str, note: str) -> Lines:
    held = np.flatnonzero(curves.n_gt > 0)
    mean = curves.precision[held].mean(axis=0) if len(held) else np.zeros(curves.precision.shape[1:])
    found = {everything: _recall_lines(curves, mean)}
    found |= {name: _recall_lines(curves, curves.precision[k]) for name, k in groups.items()}
    return Lines(
        "precision-recall", "Precision over recall", "recall", "interpolated precision", found, (0.0, 1.0), UNIT,
        note=_notes("The best precision at this recall or a higher one, at the 101 recalls that AP averages. All "
                    "classes: the mean over classes.", note))


def _recall_lines(curves: ScoreCurves, precision: Floats) -> Group:
    """Lines at IoU .5 and .75 where the run has them, and the mean over all thresholds."""
    lines: Group = {}
    for wanted in dict.fromkeys((curves.iou, 0.5, 0.75)):
        for t, threshold in enumerate(curves.thresholds):
            if abs(threshold - wanted) < 1e-9:
                lines[f"IoU {threshold_text(threshold)}"] = _falling(precision[t])
    if len(curves.thresholds) > len(lines):
        lines["mean over all IoU thresholds"] = {**_falling(precision.mean(axis=0)), "dash": True}
    return lines


def _falling(values: Floats) -> dict[str, Any]:
    """A curve over recall; of the zeros at its end only the first and the last."""
    places = np.arange(len(values))
    positive = np.flatnonzero(values > 0)
    end = int(positive[-1]) + 2 if len(positive) else 1
    places = places if end >= len(values) - 1 else np.append(places[:end], len(values) - 1)
    return {"x": short(np.array(recall_points())[places], 2), "y": short(values[places])}


def _rates(curves: ScoreCurves, hits: Ints, misses: Ints, n_gt: int, cut: float | None) -> Group:
    """Precision, recall and F1 at every cut of the grid."""
    true = curves.kept(hits)
    rows = true + curves.kept(misses)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {"precision": true / rows, "recall": true / n_gt, "F1": 2.0 * true / (rows + n_gt)}
    x = short(curves.cuts, 6)
    lines: Group = {name: {"x": x, "y": short(found)} for name, found in values.items()}
    lines["recall"]["dash"] = True
    if cut is not None and np.isfinite(cut):
        lines["chosen cut"] = {"x": [cut, cut], "y": [0, 1], "dash": True}
    return lines


def _bar_names(cuts: Floats) -> tuple[str, ...]:
    """The left ends of the bars."""
    return tuple(f"{cuts[i]:.4g}" for i in range(0, STEPS, BAR))


def _histogram(hits: Ints, misses: Ints) -> dict[str, tuple[float | int | None, ...]]:
    """True and false positives per bar; the highest cut belongs to the last one."""

    def bars(counts: Ints) -> tuple[int, ...]:
        sums = counts[:STEPS].reshape(-1, BAR).sum(axis=1)
        sums[-1] += counts[STEPS]
        return tuple(sums.tolist())

    return {"true positives": bars(hits), "false positives": bars(misses)}


def _over_iou(curves: ScoreCurves, groups: Mapping[str, int], everything: str, note: str) -> Lines:
    x = list(curves.thresholds)

    def line(values: Sequence[float]) -> Group:
        return {"AP": {"x": x, "y": [None if value != value else value for value in values]}}

    found = {everything: line(curves.ap.tolist())}
    found |= {name: line(curves.class_ap[k].tolist()) for name, k in groups.items()}
    return Lines("ap-over-iou", "AP over IoU threshold", "IoU threshold", "AP at the threshold", found, y_range=UNIT,
                 note=_notes("AP that falls early comes from boxes that fit loosely.", note))
