"""`deteval explain`."""

from typing import TYPE_CHECKING, Any

import click

from deteval.cli.options import CONFIG, HTML, IMAGES, OUTPUT, READING, SETTINGS_BUT_IOU, THREADS, options, wants_page

if TYPE_CHECKING:
    from deteval.cli.explain_request import ExplainRequest
    from deteval.records.diagnosis import Diagnosis
    from deteval.records.explanation import Explanation

FORMATS = ("table", "json", "markdown")

EPILOG = """\b
Examples:
  deteval explain preds.json gt.json
  deteval explain new.json gt.json --base base.json
  deteval explain new.evidence.npz --base base.evidence.npz --by class
  deteval explain new.json gt.json --base base.json --slices slices.yaml --ids worst.txt
  deteval explain preds.json gt.json --by confusion --operating-points points.yaml

Exit codes: 0 explained, 2 usage or a file that cannot be opened, 3 input
content invalid or nothing evaluable, 4 the models do not compare: other data,
settings or allowances.
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="PREDS... GT|EVIDENCE")
@click.option("--base", metavar="FILE", help="A model to compare with, predictions or evidence: why is PREDS better or "
                                             "worse than it?")
@click.option("--iou", metavar="T", help="The threshold at which errors and kinds of change are told. [default: .5]")
@click.option("--metric", metavar="NAME", help="With --base: the AP to explain, as AP50 or AP/class=person. "
                                               "[default: AP]")
@click.option("--by", metavar="PART", help="Show one part only, and longer. With --base: class, image, kind or slice; "
                                           "else class, image, kind, size, confusion, suspects or calibration.")
@click.option("--top", type=click.IntRange(min=1), metavar="N",
              help="Rows of each part, the largest. [default: 10, with --by 100]")
@click.option("--slices", metavar="FILE.yaml", help="With --base: named sets of images, and what each adds.")
@click.option("--ids", metavar="FILE", help="Also write the ids of the images that are listed, worst first, for "
                                            "--images or a viewer.")
@options(SETTINGS_BUT_IOU, READING, CONFIG, IMAGES)
@click.option("--format", "format", metavar="|".join(FORMATS), help="[default: table]")
@click.option("--digits", type=click.IntRange(0, 17), metavar="N", help="Decimals in table and markdown. [default: 4]")
@options(HTML, THREADS, OUTPUT)
def explain(files: tuple[str, ...], **given: Any) -> int:
    """Why is the AP of PREDS on the ground truth GT what it is, and what would better it?

    Errors by kind and what each costs, classes taken for others, suspicious labels, calibration, the worst images. With
    --base: why AP changed, by class, image and kind of change. EVIDENCE that `deteval score` saved with `--detail .5`
    does in place of predictions.
    """
    from deteval.cli.explain_request import explained, read_models_to_explain
    from deteval.cli.output import deliver, remark, remark_findings

    page = wants_page(given)
    request, models = read_models_to_explain(files, given, FORMATS)
    result = explained(request, models)
    text = _render(result, request)
    _remark_findings(result, request, remark_findings)
    if request.ids is not None:
        _write_ids(result, request)
    deliver(text, given["output"], given["quiet"])
    if request.format == "json" or given["output"]:
        for line in result.remarks:
            remark(line, given["quiet"])
    if page:
        from deteval.cli.page import deliver_explain

        deliver_explain(result, models, given, request.look.digits)
    return 0


def _remark_findings(result: "Diagnosis | Explanation", request: "ExplainRequest", say: Any) -> None:
    """What is suspicious in the input, on stderr where the report does not show it; once where both models have it."""
    from deteval.records.explanation import Explanation
    from deteval.records.findings import NOTE

    if isinstance(result, Explanation):
        found = dict.fromkeys(one for model in (result.base, result.new) for one in model.findings
                              if one.severity != NOTE)
        say(list(found), (), request.quiet)
    elif request.format == "json" or request.output:
        say(result.findings, (), request.quiet)


def _write_ids(result: "Diagnosis | Explanation", request: "ExplainRequest") -> None:
    from deteval.cli.output import remark
    from deteval.reports.image_ids import ids_text, listed_ids
    from deteval.reports.writer import write_file

    ids = listed_ids(result, request.by)
    assert request.ids is not None
    write_file(request.ids, [ids_text(ids)])
    remark(f"wrote {request.ids}" + ("" if ids else ", which is empty: there is no image to list"), request.quiet)


def _render(result: "Diagnosis | Explanation", request: "ExplainRequest") -> str:
    """The report in the format asked for; only its file is imported."""
    from deteval.records.explanation import Explanation

    if request.format == "json":
        from deteval.reports.machine import render_json

        return render_json(result.to_dict())
    if isinstance(result, Explanation):
        from deteval.reports.explanation_rows import explanation_sheet

        sheet = explanation_sheet(result, request.look, request.by, request.top)
    else:
        from deteval.reports.diagnosis_rows import diagnosis_sheet

        sheet = diagnosis_sheet(result, request.look, request.by, request.top)
    if request.format == "markdown":
        from deteval.reports.sheet_markdown import render_markdown

        return render_markdown(sheet)
    from deteval.reports.sheet_table import render_table

    return render_table(sheet, request.look)
