"""Seeded damage to bytes: what truncation, bit rot, bad exporters and ill will make of a good input."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

_NUMBERS = (0, 1, -1, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
_MOST_DAMAGES = 8


def generator(seed: int, name: str, number: int) -> random.Random:
    """The dice of one case, which depend on nothing but these."""
    return random.Random(f"{seed}/{name}/{number}")


def damaged(
    dice: random.Random, data: bytes, words: Sequence[bytes] = (), others: Sequence[bytes] = ()
) -> bytes:
    """`data` after some damages. words: what means something in the format; others: inputs to splice."""
    result = bytearray(data)
    for _ in range(min(1 + int(dice.expovariate(0.6)), _MOST_DAMAGES)):
        dice.choice(_DAMAGES)(dice, result, words, others)
    return bytes(result)


def _place(dice: random.Random, data: bytearray) -> int:
    """Anywhere, but often in the head, where formats keep what they promise."""
    end = len(data) if dice.random() < 0.5 else min(len(data), 128)
    return dice.randrange(end + 1)


def _span(dice: random.Random, data: bytearray) -> slice:
    start = _place(dice, data)
    return slice(start, start + 1 + int(dice.expovariate(1 / 16)))


def _flip(dice: random.Random, data: bytearray, *_: object) -> None:
    if data:
        data[_place(dice, data) % len(data)] ^= 1 << dice.randrange(8)


def _byte(dice: random.Random, data: bytearray, *_: object) -> None:
    if data:
        data[_place(dice, data) % len(data)] = dice.randrange(256)


def _number(dice: random.Random, data: bytearray, *_: object) -> None:
    size, code = dice.choice([(2, "H"), (4, "I"), (8, "Q")])
    value = dice.choice(_NUMBERS) + dice.randint(-2, 2)
    place = _place(dice, data)
    data[place : place + size] = struct.pack(dice.choice("<>") + code, value % (1 << 8 * size))


def _delete(dice: random.Random, data: bytearray, *_: object) -> None:
    del data[_span(dice, data)]


def _double(dice: random.Random, data: bytearray, *_: object) -> None:
    piece = bytes(data[_span(dice, data)]) * dice.choice([1, 1, 2, 30])
    place = _place(dice, data)
    data[place:place] = piece


def _cut(dice: random.Random, data: bytearray, *_: object) -> None:
    del data[_place(dice, data) :]


def _word(dice: random.Random, data: bytearray, words: Sequence[bytes], _: object) -> None:
    if words:
        place = _place(dice, data)
        data[place : place + dice.choice([0, 0, 4])] = dice.choice(words)


def _splice(dice: random.Random, data: bytearray, _: object, others: Sequence[bytes]) -> None:
    if others:
        other = dice.choice(others)
        start = dice.randrange(len(other) + 1)
        data[_place(dice, data) :] = other[start:]


_DAMAGES: tuple[Callable[..., None], ...] = (
    *(_flip, _flip, _byte, _byte, _number, _number, _word, _word, _word),
    *(_delete, _double, _cut, _splice),
)
