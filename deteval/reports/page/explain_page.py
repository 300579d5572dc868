"""The page of `deteval explain`: one model alone, or what changed from a base."""

from deteval.records.diagnosis import Diagnosis
from deteval.records.explanation import Explanation
from deteval.records.numbers import threshold_text
from deteval.records.params import signature
from deteval.records.scores import settings_dict
from deteval.reports.page.diagnosis_sections import diagnosis_sections, image_table, opening_sections
from deteval.reports.page.explanation_sections import explanation_sections, summary
from deteval.reports.page.parts import facts_of, input_facts, settings_facts, short_names, worth_saying
from deteval.reports.page.sections import PLAIN, Headline, Page, Pictures, Section, Verdict


def diagnosis_page(found: Diagnosis, pictures: Pictures | None = None, digits: int = 4) -> Page:
    """What keeps one model from a higher AP."""
    table = image_table(found.images, found.iou)
    sections: list[Section] = [*opening_sections(found), *diagnosis_sections(found),
                               *([] if table is None else [table]), *([] if pictures is None else [pictures])]
    totals = [("images", f"{found.n_images:,}"), ("ground truths", f"{found.n_gt:,}"),
              ("detections", f"{found.n_det:,}"), ("errors told at", f"IoU {threshold_text(found.iou)}")]
    return Page(
        title=f"Errors of {short_names([found.name])[0] or 'detections'}", path=found.name,
        command="explain", verdict=None,
        headlines=tuple(Headline(name, value) for name, value in found.metrics.items()),
        findings=worth_saying(found.findings), not_comparable=found.not_comparable,
        facts=(*input_facts(found.inputs), *totals,
               *facts_of(found.params, found.fingerprint, found.reading, found.versions)),
        sections=tuple(sections), digits=digits)


def explanation_page(found: Explanation, pictures: Pictures | None = None, digits: int = 4) -> Page:
    """Why a metric changed."""
    models = (found.base, found.new)
    facts = [("base", found.base.name), ("new", found.new.name),
             *input_facts(each for model in models for each in model.inputs), ("images", f"{found.n_images:,}"),
             ("signature", signature(found.params)), *settings_facts(settings_dict(found.params)),
             ("kinds of change told at", f"IoU {threshold_text(found.iou)}"),
             *([("versions", ", ".join(f"{name} {text}" for name, text in found.versions.items()))]
               if found.versions else [])]
    return Page(
        title=" to ".join(short_names([one.name for one in models])), path=", ".join(one.name for one in models),
        command="explain",
        verdict=Verdict(summary(found), PLAIN),
        headlines=(Headline(f"{found.metric}, difference", found.difference, signed=True),
                   Headline(f"{found.metric} of base", found.base_value),
                   Headline(f"{found.metric} of new", found.new_value)),
        findings=worth_saying(finding for model in models for finding in model.findings),
        not_comparable=tuple(dict.fromkeys(why for model in models for why in model.not_comparable)),
        facts=tuple(facts),
        sections=(*explanation_sections(found), *(() if pictures is None else (pictures,))), digits=digits)
