"""`--html`: the page of a result, written after the result itself succeeded."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from deteval.errors import DetevalError, usage_error
from deteval.records.numbers import position_of

if TYPE_CHECKING:
    from deteval.measures import Ranked
    from deteval.records.comparison import Comparisons
    from deteval.records.diagnosis import Diagnosis
    from deteval.records.explanation import Explanation
    from deteval.records.gate import Verdict
    from deteval.records.operating_points import OperatingPoints
    from deteval.records.params import Params
    from deteval.records.run import Boxes, Run
    from deteval.records.scores import Scores
    from deteval.reports.page.render import Engine
    from deteval.reports.page.sections import Page, Pictures

IOU = 0.5
"""Where a page tells errors and kinds of change, if the run has this threshold."""
MOST_IMAGES = 24
"""Images and suspects of a kind that a page lists."""


def check_page(given: dict[str, Any]) -> None:
    """Refuse early (usage) a page that could not be made: no extra, no folder of images."""
    from deteval.reports.page.render import check_extra

    folder = given.get("images_dir")
    if given["html"] is None:
        raise usage_error("images-dir: pictures stand on a page; give --html FILE too")
    check_extra()
    if folder is not None and not os.path.isdir(folder):
        raise usage_error(f"images-dir: {folder} is not a folder")


def page_iou(params: "Params") -> float:
    """IoU .5, or the lowest threshold of a run that lacks it."""
    return params.iou[position_of(IOU, params.iou) or 0]


def deliver_page(page: "Page", path: str, quiet: bool, engine: "Engine | None" = None) -> None:
    """A page to its file, whole or not at all."""
    from deteval.cli.output import remark
    from deteval.reports.page.render import render_pieces
    from deteval.reports.writer import write_file

    write_file(path, render_pieces(page, engine))
    remark(f"wrote {path}", quiet)


def deliver_score(scores: "Scores", run: "Run", ranked: "Ranked", boxes: "Boxes", given: dict[str, Any], digits: int,
                  ) -> None:
    """The page of `deteval score`; ranked: the evidence of the run, as it was measured."""
    from msgspec.structs import replace

    from deteval.reports.page.diagnosis_sections import diagnosis_sections, image_table, opening_sections
    from deteval.reports.page.render import load_engine
    from deteval.reports.page.score_page import score_page
    from deteval.score_curves import score_curves
    from deteval.studies.diagnose import examine
    from deteval.threads import map_chunks

    iou = page_iou(run.evidence.params)
    curves = score_curves(ranked, iou)
    parts: list[Callable[[], Any]] = [
        lambda: examine(run, ranked, iou, boxes=boxes, top=MOST_IMAGES, findings=scores.findings),
        load_engine,  # takes as long as a study, but hardly any of it from kernels
        lambda: score_page(scores, curves, digits),
    ]
    found, engine, page = map_chunks(lambda part: part(), parts, ranked.threads)
    images = (image_table(found.images, iou), _worst(found, run, boxes, given, curves.best_cut))
    sections = (*opening_sections(found), *page.sections, *diagnosis_sections(found),
                *(part for part in images if part is not None))
    deliver_page(replace(page, sections=sections), given["html"], given["quiet"], engine)


def _worst(found: "Diagnosis", run: "Run", boxes: "Boxes | None", given: dict[str, Any], cut: float,
           ) -> "Pictures | None":
    """Pictures of the images that cost most, where their folder is given."""
    if not given.get("images_dir") or not found.images:
        return None
    from deteval.reports.page.image_sections import pictures

    captions = [f"costs {100 * one.cost:.3f} points" for one in found.images]
    return pictures(run, boxes, given["images_dir"], [one.image_id for one in found.images], captions, found.iou, cut)


def _changed(found: "Explanation", run: "Run", boxes: "Boxes | None", given: dict[str, Any], prefix: str = "",
             ) -> "Pictures | None":
    """Pictures of the images that moved a metric most, with what the new model finds on them."""
    if not given.get("images_dir") or not found.images:
        return None
    from deteval.reports.page.image_sections import pictures
    from deteval.score_curves import score_curves

    captions = [f"{100 * one.share:+.3f} points; at any score {one.lost:,} lost, {one.gained:,} gained"
                for one in found.images]
    cut = score_curves(run.evidence, found.iou).best_cut
    return pictures(run, boxes, given["images_dir"], [one.image_id for one in found.images], captions, found.iou, cut,
                    prefix)


def deliver_compare(result: "Comparisons", models: "Sequence[tuple[Run, Boxes | None]]", given: dict[str, Any],
                    slices: Any, threads: int | None, digits: int) -> None:
    """The page of `deteval compare`, with the explanation of each new model."""
    from deteval.reports.page.compare_page import compare_page
    from deteval.reports.page.render import load_engine
    from deteval.threads import available_threads, map_chunks

    parts: list[Callable[[], Any]] = [lambda: _explanations(result, models, given, slices, threads), load_engine]
    explained, engine = map_chunks(lambda part: part(), parts, threads or available_threads())
    deliver_page(compare_page(result, explained, digits), given["html"], given["quiet"], engine)


def _explanations(result: "Comparisons", models: "Sequence[tuple[Run, Boxes | None]]", given: dict[str, Any],
                  slices: Any, threads: int | None) -> "list[tuple[Explanation | None, Pictures | None]]":
    """What is behind the difference of each new model, and pictures of it; nothing where the metric is no AP."""
    from deteval.records.metric import parse_metric
    from deteval.studies.explain import explain

    metric, (base, of_base) = parse_metric(result.class_metric), models[0]
    explained: list[tuple[Explanation | None, Pictures | None]] = []
    for place, (run, boxes) in enumerate(models[1:]):
        if metric.kind != "AP":
            break
        try:
            found = explain(base, run, metric, iou=page_iou(run.evidence.params), top=MOST_IMAGES // 2, slices=slices,
                            boxes=(of_base, boxes), threads=threads)
        except DetevalError:  # an AP that is undefined in one of them has no difference to explain
            explained.append((None, None))
            continue
        prefix = f"new{place + 1}-" if len(models) > 2 else ""
        explained.append((found, _changed(found, run, boxes, given, prefix)))
    return explained


def deliver_gate(verdict: "Verdict", run: "Run", boxes: "Boxes | None", given: dict[str, Any], digits: int) -> None:
    """The page of `deteval gate`."""
    from deteval.reports.page.gate_page import gate_page

    found = verdict.explanation
    drawn = None if found is None else _changed(found, run, boxes, given)
    deliver_page(gate_page(verdict, found, drawn, digits), given["html"], given["quiet"])


def deliver_operating_points(points: "OperatingPoints", run: "Run", given: dict[str, Any], threads: int | None,
                             digits: int) -> None:
    """The page of `deteval operating-points`."""
    from deteval.reports.page.operating_page import operating_page
    from deteval.score_curves import score_curves

    curves = score_curves(run.evidence, points.counts_at.iou, threads=threads)
    deliver_page(operating_page(points, curves, digits), given["html"], given["quiet"])


def deliver_explain(result: "Diagnosis | Explanation", models: "Sequence[tuple[Run, Boxes | None]]",
                    given: dict[str, Any], digits: int) -> None:
    """The page of `deteval explain`; models: the base first, the explained one last."""
    from deteval.records.diagnosis import Diagnosis
    from deteval.reports.page.explain_page import diagnosis_page, explanation_page
    from deteval.score_curves import score_curves

    run, boxes = models[-1]
    if isinstance(result, Diagnosis):
        cut = score_curves(run.evidence, result.iou).best_cut if given.get("images_dir") else 0.0
        page = diagnosis_page(result, _worst(result, run, boxes, given, cut), digits)
    else:
        page = explanation_page(result, _changed(result, run, boxes, given), digits)
    deliver_page(page, given["html"], given["quiet"])
