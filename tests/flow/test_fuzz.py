"""Hostile input at every door: some seeded cases of `tools.fuzz`, and all that it ever found."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from rtstem.errors import ConfigError, RtstemError
from tools.fuzz import run
from tools.fuzz.mutate import damaged, generator
from tools.fuzz.targets import NAMES, open_target
from tools.fuzz.verdict import FailedError, Target, refusal

FOUND = sorted((Path(__file__).parents[1] / "data" / "fuzz").glob("*/*.bin"))
CASES = {"model": 60, "metadata": 150, "profile": 150, "log": 100, "http": 200, "web": 400}
SEED = 5


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Target]]:
    """Gives a target by its name, opened once."""
    with ExitStack() as stack:
        opened: dict[str, Target] = {}

        def give(name: str) -> Target:
            if name not in opened:
                opened[name] = open_target(name, SEED, tmp_path_factory.mktemp(name))
                stack.enter_context(closing(opened[name]))
            return opened[name]

        yield give


def feed(target: Target, data: bytes) -> bool:
    """Whether it is refused; anything but taken or refused in a clean line fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            target.feed(data)
        except RtstemError as error:
            refusal(error)
            return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_some_cases(name: str, door: Callable[[str], Target]) -> None:
    target = door(name)
    refused = [feed(target, target.make(number)) for number in range(CASES.get(name, 300))]
    assert any(refused) or name in ("midi", "keys")  # these take everything
    assert not all(refused)


@pytest.mark.parametrize("path", FOUND, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_what_was_found_is_mended(path: Path, door: Callable[[str], Target]) -> None:
    feed(door(path.parent.name), path.read_bytes())


def test_a_case_is_the_same_for_the_same_seed(door: Callable[[str], Target]) -> None:
    target = door("config")
    assert [target.make(n) for n in range(50)] == [target.make(n) for n in range(50)]
    assert len({target.make(n) for n in range(50)}) > 40


def test_the_figures_of_every_target_are_told() -> None:
    text = (Path(__file__).parents[2] / "SECURITY.md").read_text()
    assert not [name for name in NAMES if f"| {name} |" not in text]


def test_damage_is_bounded() -> None:
    for number in range(300):
        assert len(damaged(generator(1, "x", number), b"x" * 100, [b"word"], [b"o" * 100])) < 60_000
    assert damaged(random.Random(1), b"") is not None


@pytest.mark.parametrize("message", ["", "two\nlines", "\x1b[2J", "x" * 1001])
def test_what_no_terminal_can_show_is_a_failure(message: str) -> None:
    error = ConfigError()
    error.args = (message,)
    with pytest.raises(FailedError):
        refusal(error)


class Broken:
    """A door that breaks in case 3, ends its process in case 5 and hangs in case 7."""

    cases, room = 10, 512

    def __init__(self, _seed: int, _folder: Path) -> None: ...

    def make(self, number: int) -> bytes:
        return bytes([number])

    def feed(self, data: bytes) -> None:
        if data[0] == 3:
            raise ZeroDivisionError("three")
        if data[0] == 5:
            import os

            os.abort()
        if data[0] == 7:
            import time

            time.sleep(60)
        if data[0] == 8:
            bytearray(1 << 31)

    def close(self) -> None: ...


def test_failures_crashes_hangs_and_greed_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In processes of their own, of which each case after a death gets a new one."""

    def look(case: int) -> None:  # the others have their time, where the machine stands still
        monkeypatch.setattr(run, "HANG_SECONDS", 2.0 if case == 7 else 60.0)

    result = run.run_target("tests.flow.test_fuzz:Broken", 1, 10, tmp_path, look)
    told = " ".join(what for what, _ in result.failures)
    assert result.cases == 10
    assert len(result.failures) == 4
    for part in ("ZeroDivisionError: three", "ended with code -6", "hangs", "MemoryError"):
        assert part in told
    assert sorted(path.read_bytes()[0] for _, path in result.failures) == [3, 5, 7, 8]
