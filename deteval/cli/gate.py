"""`deteval gate`."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from deteval.cli.options import HTML, IMAGES, OUTPUT, READING, RESAMPLING, SETTINGS, THREADS, options

if TYPE_CHECKING:
    from deteval.cli.gate_request import GateRequest
    from deteval.gating.parts import Question
    from deteval.records.explanation import Explanation
    from deteval.records.gate import Verdict

FORMATS = ("table", "json", "markdown")
TOP = 10
"""Images that an explanation lists, those of the largest shares; and the worst few, where these are not among them."""

EPILOG = """\b
Examples:
  deteval gate preds.json gt.json --config gate.yaml
  deteval gate preds.json gt.json --baseline base.json --min AP=0.42 --max-drop AP=0.5pt
  deteval gate run.evidence.npz --config gate.yaml --junit gate.xml
  deteval gate preds.json gt.json --baseline base.json --max-drop AP50=1% --mode plain
  deteval gate preds.json gt.json --config gate.yaml --github --verbose

Exit codes: 0 passed, 1 failed, 2 usage, configuration or a file that cannot be
opened, 3 input content invalid, 4 undecidable: an undefined metric, other data
or settings than the baseline's, nothing left to test.
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="PREDS... GT|EVIDENCE")
@click.option("--config", "config", metavar="FILE.yaml",
              help="Rules, slices, mutes and all else of a gate; options given here win. See configs/gate.yaml.")
@click.option("--baseline", metavar="FILE", help="What to compare with: a score JSON; with its evidence beside it, "
                                                 "differences are tested.")
@click.option("--min", "minimum", multiple=True, metavar="METRIC=X", help="A floor, as AP=0.42; repeatable.")
@click.option("--max-drop", multiple=True, metavar="METRIC=TOLERANCE",
              help="The drop allowed: AP=0.005, AP=0.5pt or AP=1% of the baseline; repeatable.")
@click.option("--max-rise", multiple=True, metavar="TOTAL=TOLERANCE",
              help="The rise allowed of a count: false_positives=10 or false_positives=10%; repeatable.")
@click.option("--mode", metavar="plain|significant|beyond|non-inferior",
              help="When a drop fails, for rules that do not say. [default: significant where both models have "
                   "evidence, else plain]")
@options(RESAMPLING, SETTINGS, READING, IMAGES)
@click.option("--format", "format", metavar="|".join(FORMATS), default="table", help="[default: table]")
@click.option("--junit", metavar="FILE.xml", help="Also write a JUnit report: one case per rule and class or slice.")
@click.option("--github/--no-github", "github", default=None,
              help="Annotations, and a step summary. [default: where GITHUB_STEP_SUMMARY is set]")
@click.option("-v", "--verbose", is_flag=True, help="Show what passed and every class left untested, too.")
@click.option("--digits", type=click.IntRange(0, 17), default=4, metavar="N",
              help="Decimals in table and markdown. [default: 4]")
@options(HTML, THREADS, OUTPUT)
def gate(files: tuple[str, ...], **given: Any) -> int:
    """Do the predictions PREDS on the ground truth GT, or saved EVIDENCE, hold all rules?

    Rules are floors, drops against a baseline, and rises of counts. The verdict comes first; a drop fails where it is
    larger than allowed and, with evidence of both models, too large for chance. Settings that are not given are those
    of the baseline.
    """
    from deteval.cli.gate_request import make_gate_request, read_question
    from deteval.cli.output import deliver, progress
    from deteval.errors import GATE_FAILED, UNDECIDABLE
    from deteval.records.gate import FAIL, PASS
    from deteval.studies.gate import judge

    request = make_gate_request(files, given, FORMATS)
    question = read_question(request)
    with progress("resampling", given["quiet"]) as report:
        verdict = _explained(judge(question, report), question)
    with suppress(BrokenPipeError):  # whoever read this has gone; the verdict stands
        _publish(verdict, request, given)
        text = _render(verdict, request)
        if request.github and not given["output"]:
            from deteval.reports.gate_github import harmless

            text = harmless(text, request.format == "json")
        deliver(text, given["output"], given["quiet"])
    _summarise(verdict, request, given)
    if request.page:
        from deteval.cli.page import deliver_gate

        deliver_gate(verdict, question.run, question.boxes, given, request.look.digits)
    return {PASS: 0, FAIL: GATE_FAILED}.get(verdict.status, UNDECIDABLE)


def _explained(verdict: "Verdict", question: "Question") -> "Verdict":
    """The verdict, and why the first AP that failed, or else that may not drop, moved; where both models have evidence.
    """
    from msgspec.structs import replace

    from deteval.cli.gate_request import can_explain, explained_iou
    from deteval.records.gate import FAILED
    from deteval.reports.gate_explanation import MOST, worst

    rules = [*(one.rule for one in verdict.of(FAILED)), *question.config.rules]
    metric = next((rule.metric for rule in rules if can_explain(rule)), None)
    base = None if question.baseline is None else question.baseline.run
    if metric is None or base is None or verdict.problems:
        return verdict
    from deteval.studies.explain import explain

    def told(top: int) -> "Explanation":
        return explain(base, question.run, metric, iou=explained_iou(question.run.evidence.params), top=top,
                       threads=question.threads)

    found = told(TOP)
    if not found.difference:
        return verdict
    if len(found.images) == TOP and len(worst(found.images)) < MOST:  # the largest shares are gains: look further
        more = [one for one in worst(told(found.n_images).images) if one not in found.images]
        found = replace(found, images=(*found.images, *more),
                        elsewhere=found.elsewhere - sum(one.share for one in more))
    return replace(verdict, explanation=found)


def _render(verdict: "Verdict", request: "GateRequest") -> str:
    """The report in the format asked for; only its file is imported."""
    if request.format == "json":
        from deteval.reports.gate_json import gate_dict
        from deteval.reports.machine import render_json

        return render_json(gate_dict(verdict))
    if request.format == "markdown":
        from deteval.reports.gate_markdown import render_markdown

        return render_markdown(verdict, request.look)
    from deteval.reports.gate_table import render_table

    return render_table(verdict, request.look, request.verbose)


def _publish(verdict: "Verdict", request: "GateRequest", given: dict[str, Any]) -> None:
    """What is asked for besides the report: a JUnit file, and on GitHub annotations and a step summary."""
    from deteval.cli.output import remark, say

    if request.junit:
        from deteval.reports.gate_junit import junit_text
        from deteval.reports.writer import write_file

        write_file(request.junit, [junit_text(verdict)])
        remark(f"wrote {request.junit}", given["quiet"])
    if request.github:
        from deteval.reports.gate_github import annotations

        for line in annotations(verdict):
            say(line)
    if request.format == "json" or given["output"]:
        from deteval.reports.gate_remarks import headline

        remark(headline(verdict), given["quiet"])


def _summarise(verdict: "Verdict", request: "GateRequest", given: dict[str, Any]) -> None:
    """GitHub's step summary. The verdict is out by now: where the summary cannot be written, that is said."""
    from deteval.cli.output import remark
    from deteval.errors import DetevalError

    if not request.github:
        return
    if not request.summary:
        if given["github"]:
            remark("GITHUB_STEP_SUMMARY is not set: no step summary is written", given["quiet"])
        return
    from deteval.reports.gate_github import write_summary

    try:
        write_summary(request.summary, verdict, request.look)
    except DetevalError as error:
        remark(f"no step summary: {error}", False)
