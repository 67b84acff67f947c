"""The devices that are there now, seen by a process of its own.

To look, one has to start PortAudio anew, and a sound server that ends or hangs in that moment takes
the process with it: JACK's code in PortAudio asserts that its server says goodbye.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

from ..errors import DeviceError
from .child import child_environment
from .devices import DeviceInfo, list_devices

SECONDS = 2.0


def devices_now() -> list[DeviceInfo]:
    """All devices; none where the sound system does not answer. Raises DeviceError."""
    try:
        said = subprocess.run(
            [sys.executable, "-m", __name__],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,  # outside this program's Ctrl-C
            timeout=SECONDS,
            check=False,  # it may well die after it has spoken
        ).stdout
    except subprocess.TimeoutExpired:
        return []
    except OSError as error:
        why = f"no process to look for the sound device can be started ({error.strerror})"
        raise DeviceError(f"{why}; close other programs") from None
    return [DeviceInfo(**device) for device in json.loads(said or "[]")]


if __name__ == "__main__":
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # JACK's library has its say on standard output, too
    print(
        json.dumps([dataclasses.asdict(device) for device in list_devices()]),
        file=answer,
        flush=True,
    )
