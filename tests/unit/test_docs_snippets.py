"""What the documentation tells people to type and to save is accepted by the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from rtstem.cli import cli
from rtstem.config import load_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def snippets(language: str) -> list[tuple[str, str]]:
    """Page and text of every fenced block of a language."""
    return [(p.name, text) for p in PAGES for kind, text in FENCE.findall(p.read_text())
            if kind == language]  # fmt: skip


def commands() -> list[tuple[str, str]]:
    """Page and line of every rtstem command of a shell block."""
    lines = [(page, line.strip()) for page, text in snippets("sh") for line in text.splitlines()]
    return [(page, line) for page, line in lines if line.startswith("rtstem ")]


def configurations() -> list[tuple[str, str]]:
    """Page and text of every YAML block that is a configuration of the engine."""
    keys = ("audio:", "buses:", "latency:", "midi:", "web:", "osc:", "faders:", "presets:")
    return [(page, text) for page, text in snippets("yaml") if text.startswith(keys)]


def parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse a command line as the program does, without running it."""
    command: click.Command | None = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(context, name)
        assert command is not None, name
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            # the files of the examples do not exist
            monkeypatch.setattr(parameter, "type", click.STRING)
    command.make_context("rtstem", words)


@pytest.mark.parametrize(("page", "line"), commands())
def test_command_is_accepted(page: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parse(shlex.split(line, comments=True)[1:], monkeypatch)


@pytest.mark.parametrize(("page", "text"), configurations())
def test_configuration_is_accepted(page: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    load_config(tmp_path / "mine.yaml")


@pytest.mark.parametrize("page", [p.name for p in PAGES])
def test_links_and_pictures_are_there(page: str) -> None:
    path = next(p for p in PAGES if p.name == page)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_there_is_something_to_test() -> None:
    assert len(commands()) > 20
    assert len(configurations()) >= 3
