"""Models given on a command line, as predictions or as evidence, read and matched into runs."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deteval.cli.options import setting_values
from deteval.cli.request import EXTRA
from deteval.errors import usage_error
from deteval.loading.settings import SETTINGS, Settings
from deteval.loading.source import STDIN

if TYPE_CHECKING:
    from deteval.records.dataset import Detections, GroundTruth
    from deteval.records.run import Boxes, Run

Model = Sequence[str]
"""The files of one model: one evidence file, or prediction files, which are shards."""


def all_evidence(models: Sequence[Model]) -> bool:
    """Whether every model is one evidence file, so that no ground truth is needed; a missing file is refused (usage)
    for what it is, rather than taken for predictions.
    """
    for path in (path for model in models for path in model):
        if path != STDIN and not os.path.exists(path):
            raise usage_error(f"{path}: cannot be read: No such file or directory")
    return all(_is_evidence(model) for model in models)


def refuse_settings(given: dict[str, Any]) -> None:
    """Refuse (usage) what shapes matching where only evidence is given, which was matched long ago."""
    values = setting_values(given, given.get("config"), EXTRA)
    for name in ("images", *SETTINGS):
        if values.get(name) is not None:
            raise usage_error(f"{name}: evidence keeps the settings and images that it was matched under; give this "
                              "option to `deteval score --save-evidence`, or give predictions here")


def read_models(models: Sequence[Model], ground_truth: str | None, settings: Settings, *, images: str | None = None,
                image_fields: bool = False, detail: Sequence[float] = (), threads: int | None = None) -> "list[Run]":
    """A run of each model; the ground truth is read once, and everything wrong with any file is said at once.

    images: a file that lists the images to match. image_fields: keep the fields of image records, for slices and
    clusters. Errors: `DetevalError`, usage for a ground truth that is missing, or given where nothing needs it.
    """
    return [run for run, _ in read_with_boxes(models, ground_truth, settings, images=images, image_fields=image_fields,
                                              detail=detail, threads=threads)]


def read_with_boxes(models: Sequence[Model], ground_truth: str | None, settings: Settings, *,
                    images: str | None = None, image_fields: bool = False, detail: Sequence[float] = (),
                    threads: int | None = None) -> "list[tuple[Run, Boxes | None]]":
    """As `read_models`, each run with the boxes that it was matched from; evidence holds none."""
    predicted = [model for model in models if not _is_evidence(model)]
    _check_ground_truth(predicted, models, ground_truth)
    matched = iter(_match(predicted, str(ground_truth), settings, images, image_fields, tuple(detail), threads)
                   if predicted else ())
    from deteval.loading.evidence_file import load_evidence

    return [(load_evidence(model[0]), None) if _is_evidence(model) else next(matched) for model in models]


def _is_evidence(model: Model) -> bool:
    from deteval.loading.evidence_file import is_evidence

    return len(model) == 1 and is_evidence(model[0])


def _check_ground_truth(predicted: Sequence[Model], models: Sequence[Model], ground_truth: str | None) -> None:
    from deteval.loading.evidence_file import is_evidence

    for model in predicted:
        for path in model:
            if is_evidence(path):
                raise usage_error(f"{path}: is evidence, which is a model by itself and cannot be one of several files")
    if predicted and ground_truth is None:
        raise usage_error(f"{predicted[0][0]}: predictions need a ground truth")
    if not predicted and ground_truth is not None:
        raise usage_error(f"{ground_truth}: evidence needs no ground truth, and holds what it was matched with")
    if ground_truth is not None and is_evidence(ground_truth):
        raise usage_error(f"{ground_truth}: is evidence, a ground truth is needed here")


def _match(models: Sequence[Model], ground_truth: str, settings: Settings, images: str | None, image_fields: bool,
           detail: tuple[float, ...], threads: int | None) -> "list[tuple[Run, Boxes | None]]":
    """Runs of predictions, with their boxes."""
    from deteval.records.run import Boxes
    from deteval.runs import make_run

    truth, found = _read(models, ground_truth, settings, image_fields, threads)
    chosen = None
    if images is not None:
        from deteval.loading.image_list import read_image_list

        chosen = read_image_list(images, truth.images)
    return [(make_run(truth, detections, settings.params, images=chosen, detail=detail, threads=threads,
                      reading=settings.reading_values), Boxes(truth, detections)) for detections in found]


def _read(models: Sequence[Model], ground_truth: str, settings: Settings, image_fields: bool, threads: int | None,
          ) -> "tuple[GroundTruth, list[Detections]]":
    """The ground truth and the detections of each model; `DetevalError` (input) lists the errors of all files."""
    from deteval.loading.detections import read_detections
    from deteval.loading.pair import read_pair
    from deteval.records.findings import raise_errors

    if [path for model in models for path in model].count(STDIN) > 1:
        raise usage_error("stdin (-) can be read only once")
    first, *others = models
    pair = read_pair(tuple(first), ground_truth, settings.reading, threads, image_fields=image_fields)
    findings, found = list(pair.findings), [pair.detections]
    if pair.ground_truth is not None:
        for model in others:
            detections, more = read_detections(tuple(model), pair.ground_truth, settings.reading, threads)
            findings += more
            found.append(detections)
    raise_errors(dict.fromkeys(findings))
    assert pair.ground_truth is not None  # nothing to return is always an error-level finding
    return pair.ground_truth, [one for one in found if one is not None]
