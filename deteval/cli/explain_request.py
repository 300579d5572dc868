"""What `deteval explain` was asked for, and the result; everything that can be refused early is."""

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from deteval.cli.models import all_evidence, read_with_boxes, refuse_settings
from deteval.cli.options import split_files
from deteval.cli.output import remark_kernels
from deteval.cli.request import make_request
from deteval.cli.targets import check_targets
from deteval.errors import DetevalError, nearest, usage_error
from deteval.loading.settings import make_settings
from deteval.records.metric import parse_metric
from deteval.records.numbers import parse_number, position_of, threshold_text, thresholds_text

if TYPE_CHECKING:
    from deteval.cli.request import Request
    from deteval.loading.slices import SliceRule
    from deteval.records.diagnosis import Diagnosis
    from deteval.records.explanation import Explanation
    from deteval.records.params import Params
    from deteval.records.run import Boxes, Run
    from deteval.reports.layout import Look

    Model = tuple[Run, Boxes | None]

IOU = 0.5
TOP, TOP_OF_ONE = 10, 100
OF_CHANGE = ("class", "image", "kind", "slice")
OF_MODEL = ("class", "image", "kind", "size", "confusion", "suspects", "calibration")
"""Parts that `--by` names, with a base and without."""
AP_KIND = "AP"


class ExplainRequest(Struct, frozen=True):
    """What to tell of the models, and how.

    by: the one part to show, "" for all. slices: rules by name. ids: the file for image ids.
    """

    metric: str
    iou: float
    by: str
    top: int
    slices: "dict[str, SliceRule]"
    ids: str | None
    format: str
    threads: int | None
    look: "Look"
    output: str | None
    quiet: bool


def read_models_to_explain(files: tuple[str, ...], given: dict[str, Any], formats: tuple[str, ...],
                           ) -> "tuple[ExplainRequest, list[Model]]":
    """What was asked for, checked before any work, and the models, the base first; `DetevalError` (usage) for anything
    that does not fit.
    """
    base, by = given["base"], _part(given["by"], given["base"])
    for name in ("metric", "slices"):
        if given[name] is not None and base is None:
            raise usage_error(f"{name}: belongs to --base, which is not given")
    if by == "slice" and given["slices"] is None:
        raise usage_error("by: slices are named in a file, --slices FILE.yaml")
    alone = {**given, "iou": None, "metrics": _metric(given["metric"])}  # thresholds of a config are the run's
    check_targets(given, files)
    bases = [] if base is None else [(base,)]
    if len(files) == 1 and all_evidence([files, *bases]):
        refuse_settings(alone)
        found = read_with_boxes([*bases, files], None, make_settings({}))
        params = found[-1][0].evidence.params
        return _request(alone, given, by, make_request(alone, formats, list(files), params), params), found
    if len(files) == 1 and all_evidence([files]):
        raise usage_error(f"{base}: predictions need a ground truth, EVIDENCE GT --base BASE; evidence would not")
    predictions, truth = split_files(files)
    if all_evidence([predictions, *bases]):
        raise usage_error(f"{truth}: evidence needs no ground truth, and holds what it was matched with")
    request = make_request(alone, formats, list(files))
    ours = _request(alone, given, by, request, request.settings.params)
    remark_kernels(given["quiet"])
    return ours, read_with_boxes([*bases, predictions], truth, request.settings, images=request.images,
                                 image_fields=bool(ours.slices), detail=(ours.iou,), threads=request.threads)


def _request(alone: dict[str, Any], given: dict[str, Any], by: str, request: "Request", params: "Params",
             ) -> ExplainRequest:
    return ExplainRequest(
        metric=alone["metrics"], iou=_threshold(given["iou"], params), by=by,
        top=given["top"] or (TOP_OF_ONE if by else TOP), slices=_slices(given["slices"]), ids=given["ids"],
        format=request.format, threads=request.threads, look=request.look, output=given["output"],
        quiet=given["quiet"])


def _part(by: str | None, base: str | None) -> str:
    """The part that is asked for."""
    if by is None:
        return ""
    parts, others = (OF_MODEL, OF_CHANGE) if base is None else (OF_CHANGE, OF_MODEL)
    if by in parts:
        return by
    if by in others:
        raise usage_error(f"by: {by} is told of " + ("a change, give --base FILE; of one model: " if base is None else
                                                     "one model, without --base; of a change: ") + ", ".join(parts))
    raise usage_error(f"by: {by!r} is not one of {', '.join(parts)}{nearest(by, list(parts))}")


def _metric(text: str | None) -> str:
    """The metric whose difference is explained."""
    metric = parse_metric(AP_KIND if text is None else text)
    if metric.kind != AP_KIND:
        raise usage_error(f"metric: {metric} is no AP, and only differences of AP are shared out; give one as AP, AP50 "
                          "or AP/area=small")
    return str(metric)


def _threshold(text: str | None, params: "Params") -> float:
    """The IoU threshold at which errors are told, one of the run's."""
    try:
        iou = IOU if text is None else parse_number(text)
    except ValueError:
        raise usage_error(f"iou: {text!r} is not one number; errors are told at a single threshold, as .5") from None
    place = position_of(iou, params.iou)
    if place is None:
        raise usage_error(f"iou: the run has no IoU threshold {threshold_text(iou)}, only {thresholds_text(params.iou)}"
                          "; give one of these, or other thresholds to the run (`iou:` in a --config)")
    return params.iou[place]


def _slices(path: str | None) -> "dict[str, SliceRule]":
    if path is None:
        return {}
    from deteval.loading.slices import read_slices

    return read_slices(path)


def explained(request: ExplainRequest, found: "list[Model]") -> "Diagnosis | Explanation":
    """What there is to say of a model, or of two, the base first; `DetevalError` (input) where AP is undefined."""
    run, boxes = found[-1]
    if len(found) == 1:
        from deteval.studies.diagnose import diagnose

        diagnosis = diagnose(run, iou=request.iou, boxes=boxes, top=request.top, threads=request.threads)
        if not diagnosis.n_gt:
            raise DetevalError("nothing to explain: the ground truth holds no object that counts of the images, "
                               "classes and areas asked for")
        return diagnosis
    from deteval.loading.slices import select
    from deteval.studies.explain import explain

    images = next((one.evidence.images for one, _ in found if one.evidence.images.fields), run.evidence.images)
    slices = {name: select(rule, images) for name, rule in request.slices.items()}
    result = explain(found[0][0], run, request.metric, iou=request.iou, top=request.top, slices=slices,
                     boxes=(found[0][1], boxes), threads=request.threads)
    if result.difference is None:
        raise DetevalError(f"{result.metric} is undefined: no object counts for it; there is nothing to explain")
    return result
