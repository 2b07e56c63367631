"""A signal that a browser says to scripts only, in a real Chromium: told once, shown, overridden only afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from playwright.sync_api import Route as PlaywrightRoute
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from consent_mw.ledger.base import Event, MemoryLedger

pytestmark = pytest.mark.e2e
Serve = Callable[[ASGIApp], str]

SECRET = "0123456789abcdef0123456789abcdef"
CALIFORNIA = {"country_header": "cf-ipcountry", "trusted_proxies": ["*"], "opt_out": ["us-opt-out"]}
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title></head><body><h1>Shop</h1>
<script data-consent="personalization_analytics">window.ran = true</script></body></html>"""
SAYS_IT = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
HONOURED = "Opt-out request honored"


async def shop(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


def site(ledger: MemoryLedger, **config: Any) -> ASGIApp:
    return ConsentMiddleware(Starlette(routes=[Route("/", shop)]), config, secret_key=SECRET, ledger=ledger)


@pytest.fixture
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that sets the property and sends no header."""
    with browser.new_context(locale="en-US", extra_http_headers={"cf-ipcountry": "US-CA"}) as context:
        context.add_init_script(SAYS_IT)
        yield context


def told(page: Page) -> list[str]:
    """Gets the bodies of what the page's script sends from now on."""
    bodies: list[str] = []

    def note(response: Response) -> None:
        if response.request.method == "POST":
            bodies.append(response.request.post_data or "")

    page.on("response", note)
    return bodies


def test_it_is_told_once_and_shown_on_every_page(serve: Serve, profile: BrowserContext) -> None:
    address = serve(site(ledger := MemoryLedger(), regime=CALIFORNIA))
    page = profile.new_page()
    bodies = told(page)
    for _ in range(3):
        page.goto(address)
        expect(page.locator("#consent-status")).to_have_text(HONOURED)
        expect(page.locator("#consent-status")).to_be_visible()
    assert bodies == ['{"signal":"gpc"}']
    assert [record.statement.event for record in ledger.records] == [Event.SIGNAL_HONOURED]
    assert page.evaluate("consent.granted('personalization_analytics') || 'ran' in window") is False


def test_where_a_banner_asked_it_makes_room(serve: Serve, profile: BrowserContext) -> None:
    address = serve(site(MemoryLedger()))
    page = profile.new_page()
    page.goto(address)
    expect(page.locator("#consent-status")).to_have_text(HONOURED)
    expect(page.locator("#consent-banner")).to_be_hidden()
    expect(page.locator("#consent-entry")).to_be_visible()
    page.reload()
    expect(page.locator("#consent-banner")).to_be_hidden()
    expect(page.locator("#consent-status")).to_have_text(HONOURED)


def test_a_choice_made_afterwards_stands(serve: Serve, profile: BrowserContext) -> None:
    address = serve(site(ledger := MemoryLedger()))
    page = profile.new_page()
    page.goto(address)
    expect(page.locator("#consent-status")).to_have_text(HONOURED)
    page.evaluate("consent.decide({ action: 'accept_all' })")
    bodies = told(page)
    page.goto(address)
    page.wait_for_function("window.ran")
    expect(page.locator("#consent-status")).to_be_empty()
    assert bodies == []
    assert [(record.statement.event, record.statement.signals) for record in ledger.records] == [
        (Event.SIGNAL_HONOURED, ("gpc",)),
        (Event.CHANGED, ("gpc",)),
    ]


@pytest.mark.parametrize("header", [{}, {"sec-gpc": "1"}], ids=["script only", "header too"])
def test_a_page_for_everybody_has_it_remembered(serve: Serve, profile: BrowserContext, header: dict[str, str]) -> None:
    config = {"regime": CALIFORNIA, "enforcement": {"html": "universal"}}
    address = serve(site(ledger := MemoryLedger(), **config))
    page = profile.new_page()
    page.set_extra_http_headers(header)
    for _ in range(2):
        page.goto(address)
        expect(page.locator("#consent-status")).to_have_text(HONOURED)
        expect(page.locator("#consent-banner")).to_be_hidden()
    assert [record.statement.event for record in ledger.records] == [Event.SIGNAL_HONOURED]
    assert page.evaluate("'ran' in window") is False
    page.evaluate("consent.decide({ action: 'accept_all' })")
    page.wait_for_function("window.ran")
    page.goto(address)
    page.wait_for_function("window.ran")
    expect(page.locator("#consent-status")).to_be_empty()


def test_where_the_answer_cannot_be_kept_no_page_reloads_for_ever(serve: Serve, profile: BrowserContext) -> None:
    address = serve(site(MemoryLedger(), regime=CALIFORNIA))
    page = profile.new_page()
    loads: list[str] = []

    def forget(route: PlaywrightRoute) -> None:
        answer = route.fetch()
        kept = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
        profile.clear_cookies()  # fetch() has put it there
        route.fulfill(response=answer, headers=kept)

    page.route("**/consent/decision", forget)
    page.on("load", lambda loaded: loads.append(loaded.url))
    with page.expect_response("**/consent/state"):
        page.goto(address)
    page.wait_for_function("window.consent.state && document.readyState === 'complete'")
    with page.expect_response("**/consent/state"):
        page.goto(address)
    page.wait_for_load_state("networkidle")
    assert len(loads) == 2
