"""Curves, ranges and the encodings of endless encoders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtstem.control.midi_map import CURVES, RELATIVE, Scale

SCALES = st.builds(
    Scale,
    st.sampled_from(sorted(CURVES)),
    st.sampled_from([0.0, 0.25]),
    st.sampled_from([0.75, 1.0]),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("encoding", "steps"),
    [
        ("twos_complement", {1: 1, 2: 2, 63: 63, 127: -1, 126: -2, 64: -64, 0: 0}),
        ("binary_offset", {65: 1, 66: 2, 63: -1, 62: -2, 64: 0}),
        ("sign_magnitude", {1: 1, 2: 2, 63: 63, 65: -1, 66: -2, 127: -63, 64: 0, 0: 0}),
    ],
)
def test_encodings(encoding, steps):
    assert {value: RELATIVE[encoding](value) for value in steps} == steps


@given(SCALES, st.floats(0, 1))
def test_position_and_value_are_inverses(scale, position):
    assert scale.position(scale.value(position)) == pytest.approx(position, abs=1e-6)
    assert 0 <= scale.value(position) <= 1


@given(SCALES)
def test_ends_are_exact(scale):
    ends = (scale.high, scale.low) if scale.invert else (scale.low, scale.high)
    assert (scale.value(0.0), scale.value(1.0)) == ends


@given(SCALES, st.floats(0, 1), st.floats(0, 1))
def test_more_travel_is_never_less(scale, one, other):
    low, high = sorted((one, other))
    order = scale.value(low) - scale.value(high)
    assert order >= -1e-12 if scale.invert else order <= 1e-12


def test_shapes():
    assert Scale("linear").value(0.5) == 0.5
    assert Scale("exp").value(0.5) == pytest.approx(1 / 11, abs=1e-3)  # 20 dB below the top
    assert Scale("log").value(0.5) > 0.8
    assert Scale("linear", 0.2, 0.6).value(0.5) == pytest.approx(0.4)


def test_range_may_run_backwards():
    scale = Scale("linear", 1.0, 0.2)
    assert (scale.value(0.0), scale.value(1.0)) == (1.0, 0.2)
    assert scale.position(0.6) == pytest.approx(0.5)
    assert scale.clipped(0.0) == 0.2
