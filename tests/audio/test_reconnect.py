"""Every fault of tools/faults with a real sound server: the engine is back within 3 s, bit for bit."""

from __future__ import annotations

import pytest
from exactness import STALLED

from rtstem.load.stalls import StallMonitor
from tools.faults import __main__ as tool
from tools.faults.server_faults import NO_PROOF

STALL_MS = 300.0
TRIES = 3


def machine_is_to_blame(problems, seen):
    """Whether nothing was proved for lack of whole cycles, or a processor stood still that long."""
    no_proof = all(problem.endswith(NO_PROOF) for problem in problems)
    return problems and (no_proof or (seen is not None and seen.longest_ms > STALL_MS))


@pytest.mark.parametrize("name", tool.SERVER)
def test_fault(start_jack, name, tmp_path):
    """start_jack: skips or fails where there is no JACK."""
    for number in range(TRIES):
        with StallMonitor() as monitor:
            outcome = tool.find(name)(tmp_path / str(number))
        if not machine_is_to_blame(outcome.problems, monitor.seen):
            break
    else:
        pytest.skip(STALLED)
    assert outcome.problems == []
