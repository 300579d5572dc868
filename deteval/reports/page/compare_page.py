"""The page of `deteval compare`: differences with intervals, then what explains them."""

from collections.abc import Sequence

from deteval.records.comparison import Comparison, Comparisons, Part
from deteval.records.explanation import Explanation
from deteval.records.params import signature
from deteval.records.resampling import Estimate
from deteval.records.scores import settings_dict
from deteval.reports.compare_words import explanation, outcome, verdict
from deteval.reports.page.explanation_sections import explanation_sections
from deteval.reports.page.parts import input_facts, settings_facts, short_names, worth_saying
from deteval.reports.page.sections import (
    BAD,
    COUNT,
    DIFFERENCE,
    GOOD,
    PLAIN,
    UNSURE,
    VALUE,
    Bars,
    Column,
    Headline,
    Page,
    Pictures,
    Section,
    Table,
    Verdict,
    Words,
)

MOST_BARS = 30
"""Classes in the chart of intervals, those with the largest differences."""
WORDS = {"drop": "Drop proven", "rise": "Rise proven", "no": "Not proven", "no verdict": "No verdict",
         "identical": "Identical"}
"""What a verdict is called above the page and below a number."""
COLUMNS = (
    Column("base", VALUE), Column("new", VALUE), Column("difference", DIFFERENCE, "new minus base"),
    Column("from", DIFFERENCE, "lower end of its interval"), Column("to", DIFFERENCE, "upper end of its interval"),
    Column("p", VALUE, "the smallest alpha whose interval excludes 0"),
    Column("detectable", VALUE, "the drop that this test set shows with 80 % probability"), Column("proven"))


def compare_page(result: Comparisons, explained: Sequence[tuple[Explanation | None, Pictures | None]] = (),
                 digits: int = 4) -> Page:
    """All new models against the base. explained: of each, with pictures where they are at hand."""
    first, several = result.comparisons[0], len(result.comparisons) > 1
    base, *names = short_names([first.base.name, *(one.new.name for one in result.comparisons)])
    sections: list[Section] = []
    for place, one in enumerate(result.comparisons):
        prefix = f"new{place + 1}-" if several else ""
        sections += _sections(one, result, prefix, f": {names[place]}" if several else "")
        if one.identical:
            continue
        why, pictures = explained[place] if place < len(explained) else (None, None)
        if why is not None:
            sections += _named(explanation_sections(why, prefix), names[place] if several else "")
        if pictures is not None:
            sections.append(pictures)
    sections.append(Words("method", "How this was tested", (*explanation(result), *result.remarks)))
    models = [first.base, *(one.new for one in result.comparisons)]
    facts = [("base", first.base.name), *(("new", one.new.name) for one in result.comparisons),
             *input_facts(each for model in models for each in model.inputs),
             ("signature", signature(result.params)), *settings_facts(settings_dict(result.params)),
             *([("fingerprint of the ground truth", first.base.fingerprint)] if first.base.fingerprint else [])]
    return Page(
        title=f"{base} against {', '.join(names)}", path=", ".join(one.name for one in models),
        command="compare", verdict=_verdict(result, names),
        headlines=tuple(_headline(one, f"{one.metric} of {name}" if several else one.metric, result)
                        for name, each in zip(names, result.comparisons, strict=True)
                        for one in each.whole.metrics[: 3 if several else 12]),
        findings=worth_saying(finding for model in models for finding in model.findings),
        not_comparable=tuple(dict.fromkeys(why for model in models for why in model.not_comparable)),
        facts=tuple(facts), sections=tuple(sections), digits=digits)


def _verdict(result: Comparisons, names: Sequence[str]) -> Verdict:
    """What the first metric shows of each model; the worst of them sets the tone."""
    texts, words = [], []
    for name, one in zip(names, result.comparisons, strict=True):
        text = " ".join(outcome(one, one.whole, result.alpha, result.class_metric)[:1])
        texts.append(f"{name}: {text}" if len(result.comparisons) > 1 else text)
        metrics = one.whole.metrics
        words.append("identical" if one.identical or not metrics else verdict(metrics[0]))
    if result.alpha is None:
        return Verdict(" ".join(texts), PLAIN, "Not tested" if set(words) != {"identical"} else WORDS["identical"])
    word = next(each for each in ("drop", "no verdict", "no", "rise", "identical") if each in words)
    return Verdict(" ".join(texts), {"drop": BAD, "rise": GOOD, "identical": PLAIN}.get(word, UNSURE), WORDS[word])


def _headline(one: Estimate, name: str, result: Comparisons) -> Headline:
    values = "" if one.base is None or one.new is None else f"{one.base:.4f} in base, {one.new:.4f} in new"
    word = "" if result.alpha is None or one.difference is None else f"{WORDS[verdict(one)].lower()}; "
    return Headline(name, one.difference, one.low, one.high, signed=True, hint=word + (values or one.reason),
                    toned=result.alpha is not None and verdict(one) in ("drop", "rise"))


def _sections(one: Comparison, result: Comparisons, prefix: str, apart: str) -> list[Section]:
    told = tuple(outcome(one, one.whole, result.alpha, result.class_metric))
    sections: list[Section] = [
        Words(f"{prefix}outcome", f"What the comparison shows{apart}", told, listed=len(told) > 1)]
    if one.identical:
        return [*sections, Table(f"{prefix}metrics", f"Metrics{apart}", (Column("metric"), Column("both", VALUE)),
                                 tuple((each.metric, each.new) for each in one.whole.metrics))]
    sections += _part(one.whole, result, prefix, apart)
    if one.slices:
        rows = [(part.name, part.n_images, *_cells(part.metrics[0], result)) for part in one.slices if part.metrics]
        sections.append(Table(
            f"{prefix}slices", f"Slices{apart}, in {one.whole.metrics[0].metric}",
            (Column("slice"), Column("images", COUNT), *COLUMNS), tuple(rows), filter=len(rows) > 10, judged=-1))
        everything = [(part.name, each.metric, *_cells(each, result)) for part in one.slices for each in part.metrics]
        if len(one.whole.metrics) > 1:
            sections.append(Table(f"{prefix}slice-metrics", f"All metrics of the slices{apart}",
                                  (Column("slice"), Column("metric"), *COLUMNS), tuple(everything), filter=True,
                                  judged=-1))
        by_class = [(part.name, each.name, each.n_gt, *_cells(each.estimate, result)) for part in one.slices
                    for each in part.classes]
        if by_class:
            sections.append(Table(
                f"{prefix}slice-classes", f"Classes of the slices{apart}, in {result.class_metric}",
                (Column("slice"), Column("class"), Column("ground truths", COUNT), *COLUMNS), tuple(by_class),
                filter=True, judged=-1))
    return sections


def _part(part: Part, result: Comparisons, prefix: str, apart: str) -> list[Section]:
    """Charts and tables of metrics and classes."""
    moved = sorted((one for one in part.classes if one.estimate.difference is not None),
                   key=lambda one: -abs(one.estimate.difference or 0.0))[:MOST_BARS]
    sections: list[Section] = [
        _intervals(f"{prefix}differences", f"Differences{apart}", "metric",
                   [(one.metric, one) for one in part.metrics if one.difference is not None]),
        Table(f"{prefix}metrics", f"Metrics{apart}", (Column("metric"), *COLUMNS),
              tuple((one.metric, *_cells(one, result)) for one in part.metrics), judged=-1)]
    if part.classes:
        title = f"Classes{apart}, in {result.class_metric}"
        if moved:
            sections.append(_intervals(f"{prefix}class-differences", f"{title}: the largest differences", "class",
                                       [(one.name, one.estimate) for one in moved]))
        rows = tuple((one.name, one.n_gt, one.n_images, *_cells(one.estimate, result)) for one in part.classes)
        sections.append(Table(f"{prefix}classes", title, (
            Column("class"), Column("ground truths", COUNT), Column("images", COUNT), *COLUMNS), rows, filter=True,
            judged=-1))
    return sections


def _intervals(key: str, title: str, what: str, named: Sequence[tuple[str, Estimate]]) -> Bars:
    known = any(one.low is not None for _, one in named)
    return Bars(key, title, "difference, new minus base", what, tuple(name for name, _ in named),
                {"": {"difference": tuple(one.difference for _, one in named)}},
                low={"difference": tuple(one.low for _, one in named)} if known else {},
                high={"difference": tuple(one.high for _, one in named)} if known else {}, horizontal=True,
                note="A difference is proven where its interval excludes 0; a hollow sign is not proven." if known else
                "Nothing was resampled: no interval says what chance could have done.")


def _cells(one: Estimate, result: Comparisons) -> tuple[float | str | None, ...]:
    return (one.base, one.new, one.difference, one.low, one.high, one.p_value, one.detectable,
            "not tested" if result.alpha is None else verdict(one))


def _named(sections: Sequence[Section], name: str) -> list[Section]:
    """Sections with the name of a model in their titles."""
    from msgspec.structs import replace

    return [replace(one, title=f"{one.title}: {name}") if name else one for one in sections]
