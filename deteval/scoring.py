"""Score one model: from ground truth and detections to a Scores record."""

from collections.abc import Sequence, Set

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval import timing
from deteval.averages import Counts
from deteval.measures import Measurement, Ranked, count, measure, tied_detections
from deteval.records.dataset import Bools, Detections, GroundTruth, Ints
from deteval.records.evidence import Evidence
from deteval.records.findings import Finding, cut_by_cap, emptied_images, images_without_detections, many_ties
from deteval.records.metric import Cell, Metric, as_metrics, class_metrics, default_metrics, resolve
from deteval.records.numbers import position_of
from deteval.records.params import Params
from deteval.records.run import Run
from deteval.records.scores import ClassScores, CountsAt, Scores
from deteval.runs import make_run

COUNT_IOU = 0.5
TOLD = ("images-without-detections", "emptied-images")
"""Findings on images without detections that a run with score cuts has already."""
MANY_TIES = 0.05
"""Share of detections with a score that another of their class has, above which ties may decide the result."""


def evaluate(
    ground_truth: GroundTruth,
    detections: Detections,
    params: Params | None = None,
    *,
    metrics: str | Sequence[Metric | str] | None = None,
    images: Sequence[int] | Ints | None = None,
    threads: int | None = None,
) -> Scores:
    """Match, measure and count, in one go.

    metrics: what to report, as `"AP,F1@.5/score=0.3"`, a list of such names, or parsed; by default the twelve COCO
    numbers, or AP and AR under other settings. images: positions of the images to score. Errors: `DetevalError` for
    settings or metrics that do not fit.
    """
    params = params or Params()
    chosen = default_metrics(params) if metrics is None else as_metrics(metrics)
    for metric in chosen:
        resolve(metric, params)  # a wrong name is refused before any work
    run = make_run(ground_truth, detections, params, images=images, threads=threads)
    return summarise(run, chosen, threads=threads)


def summarise(run: Run, metrics: Sequence[Metric], *, ranked: Ranked | None = None, threads: int | None = None,
              ) -> Scores:
    """The Scores of a run, matched just now or loaded from evidence. ranked: its evidence, if more is measured."""
    with timing.stage("measure"):
        params = run.evidence.params
        per_class = class_metrics(params)
        ranked = ranked or Ranked(run.evidence, threads)
        measured = measure([*metrics, *per_class], ranked)
        tables, totals = _tabulate(ranked)
        values = {str(metric): _plain(value) for metric, value in zip(metrics, measured.values, strict=False)}
        undefined = {name: _reason(metric, tables) for metric, (name, value)
                     in zip(metrics, values.items(), strict=True) if value is None}
        scores = Scores(
            params=params, metrics=values, undefined=undefined, totals=totals,
            counts_at=_counts_at(params, tables.cell), classes=_classes(tables, per_class, measured, len(metrics)),
            fingerprint=run.fingerprint, not_comparable=run.not_comparable, inputs=run.inputs,
            reading=dict(run.reading), versions=dict(run.versions),
        )
        findings = [*run.findings, *_findings(totals, tables, {finding.code for finding in run.findings})]
        if values and len(undefined) == len(values):
            findings.append(Finding("nothing-evaluable", 1, "every requested metric is undefined: "
                                    f"{next(iter(undefined.values()))}"))
        return replace(scores, findings=tuple(findings))


def all_findings(run: Run, ranked: Ranked | None = None, *, threads: int | None = None) -> tuple[Finding, ...]:
    """What is odd about a run, in its input and in what was matched; no metric is measured for it. ranked: its
    evidence, if more is measured."""
    tables, totals = _tabulate(ranked or Ranked(run.evidence, threads))
    return (*run.findings, *_findings(totals, tables, {finding.code for finding in run.findings}))


def _tabulate(ranked: Ranked) -> "tuple[_Tables, dict[str, int]]":
    """The counts that findings and the per-class table are read off, and the totals."""
    cell = count_cell(ranked.evidence.params)
    tables = _Tables(ranked.evidence, cell, _at_threshold(count(ranked), cell.thresholds[0]))
    return tables, _totals(tables, tied_detections(ranked))


def count_cell(params: Params, iou: float = COUNT_IOU) -> Cell:
    """Where counts are taken: IoU 0.5 (or the lowest threshold, if the run lacks it), first area, largest cap."""
    position = position_of(iou, params.iou)
    return Cell((position or 0,), 0, params.max_dets[-1], None)


def _at_threshold(counts: Counts, threshold: int) -> Counts:
    return Counts(counts.true_positives[:, [threshold]], counts.false_positives[:, [threshold]], counts.positives)


def _counts_at(params: Params, cell: Cell) -> CountsAt:
    return CountsAt(params.iou[cell.thresholds[0]], params.areas[cell.area].name, cell.max_dets, params.min_score)


class _Tables(Struct, frozen=True):
    """Evidence with the counts of its count cell."""

    evidence: Evidence
    cell: Cell
    counts: Counts

    @property
    def false_positive(self) -> Bools:
        """Which detections are false positives in the count cell."""
        evidence, threshold = self.evidence, self.cell.thresholds[0]
        either = evidence.true_positive[:, self.cell.area, threshold >> 5] \
            | evidence.ignored[:, self.cell.area, threshold >> 5]
        neither: Bools = (either >> np.uint32(threshold & 31)) & 1 == 0
        return neither & (evidence.rank < self.cell.max_dets)


def _totals(tables: _Tables, tied: int) -> dict[str, int]:
    evidence, counts = tables.evidence, tables.counts
    wrong = tables.false_positive
    has_truth = np.zeros(len(evidence.images), bool)
    has_truth[evidence.gt_image] = True
    has_detection = np.zeros(len(evidence.images), bool)
    has_detection[evidence.image] = True
    absent = counts.positives == 0
    hits = int(counts.true_positives.sum())
    return {
        "n_images": len(evidence.images),
        "n_gt": int(counts.positives.sum()),
        "n_det": len(evidence),
        "true_positives": hits,
        "false_positives": int(counts.false_positives.sum()),
        "false_negatives": int(counts.positives.sum()) - hits,
        "false_positives_in_absent_classes": int(counts.false_positives[absent].sum()),
        "false_positives_on_background_images": int(wrong[~has_truth[evidence.image]].sum()),
        "detections_cut_by_cap": int((evidence.rank >= tables.cell.max_dets).sum()),
        "tied_detections": tied,
        "images_without_detections": int((~has_detection).sum()),
    }


def _classes(tables: _Tables, metrics: Sequence[Metric], measured: Measurement, first: int) -> tuple[ClassScores, ...]:
    evidence, counts = tables.evidence, tables.counts
    size = len(evidence.categories)
    counted = ~evidence.gt_ignored[:, tables.cell.area]
    category, image = evidence.gt_category[counted], evidence.gt_image[counted]  # sorted by class, then image
    is_new = np.ones(len(category), bool)
    is_new[1:] = (category[1:] != category[:-1]) | (image[1:] != image[:-1])
    n_images = np.bincount(category[is_new], minlength=size)
    n_det = np.bincount(evidence.category, minlength=size)
    return tuple(
        ClassScores(
            id=key if isinstance(key, str) else int(key), name=name, n_gt=int(counts.positives[k]),
            n_images=int(n_images[k]), n_det=int(n_det[k]), true_positives=int(counts.true_positives[k, 0]),
            false_positives=int(counts.false_positives[k, 0]),
            false_negatives=int(counts.positives[k] - counts.true_positives[k, 0]),
            values={str(metric): _plain(measured.classes[first + i, k]) for i, metric in enumerate(metrics)},
        )
        for k, (key, name) in enumerate(zip(evidence.categories.ids, evidence.categories.names, strict=True))
    )


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _reason(metric: Metric, tables: _Tables) -> str:
    """Why a metric is undefined."""
    if not len(tables.evidence.gt_image):
        return "the ground truth holds no object of the images and classes scored"
    area = metric.area or tables.evidence.params.areas[0].name
    if metric.category is not None:
        return f"class {metric.category} has no ground truth that counts in area range {area}"
    return f"no class has ground truth that counts in area range {area}"


def _findings(totals: dict[str, int], tables: _Tables, known: Set[str]) -> list[Finding]:
    """What only the matched data shows; known: codes of what was found before."""
    evidence = tables.evidence
    found: list[Finding] = []
    if totals["n_det"] and totals["tied_detections"] > MANY_TIES * totals["n_det"]:
        found.append(many_ties(totals["tied_detections"], totals["n_det"]))
    if totals["detections_cut_by_cap"]:
        found.append(cut_by_cap(totals["detections_cut_by_cap"], tables.cell.max_dets))
    return [*found, *_without_detections(evidence, known)]


def _without_detections(evidence: Evidence, known: Set[str]) -> list[Finding]:
    """Images with ground truth and no detection; whether score cuts emptied them, only the run can have told."""
    with_truth = np.zeros(len(evidence.images), bool)
    with_truth[evidence.gt_image] = True
    with_truth[evidence.image] = False
    missed, params = int(with_truth.sum()), evidence.params
    if not missed or not len(evidence) or not known.isdisjoint(TOLD):
        return []
    emptied = params.min_score is not None or params.operating_points is not None  # in evidence of an earlier version
    say = emptied_images if emptied else images_without_detections
    return [say(missed, str(evidence.images.ids[int(np.argmax(with_truth))]))]
