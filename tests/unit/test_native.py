"""Flush-to-zero where we want it, and nowhere else."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from rtstem.bench import run_bench
from rtstem.model_spec import read_model_spec
from rtstem.rt.native import IS_ARM64, IS_X86, flush_denormals, set_float_mode
from rtstem.rt.priority import Priority
from rtstem.rt.separator import Separator
from rtstem.sizing import measure
from tests.models import tiny_model

pytestmark = pytest.mark.skipif(not (IS_X86 or IS_ARM64), reason="unknown processor")


def keeps_denormals() -> bool:
    tiny = np.array([1e-41], np.float32)
    return bool((tiny * np.float32(0.5))[0] > 0)


def test_flush_and_back():
    assert keeps_denormals()
    before = flush_denormals()
    flushed = not keeps_denormals()
    set_float_mode(before)
    assert flushed
    assert keeps_denormals()


def test_flushing_is_a_matter_of_one_thread():
    seen = []

    def flush():
        flush_denormals()
        seen.append(keeps_denormals())

    thread = threading.Thread(target=flush)
    thread.start()
    thread.join()
    assert seen == [False]
    assert keeps_denormals()


def test_separating_leaves_the_callers_thread_as_it_was(tmp_path):
    separator = Separator(read_model_spec(tiny_model(tmp_path / "tiny.onnx")))
    separator.warm_up()
    assert keeps_denormals()


def test_measuring_leaves_the_callers_thread_as_it_was(tmp_path):
    path = tiny_model(tmp_path / "tiny.onnx")
    run_bench(str(path), seconds=0.1, provider="cpu")
    assert keeps_denormals()
    separator = Separator(read_model_spec(path))
    measure(separator, Priority(enabled=False, period_ns=1))
    separator.close()
    assert keeps_denormals()
