"""One site and its visitors, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from consent_mw import ConsentMiddleware, get_consent
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.choice import Choice
from consent_mw.core.decision import decide, resolve
from consent_mw.core.regime import DAY_SECONDS, Rules
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.jurisdiction import Jurisdictions
from consent_mw.ledger.base import MemoryLedger

SECRET = "0123456789abcdef0123456789abcdef"
CATEGORIES = ("identification", "personalization_analytics", "geolocation")
EVERYWHERE = {"country_header": "cf-ipcountry", "trusted_proxies": ["*"]}
LAX = {**EVERYWHERE, "opt_out": ["uk", "us", "us-opt-out"]}
GPC = {"sec-gpc": "1"}
SERVICES = [
    {
        "id": "counter", "name": "Counter", "owner": "Counter SA", "country": "FR", "purposes": ["analytics"],
        "hosts": ["counter.example"], "cookies": [{"name": "count", "days": 30}], "retention": "one month",
        "policy_url": "https://counter.example/privacy",
    },
    {
        "id": "ads", "name": "Ads", "owner": "Ads Inc.", "country": "US", "purposes": ["advertising"],
        "hosts": ["ads.example"], "cookies": [{"name": "ad", "days": 90}], "recipients": ["Bidder Ltd"],
        "retention": "three months", "policy_url": "https://ads.example/privacy",
    },
]  # fmt: skip
CONFIG: dict[str, Any] = {
    "regime": LAX,
    "controller": {"name": "Shop Ltd", "address": "1 Harbour Road", "email": "privacy@shop.example"},
    "policy": {"privacy_url": "/privacy"},
    "services": SERVICES,
}
HTML = """<!doctype html><html lang="{lang}"><head><title>Shop</title>
<script src="https://counter.example/c.js"></script></head>
<body><p>The whole page.</p><img src="https://ads.example/p.gif" alt=""></body></html>"""


async def page(request: Request) -> HTMLResponse:
    response = HTMLResponse(HTML.format(lang=request.query_params.get("lang", "en")))
    response.set_cookie("count", "1", max_age=86_400)
    response.set_cookie("ad", "1")
    response.set_cookie("unheard_of", "1")
    response.set_cookie("csrftoken", "1")
    return response


async def echo(request: Request) -> JSONResponse:
    consent = get_consent(request)
    return JSONResponse({"query": dict(request.query_params), "granted": consent.granted("personalization_analytics")})


class Visitor:
    """Somebody with a browser in a country, who reads pages and presses buttons."""

    def __init__(self, country: str = "DE", headers: dict[str, str] | None = None, **config: Any) -> None:
        self.ledger = MemoryLedger()
        app = Starlette(routes=[Route("/", page), Route("/echo", echo)])
        self.app = ConsentMiddleware(app, {**CONFIG, **config}, secret_key=SECRET, ledger=self.ledger)
        self.headers = {"cf-ipcountry": country, "accept": "text/html", "sec-fetch-site": "same-origin"}
        self.headers |= headers or {}
        self.client = AsyncClient(transport=ASGITransport(self.app), base_url="https://shop.test")

    async def reads(self, path: str = "/", **headers: str) -> Response:
        return await self.client.get(path, headers={**self.headers, **headers})

    async def says(self, action: str, **more: Any) -> Response:
        path = "/consent/withdraw" if action == "withdraw" else "/consent/decision"
        body = {} if action == "withdraw" else {"action": action, **more}
        return await self.client.post(path, json=body, headers=self.headers)

    async def state(self, **headers: str) -> dict[str, Any]:
        return dict((await self.reads("/consent/state", **headers)).json())

    async def granted(self, **headers: str) -> set[str]:
        state = await self.state(**headers)
        answers = {**state["categories"], **state["services"]}
        return {id for id, answer in answers.items() if answer == "granted"} - {"necessary"}

    async def preferences(self) -> str:
        return (await self.reads("/consent/preferences")).text


def rules(id: str, **regime: Any) -> Rules:
    found = Jurisdictions(ConsentConfig(regime={**EVERYWHERE, **regime})).all
    return next(rules for rules in found if rules.id == id)


def cookies_set(response: Response) -> set[str]:
    """Names of the cookies that a response gives, deletions left out."""
    given = [header for header in response.headers.get_list("set-cookie") if "Max-Age=0" not in header]
    return {header.partition("=")[0] for header in given}


def refused_after(days: int, regime: str) -> bool:
    """Whether a refusal still holds, so that nobody is asked."""
    policy, now = build_policy(ConsentConfig()), 1_795_485_600
    undecided = resolve(policy, None, NO_SIGNALS, rules(regime))
    stored = decide(undecided, Choice(action="reject_all"), site="x", now=now, new_subject=str)
    return resolve(policy, stored, NO_SIGNALS, rules(regime), now=now + days * DAY_SECONDS).decided
