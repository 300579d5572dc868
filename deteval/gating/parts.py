"""All images, or a slice of them: the numbers of both sides that the rules of a gate ask for there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval.gating.sides import Side, side_of_file, side_of_run
from deteval.inference.paired import Paired, measure_pairs
from deteval.inference.weights import cluster_units, image_units
from deteval.loading.gate_file import GateConfig
from deteval.loading.gate_targets import Targets
from deteval.records.baseline import Baseline
from deteval.records.dataset import Ints
from deteval.records.gate import PLAIN, Rule
from deteval.records.metric import Metric
from deteval.records.resampling import Resampling, Units
from deteval.records.run import Boxes, Run
from deteval.records.subset import restrict

Progress = Callable[[float], None]


class Question(Struct, frozen=True):
    """All that a gate decides from.

    slices: positions of the images of each slice. clusters: a value per image, None to draw single images. boxes: of
    the run, where pictures are asked for.
    """

    config: GateConfig
    targets: Targets
    run: Run
    baseline: Baseline | None
    resampling: Resampling
    slices: Mapping[str, Ints] = {}
    clusters: Sequence[Any] | None = None
    threads: int | None = None
    boxes: Boxes | None = None


class Part(Struct, frozen=True):
    """All images, or a slice of them: both sides in numbers, and paired where a rule asks for it."""

    run: Run
    new: Side
    base: Side | None
    paired: Paired | None
    problems: tuple[str, ...]
    targets: Targets


def measure_part(question: Question, name: str, problems: tuple[str, ...], progress: Progress) -> Part:
    """Both sides of the rules about all images, or about one slice."""
    rules = [rule for rule in question.config.rules if rule.slice == name]
    metrics = _unique(rule.metric for rule in rules if not rule.classes)
    class_metrics = _unique(rule.metric for rule in rules if rule.classes)
    run, baseline = question.run, question.baseline
    base_run = baseline.run if baseline is not None and not problems else None
    positions = question.slices[name] if name else np.arange(len(run.evidence.images))
    if name:
        run = replace(run, evidence=restrict(run.evidence, positions))
        base_run = None if base_run is None else replace(base_run, evidence=restrict(base_run.evidence, positions))
    new = side_of_run(run, metrics, class_metrics, question.threads)
    base = paired = None
    if baseline is not None and not problems and any(rule.needs_baseline for rule in rules):
        base = _base_side(baseline, base_run, run, metrics, class_metrics, question.threads)
        if base_run is not None:
            tested = [rule for rule in rules if rule.max_drop is not None and rule.mode != PLAIN]
            paired = _pair(question, base_run, run, tested, positions, progress) if tested else None
    return Part(run, new, base, paired, problems, question.targets)


def _base_side(baseline: Baseline, base_run: Run | None, run: Run, metrics: Sequence[Metric],
               class_metrics: Sequence[Metric], threads: int | None) -> Side:
    if base_run is None:
        return side_of_file(baseline, metrics, class_metrics, run.evidence)
    return side_of_run(base_run, metrics, class_metrics, threads)


def _pair(question: Question, base: Run, new: Run, rules: Sequence[Rule], positions: Ints, progress: Progress,
          ) -> Paired:
    """Both models under the same draws, for the rules that are tested."""
    resampling, images = question.resampling, new.evidence.images
    units: Units = image_units(len(images))
    if question.clusters is not None:
        values = [question.clusters[i] for i in positions.tolist()]
        units = cluster_units(values, resampling.cluster_by or "", images.ids.tolist())
    return measure_pairs(base.evidence, [new.evidence], _unique(rule.metric for rule in rules if not rule.classes),
                         _unique(rule.metric for rule in rules if rule.classes), resampling, units, question.threads,
                         progress)[0]


def _unique(metrics: Any) -> tuple[Metric, ...]:
    return tuple({str(metric): metric for metric in metrics if metric is not None}.values())
