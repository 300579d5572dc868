"""Labels that may be wrong: what confident detections say against them, and what AP would be were they right.

Everything is read off the evidence; boxes only show where to look.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from deteval.diagnosis.mending import NONE, bits_at
from deteval.diagnosis.relabelling import Edit, changes
from deteval.errors import usage_error
from deteval.kernels.mending import LEFT_OUT, TRUE_POSITIVE
from deteval.measures import Ranked
from deteval.operating import Chosen, choose, gather_rows
from deteval.records.criterion import Criterion
from deteval.records.dataset import Bools, Floats, Ints
from deteval.records.error_kinds import BACKGROUND
from deteval.records.evidence import Detail, Evidence
from deteval.records.numbers import threshold_text
from deteval.records.params import find_threshold
from deteval.records.run import Boxes, places_of
from deteval.records.suspects import OTHER_CLASS, UNLABELLED, UNSEEN, Suspect, Suspects

STRAGGLERS = 0.05
"""The share of true positives with the lowest scores; a detection with such a score sees nothing."""
ENOUGH = 10
"""True positives from which on a score that depends on them is no chance."""
SOUND = 0.5
"""The precision that a class needs at a cut of its own: what is mostly wrong is not confident, however good its F1."""
MOST = 0.9
"""Confidence that this share of the detections has means little."""


class _View(Struct, frozen=True):
    """A run at one threshold of its detail table, in the first area range and within the largest cap.

    slot: the threshold's column of the detail table. same, other: similarities to the nearest ground truths, 0 for
    none. hit, false: true and false positives. confident: of these, at or above the cut of their class. cuts: of the
    classes; pooled: that of all together, where one has none of its own, else None. floor: a detection of this score
    sees, -inf: every one does. counted, found: of ground truths.
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
    pooled: float | None
    floor: float
    counted: Bools
    found: Bools

    @property
    def evidence(self) -> Evidence:
        """What is looked at."""
        return self.ranked.evidence


def find_suspects(evidence: Evidence | Ranked, iou: float = 0.5, *, boxes: Boxes | None = None, top: int = 10,
                  chosen: Chosen | None = None, threads: int | None = None) -> Suspects:
    """The most suspicious labels, `top` of each kind.

    A detection is confident at or above the score of best F1 of its class. Where fewer than ENOUGH true positives reach
    it, that of all classes takes its place; where less than SOUND of what reaches it is right, the higher of the two;
    and never a score that is too low to see an object.
    Unlabelled: a confident false positive whose similarity to any ground truth is at most BACKGROUND, best score first;
    not on an image that holds a crowd of its class (or one set aside), and not without an area: nothing could match
    such a label (only told with boxes). Unseen: a ground truth that was not found and is nearest, with more than
    BACKGROUND, to no detection of a score that 95 % of true positives reach at the run's lowest threshold (to none at
    all if they are fewer than ENOUGH); those first whose like (class and area range) are found most often. Another
    class: a ground truth that no confident detection finds and that a confident false positive of another class fits,
    which fits none of its own; best score first, and the best of several detections.
    Changes of AP are exact for the evidence in which the one label is added, taken away, or of the predicted class;
    nothing else is matched anew. chosen: the cuts of best F1 at the threshold, if they are at hand.
    Errors: `DetevalError` (usage) without a detail table at this threshold.
    """
    ranked = evidence if isinstance(evidence, Ranked) else Ranked(evidence, threads)
    view = _look(ranked, iou, chosen)
    other_rows, other_truths = _other_class(view)
    unlabelled, unseen = _unlabelled(view, boxes), _unseen(view)
    found = {UNLABELLED: (unlabelled, np.full(len(unlabelled), NONE)), UNSEEN: (np.full(len(unseen), NONE), unseen),
             OTHER_CLASS: (other_rows, other_truths)}
    pairs = [(kind, d, g) for kind, (rows, truths) in found.items()
             for d, g in zip(rows[:top].tolist(), truths[:top].tolist(), strict=True)]
    outcomes = np.where(view.hit, np.int8(TRUE_POSITIVE), np.where(view.false, np.int8(0), np.int8(LEFT_OUT)))
    ap_changes = iter(changes(ranked, view.threshold, outcomes[ranked.order], _edits(view, pairs)))
    listed = [one for kind, (rows, truths) in found.items()
              for one in _records(view, kind, rows[:top], truths[:top], ap_changes, boxes)]
    level = ranked.evidence.params.iou[view.threshold]
    return Suspects(
        iou=level, metric=f"AP@{threshold_text(level)}", least_score=_words(view),
        counts={kind: len(rows) for kind, (rows, _) in found.items()}, listed=tuple(listed),
        cuts={name: float(cut) if np.isfinite(cut) else None
              for name, cut in zip(ranked.evidence.categories.names, view.cuts, strict=True)},
        seen_from=view.floor if np.isfinite(view.floor) else None)


def _look(ranked: Ranked, iou: float, chosen: Chosen | None) -> _View:
    evidence = ranked.evidence
    params, detail = evidence.params, evidence.detail
    threshold = find_threshold(params, iou)
    if detail is None or threshold not in detail.thresholds:
        raise usage_error("label suspects: the evidence does not say what each detection was matched with at IoU "
                          f"{threshold_text(iou)}; save it with `deteval score --save-evidence FILE --detail "
                          f"{threshold_text(iou)}`, or give predictions and ground truth")
    hit = bits_at(evidence.true_positive, 0, threshold)
    counts = (evidence.rank < params.max_dets[-1]) & ~bits_at(evidence.ignored, 0, threshold)
    floor = _floor(evidence)
    cuts, pooled = _confident_from(chosen or choose(gather_rows(ranked, threshold), Criterion()), floor)
    return _View(
        ranked=ranked, detail=detail, threshold=threshold, slot=detail.thresholds.index(threshold),
        same=np.where(detail.best_same < 0, 0.0, detail.best_same_similarity),
        other=np.where(detail.best_other < 0, 0.0, detail.best_other_similarity), hit=hit & counts,
        false=counts & ~hit, confident=counts & (evidence.scores >= cuts[evidence.category]), cuts=cuts, pooled=pooled,
        floor=floor, counted=~evidence.gt_ignored[:, 0], found=bits_at(evidence.found, 0, threshold))


def _confident_from(chosen: Chosen, floor: float) -> tuple[Floats, float | None]:
    """The score of best F1 of every class or, where that is not to be relied on, of all, at least the floor, +inf
    without any, shape (classes,); and that of all, None if no class needs it."""
    cuts, hits, kept = chosen.threshold[:-1, 0], chosen.kept.hits[:-1, 0], chosen.kept.rows[:-1, 0]
    one = float(chosen.threshold[-1, 0])
    if np.isnan(one):
        return np.full(len(cuts), np.inf), None
    few = np.isnan(cuts) | (hits < ENOUGH)
    raised = ~few & (hits < SOUND * kept) & (cuts < one)
    own = np.maximum(np.where(few | raised, one, cuts), floor)
    return own, max(one, floor) if (few | raised).any() else None


def _floor(evidence: Evidence) -> float:
    """The score that all true positives but STRAGGLERS reach, where they are most: at the run's lowest threshold."""
    params = evidence.params
    hits = bits_at(evidence.true_positive, 0, int(np.argmin(params.iou))) & (evidence.rank < params.max_dets[-1])
    scores = evidence.scores[hits]
    place = int(STRAGGLERS * (len(scores) - 1))
    return float(np.partition(scores, place)[place]) if len(scores) >= ENOUGH else -np.inf


def _words(view: _View) -> str:
    """From which score on a detection is confident, and sees."""
    cuts = view.cuts[np.isfinite(view.cuts)]
    if not len(cuts):
        return "no score, for there is no true positive"
    low, high = (f"{cut:.3g}" for cut in (cuts.min(), cuts.max()))
    line = f"the score of best F1 of its class ({low if low == high else f'{low} to {high}'})"
    if view.pooled is not None:
        line += (f", and of all classes ({view.pooled:.3g}) where that of its own would rest on fewer than {ENOUGH} "
                 "true positives, or keep mostly false ones")
    seen = "a detection of any score sees an object"
    if np.isfinite(view.floor):
        lowest = threshold_text(min(view.evidence.params.iou))
        seen = (f"at least {view.floor:.3g}, which 95 % of true positives at IoU {lowest} reach, and from which on a "
                "detection sees an object")
    return f"{line}; {seen}{_warning(view)}"


def _warning(view: _View) -> str:
    """Whether confident detections are none worth the name."""
    sure, right = int(view.confident.sum()), int((view.confident & view.hit).sum())
    if right < SOUND * sure:
        return f"; beware, only {right:,} of these {sure:,} detections are right"
    total = int((view.hit | view.false).sum())
    if sure >= MOST * total and total >= 2 * ENOUGH:
        return f"; beware, these are {sure:,} of all {total:,} detections, for F1 is best where hardly any is dropped"
    return ""


def _best_first(view: _View, rows: Ints) -> Ints:
    """Rows by descending score; ties by image, then class and rank."""
    evidence = view.evidence
    return rows[np.lexsort((rows, evidence.image[rows], -evidence.scores[rows]))]


def _unlabelled(view: _View, boxes: Boxes | None) -> Ints:
    """Rows of detections."""
    evidence = view.evidence
    rows = np.flatnonzero(view.false & view.confident & (np.maximum(view.same, view.other) <= BACKGROUND))
    if boxes is not None:
        sides = boxes.detections.boxes[places_of(boxes.detections, evidence.row[rows], "detections"), 2:]
        rows = rows[(sides > 0).all(axis=1)]
    crowds = np.flatnonzero(evidence.gt_ignored.all(axis=1))
    width = max(1, len(evidence.images))
    crowded = np.isin(evidence.category[rows].astype(np.int64) * width + evidence.image[rows],
                      evidence.gt_category[crowds].astype(np.int64) * width + evidence.gt_image[crowds])
    return _best_first(view, rows[~crowded])


def _unseen(view: _View) -> Ints:
    """Rows of ground truths."""
    evidence, detail = view.evidence, view.detail
    sees = (evidence.rank < evidence.params.max_dets[-1]) & \
        (evidence.scores >= view.floor)
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


def _edits(view: _View, pairs: list[tuple[str, int, int]]) -> list[dict[int, Edit]]:
    """Each label as the detections have it."""
    evidence = view.evidence
    hits = np.flatnonzero(view.hit)
    finder = np.full(len(view.counted), NONE)
    finder[view.detail.taken[hits, view.slot]] = hits
    edits = []
    for kind, d, g in pairs:
        gain = {int(evidence.category[d]): Edit(1, gained=d)} if kind != UNSEEN else {}
        loss = {int(evidence.gt_category[g]): Edit(-1, lost=int(finder[g]))} if kind != UNLABELLED else {}
        edits.append(gain | loss)
    return edits


def _records(view: _View, kind: str, rows: Ints, truths: Ints, ap_changes: Iterator[float | None],
             boxes: Boxes | None) -> list[Suspect]:
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
    return [_record(view, kind, d, g, box, annotation_id, next(ap_changes), boxes) for d, g, box, annotation_id
            in zip(rows.tolist(), truths.tolist(), label_boxes, annotation_ids, strict=True)]


def _record(view: _View, kind: str, d: int, g: int, box: tuple[float, float, float, float] | None,
            annotation_id: int | None, ap_change: float | None, boxes: Boxes | None) -> Suspect:
    evidence = view.evidence
    names, images = evidence.categories.names, evidence.images
    image = int(evidence.image[d] if g == NONE else evidence.gt_image[g])
    key = images.ids[image]
    detected, labelled = d != NONE, g != NONE
    index, file = _place_of(int(evidence.row[d]), boxes) if detected else (None, None)
    return Suspect(
        kind=kind, image_id=key if isinstance(key, str) else int(key), file_name=images.file_names[image],
        label=names[evidence.gt_category[g]] if labelled else None,
        predicted=names[evidence.category[d]] if detected else None,
        score=float(evidence.scores[d]) if detected else None,
        similarity=float(view.other[d]) if detected and labelled else None,
        ground_truth=int(evidence.gt_row[g]) if labelled else None, annotation_id=annotation_id,
        detection=index, box=box, ap_change=ap_change, file=file)


def _place_of(row: int, boxes: Boxes | None) -> tuple[int, str | None]:
    """The index of a detection in its file, and the file if it is one of several."""
    if boxes is None or len(boxes.detections.first_rows) < 2:
        return row, None
    first_rows = np.array(boxes.detections.first_rows)
    shard = int(np.searchsorted(first_rows, row, side="right")) - 1
    return row - int(first_rows[shard]), boxes.detections.inputs[shard].path
