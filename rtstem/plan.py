"""From configuration and model to what the engine opens: devices, rate, channels, buses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .config import Bus, Config
from .errors import ConfigError
from .io.devices import DeviceInfo, find_device, list_devices, same_clock
from .io.files import FileReader, FolderReader, open_reader
from .io.loop import LoopReader
from .model_spec import ModelSpec

VIRTUAL_BLOCK = 256
FILE = "file:"


@dataclass(frozen=True)
class BusPlan:
    """`route`: output channels from 0 (right is -1 for one channel); `gains` [S], None: the desk's."""

    name: str
    route: tuple[int, int]
    gains: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class Plan:
    """All that is decided before anything is opened; channels count from 0, rate in Hz.

    `output_device` None is the virtual device; `reader` is the file that replaces an input device.
    `two_clocks`: the input device is a stream of its own.
    """

    rate: int
    block: int
    input_device: DeviceInfo | None
    output_device: DeviceInfo | None
    reader: FileReader | FolderReader | LoopReader | None
    input_channels: int
    input_pair: tuple[int, int]
    output_channels: int
    buses: tuple[BusPlan, ...]
    two_clocks: bool = False

    @property
    def virtual(self) -> bool:
        """True where no sound device is used."""
        return self.output_device is None


def make_plan(config: Config, spec: ModelSpec, endless: bool = False) -> Plan:
    """Decide and check everything; `endless`: a file begins anew when it is over.

    Raises ConfigError, DeviceError or AudioFileError.
    """
    source, target = str(config.audio.input), str(config.audio.output)
    virtual = target == "virtual"
    from_device = not source.startswith((FILE, "virtual:"))
    devices = list_devices() if from_device or not virtual else []
    output = None if virtual else find_device(config.audio.output, "output", devices)
    inp = find_device(config.audio.input, "input", devices) if from_device else None
    reader = open_reader(source[len(FILE) :]) if source.startswith(FILE) else None
    rate = _rate(config, spec, output, reader)
    if reader is not None and reader.rate != rate:
        reader.close()
        reader = open_reader(source[len(FILE) :], rate)
    endless_reader = None
    if reader is not None and endless:
        reader.close()
        endless_reader = LoopReader(reader.path, rate)
    pair = _input_pair(config)
    return Plan(
        rate=rate,
        block=config.audio.block or (VIRTUAL_BLOCK if virtual else 0),
        input_device=inp,
        output_device=output,
        reader=endless_reader or reader,
        input_channels=max(pair) + 1 if from_device else 2,
        input_pair=pair if from_device else (0, 1),
        output_channels=max(max(bus.channels) for bus in config.buses.values()),
        buses=tuple(_bus(name, bus, spec) for name, bus in config.buses.items()),
        two_clocks=inp is not None and _two_clocks(config, inp, output),
    )


def _two_clocks(config: Config, source: DeviceInfo, output: DeviceInfo | None) -> bool:
    """Whether the input device gets a stream of its own, with a resampler behind it."""
    wanted = config.audio.clocks
    if output is None:
        if wanted == "one":
            raise ConfigError(
                f"{config.where('audio', 'clocks')}: a virtual output has a clock of its own;"
                " allowed with a sound device as input: auto, two"
            )
        return True
    return wanted == "two" or (wanted == "auto" and not same_clock(source, output))


def _rate(
    config: Config,
    spec: ModelSpec,
    output: DeviceInfo | None,
    reader: FileReader | FolderReader | None,
) -> int:
    """The configured rate, else the device's or the file's where the model serves it."""
    rates = ", ".join(str(rate) for rate in spec.rates)
    wanted = config.audio.sample_rate
    if wanted != "auto":
        if wanted not in spec.rates:
            raise ConfigError(
                f"{config.where('audio', 'sample_rate')}: model {spec.name} does not run at"
                f" {wanted} Hz; allowed: auto, {rates}"
            )
        return wanted
    if output is not None:
        offered = round(output.default_rate)
    else:
        offered = reader.rate if reader is not None else spec.sample_rate
    return offered if offered in spec.rates else spec.sample_rate


def _input_pair(config: Config) -> tuple[int, int]:
    channels = [channel - 1 for channel in config.audio.input_channels]
    return channels[0], channels[-1]


def _bus(name: str, bus: Bus, spec: ModelSpec) -> BusPlan:
    left = bus.channels[0] - 1
    right = bus.channels[1] - 1 if len(bus.channels) == 2 else -1
    gains = None
    if not isinstance(bus.gains, str):
        gains = np.array([bus.gains.get(stem, 0.0) for stem in spec.stems], np.float32)
    return BusPlan(name, (left, right), gains)
