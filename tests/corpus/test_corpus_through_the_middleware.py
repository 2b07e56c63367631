"""The corpus through the whole middleware: headers, kinds of documents, codings; and a mode that changes nothing."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from starlette.types import ASGIApp, Message

from consent_mw import ConsentMiddleware
from corpus.forms import CONFIG, Form, benign, live, site

SECRET = "a secret of at least thirty-two bytes"
NAVIGATION = [
    (b"host", b"site.test"),
    (b"accept", b"text/html"),
    (b"sec-fetch-dest", b"document"),
    (b"accept-encoding", b"gzip, br"),
]
OURS = re.compile(rb"<!--consent-->.*?<!--/consent-->")
CHANGED = {b"content-length", b"cache-control", b"vary", b"permissions-policy"}


def answer(app: ASGIApp, path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "http_version": "1.1",
        "headers": NAVIGATION,
        "server": ("site.test", 80),
        "client": ("127.0.0.1", 1),
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], sent[0]["headers"], b"".join(message.get("body", b"") for message in sent[1:])


def middleware(forms: list[Form], **enforcement: str) -> ASGIApp:
    config = {**CONFIG, "banner": {"enabled": False}, "enforcement": enforcement}
    return ConsentMiddleware(site(forms), config, secret_key=SECRET, ledger=None)


LIVE, BENIGN = live(), benign()
GATED, REPORTED, BARE = middleware(LIVE), middleware(LIVE, mode="report-only"), site(LIVE)
GATED_BENIGN, BARE_BENIGN = middleware(BENIGN), site(BENIGN)


@pytest.mark.parametrize("form", BENIGN, ids=str)
def test_a_benign_answer_comes_through_byte_for_byte(form: Form) -> None:
    path = f"/form/{form.number}"
    status, headers, body = answer(GATED_BENIGN, path)
    bare_status, bare_headers, bare_body = answer(BARE_BENIGN, path)
    assert (status, OURS.sub(b"", body)) == (bare_status, bare_body)
    assert [h for h in bare_headers if h[0] not in CHANGED] == [h for h in headers if h[0] not in CHANGED]


@pytest.mark.parametrize("form", LIVE, ids=str)
def test_report_only_changes_nothing(form: Form) -> None:
    path = f"/form/{form.number}"
    assert answer(REPORTED, path) == answer(BARE, path)


@pytest.mark.parametrize("form", [form for form in LIVE if form.group == "headers"], ids=str)
def test_no_header_leads_to_the_tracker(form: Form) -> None:
    status, headers, _ = answer(GATED, f"/form/{form.number}")
    assert status == 200
    assert not any(b"tracker.test" in value for _, value in headers)
