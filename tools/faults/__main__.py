"""Do faults to a running engine, one after the other, and tell what was heard of each.

The exit code is 1 where one of them did not go as it must. Faults that this machine cannot have (no
sound server, no C compiler) are skipped, and said to be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import client_faults, engine_faults, process_faults
from .outcome import Outcome, UnavailableError

Fault = Callable[[Path], Outcome]
VIRTUAL: dict[str, Fault] = {
    "stall": engine_faults.stall,
    "hang": engine_faults.hang,
    "stalls": engine_faults.stalls,
    "slow": engine_faults.slow,
    "model-error": engine_faults.model_error,
    "model-nan": engine_faults.model_nan,
    "thread-killed": engine_faults.thread_killed,
    "disk-full": engine_faults.disk_full,
    "suspended": process_faults.suspended,
    "clock-jumps": process_faults.clock_jumps,
    "clients": client_faults.clients,
}
"""Faults on the virtual device."""
SERVER = (
    "server-killed",
    "server-stopped",
    "server-period",
    "server-rate",
    "server-rate-refused",
    "server-hangs",
    "server-hangs-long",
    "server-hangs-killed",
    "suspended-under-jack",
    "period-changed",
)
"""Functions of `server_faults`, which needs JACK already to be imported."""


def find(name: str) -> Fault:
    """The function of a fault; UnavailableError where it cannot even be imported here."""
    if name in VIRTUAL:
        return VIRTUAL[name]
    try:
        from . import server_faults
    except (ImportError, OSError) as error:
        raise UnavailableError(f"JACK is missing: {error}") from None
    function: Fault = getattr(server_faults, name.replace("-", "_"))
    return function


def try_fault(name: str) -> dict[str, Any]:
    """One row of the table."""
    row: dict[str, Any] = {"fault": name}
    try:
        function = find(name)
        row["what"] = (function.__doc__ or "").strip()
        with tempfile.TemporaryDirectory(prefix="rtstem-fault-") as folder:
            outcome = function(Path(folder))
    except UnavailableError as error:
        return row | {"verdict": "skipped", "problems": [str(error)]}
    return row | vars(outcome) | {"verdict": "FAILED" if outcome.problems else "passed"}


def lines(row: dict[str, Any]) -> list[str]:
    """A row for people."""
    text = [f"{row['fault']:<21} {row['verdict']:<8}"]
    if "gap_ms" in row:
        back = "never" if row["recovered_ms"] is None else f"{row['recovered_ms']:.0f}"
        text[0] += f" {row['gap_ms']:>7.0f} {row['without_ms']:>9.0f} {back:>9}  {row['what']}"
        text += [f"    said: {message}" for message in row["messages"]]
    return text + [f"    {row['verdict']}: {problem}" for problem in row["problems"]]


def main() -> int:
    """The command; gives its exit code."""
    names = [*VIRTUAL, *SERVER]
    parser = argparse.ArgumentParser(
        prog="python -m tools.faults",
        description=__doc__,
        epilog="Faults: " + ", ".join(names),
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="faults to do; all of them if none")
    parser.add_argument("--json", action="store_true", help="print one JSON list instead")
    options = parser.parse_args()
    unknown = [name for name in options.name if name not in names]
    if unknown:
        parser.error(f"there is no fault '{unknown[0]}'; choose of {', '.join(names)}")
    rows = []
    if not options.json:
        print(f"{'fault':<21} {'verdict':<8} {'gap ms':>7} {'unsep. ms':>9} {'back ms':>9}")
    for number, name in enumerate(options.name or names, 1):
        progress = f"{number} of {len(options.name or names)}: {name} ..."
        if sys.stderr.isatty():
            print(progress, end="\r", file=sys.stderr, flush=True)
        rows.append(try_fault(name))
        if not options.json:
            print("\n".join(lines(rows[-1])), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    return int(any(row["verdict"] == "FAILED" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
