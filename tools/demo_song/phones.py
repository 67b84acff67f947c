"""Classes and sung lengths of the phones that flite names."""

from __future__ import annotations

VOWELS = frozenset(
    ("aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")
)
# Vowels that end elsewhere than they begin: their first half is what a singer holds.
GLIDES = frozenset(("aw", "ay", "ey", "ow", "oy"))
VOICELESS = frozenset(("p", "t", "k", "f", "s", "sh", "th", "ch", "hh"))
# Longest consonants in seconds when sung; plosives are shorter than what can be held.
_LIMITS = {"p": 0.08, "t": 0.075, "k": 0.08, "b": 0.06, "d": 0.055, "s": 0.11, "th": 0.09}
_LIMIT_OF_OTHERS = 0.085


def consonant_length(phone: str, start: float, end: float) -> float:
    """Sung length in seconds of a consonant spoken from `start` to `end`."""
    return min(end - start, _LIMITS.get(phone, _LIMIT_OF_OTHERS))
