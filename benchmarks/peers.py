"""The programs that are compared, and how each is called.

Each is called in the fastest way that its own documentation shows, from two files to twelve numbers, with the
number of threads that it chooses itself.
"""

import importlib.metadata
from dataclasses import dataclass

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclass(frozen=True)
class Program:
    """Either `api`, Python text that defines `score(gt_path, dt_path)`, or `command`, a command line.

    `score` returns the twelve numbers in the order of NAMES, -1 where undefined; a command prints JSON with
    "metrics" by name. `package` is the distribution. `small_only` keeps a program from data sets of millions
    of detections, and `slow` gives it fewer repeats.
    """

    name: str
    package: str
    api: str = ""
    command: tuple[str, ...] = ()
    small_only: bool = False
    slow: bool = False


DETEVAL = f"""
import deteval

def score(gt_path, dt_path):
    gt = deteval.load_ground_truth(gt_path)
    metrics = deteval.evaluate(gt, deteval.load_detections(dt_path, gt)).metrics
    values = [metrics.get(name) for name in {NAMES}]
    return [-1.0 if value is None else value for value in values]
"""

PYCOCOTOOLS = """
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

def score(gt_path, dt_path):
    gt = COCO(gt_path)
    run = COCOeval(gt, gt.loadRes(dt_path), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run.stats.tolist()
"""

FASTER_COCO_EVAL = """
from faster_coco_eval import COCO, COCOeval_faster

def score(gt_path, dt_path):
    gt = COCO(gt_path)
    run = COCOeval_faster(gt, gt.loadRes(dt_path), "bbox")
    run.run()
    return run.stats.tolist()[:12]
"""

HOTCOCO = """
from hotcoco import COCO, COCOeval

def score(gt_path, dt_path):
    gt = COCO(gt_path)
    run = COCOeval(gt, gt.load_res(dt_path), "bbox")
    run.run()
    return run.stats.tolist()
"""

ULTRAFAST = """
from ultrafast_pycocotools import COCO, COCOeval

def score(gt_path, dt_path):
    gt = COCO(gt_path, verbose=False)
    run = COCOeval(gt, gt.loadRes(dt_path), "bbox")
    run.run()
    return run.stats.tolist()
"""

DETEVAL_SCORE = ("deteval", "score", "{dt}", "{gt}", "--format", "json")
COCO_EVAL = ("coco", "eval", "--gt", "{gt}", "--dt", "{dt}", "--json")

PROGRAMS = (
    Program("deteval", "deteval", api=DETEVAL),
    Program("deteval score", "deteval", command=DETEVAL_SCORE),
    Program("hotcoco", "hotcoco", api=HOTCOCO),
    Program("coco eval", "hotcoco", command=COCO_EVAL, small_only=True),
    Program("ultrafast-pycocotools", "ultrafast-pycocotools", api=ULTRAFAST),
    Program("faster-coco-eval", "faster-coco-eval", api=FASTER_COCO_EVAL, small_only=True),
    Program("pycocotools", "pycocotools", api=PYCOCOTOOLS, small_only=True, slow=True),
)


def installed_version(program: Program) -> str | None:
    """Its version, None if it is not installed; a folder that merely lies around does not count."""
    try:
        return importlib.metadata.version(program.package)
    except importlib.metadata.PackageNotFoundError:
        return None
