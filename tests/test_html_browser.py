"""Pages of real commands in headless Chromium: nothing is asked for, charts are drawn, names are text."""

import json
import time
from pathlib import Path

import pytest
from browser import chromium, errors, requests, screen, theme

SAMPLE = Path(__file__).parent.parent / "fixtures" / "sample"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all tests."""
    with chromium(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def truth(tmp_path):
    """The sample's ground truth, with a class that is a tag."""
    document = json.loads((SAMPLE / "gt.json").read_text())
    document["categories"][0]["name"] = SCRIPT
    path = tmp_path / "gt.json"
    path.write_text(json.dumps(document))
    return path


def opened(browser, path):
    """The page, all of its charts drawn; no error, no request, no script of the data."""
    theme(browser, "light")
    screen(browser, 1280)
    requests(browser)
    browser.get(path.as_uri())
    for chart in browser.execute_script("return [...document.querySelectorAll('.plot')].map(one => "
                                        "one.closest('[id]').id)"):
        browser.execute_script("document.getElementById(arguments[0]).scrollIntoView({block: 'center'})", chart)
        stop = time.monotonic() + 5
        while not browser.execute_script("return document.querySelector(`[id='${arguments[0]}'] .main-svg`)", chart):
            assert time.monotonic() < stop, chart
            time.sleep(0.02)
    assert errors(browser) == []
    assert {url for url in requests(browser) if not url.startswith(("data:", "blob:"))} == {path.as_uri()}
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


COMMANDS = {
    "score": ("score", SAMPLE / "preds.json", "GT"),
    "compare": ("compare", SAMPLE / "preds.json", SAMPLE / "preds_new.json", "--gt", "GT", "--replicates", 200),
    "operating-points": ("operating-points", SAMPLE / "preds.json", "GT"),
    "explain": ("explain", SAMPLE / "preds.json", "GT"),
    "explain --base": ("explain", SAMPLE / "preds_new.json", "GT", "--base", SAMPLE / "preds.json"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_pages_of_commands(browser, deteval_run, truth, tmp_path, name):
    target = tmp_path / "page.html"
    words = [truth if word == "GT" else word for word in COMMANDS[name]]
    assert deteval_run(*words, "--html", target).code == 0
    opened(browser, target)
    assert SCRIPT in browser.execute_script("return document.body.textContent")


def test_full_values_of_the_class_table_are_the_json_s(browser, deteval_run, truth, tmp_path):
    target = tmp_path / "page.html"
    document = json.loads(deteval_run("score", SAMPLE / "preds.json", truth, "--format", "json", "--html",
                                      target).out)
    opened(browser, target)
    texts = browser.execute_script("return [...document.querySelectorAll('#classes tbody [data-value]')]"
                                   ".map(one => one.dataset.value)")
    shown = {float(text) for text in texts if text}
    assert {value for one in document["classes"] for value in one["metrics"].values()} <= shown
