"""Brings a lost sound device back: waits for devices of the same names, then opens them again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .errors import DeviceError, EngineError
from .io.devices import DeviceInfo, list_devices
from .io.lookout import devices_now
from .io.portaudio import begin, end, end_after_loss, never_end

if TYPE_CHECKING:
    from .transport import Stream

RETRY_SECONDS = 0.5
REFUSED_SECONDS = 2.0  # until a device that is there but refuses is asked again
STOP_SECONDS = 3.0  # an attempt that is under way


class HungError(EngineError):
    """A stream that was opened again does not run and cannot be closed."""


class Reconnect:
    """One loss, of the device called `name`: a thread of its own, since a sound server that hangs
    makes whoever asks it wait.

    `pause()` is called when the old stream is closed, `check(input, output)` when the devices are
    there again: it raises DeviceError where they are not as they must be. Then `resume(input, output)`
    opens them and says how, or raises DeviceError or EngineError.
    """

    def __init__(
        self,
        stream: Stream,
        name: str,
        input_device: DeviceInfo | None,
        output_device: DeviceInfo,
        pause: Callable[[], None],
        check: Callable[[DeviceInfo | None, DeviceInfo], None],
        resume: Callable[[DeviceInfo | None, DeviceInfo], str],
        tell: Callable[[str], None],
    ) -> None:
        self._stream, self._name = stream, name
        self._input, self._output = input_device, output_device
        self._pause, self._check, self._resume, self._tell = pause, check, resume, tell
        self._told = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtstem-reconnect", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def busy(self) -> bool:
        """True until the device is back."""
        return self._thread.is_alive()

    def stop(self) -> bool:
        """Give up; False where an attempt hangs."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            never_end()
        return not self._thread.is_alive()

    def _run(self) -> None:
        began, name = time.monotonic(), self._name
        self._say(f"'{name}' has stopped; waiting for it to come back, all settings are kept")
        try:
            end_after_loss(hung=not self._stream.stop(dead=True))
        except DeviceError as error:
            self._say(str(error))
            return
        self._pause()
        while not self._stopping.is_set():
            try:
                found = self._attempt()
            except (DeviceError, EngineError) as error:
                self._say(str(error))
                self._stopping.wait(REFUSED_SECONDS)
                continue
            if found is not None:
                self._say(f"'{name}' is back after {time.monotonic() - began:.1f} s; {found}")
                return
            self._stopping.wait(RETRY_SECONDS)

    def _attempt(self) -> str | None:
        """What `resume` said, None where the devices are not there; raises what the others raise."""
        found = self._find(devices_now())
        if found is None:
            return None
        self._check(*found)
        begin()
        try:
            found = self._find(list_devices())
            if found is not None:
                return self._resume(*found)
        except HungError:
            end_after_loss(hung=True)
            raise
        except EngineError:  # its stream was closed in order
            end()
            raise
        except DeviceError:
            end_after_loss(hung=False)
            raise
        end_after_loss(hung=False)
        return None

    def _find(self, devices: Sequence[DeviceInfo]) -> tuple[DeviceInfo | None, DeviceInfo] | None:
        """Input and output among `devices`; None where one is missing."""
        output = same_device(self._output, devices)
        source = same_device(self._input, devices) if self._input is not None else None
        if output is None or (source is None and self._input is not None):
            return None
        return source, output

    def _say(self, line: str) -> None:
        """Each line once, however many attempts it comes from."""
        if line != self._told:
            self._told = line
            self._tell(line)


def same_device(wanted: DeviceInfo, devices: Sequence[DeviceInfo]) -> DeviceInfo | None:
    """The device with `wanted`'s name and host API; of twins the one at its index, else the first."""
    twins = [d for d in devices if (d.name, d.hostapi) == (wanted.name, wanted.hostapi)]
    at_index = [d for d in twins if d.index == wanted.index]
    return next(iter(at_index + twins), None)
