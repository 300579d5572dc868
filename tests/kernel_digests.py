"""Prints digests of everything that kernels compute on some data sets, as JSON; `test_kernel_modes.py` runs it.

    python tests/kernel_digests.py

The package found on the path is used, in the mode that the environment asks for.
"""

import contextlib
import hashlib
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from datasets import DataSet, random_dataset
from msgspec.structs import replace

from deteval.cuts import descend, measure_cuts
from deteval.diagnosis.calibration import calibrate
from deteval.diagnosis.confusion import confuse
from deteval.diagnosis.error_kinds import error_kinds
from deteval.diagnosis.suspects import find_suspects
from deteval.diagnosis.symptoms import look_at_fit
from deteval.evaluation import match
from deteval.influence import attribute, influence
from deteval.kernels.compiled import MODULES, Kernel, mode
from deteval.loading import scan
from deteval.loading.detections import load_detections
from deteval.loading.ground_truth import load_ground_truth
from deteval.loading.source import read_text
from deteval.measures import Ranked, precision_arrays, tied_detections
from deteval.operating import choose, gather_rows
from deteval.records.criterion import Criterion
from deteval.records.metric import parse_metrics
from deteval.records.params import AreaRange, Params
from deteval.records.run import Boxes
from deteval.records.sweep_cells import Wanted
from deteval.replicates import LANES, replicate
from deteval.score_curves import score_curves

SEEDS = (1, 2, 3, 4, 5, 6, 7, 8)
SIMILARITIES = ("iou", "giou", "diou", "ciou")


def long_dataset() -> DataSet:
    """One class with more detections than are sorted by insertion or merging, on two images."""
    rng = np.random.default_rng(0)
    truth = [{"id": i + 1, "image_id": i % 2, "category_id": 1, "bbox": rng.uniform(1, 90, 4).tolist(), "area": 50.5,
              "iscrowd": int(i % 5 == 0)} for i in range(12)]
    found = [{"image_id": i % 2, "category_id": 1, "bbox": rng.uniform(1, 90, 4).tolist(), "score": rng.random()}
             for i in range(700)]
    found += found[:5]
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 100, "height": 100} for i in range(2)]
    ground_truth = {"images": images, "annotations": truth, "categories": [{"id": 1, "name": "one"}]}
    settings = {"iou": (0.3, 0.5), "areas": (("all", 0.0, 1e10),), "max_dets": (1, 400), "class_agnostic": False}
    return DataSet(ground_truth, found, settings)


def digest(value: Any) -> str:
    """A digest of all arrays and values of a record, types and shapes included."""
    whole = hashlib.sha256()

    def add(one: Any) -> None:
        if isinstance(one, msgspec.Struct):
            for name in one.__struct_fields__:
                add((name, getattr(one, name)))
        elif isinstance(one, np.ndarray) and one.dtype != object:
            whole.update(f"{one.dtype} {one.shape}".encode() + np.ascontiguousarray(one).tobytes())
        elif isinstance(one, (tuple, list)):
            for item in one:
                add(item)
        else:
            whole.update(repr(one.tolist() if isinstance(one, np.ndarray) else one).encode())

    add(value)
    return whole.hexdigest()[:16]


def digests(data: DataSet, similarity: str) -> dict[str, str]:
    """Digests of scanned columns, evidence, whole arrays and findings of a data set, by way of files here."""
    files = Path("preds.json"), Path("gt.json")
    for file, content in zip(files, (data.detections, data.ground_truth), strict=True):
        file.write_text(json.dumps(content))
    texts = [read_text(file) for file in files]
    settings = data.settings
    params = Params(iou=settings["iou"], max_dets=settings["max_dets"], class_agnostic=settings["class_agnostic"],
                    areas=tuple(AreaRange(*area) for area in settings["areas"]), similarity=similarity)
    gt = load_ground_truth(data.ground_truth)
    dt = load_detections(files[0], gt)
    evidence = match(gt, dt, params, detail=params.iou[:1])
    suppressed = match(gt, dt, replace(params, nms=0.5))
    ranked = Ranked(evidence)
    bounds = (params.areas[0].low, params.areas[0].high)
    wanted = [Wanted(metric, params.iou, bounds, params.max_dets[-1]) for metric in parse_metrics("AP,F1")]
    cuts = measure_cuts(descend(evidence, 2), wanted, [0.1 * tenths for tenths in range(10)])
    weights = np.random.default_rng(1).integers(0, 4, (1, len(gt.images), LANES)).astype(np.uint8)
    fits = params.iou[0] < 1
    rows = gather_rows(ranked, 0, with_loss=fits)
    criteria = [Criterion(), Criterion("precision", target=0.5), Criterion("recall", target=0.5),
                *([Criterion("lrp")] if fits else [])]
    lanes = weights[0].astype(np.float64)
    chosen = [choose(rows, criterion, some) for criterion in criteria for some in (None, lanes)]
    metrics = parse_metrics("AP,AR,recall")
    replicates = [replicate(ranked, metrics, metrics, weights * np.uint16(factor)) for factor in (1, 20_000)]
    agree = evidence.true_positive[:, 0], suppressed.ignored[:, 0]
    values = (influence(ranked, metrics[0]), attribute(ranked, Ranked(suppressed), metrics[0], agree))
    return {"values": digest(values), "replicates": digest(replicates),
            "scanned detections": digest(scan.scan_detections(texts[0], 2)),
            "scanned ground truth": digest(scan.scan_ground_truth(texts[1], 2)),
            "evidence": digest(evidence), "suppressed": digest(suppressed), "cuts": digest(cuts),
            "confusion": digest([confuse(evidence, Boxes(gt, dt), iou) for iou in params.iou]),
            "error kinds": digest([error_kinds(ranked, iou) for iou in params.iou]),
            "suspects": digest(find_suspects(ranked, params.iou[0])),
            "fit": digest(look_at_fit(evidence, params.iou[0], Boxes(gt, dt))),
            "calibration": digest(calibrate(ranked, params.iou[0])), "curves": digest(score_curves(ranked)),
            "chosen": digest(chosen), "arrays": digest(precision_arrays(ranked)),
            "ties": digest(tied_detections(ranked)), "findings": digest((gt.findings, dt.findings))}


def main() -> None:
    """Digests by data set, the mode, and which kernels were never called."""
    result: dict[str, Any] = {}
    scan.PIECE = 300
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for seed in SEEDS:
            result[str(seed)] = digests(random_dataset(seed), SIMILARITIES[seed % 4])
        result["long"] = digests(long_dataset(), "ciou")
    every = [value for name in MODULES for value in vars(import_module(f"deteval.kernels.{name}")).values()
             if isinstance(value, Kernel)]
    idle = sorted(one.name for one in every if one._call is None)
    sys.stdout.write(json.dumps({"mode": mode(), "digests": result, "never called": idle}))


if __name__ == "__main__":
    main()
