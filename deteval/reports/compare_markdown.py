"""A comparison for a pull request or a notebook: GitHub-flavoured markdown."""

import html

from deteval.errors import counted
from deteval.records.comparison import Comparison, Comparisons, Part
from deteval.records.params import signature
from deteval.reports.compare_table import Show, cells, class_cells, class_heading, heading, select_classes
from deteval.reports.compare_words import explanation, outcome
from deteval.reports.layout import Look
from deteval.reports.markdown import escape, markdown_table


def render_markdown(comparisons: Comparisons, look: Look, show: Show) -> str:
    """What the table shows, the outcome before the numbers and classes folded."""
    blocks: list[str] = []
    for one in comparisons.comparisons:
        blocks.append(f"**{escape(one.new.name)}** against **{escape(one.base.name)}**")
        for part in one.parts:
            blocks += _part(one, part, comparisons, look, show)
    remarks = [f"- warning: {escape(text)}" for text in comparisons.remarks]
    blocks.append("\n".join([*(f"- {escape(text)}" for text in explanation(comparisons, show.power)), *remarks]))
    first = comparisons.comparisons[0].base
    truth = f" ground truth `{first.fingerprint}`" if first.fingerprint else ""
    return "\n\n".join([*blocks, f"`{signature(comparisons.params)}`{truth}"]) + "\n"


def _part(one: Comparison, part: Part, comparisons: Comparisons, look: Look, show: Show) -> list[str]:
    alpha = comparisons.alpha
    blocks = [f"**slice {escape(part.name)}**: {counted(part.n_images, 'image')}"] if part.name else []
    blocks.append("\n".join(f"- {escape(text)}" for text in outcome(one, part, alpha, comparisons.class_metric)))
    if part.metrics:
        rows = [heading(alpha, show), *(cells(each, alpha, look, show) for each in part.metrics)]
        blocks.append(markdown_table(rows))
    chosen, title = select_classes(part, show, comparisons.class_metric)
    if chosen:
        table = markdown_table([class_heading(alpha, show), *(class_cells(each, alpha, look, show) for each in chosen)])
        blocks.append(f"<details><summary>{html.escape(title)}</summary>\n\n{table}\n\n</details>")
    elif title:
        blocks.append(escape(title))
    return blocks
