"""Separate whole recordings faster than real time: `separate` an array, `split_file` a file.

Both use the transform and the model of the live engine. The stems are aligned with the recording,
have its length, rate and channel count, and sum to it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ConfigError
from .io.decode import MAX_CHANNELS, RATES, Audio, AudioFile
from .io.writer import FORMATS, AudioFileSet, Format
from .model_spec import ModelSpec, read_model_spec
from .provider_choice import choose_name
from .resources import find_model, listing
from .rt.separator import Separator
from .stem_files import StemFiles, choose
from .stems import StemStream

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in total)."""


@dataclass(frozen=True)
class SplitReport:
    """What `split_file` did."""

    source: Path
    files: Mapping[str, Path]
    """Stem name -> file that was written."""
    model: str
    provider: str
    rate: int
    channels: int
    frames: int
    elapsed: float
    """Seconds that it took, opening the model included."""
    nonfinite: int
    """Samples of the source that were NaN or infinite and became 0."""
    clipped: int
    """Stem samples above full scale that a 24-bit format had to limit."""
    warnings: tuple[str, ...]
    """What was wrong with the source without stopping the work, a line each."""

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.frames / self.rate

    @property
    def speed(self) -> float:
        """How many times faster than real time."""
        return self.seconds / self.elapsed

    @property
    def notes(self) -> tuple[str, ...]:
        """What a careful user wants to know of the result, a line each."""
        notes = list(self.warnings)
        if self.nonfinite:
            notes.append(f"{self.nonfinite} samples were NaN or infinite and became 0")
        if self.clipped:
            notes.append(f"{self.clipped} stem samples were above full scale; wav keeps them whole")
        return tuple(notes)


def separate(
    array: npt.ArrayLike,
    rate: int,
    model: str | Path = "live",
    provider: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Audio]:
    """Stems of `array` [frames] or [frames, channels], floats of full scale 1 at `rate` Hz.

    Returns stem name -> float32 array of the same shape, aligned with the input; their float32 sum
    is the input as float32 (see exact_sum.complete). Samples that are not finite count as 0, with
    a RuntimeWarning. Raises ConfigError for an array or rate that cannot be used, ModelError,
    EngineError where the model fails.
    """
    samples = np.asarray(array)
    _check_array(samples, rate)
    frames = samples if samples.ndim == 2 else samples[:, np.newaxis]
    spec = read_model_spec(find_model(model))
    stems = {name: np.empty(frames.shape, np.float32) for name in spec.stems}
    with closing(_open_stream(spec, int(rate), frames.shape[1], provider)) as stream:
        done = 0
        for dry, block in stream.run(_slices(frames, stream.block_frames)):
            for name, stem in zip(spec.stems, block, strict=True):
                stems[name][done : done + len(dry)] = stem
            done += len(dry)
            if progress:
                progress(done, len(frames))
        if stream.nonfinite:
            warnings.warn(
                f"{stream.nonfinite} samples are not finite and count as 0",
                RuntimeWarning,
                stacklevel=2,
            )
    return {name: stem.reshape(samples.shape) for name, stem in stems.items()}


def split_file(
    path: str | Path,
    out_dir: str | Path,
    model: str | Path = "live",
    provider: str = "auto",
    format: str = "wav",
    stems: Sequence[str] | None = None,
    name: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SplitReport:
    """Write the stems of the audio file `path` to `out_dir`/`name`/<stem>.<wav or flac>.

    format: "wav" (32-bit float), "wav24" or "flac" (24-bit integers).
    stems: which to write, of the model's and "accompaniment" (all but the vocals); None: the
        model's. name: of the folder, by default the file's without its suffix (see folder_names).
    The files appear when all are complete; after an error or Ctrl-C there are none. All stems of
    the model together sum to the file: as integers exactly, as floats see exact_sum.complete.
    Raises ConfigError, ModelError, AudioFileError (DiskFullError when the disk is full),
    EngineError.
    """
    start = time.perf_counter()
    kind = find_format(format)
    spec = read_model_spec(find_model(model))
    chosen = choose(stems, spec.stems)
    folder = Path(out_dir) / (name or folder_name(Path(path)))
    files = {stem: folder / (stem + kind.suffix) for stem in chosen}
    notes: list[str] = []
    done = 0
    with (
        AudioFile(path, notes.append) as source,
        AudioFileSet(
            files, kind, source.rate, source.channels, source.frames or 0, overwrite
        ) as output,
        closing(_open_stream(spec, source.rate, source.channels, provider)) as stream,
    ):
        writer = StemFiles(output, kind, spec.stems, chosen, stream.residual)
        for dry, block in stream.run(source.blocks(stream.block_frames)):
            writer.write(dry, block)
            done += len(dry)
            if progress:
                progress(done, max(done, source.frames or 0))
    return SplitReport(
        source=Path(path),
        files=files,
        model=spec.name,
        provider=stream.provider,
        rate=source.rate,
        channels=source.channels,
        frames=done,
        elapsed=time.perf_counter() - start,
        nonfinite=stream.nonfinite,
        clipped=writer.clipped,
        warnings=tuple(note.removeprefix(f"{source.path}: ") for note in notes),
    )


def folder_names(paths: Iterable[str | Path]) -> list[str]:
    """A folder name for each of `paths`, all different: `song`, then `song-2`, `song-3`...

    Upper and lower case count as the same, as on many file systems.
    """
    return different(folder_name(Path(path)) for path in paths)


def folder_name(path: Path) -> str:
    """The folder name of a file as if there were no other."""
    return path.stem.rstrip(". ") or "audio"  # Windows drops dots and spaces at the end


def different(wanted: Iterable[str]) -> list[str]:
    """The `wanted` names, with numbers where one came before."""
    names: list[str] = []
    used: set[str] = set()
    for base in wanted:
        name, number = base, 1
        while name.casefold() in used:
            number += 1
            name = f"{base}-{number}"
        used.add(name.casefold())
        names.append(name)
    return names


def _open_stream(spec: ModelSpec, rate: int, channels: int, provider: str) -> StemStream:
    name = choose_name(spec, provider)
    return StemStream(spec, rate, channels, lambda: Separator(spec, name))


def _slices(frames: npt.NDArray[Any], size: int) -> Iterator[Audio]:
    for start in range(0, len(frames), size):
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, then 0
            yield frames[start : start + size].astype(np.float32)


def _check_array(samples: npt.NDArray[Any], rate: float) -> None:
    if samples.dtype.kind != "f":
        raise ConfigError(
            f"the array holds {samples.dtype}; give floats of full scale 1, "
            "for 16-bit samples: array.astype('float32') / 32768"
        )
    if samples.ndim not in (1, 2) or not samples.size:
        raise ConfigError(
            f"the array has shape {list(samples.shape)}; give [frames] or [frames, channels] "
            "with at least one sample"
        )
    if samples.ndim == 2 and samples.shape[1] > MAX_CHANNELS:
        raise ConfigError(
            f"the array has {samples.shape[1]} channels, more than {MAX_CHANNELS}; "
            "give [frames, channels], perhaps array.T"
        )
    if rate != int(rate) or not RATES[0] <= rate <= RATES[1]:
        raise ConfigError(
            f"the sample rate {rate} cannot be used; give a whole number of Hz "
            f"from {RATES[0]} to {RATES[1]}"
        )


def find_format(name: str) -> Format:
    """The file format of that name; raises ConfigError with the names there are."""
    if name not in FORMATS:
        raise ConfigError(f"format '{name}' is not known; choose one of {listing(FORMATS)}")
    return FORMATS[name]
