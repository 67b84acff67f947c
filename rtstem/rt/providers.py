"""What can run a model: the execution providers of ONNX Runtime that rtstem knows, as a table."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from . import cuda
from .memory import DeviceMemory, HostMemory, Memory
from .ort_api import OrtApi


@dataclass(frozen=True)
class Provider:
    """One way to run a model."""

    name: str
    """As ONNX Runtime calls it."""
    memory: Callable[[], Memory] = HostMemory
    lack: Callable[[], str] = str
    """What this machine lacks for it, with the cure; empty where nothing."""
    append: Callable[[OrtApi, ctypes.c_void_p, bool], None] | None = None
    """Adds it to a session's options; the last argument: with a graph."""
    cure: str = ""
    """What to do where it does not start though nothing seems to be lacking."""
    graphs: bool = False
    """Whether it can record a hop's kernels and launch them as one."""


CPU = "cpu"
PROVIDERS = {
    CPU: Provider("CPUExecutionProvider"),
    "cuda": Provider(
        cuda.NAME,
        memory=lambda: DeviceMemory(cuda.CudaCalls()),
        lack=cuda.lack,
        append=cuda.append,
        cure=f"{cuda.INSTALL}, or use cpu",
        graphs=True,
    ),
}
"""By the names of the configuration; others are tried in this order beside the CPU."""


def usable() -> list[str]:
    """Names of those that may be tried here, the CPU first."""
    return [name for name, provider in PROVIDERS.items() if not provider.lack()]
