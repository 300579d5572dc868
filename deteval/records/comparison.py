"""The result of comparing models on one ground truth: estimates by metric, class and slice; and its JSON form."""

from typing import Any

from msgspec import Struct

from deteval.records.dataset import Input
from deteval.records.findings import Finding
from deteval.records.params import Params, signature
from deteval.records.resampling import ClassEstimate, Estimate, Resampling, Units
from deteval.records.scores import settings_dict

SCHEMA = "deteval.compare/1"


class Model(Struct, frozen=True):
    """One of the models compared; fingerprint: of its ground truth, "" if unknown."""

    name: str
    fingerprint: str
    not_comparable: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    findings: tuple[Finding, ...] = ()


class Part(Struct, frozen=True):
    """All images, or a slice of them: the estimates of each metric, and of each class in the class metric.

    name: of the slice, "" for all images. units: what was drawn there.
    """

    name: str
    n_images: int
    units: Units
    metrics: tuple[Estimate, ...]
    classes: tuple[ClassEstimate, ...]


class Comparison(Struct, frozen=True):
    """A new model against the base. identical: both have the same detections with the same outcomes."""

    base: Model
    new: Model
    identical: bool
    whole: Part
    slices: tuple[Part, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """All images, then the slices."""
        return (self.whole, *self.slices)


class Comparisons(Struct, frozen=True):
    """New models against one base, all tested on the same draws.

    class_metric: the metric of the classes, by canonical name. resampling: None if nothing was drawn, and there are
    differences only. remarks: what to know before trusting the numbers.
    """

    comparisons: tuple[Comparison, ...]
    params: Params
    class_metric: str
    resampling: Resampling | None
    units: Units
    remarks: tuple[str, ...] = ()

    @property
    def alpha(self) -> float | None:
        """Of the intervals, which hold at 1 - alpha; None without resampling: then there are none."""
        return None if self.resampling is None else self.resampling.alpha

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, at full precision and with every class; `deteval/compare.schema.json` describes it."""
        first = self.comparisons[0]
        return {
            "schema": SCHEMA,
            "settings": settings_dict(self.params),
            "inference": None if self.resampling is None else _inference_dict(self.resampling, first.whole, self.units),
            "class_metric": self.class_metric,
            "comparisons": [_comparison_dict(one, signature(self.params)) for one in self.comparisons],
            "models": [_model_dict(one) for one in (first.base, *(each.new for each in self.comparisons))],
            "remarks": list(self.remarks),
        }


def _inference_dict(resampling: Resampling, whole: Part, units: Units) -> dict[str, Any]:
    clusters = None if units.cluster is None else {"by": resampling.cluster_by, "count": units.count}
    return {"replicates": resampling.replicates, "seed": resampling.seed, "alpha": resampling.alpha,
            "correction": resampling.correct, "images": whole.n_images, "clusters": clusters}


def _comparison_dict(one: Comparison, settings: str) -> dict[str, Any]:
    return {
        "base": one.base.name, "new": one.new.name, "identical": one.identical,
        "signatures": {"base": settings, "new": settings},
        "fingerprints": {"base": one.base.fingerprint or None, "new": one.new.fingerprint or None},
        **_part_dict(one.whole),
        "slices": [{"name": part.name, "images": part.n_images, **_part_dict(part)} for part in one.slices],
    }


def _part_dict(part: Part) -> dict[str, Any]:
    return {
        "metrics": {estimate.metric: _estimate_dict(estimate) for estimate in part.metrics},
        "classes": [{"id": one.id, "name": one.name, "n_gt": one.n_gt, "n_images": one.n_images,
                     **_estimate_dict(one.estimate)} for one in part.classes],
    }


def _estimate_dict(one: Estimate) -> dict[str, Any]:
    return {
        "base": one.base, "new": one.new, "difference": one.difference, "low": one.low, "high": one.high,
        "p_value": one.p_value, "standard_error": one.standard_error, "detectable": one.detectable, "units": one.units,
        "differs": one.differs, "identical": one.identical, "reason": one.reason,
    }


def _model_dict(one: Model) -> dict[str, Any]:
    return {
        "name": one.name, "not_comparable": list(one.not_comparable),
        "inputs": [{"path": each.path, "bytes": each.bytes, **each.counts} for each in one.inputs],
        "findings": [finding.to_dict() for finding in one.findings],
    }
