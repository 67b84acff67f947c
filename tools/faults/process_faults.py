"""Faults of a whole process: suspended, or with a clock that jumps. The show runs in a child."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .outcome import Outcome, UnavailableError

ROOT = Path(__file__).parents[2]
CHILD = "tools.faults.process_faults"


def suspended(folder: Path) -> Outcome:
    """the process is stopped for 3 s and goes on (SIGSTOP, SIGCONT)"""

    def suspend(child: subprocess.Popen[str]) -> None:
        child.send_signal(signal.SIGSTOP)
        time.sleep(3.0)
        child.send_signal(signal.SIGCONT)

    outcome = _in_child(folder, suspend)
    outcome.demand_messages([])
    return outcome


def clock_jumps(folder: Path) -> Outcome:
    """the time of day jumps by an hour, five times a second"""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        raise UnavailableError("a C compiler and Linux are needed")
    folder.mkdir(parents=True, exist_ok=True)
    library, source = folder / "clock.so", Path(__file__).with_name("clock.c")
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True
    )
    outcome = _in_child(folder, lambda child: time.sleep(2.0), {"LD_PRELOAD": str(library)})
    outcome.demand_messages([])
    jumps = json.loads((folder / "times.json").read_text())
    outcome.demand(max(jumps) - min(jumps) > 3600, "the clock did not jump in the child")
    return outcome


def _in_child(
    folder: Path,
    act: Callable[[subprocess.Popen[str]], None],
    environment: dict[str, str] | None = None,
) -> Outcome:
    """Play a show in a child; `act` is called when it plays."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with subprocess.Popen(
        [sys.executable, "-m", CHILD, str(folder)],
        env=os.environ | {"PYTHONPATH": paths} | (environment or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        try:
            if child.stdout.readline() != "playing\n":
                raise RuntimeError("the child did not play")
            act(child)
            answer, _ = child.communicate("go on\n", timeout=60)
        except BaseException:
            child.kill()
            raise
    facts = json.loads(answer)
    return Outcome(**facts | {"messages": tuple(facts["messages"])})


def main(folder: Path) -> None:
    """The child: tell when it plays, go on when it is told to, print the outcome."""
    from .show import Show

    times: list[float] = []

    def fault(engine: object) -> None:
        print("playing", flush=True)
        for _ in range(10):  # what the time of day was: it may jump here
            times.append(time.time())
            time.sleep(0.1)
        sys.stdin.readline()

    outcome = Show(folder, 3.0).play(fault)
    (folder / "times.json").write_text(json.dumps(times))
    print(json.dumps(vars(outcome)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
