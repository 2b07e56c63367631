"""``mode = "report-only"``: what would have been held back, told per route, as log lines that a program can read.

A route is told of when it shows something new. On a developer's own machine a response header says it too; a page's
body follows its headers, so what is in the page shows from the second request on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_mw.enforce.page_headers import header
from consent_mw.web.observed import Findings, findings
from consent_mw.web.site import host_name

logger = logging.getLogger("consent_mw.report")

HEADER = b"consent-report"
MAX_ROUTES = 1000
MAX_HEADER_NAMES = 40
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})


_in_app: ContextVar[list[Scope]] = ContextVar("in_app")


class RouteReports:
    """One per middleware. Bounded: of a site with too many routes the first ones are told of."""

    def __init__(self) -> None:
        self._routes: dict[str, Findings] = {}

    @property
    def is_watching(self) -> bool:
        return findings.get() is not None

    async def watch(self, serve: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and tell what it showed."""
        in_app: list[Scope] = []
        found, seen = findings.set({}), _in_app.set(in_app)
        is_told = host_name(header(scope["headers"], b"host")) in _OWN_MACHINE

        async def send_and_tell(message: Message) -> None:
            """What the route has shown so far, in a header, where a developer looks at it."""
            if is_told and in_app and message["type"] == "http.response.start":
                shown = _merged(self._routes.get(route_of(in_app[0]), {}), findings.get() or {})
                message = {**message, "headers": [*message.get("headers", ()), *_header(shown)]}
            await send(message)

        try:
            await serve(scope, receive, send_and_tell)
        finally:
            if in_app:
                self.tell(in_app[0])
            findings.reset(found)
            _in_app.reset(seen)

    def note(self, inner: Scope) -> None:
        """The scope of the app for the request that is watched: its router leaves the route there."""
        _in_app.get().append(inner)

    def tell(self, inner: Scope) -> None:
        """One log line with what a route has shown for the first time."""
        route, found = route_of(inner), findings.get() or {}
        known = self._routes.get(route, {})
        news = {
            kind: new for kind, names in found.items() if (new := [n for n in names if n not in known.get(kind, {})])
        }
        if not news or (route not in self._routes and len(self._routes) >= MAX_ROUTES):
            return
        self._routes[route] = _merged(known, found)
        method = inner.get("method", "WEBSOCKET")
        logger.info("consent-report %s", json.dumps({"route": route, "method": method, **news}))


def route_of(scope: Scope) -> str:
    """The route's pattern where the router leaves it, else the path with its parameters taken out."""
    pattern = getattr(scope.get("route"), "path", None)
    if isinstance(pattern, str):
        return pattern
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(f"/{value}", f"/{{{name}}}", 1)
    return path[:200]


def _merged(known: Mapping[str, Mapping[str, None]], new: Mapping[str, Mapping[str, None]]) -> Findings:
    return {kind: {**known.get(kind, {}), **new.get(kind, {})} for kind in {**known, **new}}


def _header(shown: Findings) -> list[tuple[bytes, bytes]]:
    names = [f"{kind}={quote(name, safe=': ')}" for kind, listed in shown.items() for name in listed]
    return [(HEADER, "; ".join(names[:MAX_HEADER_NAMES]).encode())] if names else []
