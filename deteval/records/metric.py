"""The metric language: `AP`, `AP50`, `AP@.75/area=small`, `AR/max=10`, `F1@.5/score=0.25/micro/class=person`."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from deteval.errors import nearest, usage_error
from deteval.records.numbers import (
    number_text,
    parse_number,
    parse_numbers,
    position_of,
    threshold_text,
    thresholds_text,
)
from deteval.records.params import Params, has_coco_cells

KINDS = ("AP", "AR", "precision", "recall", "F1")
COUNTED = ("precision", "recall", "F1")
"""The kinds that are read off the counts of kept detections, at a score cut."""


class Metric(Struct, frozen=True):
    """One number asked for. None stands for the run's own: all thresholds, the first area range, the largest cap.

    alias is the COCO name (`AP50`) when it was asked for by that name.
    """

    kind: str
    iou: tuple[float, ...] | None = None
    area: str | None = None
    max_dets: int | None = None
    score: float | None = None
    micro: bool = False
    category: str | None = None
    alias: str | None = None

    def __str__(self) -> str:
        """The canonical spelling; `parse_metric(str(metric)) == metric`."""
        text = self.alias or self.kind
        if not self.alias and self.iou is not None:
            text += f"@{thresholds_text(self.iou)}"
        if not self.alias and self.area is not None:
            text += f"/area={self.area}"
        if not self.alias and self.max_dets is not None:
            text += f"/max={self.max_dets}"
        if self.score is not None:
            text += f"/score={number_text(self.score)}"
        if self.micro:
            text += "/micro"
        return text if self.category is None else f"{text}/class={self.category}"


COCO_METRICS = {
    str(metric): metric
    for metric in (
        Metric("AP"),
        Metric("AP", iou=(0.5,), alias="AP50"),
        Metric("AP", iou=(0.75,), alias="AP75"),
        Metric("AP", area="small", alias="APs"),
        Metric("AP", area="medium", alias="APm"),
        Metric("AP", area="large", alias="APl"),
        Metric("AR", max_dets=1, alias="AR1"),
        Metric("AR", max_dets=10, alias="AR10"),
        Metric("AR", max_dets=100, alias="AR100"),
        Metric("AR", area="small", alias="ARs"),
        Metric("AR", area="medium", alias="ARm"),
        Metric("AR", area="large", alias="ARl"),
    )
}
"""The twelve COCO numbers in pycocotools' order."""


def default_metrics(params: Params) -> tuple[Metric, ...]:
    """The twelve COCO numbers under COCO's thresholds, areas and caps; else AP and AR of the run."""
    if has_coco_cells(params):
        return tuple(COCO_METRICS.values())
    return (Metric("AP"), Metric("AR"))


def class_metrics(params: Params) -> tuple[Metric, ...]:
    """What the per-class table shows: AP, AP at 0.5 and 0.75 where the run has them, AR."""
    metrics = [Metric("AP")]
    for alias in ("AP50", "AP75"):
        metric = COCO_METRICS[alias]
        threshold = (metric.iou or ())[0]
        if position_of(threshold, params.iou) is not None:
            metrics.append(metric if has_coco_cells(params) else replace(metric, alias=None))
    return (*metrics, Metric("AR"))


def parse_metrics(text: str) -> tuple[Metric, ...]:
    """A comma-separated list of metrics; repeated ones are taken once."""
    metrics: dict[str, Metric] = {}
    for item in _split_list(text):
        metric = parse_metric(item)
        metrics[str(metric)] = metric
    return tuple(metrics.values())


def as_metrics(metrics: str | Iterable[Metric | str]) -> tuple[Metric, ...]:
    """Metrics given as a list in one text, or one by one, parsed or not."""
    if isinstance(metrics, str):
        return parse_metrics(metrics)
    return tuple(parse_metric(metric) if isinstance(metric, str) else metric for metric in metrics)


def _split_list(text: str) -> list[str]:
    """Split at commas, except those within a list of thresholds (`AP@.3,.5`)."""
    items: list[str] = []
    for part in text.split(","):
        if items and "@" in items[-1] and "/" not in items[-1] and _is_number(part.partition("/")[0]):
            items[-1] += f",{part}"
        else:
            items.append(part)
    return items


def _is_number(text: str) -> bool:
    try:
        parse_numbers(text)
    except ValueError:
        return False
    return True


def parse_metric(text: str) -> Metric:
    """One metric; `DetevalError` (usage) names what is wrong with it."""
    text = text.strip()
    if text in COCO_METRICS:
        return COCO_METRICS[text]
    head, *qualifiers = _split_qualifiers(text)
    kind, at, thresholds = head.partition("@")
    base = Metric(kind)
    if kind in COCO_METRICS and kind not in KINDS:
        base = COCO_METRICS[kind]
        if at or any(not word.startswith("class=") for word in qualifiers):
            raise usage_error(f"metric {text!r}: {kind} is a COCO name and takes no qualifier but class")
    elif kind not in KINDS:
        raise usage_error(f"metric {text!r}: {kind!r} is not a metric{nearest(kind, [*KINDS, *COCO_METRICS])}")
    if at:
        base = replace(base, iou=_parse_thresholds(text, thresholds))
    for qualifier in qualifiers:
        base = _qualify(text, base, qualifier)
    return base


def _split_qualifiers(text: str) -> list[str]:
    """Split at slashes; a class name, which comes last, may hold slashes of its own."""
    before, found, name = text.partition("/class=")
    return [*before.split("/"), *([f"class={name}"] if found else [])]


def _parse_thresholds(text: str, thresholds: str) -> tuple[float, ...]:
    try:
        return tuple(sorted(set(parse_numbers(thresholds))))
    except ValueError as error:
        raise usage_error(f"metric {text!r}: {error}") from None


def _qualify(text: str, metric: Metric, qualifier: str) -> Metric:
    key, equals, value = qualifier.partition("=")
    keys = ["area", "max", "class", *(["score", "micro"] if metric.kind in COUNTED else [])]
    if key not in keys or bool(equals) == (key == "micro") or (equals and not value):
        hint = nearest(key, keys) or f"; {metric.kind} takes " + ", ".join(keys)
        raise usage_error(f"metric {text!r}: {qualifier!r} is not understood{hint}")
    try:
        if key == "area":
            return replace(metric, area=value)
        if key == "max":
            return replace(metric, max_dets=int(value))
        if key == "score":
            return replace(metric, score=parse_number(value))
    except ValueError:
        raise usage_error(f"metric {text!r}: {value!r} is not a number") from None
    return replace(metric, micro=True) if key == "micro" else replace(metric, category=value)


class Cell(Struct, frozen=True):
    """Where a metric is measured: positions among the run's thresholds and areas, a cap, a score cut or None."""

    thresholds: tuple[int, ...]
    area: int
    max_dets: int
    score: float | None


def resolve(metric: Metric, params: Params) -> Cell:
    """The cell that a metric names under these settings; `DetevalError` (usage) if it does not exist there."""
    if metric.alias is not None and not has_coco_cells(params):
        raise usage_error(
            f"metric {str(metric)!r} is defined under COCO's thresholds, areas and caps only; "
            f"write it out, as in {str(replace(metric, alias=None))!r}"
        )
    areas = [area.name for area in params.areas]
    area = areas[0] if metric.area is None else metric.area
    if area not in areas:
        raise usage_error(f"metric {str(metric)!r}: the run has no area range {area!r}, only {', '.join(areas)}")
    cap = params.max_dets[-1] if metric.max_dets is None else metric.max_dets
    if cap not in params.max_dets:
        caps = ", ".join(map(str, params.max_dets))
        raise usage_error(f"metric {str(metric)!r}: the run has no cap {cap}, only {caps}")
    return Cell(_threshold_positions(metric, params), areas.index(area), cap, metric.score)


def _threshold_positions(metric: Metric, params: Params) -> tuple[int, ...]:
    positions = []
    for threshold in params.iou if metric.iou is None else metric.iou:
        position = position_of(threshold, params.iou)
        if position is None:
            raise usage_error(
                f"metric {str(metric)!r}: the run has no IoU threshold {threshold_text(threshold)}, "
                f"only {thresholds_text(params.iou)}"
            )
        positions.append(position)
    return tuple(positions)
