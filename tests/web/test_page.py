"""The real page in a real browser before a running engine."""

from __future__ import annotations

import time
import urllib.request
from dataclasses import replace

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys

from rtstem.control.spectrum import band_edges
from rtstem.control.telemetry import Clocks
from tests.web.browser import Browser
from tests.web.conftest import RATE

FULL = 0.5
"""Level of the tone; vocals are 0.4 of it, drums 0.3, bass 0.2, other 0.1 (the tiny model)."""


def drag(browser: Browser, action: str, dx: int, dy: int, kind: str = "mouse") -> None:
    """Press on a control, move in steps, let go."""
    builder = ActionBuilder(browser.driver, mouse=PointerInput(kind, kind), duration=30)
    pointer = builder.pointer_action
    pointer.move_to(browser.control(action)).pointer_down()
    for step in range(1, 6):
        pointer.move_to(browser.control(action), dx * step // 5, dy * step // 5)
    pointer.pointer_up()
    builder.perform()


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_a_dragged_fader_changes_what_comes_out(page, stage, kind):
    stage.settles(FULL)
    drag(page.browser, "stem.vocals.gain", 0, 250, kind)
    stage.settles(0.6 * FULL)
    page.browser.until(lambda: stage.actions.value("stem.vocals.gain") == 0.0)
    page.browser.until(lambda: page.browser.value("stem.vocals.gain") == 0)
    drag(page.browser, "stem.vocals.gain", 0, -250, kind)
    stage.settles(FULL)


def test_a_lying_fader_is_dragged_sideways_by_touch_and_scrolls_nothing(page, stage):
    page.browser.look(360, 700)
    page.browser.until(lambda: _orientation(page.browser) == "horizontal")
    drag(page.browser, "stem.drums.gain", -130, 0, "touch")
    drag(page.browser, "stem.drums.gain", -130, 0, "touch")
    stage.settles(0.7 * FULL)
    assert page.browser.js("return scrollY") == 0


def _orientation(browser: Browser) -> str:
    return browser.control("stem.drums.gain").get_attribute("aria-orientation")


def test_a_page_that_has_just_come_shows_where_the_faders_are(page, stage):
    stage.actions.apply("stem.vocals.gain", 0.25)
    stage.actions.apply("stem.bass.filter", 0.75)
    for _ in range(3):  # from the cache it is there before the eye blinks
        page.browser.open(page.surface.url)
        page.browser.until(lambda: page.browser.value("stem.vocals.gain") == 25, 2)
        page.browser.until(lambda: page.browser.value("stem.bass.filter") == 75, 2)


def test_a_tap_moves_nothing_and_a_double_click_resets(page, stage):
    browser = page.browser
    stage.actions.apply("stem.bass.gain", 0.5)
    browser.until(lambda: browser.value("stem.bass.gain") == 50)
    ActionChains(browser.driver).click(browser.control("stem.bass.gain")).perform()
    time.sleep(0.3)
    assert stage.actions.value("stem.bass.gain") == 0.5

    def reset() -> bool:
        """Clicks until it is there: between two of them the machine may stall for too long."""
        ActionChains(browser.driver).double_click(browser.control("stem.bass.gain")).perform()
        return stage.actions.value("stem.bass.gain") == 1.0

    browser.until(reset)


def test_keys(page, stage):
    browser, fader = page.browser, page.browser.control("stem.vocals.gain")
    fader.send_keys(Keys.ARROW_DOWN)
    browser.until(lambda: stage.actions.value("stem.vocals.gain") == 0.98)
    browser.until(lambda: browser.value("stem.vocals.gain") == 98)  # not what it was before
    fader.send_keys(Keys.PAGE_DOWN)
    browser.until(lambda: stage.actions.value("stem.vocals.gain") == 0.88)
    fader.send_keys(Keys.HOME)
    stage.settles(0.6 * FULL)
    fader.send_keys(Keys.END)
    stage.settles(FULL)
    fader.send_keys("m")
    stage.settles(0.6 * FULL)
    browser.until(
        lambda: browser.control("stem.vocals.mute").get_attribute("aria-pressed") == "true"
    )
    browser.control("stem.vocals.mute").send_keys(Keys.SPACE)
    stage.settles(FULL)


def test_buttons_presets_snapshots_and_undo(page, stage):
    browser = page.browser
    browser.control("preset.instrumental").click()
    stage.settles(0.6 * FULL)
    browser.until(lambda: "on" in browser.control("preset.instrumental").get_attribute("class"))
    browser.driver.find_element("xpath", "//button[text()='Store']").click()
    browser.control("snapshot.3.recall").click()
    browser.control("panic").click()
    stage.settles(FULL)
    browser.control("snapshot.3.recall").click()
    browser.until(lambda: stage.engine.desk.fading)
    end = time.monotonic() + 15
    while stage.engine.desk.fading and time.monotonic() < end:
        stage.engine.desk.tick()
    stage.settles(0.6 * FULL)
    browser.control("snapshot.8.recall").click()
    browser.until(lambda: "empty" in _notice(browser))
    browser.control("undo").click()
    stage.settles(FULL)


def _notice(browser: Browser) -> str:
    return browser.js("return document.getElementById('notice').textContent")


def test_meters_and_figures_move(page, stage):
    browser = page.browser
    level = "return +document.querySelectorAll('.meter')[0].getAttribute('aria-valuenow')"
    browser.until(lambda: browser.js(level) == -14)  # 0.4 * 0.5
    stage.actions.apply("stem.vocals.mute", 1.0)
    browser.until(lambda: browser.js(level) < -60)
    text = "return document.getElementById('latency').textContent"
    assert browser.js(text) == f"{stage.engine.latency.ms:.1f} ms"


def test_the_drift_of_a_second_clock_is_shown_where_there_is_one(page, stage, monkeypatch):
    browser = page.browser
    shown = "const e = document.getElementById('clock'); return e.offsetParent && e.textContent"
    load = "return document.getElementById('load').textContent"
    browser.until(lambda: browser.js(load).endswith("%"))
    assert browser.js(shown) is None
    clocks = Clocks(ppm=36.6, ring_ms=12.0, resyncs=0, xruns=0, nonfinite=0)
    plain = stage.engine.snapshot
    monkeypatch.setattr(stage.engine, "snapshot", lambda: replace(plain(), clocks=clocks))
    browser.until(lambda: browser.js(shown) == "+37 ppm")


# Brightness of each band's place in the newest column of the first stem's picture, lowest first.
_COLUMN = """
  const canvas = document.querySelector('canvas.scroll'), n = 32;
  const pixels = canvas.getContext('2d').getImageData(canvas.width - 1, 0, 1, canvas.height).data;
  return Array.from({length: n}, (_, band) => {
    const y = Math.floor(canvas.height * (1 - (band + 0.5) / n));
    return pixels[4 * y] + pixels[4 * y + 1] + pixels[4 * y + 2];
  });
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_spectrum_shows_the_tone_where_it_is_and_follows_the_fader(page, stage, scheme):
    browser, away = page.browser, -1 if scheme == "light" else 1
    browser.look(scheme=scheme)
    browser.js("document.getElementById('spectrum').click()")

    def strongest() -> list[int]:
        """The bands that stand out from the background, the first one most."""
        column = browser.js(_COLUMN)
        return sorted(
            (n for n in range(32) if away * (column[n] - column[31]) > 60),
            key=lambda n: -away * column[n],
        )

    tone = next(n for n, e in enumerate(band_edges(RATE, 2048)[1:]) if e > 441 * 2048 / RATE)
    browser.until(lambda: (seen := strongest())[:1] == [tone] and len(seen) < 8)
    stage.actions.apply("stem.vocals.mute", 1.0)
    browser.until(lambda: strongest() == [])
    browser.js("document.getElementById('spectrum').click()")
    browser.until(lambda: not page.surface._spectators)


def test_spectra_are_sent_only_where_they_are_seen(page):
    browser, spectators = page.browser, page.surface._spectators
    button = "document.getElementById('spectrum')"
    assert not spectators
    browser.js(f"{button}.click()")
    browser.until(lambda: len(spectators) == 1)
    browser.look(600)
    browser.until(lambda: not spectators)
    assert browser.js(f"return {button}.hidden")
    browser.look()
    browser.until(lambda: len(spectators) == 1)
    browser.look(motion="reduce")
    browser.until(lambda: not spectators)
    assert browser.js("return getComputedStyle(document.querySelector('canvas')).display") == "none"
    browser.look()
    browser.open(page.surface.url)  # the choice is kept
    browser.until(lambda: len(spectators) == 1)
    assert browser.js(f"return {button}.ariaPressed") == "true"
    browser.js(f"{button}.click()")
    browser.until(lambda: not spectators)


def test_a_screen_reader_finds_every_control_by_name(page, stage):
    sliders = page.browser.js(
        "return [...document.querySelectorAll('[role=slider]')].map(n => [n.dataset.action,"
        " n.ariaLabel, n.ariaValueNow, n.ariaValueText, n.tabIndex])"
    )
    continuous = [n for n in stage.actions.names if stage.actions[n].kind == "continuous"]
    assert sorted(s[0] for s in sliders) == sorted(continuous)
    assert all(label and now and text and tab == 0 for _, label, now, text, tab in sliders)
    unnamed = page.browser.js(
        "return [...document.querySelectorAll('button,canvas,[role=meter]')]"
        ".filter(n => !n.ariaLabel && !n.textContent).length"
    )
    assert unnamed == 0


@pytest.mark.parametrize("width", [300, 320, 360, 700, 1200])
def test_no_width_scrolls_sideways(page, width):
    page.browser.look(width, 700)
    page.browser.until(lambda: page.browser.js("return innerWidth") == width)
    time.sleep(0.2)
    wide = page.browser.js("return document.documentElement.scrollWidth")
    assert wide <= width
    outside = page.browser.js(
        "return [...document.querySelectorAll('[data-action]')]"
        ".filter(n => n.getBoundingClientRect().right > innerWidth + 0.5).length"
    )
    assert outside == 0


def test_dark_and_light_follow_the_system(page):
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = page.browser.js(colour)
    page.browser.look(scheme="dark")
    dark = page.browser.js(colour)
    brightness = [sum(map(int, c.strip("rgb()").split(","))) for c in (light, dark)]
    assert brightness[0] > 600 > 200 > brightness[1]


def test_midi_learning_from_the_page(page, stage):
    stage.learned.clear()
    browser = page.browser
    browser.js("document.getElementById('learn').click()")
    ActionChains(browser.driver).click(browser.control("stem.drums.gain")).perform()
    browser.until(lambda: "control 7" in _notice(browser))
    assert stage.learned == ["stem.drums.gain"]
    assert stage.actions.value("stem.drums.gain") == 1.0


def test_nothing_comes_from_elsewhere(page):
    loaded = page.browser.js(
        "return performance.getEntriesByType('resource').map(e => new URL(e.name).origin)"
    )
    assert set(loaded) == {page.browser.js("return location.origin")}
    with urllib.request.urlopen(page.surface.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_another_sites_page_cannot_connect(page, stage):
    """A page of another origin, which the same browser shows, is refused."""
    with stage.serve() as other:
        result = page.browser.driver.execute_async_script(
            "const done = arguments[1]; const s = new WebSocket(arguments[0]);"
            "s.onopen = () => done('open'); s.onerror = () => done('refused');",
            page.surface.url.replace("http", "ws") + "ws",
        )
        assert result == "open"
        page.browser.open(other.url)
        page.browser.driver.get("data:text/html,<title>elsewhere</title>")
        result = page.browser.driver.execute_async_script(
            "const done = arguments[1]; const s = new WebSocket(arguments[0]);"
            "s.onopen = () => done('open'); s.onerror = () => done('refused');",
            page.surface.url.replace("http", "ws") + "ws",
        )
        assert result == "refused"


def test_two_browsers_are_in_step_within_100_ms(page, stage, chromium):
    fader = "document.querySelector('[data-action=\"stem.other.gain\"]')"
    watch = (
        "window.seen = new Promise(done => new MutationObserver(() => {"
        f" if ({fader}.ariaValueNow === '0') done(Date.now()); }}).observe({fader},"
        " {attributes: true, attributeFilter: ['aria-valuenow']}))"
    )
    press = f"{fader}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Home'}}));"
    delays = []
    with Browser() as second:
        second.open(page.surface.url)
        for _ in range(9):
            stage.actions.apply("stem.other.gain", 1.0)
            for browser in (page.browser, second):
                browser.until(lambda b=browser: b.value("stem.other.gain") == 100)
            second.js(watch)
            pressed = page.browser.js(f"const now = Date.now(); {press} return now;")
            seen = second.driver.execute_async_script("window.seen.then(arguments[0])")
            delays.append(seen - pressed)
            time.sleep(0.3)
        assert second.errors() == []
    print(f"delays between two browsers in ms: {delays}")
    assert sorted(delays)[len(delays) // 2] < 100, delays


def test_the_page_says_that_it_is_cut_off_and_comes_back(page, stage):
    browser = page.browser
    port = int(page.surface.url.rsplit(":", 1)[1].strip("/"))
    page.surface.stop()
    browser.until(lambda: browser.link() != "connected")
    stage.actions.apply("stem.vocals.gain", 0.25)
    with stage.serve(port=port):
        browser.until(lambda: browser.link() == "connected")
        browser.until(lambda: browser.value("stem.vocals.gain") == 25)
        drag(browser, "stem.vocals.gain", 0, -250)
        browser.until(lambda: stage.actions.value("stem.vocals.gain") == 1.0)
