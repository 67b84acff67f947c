"""Input and output as two streams on two clocks, with the verbs of one."""

from __future__ import annotations

import time
from typing import Protocol

from ..rt import board as b
from ..rt.board import Board
from ..rt.capture import MARKS, Capture, capture_callback
from .device import DeviceStream
from .devices import DeviceInfo

STILL_SECONDS = 3.0
"""Without a call of the input, which says that it is active, until it is taken for lost."""
LOOK_SECONDS = 0.1
"""More time than this between two looks was not the input's: the process was suspended."""


def open_input(
    capture: Capture, device: DeviceInfo, channels: int, output_rate: int
) -> DeviceStream:
    """A stream at the device's own rate that fills `capture`, not started.

    Blocks are the host's: of another size they would come in bursts, which say little of its clock.
    Raises DeviceError with PortAudio's reason.
    """
    rate = round(device.default_rate)
    capture.reset(rate, output_rate)
    return DeviceStream(
        capture_callback.address or 0,
        capture.header.ctypes.data,
        input_device=device,
        output_device=None,
        input_channels=channels,
        output_channels=0,
        rate=rate,
        block=0,
    )


class OutputStream(Protocol):
    """What a device's output and the virtual one have in common."""

    @property
    def active(self) -> bool: ...

    @property
    def latency_frames(self) -> int: ...

    def start(self) -> None: ...

    def stop(self, dead: bool = False) -> bool: ...


class PairStream:
    """An input stream that fills `capture`, and an output stream whose callback reads from it."""

    def __init__(
        self, board: Board, capture: Capture, source: DeviceStream, output: OutputStream
    ) -> None:
        """Both are open and not started."""
        self._board, self._capture = board, capture
        self._source, self._output = source, output
        self._marks, self._looked, self._still = -1, time.monotonic(), 0.0

    def start(self) -> None:
        """Begin to call both callbacks. Raises DeviceError."""
        self._board.header[b.A_CAPTURE] = self._capture.header.ctypes.data
        self._source.start()
        self._output.start()

    @property
    def latency_frames(self) -> int:
        """Buffering that both hosts report, in frames of the output."""
        theirs = self._source.latency_frames / self._capture.ratio
        return round(theirs) + self._output.latency_frames

    @property
    def input_lost(self) -> bool:
        """True where it is the input that gives no more blocks."""
        marks, now = int(self._capture.header[MARKS]), time.monotonic()
        passed = min(now - self._looked, LOOK_SECONDS)
        self._still = 0.0 if marks != self._marks else self._still + passed
        self._marks, self._looked = marks, now
        return not self._source.active or self._still > STILL_SECONDS

    @property
    def active(self) -> bool:
        """False once no more blocks will come from one of them."""
        return not self.input_lost and self._output.active

    def stop(self, dead: bool = False) -> bool:
        """Stop and close both; False where a host hangs. The next stream may be one alone."""
        stopped = [stream.stop(dead) for stream in (self._output, self._source)]
        self._board.header[b.A_CAPTURE] = 0
        return all(stopped)
