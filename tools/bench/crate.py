"""`rtstem crate` against `rtstem split` on one core: the same songs, how many times real time.

python tools/bench/crate.py [--songs 4] [--minutes 1] [--jobs 1 2] [--json]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
from common import ROOT, Limit
from split import pin_to_one_core, write_song

SHARE_LIMIT = 0.85  # looking at the files and starting processes may take the rest


def run(name: str, seconds: float, arguments: list[str], one_core: bool) -> dict[str, object]:
    """One command in a process of its own; a row of speed and memory."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "rtstem", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        preexec_fn=pin_to_one_core if one_core else None,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status != 0:
        raise SystemExit(f"{name} failed with status {os.waitstatus_to_exitcode(status)}")
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "command": name,
        "wall s": round(wall, 2),
        "CPU s": round(cpu, 2),
        "x real time": round(seconds / wall, 1),
        "by CPU time": round(seconds / cpu, 1),
        "peak MB a process": round(usage.ru_maxrss / 1024, 1),
    }


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--songs", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=1.0)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, nargs="+", default=sorted({1, cores}))
    options = parser.parse_args()
    seconds = 60 * options.minutes * options.songs
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "songs").mkdir()
        # Of different lengths, so that they are not copies of each other.
        songs = [place / "songs" / f"{number}.wav" for number in range(options.songs)]
        for number, song in enumerate(songs):
            write_song(song, options.minutes + number / 60)
        seconds += sum(range(options.songs))
        run("warm-up", 1, ["split", str(songs[0]), "-o", str(place / "warm")], one_core=True)
        split = ["split", *map(str, songs), "-o", str(place / "split")]
        rows = [run("split, one core", seconds, split, one_core=True)]
        for jobs in options.jobs:
            crate = ["crate", str(place / "songs"), str(place / f"{jobs}"), "--jobs", str(jobs)]
            rows.append(run(f"crate --jobs {jobs}", seconds, crate, one_core=False))
    by_cpu = [float(str(row["by CPU time"])) for row in rows]
    share = round(by_cpu[1] / by_cpu[0], 2)
    limits = [
        # by CPU time: other programs take their part of the cores
        Limit(
            "CPU time of split / of crate with the fewest jobs", share, SHARE_LIMIT, at_least=True
        )
    ]
    return common.report(rows, limits, options.json, cores=cores)


if __name__ == "__main__":
    sys.exit(main())
