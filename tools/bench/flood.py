"""An OSC controller gone wild, in a process of its own.

    python tools/bench/flood.py PORT RATE

Sends RATE messages a second that move the faders in turn, until its input ends; says then how many.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from pythonosc.osc_message_builder import OscMessageBuilder

_STEMS = ("vocals", "drums", "bass", "other")
_STEPS = 50
_PAUSE_SECONDS = 0.001


class Flood:
    """The process above, as a context manager; `sent` is known at the end."""

    def __init__(self, port: int, rate: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(port), str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.sent = 0

    def __enter__(self) -> Flood:
        return self

    def __exit__(self, *_exc: object) -> None:
        out, _ = self._process.communicate()
        self.sent = int(out)


def packets() -> list[bytes]:
    """A round of moves, made before so that sending is all that takes time."""
    made = []
    for step in range(_STEPS):
        for stem in _STEMS:
            builder = OscMessageBuilder(f"/rtstem/stem/{stem}/gain")
            builder.add_arg(step / (_STEPS - 1))
            made.append(builder.build().dgram)
    return made


def main() -> None:
    port, rate = int(sys.argv[1]), float(sys.argv[2])
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    moves, sent, began = packets(), 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        while not ended.is_set():
            while sent < rate * (time.monotonic() - began):
                out.sendto(moves[sent % len(moves)], ("127.0.0.1", port))
                sent += 1
            time.sleep(_PAUSE_SECONDS)
    print(sent)


if __name__ == "__main__":
    main()
