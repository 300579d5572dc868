"""Scores for a person at a terminal: classes, headline numbers, counts, findings."""

from collections.abc import Sequence

from deteval.records.findings import ERROR, NOTE, Finding
from deteval.records.params import signature
from deteval.records.scores import ClassScores, Scores
from deteval.reports.layout import BOLD, DIM, RED, YELLOW, Look, cells, columns, printable, wrapped

ALL, NONE = "all", "none"
DROPPED_FIRST = ("n_images", "AP75", "AP@.75", "AP50", "AP@.5", "n_det", "AR")
"""Columns that a narrow screen loses first: the counts that AP hides stay."""


def render_table(scores: Scores, look: Look, per_class: str = ALL) -> str:
    """The whole report as text. per_class: `all`, `none` or `worst:N`."""
    lines = [*heading(scores, look), ""]
    if per_class != NONE:
        lines += [*class_table(scores, look, per_class), ""]
    lines += cells(list(scores.metrics), [look.value(value) for value in scores.metrics.values()], look)
    for name, reason in scores.undefined.items():
        lines += wrapped(f"{name} is undefined: {reason}", look)
    for reason in scores.not_comparable:
        lines += wrapped(f"not comparable to COCO: {reason}", look)
    lines += ["", *totals_lines(scores, look)]
    if scores.findings:
        lines += ["", *findings_lines(scores.findings, look)]
    return "\n".join(lines) + "\n"


def heading(scores: Scores, look: Look) -> list[str]:
    """What was scored, under which settings, against which ground truth."""
    names = [printable(one.path) for one in scores.inputs]
    subject = f"{', '.join(names[:-1])} on {names[-1]}" if len(names) > 1 else ", ".join(names)
    lines = wrapped(look.style(subject, BOLD) if look.width is None else subject, look)
    settings = wrapped(f"{signature(scores.params)}\nground truth {scores.fingerprint}", look)
    return [*lines, *(look.style(line, DIM) for line in settings)]


def select_classes(scores: Scores, per_class: str) -> Sequence[ClassScores]:
    """All classes, or the N of lowest AP (`worst:N`), undefined ones aside."""
    if per_class == NONE:
        return ()
    if per_class == ALL:
        return scores.classes
    count = int(per_class.partition(":")[2])
    defined = [one for one in scores.classes if one.values["AP"] is not None]
    return sorted(defined, key=lambda one: one.values["AP"] or 0.0)[:count]


def class_heading(scores: Scores) -> list[str]:
    """Column names of the per-class table."""
    metrics = list(scores.classes[0].values) if scores.classes else []
    return ["id", "class", "n_gt", "n_images", "n_det", *metrics, "TP", "FP", "FN"]


def class_cells(one: ClassScores, look: Look) -> list[str]:
    """One row of the per-class table."""
    return [printable(str(one.id)), printable(one.name), f"{one.n_gt:,}", f"{one.n_images:,}", f"{one.n_det:,}",
            *(look.value(value) for value in one.values.values()),
            f"{one.true_positives:,}", f"{one.false_positives:,}", f"{one.false_negatives:,}"]


def class_table(scores: Scores, look: Look, per_class: str) -> list[str]:
    """The per-class table and where its counts were taken."""
    chosen = select_classes(scores, per_class)
    title = f"the {len(chosen)} of {len(scores.classes)} classes with the lowest AP" if per_class != ALL else ""
    lines = [look.style(title, DIM)] if title else []
    heading = class_heading(scores)
    optional = [heading.index(name) for name in DROPPED_FIRST if name in heading]
    lines += columns([heading, *(class_cells(one, look) for one in chosen)], look, left=2, names=1, optional=optional)
    return [*lines, *(look.style(line, DIM) for line in wrapped(f"TP, FP, FN at {scores.counts_at}", look))]


def totals_lines(scores: Scores, look: Look) -> list[str]:
    """The counts that AP hides."""
    totals = scores.totals
    rows = [["counts", ""], *([name.replace("_", " ").replace("n ", "", 1) if name.startswith("n_") else
                               name.replace("_", " "), f"{value:,}"] for name, value in totals.items())]
    names = {"images": "images", "gt": "ground truths", "det": "detections"}
    rows = [[names.get(name, name), value] for name, value in rows]
    return columns(rows, look)


def findings_lines(findings: Sequence[Finding], look: Look) -> list[str]:
    """Findings, errors first, notes last."""
    colours = {ERROR: RED, NOTE: DIM}
    ranks = {ERROR: 0, NOTE: 2}
    lines = []
    for finding in sorted(findings, key=lambda one: ranks.get(one.severity, 1)):
        first, *rest = wrapped(f"{finding.severity}: {printable(finding.message)} [{finding.code}]", look)
        mark, colon, text = first.partition(":")
        lines += [look.style(mark, colours.get(finding.severity, YELLOW)) + colon + text, *rest]
    return lines
