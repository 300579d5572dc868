"""Compare models on one ground truth: by metric, class and slice, with what chance alone could have done."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from deteval.agreement import check_agreement, same_outcomes
from deteval.errors import usage_error
from deteval.inference.paired import estimate, estimate_classes, measure_pairs
from deteval.inference.weights import cluster_units, cluster_warning, image_units
from deteval.loading.clusters import cluster_values, looks_like_video
from deteval.records.comparison import Comparison, Comparisons, Model, Part
from deteval.records.dataset import Images, Ints
from deteval.records.evidence import Evidence
from deteval.records.metric import Metric, as_metrics, default_metrics, resolve
from deteval.records.resampling import Resampling
from deteval.records.run import Run
from deteval.records.subset import restrict
from deteval.scoring import all_findings

SLICES_DIFFER = ("slices differ in size: do not compare their APs with each other, for AP comes out higher on fewer "
                 "images (with 80 classes by about 0.4 points on 5,000 images, 1.3 on 1,000, 4.4 on 100); in a "
                 "difference of two models this cancels")
Progress = Callable[[float], None]
STANDARD = Resampling()


class _Study(Struct, frozen=True):
    """What is tested, and how."""

    metrics: tuple[Metric, ...]
    class_metric: Metric
    resampling: Resampling | None
    threads: int | None


def compare(
    base: Run | Evidence,
    new: Run | Evidence | Sequence[Run | Evidence],
    metrics: str | Sequence[Metric | str] | None = None,
    *,
    resampling: Resampling | None = STANDARD,
    slices: Mapping[str, Sequence[int] | Ints] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Comparisons:
    """One new model, or several, against a base, by a paired bootstrap over images.

    metrics: what to compare, by default the twelve COCO numbers, or AP and AR under other settings; classes are
    compared by the first that is not of one class. resampling: how to test, None for differences without
    intervals and verdicts; `cluster_by` needs fields of the images.
    slices: name -> ascending positions of images, each compared like the whole. progress: gets the share done, 0 to 1.
    Errors: `DetevalError`, undecidable where settings, ground truth or allowances differ, usage for wrong names.
    """
    runs = _runs(base, [new] if isinstance(new, (Run, Evidence)) else list(new))
    for one in runs[1:]:
        check_agreement(runs[0], one)
    params = runs[0].evidence.params
    chosen = default_metrics(params) if metrics is None else as_metrics(metrics)
    for metric in chosen:
        resolve(metric, params)
    study = _Study(chosen, class_metric(chosen), resampling, threads)
    images = next((run.evidence.images for run in runs if run.evidence.images.fields), runs[0].evidence.images)
    everything = np.arange(len(images))
    pieces = {"": everything, **{name: np.asarray(chosen, np.int64) for name, chosen in (slices or {}).items()}}
    parts = _parts(study, [run.evidence for run in runs], images, pieces, progress)
    models = [Model(name=run.name, fingerprint=run.fingerprint, not_comparable=run.not_comparable, inputs=run.inputs,
                    findings=all_findings(run, threads=threads)) for run in runs]
    comparisons = tuple(
        Comparison(base=models[0], new=model, identical=same_outcomes(runs[0].evidence, run.evidence), whole=whole,
                   slices=tuple(of_slices))
        for model, run, (whole, *of_slices) in zip(models[1:], runs[1:], zip(*parts, strict=True), strict=True))
    return Comparisons(comparisons=comparisons, params=params, class_metric=str(study.class_metric),
                       resampling=study.resampling, units=comparisons[0].whole.units,
                       remarks=_remarks(runs, images, comparisons[0], study.resampling))


def class_metric(metrics: Sequence[Metric]) -> Metric:
    """The metric by which classes are compared: the first that is not of one class, else AP."""
    return next((metric for metric in metrics if metric.category is None), Metric("AP"))


def _runs(base: Run | Evidence, news: Sequence[Run | Evidence]) -> list[Run]:
    """All models as runs; bare evidence gets the name of its place."""
    if not news:
        raise usage_error("compare: at least one new model is needed")
    names = ["base", *(["new"] if len(news) == 1 else [f"new {number}" for number in range(1, len(news) + 1)])]
    return [one if isinstance(one, Run) else Run(evidence=one, name=name, fingerprint="")
            for one, name in zip([base, *news], names, strict=True)]


def _parts(study: _Study, models: Sequence[Evidence], images: Images, pieces: Mapping[str, Ints],
           progress: Progress | None) -> list[list[Part]]:
    """For all images and for each slice, a part per new model; progress counts images."""
    cluster_by = None if study.resampling is None else study.resampling.cluster_by
    clusters = None if cluster_by is None else cluster_values(cluster_by, images)
    total, before = sum(map(len, pieces.values())), 0
    parts = []
    for name, positions in pieces.items():
        some = [restrict(one, positions) for one in models] if name else list(models)
        values = None if clusters is None else [clusters[i] for i in positions.tolist()]

        def report(share: float, start: int = before, size: int = len(positions)) -> None:
            if progress is not None:
                progress((start + share * size) / max(total, 1))

        parts.append(_compare_images(study, name, some, values, report))
        before += len(positions)
    return parts


def _compare_images(study: _Study, name: str, models: Sequence[Evidence], clusters: Sequence[object] | None,
                    progress: Progress) -> list[Part]:
    base, *news = models
    images, resampling = len(base.images), study.resampling
    units = image_units(images) if clusters is None or resampling is None else \
        cluster_units(clusters, resampling.cluster_by or "", base.images.ids.tolist())
    pairs = measure_pairs(base, news, study.metrics, [study.class_metric], resampling, units, study.threads, progress)
    return [Part(name=name, n_images=images, units=units,
                 metrics=tuple(estimate(pair, metric) for metric in study.metrics),
                 classes=estimate_classes(pair, study.class_metric)) for pair in pairs]


def _remarks(runs: Sequence[Run], images: Images, first: Comparison, resampling: Resampling | None,
             ) -> tuple[str, ...]:
    """What to know before trusting the numbers."""
    found = [cluster_warning(first.whole.units)]
    if resampling is not None and resampling.cluster_by is None:
        found.append(looks_like_video(images))
    if len({part.n_images for part in first.parts}) > 1:
        found.append(SLICES_DIFFER)
    versions = {run.name: run.versions["deteval"] for run in runs if "deteval" in run.versions}
    if len(set(versions.values())) > 1:
        found.append("matched by different versions of deteval: "
                     + ", ".join(f"{name} by {version}" for name, version in versions.items()))
    return tuple(text for text in found if text)
