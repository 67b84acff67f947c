"""Tempo, chords, melody and words of the demo song "Pull me down" (words and tune made for it).

Times are in beats from the start unless a name says seconds. Pitches are MIDI note numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

RATE = 44100
BEATS_PER_MINUTE = 120.0
BEATS_PER_BAR = 4
BARS = 12
SECONDS = BARS * BEATS_PER_BAR * 60.0 / BEATS_PER_MINUTE
PRE_ROLL = 0.12  # seconds before the first beat: room for the first consonant
SEED = 20260


def seconds(beat: float) -> float:
    """Seconds from the start at which a beat falls."""
    return beat * 60.0 / BEATS_PER_MINUTE


@dataclass(frozen=True)
class Chord:
    """One bar of harmony: the bass root and the voicing that keys, pad and guitar share."""

    name: str
    root: int
    voicing: tuple[int, ...]


A_MINOR = Chord("Am7", 33, (57, 60, 64, 67))
F_MAJOR = Chord("Fmaj7", 29, (53, 57, 60, 64))
C_MAJOR = Chord("C", 36, (55, 60, 64, 67))
G_MAJOR = Chord("G", 31, (55, 59, 62, 67))

CHORDS: tuple[Chord, ...] = (
    *(A_MINOR, F_MAJOR, C_MAJOR, G_MAJOR) * 2,
    *(A_MINOR, F_MAJOR, G_MAJOR, C_MAJOR),
)


@dataclass(frozen=True)
class Syllable:
    """A sung syllable: its phones as the speech engine names them, pitch, start and length."""

    phones: str
    pitch: int
    start: float
    length: float


@dataclass(frozen=True)
class Line:
    """A sung line; syllable times count from `start`.

    `text` is what the speech engine reads: "base" is there because "bass" would be the fish.
    """

    text: str
    start: float
    syllables: tuple[Syllable, ...]


LYRIC: tuple[Line, ...] = (
    Line(
        "Pull me down and I will wait",
        0.0,
        (
            Syllable("p uh l", 64, 0.0, 1.0),
            Syllable("m iy", 64, 1.0, 0.5),
            Syllable("d aw n", 67, 1.5, 1.0),
            Syllable("ae n d", 69, 2.5, 0.5),
            Syllable("ay", 67, 3.0, 1.0),
            Syllable("w ih l", 64, 4.0, 1.0),
            Syllable("w ey t", 69, 5.0, 2.0),
        ),
    ),
    Line(
        "Lift me up it's not too late",
        8.0,
        (
            Syllable("l ih f t", 67, 0.0, 1.0),
            Syllable("m iy", 67, 1.0, 0.5),
            Syllable("ah p", 69, 1.5, 1.0),
            Syllable("ih t s", 67, 2.5, 0.5),
            Syllable("n aa t", 64, 3.0, 1.0),
            Syllable("t uw", 60, 4.0, 1.0),
            Syllable("l ey t", 62, 5.0, 2.0),
        ),
    ),
    Line(
        "All the parts of me are one",
        16.0,
        (
            Syllable("ao l", 64, 0.0, 1.0),
            Syllable("dh ax", 64, 1.0, 0.5),
            Syllable("p aa r t s", 67, 1.5, 1.0),
            Syllable("ah v", 69, 2.5, 0.5),
            Syllable("m iy", 72, 3.0, 1.0),
            Syllable("aa r", 71, 4.0, 1.0),
            Syllable("w ah n", 69, 5.0, 2.25),
        ),
    ),
    Line(
        "Sing until the night is done",
        24.0,
        (
            Syllable("s ih ng", 72, 0.0, 1.0),
            Syllable("ax n", 71, 1.0, 0.5),
            Syllable("t ih l", 69, 1.5, 1.0),
            Syllable("dh ax", 67, 2.5, 0.5),
            Syllable("n ay t", 69, 3.0, 1.0),
            Syllable("ih z", 67, 4.0, 1.0),
            Syllable("d ah n", 71, 5.0, 2.25),
        ),
    ),
    Line(
        "Let the drums and base come through",
        32.0,
        (
            Syllable("l eh t", 72, 0.0, 1.0),
            Syllable("dh ax", 72, 1.0, 0.5),
            Syllable("d r ah m z", 71, 1.5, 1.0),
            Syllable("ae n d", 69, 2.5, 0.5),
            Syllable("b ey s", 67, 3.0, 1.0),
            Syllable("k ah m", 67, 4.0, 1.0),
            Syllable("th r uw", 69, 5.0, 2.25),
        ),
    ),
    Line(
        "I am coming home to you",
        40.0,
        (
            Syllable("ay", 67, 0.0, 0.5),
            Syllable("ae m", 69, 0.5, 0.5),
            Syllable("k ah", 71, 1.0, 0.5),
            Syllable("m ih ng", 67, 1.5, 0.5),
            Syllable("hh ow m", 74, 2.0, 1.5),
            Syllable("t ax", 74, 3.5, 0.5),
            Syllable("y uw", 72, 4.0, 3.0),
        ),
    ),
)

# A second voice below the lead, from the line of this index on: pitch of the lead -> harmony.
HARMONY_FROM_LINE = 2
HARMONY = {64: 60, 67: 64, 69: 65, 71: 67, 72: 69, 74: 71, 60: 55, 62: 59}

# Answers of the lead synth in the gaps after each line: (beat, pitch, length).
ANSWERS: tuple[tuple[float, int, float], ...] = tuple(
    (bar * BEATS_PER_BAR + offset, pitch, length)
    for bar, phrase in (
        (1, ((3.0, 76, 0.5), (3.5, 72, 0.5))),
        (3, ((2.5, 74, 0.5), (3.0, 79, 0.5), (3.5, 74, 0.5))),
        (5, ((3.0, 76, 0.5), (3.5, 77, 0.5))),
        (7, ((2.5, 79, 0.5), (3.0, 74, 0.5), (3.5, 71, 0.5))),
        (9, ((3.0, 77, 0.5), (3.5, 79, 0.5))),
    )
    for offset, pitch, length in phrase
)
