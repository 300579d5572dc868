"""`deteval check`."""

from typing import Any

import click

from deteval.cli.options import CONFIG, IMAGES, OUTPUT, READING, SETTINGS, THREADS, options

FORMATS = ("table", "json")

EPILOG = """\b
Examples:
  deteval check preds.json gt.json
  deteval check gt.json
  deteval check preds.json gt.json --strict --format json

Exit codes: 0 no error was found, 2 usage or a file that cannot be opened, 3 an
error was found (with --strict: an error or a warning).
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="[PREDS...] GT")
@options(SETTINGS, READING, CONFIG, IMAGES)
@click.option("--format", "format", metavar="|".join(FORMATS), help="[default: table]")
@click.option("--strict", is_flag=True, help="Exit 3 on warnings too.")
@options(THREADS, OUTPUT)
def check(files: tuple[str, ...], strict: bool, **given: Any) -> int:
    """Everything that is wrong or suspicious in PREDS and GT, or in GT alone, all at once.

    The findings are those of `deteval score`, which stops on the errors among them.
    """
    from deteval.cli.output import deliver, remark_kernels
    from deteval.cli.request import make_request
    from deteval.errors import INPUT
    from deteval.records.findings import ERROR, WARNING
    from deteval.reports.findings import findings_dict, findings_report
    from deteval.reports.machine import render_json
    from deteval.studies.check import find

    request = make_request(given, FORMATS, list(files))
    remark_kernels(given["quiet"])
    findings = find(files[:-1], files[-1], request.settings.params, request.settings.reading, images=request.images,
                    threads=request.threads)
    if request.format == "json":
        text = render_json(findings_dict(findings, files))
    else:
        text = findings_report(findings, request.look)
    deliver(text, given["output"], given["quiet"])
    stops = (ERROR, WARNING) if strict else (ERROR,)
    return INPUT if any(finding.severity in stops for finding in findings) else 0
