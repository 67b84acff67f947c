"""The pages are true: YAML loads, commands exist with their options, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from rtstem.cli import cli
from rtstem.config import check_stems, load_config
from rtstem.control.midi_profile import read_profile
from rtstem.model_spec import read_model_spec
from rtstem.resources import config_names, find_model
from tests.doc_snippets import PAGES, ROOT, Snippet, commands, links, yaml_snippets
from tools.make_routing_pictures import DESCRIPTIONS, draw, load

PLACEHOLDERS = {"NAME", "FILE", "...", "FILE..."}


def test_there_is_something_to_check():
    assert {page.name for page in PAGES} >= {"README.md", "djs.md", "streamers.md", "performers.md"}
    for page in ("djs.md", "streamers.md", "performers.md"):
        assert len([s for s in yaml_snippets() if s.page.name == page]) >= 1
        assert len([s for s, _ in commands() if s.page.name == page]) >= 4


@pytest.mark.parametrize("snippet", yaml_snippets(), ids=str)
def test_yaml_is_what_the_program_reads(snippet: Snippet, tmp_path: Path):
    file = tmp_path / "snippet.yaml"
    file.write_text(snippet.text, encoding="utf-8")
    if "controls" in yaml.safe_load(snippet.text):
        assert read_profile(file).controls
    else:
        check_stems(load_config(file), read_model_spec(find_model("live")).stems)


@pytest.mark.parametrize(("snippet", "words"), commands(), ids=str)
def test_commands_and_options_exist(snippet: Snippet, words: list[str]):
    command: click.Command | None = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        context = click.Context(command)
        command = command.get_command(context, name.removesuffix(","))
        assert command is not None, f"{snippet}: no command {name}"
    if not words or words[-1] in ("...", "--help"):
        return
    assert command is not None
    context = click.Context(command)
    command.parse_args(context, list(words))
    config = context.params.get("config")
    if config and not config.endswith(".yaml") and config not in PLACEHOLDERS:
        assert config in config_names()


@pytest.mark.parametrize(("snippet", "target"), links(), ids=str)
def test_links_lead_somewhere(snippet: Snippet, target: str):
    path, _, anchor = target.partition("#")
    page = (snippet.page.parent / path).resolve() if path else snippet.page
    assert page.is_relative_to(ROOT)
    assert page.exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def test_help_names_every_configuration():
    live = cli.get_command(click.Context(cli), "live")
    assert live is not None
    option = next(p for p in live.params if p.name == "config")
    assert isinstance(option, click.Option)
    assert set(config_names()) <= set(re.findall(r"\w+", option.help or ""))


@pytest.mark.parametrize("name", load(DESCRIPTIONS))
def test_routing_pictures_are_what_the_tool_draws(name: str):
    """And every text fits its place, or `draw` raises."""
    file = ROOT / "docs" / "images" / f"routing-{name}.svg"
    assert file.read_text("utf-8") == draw(load(DESCRIPTIONS)[name])
