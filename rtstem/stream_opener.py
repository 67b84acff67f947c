"""Opens the stream that a plan asks for: a device in and out, two devices, or the virtual one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .errors import RtstemError
from .io.device import DeviceStream
from .io.devices import DeviceInfo
from .io.pair import PairStream, open_input
from .io.virtual import VirtualStream
from .plan import Plan
from .rt.board import Board
from .rt.callback import stream_callback
from .rt.capture import Capture
from .rt.priority import Priority
from .transport import Stream


class StreamOpener:
    """All streams of one engine, the first and those that replace a lost one, call the same callback."""

    def __init__(
        self,
        board: Board,
        capture: Capture | None,
        priority: Priority,
        *,
        sink_ring: npt.NDArray[np.float32],
        lockstep: bool,
        before_block: Callable[[int], None] | None,
    ) -> None:
        """`capture`: where an input with its own clock goes; `sink_ring` [frames, channels] and the
        rest are for the virtual device."""
        self._board, self._capture, self._priority = board, capture, priority
        self._sink_ring, self._lockstep, self._before_block = sink_ring, lockstep, before_block

    def open(self, plan: Plan) -> Stream:
        """The stream of `plan`, not started. Raises DeviceError; nothing is open then."""
        source, capture = plan.input_device, self._capture
        if source is None or capture is None:
            return self._open_output(plan, source)
        stream = open_input(capture, source, plan.input_channels, plan.rate)
        try:
            output = self._open_output(plan, None)
        except RtstemError:
            stream.stop()
            raise
        return PairStream(self._board, capture, stream, output)

    def _open_output(self, plan: Plan, source: DeviceInfo | None) -> Stream:
        """The stream whose callback mixes, together with the input of `source` if any."""
        address = stream_callback.address or 0
        if plan.output_device is None:
            return VirtualStream(
                address,
                self._board,
                block=plan.block,
                sink=self._sink_ring,
                priority=self._priority,
                lockstep=self._lockstep,
                before_block=self._before_block,
            )
        return DeviceStream(
            address,
            self._board.header.ctypes.data,
            input_device=source,
            output_device=plan.output_device,
            input_channels=plan.input_channels,
            output_channels=plan.output_channels,
            rate=plan.rate,
            block=plan.block,
        )
