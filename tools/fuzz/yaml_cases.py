"""YAML texts that are nearly right: real ones damaged, real ones with another value, and bombs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

from .mutate import damaged, generator

ROOT = Path(__file__).resolve().parents[2]
_WORDS = [
    *(b": ", b"\n  ", b"- ", b"[", b"]", b"{", b"}", b", "),
    *(b"#", b"&a ", b"*a", b"<<: ", b"|\n", b">-\n"),
    *(b"!!python/object/apply:os.system ", b"!!binary "),
    *(b"!!set ", b"!!omap ", b"!!timestamp ", b"!!str "),
    *(b"? ", b"---\n", b"...\n", b"%YAML 1.1\n", b"\t"),
    *(b"'", b'"', b"\\x00", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"yes", b"null", b"~", b".nan", b".inf", b"1e999"),
    *(b"-1", b"0x7f", b"0b1", b"1:30:00", b"2001-02-30"),
    *(b"99999999999999999999", b"1_000", b"\xc2\x85"),
    *(b"\xe2\x80\xa8", b"\x1b[2J", b"\xf0\x9f\x8e\xa4", b"="),
]  # fmt: skip
_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        16,
        10**30,
        -(10**400),
        0.5,
        1e308,
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        " ",
        "auto",
        "default",
        "virtual",
        "file:",
        "desk",
        "same",
        "any",
        "1",
        "\x1b[31m",
        "a" * 3000,
    ),
    *(
        "{}",
        "{problem}",
        "%s",
        "\u202e",
        "\U0001f3a4",
        [],
        {},
        [[]],
        [1, 2],
        [1, 1],
        ["x"],
        {"a": 1},
    ),
    *(
        {"vocals": 1},
        {"vocals": 2},
        {"": 1},
        [None],
        {"main": {"channels": [1, 2]}},
        "../../etc/passwd",
    ),
]
_BOMB_EVERY = 2000


class YamlCases:
    """Cases made of `texts`, which are good ones."""

    def __init__(self, seed: int, name: str, texts: list[str]) -> None:
        self._seed, self._name = seed, name
        self._texts = [text.encode() for text in texts]
        self._trees = [yaml.safe_load(text) for text in texts]

    def make(self, number: int) -> bytes:
        """The text of case `number`."""
        dice = generator(self._seed, self._name, number)
        if number % _BOMB_EVERY == _BOMB_EVERY - 1:
            return dice.choice(_BOMBS)(dice)
        kind = dice.random()
        if kind < 0.40:
            return damaged(dice, dice.choice(self._texts), _WORDS, self._texts)
        if kind < 0.85:
            return self._other_values(dice)
        if kind < 0.95:
            return b"".join(dice.choices(_WORDS, k=dice.randrange(1, 30)))
        return dice.randbytes(dice.randrange(200))

    def _other_values(self, dice: random.Random) -> bytes:
        tree = dice.choice(self._trees)
        for _ in range(dice.choice([1, 1, 1, 2, 4])):
            tree = self._changed(dice, tree)
        flow = dice.choice([None, True, False])
        return yaml.safe_dump(tree, allow_unicode=True, default_flow_style=flow).encode()

    def _changed(self, dice: random.Random, tree: Any) -> Any:
        """The tree with something else in one place, found by walking down."""
        if not tree or not isinstance(tree, dict | list) or dice.random() < 0.1:
            return self._piece(dice)
        if isinstance(tree, list):
            place = dice.randrange(len(tree))
            return [*tree[:place], self._changed(dice, tree[place]), *tree[place + 1 :]]
        key = dice.choice(list(tree))
        what = dice.random()
        if what < 0.1:
            return {k: v for k, v in tree.items() if k != key}
        if what < 0.2:
            return tree | {dice.choice([f"{key}x", key[:-1], "\x1b", "<<", " ", "a.b"]): tree[key]}
        if what < 0.3:
            return tree | {str(self._piece(dice))[:50]: self._piece(dice)}
        return tree | {key: self._changed(dice, tree[key])}

    def _piece(self, dice: random.Random) -> Any:
        if dice.random() < 0.7:
            return dice.choice(_VALUES)
        tree = dice.choice(self._trees)
        while isinstance(tree, dict) and tree and dice.random() < 0.7:
            tree = dice.choice(list(tree.values()))
        return tree


def _many(before: str, middle: str, after: str = "") -> Any:
    def bomb(dice: random.Random) -> bytes:
        size = dice.choice([1_000, 20_000, 250_000, 300_000])
        return (before + middle * (size // len(middle)) + after).encode()

    return bomb


def _laughs(_: random.Random) -> bytes:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        levels.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(levels).encode()


def _keys(dice: random.Random) -> bytes:
    return "".join(f"k{n}: {n}\n" for n in range(dice.choice([1000, 20_000]))).encode()


_BOMBS = [
    *(_laughs, _keys, _many("model: [", "["), _many("model: ", "{a: ", "}"), _many("model: 0x", "f")),
    *(_many("model: 1", ":1"), _many("model: 1", ":1", ".5")),
    *(_many("model: ", "9"), _many("model: ", "x")),
    *(_many("", "- "), _many("", "? "), _many("audio: {", "a,"), _many("", "\n"), _many("", "# x\n")),
    *(_many("model: 1", "_"), _many("model: '", "''"), _many('model: "', "\\x41"), _many("", "&a ")),
    *(_many("faders: {", "'\U0001f3a4\u202e': 1, "), _many("web: {token: ", "a b "), _many("", "!")),
]  # fmt: skip
