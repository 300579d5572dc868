"""`deteval operating-points`."""

from typing import TYPE_CHECKING, Any

import click

from deteval.cli.options import (
    CONFIG,
    HTML_ALONE,
    IMAGES,
    OUTPUT,
    READING,
    RESAMPLING_OF_ONE,
    SETTINGS_BUT_IOU,
    THREADS,
    options,
    resampling_values,
    wants_page,
)

if TYPE_CHECKING:
    from deteval.cli.request import Request
    from deteval.records.criterion import Criterion
    from deteval.records.operating_points import OperatingPoints, Splits
    from deteval.records.resampling import Resampling
    from deteval.records.run import Run

FORMATS = ("table", "json", "csv", "markdown", "yaml")
IOU = 0.5

EPILOG = """\b
Examples:
  deteval operating-points preds.json gt.json
  deteval operating-points preds.json gt.json --target precision=0.9
  deteval operating-points preds.json gt.json --beta 2 --ci --stability
  deteval operating-points run.evidence.npz --iou .75 --format json
  deteval operating-points preds.json gt.json --format yaml -o points.yaml

points.yaml is what --operating-points of score, compare, gate and sweep takes.

\b
Exit codes: 0 done, whether targets are reached or not, 2 usage or a file that
cannot be opened, 3 input content invalid or nothing evaluable.
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="PREDS... GT|EVIDENCE")
@click.option("--beta", type=float, metavar="B",
              help="Choose by the largest F-measure that weighs recall B times as much as precision. [default: 1]")
@click.option("--target", metavar="precision=X|recall=X",
              help="Choose the lowest score that reaches a precision, or the highest that reaches a recall.")
@click.option("--lrp", is_flag=True, help="Choose by the smallest LRP error, which looks at how well boxes fit, too.")
@click.option("--iou", metavar="T", help="The threshold at which a detection is a true positive. [default: .5]")
@click.option("--ci", is_flag=True, help="What the cuts are worth on new images, with bootstrap intervals.")
@click.option("--stability", is_flag=True,
              help="Choose on one half of the images, measure on the other, many times: what are the cuts worth?")
@click.option("--splits", type=int, metavar="N", help="How often --stability splits. [default: 100]")
@options(RESAMPLING_OF_ONE, SETTINGS_BUT_IOU, READING, CONFIG, IMAGES)
@click.option("--format", "format", metavar="|".join(FORMATS), help="[default: table]")
@click.option("--per-class", metavar="all|worst:N|none", help="Classes in table and markdown. [default: all]")
@click.option("--digits", type=click.IntRange(0, 17), metavar="N",
              help="Decimals in table, markdown and comments. [default: 4]")
@click.option("--cuts", metavar="own|one",
              help="With --format yaml: a cut for each class, or one for all. [default: own]")
@options(HTML_ALONE, THREADS, OUTPUT)
def operating_points(files: tuple[str, ...], **given: Any) -> int:
    """At which score should detections of PREDS be kept, per class and over all?

    PREDS are COCO results on the ground truth GT, or evidence that `deteval score` saved. The first area range and the
    largest cap count. Equal scores are kept or dropped together.
    """
    from deteval.cli.output import deliver, progress, remark, remark_findings
    from deteval.cli.targets import check_targets
    from deteval.errors import DetevalError
    from deteval.reports.operating_words import explanation, file_gaps
    from deteval.studies.operating_points import operating_points as choose

    check_targets(given, files)
    page = wants_page(given)
    criterion, (resampling, splits), cuts = _criterion(given), _uncertainty(given), _cuts(given)
    request, run, iou = _read(files, given, criterion)
    with progress("choosing", given["quiet"]) as report:
        points = choose(run, criterion, iou=iou, resampling=resampling, splits=splits, threads=request.threads,
                        progress=report)
    if not points.n_gt:
        raise DetevalError("nothing to choose by: the ground truth holds no object that counts of the images, classes "
                           "and areas asked for")
    deliver(_render(points, request, cuts), given["output"], given["quiet"])
    if request.format in ("json", "csv", "yaml") or given["output"]:
        for text in [*explanation(points, request.look, cuts), *(f"warning: {text}" for text in points.remarks)]:
            remark(text, given["quiet"])
        for text in file_gaps(points, cuts) if request.format == "yaml" else ():
            remark(text, quiet=False)  # the file is not what was asked for
        remark_findings(points.findings, (), given["quiet"])
    if page:
        from deteval.cli.page import deliver_operating_points

        deliver_operating_points(points, run, given, request.threads, request.look.digits)
    return 0


def _criterion(given: dict[str, Any]) -> "Criterion":
    from deteval.errors import usage_error
    from deteval.records.criterion import LRP, Criterion, parse_target

    asked = [name for name in ("beta", "target", "lrp") if given[name] not in (None, False)]
    if len(asked) > 1:
        raise usage_error(f"{asked[1]}: --{asked[0]} and --{asked[1]} choose by different things; give one of them")
    if given["target"] is not None:
        return parse_target(given["target"])
    return Criterion(LRP) if given["lrp"] else Criterion(beta=1.0 if given["beta"] is None else given["beta"])


def _uncertainty(given: dict[str, Any]) -> "tuple[Resampling | None, Splits | None]":
    """Intervals and splits, where they are asked for; an option of what is not asked for is refused (usage)."""
    from deteval.errors import usage_error
    from deteval.records.operating_points import Splits
    from deteval.records.resampling import Resampling

    owners = {"replicates": ("ci",), "alpha": ("ci",), "splits": ("stability",), "seed": ("ci", "stability"),
              "cluster_by": ("ci", "stability")}
    for name, needed in owners.items():
        if given[name] is not None and not any(given[one] for one in needed):
            raise usage_error(f"{name}: belongs to {' or '.join(f'--{one}' for one in needed)}, which is not given")
    values = resampling_values(given)
    shared = {name: values[name] for name in ("seed", "cluster_by") if name in values}
    count = {} if given["splits"] is None else {"count": given["splits"]}
    return (Resampling(**values) if given["ci"] else None), (Splits(**count, **shared) if given["stability"] else None)


def _cuts(given: dict[str, Any]) -> str:
    """Which cuts YAML holds; refused for other formats, which show both (usage)."""
    from deteval.errors import nearest, usage_error
    from deteval.records.operating_points import ONE, OWN

    if given["cuts"] is None:
        return OWN
    if given["cuts"] not in (OWN, ONE):
        raise usage_error(f"cuts: {given['cuts']!r} is not one of own, one{nearest(given['cuts'], [OWN, ONE])}")
    if given["format"] != "yaml":
        raise usage_error("cuts: belongs to --format yaml; the other formats show own cuts and one for all")
    return str(given["cuts"])


def _read(files: tuple[str, ...], given: dict[str, Any], criterion: "Criterion") -> "tuple[Request, Run, float]":
    """What was asked for, checked before any work, the model, and the IoU threshold."""
    from msgspec.structs import replace

    from deteval.cli.models import all_evidence, read_models, refuse_settings
    from deteval.cli.options import split_files
    from deteval.cli.output import remark_kernels
    from deteval.cli.request import make_request
    from deteval.loading.settings import make_settings
    from deteval.records.criterion import LRP

    iou = _threshold(given["iou"], criterion)
    alone = {**given, "iou": None, "metrics": "AP"}  # a YAML may ask for metrics that this threshold lacks
    if len(files) == 1 and all_evidence([files]):
        refuse_settings(alone)
        run = read_models([files], None, make_settings({}))[0]
        return make_request(alone, FORMATS, list(files), run.evidence.params), run, iou
    predictions, truth = split_files(files)
    request = make_request({**alone, "iou": repr(iou)}, FORMATS, list(files))
    params = request.settings.params
    params = replace(params, areas=params.areas[:1], max_dets=params.max_dets[-1:], notes=())
    remark_kernels(given["quiet"])
    run = read_models([predictions], truth, replace(request.settings, params=params), images=request.images,
                      image_fields=given["cluster_by"] is not None, detail=(iou,) if criterion.kind == LRP else (),
                      threads=request.threads)[0]
    return request, run, iou


def _threshold(text: str | None, criterion: "Criterion") -> float:
    """The IoU threshold, a single one."""
    from deteval.errors import usage_error
    from deteval.records.criterion import LRP, NEAR_ONE
    from deteval.records.numbers import parse_number

    try:
        iou = IOU if text is None else parse_number(text)
    except ValueError:
        raise usage_error(f"iou: {text!r} is not one number; a cut is chosen at a single threshold, as .5") from None
    if criterion.kind == LRP and iou >= 1 - NEAR_ONE:
        raise usage_error("iou: the LRP error needs a threshold below 1, as it divides by 1 - IoU")
    return iou


def _render(points: "OperatingPoints", request: "Request", cuts: str) -> str:
    """The report in the format asked for; only its file is imported."""
    if request.format == "table":
        from deteval.reports.operating_table import render_table

        return render_table(points, request.look, request.per_class)
    if request.format == "markdown":
        from deteval.reports.operating_markdown import render_markdown

        return render_markdown(points, request.look, request.per_class)
    if request.format == "csv":
        from deteval.reports.operating_csv import render_csv

        return render_csv(points)
    if request.format == "yaml":
        from deteval.reports.operating_yaml import render_yaml

        return render_yaml(points, request.look, cuts)
    from deteval.reports.machine import render_json

    return render_json(points.to_dict())
