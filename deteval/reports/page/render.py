"""Turns a page into one HTML text that needs nothing else: no network, no other file."""

import base64
import hashlib
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deteval.errors import usage_error
from deteval.reports.layout import printable
from deteval.reports.page.cells import cell, headline_cell, interval
from deteval.reports.page.charts import charts_json, frames, halves
from deteval.reports.page.sections import Page

WEB = Path(__file__).parent / "web"
STYLES = ("page.css", "table.css", "figure.css", "print.css")
SCRIPTS = ("names.js", "colours.js", "lines.js", "bars.js", "heatmap.js", "charts.js", "paper.js", "values.js",
           "tables.js", "start.js")
"""One script in this order; a file names what it needs from the others."""
PACKAGES = {"jinja2": "jinja2", "plotly": "plotly", "PIL": "pillow"}


def check_extra() -> None:
    """Refuse (usage) where the packages that make a page are missing. Imports none of them."""
    missing = [name for module, name in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise usage_error(f"html: {' and '.join(missing)} not installed; pip install 'deteval[report]'")


def render_page(page: Page) -> str:
    """The page as HTML. Its scripts are named by their hashes in a policy that forbids any other, and any request."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(loader=FileSystemLoader(WEB), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"printable": printable, "cell": partial(cell, digits=page.digits)}
    frame = frames(page.sections)
    scripts = ([_plotly()] if frame else []) + [_joined(SCRIPTS)]
    values: dict[str, Any] = {
        "page": page, "frames": frame, "halves": halves(page.sections), "policy": _policy(scripts),
        "headlines": [(one, headline_cell(one, page.digits), interval(one, page.digits)) for one in page.headlines],
        "style": Markup(_joined(STYLES)), "charts": Markup(charts_json(page.sections)),
        "plotly": Markup(scripts[0]) if frame else "", "script": Markup(scripts[-1]),
    }
    return environment.get_template("page.html.j2").render(values)


def _policy(scripts: list[str]) -> str:
    """The content security policy. Styles may stand anywhere: the plotting library writes them into its charts."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
            "base-uri 'none'; form-action 'none'")


def _joined(names: tuple[str, ...]) -> str:
    return "\n" + "\n".join((WEB / name).read_text(encoding="utf-8") for name in names)


def _plotly() -> str:
    """The plotting library's script, from the installed package, which need not be imported for it."""
    found = find_spec("plotly")
    file = Path(found.origin).parent / "package_data" / "plotly.min.js" if found and found.origin else None
    if file is None or not file.is_file():
        raise usage_error("html: the installed plotly lacks its script; pip install --force-reinstall plotly")
    return file.read_text(encoding="utf-8")
