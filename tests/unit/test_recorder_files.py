"""Files that grow: playable at any moment, whole pieces only, RF64 where WAV ends."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from rtstem.control.recording_files import (
    FILE_KINDS,
    WAV_HEADER_BYTES,
    FlacFile,
    GrowingFile,
    WavFile,
    wav_header,
)

RATE = 48000


@pytest.fixture
def noise():
    return np.random.default_rng(3).standard_normal((60_000, 2)).astype(np.float32) * 0.1


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_playable_after_every_piece(tmp_path, noise, kind):
    path = tmp_path / f"a.{kind}"
    file = FILE_KINDS[kind](path, RATE)
    for first in range(0, len(noise), 6000):
        file.append(noise[first : first + 6000])
        if first < 12000 and kind == "flac":
            continue  # still inside the encoder
        found, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        assert first + 6000 - len(found) == (8192 if kind == "flac" else 0)
        np.testing.assert_allclose(found, noise[: len(found)], atol=2**-24)
    file.close()
    found = soundfile.read(path, dtype="float32")[0]
    assert len(found) == len(noise)
    assert np.array_equal(found, noise) == (kind == "wav")


def test_wav_keeps_every_bit_and_flac_limits(tmp_path):
    block = np.array([[2.5, -3.0], [1e-30, -0.0], [0.5, 1.0]], np.float32)
    for kind in (WavFile, FlacFile):
        file = kind(tmp_path / kind.__name__, RATE)
        file.append(block)
        file.close()
    wav = soundfile.read(tmp_path / "WavFile", dtype="float32")[0]
    assert np.array_equal(wav.view(np.int32), block.view(np.int32))
    flac = soundfile.read(tmp_path / "FlacFile", dtype="float32")[0]
    np.testing.assert_allclose(flac, [[1, -1], [0, 0], [0.5, 1]], atol=2**-23)


@pytest.mark.parametrize("frames", [536_870_901, 536_870_902, 700_000_000])
def test_beyond_4_gib_it_is_rf64(tmp_path, frames):
    """The last plain WAV, the first RF64, and a long one; sparse files."""
    path = tmp_path / "long.wav"
    path.write_bytes(wav_header(RATE, frames))
    assert path.stat().st_size == WAV_HEADER_BYTES
    os.truncate(path, WAV_HEADER_BYTES + 8 * frames)
    with soundfile.SoundFile(path) as sound:
        assert sound.frames == frames
        assert sound.format == ("WAV" if frames == 536_870_901 else "RF64")
        assert (sound.subtype, sound.channels, sound.samplerate) == ("FLOAT", 2, RATE)


def test_a_piece_that_does_not_fit_leaves_the_file_as_it_was(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = GrowingFile(tmp_path / "a")
    file.append(b"x" * 1000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            file.append(b"y" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    file.append(b"z")
    file.close()
    assert (tmp_path / "a").read_bytes() == b"x" * 1000 + b"z"


def test_files_that_are_there_are_never_touched(tmp_path):
    (tmp_path / "a.wav").write_text("somebody's")
    for kind in FILE_KINDS.values():
        with pytest.raises(FileExistsError):
            kind(tmp_path / "a.wav", RATE)
    assert (tmp_path / "a.wav").read_text() == "somebody's"
