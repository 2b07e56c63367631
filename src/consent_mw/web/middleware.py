"""The middleware: the walk of one request, and nothing else.

scope guard → read the visit → our own endpoints, or the app behind a narrowed scope and a :class:`Responder`.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_mw.config import ConsentConfig
from consent_mw.ledger.base import Ledger
from consent_mw.succession import is_ahead, version_before
from consent_mw.web.access import SCOPE_KEY
from consent_mw.web.changes import OnChange
from consent_mw.web.endpoints import GPC_PATH, Endpoints
from consent_mw.web.folders import Folders
from consent_mw.web.head import barest
from consent_mw.web.heads import Head, Heads
from consent_mw.web.report_only import RouteReports
from consent_mw.web.responder import Responder
from consent_mw.web.site import Site

logger = logging.getLogger("consent_mw")

DEFAULT_LEDGER = "sqlite:///consent.sqlite3"

# Ways around the body or the headers that we judge: an app that finds them missing sends plain messages.
_HIDDEN_EXTENSIONS = frozenset({"http.response.zerocopysend", "http.response.push", "http.response.early_hint"})


class ConsentMiddleware:
    """Keeps everything a visitor has not consented to out of the app and out of its pages.

    Mount it outermost: ``app = ConsentMiddleware(app, secret_key=...)``.

    :param config: a path to a TOML file, a mapping with the same keys, a :class:`ConsentConfig`, or None (defaults)
    :param secret_key: one secret of at least 32 bytes, or a list, oldest first: the newest signs, all verify
    :param ledger: where decisions are recorded: ``sqlite:///path``, ``postgresql://…``, ``memory://``, a ledger, or
        None for no records
    :param on_change: awaited with the request and the consent before and after, once a choice or a signal changed it
    :raises ConfigError: for anything that cannot be right
    """

    def __init__(
        self,
        app: ASGIApp,
        config: str | PathLike[str] | Mapping[str, Any] | ConsentConfig | None = None,
        *,
        secret_key: str | Sequence[str],
        ledger: str | Ledger | None = DEFAULT_LEDGER,
        on_change: OnChange | None = None,
    ) -> None:
        self.app = app
        config = ConsentConfig.load(config)
        self._serve(Site(config, secret_key, ledger, on_change=on_change))
        before = version_before(config) if is_ahead(config, time.time()) else None
        self._before: ConsentMiddleware | None = None
        if before is not None:
            self._before = copy.copy(self)
            self._before._serve(Site(before, secret_key, ledger, on_change=on_change, successor=self.site))

    def _serve(self, site: Site) -> None:
        self.site = site
        self._heads = Heads(self.site)
        self._endpoints = Endpoints(self.site)
        self._location = self.site.location
        self._prefix = self.site.config.path + "/"
        self._reports = None if self.site.enforces else RouteReports()
        exempt_paths = self.site.config.enforcement.exempt_paths
        self._exempt = Folders(exempt_paths) if exempt_paths else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind != "http" and kind != "websocket":
            await (self._lifespan if kind == "lifespan" else self.app)(scope, receive, send)
            return
        if self._before is not None:
            if is_ahead(self.site.config, time.time()):
                await self._before(scope, receive, send)
                return
            self._before = None  # from now on this version governs
        if self._reports is not None and not self._reports.is_watching:
            await self._reports.watch(self, scope, receive, send)
            return
        head, headers = self._heads.read(scope)
        visit, path = head.visit, scope["path"]
        if (self._prefix in path or path == GPC_PATH) and self._endpoints.serves(scope, path):
            await self._endpoints(scope, receive, send, visit)
            return
        inner = dict(scope)  # in it the app finds the visitor's consent
        inner["state"] = {**scope.get("state", {}), "consent": visit.consent}
        inner[SCOPE_KEY] = visit
        if self._exempt is not None and self._exempt.hold(scope):
            await self.app(inner, receive, send)
            return
        if self._reports is not None:
            self._reports.note(inner)
        inner["headers"] = headers
        app, removed = self.app, head.removed
        if head.has_more or scope.get("query_string") or "extensions" in scope:  # the usual request has none of it
            removed = self._narrow(inner, head)
            app, receive, removed = self._incoming(scope, inner, receive, removed)
        responder = Responder(visit, scope, send, removed)
        try:
            await app(inner, receive, responder.send)
        finally:
            if responder.page is not None:
                responder.page.release()

    def _narrow(self, inner: dict[str, Any], head: Head) -> Collection[str]:
        """Take out of the app's scope what it may not see beside headers. Returns the names of what was location."""
        try:
            extensions = inner.get("extensions")
            if extensions and not _HIDDEN_EXTENSIONS.isdisjoint(extensions):
                inner["extensions"] = {k: v for k, v in extensions.items() if k not in _HIDDEN_EXTENSIONS}
            if not head.failed:
                return (*head.removed, *self._location.narrow(inner)) if head.scrubs else ()
        except Exception:
            logger.exception("a request could not be judged; the app sees the barest of it")
        inner.update(headers=barest(inner["headers"]), client=None, query_string=b"", extensions={})
        return ()

    def _incoming(
        self, scope: Scope, inner: Scope, receive: Receive, removed: Collection[str]
    ) -> tuple[ASGIApp, Receive, Collection[str]]:
        """How the app is called where more than a head may come, and the names of all that was location."""
        head, located = dict(scope["headers"]), inner[SCOPE_KEY].located
        if scope["type"] == "websocket":
            return self.app, self._location.messages(inner, head, receive, located=located), removed
        try:
            body = self._location.body(inner, head, receive, removed, located=located)
        except Exception:
            logger.exception("a body could not be judged; the app gets it empty")
            return self.app, _emptied(receive), removed
        if body is None:
            return self.app, receive, removed
        return partial(body.run, self.app, head), receive, body.removed

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the ledger before the app starts and close it after the app has stopped.

        A ledger that cannot be opened stops the start: an exception would only read as "this app has no lifespan".
        Where the app really has none, its part is played here, so that the ledger is closed all the same.
        """
        recorder = self.site.recorder
        if recorder is None:
            await self.app(scope, receive, send)
            return
        message = await receive()
        try:
            await recorder.open()
            if self.site.webhooks is not None:
                self.site.webhooks.start()
        except Exception as error:
            logger.error("the ledger cannot be opened: %s", error)
            await send({"type": "lifespan.startup.failed", "message": f"consent_mw: {error}"})
            return
        started, answered = [message], False

        async def receive_again() -> Message:
            return started.pop() if started else await receive()

        async def send_and_close(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed", "lifespan.startup.failed"):
                if self.site.webhooks is not None:
                    await self.site.webhooks.close()
                await recorder.close()
            await send(message)

        try:
            await self.app(scope, receive_again, send_and_close)
        except Exception as error:
            if answered:
                raise
            logger.info("the app has no lifespan: %r", error)
        if not answered:
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send_and_close({"type": "lifespan.shutdown.complete"})


def _emptied(receive: Receive) -> Receive:
    async def empty() -> Message:
        message = await receive()
        return {**message, "body": b""} if message["type"] == "http.request" else message

    return empty
