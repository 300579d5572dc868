"""Operating points for a pull request or a notebook: GitHub-flavoured markdown."""

import html

from deteval.records.operating_points import OperatingPoints
from deteval.records.params import signature
from deteval.reports.layout import Look
from deteval.reports.markdown import escape, markdown_table
from deteval.reports.operating_rows import LEGEND, class_cells, class_heading, select_classes, total_heading, total_rows
from deteval.reports.operating_words import explanation, title


def render_markdown(points: OperatingPoints, look: Look, per_class: str = "all") -> str:
    """What the table shows, all classes together first and single classes folded."""
    subject = " on ".join(one.path for one in points.inputs) or points.name
    blocks = [f"**{escape(subject)}**", escape(title(points)),
              markdown_table([total_heading(points), *total_rows(points, look)]),
              "\n".join([*(f"- {escape(text)}" for text in (LEGEND, *explanation(points, look))),
                         *(f"- warning: {escape(text)}" for text in points.remarks)])]
    chosen, which = select_classes(points, per_class)
    if chosen:
        table = markdown_table([class_heading(points), *(class_cells(one, points, look) for one in chosen)])
        blocks.append(f"<details><summary>{html.escape(which or 'classes')}</summary>\n\n{table}\n\n</details>")
    if points.findings:
        blocks.append("\n".join(f"- {one.severity}: {escape(one.message)} `{one.code}`" for one in points.findings))
    truth = f" ground truth `{points.fingerprint}`" if points.fingerprint else ""
    return "\n\n".join([*blocks, f"`{signature(points.params)}`{truth}"]) + "\n"
