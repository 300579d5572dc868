"""An explanation and a diagnosis made up, with everything that a report can hold."""

import numpy as np

from deteval.records.calibration import Bin, Calibration, ClassCalibration, Expected
from deteval.records.comparison import Model
from deteval.records.confusion import Confusion
from deteval.records.dataset import Categories
from deteval.records.diagnosis import Diagnosis, WorstImage
from deteval.records.error_kinds import KINDS, Breakdown, Cost, ErrorKinds
from deteval.records.explanation import ClassShare, Explanation, ImageShare, KindShare, SliceShare
from deteval.records.params import Params
from deteval.records.suspects import KINDS as SUSPECTS
from deteval.records.suspects import OTHER_CLASS, UNLABELLED, UNSEEN, Suspect, Suspects

NASTY = "traffic <b>|light</b>\x1b[2J"
IMAGES = (ImageShare(7, "night/7.jpg", -0.012, 2, 0, 3), ImageShare(3, "3.jpg", 0.004, 0, 1, -1),
          ImageShare(5, None, -0.002, 1, 0, 0))


def made_explanation(**changes):
    """AP fell from .5 to .48, in two of three classes that have ground truth."""
    fields = {
        "params": Params(), "base": Model("base.json", "59f4"), "new": Model("new.json", "59f4"), "metric": "AP",
        "iou": 0.5, "base_value": 0.5, "new_value": 0.48, "difference": -0.02,
        "classes": (ClassShare(1, "person", 80, 0.4, 0.37, -0.01, IMAGES, -0.0005, 0.0005),
                    ClassShare(2, NASTY, 20, 0.6, 0.57, -0.01), ClassShare(3, "dog", 9, 0.5, 0.5, 0.0),
                    ClassShare(4, "cat", 0, None, None, None)),
        "images": IMAGES, "elsewhere": -0.0099, "remainder": -0.0001,
        "kinds": (KindShare("lost", "missed", 12, 0, -0.012), KindShare("lost", "badly localised", 3, 0, -0.002),
                  KindShare("gained", "another class", 0, 2, 0.003), KindShare("kept", "fit", 60, 60, -0.004),
                  KindShare("false positives", "background", 30, 44, -0.0049)),
        "slices": (SliceShare("night", 12, -0.019), SliceShare("day", 28, -0.001)), "n_images": 40,
        "remarks": ("class person lost 12 objects", f"and {NASTY} as well"),
    }
    return Explanation(**(fields | changes))


def breakdown(name, id=None, ap=0.5):
    """Costs that differ from each other."""
    kinds = {kind: Cost(10 * (i + 1), None if ap is None else 0.01 * (i + 1)) for i, kind in enumerate(KINDS)}
    cost = None if ap is None else 0.1
    return Breakdown(name, id, 30, 20, ap, kinds, Cost(150, cost), Cost(10, cost))


def made_diagnosis(**changes):
    """A model with errors of all kinds."""
    categories = Categories(ids=np.array([1, 2, 3]), names=("person", NASTY, "dog"))
    suspect = Suspect(UNLABELLED, 7, "night/7.jpg", None, "dog", 0.91, None, None, None, 12, (1.0, 2.0, 30.0, 40.0),
                      0.002)
    fields = {
        "params": Params(), "iou": 0.5, "metrics": {"AP": 0.4, "AP@.5": 0.5},
        "error_kinds": ErrorKinds(0.5, 0.1, "all", 100, breakdown(""),
                                  (breakdown("person", 1, 0.3), breakdown(NASTY, 2, 0.2), breakdown("dog", 3, None)),
                                  (breakdown("small"), breakdown("large"))),
        "confusion": Confusion(0.5, "all", 100, "score at least 0.4", categories, np.array([0, 0, 0, 1, 1, 3]),
                               np.array([0, 1, 3, 1, 2, 0]), np.array([60, 7, 13, 18, 2, 9]), np.array([4, 0, 0]), 0.4),
        "suspects": Suspects(0.5, "AP@.5", "score at least 0.4", dict.fromkeys(SUSPECTS, 1), (
            suspect, Suspect(UNSEEN, 3, None, NASTY, None, None, None, 8, 80, None, (0.0, 0.0, 9.0, 9.0), 0.001),
            Suspect(OTHER_CLASS, 3, None, "dog", "person", 0.8, 0.9, 9, None, 40, None, 0.003, "b.json")),
            {"person": 0.4, NASTY: 0.4, "dog": None}, 0.05),
        "calibration": Calibration(
            0.5, 90, 0.05, 0.2, 0.07,
            (Bin(0.0, 0.5, 40, 0.3, 0.1, (0.05, 0.2)), Bin(0.5, 1.0, 50, 0.7, 0.9, (0.8, 0.95)),
             Bin(1.0, 1.5, 0, None, None, None)),
            (ClassCalibration(1, "person", 80, 0.06, -0.02), ClassCalibration(3, "dog", 0, None, None)),
            (Expected(0.5, 0.4, 0.6, 60), Expected(0.9, 0.9, 0.97, 20)), "", 0.4, 70, 0.1234),
        "images": (WorstImage(7, "night/7.jpg", 0.02, 3, 4), WorstImage(3, None, 0.01, 0, 9)),
        "missing": {}, "n_gt": 109, "n_det": 90, "n_images": 40, "name": "preds.json", "fingerprint": "59f4",
        "remarks": ("missed objects cost most",),
    }
    return Diagnosis(**(fields | changes))
