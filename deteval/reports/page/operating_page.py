"""The page of `deteval operating-points`: the cuts, what they are worth, and the curves that they were read from."""

from deteval.records.operating_points import THRESHOLD, OperatingPoints, Overall, Part
from deteval.reports.layout import Look
from deteval.reports.operating_words import explanation, goal, title
from deteval.reports.page.curve_sections import curve_sections
from deteval.reports.page.parts import facts_of, filled, input_facts, short_names, worth_saying
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
        Words("outcome", "What the cuts are", (title(points), *explanation(points, Look(digits=digits))), listed=True),
        _overall_table(points), _class_table(points), *_trust(points),
        *curve_sections(curves, cuts, one.threshold, with_recall=False)]
    if points.remarks:
        sections.append(Words("remarks", "Remarks", points.remarks, listed=True))
    return Page(
        title=f"Operating points of {short_names([points.name])[0] or 'detections'}", path=points.name,
        command="operating-points",
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
    """Columns of the rates, and their names."""
    names = list(points.criterion.rates)
    return [Column(name, VALUE) for name in names], names


def _trust(points: OperatingPoints) -> list[Section]:
    """How far to trust the cuts: intervals, and rates on other images; nothing where none were asked for."""
    if points.resampling is None and points.splits is None:
        return []
    names, columns = list(points.criterion.rates), [Column("what")]
    if points.resampling is not None:
        for name in ("cut", *names):
            columns += [Column(f"{name} from", VALUE, "lower end of the interval, on new images"),
                        Column(f"{name} to", VALUE, "upper end of the interval")]
    if points.splits is not None:
        columns += [Column(f"{name} elsewhere", VALUE, "chosen on one half of the images, measured on the other")
                    for name in names]
    parts = [(f"{what}, {average}", part) for what, one in (("own cuts", points.own), ("one cut", points.one))
             for average, part in (("macro", one.macro), ("micro", one.micro))]
    parts += [(one.name, one.part) for one in points.classes]
    rows = tuple((name, *_trusted(points, part, names)) for name, part in parts)
    return [filled(Table("trust", "How far to trust them", tuple(columns), rows, filter=len(rows) > 10))]


def _trusted(points: OperatingPoints, part: Part, names: list[str]) -> list[float | None]:
    cells: list[float | None] = []
    if points.resampling is not None:
        for name in (THRESHOLD, *names):
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
        return (what, average, one.threshold, *map(part.rates.get, names), counts.true_positives,
                counts.false_positives, counts.false_negatives)

    rows = tuple(row(what, average, one, part) for what, one in (("own cuts", points.own), ("one cut", points.one))
                 for average, part in (("macro", one.macro), ("micro", one.micro)))
    return Table("overall", "All classes", (
        Column("cuts"), Column("average", hint="macro: mean of the classes; micro: counts of all classes pooled"),
        Column("cut", VALUE), *columns, Column("true positives", COUNT), Column("false positives", COUNT),
        Column("false negatives", COUNT)), rows)


def _class_table(points: OperatingPoints) -> Table:
    columns, names = _rates(points)
    rows = tuple((one.name, one.n_gt, one.n_images, one.threshold,
                  one.ap, *map(one.part.rates.get, names),
                  one.counts.true_positives, one.counts.false_positives, one.counts.false_negatives, one.reason)
                 for one in points.classes)
    return filled(Table("classes", "Classes", (
        Column("class"), Column("ground truths", COUNT), Column("images", COUNT), Column("cut", VALUE),
        Column("AP", VALUE), *columns, Column("true positives", COUNT), Column("false positives", COUNT),
        Column("false negatives", COUNT), Column("remark")), rows, filter=True))
