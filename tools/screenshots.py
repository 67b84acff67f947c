"""Writes docs/images/web-*.png from the real page: an engine plays the demo song to no device.

    python tools/screenshots.py [--out docs/images]

Needs Chromium with its driver and selenium, as tests/web do.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rtstem.control.actions import ActionTable  # noqa: E402
from rtstem.control.web import WebSurface  # noqa: E402
from rtstem.engine import Engine  # noqa: E402
from rtstem.resources import asset  # noqa: E402
from tests.web.browser import Browser, missing  # noqa: E402

VIEWS = {
    "wide": (1200, 700, "light"),
    "dark": (1200, 700, "dark"),
    "narrow": (360, 780, "light"),
    "dock": (300, 780, "dark"),
}
SPECTRAL = ("dark",)
SPECTRUM_SECONDS = 6.0  # until the pictures are full
MOVES = {
    "stem.vocals.gain": 0.62,
    "stem.bass.gain": 0.85,
    "stem.drums.filter": 0.72,
    "stem.other.mute": 1.0,
}


def main() -> None:
    """Play, open the page in all views, save them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--model", default="live", help="name or path of a model")
    options = parser.parse_args()
    if problem := missing():
        sys.exit(f"screenshots: {problem}")
    options.out = options.out.resolve()
    os.chdir(ROOT)  # the page shows the path of the song
    options.out.mkdir(parents=True, exist_ok=True)
    settings = {
        "model": options.model,
        "audio": {"input": f"file:{asset('demo_song.ogg').relative_to(ROOT)}", "output": "virtual"},
    }
    with Engine(settings) as engine, Browser() as browser:
        actions = ActionTable(engine.desk)
        with WebSurface(engine, actions, port=0, learn=lambda action, tell: None) as surface:
            for name, value in MOVES.items():
                actions.apply(name, value)
            for view, (width, height, scheme) in VIEWS.items():
                browser.look(width, height, scheme)
                browser.open(surface.url)
                whole = browser.js("return document.documentElement.scrollHeight")
                browser.look(width, max(height, whole), scheme)
                if view in SPECTRAL:
                    browser.js("document.getElementById('spectrum').click()")
                time.sleep(SPECTRUM_SECONDS if view in SPECTRAL else 3.0)
                browser.driver.save_screenshot(str(options.out / f"web-{view}.png"))


if __name__ == "__main__":
    main()
