"""Scores for a pull request or a notebook: GitHub-flavoured markdown."""

from collections.abc import Sequence

from deteval.records.params import signature
from deteval.records.scores import Scores
from deteval.reports.layout import Look, printable
from deteval.reports.table import ALL, NONE, class_cells, class_heading, select_classes


def render_markdown(scores: Scores, look: Look, per_class: str = ALL) -> str:
    """Headline numbers, counts, findings and classes as markdown tables."""
    names, values = list(scores.metrics), [look.value(value) for value in scores.metrics.values()]
    blocks = [
        f"**{escape(' on '.join(one.path for one in scores.inputs))}**",
        markdown_table([names, values]),
        *(f"{escape(name)} is undefined: {escape(reason)}" for name, reason in scores.undefined.items()),
        markdown_table([["count", "value"], *([name, f"{value:,}"] for name, value in scores.totals.items())]),
    ]
    if scores.findings or scores.not_comparable:
        lines = [f"- {one.severity}: {escape(one.message)} `{one.code}`" for one in scores.findings]
        blocks.append("\n".join(lines + [f"- not comparable to COCO: {escape(why)}" for why in scores.not_comparable]))
    if per_class != NONE:
        rows = [class_heading(scores), *(class_cells(one, look) for one in select_classes(scores, per_class))]
        blocks += [markdown_table(rows), f"TP, FP, FN at {scores.counts_at}."]
    blocks.append(f"`{signature(scores.params)}` ground truth `{scores.fingerprint}`")
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """A name from data, so that it cannot become markup."""
    text = printable(text)
    for character in "\\`*_{}[]<>|#~":
        text = text.replace(character, "\\" + character)
    return text.replace("&", "&amp;")


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A markdown table, its first row the heading."""
    heading, *body = ([escape(cell) for cell in row] for row in rows)
    lines = [heading, ["---"] * len(heading), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
