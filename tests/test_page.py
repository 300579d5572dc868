"""The HTML of a page, without a browser: what stands in it, what is escaped, what it may load."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from browser import programs
from msgspec.structs import replace
from page_data import BOLD, CLASSES, GROUPS, SCRIPT, confusion, curves, histogram, intervals, sample_page, wide_table

from deteval.errors import DetevalError
from deteval.reports.page import render
from deteval.reports.page.cells import Cell, cell, headline_cell, interval, table_body
from deteval.reports.page.charts import charts_json, frames, halves
from deteval.reports.page.parts import filled, short_names
from deteval.reports.page.render import check_extra, render_page
from deteval.reports.page.sections import (
    CHANGE,
    COUNT,
    DIFFERENCE,
    POINTS,
    SHARE,
    TEXT,
    VALUE,
    Bars,
    Column,
    Headline,
    Page,
    Table,
    Words,
)


class Reader(HTMLParser):
    """Every tag with its attributes, and the text of scripts, styles and everything else."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}", {}))

    def handle_data(self, data):
        self.texts.append((self.tags[-1][0] if self.tags else "", data))

    def of(self, tag: str) -> list[str]:
        """The texts right behind such a tag."""
        return [text for name, text in self.texts if name == tag]


@pytest.fixture(scope="module")
def html():
    return render_page(sample_page())


@pytest.fixture(scope="module")
def read(html):
    return Reader(html)


def empty(**fields) -> Page:
    """A page without anything but its title."""
    return replace(Page("a title", "score", None, (), (), (), (), ()), **fields)


def test_names_are_text(read):
    """None of the three scripts is a name, nor is any text bold because of one."""
    assert [name for name, _ in read.tags].count("script") == 3
    assert "x" not in read.of("b")
    for tag in ("title", "h1", "option", "th"):
        assert any(SCRIPT in text for text in read.of(tag)), tag
    assert BOLD in read.of("th")


def test_a_name_cannot_end_the_script_that_holds_the_data(html):
    name = "</script><!-- & \u2028\u2029"
    data = charts_json((replace(confusion(), rows=(name, "b", "c", "d", "e", "f", "background")),))
    assert not set("<>&\u2028\u2029") & set(data)
    assert json.loads(data)["confusion"]["rows"][0] == name
    assert json.loads(charts_json(sample_page().sections))["precision-recall"]["groups"][2]["name"] == SCRIPT


def test_half_a_surrogate_pair_is_no_error():
    chart = replace(histogram(), groups={"\ud83d": {"a": (1,)}, "b": {"a": (2,)}}, names=("\ud83d",))
    page = empty(title="\ud83d", sections=(chart, Table("t", "t", wide_table().columns[:1], (("\ud83d",),))))
    text = render_page(page)
    text.encode("utf-8")
    assert "<h1>\ufffd</h1>" in text


def test_nothing_is_loaded_from_elsewhere(read):
    for tag, attributes in read.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster", "background"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], "no script in attributes"
    assert not re.search(r"url\(|@import", "".join(read.of("style")))


def test_the_policy_names_each_script_by_its_hash(read):
    policy = next(attributes["content"] for tag, attributes in read.tags
                  if attributes.get("http-equiv") == "Content-Security-Policy")
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    assert policy.startswith("default-src 'none';")
    assert "script-src 'sha256-" in policy
    data, *scripts = read.of("script")
    assert json.loads(data)
    assert allowed == {base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts}


def test_small_without_charts_and_below_the_limit_with_eighty_classes():
    assert len(render_page(empty()).encode()) < 40_000
    assert "plotly.js" not in render_page(empty(sections=(wide_table(),)))
    assert len(render_page(sample_page(80)).encode()) < 6_000_000


def test_the_same_page_twice_is_the_same_text(html):
    assert render_page(sample_page()) == html


def test_every_part_has_its_place(read):
    tags = [tag for tag, _ in read.tags]
    assert tags.count("main") == tags.count("h1") == tags.count("nav") == 1
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for tag, attributes in read.tags if tag == "a"}
    assert {target[1:] for target in targets} <= set(ids)
    assert {f"#{section.id}" for section in sample_page().sections} < targets
    for name in ("aria-labelledby", "aria-describedby"):
        assert {attributes[name] for _, attributes in read.tags if name in attributes} <= set(ids)


@pytest.mark.parametrize("value, kind, expected", [
    (0.1 + 0.2, VALUE, Cell("0.3000", "0.30000000000000004")),
    (12345, COUNT, Cell("12,345", "12345")),
    (12345, VALUE, Cell("12,345", "12345")),
    (0.01234, DIFFERENCE, Cell("+0.0123", "0.01234", "up")),
    (-0.01234, DIFFERENCE, Cell("-0.0123", "-0.01234", "down")),
    (-1200, DIFFERENCE, Cell("-1,200", "-1200", "down")),
    (0.0, DIFFERENCE, Cell("0.0000", "0.0")),
    (-0.00004, DIFFERENCE, Cell("0.0000", "-4e-05")),
    (0.00004, DIFFERENCE, Cell("0.0000", "4e-05")),
    (-0.0123456, CHANGE, Cell("-1.235", "-0.0123456")),
    (0.000004, CHANGE, Cell("0.000", "4e-06")),
    (0.0123456, POINTS, Cell("1.235", "0.0123456")),
    (-1e-09, POINTS, Cell("0.000", "-1e-09")),
    (0.1234, SHARE, Cell("12.3%", "0.1234")),
    (0.55, TEXT, Cell("0.55", "")),
    (None, VALUE, Cell("n/a", "", "missing")),
    (float("nan"), VALUE, Cell("n/a", "", "missing")),
    (float("-inf"), COUNT, Cell("n/a", "", "missing")),
    (True, TEXT, Cell("True", "")),
    ("a word " * 9, TEXT, Cell("a word " * 9, "", "long")),
    ("a\x07b", TEXT, Cell("a\ufffdb", "")),
])
def test_cells(value, kind, expected):
    assert cell(value, kind, 4) == expected


def test_a_difference_that_is_not_proven_has_no_colour():
    rows = (("a", -0.1, "drop"), ("b", -0.1, "no"), ("c", 0.1, "no verdict"), ("d", 0.1, "rise"), ("e", None, "no"))
    columns = (Column("class"), Column("difference", DIFFERENCE), Column("proven"))
    body = table_body(Table("t", "t", columns, rows, judged=2), 4)
    assert re.findall(r"class=(\w+)", body) == ["down", "up", "missing"]
    assert "class=down" not in table_body(Table("t", "t", columns, rows), 4)
    assert headline_cell(Headline("AP", -0.1, signed=True, toned=True), 4).tone == "down"
    assert headline_cell(Headline("AP", -0.1, signed=True), 4) == Cell("-0.1000", "-0.1")


def test_intervals_of_headlines():
    assert interval(Headline("AP", 0.5, 0.41111, 0.6), 3) == "0.411 to 0.600"
    assert interval(Headline("AP", 0.5, -0.1, 0.6, signed=True), 2) == "-0.10 to +0.60"
    assert interval(Headline("AP", 0.5), 2) == ""


def test_charts_of_the_same_groups_are_one_family_and_keep_their_order():
    places = frames(sample_page().sections)
    assert places["precision-recall"].family == places["over-score"].family == places["scores"].family
    assert places["sweep"].family != places["precision-recall"].family
    assert places["precision-recall"].groups == GROUPS
    assert places["errors"].groups == ()
    data = json.loads(charts_json((curves(),)))["precision-recall"]
    assert [group["name"] for group in data["groups"]] == list(GROUPS)
    assert [line["name"] for line in data["groups"][0]["lines"]] == ["base", "new"]


def test_places_of_points_are_told_once():
    data = json.loads(charts_json((curves(),)))["precision-recall"]
    assert data["places"] == [[step / 100 for step in range(101)]]
    assert {line["x"] for group in data["groups"] for line in group["lines"]} == {0}


def test_names_without_their_folders():
    assert short_names(["runs/a/dt.json", "runs/b/dt.json"]) == ("a/dt.json", "b/dt.json")
    assert short_names(["runs/a/dt.json", "gt.json", "c:\\x\\y.json"]) == ("dt.json", "gt.json", "y.json")
    assert short_names(["x/a", "x/a"]) == ("a", "a")
    assert short_names([""]) == ("",)
    assert short_names([]) == ()


def test_columns_that_are_empty_all_the_way_down_are_left_out():
    columns = (Column("a"), Column("b"), Column("proven"))
    table = filled(Table("t", "t", columns, (("x", "", "drop"), ("y", None, "no")), judged=-1))
    assert [one.title for one in table.columns] == ["a", "proven"]
    assert table.rows == (("x", "drop"), ("y", "no"))
    assert table.judged == 1
    assert filled(Table("t", "t", columns, ())).columns == columns


def test_words_that_a_page_begins_with_stand_before_the_findings(html):
    assert html.index('id="why"') < html.index('id="findings"') < html.index('id="classes"')
    assert "<li>Class person: 12 objects are found no more.</li>" not in html
    assert "<li>a</li>" in render_page(empty(sections=(Words("w", "W", ("a", "b"), listed=True),)))


def test_ends_of_intervals_stand_with_their_series():
    series = json.loads(charts_json((intervals(),)))["differences"]["groups"][0]["series"][0]
    assert (series["low"][0], series["values"][0], series["high"][0]) == (-0.008, 0.012, 0.037)
    assert series["high"][-1] is None
    assert len(series["values"]) == len(CLASSES)


def test_neighbours_stand_side_by_side_unless_one_is_tall():
    chart = histogram()
    tall = Bars("tall", "", "", "", tuple(range(40)), {"": {"a": (1,) * 40}}, horizontal=True)
    both = (chart, replace(chart, id="second"))
    assert halves(both) == {"scores", "second"}
    assert halves((chart, tall, both[1])) == frozenset()
    assert halves((*both, replace(chart, id="third"))) == {"scores", "second"}
    assert halves((chart, wide_table(), both[1])) == frozenset()


def test_without_the_packages_one_line_says_how_to_get_them(monkeypatch):
    check_extra()
    monkeypatch.setattr(render, "find_spec", lambda name: None if name in ("plotly", "PIL") else object())
    with pytest.raises(DetevalError) as refused:
        check_extra()
    assert str(refused.value) == "html: plotly and pillow not installed; pip install 'deteval[report]'"
    assert refused.value.exit_code == 2


def test_a_plotly_without_its_script_is_refused_before_any_work(monkeypatch, tmp_path):
    (tmp_path / "plotly").mkdir()
    (tmp_path / "plotly" / "__init__.py").touch()
    found = SimpleNamespace(origin=str(tmp_path / "plotly" / "__init__.py"))
    monkeypatch.setattr(render, "find_spec", lambda name: found)
    with pytest.raises(DetevalError, match="the installed plotly lacks its script") as refused:
        check_extra()
    assert refused.value.exit_code == 2


def test_a_browser_that_was_asked_for_and_is_missing_is_no_reason_to_skip(monkeypatch):
    monkeypatch.setenv("DETEVAL_BROWSER", "/nowhere/chromium")
    with pytest.raises((AssertionError, pytest.skip.Exception)) as refused:
        programs()
    assert "DETEVAL_BROWSER is /nowhere/chromium, which cannot be run" in str(refused.value)


def test_the_packages_are_imported_late():
    code = ("import sys, deteval.reports.page.render as render; render.check_extra(); "
            "print([name for name in ('jinja2', 'plotly', 'PIL') if name in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_scripts_and_styles_are_written_to_be_read():
    files = sorted(render.WEB.iterdir())
    assert {file.name for file in files if file.suffix != ".j2"} == {*render.STYLES, *render.SCRIPTS}
    for file in files:
        lines = file.read_text().splitlines()
        assert len(lines) <= 250, file.name
        assert max(map(len, lines)) <= (300 if file.suffix == ".j2" else 120), file.name
