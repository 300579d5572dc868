"""A page in headless Chromium, as a reader meets it."""

import re
import time

import pytest
from browser import chromium, errors, printed, requests, screen, theme
from page_data import BOLD, CLASSES, SCRIPT, costs, curves, grid, precision, sample_page

from deteval.reports.page.render import render_page

PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the browser keeps its profile and what it saves."""
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def browser(folder):
    """One browser for all tests."""
    with chromium(folder) as started:
        yield started


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The sample page as a file."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render_page(sample_page()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser, file):
    """The browser with the page just opened, on a desk, in light; nothing may be wrong when the test is done."""
    theme(browser, "light")
    screen(browser, DESK)
    requests(browser)
    browser.get(file)
    yield browser
    assert errors(browser) == []
    assert {url for url in requests(browser) if not url.startswith(("data:", "blob:"))} == {file}
    assert browser.execute_script("return performance.getEntriesByType('resource').map(one => one.name)"
                                  ".filter(name => !name.startsWith('data:'))") == []


def wait(browser, script: str, *arguments):
    """The value of a script, as soon as it is true."""
    stop = time.monotonic() + 5
    while time.monotonic() < stop:
        if found := browser.execute_script(f"return {script}", *arguments):
            return found
        time.sleep(0.02)
    raise AssertionError(f"never true: {script}")


def shown(browser, chart: str):
    """The element of a chart, scrolled to and drawn."""
    browser.execute_script(f"document.getElementById('{chart}').scrollIntoView({{block: 'center'}})")
    wait(browser, f"document.querySelector('#{chart} .main-svg')")
    return browser.find_element("css selector", f"#{chart} .plot")


def column(browser, table: str, position: int) -> list[str]:
    """The texts of a column, of the rows that are shown, from top to bottom."""
    return browser.execute_script(
        "return [...document.querySelectorAll(`#${arguments[0]}-table tbody tr`)].filter(row => !row.hidden)"
        ".map(row => row.cells[arguments[1]].textContent)", table, position)


def press(browser, *keys: str) -> None:
    """Press keys, one after another, wherever the focus is."""
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def hover_over(browser, element, cell: tuple[int, int] | None = None) -> str:
    """What is shown when the mouse rests on an element, or on a cell of the matrix in it."""
    from selenium.webdriver import ActionChains

    right, down = (0, 0) if cell is None else browser.execute_script(
        "const [plot, [row, column]] = arguments; const {xaxis, yaxis} = plot._fullLayout;"
        "return [xaxis._offset + xaxis.l2p(column) - plot.offsetWidth / 2,"
        "yaxis._offset + yaxis.l2p(row) - plot.offsetHeight / 2]", element, cell)
    ActionChains(browser).move_to_element_with_offset(element, round(right), round(down)).perform()
    return wait(browser, "[...document.querySelectorAll('.hoverlayer text')].map(one => one.textContent).join('|')")


def test_charts_are_drawn_when_they_come_into_view(page):
    drawn = "document.querySelectorAll('.main-svg').length"
    before = page.execute_script(f"return {drawn}")
    for section in sample_page().sections:
        if hasattr(section, "groups"):
            shown(page, section.id)
    assert page.execute_script(f"return {drawn}") > before


def test_the_network_is_out_of_reach(page):
    """The policy refuses what a script that got in would try."""
    refused = page.execute_async_script(
        "const done = arguments[0]; fetch('https://example.org/').then(() => done('sent'), () => done('refused'))")
    assert refused == "refused"
    assert any("Content Security Policy" in message for message in errors(page))
    assert page.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.got = 1';"
        "document.body.append(script); return window.got") is None
    errors(page)


def test_names_from_data_are_text_everywhere(page):
    assert page.title == f"new.json against base.json {SCRIPT}"
    assert column(page, "classes", 0)[:3] == list(CLASSES[:3])
    shown(page, "differences")
    ticks = page.execute_script("return [...document.querySelectorAll('#differences .ytick')].map(t => t.textContent)")
    assert BOLD in ticks
    assert "<script>document.t…'broken'</script>" in ticks
    text = hover_over(page, shown(page, "confusion"), cell=(1, 1))
    assert f"ground truth: {SCRIPT}" in text
    assert f"detected as: {SCRIPT}" in text
    assert "value: 400" in text
    assert page.execute_script("return document.querySelectorAll('script').length") == 3
    assert page.execute_script("return document.querySelectorAll('.plot a, .plot script').length") == 0


def test_the_picker_changes_every_curve_with_these_groups(page):
    line = "document.querySelector('#precision-recall .scatterlayer path.js-line').getAttribute('d')"
    shown(page, "precision-recall")
    shown(page, "scores")
    before = page.execute_script(f"return {line}")
    picker = page.find_element("css selector", "#precision-recall select")
    picker.send_keys(SCRIPT)  # a class is found by typing
    assert picker.get_property("value") == "2"
    wait(page, f"{line} !== arguments[0]", before)
    values = page.execute_script("return document.querySelector('#precision-recall .plot').data[0].y")
    assert values == [precision(2, step / 100) for step in range(101)]
    assert page.find_element("css selector", "#scores select").get_property("value") == "2"
    counts = page.execute_script("return document.querySelector('#scores .plot').data[0].y")
    assert counts == list(sample_page().sections[4].groups[SCRIPT]["true positives"])
    assert page.find_element("css selector", "#sweep select").get_property("value") == "0"


def test_hover_shows_the_full_value(page):
    shown(page, "errors")
    bars = page.find_elements("css selector", "#errors .bars .point")
    assert len(bars) == 6
    text = hover_over(page, bars[1])
    name, value = costs().names[1], costs().groups[""]["cost"][1]
    assert name in text
    assert f"AP lost: {value!r}" in text


def test_a_rounded_number_shows_the_full_one(page):
    from selenium.webdriver import ActionChains

    cell = page.find_element("css selector", "#classes-table tbody tr:nth-child(2) td:nth-child(3)")
    value = sample_page().sections[1].rows[1][2]
    assert cell.text == f"{value:.4f}"
    ActionChains(page).move_to_element(cell).perform()
    assert wait(page, "arguments[0].title", cell) == repr(value)


def test_hover_over_a_curve_shows_all_curves_there(page):
    text = hover_over(page, shown(page, "precision-recall"))
    lines = curves().groups["All classes"]
    told = dict(part.strip().split(": ", 1) for part in text.split("|") if ": " in part)
    assert set(told) == {"base", "new"}
    for name, value in told.items():
        assert float(value) in lines[name]["y"]


def test_the_best_point_is_framed(page):
    shown(page, "sweep")
    assert len(page.find_elements("css selector", "#sweep .shapelayer path")) == 1
    row, cell = grid().best["F1"]
    shape = page.execute_script("return document.querySelector('#sweep .plot').layout.shapes[0]")
    assert [shape["x0"], shape["y0"]] == [cell - 0.5, row - 0.5]


def test_long_tables_say_how_much_is_out_of_sight(page):
    def window(table):
        return page.execute_script(
            "const frame = document.getElementById(arguments[0] + '-table').closest('.window');"
            "return [frame.className, frame.nextElementSibling.textContent, frame.nextElementSibling.hidden]", table)

    kinds, words = wait(page, "(() => { const frame = document.querySelector('#classes .window');"
                                "const told = frame.nextElementSibling; return told.hidden ? null : "
                                "[frame.className, told.textContent] })()")
    assert "below" in kinds
    assert re.match(r"\d+ of 36 rows in view; scroll for the others. +Show all rows", words)
    assert window("sizes")[2], "a table that is seen whole says nothing"
    page.find_element("css selector", "#classes .beyond button").click()
    kinds, words, _ = window("classes")
    assert "below" not in kinds
    assert words == "All 36 rows. Show fewer rows"
    screen(page, PHONE)
    wait(page, "document.querySelector('#sizes .window').className.includes('right')")


def test_values_in_points_and_axes_without_prefixes(page):
    chart = shown(page, "shares")
    assert page.execute_script("return arguments[0].data[0].x", chart) == [-1.25, 0.0005]
    text = hover_over(page, page.find_elements("css selector", "#shares .bars .point")[0])
    assert "share in points: -1.25" in text
    shown(page, "tiny")
    ticks = page.execute_script("return [...document.querySelectorAll('#tiny .ytick')].map(t => t.textContent).join()")
    assert "0.0004" in ticks
    assert "µ" not in ticks


def test_many_curves_are_told_apart_and_the_metric_is_named(page):
    chart = shown(page, "many")
    looks = page.execute_script(
        "return arguments[0].data.map(one => [one.line?.color, one.line?.dash, one.marker.symbol])", chart)
    assert len({tuple(look) for look in looks[:-1]}) == len({look[0] for look in looks[:-1]}) == 8
    assert looks[-1][2] == "star"
    assert page.execute_script("return arguments[0].layout.yaxis.title.text", chart) == "F1@.5"


def test_intervals_that_hold_zero_are_hollow(page):
    chart = shown(page, "differences")
    signs = page.execute_script("return arguments[0].data[0].marker.symbol", chart)
    series = sample_page().sections[6]
    proven = [low is not None and (low > 0 or high < 0) for low, high in zip(series.low["AP"], series.high["AP"],
                                                                             strict=True)]
    assert [not sign.endswith("-open") for sign in signs] == proven
    assert True in proven
    assert False in proven


def test_many_findings_unfold_on_a_phone(page):
    screen(page, PHONE)
    page.refresh()
    rest = page.find_element("css selector", "#findings .rest")
    assert not rest.get_property("open")
    assert len([one for one in page.find_elements("css selector", "#findings li") if one.is_displayed()]) == 4
    rest.find_element("tag name", "summary").click()
    assert len([one for one in page.find_elements("css selector", "#findings li") if one.is_displayed()]) == 5


def test_names_of_boxes_show_on_hover_where_they_are_not_written(page):
    from selenium.webdriver import ActionChains

    names = page.find_elements("css selector", "#images .picture text")
    visible = "return getComputedStyle(arguments[0]).visibility"
    quiet = [one for one in names if page.execute_script(visible, one) == "hidden"]
    assert len(quiet) == 1
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", quiet[0])
    ActionChains(page).move_to_element(quiet[0].find_element("xpath", "..").find_element("tag name", "rect")).perform()
    assert page.execute_script(visible, quiet[0]) == "visible"


def test_sorting(page):
    def press_heading(table, position):
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", page.find_element("id", table))
        page.find_elements("css selector", f"#{table}-table thead button")[position].click()
        heading = page.find_elements("css selector", f"#{table}-table thead th")[position]
        return heading.get_attribute("aria-sort")

    assert press_heading("classes", 1) == "descending"
    counts = [int(text.replace(",", "")) for text in column(page, "classes", 1)]
    assert counts == sorted(counts, reverse=True)
    assert press_heading("classes", 2) == "descending"
    values = column(page, "classes", 2)
    assert values[-1] == "n/a"
    assert values[:-1] == sorted(values[:-1], reverse=True)
    assert press_heading("classes", 2) == "ascending"
    assert column(page, "classes", 2) == [*sorted(values[:-1]), "n/a"]
    assert press_heading("classes", 3) == "descending"
    changes = [float(text) for text in column(page, "classes", 3)[:-1]]
    assert changes == sorted(changes, reverse=True)
    assert press_heading("text", 0) == "ascending"
    assert column(page, "text", 0) == ["a", "b9", "b10"]
    assert press_heading("text", 1) == "ascending"
    assert column(page, "text", 1) == ["3", "20", "n/a"]


def test_filtering(page):
    from selenium.webdriver.common.keys import Keys

    field = page.find_element("css selector", "#classes input")
    field.send_keys("SCRIPT>")
    assert column(page, "classes", 0) == [SCRIPT]
    assert page.find_element("css selector", "#classes output").text == "1 of 36 rows"
    field.send_keys(Keys.BACKSPACE * len("SCRIPT>"), "traffic")
    assert column(page, "classes", 0) == ["Traffic light"]
    field.send_keys(Keys.BACKSPACE * len("traffic"))
    assert len(column(page, "classes", 0)) == 36


def test_data_as_a_table(page):
    details = page.find_element("css selector", "#precision-recall details")
    details.click()
    cells = ("[...document.querySelectorAll('#precision-recall .values tbody tr:nth-child(2) td')]"
             ".map(cell => cell.textContent)")
    assert wait(page, cells) == ["base", "0.01", str(precision(0, 0.01))]
    page.find_element("css selector", "#scores select").send_keys(CLASSES[0])
    assert wait(page, cells) == ["base", "0.01", str(precision(1, 0.01))]


def test_a_chart_is_saved_as_a_file(page, folder):
    page.execute_script("arguments[0].scrollIntoView()", shown(page, "errors"))
    page.find_element("css selector", "#errors .save").click()
    stop = time.monotonic() + 5
    while not (saved := list((folder / "downloads").glob("*.svg"))) and time.monotonic() < stop:
        time.sleep(0.02)
    assert [path.name for path in saved] == ["errors.svg"]
    assert "classification" in saved[0].read_text()


def test_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    focus = "document.activeElement"
    press(page, Keys.TAB)
    assert page.execute_script(f"return {focus}.textContent") == "Skip to the content"
    assert page.execute_script(f"return getComputedStyle({focus}).outlineStyle") == "solid"
    assert page.execute_script(f"return {focus}.getBoundingClientRect().left") == 12
    press(page, Keys.TAB, Keys.ENTER)
    assert page.execute_script(f"return {focus}.id + {focus}.textContent") == "themeSwitch to light"
    page.execute_script("document.querySelectorAll('#classes thead button')[1].focus()")
    press(page, Keys.SPACE)
    assert column(page, "classes", 1)[0] == "1,300"
    page.execute_script("document.querySelector('#scores select').focus()")
    press(page, Keys.ARROW_DOWN)
    assert page.find_element("css selector", "#precision-recall select").get_property("value") == "1"
    unreachable = page.execute_script(
        "return [...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth + 1 && "
        "box.tabIndex < 0).length")
    assert unreachable == 0


def test_dark(page):
    def look():
        return page.execute_script(
            "return [getComputedStyle(document.body).backgroundColor, document.querySelector('#precision-recall .plot')"
            ".data[0].line.color, document.getElementById('theme').textContent]")

    shown(page, "precision-recall")
    light = look()
    theme(page, "dark")
    wait(page, "document.getElementById('theme').textContent === 'Switch to light'")
    dark = look()
    assert all(one != other for one, other in zip(light, dark, strict=True))
    page.execute_script("scrollTo(0, 0)")
    page.find_element("id", "theme").click()
    assert look() == light


def test_a_phone_never_scrolls_sideways(page):
    screen(page, PHONE)
    page.refresh()
    height = page.execute_script("return document.documentElement.scrollHeight")
    for top in range(0, height, 800):
        page.execute_script(f"scrollTo(0, {top})")
    for section in sample_page().sections:
        if hasattr(section, "groups"):
            shown(page, section.id)
    assert page.execute_script("return document.documentElement.scrollWidth") == PHONE
    page.execute_script("scrollTo(1000, 0)")
    assert page.execute_script("return scrollX") == 0


def test_print_shows_everything_in_light(page):
    theme(page, "dark")
    page.execute_script(
        "addEventListener('beforeprint', () => { const plots = [...document.querySelectorAll('.plot')];"
        "window.onPaper = plots.map(plot => [plot.querySelectorAll('.main-svg').length > 0, plot.layout.font.color,"
        "plot.querySelector('.main-svg').getBoundingClientRect().width]) })")
    page.execute_script("addEventListener('beforeprint', () => { window.buttons = "
                        "document.querySelectorAll('thead button').length })")
    pdf = printed(page)
    assert pdf.startswith(b"%PDF")
    assert page.execute_script("return window.buttons") == 0, "with a button in it, a heading is not repeated"
    assert page.execute_script("return document.querySelectorAll('#classes thead button').length") == 5
    assert page.execute_script("return window.onPaper.length") == 10
    for drawn, ink, width in page.execute_script("return window.onPaper"):
        assert drawn
        assert ink == "#1b1f24"
        assert 300 < width <= 690.5
    wait(page, "document.querySelector('#errors .plot').layout.font.color === '#e6e9ec'")


def test_without_scripts_tables_are_there_and_controls_are_not(browser, file):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(file)
        table = browser.find_element("css selector", "#classes-table")
        assert table.is_displayed()
        assert not [one for one in browser.find_elements("css selector", "select, input, details.values, #theme")
                    if one.is_displayed()]
        assert "need JavaScript" in browser.find_element("tag name", "noscript").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        errors(browser)
