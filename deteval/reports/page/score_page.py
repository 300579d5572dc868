"""The page of `deteval score`."""

from collections.abc import Mapping

from deteval.records.metric import parse_metric
from deteval.records.scores import Scores
from deteval.reports.page.curve_sections import curve_sections
from deteval.reports.page.parts import facts_of, input_facts, short_names, worth_saying
from deteval.reports.page.sections import COUNT, TEXT, VALUE, Bars, Column, Headline, Page, Section, Table
from deteval.score_curves import ScoreCurves

HINTS = {
    "AP": "mean precision over recall, IoU thresholds and classes",
    "AP50": "AP at IoU .5: found at all",
    "AP75": "AP at IoU .75: found and boxed well",
    "APs": "AP of small objects", "APm": "AP of medium objects", "APl": "AP of large objects",
    "AR": "mean recall over IoU thresholds and classes",
}


def score_page(scores: Scores, curves: ScoreCurves, digits: int = 4) -> Page:
    """What scores and curves tell of one model."""
    paths = [one.path for one in scores.inputs[:-1]]
    return Page(
        title=f"Detections of {', '.join(short_names(paths)) or 'a model'}", path=", ".join(paths),
        command="score", verdict=None, headlines=headlines(scores.metrics),
        findings=worth_saying(scores.findings), not_comparable=scores.not_comparable, facts=tuple(facts(scores)),
        sections=(class_table(scores), *curve_sections(curves), *_sizes(scores.metrics)), digits=digits)


def headlines(metrics: Mapping[str, float | None]) -> tuple[Headline, ...]:
    """A number per metric."""
    return tuple(Headline(name, value, hint=HINTS.get(name, "")) for name, value in metrics.items())


def facts(scores: Scores) -> list[tuple[str, str]]:
    """Where the numbers come from."""
    totals = [(name.replace("_", " "), f"{value:,}") for name, value in scores.totals.items()]
    undefined = [(f"{name} is undefined", why) for name, why in scores.undefined.items()]
    return [*undefined, *input_facts(scores.inputs), *totals, ("counts at", str(scores.counts_at)),
            *facts_of(scores.params, scores.fingerprint, scores.reading, scores.versions)]


def class_table(scores: Scores) -> Table:
    """A row per class."""
    metrics = list(dict.fromkeys(name for one in scores.classes for name in one.values))
    columns = (Column("class", TEXT), Column("ground truths", COUNT), Column("images", COUNT, "with ground truth"),
               Column("detections", COUNT, "before the cap"), *(Column(name, VALUE, HINTS.get(name, ""))
                                                                for name in metrics),
               Column("true positives", COUNT), Column("false positives", COUNT), Column("false negatives", COUNT))
    rows = tuple((one.name, one.n_gt, one.n_images, one.n_det, *(one.values.get(name) for name in metrics),
                  one.true_positives, one.false_positives, one.false_negatives) for one in scores.classes)
    return Table("classes", "Classes", columns, rows, note=f"Counts at {scores.counts_at}.", filter=True)


def _sizes(metrics: Mapping[str, float | None]) -> tuple[Section, ...]:
    """AP and AR by area range, of the metrics asked for."""
    found: dict[str, dict[str, float | None]] = {}
    for name, value in metrics.items():
        metric = parse_metric(name)
        if metric.area is not None and metric.kind in ("AP", "AR") and metric.category is None:
            what = metric.kind if metric.alias else name.replace(f"/area={metric.area}", "")
            found.setdefault(what, {})[metric.area] = value
    areas = tuple(dict.fromkeys(area for values in found.values() for area in values))
    if not areas:
        return ()
    series = {name: tuple(values.get(area) for area in areas) for name, values in found.items()}
    return (Bars("sizes", "Size of objects", "area range", ", ".join(series), areas, {"": series},
                 note="By the area of the ground truth."),)
