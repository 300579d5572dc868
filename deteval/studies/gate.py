"""Did the model get worse than the rules of a gate allow? From a run and a baseline to a verdict."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from deteval.agreement import check_agreement, setting_differences
from deteval.errors import DetevalError, counted
from deteval.gating.limits import judge_rule
from deteval.gating.parts import Part, Progress, Question, measure_part
from deteval.gating.sides import Side, check_belongs, side_of_run
from deteval.inference.weights import cluster_warning
from deteval.loading.clusters import looks_like_video
from deteval.records.baseline import Baseline, settings_of, version_of
from deteval.records.findings import NOTE
from deteval.records.gate import PASSED, Outcome, Verdict, is_wide
from deteval.records.params import signature
from deteval.records.run import Run
from deteval.records.scores import settings_dict


def judge(question: Question, progress: Progress | None = None) -> Verdict:
    """Every rule tested, each class of it by itself. progress: gets the share done, 0 to 1.

    What does not compare with the baseline is undecidable; rules that need none are decided all the same.
    """
    config, baseline, run = question.config, question.baseline, question.run
    needed = any(rule.needs_baseline for rule in config.rules)
    problems = _problems(baseline, run) if baseline is not None and needed else ()
    if baseline is not None and needed and not problems:
        check_belongs(baseline, question.threads)
    names = list(dict.fromkeys(rule.slice for rule in config.rules))
    parts = {}
    for place, name in enumerate(names):
        def report(share: float, place: int = place) -> None:
            if progress is not None:
                progress((place + share) / len(names))

        parts[name] = measure_part(question, name, problems, report)
    outcomes = [outcome for rule, classes, named in zip(config.rules, question.targets.classes, question.targets.named,
                                                        strict=True)
                for outcome in judge_rule(rule, classes, named, parts[rule.slice])]
    paired = next((part.paired for part in parts.values() if part.paired is not None), None)
    return Verdict(
        outcomes=tuple(outcomes), problems=problems, warnings=_warnings(question, parts, outcomes), model=run.name,
        baseline=baseline.name if baseline is not None else "", signature=signature(run.evidence.params),
        fingerprint=run.fingerprint, resampling=None if paired is None else question.resampling,
        units=None if paired is None else paired.units,
        unpaired="" if baseline is None or baseline.run is not None else baseline.why_unpaired,
        findings=tuple(one for one in _whole(question, parts).findings if one.severity != NOTE
                       and one.code != "nothing-evaluable"),
    )


def _whole(question: Question, parts: Mapping[str, Part]) -> Side:
    return parts[""].new if "" in parts else side_of_run(question.run, (), (), question.threads)


def _problems(baseline: Baseline, run: Run) -> tuple[str, ...]:
    """Why nothing of the baseline compares with this run: other settings, ground truth or allowances."""
    ours = settings_of(signature(run.evidence.params))
    if settings_of(baseline.signature) != ours:
        new = settings_dict(run.evidence.params)
        differ = setting_differences({name: baseline.settings.get(name) for name in new}, new)
        what = "; ".join(differ) or f"{ours}, the base's are {settings_of(baseline.signature)}"
        return (f"{run.name} does not compare with {baseline.name}: the settings differ: {what}",)
    other = baseline.run
    if other is None:
        if baseline.fingerprint != run.fingerprint:
            theirs = (counted(baseline.totals.get("n_images", 0), "image") + " and "
                      + counted(baseline.totals.get("n_gt", 0), "object"))
            reason = (f"the ground truths differ: fingerprint {run.fingerprint} of {_extent(run)}, the baseline's is "
                      f"{baseline.fingerprint} of {theirs}")
            return (f"{run.name} does not compare with {baseline.name}: {reason}",)
        other = replace(run, name=baseline.name, not_comparable=baseline.not_comparable, reading=baseline.settings)
    try:
        check_agreement(other, run)
    except DetevalError as error:
        return (str(error),)
    return ()


def _extent(run: Run) -> str:
    counting = int((~run.evidence.gt_ignored[:, 0]).sum())
    return f"{counted(len(run.evidence.images), 'image')} and {counted(counting, 'object')}"


def _warnings(question: Question, parts: Mapping[str, Part], outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """What else must be known."""
    baseline, run = question.baseline, question.run
    found = [f"{mute.place}: the mute of {', '.join(mute.classes)} ended on {mute.until} and mutes no longer (its "
             f"reason was: {mute.reason}); take it out, or give it another day" for mute in question.targets.expired]
    if baseline is not None:
        ours, theirs = version_of(signature(run.evidence.params)), version_of(baseline.signature)
        if theirs and ours != theirs:
            found.append(f"{baseline.name} was scored by deteval {theirs}, this run by {ours}; the changelog says "
                         "which numbers changed, if any")
        if baseline.run is None and "is not there" in baseline.why_unpaired:
            found.append(f"{baseline.why_unpaired}: differences are not tested")
    found += [f"{rule.place}: max_drop {rule.max_drop.text} allows {100 * rule.max_drop.amount:g} points; write "
              f"{rule.max_drop.text}pt for {rule.max_drop.text} points" for rule in question.config.rules
              if rule.max_drop is not None and is_wide(rule.max_drop)]
    found += [f"{one.rule.place}: {one.name}: {one.estimate.reason}: nothing changed this time, but a model that "
              "changes cannot be tested there; mode: plain compares without a test" for one in outcomes
              if one.status == PASSED and one.class_name is None and one.estimate is not None and one.estimate.reason]
    paired = next((part.paired for part in parts.values() if part.paired is not None), None)
    if paired is not None:
        found.append(cluster_warning(paired.units))
        if question.clusters is None:
            found.append(looks_like_video(run.evidence.images))
    return tuple(text for text in found if text)
