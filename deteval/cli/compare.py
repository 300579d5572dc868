"""`deteval compare`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from deteval.cli.options import (
    CONFIG,
    HTML,
    IMAGES,
    OUTPUT,
    READING,
    RESAMPLING,
    SETTINGS,
    THREADS,
    options,
    resampling_values,
    wants_page,
)

if TYPE_CHECKING:
    from deteval.cli.request import Request
    from deteval.records.comparison import Comparisons
    from deteval.records.dataset import Images, Ints
    from deteval.records.resampling import Resampling
    from deteval.records.run import Boxes, Run
    from deteval.reports.compare_table import Show

FORMATS = ("table", "json", "csv", "markdown")

EPILOG = """\b
Examples:
  deteval compare base.json new.json --gt gt.json
  deteval compare base.evidence.npz new.evidence.npz --per-class worst:10
  deteval compare base.json new-a.json new-b.json --gt gt.json --metrics AP,AP50
  deteval compare base.json new.json --gt gt.json --cluster-by video_id --power
  deteval compare base.json new.json --gt gt.json --slices slices.yaml
  deteval compare base.json new.json --gt gt.json --replicates 0

Exit codes: 0 compared, whatever came out, 2 usage or a file that cannot be
opened, 3 input content invalid or nothing evaluable, 4 no verdict: other data,
settings or allowances, or fewer than 10 images or clusters.
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="BASE NEW...")
@click.option("--gt", "ground_truth", metavar="GT", help="The ground truth of predictions; evidence needs none.")
@options(SETTINGS, READING, CONFIG, IMAGES)
@click.option("--metrics", metavar="LIST",
              help="What to compare, as AP,AP50,F1@.5/score=0.25; classes by the first. "
                   "[default: the twelve COCO numbers, or AP,AR under other settings]")
@click.option("--slices", metavar="FILE.yaml", help="Named sets of images, each compared like the whole.")
@options(RESAMPLING)
@click.option("--power", is_flag=True, help="Show the smallest drop that each metric and class could have shown.")
@click.option("--format", "format", metavar="|".join(FORMATS), help="[default: table]")
@click.option("--per-class", metavar="all|worst:N|none", help="Classes in table and markdown. [default: all]")
@click.option("--sort", metavar="difference|name|n_gt", default="difference", show_default=True,
              help="Order of the classes.")
@click.option("--hide", metavar="0.2pt", help="Hide classes with a smaller difference: points, or on the 0 to 1 scale.")
@click.option("--digits", type=click.IntRange(0, 17), metavar="N", help="Decimals in table and markdown. [default: 4]")
@options(HTML, THREADS, OUTPUT)
def compare(files: tuple[str, ...], **given: Any) -> int:
    """Is NEW better or worse than BASE, and could chance alone have done it?

    Each is a prediction file, or evidence that `deteval score` saved. All are measured on the same random draws of
    images; differences come with intervals, and words say what is proven and what is not. With --replicates 0 there are
    differences only.
    """
    from deteval.cli.output import deliver, progress, remark
    from deteval.errors import UNDECIDABLE
    from deteval.reports.compare_words import explanation
    from deteval.studies.compare import compare as run

    if len(files) < 2:
        raise click.UsageError(f"a base and at least one new model are needed, BASE NEW...; {len(files)} given")
    show, resampling = _show(given), _resampling(given)
    sets = _read_slices(given["slices"])
    request, models = _read(files, given, with_fields=bool(given["slices"] or given["cluster_by"]))
    runs = [run for run, _ in models]
    images = next((one.evidence.images for one in runs if one.evidence.images.fields), runs[0].evidence.images)
    with progress("resampling", given["quiet"]) as report:
        result = run(runs[0], runs[1:], request.metrics, resampling=resampling, slices=sets(images),
                     threads=request.threads, progress=report)
    _refuse_undefined(result)
    _remark_findings(result, given["quiet"])
    deliver(_render(result, request, show), given["output"], given["quiet"])
    if request.format in ("json", "csv"):
        for text in [*explanation(result), *(f"warning: {text}" for text in result.remarks)]:
            remark(text, given["quiet"])
    if given["html"] is not None:
        from deteval.cli.page import deliver_compare

        deliver_compare(result, models, given, sets(images), request.threads, request.look.digits)
    judged = any(one.differs is not None or one.identical for each in result.comparisons for one in each.whole.metrics)
    return 0 if judged or resampling is None else UNDECIDABLE


def _resampling(given: dict[str, Any]) -> "Resampling | None":
    """How to test; None for `--replicates 0`, which no option of testing goes with."""
    from deteval.errors import usage_error
    from deteval.records.resampling import LEAST_REPLICATES, MOST_REPLICATES, Resampling

    values = resampling_values(given)
    replicates = values.get("replicates", LEAST_REPLICATES)
    if replicates and not LEAST_REPLICATES <= replicates <= MOST_REPLICATES:
        raise usage_error(f"replicates: {replicates} is neither 0, which shows differences without intervals, nor a "
                          f"whole number from {LEAST_REPLICATES} to {MOST_REPLICATES:,}")
    if replicates:
        return Resampling(**values)
    for name in ("seed", "alpha", "correct", "cluster_by", "power"):
        if given[name] is not None and given[name] is not False:
            raise usage_error(f"{name.replace('_', '-')}: there is nothing to resample with --replicates 0; leave one "
                              "of the two away")
    return None


def _refuse_undefined(result: "Comparisons") -> None:
    """As `deteval score` does, stop (input) where not one metric is defined."""
    from deteval.errors import DetevalError

    metrics = result.comparisons[0].whole.metrics
    if metrics and all(one.base is None and one.new is None for one in metrics):
        raise DetevalError(f"every requested metric is undefined: {metrics[0].reason}")


def _read(files: tuple[str, ...], given: dict[str, Any], with_fields: bool,
          ) -> "tuple[Request, list[tuple[Run, Boxes | None]]]":
    """What was asked for, checked before any work, and the models."""
    from deteval.cli.models import all_evidence, read_with_boxes, refuse_settings
    from deteval.cli.output import remark_kernels
    from deteval.cli.request import make_request
    from deteval.cli.targets import check_targets
    from deteval.loading.settings import make_settings

    models, truth = [(file,) for file in files], given["ground_truth"]
    check_targets(given, files)
    page = wants_page(given)
    if all_evidence(models):
        refuse_settings(given)
        found = read_with_boxes(models, truth, make_settings({}))
        return make_request(given, FORMATS, list(files), found[0][0].evidence.params), found
    if truth is None:
        raise click.UsageError("predictions need their ground truth, --gt GT; evidence of `deteval score "
                               "--save-evidence` would not")
    request = make_request(given, FORMATS, list(files))
    remark_kernels(given["quiet"])
    found = read_with_boxes(models, truth, request.settings, images=request.images, image_fields=with_fields,
                            detail=_detail(request) if page else (), threads=request.threads)
    keeps_boxes = given["images_dir"] is not None  # else they would hold a fifth of the memory until the page is made
    return request, found if keeps_boxes else [(run, None) for run, _ in found]


def _detail(request: "Request") -> tuple[float, ...]:
    """Where the page tells kinds of change."""
    from deteval.cli.page import page_iou

    return (page_iou(request.settings.params),)


def _read_slices(path: str | None) -> "Callable[[Images], dict[str, Ints]]":
    """From images to the positions of each slice; the file is read, and refused, before any work."""
    if path is None:
        return lambda images: {}
    from deteval.loading.slices import read_slices, select

    rules = read_slices(path)
    return lambda images: {name: select(rule, images) for name, rule in rules.items()}


def _show(given: dict[str, Any]) -> "Show":
    from deteval.errors import nearest, usage_error
    from deteval.records.gate import metric_tolerance
    from deteval.reports.compare_table import SORTS, Show

    if given["sort"] not in SORTS:
        raise usage_error(f"sort: {given['sort']!r} is not one of {', '.join(SORTS)}"
                          f"{nearest(given['sort'], list(SORTS))}")
    try:
        hide = None if given["hide"] is None else metric_tolerance(given["hide"])
    except ValueError as error:
        raise usage_error(f"hide: {error}") from None
    if hide is not None and hide.relative:
        raise usage_error(f"hide: {hide.text!r} is a share; give points as 0.2pt, or a number in [0, 1)")
    return Show(sort=given["sort"], hide=None if hide is None else hide.amount, power=given["power"])


def _remark_findings(result: "Comparisons", quiet: bool) -> None:
    """What is suspicious in the input, on stderr; once where every model has it."""
    from deteval.cli.output import remark_findings
    from deteval.records.findings import NOTE

    first = result.comparisons[0]
    models: Sequence[Any] = [first.base, *(one.new for one in result.comparisons)]
    found = dict.fromkeys(finding for model in models for finding in model.findings if finding.severity != NOTE)
    remark_findings(list(found), (), quiet)


def _render(result: "Comparisons", request: "Request", show: "Show") -> str:
    """The report in the format asked for; only its file is imported."""
    from msgspec.structs import replace

    show = replace(show, per_class=request.per_class)
    if request.format == "table":
        from deteval.reports.compare_table import render_table

        return render_table(result, request.look, show)
    if request.format == "markdown":
        from deteval.reports.compare_markdown import render_markdown

        return render_markdown(result, request.look, show)
    if request.format == "csv":
        from deteval.reports.compare_csv import render_csv

        return render_csv(result)
    from deteval.reports.machine import render_json

    return render_json(result.to_dict())
