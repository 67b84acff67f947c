"""separate(): alignment, sums, states and bad arrays, with tiny models of known answers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rtstem
from rtstem.errors import ConfigError, EngineError, ModelError
from rtstem.model_spec import read_model_spec
from rtstem.rt.separator import Separator
from rtstem.stems import StemStream
from tests.models import DEFAULT_GAINS, STEMS, tiny_model

# A model whose stems remember the past, each another share of it, but still sum to the input.
REMEMBERS = {"memory_mix": (0.5, -0.25, -0.5, 0.25), "leak": 0.9}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny.onnx")


@pytest.fixture(scope="session")
def remembering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "memory.onnx", **REMEMBERS)


def tune(frames: int, channels: int, rate: int, seed: int = 0) -> np.ndarray:
    """Noise below 3 kHz that starts and ends softly: every rate here can carry it unchanged."""
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft(generator.standard_normal((frames, channels)), axis=0)
    spectrum[np.fft.rfftfreq(frames, 1 / rate) > 3000] = 0
    audio = np.fft.irfft(spectrum, frames, axis=0)
    edge = np.minimum(1, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / (0.1 * rate))
    return (0.2 * audio / audio.std() * edge[:, None]).astype(np.float32)


def total(stems: dict[str, np.ndarray]) -> np.ndarray:
    return sum(stems[name] for name in STEMS)


def half_ulp(stems: dict[str, np.ndarray]) -> np.ndarray:
    """What exact_sum.complete promises for any float32."""
    return np.spacing(sum(np.abs(stem) for stem in stems.values()) * np.float32(1 + 2**-15)) / 2


@pytest.mark.parametrize("channels", [1, 2, 6, 3])
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000])
def test_stems_are_aligned_and_sum_to_the_input(tiny, rate, channels):
    audio = tune(rate // 2 + 7, channels, rate)
    stems = rtstem.separate(audio, rate, model=tiny)
    for name, gain in zip(STEMS, DEFAULT_GAINS, strict=True):
        assert stems[name].shape == audio.shape
        assert stems[name].dtype == np.float32
        assert np.abs(stems[name] - np.float32(gain) * audio).max() < 1e-4  # a frame off: over 4e-3
    assert (np.abs(total(stems) - audio) <= half_ulp(stems)).all()


@pytest.mark.parametrize("rate", [44100, 32000])
def test_what_the_model_cannot_carry_is_in_the_last_stem(tmp_path, rate):
    """At 32 kHz for a 16 kHz model the upper octave is the residual's."""
    model = tiny_model(
        tmp_path / "narrow.onnx", metadata={"sample_rate": "16000", "rates": "16000,44100"}
    )
    audio = np.sin(2 * np.pi * 12000 / rate * np.arange(rate)).astype(np.float32)
    stems = rtstem.separate(audio, rate, model=model)
    loudness = {name: np.sqrt(np.mean(stem[2000:-2000] ** 2)) for name, stem in stems.items()}
    if rate == 44100:
        assert loudness["vocals"] == pytest.approx(0.4 * np.sqrt(0.5), rel=1e-3)
    else:
        assert loudness["vocals"] < 1e-5
        assert loudness["other"] == pytest.approx(np.sqrt(0.5), rel=1e-3)
    assert (np.abs(total(stems) - audio) <= half_ulp(stems)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"lookahead_hops": 2},
        {"domain": "waveform", "hop": 256},
        {"domain": "waveform", "hop": 441, "lookahead_hops": 1},
        {"fft_size": 1024, "hop": 128, "synthesis_size": 512},
    ],
    ids=str,
)
def test_every_model_geometry_is_aligned(tmp_path, options):
    model = tiny_model(tmp_path / "model.onnx", **options)
    audio = tune(20_011, 2, 44100)
    vocals = rtstem.separate(audio, 44100, model=model)["vocals"]
    assert np.abs(vocals - np.float32(0.4) * audio).max() < 2e-6


@pytest.mark.parametrize("rate", [44100, 8000, 192000])
@pytest.mark.parametrize("frames", [1, 2, 511, 513, 16384, 16385])
def test_every_length_is_kept(tiny, rate, frames):
    audio = np.full(frames, 0.25, np.float32)
    stems = rtstem.separate(audio, rate, model=tiny)
    assert all(stem.shape == (frames,) for stem in stems.values())
    assert (np.abs(total(stems) - audio) <= half_ulp(stems)).all()
    if rate == 44100:
        assert np.abs(stems["drums"] - np.float32(0.3) * audio).max() < 1e-6


def test_mono_is_the_same_music_as_two_equal_channels(remembering):
    audio = tune(30_000, 1, 44100)
    mono = rtstem.separate(audio[:, 0], 44100, model=remembering)
    stereo = rtstem.separate(np.repeat(audio, 2, axis=1), 44100, model=remembering)
    assert np.array_equal(mono["bass"], stereo["bass"][:, 1])


def test_pairs_of_channels_do_not_hear_each_other(remembering):
    audio = tune(30_000, 5, 44100)
    together = rtstem.separate(audio, 44100, model=remembering)
    for pair in (slice(0, 2), slice(2, 4), slice(4, 5)):
        alone = rtstem.separate(audio[:, pair], 44100, model=remembering)
        assert np.array_equal(together["vocals"][:, pair], alone["vocals"])
    assert not np.array_equal(together["vocals"][:, :2], together["vocals"][:, 2:4])


@pytest.mark.parametrize("rate", [44100, 22050])
@pytest.mark.parametrize("size", [1, 700, 100_000])
def test_the_size_of_the_blocks_changes_nothing(remembering, rate, size):
    spec = read_model_spec(remembering)
    frames = 3_000 if size == 1 else 60_000
    audio = tune(frames, 2, rate)

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, frames, size):
            yield audio[start : start + size]

    stream = StemStream(spec, rate, 2, lambda: Separator(spec))
    parts = list(stream.run(blocks()))
    stream.close()
    dry = np.concatenate([part[0] for part in parts])
    drums = np.concatenate([part[1][1] for part in parts])
    assert np.array_equal(dry, audio)
    assert np.array_equal(drums, rtstem.separate(audio, rate, model=remembering)["drums"])


@pytest.mark.parametrize("rate", [44100, 96000])
def test_samples_that_are_not_finite_count_as_zero(tiny, rate):
    audio = tune(30_000, 2, rate)
    audio[100, 0], audio[20_000, 1], audio[20_001, 0] = np.nan, np.inf, -np.inf
    audio[29_999, 1] = 1e30  # would overflow in the model
    clean = np.where(np.abs(audio) < 1e18, audio, 0)
    with pytest.warns(RuntimeWarning, match="4 samples are not finite"):
        stems = rtstem.separate(audio, rate, model=tiny)
    assert (np.abs(total(stems) - clean) <= half_ulp(stems)).all()
    assert np.array_equal(stems["bass"], rtstem.separate(clean, rate, model=tiny)["bass"])


def test_float64_and_strided_arrays_are_taken(tiny):
    audio = tune(9_000, 4, 44100)
    expected = rtstem.separate(audio[:, 1], 44100, model=tiny)["vocals"]
    given = rtstem.separate(audio.astype(np.float64)[:, 1], 44100, model=tiny)["vocals"]
    assert np.array_equal(given, expected)


def test_a_float64_beyond_float32_counts_as_not_finite(tiny):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stems = rtstem.separate(np.array([0.1, 1e300, 0.1]), 44100, model=tiny)
    assert [str(warning.message)[:24] for warning in caught] == ["1 samples are not finite"]
    assert np.isfinite(total(stems)).all()


def test_progress_grows_to_the_end(tiny):
    calls: list[tuple[int, int]] = []
    rtstem.separate(
        tune(50_000, 2, 44100), 44100, model=tiny, progress=lambda *call: calls.append(call)
    )
    done = [call[0] for call in calls]
    assert done == sorted(set(done))
    assert len(done) > 2
    assert {call[1] for call in calls} == {50_000}
    assert done[-1] == 50_000


@pytest.mark.parametrize(
    ("array", "rate", "line"),
    [
        (np.zeros(100, np.int16), 44100, "holds int16; give floats .*32768"),
        (np.zeros((0, 2), np.float32), 44100, "at least one sample"),
        (np.zeros((2, 2, 2), np.float32), 44100, r"shape \[2, 2, 2\]; give \[frames\]"),
        (np.zeros((2, 44100), np.float32), 44100, "44100 channels, more than 64; .*array.T"),
        (np.zeros(100, np.float32), 12, "sample rate 12 cannot be used; .* 1000 to 768000"),
        (np.zeros(100, np.float32), 44100.5, "sample rate 44100.5 cannot be used"),
    ],
)
def test_arrays_that_cannot_be_used(tiny, array, rate, line):
    with pytest.raises(ConfigError, match=line) as caught:
        rtstem.separate(array, rate, model=tiny)
    assert "\n" not in str(caught.value)


def test_a_model_that_is_not_there():
    with pytest.raises(ModelError, match="nowhere"):
        rtstem.separate(np.zeros(10, np.float32), 44100, model="nowhere")


def test_a_model_that_fails_is_an_error_while_running(tmp_path):
    model = tiny_model(tmp_path / "nan.onnx", gains=(np.nan, 0, 0, 0))
    with pytest.raises(EngineError, match="not finite") as caught:
        rtstem.separate(np.zeros(1000, np.float32), 44100, model=model)
    assert caught.value.exit_code == 1
