"""The parent's side of engine_child.py, and of the `rtstem` command, under a private server."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jackserver import JackServer

_CHILD = Path(__file__).with_name("engine_child.py")
_ROOT = Path(__file__).parents[2]
READY_TIMEOUT = 60.0
COMPILE_TIMEOUT = 300.0


def child_environment(server: JackServer | None) -> dict[str, str]:
    """The server's environment (ours without one) with this working tree first on the path."""
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    environment = dict(os.environ) if server is None else server.env
    return environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


class Command:
    """`python -m rtstem ARGUMENTS` as a child with no terminal; killed when its block ends.

    Its standard input is an open pipe: the end of its input would end `rtstem live`.
    """

    def __init__(self, server: JackServer, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rtstem", *arguments],
            env=child_environment(server),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.output = ""

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def says(self, text: str, times: int = 1, timeout: float = 60.0) -> bool:
        """Read standard output to `output` until `text` is in it so often; False if that never is."""
        assert self.process.stdout is not None
        pipe, deadline = self.process.stdout.fileno(), time.monotonic() + timeout
        while self.output.count(text) < times:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(pipe, 65536) if ready else b""
            if not piece:
                return False
            self.output += piece.decode(errors="replace")
        return True

    def end(self, timeout: float = 60.0) -> tuple[int, str]:
        """Exit code and error output; raises subprocess.TimeoutExpired when it still runs."""
        stdin, self.process.stdin = self.process.stdin, None  # communicate() would close it
        try:
            rest, errors = self.process.communicate(timeout=timeout)
        finally:
            self.process.stdin = stdin
        self.output += rest
        return self.process.returncode, errors


def fill_compile_cache() -> None:
    """Run the engine once on the virtual device, so that what follows starts in seconds."""
    command = [sys.executable, "-m", "rtstem", "live", "--output", "virtual"]
    silence = ["--input", "virtual:silence", "--seconds", "0.1"]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    subprocess.run(
        command + silence,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=COMPILE_TIMEOUT,
        check=True,
    )


class EngineProcess:
    """An Engine with `config` in a child process. `hello` holds what it said when it was ready.

    Raises RuntimeError with the child's error output when it does not get ready.
    """

    def __init__(
        self, server: JackServer | None, config: dict[str, Any], script: Path = _CHILD
    ) -> None:
        """`server`: None for a configuration that uses the virtual device."""
        self._process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(config)],
            env=child_environment(server),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._watchdog = threading.Timer(READY_TIMEOUT, self._process.kill)
        self._watchdog.start()
        self.hello = self._read()
        self._watchdog.cancel()

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            code = self._process.returncode
            raise RuntimeError(f"the engine's process ended with {code}: {errors[-2000:]}")
        return dict(json.loads(line))

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Send one command and give the reply; RuntimeError where the child has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # reading tells how the child has ended
            self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
            self._process.stdin.flush()
        return self._read()

    def send_signal(self, number: int) -> None:
        """Send the child a signal."""
        self._process.send_signal(number)

    def stop(self, timeout: float = 30.0) -> int:
        """End the engine by closing its input; killed when it hangs. Gives the exit code."""
        self._watchdog.cancel()
        try:
            self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        return self._process.returncode


def system_config(model: str = "live", **changes: Any) -> dict[str, Any]:
    """A configuration for the dummy server: stereo in, one stereo bus, all faders up."""
    audio = {"input": "system", "output": "system"}
    return {"model": model, "audio": audio, "latency": {"safety_hops": 2.0}, **changes}
