"""`deteval score`."""

from typing import TYPE_CHECKING, Any

import click

from deteval.cli.options import CONFIG, IMAGES, OUTPUT, READING, SETTINGS, THREADS, options, split_files

if TYPE_CHECKING:
    from deteval.cli.request import Request
    from deteval.records.evidence import Evidence
    from deteval.records.scores import Scores

FORMATS = ("table", "json", "csv", "markdown", "coco")

EPILOG = """\b
Examples:
  deteval score preds.json gt.json
  deteval score preds.json gt.json --metrics AP,AP50,F1@.5/score=0.25
  deteval score shard1.json shard2.json gt.json --format json -o run.json
  deteval score preds.json gt.json --similarity giou --iou .3,.5 --area tiny:0-256
  zcat preds.json.gz | deteval score - gt.json --per-class worst:10

Exit codes: 0 scored, 2 usage or a file that cannot be opened, 3 input content
invalid or nothing evaluable, 5 the cross-check found a difference.
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="PREDS... GT")
@options(SETTINGS, READING, CONFIG, IMAGES)
@click.option("--metrics", metavar="LIST",
              help="What to report, as AP,AR/max=10,AP@.75/area=small,F1@.5/score=0.25/micro,AP/class=person. "
                   "[default: the twelve COCO numbers, or AP,AR under other settings]")
@click.option("--format", "format", metavar="|".join(FORMATS), help="[default: table]")
@click.option("--per-class", metavar="all|worst:N|none", help="Classes in table and markdown. [default: all]")
@click.option("--digits", type=click.IntRange(0, 17), metavar="N", help="Decimals in table and markdown. [default: 4]")
@click.option("--matches", metavar="FILE.jsonl", help="Write a line per detection and per missed object.")
@click.option("--matches-iou", type=float, default=0.5, show_default=True, metavar="T",
              help="The IoU threshold of --matches.")
@click.option("--crosscheck", "with_crosscheck", is_flag=True,
              help="Compare every cell with pycocotools; exit 5 on a difference.")
@click.option("--timings", is_flag=True, help="Seconds by stage, on stderr and in JSON.")
@options(THREADS, OUTPUT)
def score(files: tuple[str, ...], **given: Any) -> int:
    """Score PREDS (COCO results, several files are shards) against the ground truth GT.

    Files may be JSON, JSON lines or gzip of either; - reads stdin.
    """
    from deteval import timing
    from deteval.cli.output import deliver, remark_findings, remark_kernels, remark_timings
    from deteval.cli.request import make_request
    from deteval.errors import MISMATCH

    predictions, ground_truth = split_files(files)
    with timing.collect() as seconds:
        request = make_request(given, FORMATS, list(files))
        remark_kernels(given["quiet"])
        scores, exact = _score(request, predictions, ground_truth, given)
        with timing.stage("report"):
            text = _render(scores, request, seconds if given["timings"] else None)
    deliver(text, given["output"], given["quiet"])
    if request.format in ("csv", "coco") or given["output"]:
        remark_findings(scores.findings, scores.not_comparable, given["quiet"])
    if given["timings"]:
        remark_timings(seconds, given["quiet"])
    return 0 if exact else MISMATCH


def _score(request: "Request", predictions: tuple[str, ...], ground_truth: str, given: dict[str, Any],
           ) -> "tuple[Scores, bool]":
    """The scores, and False if the cross-check was asked for and found a difference."""
    from msgspec.structs import replace

    from deteval.evaluation import match
    from deteval.loading.pair import load_pair
    from deteval.records.findings import raise_errors
    from deteval.scoring import summarise

    truth, found = load_pair(predictions, ground_truth, request.settings.reading, request.threads)
    images = None
    if request.images:
        from deteval.loading.image_list import read_image_list

        images = read_image_list(request.images, truth.images)
    detail = (given["matches_iou"],) if given["matches"] else ()
    evidence = match(truth, found, request.settings.params, images=images, detail=detail, threads=request.threads)
    scores = summarise(evidence, truth, found, request.metrics, threads=request.threads)
    raise_errors(scores.findings)
    if given["matches"]:
        from deteval.reports.matches import write_matches

        write_matches(given["matches"], evidence, truth, found)
    scores = replace(scores, reading=request.settings.reading_values)
    return _crosschecked(scores, evidence, truth, found, request, given) if given["with_crosscheck"] else (scores, True)


def _crosschecked(scores: "Scores", evidence: "Evidence", truth: Any, found: Any, request: "Request",
                  given: dict[str, Any]) -> "tuple[Scores, bool]":
    from msgspec.structs import replace

    from deteval.cli.output import remark
    from deteval.reports.crosscheck import crosscheck_dict, crosscheck_lines
    from deteval.studies.crosscheck import compare_with_reference

    result = compare_with_reference(evidence, truth, found, threads=request.threads)
    for line in crosscheck_lines(result):
        remark(line, given["quiet"])
    return replace(scores, crosscheck=crosscheck_dict(result)), result.equal


def _render(scores: "Scores", request: "Request", seconds: dict[str, float] | None) -> str:
    """The report in the format asked for; only its file is imported."""
    if request.format == "table":
        from deteval.reports.table import render_table

        return render_table(scores, request.look, request.per_class)
    if request.format == "markdown":
        from deteval.reports.markdown import render_markdown

        return render_markdown(scores, request.look, request.per_class)
    from deteval.reports.machine import render_coco, render_csv, render_json

    if request.format == "csv":
        return render_csv(scores)
    if request.format == "coco":
        return render_coco(scores)
    document = scores.to_dict()
    return render_json(document if seconds is None else document | {"timings": dict(seconds)})
