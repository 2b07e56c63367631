"""A page that cannot be judged is served, denied, and said once."""

from __future__ import annotations

import asyncio
import logging

import pytest
from starlette.types import Message, Receive, Scope, Send

from consent_mw import ConsentMiddleware


def app_with(body: bytes, *headers: tuple[bytes, bytes]) -> ConsentMiddleware:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html"), *headers]}
        )
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"<p>end"})

    return ConsentMiddleware(app, secret_key="a secret of at least thirty-two bytes", ledger=None)


def get(app: ConsentMiddleware) -> bytes:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/a\n", "query_string": b"", "headers": [(b"host", b"site.test")]}
    asyncio.run(app(scope, receive, send))
    return b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<p>\x1b$B<img src=//www.google-analytics.com/a.gif>", ()),
        (b"<p>", ((b"content-encoding", b"unheard-of"),)),
        (b"no gzip", ((b"content-encoding", b"gzip"),)),
        (b"<select><style>", ()),
    ],
)
def test_it_is_said_once(
    body: bytes, headers: tuple[tuple[bytes, bytes], ...], caplog: pytest.LogCaptureFixture
) -> None:
    app = app_with(body, *headers)
    with caplog.at_level(logging.WARNING, logger="consent_mw.blocked"):
        pages = [get(app) for _ in range(3)]
    assert len(set(pages)) == 1
    assert b"<img src=//www.google-analytics.com" not in pages[0]
    said = [record.getMessage() for record in caplog.records if record.name == "consent_mw.blocked"]
    assert len(said) == 1
    assert not any("\n" in line for line in said)
