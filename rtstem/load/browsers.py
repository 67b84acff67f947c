"""Browsers without a screen: WebSocket clients of the web mixer, in a process of their own.

    python -m rtstem.load.browsers URL COUNT [--spectrum]

Reads all that comes until its own input ends, moving a fader now and then as a hand would; says
"ready" when all are connected and, at the end, one JSON object with what came.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from ..errors import EngineError
from .child import Child

_MOVE_SECONDS = 0.1


class Browsers:
    """The process above, as a context manager; `told` is what came, known at the end."""

    def __init__(self, url: str, count: int, spectrum: bool = False) -> None:
        self._child = Child("browsers", url, count, *(["--spectrum"] if spectrum else []))
        self.told: dict[str, Any] = {}

    def __enter__(self) -> Browsers:
        """Returns when all are connected. Raises EngineError where they cannot."""
        if self._child.line() != "ready":
            self._child.end()
            raise EngineError("the web mixer cannot be reached")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.told = json.loads(self._child.end() or "{}")


async def listen(socket: ClientConnection, counts: dict[str, int]) -> None:
    """Count the messages by type; parsed as a page would."""
    async for message in socket:
        kind = "spectrum" if isinstance(message, bytes) else json.loads(message)["type"]
        counts[kind] = counts.get(kind, 0) + 1


async def move(socket: ClientConnection) -> None:
    """A hand on a fader, ten moves a second."""
    step = 0
    while True:
        step += 1
        value = abs(step % 41 - 20) / 20
        await socket.send(
            json.dumps({"type": "apply", "action": "stem.vocals.gain", "value": value})
        )
        await asyncio.sleep(_MOVE_SECONDS)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--spectrum", action="store_true")
    options = parser.parse_args()
    address = options.url.split("#")[0].replace("http", "ws") + "ws"
    sockets = [await connect(address, compression=None) for _ in range(options.count)]
    if options.spectrum:
        for socket in sockets:
            await socket.send(json.dumps({"type": "watch", "spectrum": True}))
    counts: dict[str, int] = {}
    tasks = [asyncio.create_task(listen(socket, counts)) for socket in sockets]
    tasks.append(asyncio.create_task(move(sockets[0])))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    lost = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    print(json.dumps({"messages": counts, "cut off": lost}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
