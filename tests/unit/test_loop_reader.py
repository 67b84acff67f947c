"""A file without an end."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from rtstem.errors import AudioFileError
from rtstem.io.loop import LoopReader


@pytest.fixture
def audio(tmp_path):
    made = np.random.default_rng(3).uniform(-0.5, 0.5, (5000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", made, 44100, subtype="FLOAT")
    return made


@pytest.mark.parametrize("block", [999, 5000, 12_345])
def test_it_begins_anew_without_a_gap(tmp_path, audio, block):
    reader = LoopReader(tmp_path / "a.wav")
    out = np.concatenate([reader.read(block) for _ in range(30_000 // block)])
    reader.close()
    assert np.array_equal(out, np.resize(audio, out.shape))


def test_a_folder_begins_anew_too(tmp_path, audio):
    soundfile.write(tmp_path / "b.wav", audio[::-1], 44100, subtype="FLOAT")
    reader = LoopReader(tmp_path)
    out = reader.read(20_000)
    reader.close()
    assert np.array_equal(out[10_000:15_000], audio)
    assert np.array_equal(out[:10_000], out[10_000:])


def test_a_file_that_is_gone_is_told(tmp_path, audio):
    reader = LoopReader(tmp_path / "a.wav")
    (tmp_path / "a.wav").unlink()
    with pytest.raises(AudioFileError, match=r"a\.wav"):
        reader.read(6000)


def test_nothing_is_asked_for(tmp_path, audio):
    reader = LoopReader(tmp_path / "a.wav")
    assert reader.read(0).shape == (0, 2)
    reader.close()
