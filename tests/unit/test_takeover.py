"""Soft takeover: no jumps, and no sweep is too fast."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rtstem.control.takeover import TOLERANCE, catches

PART = st.floats(0, 1)


def test_control_elsewhere_waits():
    assert not catches(None, 0.2, 0.8)
    assert not catches(0.1, 0.2, 0.8)
    assert not catches(0.3, 0.2, 0.8)


def test_control_that_gets_there_has_it():
    assert catches(0.7, 0.79, 0.8)
    assert catches(None, 0.8, 0.8)


def test_sweep_that_jumps_over_the_value_has_it_in_both_directions():
    assert catches(0.0, 1.0, 0.5)
    assert catches(1.0, 0.0, 0.5)


def test_first_message_cannot_have_crossed_anything():
    assert not catches(None, 1.0, 0.5)


def test_control_that_was_there_may_leave_in_one_leap():
    assert catches(0.5, 1.0, 0.5)


def test_value_moved_elsewhere_must_be_picked_up_again():
    assert catches(0.5, 0.52, 0.5)
    assert not catches(0.52, 0.53, 0.9)


@given(PART, PART, PART)
def test_what_is_let_through_never_jumps_unless_the_control_did(previous, now, desk):
    if catches(previous, now, desk):
        leap = abs(now - desk)
        assert leap <= max(TOLERANCE, abs(now - previous) + TOLERANCE)
    else:
        assert (previous - desk) * (now - desk) >= 0


@given(st.lists(PART, min_size=2), PART)
def test_sweep_from_end_to_end_always_catches(path, desk):
    assert any(catches(previous, now, desk) for previous, now in pairwise([0.0, *path, 1.0]))
