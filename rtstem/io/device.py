"""A PortAudio stream that runs the compiled callback.

The callback's address goes to PortAudio through sounddevice's cffi layer (private names: the version
is pinned). `blocksize=0`: the host chooses the frames per callback, a fixed size would cost a block.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from ..errors import DeviceError
from ..rt.atomics import publish
from .devices import DeviceInfo, check_channels
from .portaudio import JACK, never_end, portaudio

CLOSE_SECONDS = 2.0
DEAD_SECONDS = 0.2
"""Patience with a host that has stopped calling: JACK's close then never returns."""
LIFE_SECONDS = 0.02
"""Between two looks at whether it calls again."""
ABSURD_SECONDS = 10.0
"""No device buffers for so long: PipeWire's JACK reports 2^33 frames for a null sink."""


class DeviceStream:
    """A PortAudio stream, duplex, input or output only, that calls a compiled callback."""

    input_lost = False  # of a duplex stream both sides are

    def __init__(
        self,
        callback: int,
        header: int,
        *,
        input_device: DeviceInfo | None,
        output_device: DeviceInfo | None,
        input_channels: int,
        output_channels: int,
        rate: int,
        block: int,
    ) -> None:
        """Open (not start) the stream; `callback` and `header` (of the board, or of the capture for
        an input alone) are addresses.

        Raises DeviceError with PortAudio's reason.
        """
        self._sd = portaudio()
        check_channels(input_device, input_channels, output_device, output_channels)
        ffi, self._library = self._sd._ffi, self._sd._lib
        self._link = np.array([header, output_channels], np.int64)
        sides = {
            "input": (input_device, input_channels),
            "output": (output_device, output_channels),
        }
        self._closed = False
        self._jack = any(d is not None and d.hostapi == JACK for d, _ in sides.values())
        used = {kind: (d.index, n) for kind, (d, n) in sides.items() if d is not None}
        kind = "duplex" if len(used) == 2 else next(iter(used))
        device, channels = zip(*used.values(), strict=True)
        try:
            self._stream = self._sd._StreamBase(
                kind=kind,
                samplerate=rate,
                blocksize=block,
                device=device if kind == "duplex" else device[0],
                channels=channels if kind == "duplex" else channels[0],
                dtype="float32",
                latency="low",
                callback=ffi.cast("PaStreamCallback*", callback),
                wrap_callback=None,
                userdata=ffi.cast("void*", self._link.ctypes.data),
            )
        except self._sd.PortAudioError as error:
            raise DeviceError(_reason(error, rate, input_device, output_device)) from None

    def start(self) -> None:
        """Begin to call the callback. Raises DeviceError."""
        try:
            self._stream.start()
        except self._sd.PortAudioError as error:
            raise DeviceError(f"the audio device does not start: {error.args[0]}") from None

    @property
    def latency_frames(self) -> int:
        """Buffering that the host reports for input and output together, in frames; 0 for a
        direction of which it does not know."""
        latency = self._stream.latency
        directions = latency if isinstance(latency, tuple) else (latency,)
        seconds: float = sum(part for part in directions if 0.0 <= part <= ABSURD_SECONDS)
        return round(seconds * float(self._stream.samplerate))

    @property
    def active(self) -> bool:
        """False once the host has stopped the stream."""
        return not self._closed and self._library.Pa_IsStreamActive(self._stream._ptr) == 1

    def stop(self, dead: bool = False) -> bool:
        """Stop and close; False where the host hangs, as JACK does when its server is `dead`.

        The callback leaves the board alone from now on, even if such a host comes back.
        """
        if not dead:
            self._beside(self._close, CLOSE_SECONDS)
        publish(self._link, 0, 0)
        if dead:
            self._beside(self._close_if_it_lives if self._jack else self._close, DEAD_SECONDS)
        if not self._closed:
            _hanging.append(self)
            never_end()
        return self._closed

    def _beside(self, close: Callable[[], None], patience: float) -> None:
        """In a thread of its own, which may hang."""
        closer = threading.Thread(target=close, name="rtstem-close", daemon=True)
        closer.start()
        closer.join(patience)

    def _close_if_it_lives(self) -> None:
        """JACK's close of a stream waits ten minutes for a server that hangs, and then, or when another
        client makes it go on, aborts the process where that server is gone."""
        load = self._library.Pa_GetStreamCpuLoad(self._stream._ptr)
        while self.active:
            time.sleep(LIFE_SECONDS)
            if self._library.Pa_GetStreamCpuLoad(self._stream._ptr) != load:  # it was called
                self._close()
                return

    def _close(self) -> None:
        """By the library that opened the stream, which another may have replaced meanwhile."""
        pointer = self._stream._ptr
        if self._library.Pa_AbortStream(pointer) >= 0:  # else the device is gone: nothing to close
            self._library.Pa_CloseStream(pointer)
        self._closed = True


_hanging: list[DeviceStream] = []
"""Streams whose host hangs: it may still use their memory, which must not be freed."""


def _reason(
    error: Exception, rate: int, input_device: DeviceInfo | None, output_device: DeviceInfo | None
) -> str:
    names = [f"'{d.name}'" for d in (input_device, output_device) if d is not None]
    return (
        f"cannot open {' and '.join(names)} at {rate} Hz: {error.args[0]};"
        " see `rtstem devices` and audio.sample_rate"
    )
