"""`rtstem ARGUMENTS` as a user starts it, with a thread that notes what every thread used.

    python tools/bench/cpu_child.py FILE WARM SECONDS ARGUMENT...

WARM seconds after the start it begins, and SECONDS later it writes seconds by thread to FILE.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from threads import thread_seconds

from rtstem.cli import main


def watch(file: Path, warm: float, seconds: float) -> None:
    """Seconds of processor time of each thread, and `wall`, to `file`."""
    time.sleep(warm)
    before, began = thread_seconds(), time.monotonic()
    time.sleep(seconds)
    after, wall = thread_seconds(), time.monotonic() - began
    used = {name: after[name] - before.get(name, 0.0) for name in after if name != "bench"}
    file.write_text(json.dumps({"wall": wall, "threads": used}))


if __name__ == "__main__":
    given = (Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    threading.Thread(target=watch, args=given, name="bench", daemon=True).start()
    sys.argv[1:] = sys.argv[4:]
    sys.exit(main())
