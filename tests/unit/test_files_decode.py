"""Reading one audio file: every kind of damage is one line, or a warning and what is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.errors import AudioFileError
from rtstem.io.decode import AudioFile

FRAMES = 40_000


def music(frames: int = FRAMES, channels: int = 2) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (generator.standard_normal((frames, channels)) * 0.1).astype(np.float32)


def read(path: Path, block: int = 16_384) -> tuple[np.ndarray, list[str]]:
    """All that can be read of `path`, and the warnings."""
    notes: list[str] = []
    with AudioFile(path, notes.append) as file:
        parts = list(file.blocks(block))
    return np.concatenate(parts), notes


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("block", [1000, 16_384, FRAMES, 100_000])
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24", "PCM_16"])
def test_wav_comes_out_as_it_went_in(tmp_path, subtype, block):
    path = tmp_path / "a.wav"
    soundfile.write(path, music(), 44100, subtype=subtype)
    audio, notes = read(path, block)
    assert audio.dtype == np.float32
    assert np.array_equal(audio, soundfile.read(path, dtype="float32")[0])
    assert notes == []


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.aiff", "a.caf"])
def test_each_format_is_read_in_blocks_as_in_one(tmp_path, name):
    path = tmp_path / name
    soundfile.write(path, music(), 44100)
    audio, notes = read(path, 3000)
    assert audio.shape == (FRAMES, 2)
    assert np.array_equal(audio, soundfile.read(path, dtype="float32")[0])
    assert notes == []


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.w64"])
def test_truncated_pcm_gives_what_is_there_and_says_so(tmp_path, name):
    path = tmp_path / name
    soundfile.write(path, music(), 44100, subtype="PCM_16")
    audio, notes = read(cut(path, 0.5))
    assert len(audio) == pytest.approx(FRAMES / 2, abs=50)
    assert np.array_equal(audio, soundfile.read(path, dtype="float32")[0])
    (note,) = notes
    assert note.startswith(f"{path}: truncated, ")
    assert "bytes are there" in note


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_truncated_compressed_files_say_how_much_is_left(tmp_path, name):
    path = tmp_path / name
    soundfile.write(path, music(), 44100)
    whole = soundfile.read(path, dtype="float32")[0]
    audio, notes = read(cut(path, 0.6))
    assert len(audio) == pytest.approx(FRAMES * 0.6, abs=4100)
    kept = len(audio) - 2000  # the last frame of an mp3 lacks what follows it
    assert np.array_equal(audio[:kept], whole[:kept])
    (note,) = notes
    assert f"{len(audio)} of {FRAMES} frames" in note


def test_a_flac_is_read_up_to_the_very_block_where_it_breaks(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, music(), 44100)
    coarse = len(read(cut(path, 0.6), 16_384)[0])
    fine = len(read(path, 512)[0])
    assert coarse == fine
    assert coarse % 16_384


def test_a_truncated_ogg_is_just_shorter(tmp_path):
    """Ogg does not tell its length anywhere."""
    path = tmp_path / "a.ogg"
    soundfile.write(path, music(200_000), 44100)
    audio, _ = read(cut(path, 0.5))
    assert 50_000 < len(audio) < 150_000


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x00\xf0\xff\xff"])
def test_a_wav_of_unknown_length_is_not_called_truncated(tmp_path, size):
    """Programs that write into a pipe cannot know the length."""
    path = tmp_path / "pipe.wav"
    soundfile.write(path, music(), 44100, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[4:8] = size
    data[40:44] = size
    path.write_bytes(data)
    audio, notes = read(path)
    assert len(audio) == FRAMES
    assert notes == []


def test_a_flac_of_unknown_length_is_read_to_its_end(tmp_path):
    path = tmp_path / "pipe.flac"
    soundfile.write(path, music(), 44100, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of the frame count in STREAMINFO
    data[22:26] = bytes(4)
    path.write_bytes(data)
    with AudioFile(path) as file:
        assert file.frames is None
    audio, notes = read(path)
    assert len(audio) == FRAMES
    assert notes == []


def test_non_finite_samples_are_handed_on(tmp_path):
    path = tmp_path / "nan.wav"
    audio = music()
    audio[5, 0], audio[FRAMES - 1, 1] = np.nan, np.inf
    soundfile.write(path, audio, 44100, subtype="FLOAT")
    assert np.array_equal(read(path)[0], audio, equal_nan=True)


def make(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def header(rate: int, channels: int) -> bytes:
    """A 16-bit wav of ten frames."""
    frame = 2 * channels
    sizes = [(36 + 10 * frame), 16, 1, channels, rate, rate * frame, frame, 16, 10 * frame]
    widths = [4, 4, 2, 2, 4, 4, 2, 2, 4]
    parts = [size.to_bytes(width, "little") for size, width in zip(sizes, widths, strict=True)]
    fmt = b"".join(parts[1:8])
    return b"RIFF" + parts[0] + b"WAVEfmt " + fmt + b"data" + parts[8] + bytes(10 * frame)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("empty.wav", b"", "is empty \\(0 bytes\\)"),
        ("text.wav", b"once upon a time\n" * 99, "is a text file, not audio; give a wav, flac"),
        ("text.mp3", b"RIFF and WAVE\n", "is a text file"),
        ("noise.flac", bytes(range(256)) * 99, "cannot be decoded as audio"),
        ("noise.mp3", bytes(range(256)) * 9, "cannot be decoded as audio"),
        ("samples.raw", bytes(range(256)) * 99, "samples without a header"),
        ("riff.wav", b"RIFF\xff\xff\xff\xffWAVE", "cannot be decoded as audio"),
        ("slow.wav", header(12, 2), "sample rate 12 Hz is not supported"),
        ("fast.wav", header(2_000_000, 2), "sample rate 2000000 Hz is not supported"),
        ("wide.wav", header(44100, 200), "200 channels are not supported"),
        ("none.wav", header(44100, 2)[:44], "holds no samples"),
    ],
)
def test_files_that_are_no_audio(tmp_path, name, content, line):
    path = make(tmp_path / name, content)
    with pytest.raises(AudioFileError, match=line) as caught:
        AudioFile(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_and_a_folder(tmp_path):
    with pytest.raises(AudioFileError, match=r"a\.wav: no such file"):
        AudioFile(tmp_path / "a.wav")
    with pytest.raises(AudioFileError, match="is a folder; give a file in it"):
        AudioFile(tmp_path)
    with pytest.raises(AudioFileError, match="not a regular file"):
        AudioFile("/dev/zero")


def test_a_zero_sample_file(tmp_path):
    path = tmp_path / "zero.wav"
    soundfile.write(path, music(0), 44100)
    with pytest.raises(AudioFileError, match="holds no samples"):
        AudioFile(path)


def test_a_file_that_breaks_off_before_its_first_sample(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, music(), 44100)
    path.write_bytes(path.read_bytes()[:2000])
    with AudioFile(path) as file, pytest.raises(AudioFileError, match="no sample can be decoded"):
        file.read(100)
