"""A program that takes a processor for itself, at normal priority: `python -m rtstem.load.spin`."""

from __future__ import annotations

from .child import Child, input_ended


class Spin:
    """So many of them, as a context manager."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> Spin:
        self._children = [Child("spin") for _ in range(self._count)]
        return self

    def __exit__(self, *_exc: object) -> None:
        for child in self._children:
            child.end()


def main() -> None:
    ended, number = input_ended(), 1
    while not ended.is_set():
        for _ in range(100_000):
            number = number * 1_103_515_245 + 12_345 & 0x7FFFFFFF


if __name__ == "__main__":
    main()
