"""The engine's stream on its device: opened, primed, and brought back where the device was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from .config import Config
from .errors import DeviceError, EngineError
from .io.devices import DeviceInfo, check_channels
from .io.portaudio import JACK
from .io.silence import pass_silence
from .latency import Latency, engine_latency
from .model_spec import ModelSpec
from .plan import Plan
from .reconnect import HungError, Reconnect
from .rt import board as b
from .rt.atomics import publish
from .rt.board import Board
from .rt.capture import Capture
from .sizing import Safety

POLL_SECONDS, PRIMING_POLLS = 0.001, 2000
"""Looks for a stream's first blocks. Not a time: a machine that stands still gives them no chance."""
SLACK_FRAMES = 64
"""An input on its own clock that is further off than this, and than the margin, jumps to its place."""


class Stream(Protocol):
    """What device and virtual streams have in common."""

    @property
    def active(self) -> bool:
        """False once no more blocks will come."""

    @property
    def latency_frames(self) -> int:
        """The host's own buffering."""

    def start(self) -> None:
        """Begin to call the callback."""

    @property
    def input_lost(self) -> bool:
        """True where the input alone gives no more blocks, as only one with a stream of its own can."""

    def stop(self, dead: bool = False) -> bool:
        """Stop for good, with little patience for a `dead` host; False where it hangs."""


class Transport:
    """One stream at a time for `board`; `plan` and `latency` are those of the present one.

    Between `lost` and its return the board's STATE is PRIMING and nothing calls the callback: desk,
    inference thread and surfaces live on.
    """

    latency: Latency

    def __init__(
        self,
        board: Board,
        plan: Plan,
        spec: ModelSpec,
        config: Config,
        safety: Safety,
        open_stream: Callable[[Plan], Stream],
        tell: Callable[[str], None],
        capture: Capture | None = None,
    ) -> None:
        """Open the stream; `capture` is its input where that has a clock of its own.

        Raises DeviceError.
        """
        self.plan, self._capture = plan, capture
        self._board, self._spec, self._config, self._safety = board, spec, config, safety
        self._open, self._tell = open_stream, tell
        self._stream: Stream | None = open_stream(plan)
        self._reconnect: Reconnect | None = None
        self._guard = threading.Lock()

    # -- life

    def start(self) -> None:
        """Start the stream, learn the host's block sizes, fix the delay, let audio through.

        Raises DeviceError or EngineError.
        """
        assert self._stream is not None
        self.latency = self._learn(self._stream)
        header = self._board.header
        header[b.SCENE_SEEN] = header[b.SCENE_HEAD]  # the scene at the start is no change
        self._pass_audio()

    def _learn(self, stream: Stream) -> Latency:
        """Start `stream` and see from its first blocks which delay it needs."""
        h = self._board.header
        h[b.RATE], h[b.MAX_FRAMES], h[b.BLOCK_STEP] = self.plan.rate, 0, 0
        enough = h[b.HEARTBEAT] + b.PRIMING_BLOCKS
        stream.start()
        for _ in range(PRIMING_POLLS):
            if h[b.HEARTBEAT] >= enough and (self._capture is None or self._capture.primed):
                break
            time.sleep(POLL_SECONDS)
        else:
            what = "ask for" if h[b.HEARTBEAT] < enough else "give"
            raise EngineError(f"the audio device does not {what} audio; restart the sound server")
        block = int(h[b.MAX_FRAMES])
        return engine_latency(
            rate=self.plan.rate,
            block=block,
            block_step=int(h[b.BLOCK_STEP]),
            hop=self._spec.hop,
            synthesis_size=self._spec.synthesis_size,
            lookahead_hops=self._spec.lookahead_hops,
            safety_hops=self._safety.hops(self.plan.rate, self._spec.hop, block),
            clocks=self._capture.delay_frames(block, self._margin)
            if self._capture is not None
            else 0,
            device=stream.latency_frames,
        )

    @property
    def _margin(self) -> int:
        """Frames by which a callback may be late where there are two clocks."""
        return round(self.plan.rate * self._config.latency.clock_margin_ms / 1000)

    def _pass_audio(self) -> None:
        h = self._board.header
        h[b.DELAY] = self.latency.core
        h[b.CONCEAL] = round(self._config.realtime.conceal_ms * self.plan.rate / 1000)
        if self._capture is not None:
            self._capture.hold(self.latency.clocks, max(self._margin, SLACK_FRAMES))
        self._enter(b.RUNNING)

    def end(self) -> None:
        """Let nothing pass any more: STATE is STOPPING from now on."""
        self._enter(b.STOPPING)

    def stop(self, dead: bool = False) -> bool:
        """Stop for good (STATE must be STOPPING); False where the host hangs."""
        if self._reconnect is not None and not self._reconnect.stop():
            return False
        return self._stream is None or self._stream.stop(dead)

    # -- what the watchdog asks

    @property
    def away(self) -> bool:
        """True while the device is lost and looked for."""
        return self._reconnect is not None and self._reconnect.busy

    @property
    def active(self) -> bool:
        """False once no more blocks will come from the present stream."""
        return self._stream is not None and self._stream.active

    def lost(self) -> bool:
        """Take the device for lost and look for it from now on; False for the virtual device."""
        stream, plan = self._stream, self.plan
        source, output = plan.input_device, plan.output_device
        if stream is None or output is None:
            if source is not None:
                self._tell(f"'{source.name}' gives no audio any more")
            return False
        name = source.name if source is not None and stream.input_lost else output.name
        self._stream = None
        self._reconnect = Reconnect(
            stream, name, source, output, self._pause, self._check, self._resume, self._tell
        )
        self._reconnect.start()
        return True

    # -- what a Reconnect asks, in its thread

    def _pause(self) -> None:
        """The stream is closed: let what was under way run out unheard. A file only waits."""
        h = self._board.header
        if self.plan.reader is None and h[b.STATE] == b.RUNNING:
            pass_silence(self._board, int(h[b.DELAY]) + b.MAX_BLOCK)
        self._enter(b.PRIMING)

    def _enter(self, state: int) -> None:
        """Change STATE, unless it is STOPPING: that is for good."""
        with self._guard:
            if self._board.header[b.STATE] != b.STOPPING:
                publish(self._board.header, b.STATE, state)

    def _check(self, input_device: DeviceInfo | None, output_device: DeviceInfo) -> None:
        """Raises DeviceError where the devices that are there again cannot serve."""
        plan = self.plan
        check_channels(input_device, plan.input_channels, output_device, plan.output_channels)
        if output_device.hostapi == JACK:  # others may run at more rates than the one they name
            self._check_rate(output_device)

    def _check_rate(self, device: DeviceInfo) -> None:
        """Raises DeviceError where the device's own rate will not do."""
        offered, rate = round(device.default_rate), self.plan.rate
        if offered != rate and not self._may_run_at(offered):
            raise DeviceError(
                f"'{device.name}' has come back at {offered} Hz instead of {rate} Hz;"
                f" set it to {rate} Hz, or start rtstem again"
            )

    def _resume(self, input_device: DeviceInfo | None, output_device: DeviceInfo) -> str:
        """Open the devices and let audio through; returns what to say of the delay.

        Raises DeviceError or EngineError; nothing is open then.
        """
        before, rate = self.latency, self.plan.rate
        plan = replace(self.plan, input_device=input_device, output_device=output_device)
        stream, self.plan = self._open_at_some_rate(plan)
        try:
            latency = self._learn(stream)
        except (DeviceError, EngineError) as error:
            if not stream.stop(dead=True):
                raise HungError(str(error)) from None
            raise
        smaller = latency.core <= before.core and latency.clocks <= before.clocks
        if smaller and latency.rate == before.rate:
            latency = replace(before, device=latency.device)  # the delay stays where it can
        self.latency, self._stream = latency, stream
        self._pass_audio()
        if self.plan.rate != rate:
            return f"now at {self.plan.rate} Hz, latency {latency.ms:.1f} ms"
        if latency.frames != before.frames:
            return f"latency is now {latency.ms:.1f} ms instead of {before.ms:.1f} ms"
        return f"latency {latency.ms:.1f} ms as before"

    def _open_at_some_rate(self, plan: Plan) -> tuple[Stream, Plan]:
        """At the plan's rate, or at the device's where nothing speaks against it."""
        assert plan.output_device is not None
        try:
            return self._open(plan), plan
        except DeviceError:
            offered = round(plan.output_device.default_rate)
            if offered == plan.rate:
                raise
        self._check_rate(plan.output_device)
        plan = replace(plan, rate=offered)
        return self._open(plan), plan

    def _may_run_at(self, rate: int) -> bool:
        """Files that are played or recorded keep their rate, and so does who asked for one."""
        bound = self.plan.reader is not None or self._board.header[b.TAP_ON]
        return rate in self._spec.rates and self._config.audio.sample_rate == "auto" and not bound
