"""Real ground truths and detections that lie beside the repository, for tests that skip without them.

Use as `@pytest.mark.parametrize("pair", pair_params(BOX_PAIRS))`: without the folder there is one test, and
it is reported as skipped.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.mark import ParameterSet

REFUSED = ("coco100_fakesegm", "odd_kitti_bev_bbox_len5")  # without boxes, and boxes of five numbers
LARGE = ("voc07_htt1084_yolo2",)  # takes pycocotools a minute
REASON = "no ../shared/data beside the repository"


class Pair(NamedTuple):
    """A folder with a ground truth and, except where there is none, detections on it."""

    name: str
    ground_truth: Path
    detections: Path | None


def find_folder() -> Path | None:
    """The folder of shared data, or None where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if (folder / "INDEX.md").is_file() else None


def find_pairs() -> list[Pair]:
    """All folders with a ground truth, by name; an empty list without the shared data."""
    folder = find_folder()
    if folder is None:
        return []
    found = []
    for gt in sorted(folder.glob("*/gt.json")):
        dt = gt.with_name("dt.json")
        found.append(Pair(gt.parent.name, gt, dt if dt.is_file() else None))
    return found


PAIRS = find_pairs()
WITH_DETECTIONS = [pair for pair in PAIRS if pair.detections is not None]
BOX_PAIRS = [pair for pair in WITH_DETECTIONS if pair.name not in REFUSED]
SMALL_BOX_PAIRS = [pair for pair in BOX_PAIRS if pair.name not in LARGE]
GROUND_TRUTH_ONLY = [pair for pair in PAIRS if pair.detections is None]

needs_shared_data = pytest.mark.skipif(find_folder() is None, reason=REASON)


def pair_params(pairs: Iterable[Pair]) -> list[ParameterSet]:
    """One parameter a pair, or a single skipped one."""
    params = [pytest.param(pair, id=pair.name) for pair in pairs]
    return params or [pytest.param(None, id="no-shared-data", marks=pytest.mark.skip(reason=REASON))]


def load(pair: Pair) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ground truth and detections as Python objects; no detections where the folder has none."""
    detections = json.loads(pair.detections.read_text("utf-8")) if pair.detections else []
    return json.loads(pair.ground_truth.read_text("utf-8")), detections


def indexed_stats() -> dict[str, list[float]]:
    """The twelve numbers that INDEX.md states for a folder, on the *original* ids; only where it has them."""
    folder = find_folder()
    if folder is None:
        return {}
    stats = {}
    for section in (folder / "INDEX.md").read_text("utf-8").split("\n## ")[1:]:
        figures = re.search(r"^- pycocotools: (.*\d.*)$", section, re.MULTILINE)
        if figures:
            stats[section.split("\n")[0].strip()] = [float(value) for value in figures[1].split()]
    return stats
