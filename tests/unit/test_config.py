"""Configuration: what loads, what is refused, and the exact sentence of every refusal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rtstem.config import Config, check_stems, diff, load_config, make_config
from rtstem.errors import ConfigError
from rtstem.resources import config_names, configs_dir

STEMS = ("vocals", "drums", "bass", "other")
BAD = Path(__file__).parent.parent / "bad"
EXPECTED = dict.fromkeys((BAD / "expected.txt").read_text("utf-8").splitlines())


def load_text(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "x.yaml"
    path.write_text(text, "utf-8")
    return load_config(path)


@pytest.mark.parametrize("sentence", EXPECTED, ids=lambda sentence: sentence.split(".yaml")[0])
def test_bad_file_gives_its_sentence(sentence: str) -> None:
    path = BAD / (sentence.split(".yaml")[0] + ".yaml")
    with pytest.raises(ConfigError) as caught:
        check_stems(load_config(path), STEMS)
    assert str(caught.value).replace(f"{BAD}{os.sep}", "") == sentence
    assert caught.value.exit_code == 2


def test_every_bad_file_has_a_sentence() -> None:
    named = {sentence.split(".yaml")[0] for sentence in EXPECTED}
    assert named == {path.stem for path in BAD.glob("*.yaml")}


@pytest.mark.parametrize("name", ["default", "obs", "dj", "performer"])
def test_shipped_configuration_loads(name: str) -> None:
    check_stems(load_config(name), STEMS)


def test_default_yaml_shows_every_key_with_its_default() -> None:
    written = yaml.safe_load((configs_dir() / "default.yaml").read_text("utf-8"))
    defaults = Config().model_dump(mode="json")
    assert written == defaults


def test_shipped_configurations_are_all_tested() -> None:
    assert config_names() == ("default", "dj", "obs", "performer")


def test_obs_starts_without_vocals_and_dj_cues_the_instrumental() -> None:
    assert load_config("obs").faders["vocals"] == 0.0
    cue = load_config("dj").buses["cue"]
    assert cue.channels == (3, 4)
    assert not isinstance(cue.gains, str)
    assert cue.gains.get("vocals", 0.0) == 0.0
    assert {cue.gains[stem] for stem in STEMS[1:]} == {1.0}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "audio:\nbuses:\nfaders:\n"])
def test_empty_file_and_empty_sections_are_the_defaults(tmp_path: Path, text: str) -> None:
    assert load_text(tmp_path, text) == Config() == load_config(None)


def test_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert load_text(tmp_path, "\ufeffmodel: tight\n").model == "tight"


def test_values_arrive_in_their_types(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        """
        audio: {input: "file:music", output: 2, input_channels: [3], sample_rate: 48000, block: 64}
        latency: {safety_hops: 1}
        buses:
          main: {channels: [1, 2]}
          voice: {channels: [3], gains: {vocals: 2}}
        presets: {calm: {drums: 0.25}}
        """,
    )
    audio = config.audio
    assert (audio.input, audio.output, audio.input_channels) == ("file:music", 2, (3,))
    assert (audio.sample_rate, audio.block) == (48000, 64)
    assert isinstance(config.latency.safety_hops, float)
    assert config.buses["main"].gains == "desk"
    assert config.buses["voice"].gains == {"vocals": 2.0}
    assert config.presets == {"calm": {"drums": 0.25}}


def test_numpy_numbers_are_numbers() -> None:
    config = make_config(
        {"audio": {"block": np.int64(64)}, "faders": {"vocals": np.float32(0.5), "bass": 1}}
    )
    assert config.audio.block == 64
    assert config.faders == {"vocals": 0.5, "bass": 1.0}
    with pytest.raises(ConfigError, match="must be auto or a number from 0 to 64, not 1000"):
        make_config({"latency": {"safety_hops": 10**400}})


def test_configuration_is_frozen() -> None:
    config = Config()
    with pytest.raises(ValueError, match="frozen"):
        config.audio.block = 64  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        config.model = "tight"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: p / "none.yaml", "no such configuration; .*default, dj, obs"),
        (lambda p: "djj", r"did you mean 'dj'\?"),
        (lambda p: p, "is a folder; give the .yaml file"),
    ],
)
def test_path_that_is_no_file(tmp_path: Path, make: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_config(make(tmp_path))


def test_large_file_is_not_parsed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="over 256 kB"):
        load_text(tmp_path, "# x\n" * 100_000)


def test_python_mapping_names_its_source() -> None:
    with pytest.raises(ConfigError) as caught:
        make_config({"audio": {"blok": 1}})
    assert str(caught.value).startswith("<python>: audio.blok: unknown key (did you mean 'block'?)")
    with pytest.raises(ConfigError, match="--set: provider: must be one of auto, cuda, cpu"):
        make_config({"provider": "tpu"}, source="--set")


def test_first_problem_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml:2: faders\.vocals"):
        load_text(tmp_path, "faders:\n  vocals: 3\nprovider: gpu\nlatency: {safety_hops: x}\n")


def test_where_begins_messages_of_others(tmp_path: Path) -> None:
    config = load_text(tmp_path, "model: live\naudio:\n  input: USB\n")
    assert config.where("audio", "input") == f"{tmp_path / 'x.yaml'}:3: audio.input"
    # a key that is not in the file: the nearest one above it, else no line
    assert config.where("audio", "output") == f"{tmp_path / 'x.yaml'}:2: audio.output"
    assert config.where("provider") == f"{tmp_path / 'x.yaml'}: provider"


def test_diff_names_what_changed() -> None:
    old = make_config({"faders": {"vocals": 1.0, "drums": 0.5}})
    assert diff(old, make_config({"faders": {"vocals": 1, "drums": 0.5}})) == set()
    new = make_config(
        {
            "model": "tight",
            "audio": {"block": 64},
            "faders": {"vocals": 0.0, "drums": 0.5},
            "buses": {"main": {"channels": [1, 2]}, "cue": {"channels": [3]}},
        }
    )
    assert diff(old, new) == {"model", "audio.block", "faders.vocals", "buses.cue"}
    assert diff(new, old) == diff(old, new)


def refusal(load: Callable[[Any], Config], argument: Any) -> str | None:
    """The message of the ConfigError, None if it loads; any other exception fails the test."""
    try:
        assert isinstance(load(argument), Config)
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"a\\nb": 1', r":1: 'a\\nb': unknown key; "),
        ('"a\\n": 1\n"a\\n": 2', r":2: key 'a\\n' is given twice"),
        ("model: 0x" + "f" * 5000, ":1: model: .*not a number with thousands of digits"),
        ("model: !!python/object:os.system x", ":1: could not determine a constructor"),
        ("model: !!bool maybe", ":1: the value cannot be converted"),
        ("<<: {model: tight}", ":1: a key must be text"),
        ("? [1, 2]\n: 3", ":1: a key must be text"),
    ],
)
def test_odd_text_is_refused_in_one_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_text(tmp_path, text)
    assert str(caught.value).isprintable()


YAML_WORDS = (
    *("model", "audio", "buses", "main", "faders", "vocals", "presets", "channels", "gains"),
    *("desk", ":", ": ", ",", "[", "]", "{", "}", "-", "?", "&", "*", "!", "|", ">", "%", "@"),
    *("'", '"', "#", "!!bool", "!!int", "!!float", "!!timestamp", "!!binary", "!!set", "!!omap"),
    *("<<", "---", "...", "~", "-1", "0x", "0b", "1:60", "2001-99-99", ".inf", ".nan", "1e999"),
    *("\n", "\n  ", "\t", "\\n", "é", "\u2028"),
)
GARBAGE = st.lists(st.sampled_from(YAML_WORDS), max_size=30).map(" ".join) | st.text(max_size=60)


@settings(max_examples=150, deadline=None)
@given(text=GARBAGE)
def test_no_text_gives_anything_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    message = refusal(load_config, path)
    assert message is None or (message.startswith(str(path)) and message.isprintable())


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=60))
def test_no_bytes_give_anything_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.yaml"
    path.write_bytes(data)
    message = refusal(load_config, path)
    assert message is None or (message.startswith(str(path)) and message.isprintable())


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["main", "channels", "gains", "vocals", "block", "input", "x"])
            | SCALARS.filter(lambda value: value == value),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
TOP = st.dictionaries(st.sampled_from(list(Config.model_fields)), VALUES, max_size=3)


@settings(max_examples=200, deadline=None)
@given(mapping=TOP | VALUES)
def test_no_python_value_gives_anything_but_a_config_error(mapping: Any) -> None:
    message = refusal(make_config, mapping)
    assert message is None or (message.startswith("<python>") and message.isprintable())
