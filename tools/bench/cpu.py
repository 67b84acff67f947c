"""What `rtstem live` costs while it plays: share of a core, thread by thread.

    python tools/bench/cpu.py [--seconds 30] [--period 256] [--with web osc] [--json]

The command itself runs over a private jackd whose dummy device is its input
(silence): the stages take the same time whatever they hear. --virtual does without
jackd. Processor time is what the kernel counts for each thread, divided by the time on the clock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import common
from common import Limit
from engineprocess import child_environment
from jackserver import JackServer, jack_server, missing

CHILD = Path(__file__).with_name("cpu_child.py")
LIMIT_PERCENT = 20.0
WARM_SECONDS = 10.0  # to start, and for the host to settle
SURFACES = ("web", "osc", "midi")


def run_live(server: JackServer | None, options: Any, folder: Path) -> dict[str, Any]:
    """`rtstem live` for so long; {"wall": s, "threads": {name: s}}."""
    told = folder / "used.json"
    device = ["--input", "system", "--output", "system"]
    if server is None:
        device = ["--input", "virtual:silence", "--output", "virtual"]
        device += ["--block", str(options.period)]
    live = ["live", *device, "--model", options.model]
    live += [f"--{name}" for name in options.with_]
    live += ["--seconds", str(options.seconds + WARM_SECONDS + 5)]
    child = [str(CHILD), str(told), str(WARM_SECONDS), str(options.seconds)]
    with subprocess.Popen(
        [sys.executable, *child, *live],
        env=child_environment(server),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
    if process.returncode != 0 or not told.exists():
        raise SystemExit(f"rtstem live failed: {errors[-500:]}")
    return dict(json.loads(told.read_text()))


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=44100)
    parser.add_argument("--period", type=int, default=256)
    parser.add_argument("--model", default="live")
    parser.add_argument("--with", dest="with_", nargs="*", choices=SURFACES, default=[])
    parser.add_argument("--virtual", action="store_true", help="the virtual device, no jackd")
    options = parser.parse_args()
    reason = None if options.virtual else missing()
    if reason is not None:
        raise SystemExit(f"no jackd, so give --virtual: {reason}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = None
        if not options.virtual:
            server = stack.enter_context(jack_server(options.rate, options.period))
        used = run_live(server, options, folder)
    shares = {name: 100 * seconds / used["wall"] for name, seconds in used["threads"].items()}
    total = round(sum(shares.values()), 2)
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    rows = [{"thread": name, "% of a core": round(share, 2)} for name, share in ordered]
    device = "virtual device" if options.virtual else "jackd"
    return common.report(
        rows,
        [Limit("whole engine", total, LIMIT_PERCENT, "% of a core")],
        options.json,
        stream=f"{options.seconds:g} s, {device}, period {options.period}, model {options.model}",
        surfaces=" ".join(options.with_) or "none",
    )


if __name__ == "__main__":
    sys.exit(main())
