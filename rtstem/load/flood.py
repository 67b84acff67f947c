"""An OSC controller gone wild, in a process of its own.

    python -m rtstem.load.flood PORT RATE

Sends RATE messages a second that move the faders in turn, until its input ends; says then how many.
"""

from __future__ import annotations

import socket
import sys
import time

from pythonosc.osc_message_builder import OscMessageBuilder

from .child import Child, input_ended

_STEMS = ("vocals", "drums", "bass", "other")
_STEPS = 50
_PAUSE_SECONDS = 0.001


class Flood:
    """The process above, as a context manager; `sent` is known at the end."""

    def __init__(self, port: int, rate: float) -> None:
        self._child = Child("flood", port, rate)
        self.sent = 0

    def __enter__(self) -> Flood:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.sent = int(self._child.end() or 0)


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
    ended = input_ended()
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
