"""Fixtures of the audio tests: a private jackd with the dummy driver, one per rate and period."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engineprocess import fill_compile_cache
from jackserver import JackServer, missing

from tests.models import tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an audio test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.audio)


def audio_required() -> bool:
    """True where a missing sound server is a failure: in CI and where the caller says so."""
    wanted = (os.environ.get(key, "").lower() for key in ("CI", "RTSTEM_REQUIRE_AUDIO"))
    return any(value not in ("", "0", "false") for value in wanted)


@pytest.fixture(scope="session")
def compiled() -> None:
    """numba's cache is filled: the first start on a fresh machine compiles for a minute."""
    if missing() is None:
        fill_compile_cache()


@pytest.fixture
def start_jack(compiled: None) -> Iterator[Callable[[int, int], JackServer]]:
    """`start_jack(rate, period)` gives a running private server; all are ended after the test."""
    reason = missing()
    if reason is not None:
        if audio_required():
            pytest.fail(f"audio tests are required here, but {reason}")
        pytest.skip(reason)
    servers: list[JackServer] = []

    def start(rate: int = 48000, period: int = 256) -> JackServer:
        servers.append(JackServer(rate, period))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model whose stems are known parts of the input (tests/models.py): fast and predictable."""
    return str(tiny_model(tmp_path_factory.mktemp("audio") / "tiny.onnx"))
