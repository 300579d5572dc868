"""Operating points: the score cuts to ship, per class and for all classes, and what they are worth."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from deteval.errors import usage_error
from deteval.inference import halves as splitting
from deteval.inference import operating as inference
from deteval.inference.support import class_support, metric_units
from deteval.inference.weights import cluster_units, cluster_warning, image_units
from deteval.measures import Measurement, Ranked, measure
from deteval.operating import Chosen, Kept, Rows, choose, gather_rows, pooled
from deteval.records.criterion import LRP, NEAR_ONE, PRECISION, RECALL, Criterion
from deteval.records.dataset import Floats, Ints
from deteval.records.evidence import Evidence
from deteval.records.metric import Metric
from deteval.records.numbers import number_text, threshold_text
from deteval.records.operating_points import ClassPoint, Counts, OperatingPoints, Overall, Part, Rates, Splits
from deteval.records.params import find_threshold
from deteval.records.resampling import LEAST_UNITS, Resampling, Units
from deteval.records.run import Run
from deteval.records.scores import CountsAt
from deteval.scoring import all_findings

Progress = Callable[[float], None]
NO_TRUTH = "no ground truth"
NO_HIT = "no detection is a true positive"


def operating_points(
    run: Run | Evidence,
    criterion: Criterion | None = None,
    *,
    iou: float = 0.5,
    resampling: Resampling | None = None,
    splits: Splits | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> OperatingPoints:
    """The best score cut of every class and of all classes by a criterion, the largest F1 by default.

    iou: the threshold, one of the run's. resampling: bootstrap intervals; cuts are chosen anew in each replicate.
    splits: what the cuts are worth on data that did not choose them. progress: gets the share done, 0 to 1. LRP needs
    the detail table at that threshold. Errors: `DetevalError` (usage) for a threshold that the run lacks, a missing
    detail table, or clusters that the images do not name.
    """
    run = run if isinstance(run, Run) else Run(evidence=run, name="evidence", fingerprint="")
    evidence, criterion = run.evidence, criterion or Criterion()
    threshold = _threshold(evidence, criterion, iou)
    units = _units(evidence, resampling, splits)
    ranked = Ranked(evidence, threads)
    rows = gather_rows(ranked, threshold, with_loss=criterion.kind == LRP)
    halves, replicates = None, None
    shares = _shares(resampling, splits, progress)
    if resampling is not None:
        replicates = inference.measure_replicates(rows, criterion, resampling, units, shares[0])
    if splits is not None:
        halves = splitting.measure_halves(rows, criterion, splits, units, shares[1])
    metric, chosen = Metric("AP", iou=(evidence.params.iou[threshold],)), choose(rows, criterion)
    study = _Study(
        evidence=evidence, criterion=criterion, rows=rows, chosen=chosen, resampling=resampling, replicates=replicates,
        halves=halves, ap=measure([metric], ranked), positives=chosen.positives[:, 0].astype(np.int64),
        own=chosen.own, drawn=_apparent(chosen, criterion, rows.room),
        support=class_support(evidence, [metric], units)[:, 0],
        all_units=int(metric_units(evidence, [metric], units)[0]),
        what="images" if units.cluster is None else "clusters")
    own, one = study.overall("own"), study.overall("one")
    params = evidence.params
    return OperatingPoints(
        criterion=criterion, params=params,
        counts_at=CountsAt(params.iou[threshold], params.areas[0].name, params.max_dets[-1], params.min_score),
        classes=study.classes(), own=own, one=one, ap=_plain(study.ap.values[0]), n_gt=int(study.positives.sum()),
        n_images=len(evidence.images), name=run.name, fingerprint=run.fingerprint, not_comparable=run.not_comparable,
        inputs=run.inputs, findings=all_findings(run, threads=threads), reading=run.reading, versions=run.versions,
        resampling=resampling, splits=splits,
        verdicts=None if halves is None else splitting.count_splits(halves, criterion),
        units=units if resampling or splits else None, remarks=_remarks(evidence, units, bool(resampling or splits)))


def _threshold(evidence: Evidence, criterion: Criterion, iou: float) -> int:
    """The position of the IoU threshold."""
    params = evidence.params
    position = find_threshold(params, iou)
    if criterion.kind == LRP:
        if params.iou[position] >= 1 - NEAR_ONE:
            raise usage_error("iou: the LRP error needs a threshold below 1, as it divides by 1 - IoU")
        if evidence.detail is None or position not in evidence.detail.thresholds:
            raise usage_error("lrp: the LRP error needs to know how well each detection fits; save the evidence with "
                              f"`deteval score --save-evidence FILE --detail {threshold_text(iou)}`, or give "
                              "predictions and ground truth here")
    return position


def _units(evidence: Evidence, resampling: Resampling | None, splits: Splits | None) -> Units:
    """What is drawn, or split in halves: images or clusters."""
    one = resampling or splits
    by = None if one is None else one.cluster_by
    if resampling is not None and splits is not None and resampling.cluster_by != splits.cluster_by:
        raise usage_error("cluster_by: intervals and splits need the same clusters")
    images, units = evidence.images, image_units(len(evidence.images))
    if by is not None:
        from deteval.loading.clusters import cluster_values  # imports YAML, which most runs do not need

        units = cluster_units(cluster_values(by, images), by, images.ids.tolist())
    if splits is not None and units.count < 2:
        what = "image" if by is None else "cluster"
        raise usage_error(f"stability: {units.count} {what} cannot be split in halves")
    return units


def _shares(resampling: Resampling | None, splits: Splits | None, progress: Progress | None,
            ) -> tuple[Progress | None, Progress | None]:
    """Progress of the bootstrap and of the splits, each by its share of the work."""
    if progress is None:
        return None, None
    draws = 0 if resampling is None else resampling.replicates
    whole = draws + (0 if splits is None else splits.count)
    return (lambda share: progress(share * draws / whole)), \
        (lambda share: progress((draws + share * (whole - draws)) / whole))


def _apparent(chosen: Chosen, criterion: Criterion, room: float) -> inference.Drawn:
    """The rates on the images that chose the cuts, those of a single weighting."""
    own, at_one = (kept.part(np.s_[:, 0]) for kept in (chosen.own, chosen.at_one))
    return inference.measure_chosen(chosen.positives[:, 0], chosen.threshold[:, 0], own, at_one, criterion, room)


class _Study(Struct, frozen=True):
    """One run with its cuts, its replicates and its halves, from which the records are read.

    positives: ground truths of every class. own: every class at its own cut. drawn: the rates on the images that chose.
    support: of each class, as `class_support` counts it; all_units: images or clusters, as `what` says, that hold any.
    """

    evidence: Evidence
    criterion: Criterion
    rows: Rows
    chosen: Chosen
    resampling: Resampling | None
    replicates: inference.Replicates | None
    halves: splitting.Halves | None
    ap: Measurement
    positives: Ints
    own: Kept
    drawn: inference.Drawn
    support: Ints
    all_units: int
    what: str

    def classes(self) -> tuple[ClassPoint, ...]:
        """Every class with its cut, or the reason why it has none."""
        categories = self.evidence.categories
        found = []
        for k, (key, name) in enumerate(zip(categories.ids.tolist(), categories.names, strict=True)):
            hits, kept = int(self.own.hits[k, 0]), int(self.own.rows[k, 0])
            found.append(ClassPoint(
                id=key, name=name, n_gt=int(self.positives[k]), n_images=int(self.support[1, k]),
                ap=_plain(self.ap.classes[0, k]), threshold=_plain(self.drawn.threshold[k]), reason=self.reason(k),
                counts=Counts(hits, kept - hits, int(self.positives[k]) - hits), part=self.class_part(k)))
        return tuple(found)

    def class_part(self, k: int) -> Part:
        """Rates of a class, and how sure they are."""
        rates = {name: _plain(values[k]) for name, values in self.drawn.classes.items()}
        intervals, stability = None, None
        if self.replicates is not None and self.resampling is not None:
            errors, kind = self.errors()
            doubt = "" if np.isnan(self.drawn.threshold[k]) else inference.too_few_errors(float(errors[k]), kind)
            intervals = inference.class_intervals(self.replicates, k, rates, int(self.support[2, k]),
                                                  self.resampling, self.what, self.criterion, doubt)
        if self.halves is not None:
            stability = splitting.class_stability(self.halves, k)
        return Part(rates, intervals, stability)

    def overall(self, which: str) -> Overall:
        """All classes, at their own cuts or at one."""
        kept = self.own if which == "own" else self.chosen.at_one
        hits, rows = int(kept.hits.sum()), int(kept.rows.sum())
        one = which == "one"
        return Overall(
            threshold=_plain(self.drawn.threshold[-1]) if one else None,
            reason=self.reason(self.rows.classes) if one else "",
            counts=Counts(hits, rows - hits, int(self.positives.sum()) - hits),
            macro=self.total_part(f"{which} macro"), micro=self.total_part(f"{which} micro"))

    def total_part(self, total: str) -> Part:
        """Rates of all classes, and how sure they are."""
        rates = _rates(self.drawn.totals[total])
        intervals, stability = None, None
        if self.replicates is not None and self.resampling is not None:
            intervals = inference.total_intervals(self.replicates, total, rates, self.all_units, self.resampling,
                                                  self.what, self.criterion, self.doubt(total))
        if self.halves is not None:
            stability = splitting.total_stability(self.halves, total)
        return Part(rates, intervals, stability)

    def errors(self) -> tuple[Floats, str]:
        """Errors of every class at its own cut, and what they are called."""
        return inference.errors_at(self.own.part(np.s_[:, 0]), self.positives, self.criterion)

    def doubt(self, total: str) -> str:
        """Why rates of all classes can have no interval: the draws do not show how far they vary. "" if they may."""
        if total.startswith("one"):
            count, kind = inference.errors_at(pooled(self.chosen.at_one.part(np.s_[:, 0])), self.positives.sum(),
                                              self.criterion)
            return inference.too_few_errors(float(count), kind)
        errors, kind = self.errors()
        has_cut = (self.positives > 0) & ~np.isnan(self.drawn.threshold[:-1])
        sure = has_cut & (self.support[2] >= LEAST_UNITS) & (errors >= inference.LEAST_ERRORS)
        if not has_cut.any():
            return "no class has a cut"
        return "" if 2 * sure.sum() >= has_cut.sum() else f"most classes on too few {self.what} or with too few {kind}"

    def reason(self, group: int) -> str:
        """Why a class, or all of them pooled, has no cut; "" where it has one."""
        if not np.isnan(self.drawn.threshold[group]):
            return ""
        positives = self.positives.sum() if group == self.rows.classes else self.positives[group]
        if not positives:
            return NO_TRUTH
        first, last = self.rows.starts[group : group + 2].tolist()
        hits = np.cumsum(self.rows.hit[first:last], dtype=np.int64)
        if not len(hits) or not hits[-1]:
            return NO_HIT if len(hits) else "no detection"
        target = number_text(float(self.criterion.target or 0.0))
        if self.criterion.kind == PRECISION:
            ends = np.flatnonzero(self.rows.block_end[first:last])
            precision = hits[ends] / (ends + 1)
            best = int(np.argmax(precision))
            return (f"precision {target} is not reached: at most {precision[best]:.4g}, at score "
                    f"{self.rows.scores[first + ends[best]]:.4g}")
        if self.criterion.kind == RECALL:
            return (f"recall {target} is not reached: at most {hits[-1] / positives:.4g}, with every detection kept")
        return "no cut has a lower LRP error than keeping nothing"


def _rates(rates: dict[str, Any]) -> Rates:
    return {name: _plain(value) for name, value in rates.items()}


def _plain(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _remarks(evidence: Evidence, units: Units, resampled: bool) -> tuple[str, ...]:
    """What to know before trusting the numbers."""
    found: Sequence[str] = ()
    if resampled:
        from deteval.loading.clusters import looks_like_video

        found = (cluster_warning(units), looks_like_video(evidence.images) if units.cluster is None else "")
    return tuple(text for text in found if text)
