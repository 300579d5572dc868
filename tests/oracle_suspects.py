"""Label suspects in slow, obvious Python: every rule a loop over lists, every change of AP on an edited list."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import oracle
from oracle_error_kinds import average_precision, by_category

Record = dict[str, Any]


class Object(NamedTuple):
    """A ground truth; counts, found: by area range; category: None in a class-agnostic run."""

    image: Any
    category: Any
    source: Any
    record: int
    box: list[float]
    is_crowd: bool
    counts: list[bool]
    found: list[bool]


class Row(NamedTuple):
    """A detection; outcome: "hit", "false", or "" for left out. taken, same, other: records of ground truths, None."""

    image: Any
    category: Any
    score: float
    record: int
    within_cap: bool
    outcome: str
    taken: int | None
    has_area: bool
    same: tuple[float, int | None]
    other: tuple[float, int | None]


class Scene(NamedTuple):
    classes: list[Any]
    objects: list[Object]
    rows: list[Row]


class Suspect(NamedTuple):
    kind: str
    detection: int | None
    ground_truth: int | None
    ap_change: float | None


def look(ground_truth: Record, detections: list[Record], settings: Record, iou: float) -> Scene:
    """Objects and detections, by class, image, then file order or rank."""
    agnostic = settings["class_agnostic"]
    classes = [None] if agnostic else sorted(one["id"] for one in ground_truth["categories"])
    numbered = [{**one, "record": n} for n, one in enumerate(ground_truth["annotations"])]
    objects: list[Object] = []
    rows: list[Row] = []
    for category in classes:
        for image in sorted(one["id"] for one in ground_truth["images"]):
            truths = [one for one in by_category(numbered, category) if one["image_id"] == image]
            found = [(n, one) for n, one in enumerate(detections) if one["image_id"] == image
                     and (agnostic or one["category_id"] == category)]
            found.sort(key=lambda pair: (-pair[1]["score"], pair[1]["category_id"]))
            more, their = match_group(truths, found, settings, iou, image, category, numbered)
            objects += more
            rows += their
    return Scene(classes, objects, rows)


def match_group(truths, found, settings, iou, image, category, everything):
    crowd = [bool(one.get("iscrowd", 0)) for one in truths]
    kept = found[: settings["max_dets"][-1]]
    values = oracle.similarity(settings.get("similarity", "iou"), [one["bbox"] for _, one in kept],
                               [one["bbox"] for one in truths], crowd)
    outcomes, counts = [], []
    for _, low, high in settings["areas"]:
        ignored = [crowd[i] or not low <= one.get("area", one["bbox"][2] * one["bbox"][3]) <= high
                   for i, one in enumerate(truths)]
        outside = [not low <= one["bbox"][2] * one["bbox"][3] <= high for _, one in kept]
        outcomes.append(oracle.match(values, crowd, ignored, outside, [iou]))
        counts.append([not one for one in ignored])
    objects = [Object(image, category, one["category_id"], one["record"], list(map(float, one["bbox"])), crowd[i],
                      [area[i] for area in counts], [not crowd[i] and i in one.matched[0].tolist() for one in outcomes])
               for i, one in enumerate(truths)]
    rows = []
    for rank, (record, one) in enumerate(found):
        within = rank < len(kept)
        place = int(outcomes[0].matched[0, rank]) if within else -1
        outcome = "" if not within or outcomes[0].ignored[0, rank] else "hit" if place >= 0 else "false"
        same, other = nearest(one, everything, settings)
        rows.append(Row(image, category, float(one["score"]), record, within, outcome,
                        truths[place]["record"] if place >= 0 else None, min(one["bbox"][2:]) > 0, same, other))
    return objects, rows


def nearest(detection, everything, settings):
    """The similarity and record of the best ground truth of the same class, and of any other; the first of equals."""
    best = {True: (0.0, None), False: (0.0, None)}
    box = list(map(float, detection["bbox"]))
    for one in sorted(everything, key=lambda one: one["category_id"]):
        theirs = list(map(float, one["bbox"]))
        if one["image_id"] != detection["image_id"] or one.get("iscrowd", 0) or oracle.intersection(box, theirs) <= 0:
            continue
        value = getattr(oracle, settings.get("similarity", "iou"))(box, theirs)
        same = one["category_id"] == detection["category_id"]
        if best[same][1] is None or value > best[same][0]:
            best[same] = value, one["record"]
    return best[True], best[False]


def best_cut(rows: list[Row], positives: int) -> float | None:
    """The highest score of the largest F1 above 0."""
    best, cut = Fraction(0), None
    for score in sorted({row.score for row in rows if row.outcome}, reverse=True):
        kept = [row for row in rows if row.outcome and row.score >= score]
        value = Fraction(2 * sum(row.outcome == "hit" for row in kept), len(kept) + positives)
        if value > best:
            best, cut = value, score
    return cut


def sure_cut(rows: list[Row], positives: int, one_cut: float, enough: int) -> float:
    """The cut of a class, or the one of all where chance, or mostly false positives, would stand behind it."""
    own = best_cut(rows, positives)
    kept = [row.outcome == "hit" for row in rows if own is not None and row.outcome and row.score >= own]
    if own is None or sum(kept) < enough:
        return one_cut
    return own if sum(kept) * 2 >= len(kept) else max(own, one_cut)


def suspects(scene: Scene, iou: float, lowest: Scene, enough: int, background: float = 0.1) -> list[Suspect]:
    """All suspects of each kind, in order. lowest: the same at the lowest threshold of the run."""
    objects, rows = scene.objects, scene.rows
    positives = {k: sum(one.category == k and one.counts[0] for one in objects) for k in scene.classes}
    one_cut = best_cut(rows, sum(positives.values()))
    hits = sorted(row.score for row in lowest.rows if row.outcome == "hit")
    floor = hits[(len(hits) - 1) // 20] if len(hits) >= enough else -math.inf
    cuts = {k: math.inf if one_cut is None else max(floor, sure_cut(
        [row for row in rows if row.category == k], positives[k], one_cut, enough)) for k in scene.classes}
    confident = [row for row in rows if row.outcome == "false" and row.score >= cuts[row.category]]
    confident.sort(key=lambda row: (-row.score, row.image))
    plain = mean_ap(scene, rows, positives)

    def change(edited: list[Row], moves: dict[Any, int]) -> float | None:
        after = mean_ap(scene, edited, {k: n + moves.get(k, 0) for k, n in positives.items()})
        return None if math.isnan(plain) or math.isnan(after) else after - plain

    listed = []
    for row in confident:
        crowded = any(one.image == row.image and one.category == row.category and not any(one.counts)
                      for one in objects)
        if max(row.same[0], row.other[0]) <= background and not crowded and row.has_area:
            listed.append(Suspect("unlabelled", row.record, None, change(turned(rows, row), {row.category: 1})))
    missing = [one for one in objects if one.counts[0] and not one.found[0] and not any(
        row.within_cap and row.score >= floor and one.record in
        [record for value, record in (row.same, row.other) if value > background] for row in rows)]
    missing.sort(key=lambda one: (-found_share(one, objects), one.image))
    listed += [Suspect("unseen", None, one.record, change(rows, {one.category: -1})) for one in missing]
    done = set()
    for row in confident:
        fitted = next((one for one in objects if one.record == row.other[1]), None)
        if fitted is None or row.other[0] < iou or row.same[0] >= iou or fitted.record in done:
            continue
        finder = next((each for each in rows if each.outcome == "hit" and each.taken == fitted.record), None)
        if fitted.category == row.category or not fitted.counts[0] or (
                finder and finder.score >= cuts[finder.category]):
            continue
        done.add(fitted.record)
        edited = turned(rows, row, finder)
        listed.append(Suspect("other class", row.record, fitted.record,
                              change(edited, {row.category: 1, fitted.category: -1})))
    return listed


def turned(rows: list[Row], hit: Row, miss: Row | None = None) -> list[Row]:
    return [row._replace(outcome="hit") if row is hit else row._replace(outcome="false") if row is miss else row
            for row in rows]


def found_share(one: Object, objects: list[Object]) -> Fraction:
    """Of its class, in the area range with the fewest, the first of equals."""
    shares = []
    for area in range(len(one.counts)):
        if one.counts[area]:
            like = [each for each in objects if each.category == one.category and each.counts[area]]
            shares.append((len(like), Fraction(sum(each.found[area] for each in like), len(like))))
    return min(shares, key=lambda pair: pair[0])[1]


def mean_ap(scene: Scene, rows: list[Row], positives: dict[Any, int]) -> float:
    values = []
    for k in scene.classes:
        order = sorted((row for row in rows if row.category == k and row.outcome), key=lambda row: -row.score)
        if positives[k]:
            values.append(average_precision([row.outcome == "hit" for row in order], positives[k]))
    return float(np.mean(values)) if values else math.nan
