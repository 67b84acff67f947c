"""`rtstem devices`: the sound devices as PortAudio sees them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..io.devices import DeviceInfo

COLUMNS = (
    "index",
    "name",
    "host API",
    "in",
    "out",
    "rate Hz",
    "latency ms in",
    "out ms",
    "default",
)
NONE_FOUND = """No sound device. The engine still runs without one:
  rtstem live --input file:SONG.flac --output virtual
  rtstem demo
To get a device: plug one in, start the sound server (PipeWire, PulseAudio, jackd) as this user,
and see `rtstem doctor` for what is missing."""


@click.command(
    name="devices",
    epilog="""\b
Examples:
  rtstem devices
  rtstem devices --json
Use a name or an index with live:
  rtstem live --input 3 --output "USB Audio"
""",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of the table.")
def command(as_json: bool) -> None:
    """List the sound devices: index, name, channels, rate, latency."""
    from ..io.devices import list_devices
    from .output import print_json, print_table

    devices = list_devices()
    if as_json:
        print_json([asdict(device) for device in devices])
    elif devices:
        print_table(
            COLUMNS, map(_row, devices), right=[c for c in COLUMNS if c not in COLUMNS[1:3]]
        )
        click.echo("Latencies are what the host offers at its low setting, each way.")
    else:
        click.echo(NONE_FOUND)


def _row(device: DeviceInfo) -> tuple[object, ...]:
    """Return the cells of one device."""
    defaults = [
        word
        for word, wanted in (
            ("input", device.is_default_input),
            ("output", device.is_default_output),
        )
        if wanted
    ]
    return (
        device.index,
        device.name,
        device.hostapi,
        device.inputs,
        device.outputs,
        f"{device.default_rate:.0f}",
        f"{device.low_input_latency * 1000:.1f}" if device.inputs else "-",
        f"{device.low_output_latency * 1000:.1f}" if device.outputs else "-",
        ", ".join(defaults),
    )
