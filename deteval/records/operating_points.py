"""Score cuts chosen by a criterion, per class and for all classes, and what they are worth; and their JSON form."""

import math
from typing import Any

from msgspec import Struct

from deteval.errors import usage_error
from deteval.records.criterion import LRP_PARTS, RECALL, Criterion
from deteval.records.dataset import Input
from deteval.records.findings import Finding
from deteval.records.params import Params, signature
from deteval.records.resampling import Resampling, Units, checked_whole
from deteval.records.score_cuts import ScoreCuts
from deteval.records.scores import CountsAt, settings_dict

SCHEMA = "deteval.operating-points/1"
THRESHOLD = "threshold"
OWN, ONE = "own", "one"
"""Which cuts: one for each class, or one for all."""
Limits = tuple[float, float]
Rates = dict[str, float | None]
"""By name (`Criterion.rates`), None where undefined."""


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
    """What cuts are worth on new images, and bootstrap intervals by name, `threshold` among them; None where there is
    none; why, in `reason`.

    elsewhere: rates on images that did not choose the cuts, which the intervals of the rates are about. units: the
    independent units behind them: images with ground truth, or clusters.
    """

    limits: dict[str, Limits | None]
    elsewhere: Rates
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


class Verdicts(Struct, frozen=True):
    """In how many splits own cuts, or one cut for all, were worth more on the half that did not choose (macro).

    met: in how many of all these each met the target there, own cuts (macro) and one cut (micro); None without one.
    """

    own: int
    one: int
    equal: int
    met: tuple[int, int] | None = None

    @property
    def splits(self) -> int:
        """How many were judged."""
        return self.own + self.one + self.equal


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
    verdicts: Verdicts | None = None
    units: Units | None = None
    remarks: tuple[str, ...] = ()

    @property
    def score_cuts(self) -> ScoreCuts:
        """A cut for each class with ground truth, as `Params.operating_points` takes them, and as the YAML has them.

        Of a class for which no cut will do nothing is kept. `DetevalError` (usage) if that is because a recall is not
        reached, as a person must decide, or if cuts per class were given and classes are one.
        """
        return self._score_cuts(OWN)

    @property
    def one_score_cut(self) -> ScoreCuts:
        """The one cut for all classes; errors as above."""
        return self._score_cuts(ONE)

    def _score_cuts(self, which: str) -> ScoreCuts:
        named, default = self.cuts_by_class(which), self.default_cut
        missing = [one.name for one, cut in named if cut is None]
        if default is None and (which == ONE or any(one.n_gt == 0 for one in self.classes)):
            missing.append("one cut for all")
        if missing:
            raise usage_error(f"score_cuts: {self.criterion} is not reached by {', '.join(missing)}; ask for less, or "
                              "write the cuts by hand")
        return ScoreCuts(tuple((one.name, cut) for one, cut in named if cut is not None), default)

    @property
    def default_cut(self) -> float | None:
        """The one cut for all: +inf to keep nothing, None for a recall that is not reached."""
        return self._or_nothing(self.one.threshold)

    def cuts_by_class(self, which: str) -> list[tuple[ClassPoint, float | None]]:
        """The classes for which the default does not hold, and their cuts: +inf to keep nothing, None for a recall that
        is not reached. which: OWN or ONE.

        Where detections below a cut of their class had been dropped before, they stay dropped.
        """
        earlier = self.params.operating_points
        if self.params.class_agnostic:
            if earlier is not None:
                raise usage_error("format: YAML holds one cut for all classes here (--class-agnostic), and cannot hold "
                                  "those of --operating-points beside it; choose without them, or by class")
            return []
        before = {} if earlier is None else {name: float(cut) for name, cut in earlier.classes}
        floor = -math.inf if earlier is None or earlier.default is None else float(earlier.default)
        found = []
        for one in self.classes:
            own = which == OWN and one.n_gt > 0
            cut = self._or_nothing(one.threshold) if own else self.default_cut
            if cut is not None:
                cut = max(cut, before.get(one.name, before.get(str(one.id), floor)))
            if own or cut != self.default_cut:
                found.append((one, cut))
        return found

    def _or_nothing(self, threshold: float | None) -> float | None:
        return threshold if threshold is not None else None if self.criterion.kind == RECALL else math.inf

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
        found = self.verdicts
        worth_more = None if found is None else {"own_cuts": found.own, "one_cut": found.one, "equal": found.equal}
        met = None if found is None or found.met is None else dict(zip(("own_cuts", "one_cut"), found.met, strict=True))
        return {"splits": self.splits.count, "seed": self.splits.seed, "worth_more": worth_more, "target_met": met,
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
    """Rates by name; `elsewhere`, `intervals` and `stability` only where they were asked for."""
    document: dict[str, Any] = dict(one.rates)
    if one.intervals is not None:
        limits = {name: None if found is None else {"low": found[0], "high": found[1]}
                  for name, found in one.intervals.limits.items()}
        document["elsewhere"] = dict(one.intervals.elsewhere)
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
