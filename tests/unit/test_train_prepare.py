"""What the training pools are made from: kits, songs, bandwidths of voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

pytest.importorskip("torch", reason="training needs torch (pip install rtstem[train])")
pytest.importorskip("mido", reason="training needs mido (pip install rtstem[train])")

from tools.train.band import arrange_band
from tools.train.kits import Drummer, hydrogen_kit, load_kits, piece_of
from tools.train.midi import Note
from tools.train.prepare import band_limit
from tools.train.recording import drum_bus, guitar_amp
from tools.train.songs import Groove

RATE = 44_100
KIT = """<drumkit_info xmlns="http://www.hydrogen-music.org/drumkit"><instrumentList>
<instrument><name>Kick</name><volume>1</volume>
<layer><filename>soft.wav</filename><max>0.5</max><gain>1</gain></layer>
<layer><filename>hard.wav</filename><max>1</max><gain>1</gain></layer></instrument>
<instrument><name>Open HH</name><volume>1</volume><filename>open.wav</filename></instrument>
<instrument><name>Closed HH</name><filename>missing.wav</filename></instrument>
</instrumentList></drumkit_info>"""


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A Hydrogen kit: a soft low and a hard high kick, an open hi-hat of two seconds."""
    t = np.arange(RATE * 2) / RATE
    for name, hertz, gain in (("soft", 50, 0.2), ("hard", 400, 1.0), ("open", 5_000, 0.5)):
        sf.write(tmp_path / f"{name}.wav", gain * np.sin(2 * np.pi * hertz * t), RATE)
    (tmp_path / "drumkit.xml").write_text(KIT)
    return tmp_path


def pitch(audio: np.ndarray) -> float:
    """The strongest frequency in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(audio)))) * RATE / len(audio)


def test_velocity_chooses_the_layer(kit: Path) -> None:
    drummer = Drummer([hydrogen_kit(kit)], np.random.default_rng(0))
    found = []
    for velocity in (30, 120):
        notes = [Note(0.0, 0.1, 36, velocity)]
        audio = drummer.play(notes, 1.0, np.random.default_rng(0))
        found.append(pitch(audio[0]))
    assert found[0] == pytest.approx(50, rel=0.15)  # tuned by at most two semitones
    assert found[1] == pytest.approx(400, rel=0.15)


def test_closed_hat_ends_the_open_one(kit: Path) -> None:
    drummer = Drummer([hydrogen_kit(kit)], np.random.default_rng(0))
    rings = drummer.play([Note(0.0, 0.1, 46, 100)], 1.5, np.random.default_rng(0))
    notes = [Note(0.0, 0.1, 46, 100), Note(0.5, 0.6, 44, 1)]
    damped = drummer.play(notes, 1.5, np.random.default_rng(0))
    assert np.abs(rings[:, RATE:]).max() > 0.05
    assert np.abs(damped[:, RATE:]).max() < 0.2 * np.abs(rings[:, RATE:]).max()


def test_no_kit_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no drum kit below"):
        load_kits(tmp_path)


@pytest.mark.parametrize(
    ("name", "piece"),
    [("BassDrum", "kick"), ("Pearl Snare Rimshot", "rimshot"), ("Closed HH", "hat"),
     ("Hi-Hat Semiopen (Paiste)", "half"), ("Hi Hat Opened", "open"), ("Cowbell", "cowbell"),
     ("Ride Bell", "bell"), ("Snare Roll", ""), ("Floor Tom", "tom0")],
)  # fmt: skip
def test_pieces_are_known_by_name(name: str, piece: str) -> None:
    assert piece_of(name) == piece


def test_every_song_has_drums_bass_and_the_length_asked_for() -> None:
    groove = Groove([Note(i * 0.25, i * 0.25 + 0.1, 36 + 2 * (i % 2), 90) for i in range(16)], 120)
    lowest, guitars = 127, 0
    for seed in range(40):
        song = arrange_band(20.0, [groove], np.random.default_rng(seed))
        assert song.drums
        assert len(song.bass) > 4
        lowest = min(lowest, min(n.pitch for n in song.bass))
        assert max(n.pitch for n in song.bass) <= 55
        guitars += bool(song.guitars)
    assert 28 <= lowest < 32
    assert guitars > 35


def test_amplifier_adds_overtones_below_the_cabinets_end() -> None:
    tone = np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
    spectrum = np.abs(np.fft.rfft(guitar_amp(tone, 24.0, np.random.default_rng(0))))
    assert spectrum[660] > 0.05 * spectrum[220]
    assert spectrum[9_000:].max() < 0.01 * spectrum[220]


def test_drum_bus_keeps_length_and_stays_finite() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        hits = rng.normal(0, 0.1, (2, RATE)).astype(np.float32)
        out = drum_bus(hits, rng)
        assert out.shape == hits.shape
        assert np.isfinite(out).all()


def test_band_limit_is_found() -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.normal(0, 0.2, RATE * 4))
    frequency = np.fft.rfftfreq(RATE * 4, 1 / RATE)
    loudness = np.repeat([1.0, 0.01], RATE * 2)
    dull = np.fft.irfft(spectrum * (frequency < 9_000)) * loudness
    assert band_limit(dull[None]) == pytest.approx(9_000, abs=600)
    assert band_limit((np.fft.irfft(spectrum) * loudness)[None]) == 0.0
