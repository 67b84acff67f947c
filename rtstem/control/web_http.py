"""What the web mixer answers over HTTP: its own few files, and who may open the WebSocket."""

from __future__ import annotations

import errno
import hmac
import ipaddress
import socket
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

SOCKET_PATH = "/ws"
_FOLDER = Path(__file__).resolve().parent.parent / "web"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_files() -> dict[str, tuple[str, bytes]]:
    """The page: media type and contents by path. Nothing else on disk can be asked for."""
    files = {
        f"/{path.name}": (_TYPES[path.suffix], path.read_bytes())
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _TYPES
    }
    return files | {"/": files["/index.html"]}


def response(status: HTTPStatus, body: bytes, media: str = "text/plain; charset=utf-8") -> Response:
    """A complete answer that no other page may use and nobody keeps."""
    headers = Headers(
        {
            "Content-Type": media,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)


def is_loopback(host: str) -> bool:
    """True for addresses that only this machine reaches."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """Why the page cannot be served, and what to do."""
    where = f"web: port {port} on {host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use; stop the other program or set another web.port"
    reason = error.strerror or error
    return f"{where} cannot be opened ({reason}); set another web.host or web.port"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Gate:
    """Decides about one request after the other; `token` is None where none is asked for."""

    def __init__(self, host: str, token: str | None) -> None:
        self._token = token
        own = socket.gethostname().lower()
        self._names = {"localhost"} if is_loopback(host) else {"localhost", own, f"{own}.local"}
        self._loopback_only = is_loopback(host)

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that goes no further; None lets it in."""
        hosts = request.headers.get_all("Host")
        if len(hosts) != 1 or not self._known(hosts[0]):
            return response(
                HTTPStatus.FORBIDDEN, b"rtstem: unknown Host; use the printed address\n"
            )
        try:
            path = urlsplit(request.path).path
        except ValueError:
            return response(HTTPStatus.BAD_REQUEST, b"rtstem: this is no address\n")
        if path != SOCKET_PATH:
            return None
        origins = request.headers.get_all("Origin")
        if any(not _same_place(origin, hosts[0]) for origin in origins):
            return response(HTTPStatus.FORBIDDEN, b"rtstem: another page's Origin is refused\n")
        if not self._has_token(request.path):
            return response(
                HTTPStatus.UNAUTHORIZED, b"rtstem: open the printed address with #token=\n"
            )
        return None

    def _known(self, host: str) -> bool:
        """A name that somebody else's DNS may point at us (rebinding) is not known."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._names:
            return True
        return _is_address(name) and (not self._loopback_only or is_loopback(name))

    def _has_token(self, path: str) -> bool:
        if self._token is None:
            return True
        given = parse_qs(urlsplit(path).query).get("token", [""])[0]
        return hmac.compare_digest(given.encode(), self._token.encode())


def _same_place(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
