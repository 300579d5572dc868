"""`deteval sweep`."""

from typing import TYPE_CHECKING, Any

import click

from deteval.cli.options import HTML_ALONE, IMAGES, OUTPUT, READING, SETTINGS, THREADS, options, wants_page

if TYPE_CHECKING:
    from deteval.cli.sweep_request import SweepRequest
    from deteval.records.sweep import Sweep

FORMATS = ("table", "json", "csv", "markdown")

EPILOG = """\b
Examples:
  deteval sweep sweep.yaml
  deteval sweep sweep.yaml --dry-run
  deteval sweep sweep.yaml --format csv -o sweep.csv
  deteval sweep sweep.yaml --iou .5 --metrics F1,precision,recall

Exit codes: 0 swept, or planned with --dry-run, 2 usage, configuration or a file
that cannot be opened, 3 input content invalid or nothing evaluable.
"""


@click.command(epilog=EPILOG)
@click.argument("config", metavar="CONFIG")
@click.option("--gt", "ground_truth", metavar="GT", help="The ground truth, in place of that of CONFIG.")
@options(SETTINGS, READING, IMAGES)
@click.option("--metrics", metavar="LIST",
              help="What to measure at every point, in place of the metrics of CONFIG. [default: AP,AR]")
@click.option("--dry-run", is_flag=True, help="Say how many points there are and what each axis costs, and stop.")
@click.option("--yes", is_flag=True, help="Sweep more than 100,000 points, too.")
@click.option("--format", "format", metavar="|".join(FORMATS), help="[default: table]")
@click.option("--digits", type=click.IntRange(0, 17), metavar="N", help="Decimals in table and markdown. [default: 4]")
@options(HTML_ALONE, THREADS, OUTPUT)
def sweep(config: str, **given: Any) -> int:
    """Measure models at every point of a grid of settings, which the YAML file CONFIG spans.

    An axis is an option of score with several values. IoU thresholds, area ranges, caps and score cuts share one
    match; another similarity or NMS is one more. An option given here takes the place of a setting or an axis of
    CONFIG. See configs/sweep.yaml.
    """
    from deteval.cli.output import deliver, progress, remark, remark_kernels
    from deteval.cli.sweep_request import MOST_POINTS, make_sweep_request, placed

    request = make_sweep_request(config, given, FORMATS)
    page = wants_page(given)
    for name in (name for name in request.config.settings if name in request.config.axes):
        remark(f"note: {name}: the axis takes the place of the setting of that name", given["quiet"])
    if given["dry_run"]:
        from deteval.reports.sweep_plan import render_plan

        text = render_plan(request.plan, list(request.predictions), MOST_POINTS, request.look)
        deliver(text, given["output"], given["quiet"])
        return 0
    from deteval.cli.sweep_models import read_models
    from deteval.errors import DetevalError
    from deteval.studies.sweep import check_classes
    from deteval.studies.sweep import sweep as run

    remark_kernels(given["quiet"])
    truth, models, images = read_models(request)
    try:
        check_classes(request.plan, truth)
    except DetevalError as error:
        raise placed(request.config, error, given) from None
    with progress("sweeping", given["quiet"]) as report:
        result = run(truth, models, request.plan, images=images, threads=request.threads,
                     reading=request.settings.reading_values, progress=report)
    deliver(_render(result, request), given["output"], given["quiet"])
    if request.format in ("json", "csv") or given["output"]:
        _remark_words(result, request, given["quiet"])
    _remark_findings(result, given["quiet"])
    if page:
        from deteval.cli.page import deliver_page
        from deteval.reports.page.sweep_page import sweep_page

        deliver_page(sweep_page(result, request.look.digits), given["html"], given["quiet"])
    return 0


def _remark_findings(result: "Sweep", quiet: bool) -> None:
    """What is suspicious in the input, once, with the models that have it unless all have or it names their file."""
    from msgspec.structs import replace

    from deteval.cli.output import remark_findings
    from deteval.records.findings import NOTE

    files = [one.path for model in result.models for one in model.inputs]
    found = []
    for finding, names in result.findings.items():
        if finding.severity != NOTE:
            named = len(names) == len(result.models) or any(path in finding.message for path in files)
            found.append(finding if named else replace(finding, message=f"{', '.join(names)}: {finding.message}"))
    remark_findings(found, (), quiet)


def _remark_words(result: "Sweep", request: "SweepRequest", quiet: bool) -> None:
    """The best points, where the report holds numbers only or goes to a file."""
    from deteval.cli.output import remark
    from deteval.reports.sweep_words import explanation

    for line in explanation(result, request.look):
        remark(line, quiet)


def _render(result: "Sweep", request: "SweepRequest") -> str:
    """The report in the format asked for; only its file is imported."""
    if request.format == "table":
        from deteval.reports.sweep_table import render_table

        return render_table(result, request.look)
    if request.format == "markdown":
        from deteval.reports.sweep_markdown import render_markdown

        return render_markdown(result, request.look)
    if request.format == "csv":
        from deteval.reports.sweep_csv import render_csv

        return render_csv(result)
    from deteval.reports.sweep_json import render_sweep

    return render_sweep(result)
