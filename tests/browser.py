"""Headless Chromium, driven through its own driver program; no network is needed for either.

DETEVAL_BROWSER names the browser, and with it set a browser that does not work is a failure. Where it is not set, one
is looked for, and without one the tests that need it are skipped.
"""

import base64
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
WIDTH, HEIGHT = 1280, 900


def programs() -> tuple[str, str]:
    """Paths of the browser and of its driver."""
    asked = os.environ.get("DETEVAL_BROWSER", "")
    browser = shutil.which(asked) if asked else next(filter(None, map(shutil.which, NAMES)), None)
    driver = shutil.which("chromedriver")
    if not asked and (browser is None or driver is None):
        pytest.skip("no Chromium with its driver here; .ci/run installs both")
    assert browser, f"DETEVAL_BROWSER is {asked}, which cannot be run"
    assert driver, "chromedriver is not installed"
    return browser, driver


@contextmanager
def chromium(folder: Path):
    """A browser of a fresh profile in `folder`, closed at the end."""
    binary, driver = programs()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={WIDTH},{HEIGHT}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(folder / "downloads")})
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "localhost,127.0.0.1"  # the driver is a server of this machine
    started = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield started
    finally:
        started.quit()
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before


def requests(browser: Any) -> list[str]:
    """Addresses of everything that was asked for since the last call, by the page or anything in it."""
    events = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def errors(browser: Any) -> list[str]:
    """What the console was told since the last call."""
    return [entry["message"] for entry in browser.get_log("browser")]


def theme(browser: Any, scheme: str) -> None:
    """What the system prefers: `light` or `dark`."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def screen(browser: Any, width: int, height: int = HEIGHT) -> None:
    """The size of the window; a narrow one is a phone."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})


def printed(browser: Any) -> bytes:
    """The page as PDF."""
    return base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
