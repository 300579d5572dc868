"""A sheet for a pull request or a notebook: GitHub-flavoured markdown, every table but the headline folded."""

import html

from deteval.reports.markdown import escape, markdown_table
from deteval.reports.sheet import Section, Sheet


def render_markdown(sheet: Sheet) -> str:
    """What the table shows: what stands out first, tables folded."""
    blocks = [f"{role} **{escape(name)}**".strip() for role, name in sheet.subject]
    blocks.append(markdown_table(sheet.headline.rows))
    if sheet.remarks:
        blocks.append("\n".join(f"- {escape(text)}" for text in sheet.remarks))
    for section in sheet.sections:
        blocks += _section(section)
    if sheet.notes:
        blocks.append("\n".join(f"- {escape(text)}" for text in sheet.notes))
    if sheet.findings:
        blocks.append("\n".join(f"- {one.severity}: {escape(one.message)} `{one.code}`" for one in sheet.findings))
    return "\n\n".join([*blocks, "\n".join(f"`{text}`" for text in sheet.facts)]) + "\n"


def _section(section: Section) -> list[str]:
    """A folded table; what has no rows is said openly."""
    notes = "\n".join(f"- {escape(text)}" for text in section.notes)
    if len(section.rows) < 2:
        return [f"**{escape(section.title)}**", *([notes] if notes else [])]
    inside = [escape(section.caption), markdown_table(section.rows), notes]
    text = "\n\n".join(one for one in inside if one)
    return [f"<details><summary>{html.escape(section.title)}</summary>\n\n{text}\n\n</details>"]
