"""The web mixer: one page from the package and a WebSocket beside it, in a thread of its own.

    surface = WebSurface(engine, ActionTable(engine.desk))
    surface.start()
    print(surface.url)
    ...
    surface.stop()

The audio never waits for it: what a slow or hostile client costs is a part of this thread's time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ..errors import ConfigError
from . import web_protocol as protocol
from .actions import ActionTable
from .web_feed import Feed, WebEngine, facts
from .web_http import SOCKET_PATH, Gate, cannot_listen, is_loopback, page_files, response
from .web_session import Learn, Session

FRAME_SECONDS = 1 / 30
MAX_CLIENTS = 32
_MAX_UNSENT_BYTES = 1 << 18  # a client that does not read is let go: it comes back by itself
_START_SECONDS = 10.0

_quiet = logging.getLogger("rtstem.web")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # the library logs every port scanner with a traceback


class WebSurface:
    """A page with faders and meters for `engine`, for any number of browsers up to MAX_CLIENTS."""

    def __init__(
        self,
        engine: WebEngine,
        actions: ActionTable,
        host: str = "127.0.0.1",
        port: int = 8765,
        token: str | None = None,
        on_notice: Callable[[str], None] = lambda line: None,
        *,
        learn: Learn | None = None,
    ) -> None:
        """Nothing is opened before `start`.

        host: address to listen on; beside this machine's own ones only with a `token`, which the
            page must bring along (`url` has it).
        port: 0 takes a free one.
        on_notice: what the user should know, one line each, from this surface's thread.
        learn: begins or gives up MIDI learning; the page has a button where there is one.
        Raises ConfigError for an address without its token or a port that is none.
        """
        if not is_loopback(host) and not token:
            raise ConfigError(
                f"web.host {host} lets other machines in; set web.token: SECRET, or use 127.0.0.1"
            )
        if not 0 <= port <= 65535:
            raise ConfigError(f"web.port must be from 0 to 65535, not {port}")
        self._engine, self._actions = engine, actions
        self._host, self._port, self._token = host, port, token
        self._on_notice, self._learn = on_notice, learn
        self._gate, self._feed, self._files = Gate(host, token), Feed(engine), page_files()
        self._clients: set[ServerConnection] = set()
        self._spectators: set[ServerConnection] = set()  # those that show the stems' spectra
        self._new_spectator = False  # who may not know what does not change
        self._lock = threading.Lock()
        self._changed: dict[str, float] = {}  # what other threads moved since the last frame
        self._failure: BaseException | None = None
        self._told_failure = False
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="rtstem-web", daemon=True)

    @property
    def url(self) -> str:
        """The address to open in a browser, with the token where there is one."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        mark = f"#token={quote(self._token, safe='')}" if self._token else ""
        return f"http://{host}:{self._port}/{mark}"

    def start(self) -> None:
        """Serve the page; returns when it can be opened. Raises ConfigError where it cannot."""
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise ConfigError("the web mixer does not start; try another web.port")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Say goodbye to the browsers and close. May be called twice."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        if self._thread.ident is not None:
            self._thread.join(timeout=5.0)

    def __enter__(self) -> WebSurface:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # -- the thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = ConfigError(cannot_listen(self._host, self._port, error))
        except Exception as error:
            self._failure = ConfigError(f"the web mixer has failed: {error!r}; start rtstem again")
            if self._ready.is_set():
                self._on_notice(str(self._failure))
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(
            self._attend,
            self._host,
            self._port,
            process_request=self._answer,
            compression=None,
            max_size=protocol.MAX_BYTES,
            server_header=None,
            close_timeout=1,
            logger=_quiet,
        ) as server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            unsubscribe = self._actions.subscribe(self._remember)
            self._ready.set()
            frames = asyncio.create_task(self._frames())
            try:
                await self._stop.wait()
            finally:
                unsubscribe()
                frames.cancel()

    def _remember(self, changed: Mapping[str, float]) -> None:
        """Called by whoever moved the desk: short."""
        with self._lock:
            self._changed.update(changed)

    async def _frames(self) -> None:
        """Tell all browsers what changed, frame by frame; nothing is looked at for nobody."""
        while True:
            await asyncio.sleep(FRAME_SECONDS)
            with self._lock:
                changed, self._changed = self._changed, {}
            if not self._clients:
                continue
            if changed:
                self._tell(protocol.encode("state", values=protocol.rounded(changed)))
            try:
                self._tell_news()
            except Exception as error:  # an engine that cannot be read now may be in the next frame
                if not self._told_failure:
                    self._told_failure = True
                    line = f"the web mixer has no meters: {error!r}; stop and start rtstem"
                    self._on_notice(line)

    def _tell_news(self) -> None:
        """Meters and counters, and spectra to those who show them."""
        for message in self._feed.news():
            self._tell(message)
        if self._spectators:
            bands, self._new_spectator = self._feed.bands(anew=self._new_spectator), False
            if bands:
                broadcast(self._spectators, bands)

    def _tell(self, message: str) -> None:
        for client in [c for c in self._clients if _unsent(c) > _MAX_UNSENT_BYTES]:
            self._forget(client)
            client.transport.abort()
        broadcast(self._clients, message)

    def _forget(self, client: ServerConnection) -> None:
        self._clients.discard(client)
        self._spectators.discard(client)

    # -- one browser

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        refusal = self._gate.refusal(request)
        if refusal is not None:
            return refusal
        path = urlsplit(request.path).path
        if path == SOCKET_PATH:
            full = len(self._clients) >= MAX_CLIENTS
            return response(HTTPStatus.SERVICE_UNAVAILABLE, b"rtstem: too many\n") if full else None
        if path not in self._files:
            return response(HTTPStatus.NOT_FOUND, b"rtstem: no such page\n")
        media, body = self._files[path]
        return response(HTTPStatus.OK, body, media)

    async def _attend(self, client: ServerConnection) -> None:
        if len(self._clients) >= MAX_CLIENTS:  # came in while others did
            return

        def watch(spectrum: bool) -> None:
            if spectrum and client in self._clients:
                self._spectators.add(client)
                self._new_spectator = True
            else:
                self._spectators.discard(client)

        session = Session(client, self._actions, self._learn, self._everything, watch)
        session.greet()  # all in one go: what changes after it follows it
        self._clients.add(client)
        try:
            await session.attend()
        except ConnectionClosed:
            pass
        finally:
            self._forget(client)

    def _everything(self) -> list[str]:
        """What a client that has just come must know."""
        hello = protocol.hello(self._actions, facts(self._engine), self._learn is not None)
        return [hello, *self._feed.everything()]


def _unsent(client: ServerConnection) -> int:
    return client.transport.get_write_buffer_size()
