"""Small data sets, baselines and gate files for the tests of `deteval gate`."""

import json
from pathlib import Path

from deteval.records.gate import Rule, metric_tolerance
from deteval.records.metric import parse_metric
from deteval.records.resampling import Estimate

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"
TRUTH, PREDICTIONS = SAMPLE / "gt.json", SAMPLE / "preds.json"
FAST = "defaults: {replicates: 200}\n"


def sample_predictions():
    """The detections of the sample, to be changed."""
    return json.loads(PREDICTIONS.read_text())


def sample_truth():
    """The ground truth of the sample, to be changed."""
    return json.loads(TRUTH.read_text())


def write(path, document):
    """A JSON file."""
    path.write_text(json.dumps(document))
    return path


def estimate(difference, low, high, *, standard_error=0.01, identical=False, reason=""):
    """What a paired test says, made up."""
    return Estimate(metric="AP", base=0.5, new=0.5 + difference, difference=difference, low=low, high=high, p_value=0.5,
                    standard_error=standard_error, detectable=2.8 * standard_error, units=100,
                    differs=None if low is None else low > 0 or high < 0, identical=identical, reason=reason)


def drop_rule(tolerance="0.3pt", **fields):
    """A rule on AP."""
    return Rule(place="gate.yaml:3", line=3, metric=parse_metric("AP"), max_drop=metric_tolerance(tolerance), **fields)
