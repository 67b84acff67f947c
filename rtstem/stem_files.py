"""Which stems go to which files, and in which sample format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .errors import ConfigError
from .exact_sum import PCM24_MAX, PCM24_MIN, to_pcm24
from .io.decode import Audio
from .io.writer import AudioFileSet, Format, Samples
from .resources import did_you_mean, listing

ACCOMPANIMENT = "accompaniment"
"""An output beside the stems: the sum of all but the vocals."""

_VOCALS = "vocals"

PRESETS = {"acapella": (_VOCALS,), "instrumental": (ACCOMPANIMENT,)}
"""What DJs and singers call some of the outputs."""


def choose(wanted: Sequence[str] | None, stems: Sequence[str]) -> tuple[str, ...]:
    """The outputs to write, each once, in the order wanted; all `stems` of the model for None.

    Raises ConfigError for a name that is neither a stem nor `accompaniment`, and for none at all.
    """
    known = (*stems, ACCOMPANIMENT) if _VOCALS in stems else tuple(stems)
    chosen = tuple(dict.fromkeys(stems if wanted is None else wanted))
    for name in chosen:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ConfigError(f"stem '{name}' is not known{hint}; choose of {listing(known)}")
    if not chosen:
        raise ConfigError(f"no stem is chosen; choose of {listing(known)}")
    return chosen


class StemFiles:
    """Encodes stem blocks and appends them to the files of an AudioFileSet keyed by `chosen`."""

    def __init__(
        self,
        output: AudioFileSet,
        kind: Format,
        stems: Sequence[str],
        chosen: Sequence[str],
        residual: int,
    ) -> None:
        """stems: names of the rows that `write` gets; residual: see exact_sum.to_pcm24."""
        self.clipped = 0
        """Samples above full scale that the format had to limit."""
        self._output = output
        self._kind = kind
        self._residual = residual
        self._chosen = chosen
        self._rows = {name: index for index, name in enumerate(stems)}
        self._not_vocals = [index for name, index in self._rows.items() if name != _VOCALS]

    def write(self, dry: Audio, stems: Audio) -> None:
        """Append dry [n, c] taken apart into stems [S, n, c]; raises DiskFullError."""
        if not self._kind.integer:
            self._write(stems)
            return
        samples, limited = to_pcm24(dry, stems, self._residual)
        self.clipped += limited
        self._write(samples)

    def _write(self, samples: Samples) -> None:
        for name in self._chosen:
            block = self._rest(samples) if name == ACCOMPANIMENT else samples[self._rows[name]]
            self._output.write(name, block)

    def _rest(self, samples: Samples) -> Samples:
        total: Samples = samples[self._not_vocals].sum(axis=0, dtype=samples.dtype)
        if not self._kind.integer:
            return total
        limited: Samples = np.clip(total, PCM24_MIN, PCM24_MAX)
        self.clipped += int(np.count_nonzero(limited != total))
        return limited
