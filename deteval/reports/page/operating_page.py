"""The page of `deteval operating-points`: the cuts, what they are worth, and the curves that they were read from."""

from deteval.records.operating_points import THRESHOLD, OperatingPoints, Overall, Part
from deteval.reports.layout import Look
from deteval.reports.operating_words import explanation, goal, title
from deteval.reports.page.curve_sections import curve_sections
from deteval.reports.page.parts import facts_of, input_facts, worth_saying
from deteval.reports.page.sections import COUNT, PLAIN, VALUE, Column, Headline, Page, Section, Table, Verdict, Words
from deteval.score_curves import ScoreCurves


def operating_page(points: OperatingPoints, curves: ScoreCurves, digits: int = 4) -> Page:
    """Cuts of all classes."""
    own, one, main = points.own, points.one, points.criterion.main
    cut = "no cut for all classes" + (f": {one.reason}" if one.reason else "") if one.threshold is None else \
        f"One cut for all classes: {one.threshold:.{digits}f}"
    facts = [("chosen by", goal(points.criterion)), *input_facts(points.inputs), ("counts at", str(points.counts_at)),
             ("images", f"{points.n_images:,}"), ("ground truths", f"{points.n_gt:,}"),
             *facts_of(points.params, points.fingerprint, points.reading, points.versions)]
    cuts = {each.name: each.threshold for each in points.classes}
    sections: list[Section] = [
        Words("outcome", "What the cuts are", (title(points), *explanation(points, Look(digits=digits)))),
        _overall_table(points), _class_table(points), *curve_sections(curves, cuts, one.threshold, with_recall=False)]
    if points.remarks:
        sections.append(Words("remarks", "Remarks", points.remarks))
    return Page(
        title=f"Operating points of {points.name or 'detections'}", command="operating-points",
        verdict=Verdict(cut, PLAIN), headlines=(
            _headline(f"{main}, own cuts (macro)", own.macro, main),
            _headline(f"{main}, one cut (micro)", one.micro, main),
            *(_headline(f"{name}, own cuts (micro)", own.micro, name) for name in ("precision", "recall")),
            Headline("AP", points.ap, hint=f"at {points.counts_at}")),
        findings=worth_saying(points.findings), not_comparable=(), facts=tuple(facts),
        sections=tuple(sections), digits=digits)


def _headline(name: str, part: Part, rate: str) -> Headline:
    limits = None if part.intervals is None else part.intervals.limits.get(rate)
    low, high = (None, None) if limits is None else limits
    return Headline(name, part.rates.get(rate), low, high)


def _rates(points: OperatingPoints) -> tuple[list[Column], list[str]]:
    names = list(points.criterion.rates)
    columns = [Column(name, VALUE) for name in names]
    if points.resampling is not None:
        for name in names:
            columns += [Column(f"{name} low", VALUE, "end of the interval, on new images"),
                        Column(f"{name} high", VALUE)]
    if points.splits is not None:
        columns += [Column(f"{name} elsewhere", VALUE, "chosen on one half of the images, measured on the other")
                    for name in names]
    return columns, names


def _cells(points: OperatingPoints, part: Part, names: list[str]) -> list[float | None]:
    cells = [part.rates.get(name) for name in names]
    if points.resampling is not None:
        for name in names:
            cells += _limits(part, name)
    if points.splits is not None:
        cells += [None if part.stability is None else part.stability.other.get(name) for name in names]
    return cells


def _limits(part: Part, name: str) -> list[float | None]:
    found = None if part.intervals is None else part.intervals.limits.get(name)
    return [None, None] if found is None else [found[0], found[1]]


def _overall_table(points: OperatingPoints) -> Table:
    columns, names = _rates(points)

    def row(what: str, average: str, one: Overall, part: Part) -> tuple[object, ...]:
        counts = one.counts
        return (what, average, one.threshold, *_cells(points, part, names), counts.true_positives,
                counts.false_positives, counts.false_negatives)

    rows = tuple(row(what, average, one, part) for what, one in (("own cuts", points.own), ("one cut", points.one))
                 for average, part in (("macro", one.macro), ("micro", one.micro)))
    return Table("overall", "All classes", (
        Column("cuts"), Column("average", hint="macro: mean of the classes; micro: counts of all classes pooled"),
        Column("cut", VALUE), *columns, Column("true positives", COUNT), Column("false positives", COUNT),
        Column("false negatives", COUNT)), rows)


def _class_table(points: OperatingPoints) -> Table:
    columns, names = _rates(points)
    ends = [Column("cut low", VALUE, "end of the interval"), Column("cut high", VALUE)] \
        if points.resampling is not None else []
    rows = tuple((one.name, one.n_gt, one.n_images, one.threshold,
                  *(_limits(one.part, THRESHOLD) if ends else ()), one.ap, *_cells(points, one.part, names),
                  one.counts.true_positives, one.counts.false_positives, one.counts.false_negatives, one.reason)
                 for one in points.classes)
    return Table("classes", "Classes", (
        Column("class"), Column("ground truths", COUNT), Column("images", COUNT), Column("cut", VALUE), *ends,
        Column("AP", VALUE), *columns, Column("true positives", COUNT), Column("false positives", COUNT),
        Column("false negatives", COUNT), Column("remark")), rows, filter=True)
