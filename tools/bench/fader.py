"""How soon a fader is heard: from the end of `desk.set` to the first output frame that changes.

    python tools/bench/fader.py [--moves 100] [--rate 48000] [--period 256] [--json]

The block is found in the recorder's log of cycles, not from an estimated clock.
"""

from __future__ import annotations

import sys
from typing import Any

import common
import jack_run
from common import AUDIO_TESTS, Limit
from exactness import FaderDelay, fader_delay

CHILD = AUDIO_TESTS / "engine_child.py"
PAUSE_SECONDS = 0.13  # longer than ramps and delay


def measure(options: Any) -> list[FaderDelay | None]:
    """Pull one stem down and up again, so many times; one entry a move down."""
    seconds = 2 * PAUSE_SECONDS * options.moves + 2
    with jack_run.Session(options.rate, options.period, seconds, CHILD) as run:
        moves = []
        run.rig.sleep(1.0)
        for _ in range(options.moves):
            run.rig.sleep(PAUSE_SECONDS)
            moves.append(run.engine.ask("set", stem=options.stem, value=0.0))
            run.rig.sleep(PAUSE_SECONDS)
            run.engine.ask("set", stem=options.stem, value=1.0)
        run.rig.sleep(2 * PAUSE_SECONDS)
        return [fader_delay(run.rig, run.hello["latency"], move) for move in moves]


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--stem", default="other")
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--period", type=int, default=256)
    options = parser.parse_args()
    heard = [delay for delay in measure(options) if delay is not None]
    frames = common.percentiles([delay.frames for delay in heard])
    rows = [{"from call to first changed frame": "frames"} | frames]
    limits = [
        Limit("moves that were heard", len(heard), options.moves // 2, at_least=True),
        Limit("device blocks until heard", max((d.blocks for d in heard), default=99), 1),
        Limit("frames into that block", max((d.offset for d in heard), default=99), 1),
    ]
    stream = f"{options.rate} Hz, period {options.period}, stem {options.stem}"
    return common.report(rows, limits, options.json, stream=stream)


if __name__ == "__main__":
    sys.exit(main())
