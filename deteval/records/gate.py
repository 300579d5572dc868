"""What a gate asks for, and what came of it: rules, tolerances, mutes; outcomes and the verdict."""

import re
from datetime import date

from msgspec import Struct

from deteval.records.explanation import Explanation
from deteval.records.findings import Finding
from deteval.records.metric import Metric
from deteval.records.numbers import parse_number
from deteval.records.resampling import Estimate, Resampling, Units

PLAIN, SIGNIFICANT, BEYOND, NON_INFERIOR = MODES = ("plain", "significant", "beyond", "non-inferior")
ERROR, WARN = LEVELS = ("error", "warn")
MINIMUM, MAX_DROP, MAX_RISE = "min", "max_drop", "max_rise"

PASSED, FAILED, UNPROVEN, UNDECIDABLE, UNTESTED, MUTED = (
    "passed", "failed", "unproven", "undecidable", "untested", "muted")
"""What can come of a test. Unproven: a drop beyond the tolerance that may be chance. Untested: left out by min_gt or
for want of images."""
TESTED = (PASSED, FAILED, UNPROVEN)
PASS, FAIL, UNDECIDED = "PASS", "FAIL", "UNDECIDABLE"

TOTALS = ("n_images", "n_gt", "n_det", "true_positives", "false_positives", "false_negatives",
          "false_positives_in_absent_classes", "false_positives_on_background_images", "detections_cut_by_cap",
          "tied_detections", "images_without_detections")
"""The totals of a score, which rules may be about."""

SLACK = 1e-9
"""Two numbers nearer than this are equal: a drop of exactly the tolerance does not fail for its last bits."""
WIDE = 0.1
"""A drop of ten points or more, given as a plain number, may have been meant in points."""
_TOLERANCE = re.compile(r"(\S*?)(pt|%)?")


class Tolerance(Struct, frozen=True):
    """How far a number may move the wrong way: an amount on its own scale, or (relative) a share of the baseline."""

    amount: float
    relative: bool
    text: str

    def allowed(self, base: float) -> float:
        """The tolerance against a baseline's value, on the number's own scale; a share of 0 is 0."""
        return self.amount * base if self.relative else self.amount


def metric_tolerance(value: object) -> Tolerance:
    """Of a metric: a number in [0, 1), points as `0.5pt`, or a share of the baseline as `1%`; else ValueError."""
    number, unit, text = _amount(value, "a number in [0, 1), points as 0.5pt or a share of the baseline as 1%")
    most = 1 if unit == "" else 100
    if not 0 <= number < most:
        hint = f"; {text}pt are points, {text}% is a share of the baseline" if unit == "" and 1 <= number < 100 else ""
        raise ValueError(f"{text!r} is outside [0, {most}{unit}){hint}")
    return Tolerance(number if unit == "" else number / 100, unit == "%", text)


def total_tolerance(value: object) -> Tolerance:
    """Of a total: a whole number, or a share of the baseline as `10%`; else ValueError."""
    number, unit, text = _amount(value, "a whole number or a share of the baseline as 10%")
    if unit == "pt" or (unit == "" and number != int(number)):
        raise ValueError(f"{text!r} is no tolerance of a total: a whole number or a share of the baseline as 10%")
    if number < 0:
        raise ValueError(f"{text!r} is negative")
    return Tolerance(number if unit == "" else number / 100, unit == "%", text)


def is_wide(tolerance: Tolerance) -> bool:
    """Whether a plain number allows so much that points may have been meant: 0.5 is 50 points."""
    return not tolerance.relative and not tolerance.text.endswith("pt") and tolerance.amount >= WIDE


def _amount(value: object, valid: str) -> tuple[float, str, str]:
    """The number of a tolerance, its unit and its text."""
    text = value if isinstance(value, str) else str(value)
    found = _TOLERANCE.fullmatch(text)
    if not isinstance(value, bool) and found:
        try:
            return parse_number(found[1]), found[2] or "", text
        except ValueError:
            pass
    raise ValueError(f"{text!r} is not a tolerance: {valid}")


class Rule(Struct, frozen=True):
    """One demand: on a metric, over all classes or of each class chosen, on all images or a slice; or on a total.

    place: where it stands, as messages name it: `gate.yaml:12`, or the option that gave it. classes: names, ids or
    globs; empty: the metric over all classes. slice: "" for all images. mode: None: significant where paired evidence
    exists, else plain. min_gt: classes with fewer ground truths are left untested.
    """

    place: str
    line: int
    metric: Metric | None = None
    total: str = ""
    minimum: float | None = None
    max_drop: Tolerance | None = None
    max_rise: Tolerance | None = None
    classes: tuple[str, ...] = ()
    slice: str = ""
    mode: str | None = None
    min_gt: int = 0
    level: str = ERROR

    @property
    def needs_baseline(self) -> bool:
        """Whether it compares with a baseline."""
        return self.max_drop is not None or self.max_rise is not None

    @property
    def name(self) -> str:
        """What it looks at, and where: `AP of each class in slice night`."""
        text = self.total or str(self.metric)
        text += " by class" if self.classes else ""
        return f"{text} in slice {self.slice}" if self.slice else text

    def limit_text(self, limit: str) -> str:
        """One of its limits as it was written: `max_drop 0.5pt`."""
        value = {MINIMUM: self.minimum, MAX_DROP: self.max_drop, MAX_RISE: self.max_rise}[limit]
        return f"{limit} {value.text if isinstance(value, Tolerance) else value:}"


class Mute(Struct, frozen=True):
    """Classes (names, ids or globs) whose failures do not count up to and including a day, and why."""

    place: str
    classes: tuple[str, ...]
    until: date
    reason: str


class Outcome(Struct, frozen=True):
    """What came of one limit of a rule: on a metric, on one class of it, or on a total.

    class_name: None: all classes together. mode: how it was decided, "" for floors and totals. tolerance: on the
    number's own scale. estimate: of the difference, where it was paired. n_gt: ground truths of the class, or all.
    reason: why it is undecidable, untested or muted.
    """

    rule: Rule
    limit: str
    status: str
    mode: str = ""
    class_id: int | str | None = None
    class_name: str | None = None
    value: float | None = None
    base: float | None = None
    tolerance: float | None = None
    estimate: Estimate | None = None
    n_gt: int | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """What was tested: `AP of person in slice night`."""
        text = self.rule.total or str(self.rule.metric)
        if self.class_name is not None:
            text += f" of {self.class_name}"
        elif self.rule.classes:
            text += " by class"
        return f"{text} in slice {self.rule.slice}" if self.rule.slice else text

    @property
    def difference(self) -> float | None:
        """New minus baseline."""
        return None if self.value is None or self.base is None else self.value - self.base

    @property
    def counts(self) -> bool:
        """Whether it decides the verdict, rather than only being said."""
        return self.rule.level == ERROR


class Verdict(Struct, frozen=True):
    """What a gate came to.

    problems: why nothing can be compared, whatever the rules say (other data or settings). warnings: what else must be
    known. baseline: its file, "" without one. resampling, units: of the paired tests, None if there were none.
    findings: what is suspicious in the input, which may explain a failure. unpaired: why no pair can be tested, "" if
    it can or there is no baseline. explanation: why the first AP that failed, or else that may not drop, moved on all
    images; None where it did not, or where evidence of a model is missing.
    """

    outcomes: tuple[Outcome, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    model: str = ""
    baseline: str = ""
    signature: str = ""
    fingerprint: str = ""
    resampling: Resampling | None = None
    units: Units | None = None
    findings: tuple[Finding, ...] = ()
    unpaired: str = ""
    explanation: Explanation | None = None

    def of(self, *statuses: str) -> tuple[Outcome, ...]:
        """The outcomes with one of these statuses."""
        return tuple(outcome for outcome in self.outcomes if outcome.status in statuses)

    @property
    def tests(self) -> tuple[Outcome, ...]:
        """What was tested, with whatever result."""
        return self.of(*TESTED)

    @property
    def status(self) -> str:
        """A failure beats what cannot be decided, and nothing tested is not a pass."""
        if any(outcome.counts for outcome in self.of(FAILED)):
            return FAIL
        if self.problems or any(outcome.counts for outcome in self.of(UNDECIDABLE)) or not self.tests:
            return UNDECIDED
        return PASS
