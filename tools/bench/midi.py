"""MIDI over JACK: from the cycle that carries a control change to the first changed frame, a burst
of 1000, and what the surface costs when nothing moves.

    python tools/bench/midi.py [--moves 50] [--period 256 64] [--model live] [--json]

The limit is one device block and 1 ms beyond the cycle in which the driver delivers the message.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import common
import jack_run
import numpy as np
from common import AUDIO_TESTS, Limit
from midicontroller import Controller
from midiwait import first_change

CHILD = Path(AUDIO_TESTS) / "midi_child.py"
RATE = 48000
FADERS = 4
BURST = 1000
IDLE_SECONDS = 5.0
SETTLE_SECONDS = 2.5
BURST_PERIOD = 256
"""Below that this machine's server loses cycles, and the MIDI in them, under 1000 messages."""
_PAUSE = 0.08


def moves(run: jack_run.Session, controller: Controller, count: int) -> list[int]:
    """Frames from delivery to the change, of the moves that no lost cycle hides."""
    run.rig.sleep(0.5)
    for _ in range(count):
        for value in (127, 0, 127):
            controller.send([0xB0, 0, value])
            run.rig.sleep(_PAUSE)
    found = [first_change(run.rig, run.hello["latency"], frame) for frame in controller.sent[1::3]]
    return [frames for frames in found if frames is not None]


def burst(run: jack_run.Session, controller: Controller) -> tuple[bool, float]:
    """Whether 1000 messages of one cycle were applied in order, and how long it took (ms)."""
    before = len(run.engine.ask("moves", at_least=0)["moves"])
    values = [127] * FADERS + [n * 37 % 128 for n in range(BURST - FADERS)]
    started = time.monotonic()
    controller.send(*([0xB0, n % FADERS, value] for n, value in enumerate(values)))
    done = run.engine.ask("moves", at_least=before + BURST)["moves"][before:]
    took = 1000 * (time.monotonic() - started)
    return [value for _, value in done] == [value / 127 for value in values], took


def idle_load(run: jack_run.Session) -> float:
    """Processor time of the two MIDI threads while nothing moves, in per cent of one core."""
    time.sleep(SETTLE_SECONDS)  # the surface looks less often then
    first = run.engine.ask("midi_seconds")["seconds"]
    time.sleep(IDLE_SECONDS)
    return 100 * (run.engine.ask("midi_seconds")["seconds"] - first) / IDLE_SECONDS


def run_one(period: int, count: int, model: str) -> tuple[dict[str, object], list[Limit]]:
    """Row and limits of one period."""
    seconds = count * 3 * _PAUSE + 10
    with (
        jack_run.Session(RATE, period, seconds, CHILD, model=model) as run,
        Controller(run.server) as controller,
    ):
        if not controller.connected():
            raise SystemExit(f"not connected: {run.engine.ask('state')['notices']}")
        waits = 1000 * np.array(moves(run, controller, count)) / RATE
        in_order, took = burst(run, controller) if period >= BURST_PERIOD else (None, 0.0)
        idle = idle_load(run)
    allowed = 1000 * period / RATE + 1
    row: dict[str, object] = {
        "period": period,
        "moves": count,
        "heard": len(waits),
        "p50 ms": round(float(np.median(waits)), 2),
        "p99 ms": round(float(np.percentile(waits, 99)), 2),
        "max ms": round(float(waits.max()), 2),
        "allowed ms": round(allowed, 2),
        "burst ms": round(took, 1),
        "idle %": round(idle, 1),
    }
    name = f"period {period}:"
    limits = [Limit(f"{name} slowest control change", float(waits.max()), allowed, "ms")]
    if in_order is not None:
        limits.append(Limit(f"{name} burst of {BURST} in order", in_order, 1, at_least=True))
    return row, limits


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--period", type=int, nargs="+", default=[256, 64])
    parser.add_argument("--model", default="live")
    options = parser.parse_args()
    rows, limits = [], []
    for period in options.period:
        row, goals = run_one(period, options.moves, options.model)
        rows.append(row)
        limits += goals
    return common.report(rows, limits, options.json)


if __name__ == "__main__":
    sys.exit(main())
