"""Score cuts chosen by a criterion, per class and for all classes, and what they are worth; and their JSON form."""

import math
from typing import Any

from msgspec import Struct

from deteval.errors import usage_error
from deteval.records.dataset import Input
from deteval.records.findings import Finding
from deteval.records.numbers import number_text
from deteval.records.params import Params, signature
from deteval.records.resampling import Resampling, Units, checked_whole
from deteval.records.score_cuts import ScoreCuts
from deteval.records.scores import CountsAt, settings_dict

SCHEMA = "deteval.operating-points/1"
F_MEASURE, PRECISION, RECALL, LRP = "f", "precision", "recall", "lrp"
KINDS = (F_MEASURE, PRECISION, RECALL, LRP)
LRP_PARTS = ("LRP", "LRP_localisation", "LRP_FP", "LRP_FN")
THRESHOLD = "threshold"
Limits = tuple[float, float]
Rates = dict[str, float | None]
"""By name (`Criterion.rates`), None where undefined."""


class Criterion(Struct, frozen=True):
    """By what a cut is chosen. A wrong value raises `DetevalError` (usage).

    kind: "f", the largest F-measure; "precision", the lowest score that reaches the target; "recall", the highest that
    reaches it; "lrp", the smallest LRP error (Oksuz et al. 2021, arXiv 2011.10772). beta: recall counts beta times as
    much as precision in the F-measure, which is reported under every criterion. target: of precision or recall.
    """

    kind: str = F_MEASURE
    beta: float = 1.0
    target: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise usage_error(f"criterion: {self.kind!r} is not one of {', '.join(KINDS)}")
        if isinstance(self.beta, bool) or not isinstance(self.beta, (int, float)) or not 0.01 <= self.beta <= 100:
            raise usage_error(f"beta: {self.beta!r} is not a number from 0.01 to 100; 1 weighs precision and recall "
                              "alike, 2 recall twice as much")
        if (self.target is None) == (self.kind in (PRECISION, RECALL)):
            raise usage_error("target: precision and recall need one, the other criteria take none")
        if self.target is not None and not (isinstance(self.target, (int, float)) and 0 < self.target <= 1):
            raise usage_error(f"target: {self.target!r} is not a number above 0, up to 1")

    @property
    def f_name(self) -> str:
        """The F-measure's name: `F1`, `F0.5`."""
        return f"F{number_text(float(self.beta))}"

    @property
    def rates(self) -> tuple[str, ...]:
        """Names of what is reported of a cut."""
        return (PRECISION, RECALL, self.f_name, *(LRP_PARTS if self.kind == LRP else ()))

    @property
    def main(self) -> str:
        """The rate that a cut is chosen by."""
        return LRP_PARTS[0] if self.kind == LRP else self.f_name if self.target is None else self.kind

    @property
    def free(self) -> str:
        """The rate that varies with the data where cuts are chosen anew: what a target costs, else the main one."""
        return {PRECISION: RECALL, RECALL: PRECISION}.get(self.kind, self.main)

    def __str__(self) -> str:
        """As `chosen` in YAML and JSON: `F1`, `precision=0.9`, `LRP`."""
        if self.target is not None:
            return f"{self.kind}={number_text(float(self.target))}"
        return "LRP" if self.kind == LRP else self.f_name


def parse_target(text: str) -> Criterion:
    """`precision=0.9` or `recall=0.95`; `DetevalError` (usage) otherwise."""
    kind, _, value = text.partition("=")
    try:
        target = float(value)
    except ValueError:
        target = math.nan
    if kind.strip() not in (PRECISION, RECALL) or not 0 < target <= 1:
        raise usage_error(f"target: {text!r} is neither precision=X nor recall=X, with X above 0 and up to 1")
    return Criterion(kind.strip(), target=target)


class Splits(Struct, frozen=True):
    """How the images are split in halves. A wrong value raises `DetevalError` (usage).

    count: how often. seed: where the draw begins. cluster_by: what whole groups of images are kept together by.
    """

    count: int = 100
    seed: int = 1
    cluster_by: str | None = None

    def __post_init__(self) -> None:
        checked_whole("splits", self.count, 2, 100_000)
        checked_whole("seed", self.seed, 0, 2**63 - 1)


class Intervals(Struct, frozen=True):
    """Bootstrap intervals by name, `threshold` among them, None where there is none; why, in `reason`.

    units: the independent units behind them: images with ground truth, or clusters.
    """

    limits: dict[str, Limits | None]
    units: int
    reason: str = ""


class Stability(Struct, frozen=True):
    """What cuts chosen on one half of the images are worth on the other, over `splits` that had a cut.

    chosen, other: mean rates on the half that chose and on the other one. threshold: 5 %, median and 95 % of the cuts,
    None where there are several or none. without_cut: splits in which nothing could be chosen, or judged.
    """

    chosen: Rates
    other: Rates
    threshold: tuple[float, float, float] | None
    splits: int
    without_cut: int

    def optimism(self, name: str) -> float | None:
        """How much better a rate looks on the data that chose the cut: higher, or of an error lower."""
        chosen, other = self.chosen[name], self.other[name]
        if chosen is None or other is None:
            return None
        return other - chosen if name in LRP_PARTS else chosen - other


class Part(Struct, frozen=True):
    """Rates, and what is known of how sure they are."""

    rates: Rates
    intervals: Intervals | None = None
    stability: Stability | None = None


class Counts(Struct, frozen=True):
    """Outcomes at a cut."""

    true_positives: int
    false_positives: int
    false_negatives: int


class ClassPoint(Struct, frozen=True):
    """The cut of a class, None where there is none, with the reason; n_images: images with n_gt > 0.

    A class without ground truth has no cut of its own: its counts are those at the one cut for all classes.
    """

    id: int | str
    name: str
    n_gt: int
    n_images: int
    ap: float | None
    threshold: float | None
    reason: str
    counts: Counts
    part: Part


class Overall(Struct, frozen=True):
    """All classes, each at its own cut or all at one. threshold: the one cut; None: several, or none for a reason."""

    threshold: float | None
    reason: str
    counts: Counts
    macro: Part
    micro: Part


class OperatingPoints(Struct, frozen=True):
    """Cuts chosen on one run, and what they are worth there.

    own: every class at its own cut, those without ground truth at the one cut. one: one cut for all classes, the best
    by the counts of all of them pooled. counts_at: where true positives were counted. ap: the mean over classes at
    that IoU threshold. remarks: what to know before trusting the numbers.
    """

    criterion: Criterion
    params: Params
    counts_at: CountsAt
    classes: tuple[ClassPoint, ...]
    own: Overall
    one: Overall
    ap: float | None
    n_gt: int
    n_images: int
    name: str = ""
    fingerprint: str = ""
    not_comparable: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    findings: tuple[Finding, ...] = ()
    reading: dict[str, Any] = {}
    versions: dict[str, str] = {}
    resampling: Resampling | None = None
    splits: Splits | None = None
    units: Units | None = None
    remarks: tuple[str, ...] = ()

    @property
    def score_cuts(self) -> ScoreCuts:
        """The cuts as `Params.operating_points` takes them; a class without one is left out."""
        classes = () if self.params.class_agnostic else self.classes
        cuts = tuple((one.name, one.threshold) for one in classes if one.threshold is not None)
        return ScoreCuts(cuts, self.one.threshold)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, at full precision; `deteval/operating_points.schema.json` describes it."""
        at = self.counts_at
        return {
            "schema": SCHEMA,
            "signature": signature(self.params),
            "fingerprint": self.fingerprint or None,
            "settings": settings_dict(self.params) | self.reading,
            "chosen": str(self.criterion),
            "criterion": {"kind": self.criterion.kind, "beta": float(self.criterion.beta),
                          "target": self.criterion.target},
            "counts_at": {"iou": at.iou, "area": at.area, "max_dets": at.max_dets, "min_score": at.min_score},
            "inputs": [{"path": one.path, "bytes": one.bytes, **one.counts} for one in self.inputs],
            "n_images": self.n_images, "n_gt": self.n_gt, "AP": self.ap,
            "own_cuts": _overall_dict(self.own), "one_cut": _overall_dict(self.one),
            "classes": [_class_dict(one) for one in self.classes],
            "inference": self._inference_dict(), "stability": self._stability_dict(),
            "findings": [finding.to_dict() for finding in self.findings],
            "remarks": list(self.remarks),
            "versions": dict(self.versions),
        }

    def _inference_dict(self) -> dict[str, Any] | None:
        if self.resampling is None:
            return None
        return {"replicates": self.resampling.replicates, "seed": self.resampling.seed, "alpha": self.resampling.alpha,
                "clusters": self._clusters_dict(self.resampling.cluster_by)}

    def _stability_dict(self) -> dict[str, Any] | None:
        if self.splits is None:
            return None
        return {"splits": self.splits.count, "seed": self.splits.seed,
                "clusters": self._clusters_dict(self.splits.cluster_by)}

    def _clusters_dict(self, by: str | None) -> dict[str, Any] | None:
        return None if by is None or self.units is None else {"by": by, "count": self.units.count}


def _overall_dict(one: Overall) -> dict[str, Any]:
    return {"threshold": one.threshold, "reason": one.reason, **_counts_dict(one.counts),
            "macro": _part_dict(one.macro), "micro": _part_dict(one.micro)}


def _class_dict(one: ClassPoint) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "n_gt": one.n_gt, "n_images": one.n_images, "threshold": one.threshold,
            "reason": one.reason, **_counts_dict(one.counts), "AP": one.ap, **_part_dict(one.part)}


def _counts_dict(one: Counts) -> dict[str, int]:
    return {"true_positives": one.true_positives, "false_positives": one.false_positives,
            "false_negatives": one.false_negatives}


def _part_dict(one: Part) -> dict[str, Any]:
    """Rates by name; `intervals` and `stability` only where they were asked for."""
    document: dict[str, Any] = dict(one.rates)
    if one.intervals is not None:
        limits = {name: None if found is None else {"low": found[0], "high": found[1]}
                  for name, found in one.intervals.limits.items()}
        document["intervals"] = {**limits, "units": one.intervals.units, "reason": one.intervals.reason}
    if one.stability is not None:
        found = one.stability
        document["stability"] = {
            "chosen": dict(found.chosen), "other": dict(found.other),
            "optimism": {name: found.optimism(name) for name in found.chosen},
            "threshold": None if found.threshold is None else
            dict(zip(("low", "median", "high"), found.threshold, strict=True)),
            "splits": found.splits, "without_cut": found.without_cut,
        }
    return document
