"""One separator, timed on one clip and let loose on songs: run by peers.py in the peer's environment.

    python tools/bench/peer_child.py NAME JOB.json

JOB: {"clip": FILE, "songs": {NAME: FILE}, "out": FOLDER, "seconds": S}; the files are float32
[2, frames] at 44.1 kHz in .npy. The estimates of trained peers go to FOLDER/SONG.npz, one array a
stem. Prints one JSON object. Torch gets one thread.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from peer_models import PEERS, RATE, Peer, through_engine

WARM_SECONDS = 2
SLOW_SECONDS = 4.0  # who takes longer for the first two seconds is timed on those
MOST_HOPS = 500


def speed(peer: Peer, clip: np.ndarray) -> dict[str, float]:
    """Times real time, the best of two runs, by the clock and by processor time."""
    runs = [_run(peer, clip[:, : WARM_SECONDS * RATE])]
    slow = runs[0][0] > SLOW_SECONDS
    seconds = WARM_SECONDS if slow else clip.shape[1] / RATE
    if not slow:
        runs = [_run(peer, clip) for _ in range(2)]
    return {
        "x": seconds / min(wall for wall, _ in runs),
        "x_cpu": seconds / min(cpu for _, cpu in runs),
    }


def _run(peer: Peer, clip: np.ndarray) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    peer.separate(clip)
    return time.perf_counter() - wall, time.process_time() - cpu


def hops(peer: Peer, clip: np.ndarray, seconds: float) -> list[float]:
    """Milliseconds of processor time of each hop, one after the other at the pace of a stream."""
    assert peer.hop is not None
    step, took = peer.hop_frames, []
    due = time.perf_counter()
    for n in range(min(MOST_HOPS, round(seconds * RATE / step))):
        start = (n * step) % (clip.shape[1] - step)
        due += step / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        began = time.thread_time()
        peer.hop(np.ascontiguousarray(clip[:, start : start + step]))
        took.append(1000 * (time.thread_time() - began))
    return took


def run(name: str, job: dict[str, Any]) -> dict[str, Any]:
    """Load the peer, time it, let it separate the songs."""
    peer = PEERS[name]()
    clip = np.load(job["clip"])
    result: dict[str, Any] = {
        "weights": peer.weights,
        "trained": peer.trained,
        "needs_ms": peer.needs_ms,
        **speed(peer, clip),
    }
    if peer.hop is not None:
        result["hops_ms"] = hops(peer, clip, job["seconds"])
        result["hop_ms"] = 1000 * peer.hop_frames / RATE
    separate = through_engine if name == "rtstem" else peer.separate
    for song, path in job["songs"].items() if peer.trained else ():
        np.savez(Path(job["out"]) / f"{song}.npz", **separate(np.load(path)))
    return result


def main() -> None:
    name, job = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    with contextlib.redirect_stdout(sys.stderr):  # peers print what they like
        if name == "rtstem":
            result = run(name, job)
        else:
            import torch

            torch.set_num_threads(1)
            with torch.inference_mode():
                result = run(name, job)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
