"""What the web mixer costs: share of a core that its thread uses while music plays.

    python tools/bench/web.py [--seconds 20] [--browsers 1 10] [--model live] [--json]

The engine plays on the virtual device; the browsers are WebSocket clients in another process, one
of which moves a fader ten times a second. Each count is measured with levels only and with the
spectrogram.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
from common import Limit
from threads import thread_seconds

from rtstem.load.browsers import Browsers

LIMIT_PERCENT = 2.0
_START_SECONDS = 1.0


def one(url: str, browsers: int, spectrum: bool, seconds: float) -> dict[str, Any]:
    """A row: share of a core with so many browsers."""
    with Browsers(url, browsers, spectrum) as clients:
        time.sleep(_START_SECONDS)
        began, used = time.monotonic(), thread_seconds()["web"]
        time.sleep(seconds)
        percent = 100 * (thread_seconds()["web"] - used) / (time.monotonic() - began)
    counts = clients.told["messages"]
    length = seconds + _START_SECONDS
    return {
        "browsers": browsers,
        "shows": "spectrogram" if spectrum else "levels",
        "percent of a core": round(percent, 2),
        "messages a second and browser": round(sum(counts.values()) / browsers / length, 1),
    }


def measure(options: Any) -> list[dict[str, Any]]:
    """All rows, with one engine."""
    import soundfile

    from rtstem import Engine
    from rtstem.control.actions import ActionTable
    from rtstem.control.web import WebSurface
    from rtstem.model_signals import music

    rate = 44100
    runs = [(count, view) for count in options.browsers for view in (False, True)]
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.flac"
        frames = int(rate * (len(runs) * (options.seconds + 5) + 10))
        soundfile.write(song, music(frames, rate), rate)
        config = {
            "model": options.model,
            "audio": {"input": f"file:{song}", "output": "virtual"},
        }
        with Engine(config) as engine:
            surface = WebSurface(engine, ActionTable(engine.desk), port=0)
            with surface:
                return [one(surface.url, *run, options.seconds) for run in runs]


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--browsers", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--model", default="live")
    options = parser.parse_args()
    rows = measure(options)
    limits = [
        Limit(
            f"{row['browsers']} browsers, {row['shows']}",
            row["percent of a core"],
            LIMIT_PERCENT,
            "%",
        )
        for row in rows
    ]
    return common.report(rows, limits, options.json)


if __name__ == "__main__":
    sys.exit(main())
