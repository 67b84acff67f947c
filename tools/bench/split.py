"""`rtstem split`: how many times faster than real time, and memory against length.

    python tools/bench/split.py [--minutes 1 4 16] [--cores 1 2] [--json]

A song is one stream through the model, so a second core only takes decoding and writing off the
first; a library uses all cores (crate.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import common
import numpy as np
from common import ROOT, Limit

RATE = 44100
SPEED_LIMIT = 8.0
GROWTH_LIMIT_MB = 32.0  # "flat": a minute of stereo float32 alone is 21 MB


def write_song(path: Path, minutes: float) -> None:
    """Stereo 16-bit noise in bursts, written a second at a time."""
    import soundfile as sf

    random = np.random.default_rng(1)
    with sf.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for second in range(round(60 * minutes)):
            loudness = 0.02 + 0.1 * (second % 4)
            file.write(loudness * random.standard_normal((RATE, 2), dtype=np.float32))


def pin_to_one_core() -> None:
    """Let this process run on the last of its cores only."""
    pin(1)


def pin(cores: int) -> None:
    """Let this process run on so many cores only."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def run_one(folder: Path, minutes: float, cores: int = 1) -> dict[str, float]:
    """Split one file in a process of its own; a row of speed and peak memory."""
    song, stems = folder / f"{minutes:g}.wav", folder / f"stems {minutes:g} {cores}"
    write_song(song, minutes)
    command = [sys.executable, "-m", "rtstem", "split", str(song), "-o", str(stems)]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, preexec_fn=partial(pin, cores)
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status != 0:
        raise SystemExit(f"rtstem split failed with status {os.waitstatus_to_exitcode(status)}")
    song.unlink()
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "minutes": minutes,
        "cores": cores,
        "wall s": round(wall, 2),
        "CPU s": round(cpu, 2),
        "x real time": round(60 * minutes / wall, 1),
        "by CPU time": round(60 * minutes / cpu, 1),
        "peak MB": round(usage.ru_maxrss / 1024, 1),
    }


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 4, 16])
    parser.add_argument("--cores", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run_one(Path(folder), 0.1)  # fills numba's cache
        place, runs = Path(folder), [(m, c) for c in options.cores for m in options.minutes]
        rows = [run_one(place, *run) for run in runs]
    longest, memory = rows[len(options.minutes) - 1], [row["peak MB"] for row in rows]
    limits = [
        # by CPU time: what the core gives when nothing else runs on it
        Limit("speed", longest["by CPU time"], SPEED_LIMIT, "x real time", at_least=True),
        Limit("memory growth", round(max(memory) - min(memory), 1), GROWTH_LIMIT_MB, "MB"),
    ]
    return common.report(rows, limits, options.json, cores="pinned, start-up included")


if __name__ == "__main__":
    sys.exit(main())
