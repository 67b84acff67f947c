"""A private JACK server with the dummy driver: real PortAudio without a sound card.

Each server has a random name and its own environment, so that parallel test runs and a JACK
server of the user's own do not meet. A server is ended through its process id only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

START_TIMEOUT = 60.0
END_TIMEOUT = 30.0
"""One that is killed instead keeps its place; see `stop`."""
REALTIME_PRIORITY = 70
OUTPUTS = 10


def missing() -> str | None:
    """What keeps an audio test from running here, as one line; None when all is there."""
    for program in ("jackd", "jack_lsp"):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: jackd2 libjack-jackd2-0 jack-tools)"
    if importlib.util.find_spec("jack") is None:
        return "the Python package JACK-Client is not installed (pip install -e '.[test]')"
    try:
        import jack  # noqa: F401  the import loads libjack
        import sounddevice  # noqa: F401  the import loads libportaudio
    except (OSError, ImportError) as error:
        return f"an audio library is missing: {error}"
    return None


def realtime_allowed() -> bool:
    """True when a process of ours may ask for the priority the server wants."""
    chrt = shutil.which("chrt")
    if chrt is None:
        return False
    command = [chrt, "-f", str(REALTIME_PRIORITY), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def server_environment(name: str) -> dict[str, str]:
    """Our environment with this server as the one JACK clients find."""
    return os.environ | {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_AUDIO_RESERVATION": "1",
        "JACK_NO_START_SERVER": "1",
    }


class JackServer:
    """One running jackd: `rate` in Hz, `period` in frames, 2 inputs, 10 outputs.

    Raises RuntimeError with the server's own log when it does not come up.
    """

    def __init__(self, rate: int = 48000, period: int = 256) -> None:
        self.rate, self.period = rate, period
        self.name = f"rtstem-{secrets.token_hex(4)}"
        self.env = server_environment(self.name)
        self.realtime = realtime_allowed()
        self._log = Path(tempfile.gettempdir()) / f"{self.name}.log"
        self._start()

    def _start(self) -> None:
        rights = ["-R", "-P", str(REALTIME_PRIORITY)] if self.realtime else ["-r"]
        clock = ["-r", str(self.rate), "-p", str(self.period)]
        driver = ["-d", "dummy", *clock, "-C", "2", "-P", str(OUTPUTS)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["jackd", "-n", self.name, *rights, *driver],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            probe = subprocess.run(["jack_lsp"], env=self.env, capture_output=True, check=False)
            if probe.returncode == 0:
                return
            time.sleep(0.05)
        log = self.log()
        self._end()
        raise RuntimeError(f"jackd did not start: {log}")

    @property
    def pid(self) -> int:
        """The process id of jackd."""
        return self._process.pid

    def log(self) -> str:
        """Everything the server printed so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def xruns(self) -> int:
        """Lines of cycles that came too late, or that a client missed: their time or frames are lost."""
        return self.log().count("XRun")

    def client(self, name: str) -> Any:
        """A new, inactive JACK client of this server; the caller closes it."""
        import jack

        jack.set_error_function(lambda _message: None)
        jack.set_info_function(lambda _message: None)
        return jack.Client(name, no_start_server=True, servername=self.name)

    def set_period(self, frames: int) -> None:
        """Change the period of the running server, as the user's `jack_bufsize` does."""
        subprocess.run(
            ["jack_bufsize", str(frames)], env=self.env, capture_output=True, check=True, timeout=60
        )
        self.period = frames

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the server the hard way (or as `how` says), in the middle of the stream."""
        self._process.send_signal(how)
        self._process.wait(timeout=END_TIMEOUT)

    def start_again(self, rate: int | None = None, period: int | None = None) -> None:
        """A server of the same name after `kill`, with another rate or period where given."""
        self.rate, self.period = rate or self.rate, period or self.period
        self._start()

    def stop(self) -> None:
        """End the server politely, then by force; leaves no process, log or shared memory.

        JACK has room for eight servers a machine, and one that was killed keeps its place until a
        server of the same name starts and ends in order.
        """
        if self._process.poll() not in (None, 0):
            self._start()
        self._end()
        for leftover in (self._log, *Path("/dev/shm").glob(f"jack*{self.name}*")):
            leftover.unlink(missing_ok=True)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def jack_server(rate: int = 48000, period: int = 256) -> Iterator[JackServer]:
    """A server for the length of a `with` block."""
    server = JackServer(rate, period)
    try:
        yield server
    finally:
        server.stop()
