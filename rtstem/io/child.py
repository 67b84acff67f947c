"""What a process of its own needs to find this package, installed or not."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = str(Path(__file__).parents[2])


def child_environment() -> dict[str, str]:
    """Our environment, in which `python -m rtstem...` finds the package that is running."""
    path = os.pathsep.join(filter(None, (_FOLDER, os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path}
