"""A MIDI controller that is a JACK client: knows the very cycle in which each message went out."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import jack

if TYPE_CHECKING:
    from jackserver import JackServer

_MOST_PER_FRAME = 4
"""More in one cycle would take Python longer than the cycle lasts."""
_WIRED_CYCLES = 20
"""JACK uses a new connection a few cycles after it shows it."""


class Controller:
    """Ports `NAME:midi_out` and `NAME:midi_in` for as long as it is plugged in.

    `sent` holds the JACK frame of the cycle of every message sent, in order; `received` every
    message that came back.
    """

    def __init__(self, server: JackServer, name: str = "nanoKONTROL2") -> None:
        self.client = server.client(name)
        self._out = self.client.midi_outports.register("midi_out")
        self._in = self.client.midi_inports.register("midi_in")
        self._waiting: deque[list[int]] = deque()
        self.sent: list[int] = []
        self.received: list[list[int]] = []
        self._cycles = 0
        self.client.set_process_callback(self._process)
        self.client.activate()

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.unplug()

    def _process(self, frames: int) -> None:
        self._out.clear_buffer()
        with contextlib.suppress(jack.JackError):  # the cycle is full: go on in the next one
            for _ in range(min(len(self._waiting), frames * _MOST_PER_FRAME)):
                self._out.write_midi_event(0, bytes(self._waiting[0]))
                self._waiting.popleft()
                self.sent.append(self.client.last_frame_time)
        for _offset, data in self._in.incoming_midi_events():
            self.received.append(list(bytes(data)))
        self._cycles += 1

    def send(self, *messages: list[int]) -> None:
        """All messages in the next cycle, in this order (in the next ones if they do not fit)."""
        self._waiting.extend(messages)

    def connected(self, timeout: float = 60.0) -> bool:
        """Wait until somebody listens to us and somebody may talk to us."""
        there = self.until(lambda: self._out.connections and self._in.connections, timeout)
        used = self._cycles + _WIRED_CYCLES
        return there and self.until(lambda: self._cycles >= used, timeout)

    def got(self, message: list[int], timeout: float = 30.0) -> bool:
        """Wait for a message from the other side."""
        return self.until(lambda: message in self.received, timeout)

    @staticmethod
    def until(condition: Any, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def unplug(self) -> None:
        """Take it away, in the middle of whatever is going on."""
        self.client.deactivate()
        self.client.close()
