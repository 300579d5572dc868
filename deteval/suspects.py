"""Labels that may be wrong: what confident detections say against them, and what AP would be were they right.

Everything is read off the evidence; boxes only show where to look.
"""

import numpy as np
from msgspec import Struct

from deteval.confusion import places_of
from deteval.errors import usage_error
from deteval.measures import Ranked
from deteval.mending import bits_at
from deteval.operating import Rows, choose, gather_rows
from deteval.records.criterion import Criterion
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.error_kinds import BACKGROUND
from deteval.records.evidence import Detail, Evidence
from deteval.records.metric import Metric
from deteval.records.numbers import position_of, threshold_text, thresholds_text
from deteval.records.run import Boxes
from deteval.records.suspects import OTHER_CLASS, UNLABELLED, UNSEEN, Suspect, Suspects
from deteval.relabelling import NONE, Edit, Labels

STRAGGLERS = 0.05
"""The share of true positives with the lowest scores; a detection with such a score sees nothing."""


class _View(Struct, frozen=True):
    """A run at one threshold of its detail table, in the first area range and within the largest cap.

    slot: the threshold's column of the detail table. same, other: similarities to the nearest ground truths, 0 for
    none. hit, false: true and false positives. confident: of these, at or above the cut of their class. cuts: of the
    classes. floor: a detection of this score sees. counted, found: of ground truths.
    """

    ranked: Ranked
    detail: Detail
    threshold: int
    slot: int
    same: Floats
    other: Floats
    hit: Bools
    false: Bools
    confident: Bools
    cuts: Floats
    floor: float
    counted: Bools
    found: Bools

    @property
    def evidence(self) -> Evidence:
        """What is looked at."""
        return self.ranked.evidence


def find_suspects(evidence: Evidence | Ranked, iou: float = 0.5, *, boxes: Boxes | None = None, top: int = 10,
                  rows: Rows | None = None, threads: int | None = None) -> Suspects:
    """The most suspicious labels, `top` of each kind.

    A detection is confident at or above the score of best F1 of its class, that of all classes where its own has none.
    Unlabelled: a confident false positive whose similarity to any ground truth is at most BACKGROUND, best score first;
    not on an image that holds a crowd of its class (or one set aside). Unseen: a ground truth that was not found and is
    nearest to no detection, confident or of a score that 95 % of true positives reach, with more than BACKGROUND; those
    first whose like (class and area range) are found most often. Another class: a ground truth that no confident
    detection finds and that a confident false positive of another class fits, which fits none of its own; best score
    first, and the best of several detections.
    Changes of AP are exact for the evidence in which the one label is added, taken away, or of the predicted class;
    nothing else is matched anew. rows: what `gather_rows` makes of the threshold, if it is at hand.
    Errors: `DetevalError` (usage) without a detail table at this threshold.
    """
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    view = _look(ranked, iou, rows)
    other_rows, other_truths = _other_class(view)
    unlabelled, unseen = _unlabelled(view), _unseen(view)
    found = {UNLABELLED: (unlabelled, np.full(len(unlabelled), NONE)), UNSEEN: (np.full(len(unseen), NONE), unseen),
             OTHER_CLASS: (other_rows, other_truths)}
    labels = Labels.of(ranked, view.threshold)
    listed = [one for kind, (rows, truths) in found.items()
              for one in _records(view, kind, rows[:top], truths[:top], labels, boxes)]
    level = ranked.evidence.params.iou[view.threshold]
    return Suspects(iou=level, metric=str(Metric("AP", iou=(level,))), least_score=_words(view),
                    counts={kind: len(rows) for kind, (rows, _) in found.items()}, listed=tuple(listed))


def _look(ranked: Ranked, iou: float, rows: Rows | None) -> _View:
    evidence = ranked.evidence
    params, detail = evidence.params, evidence.detail
    threshold = position_of(iou, params.iou)
    if threshold is None:
        raise usage_error(f"iou: the run has no IoU threshold {threshold_text(iou)}, only "
                          f"{thresholds_text(params.iou)}")
    if detail is None or threshold not in detail.thresholds:
        raise usage_error("label suspects: the evidence does not say what each detection was matched with at IoU "
                          f"{threshold_text(iou)}; save it with `deteval score --save-evidence FILE --detail "
                          f"{threshold_text(iou)}`, or give predictions and ground truth")
    hit = bits_at(evidence.true_positive, 0, threshold)
    counts = (evidence.rank < params.max_dets[-1]) & ~bits_at(evidence.ignored, 0, threshold)
    cuts = _confident_from(gather_rows(ranked, threshold) if rows is None else rows)
    scores_of_hits = evidence.scores[hit & counts]
    floor = float(np.quantile(scores_of_hits, STRAGGLERS, method="lower")) if len(scores_of_hits) else -np.inf
    return _View(
        ranked=ranked, detail=detail, threshold=threshold, slot=detail.thresholds.index(threshold),
        same=np.where(detail.best_same < 0, 0.0, detail.best_same_similarity),
        other=np.where(detail.best_other < 0, 0.0, detail.best_other_similarity), hit=hit & counts,
        false=counts & ~hit, confident=counts & (evidence.scores >= cuts[evidence.category]), cuts=cuts, floor=floor,
        counted=~evidence.gt_ignored[:, 0], found=bits_at(evidence.found, 0, threshold))


def _confident_from(rows: Rows) -> Floats:
    """The score of best F1 of every class, or of all where a class has none, +inf without any; shape (classes,)."""
    cuts = choose(rows, Criterion()).threshold[:, 0]
    one = np.inf if np.isnan(cuts[-1]) else cuts[-1]
    own: Floats = np.where(np.isnan(cuts[:-1]), one, cuts[:-1])
    return own


def _words(view: _View) -> str:
    """From which score on a detection is confident, and sees."""
    cuts = view.cuts[np.isfinite(view.cuts)]
    if not len(cuts):
        return "no score, for there is no true positive"
    low, high = (f"{cut:.3g}" for cut in (cuts.min(), cuts.max()))
    line = f"the score of best F1 of its class ({low if low == high else f'{low} to {high}'})"
    return f"{line}; an object is seen from {view.floor:.3g} on, which 95 % of true positives reach"


def _best_first(view: _View, rows: Ints) -> Ints:
    """Rows by descending score; ties by image, then class and rank."""
    evidence = view.evidence
    return rows[np.lexsort((rows, evidence.image[rows], -evidence.scores[rows]))]


def _unlabelled(view: _View) -> Ints:
    """Rows of detections."""
    evidence = view.evidence
    rows = np.flatnonzero(view.false & view.confident & (np.maximum(view.same, view.other) <= BACKGROUND))
    crowds = np.flatnonzero(evidence.gt_ignored.all(axis=1))
    width = max(1, len(evidence.images))
    crowded = np.isin(evidence.category[rows].astype(np.int64) * width + evidence.image[rows],
                      evidence.gt_category[crowds].astype(np.int64) * width + evidence.gt_image[crowds])
    return _best_first(view, rows[~crowded])


def _unseen(view: _View) -> Ints:
    """Rows of ground truths."""
    evidence, detail = view.evidence, view.detail
    sees = (evidence.rank < evidence.params.max_dets[-1]) & \
        (evidence.scores >= np.minimum(view.floor, view.cuts[evidence.category]))
    seen = view.found.copy()
    seen[detail.best_same[sees & (view.same > BACKGROUND)]] = True
    seen[detail.best_other[sees & (view.other > BACKGROUND)]] = True
    truths = np.flatnonzero(view.counted & ~seen)
    return truths[np.lexsort((truths, evidence.gt_image[truths], -_found_share(view)[truths]))]


def _found_share(view: _View) -> Floats:
    """How often ground truths like each are found: of its class, in the area range that fewest of them share."""
    evidence = view.evidence
    classes = len(evidence.categories)
    fewest = np.full(len(evidence.gt_category), np.inf)
    share = np.zeros(len(evidence.gt_category))
    for area in range(len(evidence.params.areas)):
        counted = ~evidence.gt_ignored[:, area]
        category = evidence.gt_category[counted]
        found = bits_at(evidence.found, area, view.threshold)[counted]
        total, hits = np.bincount(category, minlength=classes), np.bincount(category, found, classes)
        rows = np.flatnonzero(counted)[total[category] < fewest[counted]]
        fewest[rows] = total[evidence.gt_category[rows]]
        share[rows] = hits[evidence.gt_category[rows]] / fewest[rows]
    return share


def _other_class(view: _View) -> tuple[Ints, Ints]:
    """Rows of detections, and the ground truths that they fit."""
    evidence, detail = view.evidence, view.detail
    level = evidence.params.iou[view.threshold]
    rows = np.flatnonzero(view.false & view.confident & (view.other >= level) & (view.same < level)
                          & (detail.best_other >= 0))
    truths = detail.best_other[rows]
    sure = np.zeros(len(view.counted), bool)
    taken = detail.taken[:, view.slot]
    sure[taken[view.hit & view.confident]] = True
    wanted = view.counted[truths] & ~sure[truths]  # none in a class-agnostic run: a better detection has it
    rows = _best_first(view, rows[wanted])
    first = np.sort(np.unique(detail.best_other[rows], return_index=True)[1])
    return rows[first], detail.best_other[rows[first]]


def _change(view: _View, labels: Labels, kind: str, d: int, g: int) -> float | None:
    """By how much AP would change, were this label as the detections have it."""
    evidence = view.evidence
    if kind == UNLABELLED:
        return labels.change({int(evidence.category[d]): Edit(1, gained=d)})
    label = int(evidence.gt_category[g])
    if kind == UNSEEN:
        return labels.change({label: Edit(-1)})
    finder = np.flatnonzero(view.hit & (view.detail.taken[:, view.slot] == g))
    lost = int(finder[0]) if len(finder) else NONE
    return labels.change({int(evidence.category[d]): Edit(1, gained=d), label: Edit(-1, lost=lost)})


def _records(view: _View, kind: str, rows: Ints, truths: Ints, labels: Labels, boxes: Boxes | None,
             ) -> list[Suspect]:
    """The suspects of one kind: detections and ground truths by row, NONE where there is none."""
    evidence = view.evidence
    label_boxes: list[tuple[float, float, float, float] | None] = [None] * len(rows)
    annotation_ids: list[int | None] = [None] * len(rows)
    if boxes is not None and kind == UNLABELLED:
        places = places_of(boxes.detections, evidence.row[rows], "detections")
        label_boxes = [(x, y, w, h) for x, y, w, h in boxes.detections.boxes[places].tolist()]
    elif boxes is not None:
        places = places_of(boxes.ground_truth, evidence.gt_row[truths], "ground truth")
        label_boxes = [(x, y, w, h) for x, y, w, h in boxes.ground_truth.boxes[places].tolist()]
        if boxes.ground_truth.annotation_ids is not None:
            annotation_ids = boxes.ground_truth.annotation_ids[places].tolist()
    return [_record(view, kind, d, g, box, annotation_id, _change(view, labels, kind, d, g))
            for d, g, box, annotation_id in zip(rows.tolist(), truths.tolist(), label_boxes, annotation_ids,
                                                strict=True)]


def _record(view: _View, kind: str, d: int, g: int, box: tuple[float, float, float, float] | None,
            annotation_id: int | None, ap_change: float | None) -> Suspect:
    evidence = view.evidence
    names, images = evidence.categories.names, evidence.images
    image = int(evidence.image[d] if g == NONE else evidence.gt_image[g])
    key = images.ids[image]
    detected, labelled = d != NONE, g != NONE
    return Suspect(
        kind=kind, image_id=key if isinstance(key, str) else int(key), file_name=images.file_names[image],
        label=names[evidence.gt_category[g]] if labelled else None,
        predicted=names[evidence.category[d]] if detected else None,
        score=float(evidence.scores[d]) if detected else None,
        similarity=float(view.other[d]) if detected and labelled else None,
        ground_truth=int(evidence.gt_row[g]) if labelled else None, annotation_id=annotation_id,
        detection=int(evidence.row[d]) if detected else None, box=box, ap_change=ap_change)
