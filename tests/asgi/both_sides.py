"""One request through the middleware as raw ASGI messages, seen from both sides."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from consent_mw import ConsentMiddleware
from consent_mw.core.decision import Choice, decide, resolve
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.core.token import new_subject

SECRET = "a test secret of at least 32 bytes"
HOST = "site.test"
BROWSER = ((b"sec-fetch-site", b"same-origin"), (b"user-agent", b"Mozilla/5.0"))


@dataclass
class Exchange:
    """What the app saw and what the client got.

    :ivar scope: as the app got it
    :ivar received: the messages that the app received
    :ivar sent: the messages that the client got
    """

    scope: dict[str, Any] = field(default_factory=dict)
    received: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.received)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    def seen(self, name: bytes) -> list[bytes]:
        """Values of a request header as the app saw it."""
        return [value for key, value in self.scope["headers"] if key == name]

    def answered(self, name: bytes) -> list[bytes]:
        """Values of a response header as the client got it."""
        return [value for key, value in self.sent[0]["headers"] if key == name]


def grant(middleware: ConsentMiddleware, **categories: bool) -> bytes:
    """The Cookie header of a visitor who made this choice."""
    site = middleware.site
    choice = Choice(action="save", categories=categories)
    before = resolve(site.policy, None, NO_SIGNALS)
    stored = decide(before, choice, site=HOST, now=int(time.time()), new_subject=new_subject)
    return b"__Host-consent=" + site.codec.dumps(stored).encode()


def middleware(app: Any = None, **config: Any) -> ConsentMiddleware:
    return ConsentMiddleware(app, config, secret_key=SECRET, ledger=None)


def exchange(
    mounted: ConsentMiddleware,
    *,
    headers: list[tuple[bytes, bytes]] | None = None,
    pieces: list[bytes] | None = None,
    response: list[dict[str, Any]] | None = None,
    incoming: list[dict[str, Any]] | None = None,
    after: int = 0,
    **scope: Any,
) -> Exchange:
    """Send one request and return what happened.

    :param pieces: the body, as the server hands it on
    :param response: what the app sends once it has read the body
    :param after: how many messages the app asks for once it has read the body
    :param incoming: the messages that the app may receive, in place of ``pieces``
    """
    result = Exchange()
    pieces = pieces or [b""]
    queue = incoming or [
        {"type": "http.request", "body": piece, "more_body": n < len(pieces)} for n, piece in enumerate(pieces, start=1)
    ]
    answer = response or [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]},
        {"type": "http.response.body", "body": b"{}"},
    ]
    full = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "client": ("203.0.113.77", 5000),
        "server": (HOST, 443), "state": {}, **scope, "headers": [(b"host", HOST.encode()), *(headers or [])],
    }  # fmt: skip

    async def app(scope: Any, receive: Any, send: Any) -> None:
        result.scope = scope
        while True:
            message = await receive()
            result.received.append(message)
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        for message in answer:
            await send(dict(message))
        for _ in range(after):
            result.received.append(await receive())

    async def receive() -> Any:
        return dict(queue.pop(0)) if queue else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        result.sent.append(message)

    mounted.app = app
    asyncio.run(mounted(full, receive, send))
    return result
