"""Whether scores mean what they say: how often detections of a score are right."""

from typing import Any

from msgspec import Struct


class Bin(Struct, frozen=True):
    """Detections with low <= score < high (the last bin: <= high). precision, with a 95 % Wilson interval: the share
    that is right; None, like the mean score, in an empty bin.
    """

    low: float
    high: float
    n: int
    mean_score: float | None
    precision: float | None
    interval: tuple[float, float] | None


class ClassCalibration(Struct, frozen=True):
    """One class. error: its expected calibration error, None without detections. over: mean score - precision."""

    id: int | str
    name: str
    n: int
    error: float | None
    over: float | None


class Expected(Struct, frozen=True):
    """What a user may expect of a score. precision: of detections of about this score, a curve that never falls
    (isotonic regression); precision_above, kept: of all detections with this score or a higher one, and how many.
    """

    score: float
    precision: float
    precision_above: float
    kept: int


class Calibration(Struct, frozen=True):
    """Reliability at one IoU threshold, first area range and largest cap; ignored detections are left out.

    error: expected calibration error of all detections pooled; class_error: the mean over classes with detections;
    largest: the largest difference in a bin with detections. reason: why there is none. cut: the score of the best F1
    of all classes, None without a true positive; n_above, error_above: of the detections from there on.
    """

    iou: float
    n: int
    error: float | None
    largest: float | None
    class_error: float | None
    bins: tuple[Bin, ...]
    classes: tuple[ClassCalibration, ...]
    expected: tuple[Expected, ...]
    reason: str = ""
    cut: float | None = None
    n_above: int = 0
    error_above: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            "iou": self.iou, "n": self.n, "expected_calibration_error": self.error,
            "largest_calibration_error": self.largest, "mean_class_calibration_error": self.class_error,
            "from_best_f1": {"min_score": self.cut, "n": self.n_above, "expected_calibration_error": self.error_above},
            "bins": [{"low": one.low, "high": one.high, "n": one.n, "mean_score": one.mean_score,
                      "precision": one.precision, "interval": None if one.interval is None else list(one.interval)}
                     for one in self.bins],
            "classes": [{"id": one.id, "name": one.name, "n": one.n, "expected_calibration_error": one.error,
                         "mean_score_minus_precision": one.over} for one in self.classes],
            "expected": [{"score": one.score, "precision": one.precision, "precision_above": one.precision_above,
                          "kept": one.kept} for one in self.expected],
            "reason": self.reason,
        }
