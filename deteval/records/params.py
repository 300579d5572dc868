"""The settings of an evaluation: similarity, IoU thresholds, area ranges, caps; their checks and their signature."""

import math
import operator
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple, force_setattr

from deteval.errors import nearest, usage_error
from deteval.records.numbers import number_text, parse_numbers, position_of, threshold_text, thresholds_text
from deteval.records.score_cuts import ScoreCuts
from deteval.version import VERSION

SIMILARITIES = {"iou": 0.0, "giou": -1.0, "diou": -1.0, "ciou": -1.5}
"""Similarity -> the bound that its thresholds must exceed; all go up to 1."""
AREA_SOURCES = ("field", "box")


class AreaRange(Struct, frozen=True):
    """A named range of object areas in px^2, both ends inclusive."""

    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        force_setattr(self, "low", float(self.low))
        force_setattr(self, "high", float(self.high))


COCO_IOU = parse_numbers(".5:.95:.05")
COCO_MAX_DETS = (1, 10, 100)
COCO_AREAS = (
    AreaRange("all", 0.0, 1e10),
    AreaRange("small", 0.0, 32.0**2),
    AreaRange("medium", 32.0**2, 96.0**2),
    AreaRange("large", 96.0**2, 1e10),
)
RECALL_POINTS = parse_numbers("0:1:0.01")


class Params(Struct, frozen=True):
    """What is measured and how boxes are matched. Every value is checked; a wrong one raises `DetevalError`.

    iou: thresholds on the similarity, in (0, 1] for IoU, (-1, 1] for GIoU and DIoU, (-1.5, 1] for CIoU.
    max_dets: how many detections of an image and class count, best scores first; AP is at the largest.
    areas: area ranges; metrics without a range use the first.
    area_source: judge ground truth by its `area` field, or by width times height ("box").
    class_agnostic: match without looking at classes.
    classes: names, ids or globs of the classes to score; empty: all.
    min_score: detections below it are dropped before NMS, the cap and the matching.
    honour_ignore: use the `ignore` field of ground truth, which COCO overwrites by `iscrowd`.
    nms: class-wise non-maximum suppression, after the score cuts and before the cap: best scores first, a detection
    whose IoU with a kept one of its image and class exceeds this is dropped. Always IoU; `class_agnostic` knows one
    class.
    operating_points: a score cut per class, +inf or "drop" to keep nothing of it; `min_score` holds besides. A mapping
    of names or ids will do.

    The spellings of the command line are taken too: `iou=".3,.5"`, `max_dets=100`, `areas=("all", "tiny:0-256")`.
    Unsorted or repeated thresholds and caps are sorted; `notes` says so.
    """

    similarity: str = "iou"
    iou: tuple[float, ...] = COCO_IOU
    max_dets: tuple[int, ...] = COCO_MAX_DETS
    areas: tuple[AreaRange, ...] = COCO_AREAS
    area_source: str = "field"
    class_agnostic: bool = False
    classes: tuple[str, ...] = ()
    min_score: float | None = None
    honour_ignore: bool = False
    nms: float | None = None
    operating_points: ScoreCuts | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, convert in (("iou", _as_thresholds), ("max_dets", _as_caps), ("areas", _as_areas),
                              ("classes", _as_names), ("operating_points", _as_score_cuts)):
            try:
                force_setattr(self, name, convert(getattr(self, name)))
            except (TypeError, ValueError) as error:
                raise usage_error(f"{name}: {error}") from None
        _check_choice("similarity", self.similarity, list(SIMILARITIES))
        _check_choice("area_source", self.area_source, list(AREA_SOURCES))
        _check_thresholds(self.similarity, self.iou)
        _check_caps(self.max_dets)
        _check_areas(self.areas)
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise usage_error(f"min_score: {self.min_score} is not a finite number")
        if self.nms is not None:
            force_setattr(self, "nms", _as_limit(self.nms))
        for name in ("iou", "max_dets"):
            self._sort(name, getattr(self, name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Params) and _compared(self) == _compared(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(_compared(self))

    def _sort(self, name: str, values: tuple[Any, ...]) -> None:
        unique = tuple(sorted(set(values)))
        if unique != values:
            note = f"{name}: sorted, and repeated values taken once: {', '.join(map(number_text, unique))}"
            force_setattr(self, name, unique)
            force_setattr(self, "notes", (*self.notes, note))


def _compared(params: Params) -> tuple[Any, ...]:
    """What tells settings apart: all but the notes, which stand last."""
    return astuple(params)[:-1]


def _as_thresholds(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        return parse_numbers(value)
    return tuple(float(one) for one in (value if hasattr(value, "__iter__") else (value,)))


def _as_caps(value: Any) -> tuple[int, ...]:
    if isinstance(value, str):
        return tuple(int(one) for one in value.split(","))
    return tuple(operator.index(one) for one in (value if hasattr(value, "__iter__") else (value,)))


def _as_areas(value: Any) -> tuple[AreaRange, ...]:
    items = (value,) if isinstance(value, (str, AreaRange)) else tuple(value)
    return tuple(area for one in items for area in (parse_area(one) if isinstance(one, str) else (
        one if isinstance(one, AreaRange) else AreaRange(*one),)))


def _as_names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(one) for one in value)


def _as_limit(value: Any) -> float:
    number = math.nan if isinstance(value, (bool, str)) else float(value)
    if not 0 <= number <= 1:  # also refuses NaN
        raise usage_error(f"nms: {value if isinstance(value, str) else number_text(value)} is not an IoU from 0 to 1")
    return number + 0.0


def _as_score_cuts(value: Any) -> ScoreCuts | None:
    if value is None or isinstance(value, ScoreCuts):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is no mapping of classes to scores")
    return ScoreCuts(tuple(value.items()))


def _check_choice(name: str, value: object, valid: list[str]) -> None:
    if value not in valid:
        hint = nearest(str(value), valid)
        raise usage_error(f"{name}: {value!r} is not one of {', '.join(valid)}{hint}")


def _check_thresholds(similarity: str, thresholds: tuple[float, ...]) -> None:
    low = SIMILARITIES[similarity]
    if not thresholds:
        raise usage_error("iou: at least one threshold is needed")
    for threshold in thresholds:
        if not low < threshold <= 1:  # also refuses NaN
            raise usage_error(
                f"iou: {number_text(threshold)} is outside ({number_text(low)}, 1], the range of {similarity}"
            )


def _check_caps(caps: tuple[int, ...]) -> None:
    if not caps:
        raise usage_error("max_dets: at least one cap is needed")
    for cap in caps:
        if isinstance(cap, int) and cap >= 2**31:
            raise usage_error(f"max_dets: {cap} is too large, {2**31 - 1} is the largest cap")
        if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
            raise usage_error(f"max_dets: {cap!r} is not a whole number of at least 1")


def _check_areas(areas: tuple[AreaRange, ...]) -> None:
    if not areas:
        raise usage_error("area: at least one range is needed")
    names = [area.name for area in areas]
    for area in areas:
        if names.count(area.name) > 1:
            raise usage_error(f"area: {area.name!r} is given twice")
        if not 0 <= area.low <= area.high < math.inf:
            raise usage_error(f"area: {area.name}:{area.low}-{area.high} is not a range of areas from low to high")


_AREA = re.compile(r"([A-Za-z_][\w.]*):([^-]+(?:[eE]-\d+)?)-(.+)")


def parse_area(text: str) -> tuple[AreaRange, ...]:
    """`coco` (all four), `all`, `small`, `medium`, `large`, or `name:lo-hi` in px^2."""
    if text == "coco":
        return COCO_AREAS
    presets = {area.name: area for area in COCO_AREAS}
    if text in presets:
        return (presets[text],)
    found = _AREA.fullmatch(text)
    if not found:
        hint = nearest(text, ["coco", *presets])
        raise usage_error(f"area: {text!r} is neither coco, {', '.join(presets)} nor name:lo-hi{hint}")
    try:
        low, high = float(found[2]), float(found[3])
    except ValueError:
        raise usage_error(f"area: {text!r}: the bounds must be numbers, as in tiny:0-256") from None
    return (AreaRange(found[1], low, high),)


def area_text(area: AreaRange) -> str:
    """An area range as the command line takes it."""
    return area.name if area in COCO_AREAS else f"{area.name}:{number_text(area.low)}-{number_text(area.high)}"


def areas_text(areas: tuple[AreaRange, ...]) -> str:
    """Area ranges in canonical spelling: `coco`, or a comma-separated list."""
    return "coco" if areas == COCO_AREAS else ",".join(area_text(area) for area in areas)


def has_coco_cells(params: Params) -> bool:
    """Whether thresholds, areas and caps are COCO's, so that the twelve COCO names exist."""
    return (params.iou, params.areas, params.max_dets) == (COCO_IOU, COCO_AREAS, COCO_MAX_DETS)


def differences_from_coco(params: Params) -> list[str]:
    """Why numbers under these settings do not compare with published COCO numbers; empty if they do."""
    reasons = []
    if params.similarity != "iou":
        reasons.append(f"similarity is {params.similarity}, COCO's is iou")
    if params.iou != COCO_IOU:
        reasons.append(f"IoU thresholds are {thresholds_text(params.iou)}, COCO's are .5:.95:.05")
    if params.areas != COCO_AREAS:
        reasons.append(f"area ranges are {areas_text(params.areas)}, COCO's are all,small,medium,large")
    if params.max_dets != COCO_MAX_DETS:
        reasons.append(f"caps are {','.join(map(str, params.max_dets))}, COCO's are 1,10,100")
    if params.area_source != "field":
        reasons.append("ground truth is judged by box area, COCO uses the area field")
    if params.class_agnostic:
        reasons.append("classes are not looked at")
    if params.classes:
        reasons.append(f"only some classes are scored: {', '.join(params.classes)}")
    if params.min_score is not None:
        reasons.append(f"detections with a score below {number_text(params.min_score)} are dropped")
    if params.honour_ignore:
        reasons.append("the ignore field is honoured, COCO overwrites it by iscrowd")
    if params.nms is not None:
        reasons.append(f"detections are suppressed at IoU above {number_text(params.nms)}")
    if params.operating_points is not None:
        reasons.append("detections with a score below the cut of their class are dropped")
    return reasons


def signature(params: Params) -> str:
    """The settings in one line, after sacreBLEU: equal signatures, comparable numbers (on equal data)."""
    parts = ["deteval", "bbox", f"sim:{params.similarity}", f"thr:{thresholds_text(params.iou)}"]
    parts += [f"area:{areas_text(params.areas)}", f"max:{','.join(map(str, params.max_dets))}"]
    if params.area_source != "field":
        parts.append(f"area-source:{params.area_source}")
    if params.class_agnostic:
        parts.append("class-agnostic")
    if params.classes:
        parts.append(f"classes:{','.join(sorted(params.classes))}")
    if params.min_score is not None:
        parts.append(f"min-score:{number_text(params.min_score)}")
    if params.honour_ignore:
        parts.append("ignore:honoured")
    if params.nms is not None:
        parts.append(f"nms:{number_text(params.nms)}")
    if params.operating_points is not None:
        parts.append(f"points:{params.operating_points.digest()}")
    return "|".join([*parts, f"v:{VERSION}"])


def find_threshold(params: Params, iou: float, name: str = "iou") -> int:
    """Where an IoU threshold stands among the run's; `DetevalError` (usage) if it lacks it. name: of what asks."""
    position = position_of(iou, params.iou)
    if position is None:
        raise usage_error(f"{name}: the run has no IoU threshold {threshold_text(iou)}, only "
                          f"{thresholds_text(params.iou)}")
    return position
