"""A site over time: what it asks for first and then, its worker processes, and a clock. For the tests of policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from httpx import ASGITransport, AsyncClient, Cookies, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from consent_mw import ConsentMiddleware

SECRET = "0123456789abcdef0123456789abcdef"
DAY = 86_400
PUBLISHED = 1_796_083_200  # 2026-12-01, midnight UTC
EFFECTIVE = PUBLISHED + 14 * DAY
COUNTER = {"id": "counter", "name": "Counter", "purposes": ["analytics"], "cookies": [{"name": "count", "days": 30}]}
VIEWER = {"id": "viewer", "name": "Viewer", "purposes": ["media"], "cookies": [{"name": "view", "days": 30}]}
FIRST: dict[str, Any] = {"policy": {"version": "1"}, "services": [COUNTER]}
SECOND: dict[str, Any] = {
    "policy": {
        "version": "2",
        "published_at": "2026-12-01",
        "effective_at": "2026-12-15",
        "material": True,
        "changes": {"en": ["Films are embedded."], "de": ["Filme werden eingebettet."]},
    },
    "services": [COUNTER, VIEWER],
}


class Clock:
    now = float(PUBLISHED - 10 * DAY)

    def __call__(self) -> float:
        return self.now


async def page(request: Request) -> HTMLResponse:
    response = HTMLResponse("<!doctype html><html><body><p>hello</body></html>")
    response.set_cookie("count", "1")
    response.set_cookie("view", "1")
    return response


class Worker:
    """One process of the site: its own middleware over the same file of records."""

    def __init__(self, config: dict[str, Any], folder: Path, secret: str | list[str] = SECRET) -> None:
        ledger = f"sqlite:///{folder}/consent.sqlite3"
        self.app = ConsentMiddleware(Starlette(routes=[Route("/", page)]), config, secret_key=secret, ledger=ledger)

    async def asked(self, jar: Cookies, method: str, path: str, **more: Any) -> Response:
        headers = {"accept": "text/html", "sec-fetch-site": "same-origin", **more.pop("headers", {})}
        async with AsyncClient(transport=ASGITransport(self.app), base_url="https://site.test", cookies=jar) as client:
            response = await client.request(method, path, headers=headers, **more)
        for name in ("__Host-consent",):
            if name in response.cookies:
                jar.set(name, response.cookies[name], domain="site.test")
        return response

    async def reads(self, jar: Cookies, language: str = "en") -> Response:
        return await self.asked(jar, "GET", "/", headers={"accept-language": language})

    async def state(self, jar: Cookies) -> dict[str, Any]:
        return dict((await self.asked(jar, "GET", "/consent/state")).json())

    async def accepts(self, jar: Cookies) -> None:
        answer = await self.asked(jar, "POST", "/consent/decision", json={"action": "accept_all"})
        assert answer.status_code == 200

    async def stops(self) -> None:
        assert self.app.site.recorder is not None
        await self.app.site.recorder.close()
