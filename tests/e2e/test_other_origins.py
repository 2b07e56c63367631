"""Other sites, and siblings under the same domain, in a real browser: neither chooses for a visitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi.exchange import answering, call
from consent_mw import ConsentMiddleware
from consent_mw.ledger.base import MemoryLedger
from e2e.apps import chromium
from e2e.apps.visitor import SECRET, press

pytestmark = pytest.mark.e2e

SITES = ["shop.test", "shop.localhost"]
"""Browsers send ``Sec-Fetch-Site`` to ``localhost`` names, as over https; to the other only ``Origin``."""


def _form(target: str) -> str:
    fields = '<input name="action" value="accept_all"><input name="return_to" value="/">'
    return f'<form method="post" action="{escape(target)}">{fields}</form><script>document.forms[0].submit()</script>'


def _fetch(target: str, kind: str) -> str:
    return f"""<script>fetch("{target}", {{method: "POST", mode: "no-cors", credentials: "include",
      headers: {{"content-type": "{kind}"}}, body: '{{"action": "accept_all"}}'}})</script>"""


ATTACKS: dict[str, Callable[[str], str]] = {
    "form": _form,
    "form in a sandbox": lambda target: (
        f'<iframe sandbox="allow-forms allow-scripts" srcdoc="{escape(_form(target))}"></iframe>'
    ),
    "form from a data address": lambda target: f'<iframe src="data:text/html,{escape(_form(target))}"></iframe>',
    "fetch as text": lambda target: _fetch(target, "text/plain"),
    "fetch as form": lambda target: _fetch(target, "application/x-www-form-urlencoded"),
    "beacon": lambda target: (
        f'<script>navigator.sendBeacon("{target}", new URLSearchParams("action=accept_all"))</script>'
    ),
    "image": lambda target: f'<img src="{target}?action=accept_all">',
}


async def _attack(request: Request) -> Response:
    target = request.query_params["target"]
    if "how" in request.query_params:
        return HTMLResponse(ATTACKS[request.query_params["how"]](target))
    frames = (urlencode({"how": how, "target": target}) for how in ATTACKS)
    return HTMLResponse("".join(f'<iframe src="/attack?{escape(frame)}"></iframe>' for frame in frames))


async def _toss(request: Request) -> Response:
    response = HTMLResponse("tossed")
    name, token = bytes.fromhex(request.query_params["name"]), request.query_params["token"].encode()
    domain = request.query_params["domain"].encode()
    response.raw_headers.append((b"set-cookie", name + b"=" + token + b"; Path=/; Domain=" + domain))
    return response


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    rules = "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.localhost 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options(rules))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        yield context


Serve = Callable[[ASGIApp], str]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def asked() -> list[str]:
    """Paths that browsers asked the site for."""
    return []


@pytest.fixture
def port(serve: Serve, ledger: MemoryLedger, asked: list[str]) -> int:
    app = ConsentMiddleware(answering(), secret_key=SECRET, ledger=ledger)

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope.get("path", ""))
        await app(scope, receive, send)

    return urlsplit(serve(watched)).port or 0


@pytest.fixture
def attacker(serve: Serve) -> int:
    return urlsplit(serve(Starlette(routes=[Route("/attack", _attack), Route("/toss", _toss)]))).port or 0


def _state(page: Page, site: str) -> dict[str, Any]:
    answer = page.goto(f"{site}/consent/state")
    assert answer is not None
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("host", SITES)
def test_no_other_origin_decides(
    context: BrowserContext, port: int, attacker: int, ledger: MemoryLedger, asked: list[str], host: str
) -> None:
    site = f"http://{host}:{port}"
    page = context.new_page()
    page.goto(site)
    for other in (f"evil.{host.rpartition('.')[2]}", f"sub.{host}"):
        asked.clear()
        query = urlencode({"target": f"{site}/consent/decision"})
        page.goto(f"http://{other}:{attacker}/attack?{query}", wait_until="networkidle")
        assert asked.count("/consent/decision") == len(ATTACKS), "each attack was carried out"
    page.goto(f"http://sub.{host}:{attacker}/attack?how=form&{query}")
    page.wait_for_url(f"{site}/consent/decision")
    assert context.cookies() == []
    assert ledger.records == []
    assert _state(page, site)["decided"] is False


def _accepting_token(host: str) -> str:
    """What an attacker gets for the asking: their own acceptance on this very site."""
    app = ConsentMiddleware(answering(), secret_key=SECRET, ledger=None)
    headers = [(b"origin", f"http://{host}".encode()), (b"content-type", b"application/json")]
    answer = call(
        _as(host, app), "/consent/decision", headers, b'{"action": "accept_all"}', method="POST", scheme="http"
    )
    return answer.all(b"set-cookie")[0].partition(b";")[0].partition(b"=")[2].decode()


def _as(host: str, app: ASGIApp) -> ASGIApp:
    async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, host.encode() if name == b"host" else value) for name, value in scope["headers"]]
        await app({**scope, "headers": headers}, receive, send)

    return renamed


TOKEN = _accepting_token("shop.test")


def test_the_tossed_token_would_grant_if_it_came_by_itself(context: BrowserContext, port: int) -> None:
    site = f"http://shop.test:{port}"
    context.add_cookies([{"name": "consent", "value": TOKEN, "url": site}])
    assert _state(context.new_page(), site)["decided"] is True


NAMES = [b"consent", b"\xa0consent", b"\x85consent", b"consent\xa0", b"\xa0\xa0consent", "\u00a0consent".encode()]


def _toss_to(context: BrowserContext, attacker: int, name: bytes, token: str) -> None:
    query = urlencode({"name": name.hex(), "token": token, "domain": "shop.test"})
    page = context.new_page()
    page.goto(f"http://sub.shop.test:{attacker}/toss?{query}")
    page.close()


def test_a_sibling_that_plants_a_cookie_grants_nothing(browser: Browser, port: int, attacker: int) -> None:
    site = f"http://shop.test:{port}"
    for name in NAMES:
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(site)
            press(page, "reject_all")
            page.wait_for_function("consent.state.decided")
            _toss_to(context, attacker, name, TOKEN)
            categories = _state(page, site)["categories"]
            assert [id for id, decision in categories.items() if decision == "granted"] == ["necessary"], name


def test_what_a_sibling_plants_really_arrives(context: BrowserContext, serve: Serve, attacker: int) -> None:
    """Or the test above would prove nothing."""
    seen: list[Scope] = []
    site = f"http://shop.test:{urlsplit(serve(answering(seen=seen))).port}"
    page = context.new_page()
    for name in NAMES:
        _toss_to(context, attacker, name, "x")
    page.goto(site)
    sent = b";".join(value for name, value in seen[-1]["headers"] if name == b"cookie")
    assert {b"consent=x", b"\xa0consent=x", b"\x85consent=x"} <= {part.strip(b" ") for part in sent.split(b";")}
