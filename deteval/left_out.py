"""What score cuts and NMS left out, and what that did to classes and images: the findings of a run about them."""

import math

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval.errors import counted, shortened
from deteval.grouping import above_cuts
from deteval.records.categories import cuts_by_class, on_default, select_categories
from deteval.records.dataset import Bools, Detections, GroundTruth
from deteval.records.evidence import Evidence
from deteval.records.findings import Finding, emptied_images, images_without_detections
from deteval.records.numbers import number_text, position_of, thresholds_text
from deteval.records.params import Params, signature
from deteval.records.score_cuts import Origin, ScoreCuts

NAMED = 5
"""So many classes are named."""


class _Run(Struct, frozen=True):
    """What was matched, what it was matched from, and of the ground truth which images and classes are scored."""

    evidence: Evidence
    ground_truth: GroundTruth
    detections: Detections
    covered: Bools
    scored: Bools

    @property
    def params(self) -> Params:
        return self.evidence.params

    @property
    def asked_for(self) -> Bools:
        """Which detections lie on scored images and are of scored classes."""
        mask: Bools = self.covered[self.detections.image] & self.scored[self.detections.category]
        return mask


def findings_of_cuts(evidence: Evidence, ground_truth: GroundTruth, detections: Detections) -> list[Finding]:
    """Notes on the score cuts themselves, on detections left out, and on what they leave.

    An image that has no detection, cut or not, is asked about here where there are score cuts: the evidence of such a
    run cannot tell it from one that the cuts emptied.
    """
    run = _Run(evidence, ground_truth, detections, np.isin(ground_truth.images.ids, evidence.images.ids),
               select_categories(ground_truth.categories, evidence.params)[1] >= 0)
    cuts = evidence.params.operating_points
    found = [] if cuts is None else [*_elsewhere(cuts.origin, evidence.params), *_defaults(cuts, run),
                                     *_dropped(cuts, run)]
    found += _left_out(run)
    if has_cuts(evidence.params):
        found += _images(run) if len(evidence) else _nothing(run)
    return found


def has_cuts(params: Params) -> bool:
    """Whether there is any score cut."""
    return params.min_score is not None or params.operating_points is not None


def _elsewhere(origin: Origin, params: Params) -> list[Finding]:
    """What else held where the score cuts were chosen, as far as their file says so."""
    pairs = []
    if origin.iou is not None and position_of(origin.iou, params.iou) is None:
        pairs.append((f"at IoU {thresholds_text((origin.iou,))}", f"at IoU {thresholds_text(params.iou)}"))
    if origin.signature is not None and origin.signature.startswith("deteval|bbox|"):
        pairs += zip(_conditions(origin.signature), _conditions(signature(params)), strict=True)
    there, here = ([pair[side] for pair in pairs if pair[0] != pair[1]] for side in (0, 1))
    if not there:
        return []
    return [Finding("cuts-from-elsewhere", len(there), f"the score cuts were chosen {', '.join(there)}, and are used "
                                                       f"{', '.join(here)}: other cuts may be best here")]


def _conditions(text: str) -> list[str]:
    """The settings of a signature that move score cuts, in words."""
    parts = text.split("|")

    def part(name: str) -> str:
        return next((one.removeprefix(f"{name}:") for one in parts if one.startswith(f"{name}:")), "")

    area = part("area").split(",")[0]
    return [f"with similarity {part('sim')}", f"in area range {'all' if area == 'coco' else area}",
            "without looking at classes" if "class-agnostic" in parts else "class by class",
            f"with NMS {part('nms')}" if part("nms") else "without NMS"]


def _defaults(cuts: ScoreCuts, run: _Run) -> list[Finding]:
    """Scored classes that the default holds for, as they have no cut of their own, in a file that names others."""
    if cuts.default is None or cuts.default == math.inf or not cuts.classes:
        return []
    names = on_default(cuts, run.ground_truth.categories, run.scored)
    which = "1 class that has none of its own" if len(names) == 1 else \
        f"{len(names):,} classes that have none of their own"
    return [Finding("default-cut", len(names), f"the default score cut, {number_text(float(cuts.default))}, holds for "
                                               f"{which}: {_listed(names)}")] if names else []


def _dropped(cuts: ScoreCuts, run: _Run) -> list[Finding]:
    categories = run.ground_truth.categories
    places = np.flatnonzero(cuts_by_class(cuts, categories, run.scored) == np.inf).tolist()
    what = "1 class is dropped, nothing of it is kept" if len(places) == 1 else \
        f"{len(places):,} classes are dropped, nothing of them is kept"
    return [Finding("dropped-class", len(places), f"{what}: {_listed([categories.names[place] for place in places])}")
            ] if places else []


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(shortened(name) for name in names[:NAMED]) + more


def _left_out(run: _Run) -> list[Finding]:
    """Detections that were not matched because of what was asked for, each counted under the first reason."""
    detections, params = run.detections, run.params
    left_out = len(detections) - len(run.evidence)
    if not left_out:
        return []
    above = above_cuts(detections, replace(params, operating_points=None), run.scored)
    above_own = above_cuts(detections, params, run.scored)
    parts, kept = [], np.ones(len(detections), bool)
    for mask, what in ((run.covered[detections.image], "on images that were not asked for"),
                       (run.scored[detections.category], "of classes that were not asked for"),
                       (above, "below the score cut"), (above_own, "below the cut of their class")):
        if mask is not None and (count := int((kept & ~mask).sum())):
            parts.append(f"{count:,} {what}")
            kept &= mask
    suppressed = int(kept.sum()) - len(run.evidence)
    parts += [f"{suppressed:,} suppressed by NMS"] if suppressed else []
    return [Finding("left-out", left_out, f"{counted(left_out, 'detection')} left out: {', '.join(parts)}")]


def _images(run: _Run) -> list[Finding]:
    """Images with ground truth that never had a detection, and those that the cuts took all detections of."""
    truth, size = run.ground_truth, len(run.covered)
    with_truth, detected, kept = (np.zeros(size, bool) for _ in range(3))
    with_truth[truth.image[run.scored[truth.category]]] = True
    with_truth &= run.covered
    detected[run.detections.image[run.asked_for]] = True
    kept[np.flatnonzero(run.covered)[run.evidence.image]] = True
    never, emptied = with_truth & ~detected, with_truth & detected & ~kept
    return [say(int(which.sum()), str(truth.images.ids[int(np.argmax(which))]))
            for which, say in ((never, images_without_detections), (emptied, emptied_images)) if which.any()]


def _nothing(run: _Run) -> list[Finding]:
    """That the score cuts leave nothing of all that was detected."""
    detections, params, asked_for = run.detections, run.params, run.asked_for
    count = int(asked_for.sum())
    if not count:
        return []
    scale = "is the cut on another scale?"
    best = float(detections.scores[asked_for].max())
    if params.min_score is not None and best < params.min_score:
        return [Finding("nothing-kept", count, f"no detection reaches the score cut {number_text(params.min_score)}: "
                        f"the highest score is {number_text(best)}; {scale}")]
    assert params.operating_points is not None  # what else could have cut them
    cuts = cuts_by_class(params.operating_points, detections.categories, run.scored)
    rows = np.flatnonzero(asked_for & (cuts < np.inf)[detections.category])
    if not len(rows):
        return [Finding("nothing-kept", count, "no detection is kept: every class that has any is dropped")]
    row = int(rows[np.argmax(detections.scores[rows])])
    category = int(detections.category[row])
    return [Finding("nothing-kept", count, "no detection reaches the score cut of its class: the highest score is "
                    f"{number_text(float(detections.scores[row]))}, of class "
                    f"{shortened(detections.categories.names[category])}, whose cut is "
                    f"{number_text(float(cuts[category]))}; {scale}")]
