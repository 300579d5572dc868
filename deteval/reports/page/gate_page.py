"""The page of `deteval gate`: the verdict, every demand, and why the metric moved."""

from deteval.records.explanation import Explanation
from deteval.records.gate import FAIL, FAILED, MAX_RISE, PASS, PASSED, Outcome, Verdict
from deteval.reports.gate_remarks import alpha_of, headline, left_untested, remarks
from deteval.reports.gate_rows import failures, soft, undecidable
from deteval.reports.gate_words import sentence
from deteval.reports.page.explanation_sections import explanation_sections
from deteval.reports.page.parts import filled, short_names, worth_saying
from deteval.reports.page.sections import (
    BAD,
    COUNT,
    DIFFERENCE,
    GOOD,
    UNSURE,
    VALUE,
    Bars,
    Column,
    Headline,
    Page,
    Pictures,
    Section,
    Table,
    Words,
)
from deteval.reports.page.sections import Verdict as Sentence

MOST_BARS = 40
MOST_HEADLINES = 8


def gate_page(verdict: Verdict, explained: Explanation | None = None, pictures: Pictures | None = None,
              digits: int = 4) -> Page:
    """A gate in full. explained: why the first AP moved; by default what the verdict holds of it."""
    explained = explained or verdict.explanation
    alpha = alpha_of(verdict)
    tone = {PASS: GOOD, FAIL: BAD}.get(verdict.status, UNSURE)
    facts = [("model", verdict.model), *([("baseline", verdict.baseline)] if verdict.baseline else []),
             ("signature", verdict.signature), ("fingerprint of the ground truth", verdict.fingerprint)]
    sections: list[Section] = [*_lines(verdict, alpha), *_outcomes(verdict, alpha)]
    if explained is not None:
        sections += explanation_sections(explained)
    if pictures is not None:
        sections.append(pictures)
    if text := (*remarks(verdict), *left_untested(verdict, everything=True)):
        sections.append(Words("method", "How this was tested", text))
    return Page(
        title=f"Gate of {short_names([verdict.model])[0]}", path=verdict.model, command="gate",
        verdict=Sentence(headline(verdict), tone, "Gate"),
        headlines=tuple(_headline(one) for one in _overall(verdict)), findings=worth_saying(verdict.findings),
        not_comparable=(), facts=tuple((name, text) for name, text in facts if text), sections=tuple(sections),
        digits=digits)


def _overall(verdict: Verdict) -> list[Outcome]:
    """Outcomes that are not of one class, failures first."""
    whole = [one for one in verdict.outcomes if one.class_name is None and one.value is not None]
    return sorted(whole, key=lambda one: one.status != FAILED)[:MOST_HEADLINES]


def _headline(one: Outcome) -> Headline:
    found, demand = one.estimate, one.rule.limit_text(one.limit)
    if one.limit == MAX_RISE:
        value = one.value if one.value is None or one.value != int(one.value) else int(one.value)
        return Headline(one.name, value, hint=f"{demand}: {one.status}")
    if one.difference is None:
        return Headline(one.name, one.value, hint=f"{demand}: {one.status}")
    return Headline(f"{one.name}, difference", one.difference, None if found is None else found.low,
                    None if found is None else found.high, signed=True, hint=f"{demand}: {one.status}",
                    toned=one.status == FAILED)


def _lines(verdict: Verdict, alpha: float) -> list[Section]:
    """Problems, failures, what cannot be decided, warnings; in sentences."""
    groups = (("problems", "Why nothing compares", list(verdict.problems)),
              ("failures", "What failed", [sentence(one, alpha) for one in failures(verdict)]),
              ("undecidable", "What cannot be decided", [sentence(one, alpha) for one in undecidable(verdict)]),
              ("warnings", "Warnings", [*(sentence(one, alpha) for one in soft(verdict)), *verdict.warnings]))
    return [Words(key, title, tuple(lines), listed=True) for key, title, lines in groups if lines]


def _outcomes(verdict: Verdict, alpha: float) -> list[Section]:
    columns = (Column("what"), Column("class"), Column("slice"), Column("demand"), Column("status"), Column("mode"),
               Column("value", VALUE), Column("baseline", VALUE), Column("difference", DIFFERENCE),
               Column("from", DIFFERENCE, "lower end of its interval"),
               Column("to", DIFFERENCE, "upper end of its interval"),
               Column("ground truths", COUNT), Column("message", hint="of what did not pass"))
    rows, totals = [], []
    for one in verdict.outcomes:
        found = one.estimate
        if one.rule.total:
            totals.append((one.rule.total, one.rule.slice, one.rule.limit_text(one.limit), one.status,
                           _whole(one.value), _whole(one.base), _whole(one.difference), sentence(one, alpha)))
            continue
        rows.append((str(one.rule.metric), one.class_name or "", one.rule.slice, one.rule.limit_text(one.limit),
                     one.status, one.mode, one.value, one.base, one.difference,
                     None if found is None else found.low, None if found is None else found.high, one.n_gt,
                     "" if one.status == PASSED else sentence(one, alpha)))
    sections: list[Section] = []
    tested = [one for one in verdict.outcomes if one.difference is not None and one.limit != MAX_RISE]
    tested = sorted(tested, key=lambda one: one.difference or 0.0)[:MOST_BARS]
    if tested:
        known = any(one.estimate is not None and one.estimate.low is not None for one in tested)
        sections.append(Bars(
            "differences", "Differences from the baseline, the worst first", "difference, new minus baseline", "what",
            tuple(dict.fromkeys(f"{one.name}, {one.rule.limit_text(one.limit)}" for one in tested)),
            {"": {"difference": tuple({f"{one.name}, {one.rule.limit_text(one.limit)}": one.difference
                                       for one in tested}.values())}},
            low=_ends(tested, "low") if known else {}, high=_ends(tested, "high") if known else {}, horizontal=True,
            note="A hollow sign: no difference is proven." if known else ""))
    if rows:
        sections.append(filled(Table("outcomes", "All demands on metrics", columns, tuple(rows), filter=len(rows) > 5,
                                     judged=4)))
    if totals:
        sections.append(filled(Table("totals", "All demands on totals", (
            Column("what"), Column("slice"), Column("demand"), Column("status"), Column("value", COUNT),
            Column("baseline", COUNT), Column("difference", COUNT), Column("message")), tuple(totals))))
    return sections


def _ends(tested: list[Outcome], end: str) -> dict[str, tuple[float | None, ...]]:
    """One end of the intervals, each name once."""
    values = {f"{one.name}, {one.rule.limit_text(one.limit)}":
              None if one.estimate is None else getattr(one.estimate, end) for one in tested}
    return {"difference": tuple(values.values())}


def _whole(value: float | None) -> int | float | None:
    return int(value) if value is not None and value == int(value) else value
