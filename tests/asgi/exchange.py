"""ASGI spoken by hand: one request in raw messages, and what came out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_mw import ConsentMiddleware

SECRET = "0123456789abcdef0123456789abcdef"
HOST = b"shop.example"
HTML = (b"content-type", b"text/html; charset=utf-8")
TEXT = (b"content-type", b"text/plain")
PAGE = b"<!doctype html><html><head><title>Boats</title></head><body><p>Boats</p></body></html>"
TRACKER = b'<script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
GATED = b' type="text/plain" data-consent-src="https://www.googletagmanager.com'

Headers = Iterable[tuple[bytes, bytes]]


class Answer:
    """Everything an app sent for one request."""

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages

    @property
    def start(self) -> Message:
        return next(m for m in self.messages if m["type"].endswith(("response.start", "websocket.accept")))

    @property
    def status(self) -> int:
        return int(self.start["status"])

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.messages if m["type"].endswith("response.body"))

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.start["headers"] if key.lower() == name]

    def one(self, name: bytes) -> bytes | None:
        values = self.all(name)
        assert len(values) <= 1, values
        return values[0] if values else None


def wrapped(app: ASGIApp, **config: Any) -> ConsentMiddleware:
    return ConsentMiddleware(app, config, secret_key=SECRET, ledger=None)


def http_scope(path: str = "/", headers: Headers = (), **values: Any) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", HOST), *headers],
        "client": ("203.0.113.7", 40000),
        "server": ("127.0.0.1", 443),
        "state": {"from": "the server"},
        **values,
    }


def websocket_scope(path: str = "/", headers: Headers = (), **values: Any) -> Scope:
    scope = http_scope(path, headers, type="websocket", scheme="wss", subprotocols=[], **values)
    del scope["method"]
    return scope


async def exchange(app: ASGIApp, scope: Scope, incoming: Iterable[Message] = ()) -> Answer:
    waiting = list(incoming) or [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answer(sent)


def call(app: ASGIApp, path: str = "/", headers: Headers = (), body: bytes = b"", **scope: Any) -> Answer:
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    return asyncio.run(exchange(app, http_scope(path, headers, **scope), incoming))


def consent_cookie(app: ASGIApp, decision: Mapping[str, Any] | None = None, **scope: Any) -> tuple[bytes, bytes]:
    """The Cookie header of a visitor who decided; by default, who accepted everything, the separate one included."""
    import json

    every = ("necessary", "identification", "personalization_analytics", "geolocation")
    decision = decision or {"action": "save", "categories": dict.fromkeys(every, True)}
    headers = [(b"sec-fetch-site", b"same-origin"), (b"content-type", b"application/json")]
    answer = call(app, "/consent/decision", headers, json.dumps(decision).encode(), method="POST", **scope)
    assert answer.status == 200, answer.body
    return b"cookie", answer.all(b"set-cookie")[0].partition(b";")[0]


def saying(*messages: Message, seen: list[Scope] | None = None) -> ASGIApp:
    """An app that sends the same message objects to everyone, as a careful app would not."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if seen is not None:
            seen.append(scope)
        for message in messages:
            await send(message)

    return app


def answering(
    body: bytes = PAGE, headers: Headers = (HTML,), status: int = 200, seen: list[Scope] | None = None
) -> ASGIApp:
    start = {"type": "http.response.start", "status": status, "headers": list(headers)}
    return saying(start, {"type": "http.response.body", "body": body}, seen=seen)


def in_chunks(chunks: Iterable[bytes], headers: Headers = (HTML,)) -> ASGIApp:
    start = {"type": "http.response.start", "status": 200, "headers": list(headers)}
    parts = [{"type": "http.response.body", "body": chunk, "more_body": True} for chunk in chunks]
    return saying(start, *parts, {"type": "http.response.body", "body": b""})


def without_ours(page: bytes) -> bytes:
    import re

    return re.sub(rb"<!--consent-->.*?<!--/consent-->", b"", page, flags=re.DOTALL)


Fault = Callable[..., Any]


def broken(*args: Any, **kwargs: Any) -> Any:
    """Stands in for any function of ours."""
    raise RuntimeError("injected fault")
