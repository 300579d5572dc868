"""A sheet for a person at a terminal."""

from deteval.reports.layout import BOLD, DIM, Look, columns, printable, wrapped
from deteval.reports.sheet import Section, Sheet
from deteval.reports.table import findings_lines


def render_table(sheet: Sheet, look: Look) -> str:
    """The whole report as text: what it is about, what stands out, then table after table."""
    lines = [*_subject(sheet, look), "", *_rows(sheet.headline, look)]
    if sheet.remarks:
        lines += ["", look.style("what stands out", BOLD), *_bullets(sheet.remarks, look)]
    for section in sheet.sections:
        lines += ["", *_section(section, look)]
    if sheet.notes:
        lines += ["", *(line for text in sheet.notes for line in wrapped(printable(text), look))]
    if sheet.findings:
        lines += ["", *findings_lines(sheet.findings, look)]
    return "\n".join(lines) + "\n"


def _subject(sheet: Sheet, look: Look) -> list[str]:
    width = max((len(role) for role, _ in sheet.subject), default=0)
    names = [line for role, name in sheet.subject
             for line in wrapped(f"{role:{width}} {printable(name)}" if width else printable(name), look, "     ")]
    return [*(look.style(line, BOLD) for line in names),
            *(look.style(line, DIM) for line in wrapped("\n".join(sheet.facts), look))]


def _section(section: Section, look: Look) -> list[str]:
    lines = [look.style(section.title, BOLD)]
    lines += [look.style(line, DIM) for line in wrapped(printable(section.caption), look)] if section.caption else []
    lines += _rows(section, look)
    return [*lines, *(line for text in section.notes for line in wrapped(printable(text), look))]


def _rows(section: Section, look: Look) -> list[str]:
    if len(section.rows) < 2:
        return []
    heading = section.rows[0]
    optional = [heading.index(name) for name in section.optional if name in heading]
    return columns(section.rows, look, left=section.left, names=section.names, optional=optional)


def _bullets(texts: tuple[str, ...], look: Look) -> list[str]:
    return [line for text in texts for line in wrapped(f"- {printable(text)}", look)]
