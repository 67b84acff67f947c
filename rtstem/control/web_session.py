"""One browser of the web mixer: what it asks for, at which pace, and what it is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, broadcast

from ..errors import ConfigError, RtstemError
from . import web_protocol as protocol
from .actions import ActionTable

Learn = Callable[[str | None, Callable[[str], None]], None]
"""learn(action or None to give up, tell): calls `tell` with one line when it has been learnt."""

_SAY_SECONDS = 1.0


class Session:
    """Reads one client's messages and does what they say; lives in the server's loop."""

    def __init__(
        self,
        client: ServerConnection,
        actions: ActionTable,
        learn: Learn | None,
        everything: Callable[[], list[str]],
        watch: Callable[[bool], None],
    ) -> None:
        """everything: all messages for one who knows nothing. watch: begin or end its spectra."""
        self._client, self._actions = client, actions
        self._learn, self._everything, self._watch = learn, everything, watch
        self._loop = asyncio.get_running_loop()

    def greet(self) -> None:
        """Send all there is to know."""
        for message in self._everything():
            self._send(message)

    async def attend(self) -> None:
        """Until the client goes. Raises ConnectionClosed when it goes without a word."""
        allowance = protocol.Allowance()
        said = -_SAY_SECONDS
        async for text in self._client:
            self._obey(text)
            wait = allowance.wait(time.monotonic())
            if wait > 0:  # the next message waits in the client's own socket
                if time.monotonic() - said > _SAY_SECONDS:
                    said = time.monotonic()
                    limit = f"{protocol.RATE:.0f} messages a second"
                    self._send(protocol.error(f"too fast: slowed to {limit}"))
                await asyncio.sleep(wait)

    def _send(self, message: str) -> None:
        """Without waiting: a client that does not read is let go by the server."""
        broadcast([self._client], message)

    def _obey(self, text: str | bytes) -> None:
        try:
            request = protocol.parse(text)
            if isinstance(request, protocol.Apply):
                self._actions.apply(request.action, request.value)
            elif isinstance(request, protocol.Learn):
                self._begin_lesson(request.action)
            elif isinstance(request, protocol.Watch):
                self._watch(request.spectrum)
            else:
                self.greet()
        except RtstemError as error:
            self._send(protocol.error(error))

    def _begin_lesson(self, action: str | None) -> None:
        if self._learn is None:
            raise ConfigError("MIDI is off; start rtstem with MIDI to learn controls")
        if action is not None:
            self._actions[action]  # refuses what is none

        def tell(line: str) -> None:
            """Called by the MIDI thread, maybe after we have closed."""
            message = protocol.encode("learned", action=action, text=line)
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._send, message)

        self._learn(action, tell)
