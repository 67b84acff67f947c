"""Sound devices as PortAudio lists them, and choosing one by name or index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DeviceError
from .portaudio import JACK, portaudio


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


def check_channels(
    input_device: DeviceInfo | None,
    input_channels: int,
    output_device: DeviceInfo | None,
    output_channels: int,
) -> None:
    """Raises DeviceError where a device has fewer channels than that."""
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
