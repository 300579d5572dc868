"""What `deteval gate` was asked for, and the data it decides on; everything that can be refused early is."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct
from msgspec.structs import replace

from deteval.cli.models import all_evidence
from deteval.cli.options import resampling_values, setting_values, split_files, wants_page
from deteval.cli.output import make_look, remark_kernels
from deteval.cli.targets import check_targets
from deteval.errors import DetevalError, nearest, usage_error
from deteval.loading.baseline import inherited_settings, load_baseline
from deteval.loading.gate_file import GateConfig, read_gate
from deteval.loading.gate_rules import OPTIONS, parse_mode, parse_option
from deteval.loading.gate_targets import Targets, check_baseline, find_targets
from deteval.loading.settings import SETTINGS, files_of, make_settings
from deteval.records.baseline import Baseline
from deteval.records.numbers import position_of
from deteval.records.resampling import Resampling

if TYPE_CHECKING:
    from deteval.gating.parts import Question
    from deteval.records.dataset import Categories, Images, Ints
    from deteval.records.gate import Rule
    from deteval.records.params import Params
    from deteval.records.run import Run
    from deteval.reports.layout import Look

SUMMARY = "GITHUB_STEP_SUMMARY"
EXPLAINED_IOU = 0.5


class GateRequest(Struct, frozen=True):
    """The rules, what they are compared with, and how to report.

    settings: score's options by name, those given for the gate; the baseline's come before them. summary: the file of
    GitHub's step summary, "" without one.
    """

    files: tuple[str, ...]
    config: GateConfig
    baseline: Baseline | None
    settings: dict[str, Any]
    resampling: Resampling
    format: str
    junit: str | None
    github: bool
    summary: str
    verbose: bool
    look: "Look"
    threads: int | None
    quiet: bool
    page: bool = False
    pictures: bool = False


def make_gate_request(files: tuple[str, ...], given: dict[str, Any], formats: tuple[str, ...]) -> GateRequest:
    """The request of a command line; `DetevalError` (usage) for anything that does not fit."""
    if not all_evidence([files]):
        for path in split_files(files)[0]:
            if all_evidence([(path,)]):
                raise usage_error(f"{path}: is evidence, which needs neither ground truth nor other files; give it "
                                  "alone")
    if given["format"] not in formats:
        raise usage_error(f"format: {given['format']!r} is not one of {', '.join(formats)}"
                          f"{nearest(given['format'], list(formats))}")
    config = _config(given)
    baseline = None if config.baseline is None else load_baseline(config.baseline)
    check_baseline(config.rules, baseline)
    summary = os.environ.get(SUMMARY, "")
    github = bool(summary) if given["github"] is None else given["github"]
    _check_outputs(files, given, config, baseline, summary if github else "")
    return GateRequest(
        files=files, config=config, baseline=baseline, settings=dict(config.settings),
        resampling=Resampling(**config.resampling), format=given["format"], junit=given["junit"], github=github,
        summary=summary, verbose=given["verbose"], look=make_look(given["digits"], given["output"]),
        threads=given["threads"], quiet=given["quiet"],
        page=wants_page(given), pictures=given["images_dir"] is not None)


def _config(given: dict[str, Any]) -> GateConfig:
    """The YAML with the options over it."""
    override = {} if given["mode"] is None else {"mode": parse_mode(given["mode"])}
    config = read_gate(given["config"], override) if given["config"] else GateConfig(defaults=override)
    rules = [parse_option(option, text, config.defaults) for option, name in
             zip(OPTIONS, ("minimum", "max_drop", "max_rise"), strict=True) for text in given[name]]
    if not (*config.rules, *rules):
        raise click.UsageError("there is no rule, and a gate without rules would pass everything; give --config "
                               "gate.yaml, or --min, --max-drop or --max-rise")
    settings = dict(config.settings) | setting_values(given, None, ("images",))
    return replace(config, rules=(*config.rules, *rules), settings=settings,
                   baseline=given["baseline"] or config.baseline,
                   resampling=dict(config.resampling) | resampling_values(given))


def _check_outputs(files: tuple[str, ...], given: dict[str, Any], config: GateConfig, baseline: Baseline | None,
                   summary: str) -> None:
    """Refuse outputs that cannot be written, or would overwrite an input or each other; the evidence that the gate
    finds by itself beside its baseline, and what the YAML and the baseline's settings name, are inputs as well.
    """
    of_baseline = [] if baseline is None else [baseline.evidence, *files_of(inherited_settings(baseline))]
    check_targets(given, [*files, *config.files, *of_baseline], {SUMMARY: summary} if summary else {})
    if given["junit"] is not None:
        from deteval.reports.gate_junit import check_junit

        check_junit()


def read_question(request: GateRequest) -> "Question":
    """The run and all that the rules stand for in it; config is refused before anything is matched."""
    if all_evidence([request.files]):
        return _from_evidence(request)
    from deteval.loading.image_list import read_image_list
    from deteval.loading.pair import load_pair
    from deteval.records.categories import select_categories
    from deteval.records.dataset import take_images
    from deteval.records.run import Boxes
    from deteval.runs import make_run

    settings = _settings(request)
    with suppress(BrokenPipeError):
        remark_kernels(request.quiet)
    predictions, ground_truth = split_files(request.files)
    truth, found = load_pair(predictions, ground_truth, settings.reading, request.threads,
                             image_fields=bool(request.config.slices or request.resampling.cluster_by))
    listed = request.settings.get("images")
    chosen = None if listed is None else read_image_list(listed, truth.images)
    images = truth.images if chosen is None else take_images(truth.images, chosen)
    prepared = _prepare(request, select_categories(truth.categories, settings.params)[0], settings.params, images)
    run = make_run(truth, found, settings.params, images=chosen, detail=_detail(request, settings.params),
                   threads=request.threads, reading=settings.reading_values)
    question = _question(request, run, *prepared)
    return replace(question, boxes=Boxes(truth, found)) if request.pictures else question


def can_explain(rule: "Rule") -> bool:
    """Whether a rule is about a drop of AP on all images."""
    return rule.max_drop is not None and not rule.slice and rule.metric is not None and rule.metric.kind == "AP"


def explained_iou(params: "Params") -> float:
    """Where kinds of change are told: at IoU .5, or at the lowest threshold of a run that lacks it."""
    return params.iou[position_of(EXPLAINED_IOU, params.iou) or 0]


def _detail(request: GateRequest, params: "Params") -> tuple[float, ...]:
    """The threshold of the detail table: that of the explanation, if the baseline has it as well."""
    base = None if request.baseline is None else request.baseline.run
    if base is None or base.evidence.detail is None or not any(map(can_explain, request.config.rules)):
        return ()
    iou = explained_iou(params)
    held = [base.evidence.params.iou[place] for place in base.evidence.detail.thresholds]
    return (iou,) if position_of(iou, tuple(held)) is not None else ()


def _from_evidence(request: GateRequest) -> "Question":
    """Saved evidence keeps its settings; those of the gate must be the same."""
    from deteval.loading.evidence_file import load_evidence

    run = load_evidence(request.files[0])
    if "images" in request.settings:
        raise usage_error("images: evidence keeps the images that it was matched on; give this option to `deteval "
                          "score --save-evidence`")
    held = run.evidence.params
    for name, value in request.settings.items():
        asked = make_settings({name: value}).params
        field = "areas" if name == "area" else name
        if not hasattr(asked, field) or getattr(asked, field) != getattr(held, field):
            raise usage_error(f"{name}: evidence keeps the settings that it was matched under; give this option to "
                              "`deteval score --save-evidence`, or give predictions here")
    other = request.baseline.run if request.baseline is not None else None
    images = run.evidence.images
    if not images.fields and other is not None and other.evidence.images.ids.tolist() == images.ids.tolist():
        images = other.evidence.images
    return _question(request, run, *_prepare(request, run.evidence.categories, held, images))


def _settings(request: GateRequest) -> Any:
    """The settings of the gate over those of the baseline."""
    ours = {name: value for name, value in request.settings.items() if name in SETTINGS}
    if request.baseline is None:
        return make_settings(ours)
    try:
        return make_settings(inherited_settings(request.baseline) | ours)
    except DetevalError as error:
        make_settings(ours)
        raise usage_error(f"{request.baseline.name}: its settings cannot be taken over: {error}; give them for the "
                          "gate itself") from None


def _prepare(request: GateRequest, categories: "Categories", params: "Params", images: "Images",
             ) -> "tuple[Targets, Mapping[str, Ints], list[Any] | None]":
    """What the rules stand for: classes, slices, clusters."""
    from datetime import date

    from deteval.loading.clusters import cluster_values
    from deteval.loading.slices import select

    targets = find_targets(request.config, categories, params, date.today())
    wanted = dict.fromkeys(rule.slice for rule in request.config.rules if rule.slice)
    slices = {name: select(request.config.slices[name], images) for name in wanted}
    by = request.resampling.cluster_by
    return targets, slices, None if by is None else cluster_values(by, images)


def _question(request: GateRequest, run: "Run", targets: Targets, slices: "Mapping[str, Ints]",
              clusters: list[Any] | None) -> "Question":
    from deteval.gating.parts import Question

    return Question(config=request.config, targets=targets, run=run, baseline=request.baseline,
                    resampling=request.resampling, slices=slices, clusters=clusters, threads=request.threads)
