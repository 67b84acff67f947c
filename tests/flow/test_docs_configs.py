"""Every configuration that comes along or stands in the docs starts on the virtual device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from rtstem.config import load_config
from rtstem.engine import Engine
from rtstem.resources import config_names, find_config
from tests.doc_snippets import yaml_snippets
from tests.models import tiny_model

TEXTS = {name: find_config(name).read_text("utf-8") for name in config_names()} | {
    str(s): s.text for s in yaml_snippets() if "controls" not in yaml.safe_load(s.text)
}


@pytest.mark.parametrize("name", TEXTS)
def test_it_starts_and_plays(name, tmp_path: Path):
    song, file = tmp_path / "song.wav", tmp_path / "config.yaml"
    noise = np.random.default_rng(1).standard_normal((44100, 2)).astype(np.float32) * 0.1
    soundfile.write(song, noise, 44100, subtype="FLOAT")
    file.write_text(TEXTS[name], encoding="utf-8")
    config = load_config(file)
    audio = config.audio.model_copy(update={"input": f"file:{song}", "output": "virtual"})
    model = str(tiny_model(tmp_path / "tiny.onnx"))
    blocks: list[np.ndarray] = []
    config = config.model_copy(update={"audio": audio, "model": model})
    with Engine(config, sink=blocks.append, lockstep=True) as engine:
        assert engine.wait(60)
    out = np.concatenate(blocks)
    assert out.shape[1] == max(max(bus.channels) for bus in config.buses.values())
    for bus in config.buses.values():
        for channel in bus.channels:
            assert np.abs(out[:, channel - 1]).max() > 0.01
