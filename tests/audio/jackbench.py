"""A JACK player and recorder that never touch the GIL, both indexed by JACK frame time.

Because every sample is stored under the frame number at which the server played it, a latency is
exact to the sample and a cycle that was missed is a hole in the recording, not a shift.
JACK-Client is used for the set-up only; the process callbacks are compiled.
"""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING, Any

import jack
import numba as nb
import numpy as np
from numba import carray, types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from jackserver import JackServer
    from numpy.typing import NDArray

    Audio = NDArray[np.float32]

ENGINE_PORTS = r"PortAudio.*:.*"
AMPLITUDE = 0.1
_SETTLE_FRAMES = 4096
_PATIENCE_SECONDS = 30.0

# One node's state, an int64 block shared with its callback. Port pointers follow _PORTS.
_CLIENT, _BASE, _RECORDS, _CHANNELS, _LENGTH, _DATA = range(6)
_CYCLES, _EXPECTED, _SKIPPED, _XRUNS, _LOG, _LOG_ROWS, _PORTS = range(6, 13)
_STATE_SIZE = 64
_SHORTEST_PERIOD = 16  # frames

_libjack = ctypes.CDLL("libjack.so.0")
_get_buffer = _libjack.jack_port_get_buffer
_get_buffer.argtypes, _get_buffer.restype = [ctypes.c_size_t, ctypes.c_uint32], ctypes.c_size_t
_last_frame_time = _libjack.jack_last_frame_time
_last_frame_time.argtypes, _last_frame_time.restype = [ctypes.c_size_t], ctypes.c_uint32
_get_time = _libjack.jack_get_time  # us of CLOCK_MONOTONIC_RAW
_get_time.argtypes, _get_time.restype = [], ctypes.c_uint64


@intrinsic
def _pointer(_context: Any, _address: Any) -> Any:
    """Address (uintp) -> void*, for carray."""

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        from numba.core import cgutils

        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.uintp), generate


@nb.cfunc(types.intc(types.uint32, types.voidptr), nopython=True, error_model="numpy")
def _process(frames, argument):
    """One cycle: copy the played frames out, or the recorded ones in, at their frame time."""
    state = carray(argument, (_STATE_SIZE,), np.int64)
    length, count = state[_LENGTH], np.int64(frames)
    cycle_start = np.uint32(_last_frame_time(np.uint64(state[_CLIENT])))
    at = np.int64(cycle_start - np.uint32(state[_BASE])) & 0xFFFFFFFF
    if state[_CYCLES] > 0 and at > state[_EXPECTED]:
        state[_SKIPPED] += at - state[_EXPECTED]
    state[_EXPECTED] = at + count
    log = carray(_pointer(np.uint64(state[_LOG])), (state[_LOG_ROWS], 3), np.int64)
    if state[_CYCLES] < state[_LOG_ROWS]:
        log[state[_CYCLES], 0], log[state[_CYCLES], 1] = at, np.int64(_get_time())
        log[state[_CYCLES], 2] = count
    state[_CYCLES] += 1
    data = carray(_pointer(np.uint64(state[_DATA])), (state[_CHANNELS] * length,), np.float32)
    for channel in range(state[_CHANNELS]):
        address = _get_buffer(np.uint64(state[_PORTS + channel]), frames)
        port = carray(_pointer(np.uint64(address)), (count,), np.float32)
        first = channel * length + at
        for i in range(count):
            inside = at + i < length
            if state[_RECORDS] == 0:
                port[i] = data[first + i] if inside else np.float32(0)
            elif inside:
                data[first + i] = port[i]
    return 0


@nb.cfunc(types.intc(types.voidptr), nopython=True)
def _count_xrun(argument):
    carray(argument, (_STATE_SIZE,), np.int64)[_XRUNS] += 1
    return 0


class _Node:
    """One JACK client with `data` [channels, length] that it plays or records."""

    def __init__(self, server: JackServer, name: str, data: Audio, records: bool) -> None:
        self.client = server.client(name)
        self.data = data
        side = self.client.inports if records else self.client.outports
        self.ports = [side.register(f"{name}_{i + 1}") for i in range(len(data))]
        self.state = state = np.zeros(_STATE_SIZE, np.int64)
        pointer = self.client._ptr
        state[_CLIENT] = int(jack._ffi.cast("intptr_t", pointer))
        state[_RECORDS], state[_CHANNELS], state[_LENGTH] = records, *data.shape
        state[_DATA] = data.ctypes.data
        self.log = np.zeros((data.shape[1] // _SHORTEST_PERIOD, 3), np.int64)
        state[_LOG], state[_LOG_ROWS] = self.log.ctypes.data, len(self.log)
        for i, port in enumerate(self.ports):
            state[_PORTS + i] = int(jack._ffi.cast("intptr_t", port._ptr))
        argument = jack._ffi.cast("void*", state.ctypes.data)
        process = jack._ffi.cast("JackProcessCallback", _process.address)
        xrun = jack._ffi.cast("JackXRunCallback", _count_xrun.address)
        if jack._lib.jack_set_process_callback(pointer, process, argument):
            raise RuntimeError("JACK refused the process callback")
        jack._lib.jack_set_xrun_callback(pointer, xrun, argument)

    def close(self) -> None:
        self.client.close()


class Rig:
    """Plays noise into the client under test and records what it puts out.

    `played` is float32 [inputs, length]; `recorded` [outputs, length], NaN where nothing was
    recorded. Both start at the same JACK frame. Fill `played` yourself before `start()` if noise
    will not do. A context manager; both arrays stay valid after it has ended.
    """

    def __init__(
        self, server: JackServer, seconds: float, inputs: int = 2, outputs: int = 2, seed: int = 7
    ) -> None:
        self.rate = server.rate
        length = int(seconds * server.rate)
        noise = np.random.default_rng(seed).standard_normal((inputs, length), dtype=np.float32)
        self.played: Audio = noise * np.float32(AMPLITUDE)
        self.recorded: Audio = np.full((outputs, length), np.nan, np.float32)
        self._player = _Node(server, "player", self.played, records=False)
        self._recorder = _Node(server, "recorder", self.recorded, records=True)
        self._base = 0

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def attach(self, pattern: str = ENGINE_PORTS, timeout: float = 60.0) -> None:
        """Start playing and wire the ports of the client under test, once it is streaming.

        A stream that runs has been connected to the system's ports by PortAudio, so that is what
        is waited for. Raises RuntimeError when the ports never come.
        """
        client = self._recorder.client
        ports_in, ports_out = self._await_ports(pattern, timeout)
        self._activate()  # not before: a slow start would use up the arrays
        for port, source in zip(ports_in, self._player.ports, strict=False):
            for other in client.get_all_connections(port):
                client.disconnect(other, port)
            client.connect(source, port)
        for port, sink in zip(ports_out, self._recorder.ports, strict=False):
            client.connect(port, sink)

    def loop(self) -> None:
        """Start playing straight into the recorder, with no client under test."""
        self._activate()
        for source, sink in zip(self._player.ports, self._recorder.ports, strict=False):
            self._recorder.client.connect(source, sink)

    def _activate(self) -> None:
        self._base = self._recorder.client.last_frame_time  # `frame_time` may be ahead: see `now`
        for node in (self._player, self._recorder):
            node.state[_BASE] = self._base
            node.client.activate()

    def _await_ports(self, pattern: str, timeout: float) -> tuple[list[Any], list[Any]]:
        client, deadline = self._recorder.client, time.monotonic() + timeout
        while time.monotonic() < deadline:
            ports = client.get_ports(pattern, is_audio=True)
            ports_in = [port for port in ports if port.is_input]
            ports_out = [port for port in ports if port.is_output]
            enough = len(ports_in) >= len(self.played) and len(ports_out) >= len(self.recorded)
            if enough and client.get_all_connections(ports_out[0]):
                return ports_in, ports_out
            time.sleep(0.02)
        raise RuntimeError(f"no client under test showed its ports within {timeout:.0f} s")

    def now(self) -> int:
        """The frame behind the last recorded one, counted from the start of the arrays.

        JACK's own clock runs on where the server stands still, and is seconds ahead then.
        """
        return int(self._recorder.state[_EXPECTED])

    def cycles(self) -> NDArray[np.int64]:
        """[cycles, 2]: first frame of each recorded cycle, and when the recorder's turn came in it.

        The time is in us of CLOCK_MONOTONIC_RAW; the client under test has had its turn by then.
        """
        return self._recorder.log[: int(self._recorder.state[_CYCLES]), :2]

    def sleep(self, seconds: float) -> int:
        """Let so many seconds of the stream pass; gives the frame afterwards.

        The stream stands still with a stalled machine, so frames are waited for and not the time.
        """
        end = self.now() + seconds * self.rate
        deadline = time.monotonic() + seconds + _PATIENCE_SECONDS
        while (left := end - self.now()) > 0 and time.monotonic() < deadline:
            time.sleep(max(0.001, left / self.rate))
        return self.now()

    @property
    def xruns(self) -> int:
        """Late cycles that the server has told the recorder of."""
        return int(self._recorder.state[_XRUNS])

    @property
    def skipped(self) -> int:
        """Frames of cycles that never reached the recorder."""
        return int(self._recorder.state[_SKIPPED])

    def breaks(self) -> NDArray[np.int64]:
        """[n, 2]: first frame and length of each cycle of player or recorder that is not followed on.

        A client under test that misses a cycle, or has its turn so late that it reads the input of
        the next one, makes the recorder, which waits for it, late in the same cycle.
        """
        nodes = (self._player, self._recorder)
        logs = [node.log[: int(node.state[_CYCLES]), ::2] for node in nodes]
        return np.concatenate([log[:-1][np.diff(log[:, 0]) != log[:-1, 1]] for log in logs])

    def stop(self) -> None:
        """Disconnect player and recorder; harmless when repeated or when the server is gone."""
        for node in (self._player, self._recorder):
            node.close()


def settled(rig: Rig) -> int:
    """A frame from which a just-wired stream carries the played signal in steady state."""
    return rig.sleep(0.5) + _SETTLE_FRAMES
