"""The demo's picture: input, mix with the faders over it, and every stem, as spectrograms."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .demo import Recording
    from .demo_script import ScriptPlayer

F32 = npt.NDArray[np.float32]
BACKGROUND, PANEL, TEXT, FAINT = "#11141a", "#090b0f", "#e8eaf0", "#8a92a3"
NEUTRAL = "#c9d2e3"
COLOURS = ("#ff6b8b", "#ffb13d", "#4fd18b", "#5aa9ff", "#c58bff", "#4fd6d6")
LOWEST_HERTZ, HIGHEST_HERTZ, BANDS = 50.0, 16000.0, 200
RANGE_DB = 54.0
MARGINS = {"left": 0.075, "right": 0.915, "top": 0.9, "bottom": 0.065}
_WINDOW, _COLUMNS = 4096, 1600


def draw(recording: Recording, player: ScriptPlayer, rate: int, subtitle: str) -> bytes:
    """The PNG: lanes from top to bottom are the input, the mix and the stems."""
    from matplotlib.figure import Figure

    stems = list(recording.stems)
    lanes = [("input", recording.heard, NEUTRAL), ("mix", recording.mix, NEUTRAL)]
    lanes += [(name, recording.stems[name], _colour(n)) for n, name in enumerate(stems)]
    figure = Figure(figsize=(15.0, 1.2 + 1.75 * len(lanes)), facecolor=BACKGROUND)
    heights = [1.0, 1.45, *[1.0] * len(stems)]
    rows = figure.subplots(
        len(lanes),
        gridspec_kw={"height_ratios": heights, "hspace": 0.1, **MARGINS},
    )
    spectra = [spectrogram(audio, rate) for _, audio, _ in lanes]
    top_db = max(float(spectrum.max()) for spectrum in spectra)
    seconds = len(recording.heard) / rate
    for axes, (name, audio, colour), spectrum in zip(rows, lanes, spectra, strict=True):
        _lane(axes, name, colour, spectrum, top_db, seconds)
        _waveform(axes, audio, colour, seconds)
        _sections(axes, player, seconds)
        axes.tick_params(labelbottom=axes is rows[-1])
    _titles(rows[0], player, seconds)
    _faders(rows[1], player, stems, seconds)
    rows[-1].set_xlabel("seconds", color=FAINT)
    left, right = MARGINS["left"], MARGINS["right"]
    figure.text(left, 0.955, "rtstem demo", color=TEXT, fontsize=17, fontweight="bold")
    figure.text(right, 0.957, subtitle, color=FAINT, fontsize=10, ha="right")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, facecolor=BACKGROUND)
    return picture.getvalue()


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def spectrogram(audio: F32, rate: int) -> npt.NDArray[np.float64]:
    """Levels in dB, [BANDS, columns], bands evenly spaced on a logarithmic frequency scale."""
    mono = np.pad(audio.mean(axis=1), (_WINDOW // 2, _WINDOW // 2))
    columns = max(1, min(_COLUMNS, len(audio) // 64))
    starts = np.linspace(0, len(mono) - _WINDOW, columns).astype(int)
    window = np.hanning(_WINDOW).astype(np.float32)
    edges = np.geomspace(LOWEST_HERTZ, min(HIGHEST_HERTZ, 0.499 * rate), BANDS + 1)
    edges *= _WINDOW / rate
    levels = np.empty((BANDS, columns))
    for column, start in enumerate(starts):
        power = np.abs(np.fft.rfft(mono[start : start + _WINDOW] * window)) ** 2
        # The integral of the power between two edges, so that narrow bands do not fall between bins.
        total = np.concatenate(([0.0], np.cumsum(power)))
        cumulative = np.interp(edges + 0.5, np.arange(len(total)), total)
        levels[:, column] = np.diff(cumulative) / np.diff(edges)
    return np.asarray(10.0 * np.log10(levels + 1e-12))


def _lane(
    axes: Any,
    name: str,
    colour: str,
    spectrum: npt.NDArray[np.float64],
    top_db: float,
    seconds: float,
) -> None:
    """One spectrogram in the shades of its colour, frequency from bottom to top."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list(name, (PANEL, colour + "59", colour, "#ffffff"))
    axes.imshow(
        spectrum,
        aspect="auto",
        origin="lower",
        extent=(0.0, seconds, 0.0, 1.0),
        cmap=shades,
        vmin=top_db - RANGE_DB,
        vmax=top_db,
        interpolation="bilinear",
    )
    axes.set_facecolor(PANEL)
    axes.set_xlim(0.0, seconds)
    axes.set_ylim(-0.36, 1.0)
    octaves = np.log(np.array((100.0, 1000.0, 10000.0)) / LOWEST_HERTZ)
    axes.set_yticks(octaves / np.log(HIGHEST_HERTZ / LOWEST_HERTZ), ("100", "1k", "10k"))
    axes.tick_params(colors=FAINT, labelsize=8, length=2)
    axes.set_ylabel(name, color=colour, fontsize=13, fontweight="bold", labelpad=8)
    for side in axes.spines.values():
        side.set_visible(False)


def _waveform(axes: Any, audio: F32, colour: str, seconds: float) -> None:
    """The envelope as a strip under the spectrogram."""
    columns = min(_COLUMNS, len(audio))
    bounds = np.linspace(0, len(audio), columns, endpoint=False).astype(int)
    peaks = np.maximum.reduceat(np.abs(audio).max(axis=1), bounds)
    times = np.linspace(0.0, seconds, columns)
    axes.fill_between(
        times, -0.18 - 0.17 * peaks, -0.18 + 0.17 * peaks, color=colour, alpha=0.8, linewidth=0
    )


def _sections(axes: Any, player: ScriptPlayer, seconds: float) -> None:
    """A line where a section begins."""
    for part in player.played:
        if part.before > 0.02 * seconds:
            axes.axvline(part.before, color=TEXT, linewidth=0.8, alpha=0.45, linestyle=(0, (4, 4)))


def _titles(axes: Any, player: ScriptPlayer, seconds: float) -> None:
    """The names of the sections over the first lane."""
    for part in player.played:
        middle = 0.5 * (part.before + min(part.until, seconds))
        name = part.section.name
        axes.text(middle, 1.06, name, color=TEXT, fontsize=10, ha="center", va="bottom")


def _faders(axes: Any, player: ScriptPlayer, stems: list[str], seconds: float) -> None:
    """The way of every fader as a line, a little apart so that none hides another."""
    for n, stem in enumerate(stems):
        times = [time for time, _ in player.states] + [seconds]
        values = [state.faders[stem] for _, state in player.states]
        heights = 0.05 + 0.84 * np.array([*values, values[-1]]) + 0.028 * n
        for width, colour in ((4.2, PANEL), (2.2, _colour(n))):
            axes.step(
                times, heights, where="post", color=colour, linewidth=width,
                label=stem if width < 3 else None,
            )  # fmt: skip
    axes.legend(
        loc="center left", bbox_to_anchor=(1.002, 0.6), frameon=False, labelcolor=TEXT, fontsize=8,
        handlelength=1.0, title="faders", title_fontproperties={"size": 8},
    )  # fmt: skip
    axes.get_legend().get_title().set_color(FAINT)
