"""A sweep of the sample that several tests share."""

from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"
MODELS = f"""\
ground_truth: {SAMPLE / 'gt.json'}
predictions: {{old: {SAMPLE / 'preds.json'}, new: {SAMPLE / 'preds_new.json'}}}
"""
GRID = """\
settings: {area: all}
sweep:
  iou: [.5, ".5:.95:.05"]
  min_score: [null, .3, .5]
  nms: [null, .5]
metrics: [AP, F1]
objective: {metric: F1, where: {iou: .5}}
"""
