"""Several engines at once on one machine: how many live streams stay clean.

    python tools/bench/engines.py [--engines 1 2 3 4] [--seconds 30] [--model live] [--json]

Each engine is a process of its own on the virtual device, whose clock calls the same callback as a
sound device would, at the same priority; each hears a song from a file. An engine is clean when
within the time no hop was late or held, so that every block had its true
stems, and no callback took longer than its block.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import common
from common import Limit
from engineprocess import EngineProcess

from rtstem.load.stalls import StallMonitor

CHILD = Path(__file__).with_name("used_child.py")
RATE = 44100
_COUNTED = (
    "late_hops",
    "held_hops",
    "concealed_blocks",
    "missed_blocks",
    "deadline_misses",
    "xruns",
)
_START_SECONDS = 20  # a process, for the others to get ready


def write_song(path: Path, seconds: float) -> None:
    """Music of that length for the engines to hear."""
    import soundfile

    from rtstem.model_signals import music

    soundfile.write(path, music(int(seconds * RATE), RATE), RATE)


def watch(count: int, options: Any, folder: Path) -> list[dict[str, Any]]:
    """`count` engines for so long; what each of them counted, and its share of a core."""
    song = folder / f"{count}.flac"
    write_song(song, options.seconds + 5 + count * _START_SECONDS)
    config = {
        "model": options.model,
        "audio": {"input": f"file:{song}", "output": "virtual", "block": options.block},
        "latency": {"safety_hops": options.safety_hops},
    }
    with ExitStack() as stack:
        engines = [stack.enter_context(EngineProcess(None, config, CHILD)) for _ in range(count)]
        time.sleep(1.0)  # the last one to start has disturbed the others
        before = [(engine.ask("snapshot"), engine.ask("used")) for engine in engines]
        time.sleep(options.seconds)
        after = [(engine.ask("snapshot"), engine.ask("used")) for engine in engines]
    return [_one(*pair, options.seconds) for pair in zip(before, after, strict=True)]


def _one(before: Any, after: Any, seconds: float) -> dict[str, Any]:
    if not after[0]["running"]:
        raise SystemExit(f"an engine stopped: {after[0]['error'] or 'the song was too short'}")
    counted = {key: after[0][key] - before[0][key] for key in _COUNTED}
    used = sum(after[1].values()) - sum(before[1].values())
    return counted | {"cpu": 100 * used / seconds, "hop": after[0]["hop_us"]["p99"]}


def row(count: int, engines: list[dict[str, Any]], stalls: int) -> dict[str, Any]:
    """One line of the table: the engines of one run together."""
    total = {key.replace("_", " "): sum(one[key] for one in engines) for key in _COUNTED}
    clean = sum(not any(one[key] for key in _COUNTED) for one in engines)
    shares = [one["cpu"] for one in engines]
    return {
        "engines": count,
        "clean": clean,
        **total,
        "% of a core each": round(sum(shares) / count, 1),
        "together": round(sum(shares), 1),
        "slowest hop p99, us": max(one["hop"] for one in engines),
        "machine stalls": stalls,
    }


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--engines", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--block", type=int, default=256)
    parser.add_argument("--model", default="live")
    parser.add_argument("--safety-hops", type=float, default=0.5)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in options.engines:
            with StallMonitor() as machine:
                engines = watch(count, options, Path(folder))
            rows.append(row(count, engines, machine.seen.count if machine.seen else 0))
    clean = max((row["engines"] for row in rows if row["clean"] == row["engines"]), default=0)
    stream = f"{options.seconds:g} s each, {RATE} Hz, blocks of {options.block}"
    limits = [Limit("engines at once, all clean", clean, 1, at_least=True)]
    return common.report(rows, limits, options.json, stream=stream)


if __name__ == "__main__":
    sys.exit(main())
