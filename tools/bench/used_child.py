"""engine_child.py that also tells its processor time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "audio"))

import engine_child
from threads import thread_seconds


def used(_engine: Any) -> dict[str, Any]:
    """Seconds of processor time of each thread so far."""
    return dict(thread_seconds())


engine_child.COMMANDS |= {"used": used}

if __name__ == "__main__":
    sys.exit(engine_child.main())
