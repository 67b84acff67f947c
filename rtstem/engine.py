"""The engine: the only place where device, callback, inference thread, model and desk are wired."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .config import Config, check_stems, load_config, make_config
from .control.desk import Desk, DeskState, fader_gain
from .control.spectrum import StemSpectrum
from .control.telemetry import (
    Meters,
    Snapshot,
    Timings,
    read_clocks,
    read_meters,
    read_snapshot,
    read_timings,
)
from .errors import ConfigError, EngineError, RtstemError
from .io.pumps import Drain, Feeder, Sink
from .io.tap import Tap
from .latency import Latency
from .model_choice import ModelChoice
from .model_spec import ModelSpec, read_model_spec
from .notices import Notices
from .plan import make_plan
from .playing_model import PlayingModel
from .resources import find_model
from .rt import board as b
from .rt.board import Board
from .rt.capture import Capture
from .rt.inference import InferenceThread
from .rt.jit import is_warm
from .rt.priority import Priority, lock_memory
from .rt.separator import Separator
from .rt.system import system_calls
from .sizing import Safety
from .stream_opener import StreamOpener
from .transport import Transport
from .watchdog import Watchdog

FEED_FRAMES = 1 << 17  # 3 s of decoded audio ahead
SINK_FRAMES = 1 << 18  # 6 s of output that Python may be late
SLEW_FRAMES = 1024  # a fader's full way: 23 ms, each step below -60 dB of full scale


class Engine:
    """Live separation from an input to one or more buses, with a `desk` of faders.

    Use it as a context manager, or call `start` and `stop`. All settings come from the
    configuration; `sink` receives every block of a virtual output as float32 [frames, channels],
    from a Python thread, and `lockstep` runs the virtual device without a clock: deterministic, and
    as fast as the machine allows, with `before_block(position of the next frame)` called in between.
    `endless`: a file or folder as the input begins anew when it is over.
    """

    def __init__(
        self,
        config: Config | str | Path | Mapping[str, Any] | None = None,
        *,
        sink: Sink | None = None,
        lockstep: bool = False,
        before_block: Callable[[int], None] | None = None,
        endless: bool = False,
    ) -> None:
        """Load the model and open the devices' descriptions; nothing sounds yet.

        Raises ConfigError, ModelError, DeviceError or AudioFileError.
        """
        self.config = _as_config(config)
        spec = read_model_spec(find_model(self.config.model))
        check_stems(self.config, spec.stems)
        self._plan = make_plan(self.config, spec, endless)
        if (sink is not None or lockstep) and not self._plan.virtual:
            raise ConfigError("a sink or lockstep needs audio.output: virtual")
        if lockstep and self._plan.two_clocks:
            raise ConfigError("lockstep has no clock; it needs audio.input: file:PATH")
        self._sink, self._lockstep, self._before_block = sink, lockstep, before_block
        self.models = ModelChoice(
            [self.config.model, *self.config.models], self.swap_model, self.tell
        )
        self._started = False
        self._build(spec)

    def _build(self, spec: ModelSpec) -> None:
        plan, self._stems = self._plan, spec.stems
        self._board = Board(
            stems=len(spec.stems),
            buses=len(plan.buses),
            hop=spec.hop,
            delay_hops=spec.delay_frames // spec.hop,
            system=system_calls(),
            feed_frames=FEED_FRAMES if plan.reader is not None else 0,
        )
        self._capture = (
            Capture(self._board.system, plan.input_channels, plan.input_pair)
            if plan.two_clocks
            else None
        )
        self._scene = np.ones((len(plan.buses) + 1, len(spec.stems) + 1), np.float32)
        self._write_plan()
        self.desk = Desk(
            spec.stems,
            self.config.presets,
            self._apply,
            faders=self.config.faders,
            buses={
                bus.name: dict(zip(spec.stems, map(float, bus.gains), strict=True))
                for bus in plan.buses
                if bus.gains is not None
            },
        )
        self._board.gain[:] = self._scene[:-1]  # no ramps at the start
        self._notices = Notices()
        self._playing = PlayingModel(
            self._board,
            spec,
            self.config.provider,
            self.tell,
            locked=self.config.realtime.lock_memory,
            lockstep=self._lockstep,
        )
        priority = Priority(self.config.realtime.priority, 10**9 * spec.hop // plan.rate)
        self._priority, self._safety = priority, Safety(self.config.latency.safety_hops)
        self._inference = InferenceThread(self._board, self._separator, priority)
        sink_frames = SINK_FRAMES if self._sink is not None else 0
        sink_ring = np.zeros((sink_frames, plan.output_channels), np.float32)
        opener = StreamOpener(
            self._board,
            self._capture,
            priority,
            sink_ring=sink_ring,
            lockstep=self._lockstep,
            before_block=self._before_block,
        )
        self._transport = Transport(
            self._board,
            plan,
            spec,
            self.config,
            self._safety,
            opener.open,
            self.tell,
            self._capture,
        )
        self._feeder = (
            Feeder(plan.reader, self._board.feed, self._board.header) if plan.reader else None
        )
        self._drain = Drain(self._sink, sink_ring, self._board.header) if self._sink else None
        if self._capture is not None:
            self._playing.troubles.follow(self._capture)
        self._memory = "memory not locked (switched off)"
        self._watchdog = Watchdog(
            self._board,
            self._transport,
            self._inference,
            self._playing.troubles,
            self._pump_error,
            self.tell,
            clocked=not self._lockstep,
        )

    def _write_plan(self) -> None:
        h, plan = self._board.header, self._plan
        h[b.RATE], h[b.SLEW_FRAMES] = plan.rate, SLEW_FRAMES
        h[b.IN_CHANNELS], h[b.OUT_CHANNELS] = plan.input_channels, plan.output_channels
        h[b.IN_LEFT], h[b.IN_RIGHT] = plan.input_pair
        for n, bus in enumerate(plan.buses):
            self._board.route[n] = *bus.route, bus.gains is None

    def _pump_error(self) -> RtstemError | None:
        """What went wrong in the threads beside the real-time side."""
        if self._feeder is not None and self._feeder.error is not None:
            return self._feeder.error
        error = self._drain.error if self._drain is not None else None
        if error is None or isinstance(error, RtstemError):
            return error
        return EngineError(f"the output cannot be taken: {error}")

    # -- what the desk moves

    def _apply(self, state: DeskState) -> None:
        """The desk's state as a scene; called by the desk, one change at a time."""
        stems = self._stems
        desk_row = [*(state.gains[stem] for stem in stems), state.master_gain]
        own = state.bus_gains
        for n, bus in enumerate(self._plan.buses):
            if bus.gains is None:
                self._scene[n] = desk_row
            else:
                level = fader_gain(state.bus_levels[bus.name])
                self._scene[n] = [*(own[bus.name][stem] for stem in stems), level]
        self._scene[-1, :-1] = [state.filters[stem] for stem in stems]
        self._board.publish_scene(self._scene)

    # -- life

    def start(self) -> None:
        """Warm the model up, start all threads and the stream; returns when audio runs.

        Raises DeviceError or EngineError; everything is closed again then.
        """
        if self._started:
            raise EngineError("this engine has been started already; make a new one")
        self._started = True
        try:
            if not is_warm():  # compiled while it plays, it would hold the file's reader up
                self.open_spectrum()
            self._separator.warm_up()
            self._safety.prepare(self._separator, self._priority)
            if self.config.realtime.lock_memory:
                extra = self._capture.arrays() if self._capture is not None else []
                self._memory = lock_memory([*self._board.arrays(), *self._separator.held, *extra])
            for part in (self._inference, self._feeder, self._drain):
                if part is not None:
                    part.start()
            self._transport.start()
        except BaseException:
            self.stop()
            raise
        self._watchdog.start()
        self._playing.contention.start()
        self.tell(self._playing.reason)

    def wait(self, timeout: float | None = None) -> bool:
        """Until the stream has ended (the file is over, or see `error`); False after `timeout` s."""
        return self._watchdog.ended.wait(timeout)

    def stop(self) -> None:
        """Fade out, stop the stream and all threads, close the model. May be called twice."""
        h = self._board.header
        if h[b.STATE] == b.STOPPING:
            return
        if h[b.STATE] == b.RUNNING and not self._watchdog.ended.is_set():
            self._scene[:-1, -1] = 0.0
            self._board.publish_scene(self._scene)
            time.sleep((SLEW_FRAMES + 2 * int(h[b.MAX_FRAMES])) / self.rate)
        self._transport.end()
        self._watchdog.stop()
        self._playing.contention.stop()
        stream_gone = self._transport.stop(dead=self.error is not None)
        worker_gone = self._inference.stop()
        if not (stream_gone and worker_gone):
            _abandoned.append(self)
        for part in (self._feeder, self._drain):
            if part is not None:
                part.stop()
        if worker_gone:
            self._playing.close()

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def swap_model(self, model: str | Path) -> None:
        """Go on with another model, a name or a file, at the same delay; returns when it is heard.

        It must have the same stems and hop and fit the delay. Raises ModelError or EngineError;
        the old model plays on then.
        """
        spec = read_model_spec(find_model(model))
        if self._board.header[b.STATE] != b.RUNNING:
            raise EngineError("nothing plays; start the engine before changing its model")
        self._playing.swap(spec, self.latency)
        self.models.became(spec.path)

    # -- what it says of itself

    @property
    def spec(self) -> ModelSpec:
        """What the model that plays says of itself."""
        return self._separator.spec

    @property
    def _separator(self) -> Separator:
        return self._playing.separator

    @property
    def latency(self) -> Latency:
        """Fixed by `start`, constant while audio runs: only a device that was lost and has come back
        with larger blocks or another rate may need another one."""
        return self._transport.latency

    @property
    def sizing(self) -> str:
        """Which safety `latency: auto` has chosen, and why, on one line; empty for a fixed one."""
        return self._safety.sentence(self.rate, self.spec.hop, self.latency.block)

    @property
    def error(self) -> RtstemError | None:
        """Why the stream ended, None where it did not or the file was simply over."""
        return self._watchdog.error

    @property
    def notice(self) -> str:
        """The last thing the user should know that did not end the stream."""
        return self._notices.last

    @property
    def notices(self) -> tuple[str, ...]:
        """All of them so far, the last 100, the oldest first."""
        return self._notices.lines

    def tell(self, notice: str) -> None:
        """Let the user know one line, as `notice`."""
        self._notices.tell(notice)

    @property
    def rate(self) -> int:
        """Sample rate in Hz."""
        return self._transport.plan.rate

    @property
    def route(self) -> tuple[str, str]:
        """Names of where audio comes from and goes to."""
        audio, plan = self.config.audio, self._plan
        source = str(audio.input) if plan.input_device is None else plan.input_device.name
        target = str(audio.output) if plan.output_device is None else plan.output_device.name
        return source, target

    @property
    def provider(self) -> str:
        """The ONNX Runtime execution provider in use."""
        return self._separator.provider

    @property
    def bus_names(self) -> tuple[str, ...]:
        """Names of the buses in the order of the configuration."""
        return tuple(bus.name for bus in self._plan.buses)

    @property
    def realtime(self) -> str:
        """What the operating system granted."""
        return f"{self._inference.granted}, {self._memory}"

    def open_tap(self) -> Tap:
        """Begin to record: dry signal, stems and buses of every block, for one reader at a time."""
        return Tap(self._board, self._stems, self.bus_names)

    def open_spectrum(self) -> StemSpectrum:
        """Bands of each stem, for as long as the engine runs; costs what its `read` costs."""
        return StemSpectrum(self._board, self.rate)

    def meters(self) -> Meters:
        """Peaks now, without the figures that take longer to make."""
        return read_meters(self._board, self._stems, self.bus_names)

    def timings(self) -> Timings:
        """How long callbacks and hops have taken so far, for the times between two looks."""
        return read_timings(self._board)

    def snapshot(self) -> Snapshot:
        """Meters, load and counters now."""
        running = self._board.header[b.STATE] == b.RUNNING and not self._watchdog.ended.is_set()
        latency_ms = self.latency.ms if hasattr(self, "latency") else 0.0
        return read_snapshot(
            self._board,
            bool(running),
            self._stems,
            self.bus_names,
            latency_ms,
            read_clocks(self._capture) if self._capture is not None else None,
        )


_abandoned: list[Engine] = []
"""Engines whose host or thread hangs: it may still use their memory, which must not be freed."""


def _as_config(config: Config | str | Path | Mapping[str, Any] | None) -> Config:
    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        return make_config(config)
    return load_config(config)
