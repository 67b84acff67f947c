"""Bytes to events: every kind of message, halves of 14-bit values, and any rubbish at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtstem.control.midi_events import NUMBER_TOPS, TOPS, Address, Decoder, encode

BYTES = st.lists(st.integers(0, 255), max_size=8)
SEVEN = st.integers(0, 127)


def events(decoder: Decoder, *messages: list[int]) -> list[tuple[Address, int]]:
    found = [event for message in messages for event in decoder.feed(message)]
    return [(event.address, event.value) for event in found]


@pytest.mark.parametrize(
    ("message", "address", "value", "top"),
    [
        ([0xB0, 7, 100], Address("cc", 1, 7), 100, 127),
        ([0xBF, 0, 0], Address("cc", 16, 0), 0, 127),
        ([0x92, 60, 1], Address("note", 3, 60), 1, 127),
        ([0x92, 60, 0], Address("note", 3, 60), 0, 127),
        ([0x82, 60, 64], Address("note", 3, 60), 0, 127),
        ([0xE8, 0x7F, 0x7F], Address("pitch", 9), 16383, 16383),
        ([0xE0, 0x01, 0x40], Address("pitch", 1), 8193, 16383),
        ([0xC4, 5], Address("program", 5, 5), 1, 1),
        ([0xD0, 33], Address("pressure", 1), 33, 127),
        ([0xF8], Address("clock", 0), 1, 1),
        ([0xFA], Address("start", 0), 1, 1),
        ([0xFB], Address("continue", 0), 1, 1),
        ([0xFC], Address("stop", 0), 1, 1),
    ],
)
def test_single_messages(message, address, value, top):
    (event,) = Decoder().feed(message)
    assert event == (address, value, top)
    assert event.position == value / top


@pytest.mark.parametrize(
    "message",
    [[], [0xB0], [0xB0, 7], [7, 100], [0xF0, 0x7D, 1, 0xF7], [0xFE], [0xA0, 1, 2], [0xB0, 200, 1]],
)
def test_what_is_no_whole_known_message_gives_nothing(message):
    assert Decoder().feed(message) == ()


@given(st.lists(BYTES, max_size=30))
def test_any_bytes_never_raise_and_values_stay_in_range(messages):
    pairs = {(channel, number) for channel in range(1, 17) for number in range(32)}
    for decoder in (Decoder(), Decoder(pairs), Decoder(parameters=range(1, 17))):
        found = [event for message in messages for event in decoder.feed(message)]
        for event in [*found, *decoder.flush()]:
            assert 0 <= event.value <= event.top
            assert 0 <= event.position <= 1


def _addresses() -> st.SearchStrategy[Address]:
    numbered = st.sampled_from(["cc", "cc14", "nrpn", "rpn", "note"]).flatmap(
        lambda kind: st.builds(
            Address, st.just(kind), st.integers(1, 16), st.integers(0, NUMBER_TOPS[kind])
        )
    )
    plain = st.builds(
        Address, st.sampled_from(["pitch", "pressure"]), st.integers(1, 16), st.just(0)
    )
    return numbered | plain


@given(_addresses(), st.integers(0, 16383))
def test_what_is_sent_is_what_would_be_read(address, value):
    value = min(value, TOPS[address.kind])
    pairs = {(address.channel, address.number)} if address.kind == "cc14" else ()
    wide = [address.channel] if address.kind in ("nrpn", "rpn") else ()
    assert events(Decoder(pairs, wide), *encode(address, value))[-1] == (address, value)


def test_sent_values_are_clipped_and_any_channel_is_the_first():
    assert encode(Address("cc", 0, 7), 300) == [[0xB0, 7, 127]]
    assert encode(Address("pitch", 2), -5) == [[0xE1, 0, 0]]


def test_pair_waits_for_its_lower_half():
    decoder = Decoder({(1, 7)})
    assert events(decoder, [0xB0, 7, 64]) == []
    assert events(decoder, [0xB0, 39, 3]) == [(Address("cc14", 1, 7), 64 << 7 | 3)]
    assert events(decoder, [0xB0, 39, 4]) == [(Address("cc14", 1, 7), 64 << 7 | 4)]
    assert decoder.flush() == ()


def test_pair_without_lower_half_reaches_both_ends_and_loses_no_message():
    decoder = Decoder({(1, 7)})
    assert events(decoder, [0xB0, 7, 0], [0xB0, 7, 127]) == [(Address("cc14", 1, 7), 0)]
    assert [event.value for event in decoder.flush()] == [16383]
    assert decoder.flush() == ()


def test_pairs_are_only_where_they_were_named():
    decoder = Decoder({(1, 7)})
    assert events(decoder, [0xB1, 7, 64], [0xB1, 39, 1]) == [
        (Address("cc", 2, 7), 64),
        (Address("cc", 2, 39), 1),
    ]


def test_parameter_numbers_are_plain_where_parameters_are_not_wanted():
    plain = Decoder()
    assert events(plain, [0xB0, 99, 1], [0xB0, 98, 2], [0xB0, 6, 3]) == [
        (Address("cc", 1, 99), 1),
        (Address("cc", 1, 98), 2),
        (Address("cc", 1, 6), 3),
    ]


def test_nrpn_coarse_fine_and_steps():
    decoder, address = Decoder(parameters=[1]), Address("nrpn", 1, 130)
    assert events(decoder, [0xB0, 99, 1], [0xB0, 98, 2], [0xB0, 6, 3]) == []
    assert events(decoder, [0xB0, 38, 4]) == [(address, 3 << 7 | 4)]
    assert events(decoder, [0xB0, 96, 0], [0xB0, 97, 0], [0xB0, 97, 0]) == [
        (address, 3 << 7 | 5),
        (address, 3 << 7 | 4),
        (address, 3 << 7 | 3),
    ]
    assert events(decoder, [0xB0, 6, 127]) == []
    assert [event.value for event in decoder.flush()] == [16383]


def test_rpn_and_nrpn_of_the_same_number_are_two_things():
    decoder = Decoder(parameters=[1])
    select = [0xB0, 101, 0], [0xB0, 100, 5], [0xB0, 6, 1], [0xB0, 38, 0]
    assert events(decoder, *select) == [(Address("rpn", 1, 5), 128)]
    assert events(decoder, [0xB0, 99, 0], [0xB0, 98, 5], [0xB0, 6, 1], [0xB0, 38, 0]) == [
        (Address("nrpn", 1, 5), 128)
    ]


def test_after_the_null_parameter_data_entry_is_a_plain_control_again():
    decoder = Decoder(parameters=[1])
    events(decoder, [0xB0, 99, 0], [0xB0, 98, 5], [0xB0, 101, 127], [0xB0, 100, 127])
    assert events(decoder, [0xB0, 6, 9]) == [(Address("cc", 1, 6), 9)]
