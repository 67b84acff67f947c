"""Sound devices through PortAudio: listing, choosing by name or index, and the stream that runs the
compiled callback.

The callback's address goes to PortAudio through sounddevice's cffi layer (private names: the version
is pinned). `blocksize=0`: the host chooses the frames per callback, a fixed size would cost a block.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DeviceError
from ..rt.atomics import publish
from .portaudio import JACK, never_end, portaudio

CLOSE_SECONDS = 2.0
DEAD_SECONDS = 0.2
"""Patience with a host that has stopped calling: JACK's close then never returns."""
ABSURD_SECONDS = 10.0
"""No device buffers for so long: PipeWire's JACK reports 2^33 frames for a null sink."""


@dataclass(frozen=True)
class DeviceInfo:
    """One PortAudio device; latencies in seconds, rate in Hz."""

    index: int
    name: str
    hostapi: str
    inputs: int
    outputs: int
    default_rate: float
    low_input_latency: float
    low_output_latency: float
    is_default_input: bool
    is_default_output: bool


def list_devices() -> list[DeviceInfo]:
    """All devices, in PortAudio's order. Raises DeviceError without PortAudio."""
    sd = portaudio()
    hosts = sd.query_hostapis()
    default_in, default_out = sd.default.device
    default_in = default_in if default_in >= 0 else _first_default(hosts, "default_input_device")
    default_out = (
        default_out if default_out >= 0 else _first_default(hosts, "default_output_device")
    )
    return [
        DeviceInfo(
            index=d["index"],
            name=d["name"],
            hostapi=hosts[d["hostapi"]]["name"],
            inputs=d["max_input_channels"],
            outputs=d["max_output_channels"],
            default_rate=d["default_samplerate"],
            low_input_latency=d["default_low_input_latency"],
            low_output_latency=d["default_low_output_latency"],
            is_default_input=d["index"] == default_in,
            is_default_output=d["index"] == default_out,
        )
        for d in sd.query_devices()
    ]


def _first_default(hosts: Sequence[dict[str, Any]], key: str) -> int:
    return next((int(h[key]) for h in hosts if h[key] >= 0), -1)


def find_device(wanted: str | int, direction: str, devices: Sequence[DeviceInfo]) -> DeviceInfo:
    """The device called `wanted` (index, name, part of a name, or "default").

    `direction` is "input" or "output". Raises DeviceError, naming the choices, where none or several
    fit.
    """
    usable = [d for d in devices if (d.inputs if direction == "input" else d.outputs) > 0]
    if not usable:
        raise DeviceError(
            f"there is no audio {direction} device; connect one or start the sound server"
            " (see `rtstem doctor`)"
        )
    text = str(wanted).strip()
    if text == "default":
        chosen = [d for d in usable if _is_default(d, direction)] or usable[:1]
    elif text.isdigit():
        chosen = [d for d in usable if d.index == int(text)]
    else:
        exact = [
            d for d in usable if text.casefold() in (d.name.casefold(), _full_name(d).casefold())
        ]
        chosen = exact or [d for d in usable if text.casefold() in _full_name(d).casefold()]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(f"{d.index} {_full_name(d)}" for d in (chosen or usable))
    if chosen:
        raise DeviceError(f"{direction} device '{text}' fits several; give the index: {names}")
    raise DeviceError(f"no {direction} device fits '{text}'; there are: {names}")


def _is_default(device: DeviceInfo, direction: str) -> bool:
    return device.is_default_input if direction == "input" else device.is_default_output


def _full_name(device: DeviceInfo) -> str:
    return f"{device.name} [{device.hostapi}]"


def same_clock(source: DeviceInfo, output: DeviceInfo) -> bool:
    """Whether one stream can serve both without drifting: one device, JACK's, or (Windows) input and
    output of the same hardware, whose name stands in brackets: "Line (USB Audio)"."""
    if source.hostapi != output.hostapi:
        return False
    names = [re.findall(r"\(([^()]+)\)$", d.name.strip()) for d in (source, output)]
    same_hardware = names[0] != [] and names[0] == names[1]
    return source.index == output.index or source.hostapi == JACK or same_hardware


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
        if input_device is not None and input_device.inputs < input_channels:
            raise DeviceError(
                f"input device '{input_device.name}' has {input_device.inputs} channels, not"
                f" {input_channels}; change audio.input_channels"
            )
        if output_device is not None and output_device.outputs < output_channels:
            raise DeviceError(
                f"output device '{output_device.name}' has {output_device.outputs} channels, the"
                f" buses need {output_channels}; change buses"
            )
        ffi, self._library = self._sd._ffi, self._sd._lib
        self._link = np.array([header, output_channels], np.int64)
        sides = {
            "input": (input_device, input_channels),
            "output": (output_device, output_channels),
        }
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
        try:
            return bool(self._stream.active)
        except self._sd.PortAudioError:
            return False

    def stop(self, dead: bool = False) -> bool:
        """Stop and close; False where the host hangs, as JACK does when its server is `dead`.

        The callback leaves the board alone from now on, even if such a host comes back.
        """
        if not dead:
            closer = self._close_beside(CLOSE_SECONDS)
        publish(self._link, 0, 0)
        if dead:
            closer = self._close_beside(DEAD_SECONDS)
        if closer.is_alive():
            _hanging.append(self)
            never_end()
        return not closer.is_alive()

    def _close_beside(self, patience: float) -> threading.Thread:
        closer = threading.Thread(target=self._close, name="rtstem-close", daemon=True)
        closer.start()
        closer.join(patience)
        return closer

    def _close(self) -> None:
        """By the library that opened the stream, which another may have replaced meanwhile."""
        pointer = self._stream._ptr
        if self._library.Pa_AbortStream(pointer) >= 0:  # else the device is gone: nothing to close
            self._library.Pa_CloseStream(pointer)


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
