"""Keep what C libraries write to standard error off the screen, and have it for a report.

ALSA, JACK and ONNX Runtime print to file descriptor 2 directly; over a live screen that is noise.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def native_stderr() -> Iterator[list[str]]:
    """Take descriptor 2 for the length of the context; the list holds its lines afterwards.

    Python's own `sys.stderr` goes along, as it writes to the same descriptor. Lines that repeat
    are kept once.
    """
    lines: list[str] = []
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield lines
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            text = sink.read().decode("utf-8", "replace")
            lines += dict.fromkeys(line.rstrip() for line in text.splitlines() if line.strip())
