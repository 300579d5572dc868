"""Why AP changed from a base to a new model: its difference shared out to classes, images and kinds of change."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from deteval.agreement import check_agreement
from deteval.differences.changes import Changes, agreement_bits, find_changes, has_detail, share_kinds
from deteval.differences.observations import Observed, observe
from deteval.errors import usage_error
from deteval.influence import Attribution, attribute, average_cell, weighty_classes
from deteval.measures import Measurement, Ranked, find_class, measure
from deteval.records.comparison import Model
from deteval.records.dataset import Floats, Images, Ints
from deteval.records.evidence import Evidence
from deteval.records.explanation import ClassShare, Explanation, ImageShare, KindShare, SliceShare
from deteval.records.metric import Cell, Metric, as_metrics
from deteval.records.numbers import threshold_text
from deteval.records.params import find_threshold
from deteval.records.run import Boxes, Run
from deteval.runs import versions
from deteval.scoring import all_findings
from deteval.threads import map_chunks

OTHER_AREA = "kinds of change are told in the first area range and at the largest cap; {} is measured elsewhere"
NO_DETAIL = ("{} does not say what each detection was matched with at IoU {}; save evidence with `deteval score "
             "--save-evidence FILE --detail {}`, or give predictions and ground truth")

ROUNDING, ROUNDING_PART = 1e-15, 1e-12
"""What rounding leaves of a share that is 0: on its own, and beside the values that cancel in it."""


def explain(base: Run | Evidence, new: Run | Evidence, metric: str | Metric = "AP", *, iou: float = 0.5, top: int = 10,
            slices: Mapping[str, Sequence[int] | Ints] | None = None,
            boxes: tuple[Boxes | None, Boxes | None] | None = None, threads: int | None = None) -> Explanation:
    """Share the difference of an AP between two models out to classes, images, slices and kinds of change.

    metric: an AP, of one class if it names one. iou: the threshold of the run at which kinds of change are told; they
    need the detail table there. top: how many images are listed, in all and in each of so many classes. slices: name ->
    positions of images. boxes: what base and new were matched from, for remarks on where boxes moved. Classes add up
    to the difference; images and kinds do with the remainder (docs/explain.md).
    Errors: `DetevalError`, undecidable where settings, ground truth or allowances differ, usage for a metric that is
    no AP or that the run does not have, or a threshold that it lacks.
    """
    runs = [one if isinstance(one, Run) else Run(evidence=one, name=name, fingerprint="")
            for one, name in ((base, "base"), (new, "new"))]
    check_agreement(*runs)
    asked, of_base, of_new = _one_metric(metric), runs[0].evidence, runs[1].evidence
    cell = average_cell(asked, of_base)
    find_threshold(of_base.params, iou)
    if isinstance(top, bool) or not isinstance(top, int) or top < 0:
        raise usage_error(f"top: {top!r} is not a whole number of at least 0")
    ranked = [Ranked(one, threads) for one in (of_base, of_new)]
    measured = [measure([asked], one) for one in ranked]
    missing = _missing(runs, asked, cell, iou)
    changes = None if missing else find_changes(of_base, of_new, iou)
    agree = None if changes is None else agreement_bits(changes, of_base, of_new)
    shared = _Shared(asked, cell, iou, of_base, of_new, attribute(ranked[0], ranked[1], asked, agree, threads))
    kinds = () if changes is None else share_kinds(changes, shared.values, of_base, of_new, shared.category)
    return _explanation(runs, ranked, measured, shared, changes, kinds, top, slices or {}, boxes, missing)


def _one_metric(metric: str | Metric) -> Metric:
    found = as_metrics([metric] if isinstance(metric, Metric) else metric)
    if len(found) != 1:
        raise usage_error(f"metric {metric!r}: one metric is explained at a time")
    return found[0]


def _missing(runs: Sequence[Run], metric: Metric, cell: Cell, iou: float) -> dict[str, str]:
    """Why kinds of change cannot be told, if they cannot."""
    if cell.area != 0 or cell.max_dets != runs[0].evidence.params.max_dets[-1]:
        return {"kinds": OTHER_AREA.format(metric)}
    threshold = threshold_text(iou)
    without = next((run.name for run in runs if not has_detail(run.evidence, iou)), None)
    return {} if without is None else {"kinds": NO_DETAIL.format(without, threshold, threshold)}


class _Shared(Struct, frozen=True):
    """Two models' evidence, and what their rows add to the difference of a metric."""

    metric: Metric
    cell: Cell
    iou: float
    base: Evidence
    new: Evidence
    values: Attribution

    @property
    def category(self) -> int | None:
        """The one class that the metric names."""
        return None if self.metric.category is None else find_class(self.metric, self.base)

    @property
    def categories(self) -> list[int]:
        """Positions of the classes that the metric looks at."""
        return list(range(len(self.base.categories))) if self.category is None else [self.category]

    def rows(self, category: int | None) -> tuple[slice, slice]:
        """Where the rows of a class stand in both models; all rows for None."""
        if category is None:
            return slice(None), slice(None)
        first, second = (slice(*np.searchsorted(one.category, [category, category + 1]).tolist())
                         for one in (self.base, self.new))
        return first, second

    def total(self, category: int | None = None) -> float:
        """What the rows of a class add up to, or all rows."""
        rows = self.rows(category)
        return float(self.values.base[rows[0]].sum() + self.values.new[rows[1]].sum())

    def by_image(self, category: int | None = None) -> Floats:
        """The share of every image, of one class or of all; exactly 0 where nothing changed, or only the last digits of
        what cancels."""
        rows = self.rows(category)
        image = np.concatenate([self.base.image[rows[0]], self.new.image[rows[1]]])
        worth = np.concatenate([self.values.base[rows[0]], self.values.new[rows[1]]])
        shares, sizes = (np.bincount(image, one, len(self.base.images)) for one in (worth, np.abs(worth)))
        return np.where(np.abs(shares) > np.maximum(ROUNDING, ROUNDING_PART * sizes), shares, 0.0)

    def image_counts(self, category: int | None = None) -> tuple[Ints, Ints, Ints]:
        """Objects that only the base finds, those that only the new model finds, and how many false positives more
        the new model has; by image."""
        threshold, area = find_threshold(self.base.params, self.iou), self.cell.area
        word, bit, images = threshold >> 5, np.uint32(1 << (threshold & 31)), len(self.base.images)
        false = []
        for one, rows in zip((self.base, self.new), self.rows(category), strict=True):
            decided = (one.true_positive[rows, area, word] | one.ignored[rows, area, word]) & bit
            misses = (decided == 0) & (one.rank[rows] < one.params.max_dets[-1])
            false.append(np.bincount(one.image[rows][misses], minlength=images))
        counted = ~self.base.gt_ignored[:, area]
        if category is not None:
            counted &= self.base.gt_category == category
        found = [(one.found[:, area, word] & bit != 0) & counted for one in (self.base, self.new)]
        lost, gained = (np.bincount(self.base.gt_image[mask], minlength=images)
                        for mask in (found[0] & ~found[1], found[1] & ~found[0]))
        return lost, gained, false[1] - false[0]


def _explanation(runs: Sequence[Run], ranked: Sequence[Ranked], measured: Sequence[Measurement], shared: _Shared,
                 changes: Changes | None, kinds: tuple[KindShare, ...], top: int,
                 slices: Mapping[str, Sequence[int] | Ints], boxes: tuple[Boxes | None, Boxes | None] | None,
                 missing: dict[str, str]) -> Explanation:
    base_value, new_value = (_number(one.values[0]) for one in measured)
    difference = None if base_value is None or new_value is None else new_value - base_value
    by_image = shared.by_image()
    images, elsewhere = _top_images(shared.base.images, by_image, shared.image_counts(shared.category), top)
    classes = _classes(ranked[0], measured, shared, top)
    remarks = observe(Observed(base=shared.base, new=shared.new, iou=shared.iou, difference=difference or 0.0,
                               classes=classes, categories=shared.categories, by_image=by_image, changes=changes,
                               kinds=kinds, values=shared.values,
                               thresholds=tuple(shared.cell.thresholds), boxes=boxes))
    of_models = map_chunks(lambda pair: all_findings(*pair), list(zip(runs, ranked, strict=True)), ranked[0].threads)
    models = [Model(name=run.name, fingerprint=run.fingerprint, not_comparable=run.not_comparable, inputs=run.inputs,
                    findings=findings) for run, findings in zip(runs, of_models, strict=True)]
    return Explanation(
        params=shared.base.params, base=models[0], new=models[1], metric=str(shared.metric), iou=shared.iou,
        base_value=base_value, new_value=new_value, difference=difference, classes=classes, images=images,
        elsewhere=elsewhere, remainder=0.0 if difference is None else difference - shared.total(), kinds=kinds,
        slices=tuple(SliceShare(name, len(chosen), float(by_image[np.asarray(chosen, np.int64)].sum()))
                     for name, chosen in slices.items()),
        missing=missing, n_images=len(shared.base.images), remarks=remarks, versions=versions())


def _classes(ranked: Ranked, measured: Sequence[Measurement], shared: _Shared, top: int) -> tuple[ClassShare, ...]:
    """The classes that the metric is the mean of exactly add up to its difference; the others have no share."""
    evidence, weighty = shared.base, weighty_classes(ranked, shared.metric)
    positives = ranked.positives(shared.cell.area, ranked.once)
    base, new = (one.classes[0] for one in measured)
    share = np.full(len(positives), np.nan)
    share[weighty] = (new[weighty] - base[weighty]) / max(len(weighty), 1)
    largest = set(weighty[np.argsort(-np.abs(share[weighty]), kind="stable")][:top].tolist())
    found = []
    for k in shared.categories:
        images: tuple[ImageShare, ...] = ()
        elsewhere = shared.total(k)
        known = elsewhere
        if k in largest and share[k]:
            images, elsewhere = _top_images(evidence.images, shared.by_image(k), shared.image_counts(k), top)
        found.append(ClassShare(
            id=evidence.categories.ids.tolist()[k], name=evidence.categories.names[k], n_gt=int(positives[k]),
            base=_number(base[k]), new=_number(new[k]), share=_number(share[k]), images=images, elsewhere=elsewhere,
            remainder=0.0 if np.isnan(share[k]) else float(share[k] - known)))
    return tuple(found)


def _top_images(images: Images, shares: Floats, counts: tuple[Ints, Ints, Ints], top: int,
                ) -> tuple[tuple[ImageShare, ...], float]:
    """The images of the largest shares, whichever their sign, and what the others add up to."""
    order = np.argsort(-np.abs(shares), kind="stable")[:top]
    order = order[shares[order] != 0]
    rest = shares.copy()
    rest[order] = 0.0
    ids = images.ids[order].tolist()
    return tuple(
        ImageShare(image_id=ids[place], file_name=images.file_names[i], share=float(shares[i]),
                   lost=int(counts[0][i]), gained=int(counts[1][i]), false_positives=int(counts[2][i]))
        for place, i in enumerate(order.tolist())), float(rest.sum())


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
