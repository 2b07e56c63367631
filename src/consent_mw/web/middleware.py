"""The middleware: the walk of one request, and nothing else.

scope guard → read the visit → our own endpoints, or the app behind a narrowed scope and a :class:`Responder`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_mw.config import ConsentConfig
from consent_mw.enforce.codings import narrowed
from consent_mw.enforce.page_headers import DOCUMENT_CONDITIONS
from consent_mw.ledger.base import Ledger
from consent_mw.web.access import SCOPE_KEY, Asking
from consent_mw.web.endpoints import Endpoints
from consent_mw.web.responder import Responder
from consent_mw.web.site import Site
from consent_mw.web.visit import Visit, Visits

DEFAULT_LEDGER = "sqlite:///consent.sqlite3"

_DOCUMENT_DESTINATIONS = frozenset({b"document", b"iframe", b"frame", b"embed", b"object"})
_STATIC_DESTINATIONS = frozenset(
    {b"audio", b"font", b"image", b"manifest", b"script", b"style", b"track", b"video", b"worker", b"sharedworker"}
)
# Ways around the body or the headers that we judge: an app that finds them missing sends plain messages.
_HIDDEN_EXTENSIONS = ("http.response.zerocopysend", "http.response.push", "http.response.early_hint")


class ConsentMiddleware:
    """Keeps everything a visitor has not consented to out of the app and out of its pages.

    Mount it outermost: ``app = ConsentMiddleware(app, secret_key=...)``.

    :param config: a path to a TOML file, a mapping with the same keys, a :class:`ConsentConfig`, or None (defaults)
    :param secret_key: one secret of at least 32 bytes, or a list, oldest first: the newest signs, all verify
    :param ledger: where decisions are recorded: ``sqlite:///path``, ``postgresql://…``, ``memory://``, a ledger, or
        None for no records
    :raises ConfigError: for anything that cannot be right
    """

    def __init__(
        self,
        app: ASGIApp,
        config: str | PathLike[str] | Mapping[str, Any] | ConsentConfig | None = None,
        *,
        secret_key: str | Sequence[str],
        ledger: str | Ledger | None = DEFAULT_LEDGER,
    ) -> None:
        self.app = app
        self.site = Site(ConsentConfig.load(config), secret_key, ledger)
        self._visits = Visits(self.site)
        self._endpoints = Endpoints(self.site)
        self._prefix = self.site.config.path
        self._exempt = self.site.config.enforcement.exempt_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if kind != "http" and kind != "websocket":
            await self.app(scope, receive, send)
            return
        visit = self._visits.read(scope)
        path: str = scope["path"]
        if kind == "http" and self._endpoints.serves(scope, path):
            await self._endpoints(scope, receive, send, visit)
            return
        if self._exempt and path.startswith(self._exempt):
            await self.app(_with_consent(scope, visit, self.site), receive, send)
            return
        inner = _with_consent(scope, visit, self.site)
        inner["headers"] = _request_headers(scope, visit)
        extensions = inner.get("extensions")
        if extensions:
            inner["extensions"] = {k: v for k, v in extensions.items() if k not in _HIDDEN_EXTENSIONS}
        await self.app(inner, receive, Responder(self.site, visit, scope, send))

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the ledger before the app starts and close it after the app has stopped."""
        ledger = self.site.ledger

        async def receive_and_open() -> Message:
            message = await receive()
            if ledger is not None and message["type"] == "lifespan.startup":
                await ledger.open()
            return message

        async def send_and_close(message: Message) -> None:
            if ledger is not None and message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                await ledger.close()
            await send(message)

        await self.app(scope, receive_and_open, send_and_close)


def _with_consent(scope: Scope, visit: Visit, site: Site) -> dict[str, Any]:
    """A copy of the scope in which the app finds the visitor's consent."""
    inner = dict(scope)
    inner["state"] = {**scope.get("state", {}), "consent": visit.consent}
    inner[SCOPE_KEY] = Asking(site, visit)
    return inner


def _request_headers(scope: Scope, visit: Visit) -> list[tuple[bytes, bytes]]:
    """The request's headers as the app may see them.

    A page is always asked for whole and in a coding that can be judged: a 304 would make the browser show a page it
    stored under another consent, a 206 or an unknown coding could not be judged.
    """
    cookies = iter(visit.cookies)
    destination = accept = b""
    headers: list[tuple[bytes, bytes]] = []
    for pair in scope["headers"]:
        name = pair[0]
        if name == b"cookie":
            kept = next(cookies)
            if kept:
                headers.append((name, kept))
            continue
        if name == b"sec-fetch-dest":
            destination = pair[1]
        elif name == b"accept":
            accept = pair[1]
        headers.append(pair)
    if destination in _STATIC_DESTINATIONS or scope.get("method") not in ("GET", "HEAD"):
        return headers
    document = destination in _DOCUMENT_DESTINATIONS or (not destination and b"text/html" in accept)
    if document:
        headers = [pair for pair in headers if pair[0] not in DOCUMENT_CONDITIONS]
    return [(n, narrowed(v)) if n == b"accept-encoding" else (n, v) for n, v in headers]
