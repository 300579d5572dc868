"""What a command was asked for, from options and YAML, all of it checked before a file is read."""

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from deteval.cli.options import relative_to, setting_values
from deteval.cli.output import make_look
from deteval.cli.targets import check_targets
from deteval.errors import nearest, usage_error
from deteval.loading.settings import SETTINGS, Settings, files_of, make_settings
from deteval.records.metric import COCO_METRICS, Metric, default_metrics, parse_metrics, resolve
from deteval.records.numbers import parse_numbers, position_of, threshold_text, thresholds_text

if TYPE_CHECKING:
    from deteval.records.params import Params
    from deteval.reports.layout import Look

EXTRA = ("images", "metrics", "per_class", "digits", "format", "threads")
"""Options that a score YAML may hold besides the settings."""


class Request(Struct, frozen=True):
    """Settings, what to report, and how."""

    settings: Settings
    metrics: tuple[Metric, ...]
    format: str
    per_class: str
    threads: int | None
    images: str | None
    look: "Look"
    detail: tuple[float, ...] = ()
    """IoU thresholds of the detail table, that of `--matches` first."""


def make_request(given: dict[str, Any], formats: tuple[str, ...], inputs: list[str],
                 params: "Params | None" = None) -> Request:
    """The request of a command line; `DetevalError` (usage) for anything that does not fit.

    params: those of the evidence, where it was matched before; by default the ones asked for.
    """
    held = setting_values({}, given.get("config"), EXTRA)
    values = held | setting_values(given, None, EXTRA)
    settings = make_settings({name: value for name, value in values.items() if name in SETTINGS})
    chosen = values.get("format", formats[0])
    if chosen not in formats:
        raise usage_error(f"format: {chosen!r} is not one of {', '.join(formats)}{nearest(str(chosen), list(formats))}")
    if chosen == "coco":
        from deteval.reports.machine import check_coco_format

        check_coco_format(settings.params)
    metrics = _metrics(values.get("metrics"), params or settings.params, chosen)
    listed = relative_to(given.get("config"), str(held["images"])) if held.get("images") else None
    images = given.get("images") or listed
    iou = float(given.get("matches_iou", 0.5))
    if given.get("matches") and position_of(iou, settings.params.iou) is None:
        raise usage_error(f"matches_iou: the run has no IoU threshold {threshold_text(iou)}, only "
                          f"{thresholds_text(settings.params.iou)}; give --matches-iou one of them")
    detail = _detail(given, settings)
    check_targets(given, [*inputs, *([listed] if listed else []), *files_of(held)])
    threads = values.get("threads")
    return Request(
        settings=settings, metrics=metrics, format=chosen, per_class=_per_class(str(values.get("per_class", "all"))),
        threads=None if threads is None else _whole("threads", threads, 1), images=images,
        look=make_look(_whole("digits", values.get("digits", 4), 0), given.get("output")),
        detail=detail,
    )


def _detail(given: dict[str, Any], settings: Settings) -> tuple[float, ...]:
    """The IoU thresholds of the detail table; refused (usage) if the run lacks one or nothing is saved."""
    of_matches = [float(given.get("matches_iou", 0.5))] if given.get("matches") else []
    if given.get("detail") is None:
        return tuple(of_matches)
    if not given.get("save_evidence"):
        raise usage_error("detail: belongs to saved evidence; give --save-evidence FILE too")
    try:
        asked = parse_numbers(given["detail"])
    except ValueError as error:
        raise usage_error(f"detail: {error}") from None
    positions = dict.fromkeys(position_of(iou, settings.params.iou) for iou in of_matches)
    for iou in asked:
        position = position_of(iou, settings.params.iou)
        if position is None:
            raise usage_error(f"detail: the run has no IoU threshold {threshold_text(iou)}, only "
                              f"{thresholds_text(settings.params.iou)}")
        positions[position] = None
    return tuple(settings.params.iou[position] for position in positions if position is not None)


def _metrics(asked: Any, params: "Params", chosen: str) -> tuple[Metric, ...]:
    if chosen == "coco":
        return tuple(COCO_METRICS.values())
    metrics = default_metrics(params)
    if asked is not None:
        metrics = parse_metrics(",".join(asked) if isinstance(asked, list) else str(asked))
    for metric in metrics:
        resolve(metric, params)
    return metrics


def _per_class(text: str) -> str:
    word, colon, number = text.partition(":")
    if text in ("all", "none") or (word == "worst" and colon and number.isdigit() and int(number) > 0):
        return text
    raise usage_error(f"per_class: {text!r} is not all, none or worst:N")


def _whole(name: str, value: Any, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise usage_error(f"{name}: {value!r} is not a whole number of at least {low}")
    return value
