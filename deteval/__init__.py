"""COCO-style object-detection evaluation: exact, explained, fast.

>>> import deteval
>>> gt = deteval.load_ground_truth("gt.json")           # doctest: +SKIP
>>> dt = deteval.load_detections("preds.json", gt)      # doctest: +SKIP
>>> deteval.evaluate(gt, dt).metrics["AP"]              # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from deteval.version import VERSION as __version__

if TYPE_CHECKING:
    from deteval.errors import DetevalError
    from deteval.evaluation import match
    from deteval.loading.detections import load_detections
    from deteval.loading.evidence_file import load_evidence, save_evidence
    from deteval.loading.ground_truth import load_ground_truth
    from deteval.loading.sweep_plan import plan_sweep
    from deteval.measures import measure
    from deteval.records.comparison import Comparisons
    from deteval.records.criterion import Criterion
    from deteval.records.dataset import Detections, GroundTruth
    from deteval.records.diagnosis import Diagnosis
    from deteval.records.evidence import Evidence, merge
    from deteval.records.explanation import Explanation
    from deteval.records.metric import parse_metrics
    from deteval.records.operating_points import OperatingPoints, Splits
    from deteval.records.params import Params
    from deteval.records.reading import Reading
    from deteval.records.resampling import Resampling
    from deteval.records.run import Run
    from deteval.records.scores import Scores
    from deteval.records.sweep import Plan, Sweep
    from deteval.runs import make_run
    from deteval.scoring import evaluate
    from deteval.studies.compare import compare
    from deteval.studies.diagnose import diagnose
    from deteval.studies.explain import explain
    from deteval.studies.operating_points import operating_points
    from deteval.studies.sweep import sweep

_HOMES = {
    "Comparisons": "deteval.records.comparison",
    "Criterion": "deteval.records.criterion",
    "DetevalError": "deteval.errors",
    "Detections": "deteval.records.dataset",
    "Diagnosis": "deteval.records.diagnosis",
    "Evidence": "deteval.records.evidence",
    "Explanation": "deteval.records.explanation",
    "GroundTruth": "deteval.records.dataset",
    "OperatingPoints": "deteval.records.operating_points",
    "Params": "deteval.records.params",
    "Plan": "deteval.records.sweep",
    "Reading": "deteval.records.reading",
    "Resampling": "deteval.records.resampling",
    "Run": "deteval.records.run",
    "Scores": "deteval.records.scores",
    "Splits": "deteval.records.operating_points",
    "Sweep": "deteval.records.sweep",
    "compare": "deteval.studies.compare",
    "diagnose": "deteval.studies.diagnose",
    "evaluate": "deteval.scoring",
    "explain": "deteval.studies.explain",
    "load_detections": "deteval.loading.detections",
    "load_evidence": "deteval.loading.evidence_file",
    "load_ground_truth": "deteval.loading.ground_truth",
    "make_run": "deteval.runs",
    "match": "deteval.evaluation",
    "measure": "deteval.measures",
    "merge": "deteval.records.evidence",
    "operating_points": "deteval.studies.operating_points",
    "parse_metrics": "deteval.records.metric",
    "plan_sweep": "deteval.loading.sweep_plan",
    "save_evidence": "deteval.loading.evidence_file",
    "sweep": "deteval.studies.sweep",
}

__all__ = [
    "Comparisons",
    "Criterion",
    "Detections",
    "DetevalError",
    "Diagnosis",
    "Evidence",
    "Explanation",
    "GroundTruth",
    "OperatingPoints",
    "Params",
    "Plan",
    "Reading",
    "Resampling",
    "Run",
    "Scores",
    "Splits",
    "Sweep",
    "__version__",
    "compare",
    "diagnose",
    "evaluate",
    "explain",
    "load_detections",
    "load_evidence",
    "load_ground_truth",
    "make_run",
    "match",
    "measure",
    "merge",
    "operating_points",
    "parse_metrics",
    "plan_sweep",
    "save_evidence",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Public names are imported on first use, so that `import deteval` costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'deteval' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
