"""A site with a real ledger, asked over ASGI: what the tests of records and receipts share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from consent_mw.ledger.open import open_store
from consent_mw.ledger.store import Store

T = TypeVar("T")

SECRET = "a secret key of at least 32 bytes!"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


async def _page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("a page")


class Visitor:
    """A browser of its own, without cookies yet. Every request runs in an event loop of its own."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self.cookies = httpx.Cookies()
        self._app = app
        self._headers = {**SAME_ORIGIN, **headers}

    def get(self, address: str, **options: Any) -> httpx.Response:
        return asyncio.run(self.ask("GET", address, **options))

    def post(self, address: str, **options: Any) -> httpx.Response:
        return asyncio.run(self.ask("POST", address, **options))

    async def ask(self, method: str, address: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(
            transport=transport, base_url="https://shop.example", headers=self._headers, cookies=self.cookies
        ) as client:
            response = await client.request(method, address, **options)
            self.cookies = client.cookies
            return response


class Journal:
    """One site and the SQLite ledger behind it."""

    def __init__(self, directory: Path, config: dict[str, Any] | None = None, **options: Any) -> None:
        self.path = directory / "ledger.sqlite3"
        self.dsn = f"sqlite:///{self.path}"
        app = Starlette(routes=[Route("/{path:path}", _page)])
        settings: dict[str, Any] = {"secret_key": SECRET, "ledger": self.dsn, **options}
        self.app = ConsentMiddleware(app, config, **settings)

    def visitor(self, **headers: str) -> Visitor:
        return Visitor(self.app, headers)

    def read(self, work: Callable[[Store], T]) -> T:
        with open_store(self.dsn) as store:
            return work(store)


def decide(visitor: Visitor, action: str = "accept_all", **answers: Any) -> dict[str, Any]:
    """Returns the answer; fails the test unless it was 200."""
    response = visitor.post("/consent/decision", json={"action": action, **answers})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body
