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
    from deteval.measures import measure
    from deteval.records.comparison import Comparisons
    from deteval.records.dataset import Detections, GroundTruth
    from deteval.records.evidence import Evidence, merge
    from deteval.records.metric import parse_metrics
    from deteval.records.params import Params
    from deteval.records.reading import Reading
    from deteval.records.resampling import Resampling
    from deteval.records.run import Run
    from deteval.records.scores import Scores
    from deteval.runs import make_run
    from deteval.scoring import evaluate
    from deteval.studies.compare import compare

_HOMES = {
    "Comparisons": "deteval.records.comparison",
    "DetevalError": "deteval.errors",
    "Detections": "deteval.records.dataset",
    "Evidence": "deteval.records.evidence",
    "GroundTruth": "deteval.records.dataset",
    "Params": "deteval.records.params",
    "Reading": "deteval.records.reading",
    "Resampling": "deteval.records.resampling",
    "Run": "deteval.records.run",
    "Scores": "deteval.records.scores",
    "compare": "deteval.studies.compare",
    "evaluate": "deteval.scoring",
    "load_detections": "deteval.loading.detections",
    "load_evidence": "deteval.loading.evidence_file",
    "load_ground_truth": "deteval.loading.ground_truth",
    "make_run": "deteval.runs",
    "match": "deteval.evaluation",
    "measure": "deteval.measures",
    "merge": "deteval.records.evidence",
    "parse_metrics": "deteval.records.metric",
    "save_evidence": "deteval.loading.evidence_file",
}

__all__ = [
    "Comparisons",
    "Detections",
    "DetevalError",
    "Evidence",
    "GroundTruth",
    "Params",
    "Reading",
    "Resampling",
    "Run",
    "Scores",
    "__version__",
    "compare",
    "evaluate",
    "load_detections",
    "load_evidence",
    "load_ground_truth",
    "make_run",
    "match",
    "measure",
    "merge",
    "parse_metrics",
    "save_evidence",
]


def __getattr__(name: str) -> Any:
    """Public names are imported on first use, so that `import deteval` costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'deteval' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
