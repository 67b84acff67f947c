"""Variants of a model with smaller weights: do int8 or fp16 help on this processor, at what cost?

    python tools/bench/smaller.py SONGS [--model live] [--rounds 3] [--json]

SONGS: a folder with one folder of true stems a song, as tools.evaluate takes. int8 is the dynamic
quantisation of all matrices by ONNX Runtime, fp16 holds weights and sums in half precision, input and
output stay as they were. A hop is timed in turns, at the pace of a stream, one thread of raised
priority; the best round counts.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from functools import partial
from pathlib import Path

import common
import onnx

from rtstem import separate
from rtstem.errors import RtstemError
from rtstem.resources import find_model
from tools.evaluation.scores import COLUMNS, score_songs, song_folders, summarise

HOPS = 1000


def int8(source: Path, target: Path) -> None:
    """Dynamic quantisation: int8 weights, activations quantised as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, weight_type=QuantType.QInt8)


def fp16(source: Path, target: Path) -> None:
    """Half precision within, float32 at the borders."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


MAKERS = {"int8": int8, "fp16": fp16}


def medians(path: Path, songs: Path) -> dict[str, float]:
    """SDR in dB of every stem over all songs."""
    print(path.stem, file=sys.stderr)
    summary = summarise(score_songs(songs, partial(separate, model=path)))["all"]
    return {f"{stem} dB": summary[stem]["sdr"] for stem in COLUMNS if stem in summary}


def compared(model: Path, songs: Path, rounds: int) -> list[dict[str, object]]:
    """A row for each variant."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {"fp32": model} | {name: Path(folder) / f"{name}.onnx" for name in MAKERS}
        for name, make in MAKERS.items():
            make(model, paths[name])
        quality = {name: medians(path, songs) for name, path in paths.items()}
        costs = [
            {name: common.hop_cost(path, HOPS) for name, path in paths.items()}
            for _ in range(rounds)
        ]
        return [
            {"weights": name, "MB": round(path.stat().st_size / 1e6, 1)}
            | {f"{p} ms": min(cost[name][p] for cost in costs) for p in costs[0][name]}
            | quality[name]
            for name, path in paths.items()
        ]


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("folder", type=common.songs_folder, metavar="SONGS")
    parser.add_argument("--model", default="live")
    parser.add_argument("--rounds", type=int, default=3, help="timings of each file (default: 3)")
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)  # quantisation has advice for networks of images
    try:
        rows = compared(find_model(options.model), options.folder, options.rounds)
    except RtstemError as error:
        parser.error(str(error))
    songs = len(song_folders(options.folder))
    return common.report(rows, [], options.json, hops=HOPS, songs=songs)


if __name__ == "__main__":
    sys.exit(main())
