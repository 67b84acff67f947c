"""MIDI files as plain note lists in seconds, and note lists as MIDI files (one tick = 1 ms)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np

DRUM_CHANNEL = 9
MILLISECOND_TICKS = {"ticks_per_beat": 500}  # with the default tempo of 500 000 us a beat


@dataclass(frozen=True, slots=True)
class Note:
    """One note; times in seconds, ``program`` as it was when the note began."""

    start: float
    end: float
    pitch: int
    velocity: int
    channel: int = 0
    program: int = 0
    track: str = ""


def tempo_map(song: mido.MidiFile) -> tuple[np.ndarray, np.ndarray]:
    """Break points (ticks, seconds) between which time runs linearly."""
    changes = {0: 500_000}
    for track in song.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                changes[tick] = message.tempo
    ticks = sorted(changes)
    seconds = [0.0]
    for a, b in pairwise(ticks):
        seconds.append(seconds[-1] + (b - a) * changes[a] / 1e6 / song.ticks_per_beat)
    far = ticks[-1] + 10_000_000
    seconds.append(seconds[-1] + 10_000_000 * changes[ticks[-1]] / 1e6 / song.ticks_per_beat)
    return np.array([*ticks, far], float), np.array(seconds)


def read_notes(path: Path) -> list[Note]:
    """Every note of a file, in order of start."""
    song = mido.MidiFile(path, clip=True)
    ticks, seconds = tempo_map(song)
    notes: list[Note] = []
    programs = [0] * 16
    for track in song.tracks:
        tick, sounding = 0, {}
        for message in track:
            tick += message.time
            if message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type in ("note_on", "note_off"):
                now = float(np.interp(tick, ticks, seconds))
                key = (message.channel, message.note)
                if key in sounding:
                    notes.append(replace(sounding.pop(key), end=now))
                if message.type == "note_on" and message.velocity > 0:
                    sounding[key] = Note(
                        now, now, message.note, message.velocity, message.channel,
                        programs[message.channel], track.name,
                    )  # fmt: skip
    return sorted(notes, key=lambda note: note.start)


def excerpt(notes: list[Note], start: float, seconds: float) -> list[Note]:
    """Notes that begin within a window, moved to time zero and cut at its end."""
    return [
        replace(n, start=n.start - start, end=min(n.end - start, seconds))
        for n in notes
        if start <= n.start < start + seconds
    ]


def write_midi(
    path: Path,
    notes: list[Note],
    seconds: float,
    pan: dict[int, int] | None = None,
    volume: dict[int, int] | None = None,
) -> None:
    """Write notes as a one-track file of exactly this length; programs change where notes do."""
    events: list[tuple[float, int, mido.Message]] = []
    for control, values in ((10, pan or {}), (7, volume or {})):
        for channel, value in values.items():
            setting = {"channel": channel, "control": control, "value": value}
            events.append((0.0, 0, mido.Message("control_change", **setting)))
    current: dict[int, int] = {}
    for n in notes:
        if n.start > seconds - 0.05:
            continue  # its end would come before its beginning, and sound for ever
        if current.get(n.channel) != n.program:
            current[n.channel] = n.program
            change = mido.Message("program_change", channel=n.channel, program=n.program)
            events.append((n.start, 1, change))
        on = {"channel": n.channel, "note": n.pitch, "velocity": n.velocity}
        events.append((n.start, 2, mido.Message("note_on", **on)))
        off_time = min(max(n.end, n.start + 0.03), seconds)
        events.append((off_time, 0, mido.Message("note_off", channel=n.channel, note=n.pitch)))
    events.sort(key=lambda event: event[:2])
    track, last = mido.MidiTrack(), 0
    for time, _, message in events:
        tick = round(time * 1000)
        track.append(message.copy(time=tick - last))
        last = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, round(seconds * 1000) - last)))
    mido.MidiFile(type=0, tracks=[track], **MILLISECOND_TICKS).save(path)
