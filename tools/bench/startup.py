"""Start-up times: the import, the help page, and `live` until its stream runs.

    python tools/bench/startup.py [--repeat 7] [--cold] [--json]

`live` is timed from the start of the process to its ports being wired in a private jackd, with a
warm numba cache (a first, untimed run fills it); with --cold also once with an empty one, as after
an installation or an update.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import common
from common import ROOT, Limit
from engineprocess import Command
from jackbench import ENGINE_PORTS
from jackserver import JackServer, jack_server

LIMITS_MS = {"import rtstem": 500.0, "rtstem --help": 500.0, "rtstem live ready": 4000.0}
READY_TIMEOUT = 120.0
COLD_TIMEOUT = 600.0


def run_python(*arguments: str) -> float:
    """Wall time of one Python process, ms."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    return 1000 * (time.perf_counter() - began)


def live_ready(server: JackServer, timeout: float = READY_TIMEOUT) -> float:
    """From the start of `rtstem live` to a wired stream, ms."""
    client = server.client("watcher")
    began = time.perf_counter()
    try:
        with Command(server, "live", "--input", "system", "--output", "system") as command:
            while time.perf_counter() - began < timeout and command.process.poll() is None:
                ports = client.get_ports(ENGINE_PORTS, is_audio=True, is_output=True)
                if ports and client.get_all_connections(ports[0]):
                    return 1000 * (time.perf_counter() - began)
                time.sleep(0.005)
    finally:
        client.close()
    raise SystemExit("rtstem live did not start")


def live_ready_cold(server: JackServer) -> float:
    """The same with nothing compiled yet, ms."""
    warm = server.env
    with tempfile.TemporaryDirectory() as folder:
        server.env = warm | {"NUMBA_CACHE_DIR": folder}
        try:
            return live_ready(server, COLD_TIMEOUT)
        finally:
            server.env = warm


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--cold", action="store_true", help="also with nothing compiled: a minute")
    options = parser.parse_args()
    with jack_server(48000, 256) as server:
        steps: dict[str, Callable[[], float]] = {
            "python alone": lambda: run_python("-c", "pass"),
            "import rtstem": lambda: run_python("-c", "import rtstem"),
            "rtstem --help": lambda: run_python("-m", "rtstem", "--help"),
            "rtstem live ready": lambda: live_ready(server),
        }
        times: dict[str, list[float]] = {}
        if options.cold:
            times["rtstem live ready, cold"] = [live_ready_cold(server)]
        for name, step in steps.items():
            step()  # fills the file system's and numba's caches
            times[name] = [step() for _ in range(options.repeat)]
    rows = [{"step": name, "unit": "ms"} | common.percentiles(t) for name, t in times.items()]
    limits = [
        Limit(f"{name}, median", round(median(times[name]), 1), bound, "ms")
        for name, bound in LIMITS_MS.items()
    ]
    return common.report(rows, limits, options.json)


if __name__ == "__main__":
    sys.exit(main())
