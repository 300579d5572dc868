"""`deteval score`."""

from typing import TYPE_CHECKING, Any

import click

from deteval.cli.options import (
    CONFIG,
    HTML,
    IMAGES,
    OUTPUT,
    READING,
    SETTINGS,
    THREADS,
    options,
    split_files,
    wants_page,
)

if TYPE_CHECKING:
    from deteval.cli.request import Request
    from deteval.measures import Ranked
    from deteval.records.dataset import Detections, GroundTruth
    from deteval.records.evidence import Evidence
    from deteval.records.run import Run
    from deteval.records.scores import Scores

    Read = tuple[Run, Ranked, GroundTruth, Detections]

FORMATS = ("table", "json", "csv", "markdown", "coco")

EPILOG = """\b
Examples:
  deteval score preds.json gt.json
  deteval score preds.json gt.json --metrics AP,AP50,F1@.5/score=0.25
  deteval score shard1.json shard2.json gt.json --format json -o run.json
  deteval score preds.json gt.json --format json -o run.json --save-evidence run.evidence.npz
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
@click.option("--save-evidence", metavar="FILE.npz",
              help="Keep what was matched, for compare and gate, which then need neither predictions nor ground truth.")
@click.option("--detail", metavar="THRESHOLDS",
              help="IoU thresholds at which the saved evidence also says what each detection was matched with.")
@click.option("--crosscheck", "with_crosscheck", is_flag=True,
              help="Compare every cell with pycocotools; exit 5 on a difference.")
@click.option("--timings", is_flag=True, help="Seconds by stage, on stderr and in JSON.")
@options(HTML, THREADS, OUTPUT)
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
        page = wants_page(given)
        remark_kernels(given["quiet"])
        scores, exact, found = _score(request, predictions, ground_truth, given)
        with timing.stage("report"):
            text = _render(scores, request, seconds if given["timings"] else None)
    deliver(text, given["output"], given["quiet"])
    if request.format in ("csv", "coco") or given["output"]:
        remark_findings(scores.findings, scores.not_comparable, given["quiet"])
    if page:
        _write_page(scores, found, request, given)
    if given["timings"]:
        remark_timings(seconds, given["quiet"])
    return 0 if exact else MISMATCH


def _score(request: "Request", predictions: tuple[str, ...], ground_truth: str, given: dict[str, Any],
           ) -> "tuple[Scores, bool, Read]":
    """The scores, False if the cross-check was asked for and found a difference, and what they come from."""
    from deteval.loading.pair import load_pair
    from deteval.measures import Ranked
    from deteval.records.findings import raise_errors
    from deteval.runs import make_run
    from deteval.scoring import summarise

    saves = given["save_evidence"] is not None
    truth, found = load_pair(predictions, ground_truth, request.settings.reading, request.threads, image_fields=saves)
    images = None
    if request.images:
        from deteval.loading.image_list import read_image_list

        images = read_image_list(request.images, truth.images)
    run = make_run(truth, found, request.settings.params, images=images, detail=_detail(request, given),
                   threads=request.threads, reading=request.settings.reading_values)
    ranked = Ranked(run.evidence, request.threads)
    scores = summarise(run, request.metrics, ranked=ranked)
    raise_errors(scores.findings)
    if given["matches"]:
        from deteval.reports.matches import write_matches

        write_matches(given["matches"], run.evidence, truth, found)
    if saves:
        scores = _with_evidence(scores, _as_asked(run, request), given)
    if given["with_crosscheck"]:
        return *_crosschecked(scores, run.evidence, truth, found, request, given), (run, ranked, truth, found)
    return scores, True, (run, ranked, truth, found)


def _detail(request: "Request", given: dict[str, Any]) -> tuple[float, ...]:
    """The IoU thresholds of the detail table: those asked for, and that of the page."""
    if given["html"] is None:
        return request.detail
    from deteval.cli.page import page_iou

    return tuple(dict.fromkeys((*request.detail, page_iou(request.settings.params))))


def _as_asked(run: "Run", request: "Request") -> "Run":
    """The run to save: a detail table that only the page needs is left out."""
    if request.detail or run.evidence.detail is None:
        return run
    from msgspec.structs import replace

    return replace(run, evidence=replace(run.evidence, detail=None))


def _write_page(scores: "Scores", found: "Read", request: "Request", given: dict[str, Any]) -> None:
    from deteval.cli.page import deliver_score
    from deteval.records.run import Boxes

    run, ranked, truth, detections = found
    deliver_score(scores, run, ranked, Boxes(truth, detections), given, request.look.digits)


def _with_evidence(scores: "Scores", run: "Run", given: dict[str, Any]) -> "Scores":
    """The scores, which name the file that the evidence was saved in."""
    from msgspec.structs import replace

    from deteval.cli.output import remark
    from deteval.loading.evidence_file import save_evidence

    save_evidence(given["save_evidence"], run)
    remark(f"wrote {given['save_evidence']}", given["quiet"])
    return replace(scores, evidence=_path_from(given["output"], given["save_evidence"]))


def _path_from(output: str | None, path: str) -> str:
    """A path as seen from the folder of the result, so that both may be moved together; as given if it is a whole one
    that leads elsewhere, or if the result goes to stdout.
    """
    import os

    if output in (None, "-"):
        return path
    folder = os.path.dirname(os.path.abspath(output or ""))
    whole = os.path.abspath(path)
    if os.path.isabs(path) and not whole.startswith(os.path.join(folder, "")):
        return path
    return os.path.relpath(whole, folder).replace(os.sep, "/")


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
