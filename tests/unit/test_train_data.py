"""Pools, mixtures and note lists of the training chain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch (pip install rtstem[train])")
mido = pytest.importorskip("mido", reason="training needs mido (pip install rtstem[train])")

from tools.train import effects  # noqa: E402
from tools.train.effects import RATE, Rooms  # noqa: E402
from tools.train.midi import Note, excerpt, read_notes, write_midi  # noqa: E402
from tools.train.mixing import Mixer, MixtureBatches  # noqa: E402
from tools.train.pools import Pool, PoolWriter, normalised  # noqa: E402
from tools.train.sampler import pitch_from_name  # noqa: E402
from tools.train.voices import Voices  # noqa: E402

LENGTH = 512 * 40


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of noise in every pool."""
    folder = tmp_path_factory.mktemp("pools")
    rng = np.random.default_rng(0)
    contents = {
        "vocals": ("vocals",), "drums": ("drums",), "other": ("other",),
        "accompaniment": ("accompaniment",), "songs": ("drums", "bass", "other"),
    }  # fmt: skip
    for name, stems in contents.items():
        writer = PoolWriter(folder / name, stems)
        for held_out in (False, True):
            audio = {s: rng.normal(0, 0.1, (1 if s == "vocals" else 2, 22_050)) for s in stems}
            limit = 8_000.0 if name == "vocals" else 0.0
            writer.add(audio, source="noise", held_out=held_out, band_limit=limit)
        writer.close()
    return folder


def test_batches_depend_on_seed_and_number_alone(pools: Path) -> None:
    first = MixtureBatches(pools, 2, LENGTH, seed=3)
    again = MixtureBatches(pools, 2, LENGTH, seed=3)
    again[0]
    assert np.array_equal(first[5].stems.numpy(), again[5].stems.numpy())
    assert not np.array_equal(first[5].stems.numpy(), first[6].stems.numpy())


def test_mixtures_are_of_the_declared_kinds(pools: Path) -> None:
    batches = MixtureBatches(pools, 4, LENGTH, seed=1)
    partial = 0
    for number in range(10):
        batch = batches[number]
        assert batch.stems.shape == (4, 4, 2, LENGTH)
        assert np.isfinite(batch.stems.numpy()).all()
        assert batch.whitening.min() >= 0
        assert batch.whitening.max() < 1
        for stems, is_partial, bins in zip(
            batch.stems, batch.partial, batch.loss_bins, strict=True
        ):
            level = 20 * np.log10(np.sqrt(np.square(stems.numpy().sum(0)).mean()) + 1e-9)
            assert -36 < level < -7
            assert 300 < bins <= 1024
            partial += bool(is_partial)
            if is_partial:
                assert not stems[1:3].any()
    assert 4 <= partial <= 22


def test_half_of_the_mixtures_are_mono(pools: Path) -> None:
    batches = MixtureBatches(pools, 4, LENGTH, seed=2)
    mixtures = np.concatenate([batches[number].stems.numpy().sum(1) for number in range(30)])
    sounding = mixtures[mixtures.any((1, 2))]
    mono = [np.array_equal(left, right) for left, right in sounding]
    assert len(mono) > 100
    assert 0.35 < np.mean(mono) < 0.65


def test_produced_voices_are_stereo_and_say_where_their_source_ends(pools: Path) -> None:
    voices = Voices(Pool(pools / "vocals"), LENGTH, Rooms(LENGTH, count=2))
    drawn = [voices.produced(np.random.default_rng(seed)) for seed in range(30)]
    for audio, limit in drawn:
        assert audio.shape == (2, LENGTH)
        assert np.isfinite(audio).all()
        assert 0.78 * 8_000 <= limit <= 1.28 * 8_000
    assert any(not np.array_equal(audio[0], audio[1]) for audio, _ in drawn)


@pytest.mark.parametrize("semitones", [-12, -5, 4, 12])
def test_pitch_shift_changes_pitch_and_not_tempo(semitones: int) -> None:
    ratio, tone = 2 ** (semitones / 12), np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    tone[RATE // 2 :] = 0
    shifted = effects.pitch_shift(tone[None].astype(np.float32), ratio)[0]
    first = np.abs(np.fft.rfft(shifted[: RATE // 2] * np.hanning(RATE // 2)))
    assert np.argmax(first) * 2 == pytest.approx(440 * ratio, rel=0.06)  # sidebands 22 Hz apart
    assert np.abs(shifted[int(0.55 * RATE) :]).max() < 1e-6


@pytest.mark.parametrize("ratio", [0.85, 1.18])
def test_formant_shift_moves_formants_and_not_the_pitch(ratio: float) -> None:
    """Harmonics of 150 Hz below one formant at 1 kHz."""
    harmonics = 150 * np.arange(1, 60)
    gains = np.exp(-(((harmonics - 1_000) / 250) ** 2)) + 1e-3
    time = np.arange(RATE) / RATE
    tone = (gains[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time)).sum(0)
    shifted = effects.formant_shift(tone[None].astype(np.float32), ratio)[0]
    power = np.square(np.abs(np.fft.rfft(shifted * np.hanning(RATE))))
    at = np.arange(len(power))
    assert np.sum(power * at) / power.sum() == pytest.approx(1_000 * ratio, rel=0.05)
    near = np.abs(at - 150 * np.round(at / 150)) <= 4
    assert power[near].sum() > 0.99 * power.sum()


def test_no_formant_shift_is_the_same_sound() -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, (2, 5_000)).astype(np.float32)
    assert effects.formant_shift(audio, 1.0) == pytest.approx(audio, abs=1e-4)


def test_dynamics_squeeze() -> None:
    rng = np.random.default_rng(0)
    swells = rng.normal(0, 1, (1, RATE)) * np.linspace(0.05, 1, RATE)

    def range_of(audio: np.ndarray) -> float:
        return float(np.std(audio[:, RATE // 2 :]) / np.std(audio[:, : RATE // 2]))

    ranges = [
        range_of(effects.dynamics(swells.astype(np.float32), np.random.default_rng(seed)))
        for seed in range(30)
    ]
    assert max(ranges) < 1.01 * range_of(swells)
    assert 5 < sum(r > 0.99 * range_of(swells) for r in ranges) < 20  # some are left as they are


def test_echoes_come_when_they_should() -> None:
    click = np.zeros((1, 1_000), np.float32)
    click[0, 10] = 1.0
    out = effects.echoes(click, 400 / RATE, 0.5, 0.5)[0]
    assert np.flatnonzero(out).tolist() == [10, 410, 810]
    assert out[[10, 410, 810]].tolist() == [1.0, 0.5, 0.25]


def test_low_cut_leaves_the_treble() -> None:
    curve = effects.low_cut(22_051, 100.0)
    assert curve[100] == pytest.approx(0.5**0.5, rel=0.01)
    assert curve[25] == pytest.approx(1 / 16, rel=0.05)
    assert curve[1_000] > 0.999


def test_a_tilt_leaves_level_and_slope_where_they_are_meant() -> None:
    curve = 20 * np.log10(effects.tilt(22_051, 100, 400, -6.0))
    assert curve[[0, 50, 100, 200, 400, 9_000]] == pytest.approx([0, 0, 0, -6, -12, -12], abs=0.1)


def test_a_stem_keeps_its_level_whatever_its_tone(pools: Path) -> None:
    mixer = Mixer(pools, LENGTH)
    audio = np.random.default_rng(1).standard_normal((2, LENGTH)).astype(np.float32)
    tones = [mixer.coloured(audio, "bass", 0.0, np.random.default_rng(i)) for i in range(20)]
    assert sum(not np.allclose(tone, audio, atol=1e-3) for tone in tones) > 8
    for tone in tones:
        assert effects.rms(tone) == pytest.approx(effects.rms(audio), rel=1e-3)


def test_pool_keeps_validation_apart(pools: Path) -> None:
    training, held_out = Pool(pools / "vocals"), Pool(pools / "vocals", held_out=True)
    assert {r.start for r in training.regions}.isdisjoint(r.start for r in held_out.regions)
    rng = np.random.default_rng(0)
    region, start = training.draw(1_000, rng)
    audio = training.read("vocals", region, start, 1_000)
    assert audio.shape == (1, 1_000)
    assert np.abs(audio).max() < 1.0


def test_normalised_leaves_silence_alone() -> None:
    silence = np.zeros((2, 44_100), np.float32)
    assert np.array_equal(normalised(silence), silence)
    loud = normalised(np.sin(np.arange(44_100) * 0.1).astype(np.float32)[None] * 0.01)
    assert np.sqrt(np.square(loud).mean()) == pytest.approx(0.1, rel=0.02)


def test_notes_survive_a_midi_file(tmp_path: Path) -> None:
    notes = [Note(0.5, 1.0, 60, 90, 1, 33), Note(1.25, 2.0, 64, 70, 1, 33)]
    late = Note(2.99, 3.5, 40, 70, 1, 33)  # would sound for ever
    write_midi(tmp_path / "a.mid", [*notes, late], 3.0)
    back = read_notes(tmp_path / "a.mid")
    assert [(n.pitch, n.velocity, n.program) for n in back] == [(60, 90, 33), (64, 70, 33)]
    assert [n.start for n in back] == pytest.approx([0.5, 1.25], abs=1e-3)
    assert mido.MidiFile(tmp_path / "a.mid").length == pytest.approx(3.0, abs=0.01)
    assert [n.start for n in excerpt(back, 1.0, 1.0)] == pytest.approx([0.25], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "pitch"),
    [("a1_vl2_rr1.ogg", 33), ("Ds4.ogg", 63), ("piano_Fsharp3.ogg", 54), ("bell1.ogg", 60)],
)
def test_pitch_from_name(name: str, pitch: int) -> None:
    assert pitch_from_name(name, 60) == pitch
