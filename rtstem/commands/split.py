"""`rtstem split`: recordings into stems, faster than real time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..offline import SplitReport
    from .output import Bar

FORMATS = ("wav", "wav24", "flac")


@click.command(
    name="split",
    epilog="""\b
Examples:
  rtstem split song.mp3 -o stems                       stems/song/vocals.wav, drums.wav, ...
  rtstem split *.flac -o stems --format flac           24-bit flac
  rtstem split live.wav -o stems --stems vocals,accompaniment
The stems have the length, rate and channels of the file and sum to it. Formats: wav is 32-bit
float, wav24 and flac have 24 bits. A file that cannot be read is reported, the others are done.
""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--out", "out_dir", required=True, metavar="DIR", help="Where to write.")
@click.option("--model", default="live", show_default=True, metavar="M", help="Model name or path.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="wav", show_default=True)
@click.option("--stems", metavar="A,B", help="Only these; accompaniment is all but the vocals.")
@click.option(
    "--provider", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
def command(
    files: tuple[str, ...],
    out_dir: str,
    model: str,
    format_: str,
    stems: str | None,
    provider: str,
    overwrite: bool,
) -> int:
    """Split audio files into stems that sum to them."""
    from ..errors import AudioFileError, EngineError
    from ..io.writer import DiskFullError
    from ..offline import folder_names, split_file
    from .output import progress_bar

    chosen = [name.strip() for name in stems.split(",")] if stems is not None else None
    failures: list[int] = []
    with progress_bar("opening the model") as bar:
        for number, (file, name) in enumerate(zip(files, folder_names(files), strict=True), 1):
            told = _Told(bar, file, f"{number}/{len(files)} " if len(files) > 1 else "")
            try:
                report = split_file(
                    file, out_dir, model, provider, format_, chosen, name, overwrite, told
                )
            except (AudioFileError, EngineError) as error:
                if len(files) == 1 or isinstance(error, DiskFullError):
                    raise
                bar.print(f"error: {error}", error=True)
                failures.append(error.exit_code)
            else:
                bar.print(_line(report))
                for note in report.notes:
                    bar.print(f"note: {report.source}: {note}", error=True)
    if failures:
        click.echo(f"error: {len(failures)} of {len(files)} files could not be split", err=True)
    return max(failures, default=0)


class _Told:
    """Shows the progress of one file: part done, and how many times faster than real time."""

    def __init__(self, bar: Bar, file: str, prefix: str) -> None:
        import time

        self._bar, self._label, self._clock = bar, prefix + Path(file).name, time.perf_counter
        self._start = self._clock()
        self._rate = _rate(file)

    def __call__(self, done: int, total: int) -> None:
        speed = done / self._rate / max(1e-6, self._clock() - self._start) if self._rate else 0.0
        self._bar.update(self._label, done, total, f"{speed:.1f} x real time" if speed else "")


def _rate(file: str) -> int:
    """Sample rate of the file in Hz; 0 where it cannot be read, which split_file will explain."""
    import soundfile

    try:
        return int(soundfile.info(file).samplerate)
    except (soundfile.SoundFileError, OSError):
        return 0


def _line(report: SplitReport) -> str:
    """What was written, and how fast."""
    folder = next(iter(report.files.values())).parent
    where = report.provider.removesuffix("ExecutionProvider")
    return (
        f"{report.source} -> {folder}: {', '.join(report.files)}  "
        f"({report.seconds:.1f} s at {report.speed:.1f} x real time on {where})"
    )
