"""Writes songs for a band: guitars, bass, keys and a human drummer in ten styles of rock and pop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tools.train.midi import Note
from tools.train.songs import Arrangement, Groove, Guitar, pick_groove

# Sixteen steps a bar: x struck, m palm-muted, - held, . silent.
DRIVING = ("x-x-x-x-x-x-x-x-", "x-m-m-x-m-m-x-m-", "xmmmxmmmxmmmxmmm", "x-xxx-xxx-xxx-xx",
           "x-mmx-mmx-mmx-mm")  # fmt: skip
OPEN = ("x---x---x---x---", "x---------------", "x-----x---x-----", "x--x--x---x-x---",
        "x-----------x---", "x-..x-..x-..x-..", "x-------x-------")  # fmt: skip
STRUMS = ("x---x-xx--xxx-x-", "x---x-x-x---x-x-", "x-x-x-x-x-x-x-x-", "x---xx-xx-x-x-xx")
SCRATCH = ("x.mx.mx.x.mx.mx.", "m.x.m.xx.mx.m.x.", "..x.m.x...x.mmx.")
BOOM, SKANK, BUBBLE = ("....x-......x-..",), ("....x-......x-..", "..x...x...x...x."), (
    "x.m.x.m.x.m.x.m.",)  # fmt: skip
PROGRESSIONS = ((0, 0, 5, 5), (0, 10, 5, 0), (0, 3, 5, 3), (0, 8, 10, 0), (0, 7, 9, 5), (0, 5, 7, 5),
                (0, 0, 0, 0), (0, 3, 10, 5), (0, 1, 0, 10), (9, 5, 0, 7), (0, 0, 8, 10),
                (0, 5, 0, 7), (2, 7, 0, 9))  # fmt: skip
BLUES = ((0, 0, 0, 0, 5, 5, 0, 0, 7, 5, 0, 7), (0, 5, 0, 0, 5, 5, 0, 0, 7, 7, 0, 0))
MAJOR_DEGREES, PENTATONIC = {0, 5, 7, 10, 3, 8}, (0, 3, 5, 7, 10, 12)
BASS_SHAPES = {
    "eighths": "r-r-r-r-r-r-r-r-", "quarters": "r---r---r---r---", "fifths": "r-------5-------",
    "country": "r---..--5---..--", "octaves": "r-o-r-o-r-o-r-o-", "syncopated": "r--r--o---5-r---",
    "reggae": "r---..5-r-..o---", "walking": "r---3---5---6---", "funk": "r-.r..o.r.r-5.o.",
    "long": "r---------------",
}  # fmt: skip
DEGREE = {"r": 0, "3": 4, "5": 7, "6": 9, "o": 12}


@dataclass(frozen=True)
class Style:
    """What a style of music chooses from; ``gain`` is the guitars' amplifier gain in dB."""

    bpm: tuple[float, float]
    drums: tuple[str, ...]
    guitars: tuple[str, ...]
    basses: tuple[str, ...]
    bass_programs: tuple[int, ...]
    gain: tuple[float, float]
    keys: float = 0.3
    progressions: tuple[tuple[int, ...], ...] = PROGRESSIONS
    swing: float = 0.0


LOCKED = ("kick", "unison", "eighths")
STYLES = {
    "rock": Style((95, 150), ("rock", "pop", "soul"), ("power", "riff", "strum"),
                  (*LOCKED, "quarters", "syncopated"), (33, 33, 34, 34), (12, 28)),
    "hard rock": Style((80, 140), ("rock", "blues"), ("riff", "power"), LOCKED, (33, 34), (14, 28)),
    "punk": Style((150, 200), ("punk", "rock"), ("power",), ("eighths", "kick"), (34, 34, 33),
                  (18, 30), 0.05),
    "metal": Style((100, 200), ("rock", "punk"), ("riff", "power"), ("unison", "kick"), (34, 33),
                   (26, 38), 0.05),
    "rock'n'roll": Style((135, 190), ("rock", "blues", "country", "jazz"), ("boogie", "boom"),
                         ("walking", "country", "eighths"), (32, 32, 33), (0, 12), 0.5, BLUES, 0.5),
    "country": Style((85, 135), ("country", "rock", "pop"), ("boom", "strum", "pick"),
                     ("country", "fifths", "walking"), (32, 33, 33), (-4, 6), 0.3),
    "reggae": Style((65, 92), ("reggae", "funk", "latin"), ("skank",), ("reggae", "syncopated"),
                    (33, 33, 35), (-4, 4), 0.8),
    "ballad": Style((60, 92), ("rock", "soul", "pop"), ("pick", "strum", "power"),
                    ("long", "fifths", "kick"), (33, 33, 35), (-4, 20), 0.6),
    "funk": Style((92, 122), ("funk", "soul", "hiphop"), ("scratch", "riff"),
                  ("funk", "octaves", "syncopated", "kick"), (33, 33, 36, 34), (-4, 8), 0.6),
    "indie": Style((105, 165), ("rock", "pop", "dance"), ("strum", "pick", "power"),
                   ("eighths", "octaves", "kick"), (33, 34), (2, 18), 0.3),
}  # fmt: skip
POPULARITY = {"rock": 5, "hard rock": 3, "punk": 3, "metal": 3, "rock'n'roll": 3, "country": 2,
              "reggae": 2, "ballad": 2, "funk": 2, "indie": 3}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One bar of a song: where it is, its step in seconds, the swing, its chord."""

    start: float
    step: float
    swing: float
    chord: int  # semitones above the key

    def strikes(self, pattern: str) -> Iterator[tuple[float, float, str]]:
        """Start, end and sign of every struck step of a pattern."""
        times = [i + (self.swing if i % 2 == 0 and i % 4 else 0.0) for i in range(17)]
        for i, sign in enumerate(pattern):
            if sign not in ".-":
                stop = i + 1
                while stop < len(pattern) and pattern[stop] == "-":
                    stop += 1
                yield self.start + times[i] * self.step, self.start + times[stop] * self.step, sign


def chord_notes(
    bar: Bar, pattern: str, pitches: list[int], spread: float, rng: np.random.Generator
) -> list[Note]:
    """A chord in a rhythm, its strings struck one after another."""
    out = []
    for start, end, sign in bar.strikes(pattern):
        muted, late = sign == "m", rng.normal(0, 0.004)
        up = rng.random() < 0.3
        loud = int(rng.integers(55, 90) if muted else rng.integers(85, 120))
        end = min(end, start + 0.09) if muted else end - 0.01
        for i, pitch in enumerate(reversed(pitches) if up else pitches):
            begin = max(0.0, start + late + i * spread)
            out.append(Note(begin, max(end, begin + 0.04), pitch, loud, 0, 28 if muted else 27))
    return out


def voicing(kind: str, root: int, chord: int) -> list[int]:
    """Pitches of a power chord, a full chord or a boogie's fifth."""
    if kind in ("power", "boogie"):
        return [root, root + 7, root + 12]
    third = 16 if chord in MAJOR_DEGREES else 15
    full = [root, root + 7, root + 12, root + third, root + 19]
    return full[2:] if kind in ("skank", "scratch") else full


def riff_line(bars: list[Bar], key: int, rng: np.random.Generator) -> list[Note]:
    """A motif of two bars on the pentatonic scale, over and over, with fifths at times."""
    patterns = [str(rng.choice(DRIVING + OPEN[:4])) for _ in range(2)]
    steps = [[int(rng.choice(PENTATONIC)) for _ in range(16)] for _ in range(2)]
    fifths, out = rng.random() < 0.5, []
    for i, bar in enumerate(bars):
        lift = bar.chord if bar.chord in (0, 5, 7) else 0
        for k, (start, end, sign) in enumerate(bar.strikes(patterns[i % 2])):
            pitch = key + lift + (0 if sign == "m" or k == 0 else steps[i % 2][k])
            stop = min(end, start + 0.1) if sign == "m" else end - 0.01
            for p in (pitch, pitch + 7) if fifths else (pitch,):
                out.append(Note(start, stop, p, int(rng.integers(80, 120)), 0, 27))
    return out


def boogie_line(bars: list[Bar], key: int, rng: np.random.Generator) -> list[Note]:
    """Fifth and sixth in turn on the low strings, eighths."""
    out = []
    for bar in bars:
        for k, (start, end, _) in enumerate(bar.strikes("x-x-x-x-x-x-x-x-")):
            root, top = key + bar.chord % 12, 9 if k % 4 in (2, 3) else 7
            for pitch in (root, root + top):
                out.append(Note(start, end - 0.02, pitch, int(rng.integers(80, 115)), 0, 27))
    return out


def picked_line(bars: list[Bar], key: int, rng: np.random.Generator) -> list[Note]:
    """Broken chords in eighths that ring on."""
    order, out = rng.permutation(5), []
    for bar in bars:
        pitches = voicing("strum", key + bar.chord, bar.chord)
        for k, (start, _, _) in enumerate(bar.strikes("x-x-x-x-x-x-x-x-")):
            pitch = pitches[order[k % 5]]
            out.append(Note(start, start + 5 * bar.step, pitch, int(rng.integers(70, 110)), 0, 27))
    return out


def guitar_line(kind: str, bars: list[Bar], key: int, rng: np.random.Generator) -> list[Note]:
    """What one guitar plays in a section."""
    special = {"riff": riff_line, "boogie": boogie_line, "pick": picked_line}
    if kind in special:
        return special[kind](bars, key, rng)
    rhythms = {"power": DRIVING + OPEN, "strum": STRUMS + OPEN[:2], "boom": BOOM, "skank": SKANK,
               "scratch": SCRATCH}[kind]  # fmt: skip
    pattern, spread = (
        str(rng.choice(rhythms)),
        rng.uniform(0.001, 0.004 if kind == "power" else 0.02),
    )
    out = []
    for bar in bars:
        root = 40 + (key + bar.chord - 40) % 12
        out += chord_notes(bar, pattern, voicing(kind, root, bar.chord), spread, rng)
    return out


def lead_line(bars: list[Bar], key: int, rng: np.random.Generator) -> list[Note]:
    """A solo: runs on two octaves of the pentatonic scale with rests."""
    scale = [key + 12 * o + p for o in (1, 2) for p in PENTATONIC[:-1]]
    at, out = int(rng.integers(len(scale))), []
    for bar in bars:
        pattern = str(rng.choice(["x---x-x-x-----..", "x-xx--x-x-..x-x-", "x-------x-x-x---",
                                  "................"]))  # fmt: skip
        for start, end, _ in bar.strikes(pattern):
            at = int(np.clip(at + rng.integers(-2, 3), 0, len(scale) - 1))
            out.append(Note(start, end, scale[at], int(rng.integers(85, 120)), 0, 27))
    return out


def bass_notes(
    shape: str, bars: list[Bar], key: int, kicks: list[float], riff: list[Note],
    program: int, rng: np.random.Generator,
) -> list[Note]:  # fmt: skip
    """A bass line: with the kick, with the riff, or in a shape of its own; E1 to G3."""
    low = 28 + (12 if rng.random() < 0.12 else 0)

    def note(start: float, end: float, pitch: int) -> Note:
        pitch = low + (pitch - low) % 12 if pitch < low else min(pitch, 55)
        return Note(max(0.0, start), end, pitch, int(rng.integers(80, 122)), 1, program)

    if shape == "unison" and riff:
        return [note(n.start, n.end, n.pitch - 12) for n in riff if n.pitch < key + 13]
    out, connected = [], rng.uniform(0.6, 1.0)
    for bar in bars:
        root = low + (key + bar.chord - low) % 12
        if shape in ("kick", "unison"):
            end = bar.start + 16 * bar.step
            hits = [t for t in kicks if bar.start - 0.02 <= t < end - 0.05] or [bar.start]
            out += [note(a, a + (b - a) * connected, root) for a, b in
                    zip(hits, [*hits[1:], end], strict=True)]  # fmt: skip
            continue
        for start, end, sign in bar.strikes(BASS_SHAPES[shape]):
            out.append(note(start, start + (end - start) * connected, root + DEGREE[sign]))
    return out


def key_notes(bars: list[Bar], key: int, style: str, rng: np.random.Generator) -> list[Note]:
    """Organ or piano: held chords, or short ones off the beat."""
    program = int(rng.choice([16, 17, 18, 19, 0, 1, 4, 5, 48, 50, 7, 61]))
    pattern = BUBBLE[0] if style == "reggae" else str(rng.choice(OPEN + STRUMS[1:3]))
    root, out = 60 + int(rng.integers(-5, 6)), []
    for bar in bars:
        tones = (0, 7, 4 if bar.chord in MAJOR_DEGREES else 3)
        pitches = [root + (key + bar.chord + t - root) % 12 for t in tones]
        for start, end, _ in bar.strikes(pattern):
            loud = int(rng.integers(55, 100))
            out += [Note(start, end - 0.01, p, loud, 2, program) for p in pitches]
    return out


def arrange_band(seconds: float, grooves: list[Groove], rng: np.random.Generator) -> Arrangement:
    """A new song: two sections in turn over one drum performance."""
    share = np.array([POPULARITY[s] for s in STYLES], float)
    name = str(rng.choice(list(STYLES), p=share / share.sum()))
    style, bpm = STYLES[name], float(rng.uniform(*STYLES[name].bpm))
    fitting = [g for g in grooves if g.style in style.drums] or grooves
    drums = pick_groove(fitting, bpm, rng).fill(bpm, seconds)
    kicks = [n.start for n in drums if n.pitch in (35, 36)]
    step, key = 15 / bpm, int(rng.integers(40, 52))
    program = int(rng.choice(style.bass_programs))
    gain = float(rng.uniform(*style.gain))
    song = Arrangement(seconds, drums, [], [])
    rhythm, lead = Guitar([], gain, takes=2 if rng.random() < 0.7 else 1), Guitar([], gain + 4)
    bars = [Bar(i * 16 * step, step, style.swing, 0)
            for i in range(int(seconds / (16 * step)) + 1)]  # fmt: skip
    length = 12 if style.progressions is BLUES else int(rng.choice([4, 8]))
    plans: list[dict] = []
    for _ in range(2):
        progression = style.progressions[rng.integers(len(style.progressions))]
        plans.append({"chords": progression, "guitar": str(rng.choice(style.guitars)),
                      "bass": str(rng.choice(style.basses)), "keys": rng.random() < style.keys,
                      "rest": rng.random() < 0.1, "lead": rng.random() < 0.25})  # fmt: skip
    for number, at in enumerate(range(0, len(bars), length)):
        plan = plans[number % 2]
        chords = plan["chords"]
        section = [Bar(b.start, b.step, b.swing, chords[i % len(chords)])
                   for i, b in enumerate(bars[at : at + length])]  # fmt: skip
        line = guitar_line(plan["guitar"], section, key, rng)
        riff = line if plan["guitar"] == "riff" else []
        rhythm.notes += [] if plan["rest"] else line
        song.bass += bass_notes(plan["bass"], section, key, kicks, riff, program, rng)
        lead.notes += lead_line(section, key, rng) if plan["lead"] else []
        song.other += key_notes(section, key, name, rng) if plan["keys"] else []
    song.guitars = [g for g in (rhythm, lead) if g.notes]
    return song
