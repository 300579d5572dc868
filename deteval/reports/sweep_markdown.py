"""A sweep for a pull request or a notebook: GitHub-flavoured markdown."""

from deteval.records.sweep import Sweep
from deteval.reports.layout import Look
from deteval.reports.markdown import escape, markdown_table
from deteval.reports.sweep_rows import heading, rows
from deteval.reports.sweep_table import best_rows, swept_signature
from deteval.reports.sweep_words import explanation


def render_markdown(sweep: Sweep, look: Look) -> str:
    """The best points in words, then every point, those of the best in bold."""
    head, *lines = markdown_table([heading(sweep), *rows(sweep, look.value)]).split("\n")
    for row in best_rows(sweep):
        cells = lines[row + 1].removeprefix("| ").removesuffix(" |").split(" | ")
        lines[row + 1] = "| " + " | ".join(f"**{cell}**" if cell else "" for cell in cells) + " |"
    words = "\n".join(f"- {escape(text)}" for text in explanation(sweep, look))
    facts = f"`{swept_signature(sweep.plan)}` ground truth `{sweep.models[0].fingerprint}`"
    return "\n\n".join([*([words] if words else []), "\n".join([head, *lines]), facts]) + "\n"
