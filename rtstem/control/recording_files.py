"""Audio files that grow while they can be played: what a killed process leaves is a valid file.

The header is brought up to date after each piece of audio. That of a WAV file becomes an RF64 header
where the sizes outgrow 32 bits (EBU Tech 3306); that of a FLAC file counts what is certainly encoded
(RFC 9639, section 8.2).
Nothing is held back in this process: what has been written survives it (not a power cut).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

CHANNELS = 2
FRAME_BYTES = 4 * CHANNELS
_FLOAT_FORMAT = 3  # WAVE_FORMAT_IEEE_FLOAT
_SIZES_BYTES = 28  # the ds64 chunk of RF64, reserved as JUNK before
WAV_HEADER_BYTES = 92
_UNKNOWN = 0xFFFF_FFFF
_PCM24 = 2**23
_FLAC_TOTAL = 21  # offset of the byte in which the number of samples begins
_FLAC_BITS = (24 - 1 & 0xF) << 4  # its upper half belongs to the sample size
_FLAC_HELD = 2 * 4096  # frames that the encoder may not have given out yet


class RecordedFile(Protocol):
    """What a recorder needs of a file; OSError means that the system took no more."""

    def append(self, block: F32) -> None:
        """Add [n, 2] samples."""

    def keep(self, frames: int) -> None:
        """After an OSError somewhere: end with `frames` frames, or what the format allows."""

    def close(self) -> None:
        """Complete the file."""


class GrowingFile:
    """A new file that takes each piece whole, or stays as it was and raises OSError."""

    def __init__(self, path: Path) -> None:
        """Raises FileExistsError, or another OSError."""
        self._file = path.open("xb", buffering=0)
        self.size = 0

    def append(self, data: bytes) -> None:
        """Add `data` at the end."""
        view, written = memoryview(data), 0
        try:
            while written < len(view):
                written += self._file.write(view[written:])
        except OSError:
            self.cut(self.size)
            raise
        self.size += written

    def rewrite(self, offset: int, data: bytes) -> None:
        """Replace bytes that are there."""
        self._file.seek(offset)
        self._file.write(data)
        self._file.seek(self.size)

    def cut(self, size: int) -> None:
        """Forget what lies behind `size` bytes."""
        self._file.truncate(size)
        self._file.seek(size)
        self.size = size

    def close(self) -> None:
        """Hand it to the disk and close it."""
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()


def wav_header(rate: int, frames: int) -> bytes:
    """Header of a stereo 32-bit float WAV file, RF64 from 4 GiB on; 92 bytes in either case."""
    data = frames * FRAME_BYTES
    riff = data + WAV_HEADER_BYTES - 8
    if riff <= _UNKNOWN:
        start = struct.pack("<4sI4s4sI28x", b"RIFF", riff, b"WAVE", b"JUNK", _SIZES_BYTES)
    else:
        start = struct.pack(
            "<4sI4s4sIQQQI",
            b"RF64",
            _UNKNOWN,
            b"WAVE",
            b"ds64",
            _SIZES_BYTES,
            riff,
            data,
            frames,
            0,
        )
        data = frames = _UNKNOWN
    form = struct.pack(
        "<4sIHHIIHH",
        *(b"fmt ", 16, _FLOAT_FORMAT, CHANNELS, rate, rate * FRAME_BYTES, FRAME_BYTES, 32),
    )
    rest = struct.pack("<4sII4sI", b"fact", 4, min(frames, _UNKNOWN), b"data", data)
    return start + form + rest


class WavFile:
    """Stereo 32-bit float WAV: the samples bit for bit, the header never behind by a piece."""

    def __init__(self, path: Path, rate: int) -> None:
        self._file, self._rate, self._frames = GrowingFile(path), rate, 0
        self._file.append(wav_header(rate, 0))

    def append(self, block: F32) -> None:
        """Add [n, 2] samples."""
        self._file.append(np.ascontiguousarray(block, "<f4").tobytes())
        self._frames += len(block)
        self._file.rewrite(0, wav_header(self._rate, self._frames))

    def keep(self, frames: int) -> None:
        """Cut to `frames` frames."""
        self._file.cut(WAV_HEADER_BYTES + frames * FRAME_BYTES)
        self._file.rewrite(0, wav_header(self._rate, frames))
        self._file.close()

    def close(self) -> None:
        """Hand it to the disk."""
        self._file.close()


class FlacFile:
    """Stereo 24-bit FLAC; samples beyond full scale are limited. A killed process loses 0.2 s."""

    def __init__(self, path: Path, rate: int) -> None:
        import soundfile

        self._file, self._sink, self._frames = GrowingFile(path), _Sink(), 0
        self._encoder = soundfile.SoundFile(
            self._sink, "w", samplerate=rate, channels=CHANNELS, format="FLAC", subtype="PCM_24"
        )
        self._pass_on()

    def append(self, block: F32) -> None:
        """Add [n, 2] samples."""
        steps = np.clip(np.rint(block * np.float32(_PCM24)), -_PCM24, _PCM24 - 1).astype(np.int32)
        self._encoder.write(steps << 8)  # libsndfile takes them in the upper bits
        self._frames += len(block)
        self._pass_on()
        total = max(0, self._frames - _FLAC_HELD)
        field = struct.pack(">BI", _FLAC_BITS | total >> 32, total & _UNKNOWN)
        self._file.rewrite(_FLAC_TOTAL, field)

    def keep(self, frames: int) -> None:
        """What has been encoded stays."""
        self._file.close()

    def close(self) -> None:
        """Encode the rest, write the length into the header."""
        self._encoder.close()
        self._pass_on()
        self._file.close()

    def _pass_on(self) -> None:
        for offset, data in self._sink.take():
            if offset == self._file.size:
                self._file.append(data)
            else:
                self._file.rewrite(offset, data)


class _Sink:
    """Takes the encoder's output, whose errors would be lost inside it: they are for our own writes."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, bytes]] = []
        self._place = self._end = 0

    def take(self) -> list[tuple[int, bytes]]:
        """(offset, bytes) written since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def write(self, data: bytes) -> int:
        self._pieces.append((self._place, data))
        self._place += len(data)
        self._end = max(self._end, self._place)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        return self._place


FILE_KINDS: dict[str, type[WavFile] | type[FlacFile]] = {"wav": WavFile, "flac": FlacFile}
