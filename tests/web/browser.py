"""Chromium through its WebDriver: pages of chosen width and colour scheme, and what they show."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import Any


def missing() -> str:
    """What is not installed, empty where all is there."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed; pip install selenium"
    if not (_chromium() and shutil.which("chromedriver")):
        return "Chromium is not installed; apt-get install chromium chromium-driver"
    return ""


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")


def required() -> bool:
    """True where the tests must run and not be left out."""
    return os.environ.get("CI") == "true" or os.environ.get("RTSTEM_REQUIRE_WEB") == "1"


class Browser:
    """One headless Chromium; a context manager."""

    def __init__(self) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = _chromium()
        for flag in (
            "headless=new",
            "no-sandbox",
            "disable-dev-shm-usage",
            "disable-gpu",
            "hide-scrollbars",
            "disable-background-timer-throttling",
            "disable-renderer-backgrounding",
            "disable-backgrounding-occluded-windows",
            "touch-events=enabled",
        ):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.driver.quit()

    def look(
        self, width: int = 1200, height: int = 900, scheme: str = "light", motion: str = ""
    ) -> None:
        """Size of the page in CSS pixels, and what the user prefers: colours, motion "reduce"."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, url: str) -> None:
        """Load the page and wait until it has connected."""
        self.driver.get(url)
        self.until(lambda: self.link() == "connected" and self.has("stem.vocals.gain"))

    def link(self) -> str:
        """What the page says of its connection."""
        return self.js("return document.getElementById('link').textContent")

    def js(self, code: str, *arguments: Any) -> Any:
        """Run JavaScript in the page."""
        return self.driver.execute_script(code, *arguments)

    def has(self, action: str) -> bool:
        """True where the page has a control for `action`."""
        return bool(self.driver.find_elements("css selector", f'[data-action="{action}"]'))

    def control(self, action: str) -> Any:
        """The control of an action."""
        return self.driver.find_element("css selector", f'[data-action="{action}"]')

    def value(self, action: str) -> int:
        """What a slider shows, 0 to 100."""
        return int(self.control(action).get_attribute("aria-valuenow"))

    def errors(self) -> list[str]:
        """Errors in the console so far, those of the connection left out."""
        log = self.driver.get_log("browser")
        return [e["message"] for e in log if e["level"] == "SEVERE" and "/ws" not in e["message"]]

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait for `condition`; AssertionError when it does not come true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the page did not get there"
            time.sleep(0.02)
