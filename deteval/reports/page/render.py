"""Turns a page into one HTML text that needs nothing else: no network, no other file."""

import base64
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import Struct

from deteval.errors import usage_error
from deteval.reports.layout import printable
from deteval.reports.page.cells import headline_cell, interval, table_body
from deteval.reports.page.charts import charts_json, frames, halves
from deteval.reports.page.sections import Page, Words

WEB = Path(__file__).parent / "web"
STYLES = ("page.css", "table.css", "figure.css", "print.css")
SCRIPTS = ("names.js", "colours.js", "lines.js", "bars.js", "heatmap.js", "charts.js", "paper.js", "values.js",
           "tables.js", "start.js")
"""One script in this order; a file names what it needs from the others."""
PARTS = ("sections.html.j2",)
PLACE = "\0"
"""Where the plotting library goes; no text of a page holds this character (`printable`)."""
PACKAGES = {"jinja2": "jinja2", "plotly": "plotly", "PIL": "pillow"}


def check_extra() -> None:
    """Refuse (usage) where the packages that make a page are missing. Imports none of them."""
    missing = [name for module, name in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise usage_error(f"html: {' and '.join(missing)} not installed; pip install 'deteval[report]'")
    _plotly_file()


class Engine(Struct, frozen=True):
    """What turns any page into HTML, and takes time to get: the compiled template, and the plotting library with the
    digest that a policy names it by.
    """

    template: Any
    plotly: bytes
    digest: str


def load_engine() -> Engine:
    """Needs nothing of a page, and so can be had while its results are still measured."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(WEB), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"printable": printable}
    plotly = _plotly()
    for part in PARTS:
        environment.get_template(part)  # is kept for the template that imports it
    return Engine(environment.get_template("page.html.j2"), plotly, _digest(plotly))


def render_page(page: Page) -> str:
    """The page as HTML. Its scripts are named by their hashes in a policy that forbids any other, and any request."""
    return b"".join(render_pieces(page)).decode()


def render_pieces(page: Page, engine: Engine | None = None) -> list[bytes]:
    """The same, to be written one after the other: the plotting library is a piece of its own."""
    from markupsafe import Markup

    engine = engine or load_engine()
    frame = frames(page.sections)
    script = _joined(SCRIPTS)
    digests = [*([engine.digest] if frame else []), _digest(script.encode())]
    values: dict[str, Any] = {
        "page": page, "frames": frame, "halves": halves(page.sections), "policy": _policy(digests),
        "headlines": [(one, headline_cell(one, page.digits), interval(one, page.digits)) for one in page.headlines],
        "style": Markup(_joined(STYLES)), "charts": Markup(charts_json(page.sections)), "plotly": PLACE,
        "script": Markup(script), "body": lambda table: Markup(table_body(table, page.digits)),
        "opening": _opening(page),
    }
    before, place, after = engine.template.render(values).partition(PLACE)
    return [before.encode("utf-8", "backslashreplace"), *([engine.plotly] if place else []),
            after.encode("utf-8", "backslashreplace")]


def _opening(page: Page) -> int:
    """How many of the sections are the words that a page begins with."""
    return next((place for place, one in enumerate(page.sections) if not isinstance(one, Words)), len(page.sections))


def _digest(script: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}"


def _policy(digests: list[str]) -> str:
    """The content security policy. Styles may stand anywhere: the plotting library writes them into its charts."""
    allowed = " ".join(f"'{digest}'" for digest in digests)
    return (f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
            "base-uri 'none'; form-action 'none'")


def _joined(names: tuple[str, ...]) -> str:
    return "\n" + "\n".join((WEB / name).read_text(encoding="utf-8") for name in names)


def _plotly() -> bytes:
    """The plotting library's script."""
    return _plotly_file().read_bytes().replace(b"\r\n", b"\n")  # as a browser reads it before it is digested


def _plotly_file() -> Path:
    """Where it stands in the installed package, which need not be imported; refuses (usage) one that lacks it."""
    found = find_spec("plotly")
    file = Path(found.origin).parent / "package_data" / "plotly.min.js" if found and found.origin else None
    if file is None or not file.is_file():
        raise usage_error("html: the installed plotly lacks its script; pip install --force-reinstall plotly")
    return file
