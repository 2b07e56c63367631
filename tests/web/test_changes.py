"""The app is told of a change of mind, and can end an account."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from consent_mw import Consent, ConsentMiddleware, end_account
from consent_mw.ledger.base import MemoryLedger

pytestmark = pytest.mark.anyio
SECRET = "0123456789abcdef0123456789abcdef"
HEADERS = {"sec-fetch-site": "same-origin"}
SERVICE = {"id": "counter", "name": "Counter", "purposes": ["analytics"], "cookies": [{"name": "count", "days": 30}]}


async def close(request: Request) -> PlainTextResponse:
    response = PlainTextResponse("closed")
    await end_account(request, response)
    return response


def visitor(on_change: Any = None, ledger: Any = None) -> AsyncClient:
    app = Starlette(routes=[Route("/close", close, methods=["POST"])])
    mounted = ConsentMiddleware(app, {"services": [SERVICE]}, secret_key=SECRET, ledger=ledger, on_change=on_change)
    return AsyncClient(transport=ASGITransport(mounted), base_url="https://site.test", headers=HEADERS)


async def test_the_app_is_told_what_held_before_and_what_holds_now() -> None:
    told: list[tuple[str | None, bool, bool]] = []

    async def changed(connection: HTTPConnection, before: Consent, after: Consent) -> None:
        told.append((connection.cookies.get("count"), before.granted("counter"), after.granted("counter")))

    async with visitor(changed) as client:
        await client.post("/consent/decision", json={"action": "accept_all"})
        client.cookies.set("count", "7", domain="site.test")
        await client.post("/consent/withdraw")
        await client.post("/consent/withdraw")
    assert told == [(None, False, True), ("7", True, False)]


async def test_a_failure_is_tried_again_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent_mw.web.changes.FIRST_PAUSE_SECONDS", 0.0)
    attempts: list[int] = []

    async def changed(connection: HTTPConnection, before: Consent, after: Consent) -> None:
        attempts.append(1)
        raise OSError("the partner does not answer")

    async with visitor(changed) as client:
        answer = await client.post("/consent/decision", json={"action": "accept_all"})
    assert answer.json()["categories"]["personalization_analytics"] == "granted"
    assert len(attempts) == 3


async def test_the_end_of_an_account_empties_the_browser_and_the_records() -> None:
    ledger = MemoryLedger()
    async with visitor(ledger=ledger) as client:
        await client.post("/consent/decision", json={"action": "accept_all"})
        assert len(ledger.records) == 1
        answer = await client.post("/close")
    assert answer.headers["clear-site-data"] == '"cookies", "storage"'
    assert ledger.records == []  # none of them is about a person any more


async def test_a_visitor_without_records_can_end_their_account_too() -> None:
    async with visitor() as client:
        assert (await client.post("/close")).text == "closed"
