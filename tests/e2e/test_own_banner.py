"""A site that asks in its own way: the example of the documentation, with JavaScript and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jinja2 import Environment
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.visitor import SECRET, errors, press
from test_docs import ROOT, code

pytestmark = pytest.mark.e2e

EXAMPLE = code(ROOT / "docs/how-to/own-banner.md", "html")[0]
SERVICES = [{"id": "wave", "name": "Wave", "purposes": ["analytics"], "paths": ["/wave.js", "/film.html"]}]
PAGE = Environment(autoescape=True).from_string(
    f"<!doctype html><body>{EXAMPLE}<script src=/wave.js></script><iframe src=/film.html></iframe>"
)


@pytest.fixture
def site(serve: Callable[[ASGIApp], str]) -> str:
    async def home(request: Request) -> Response:
        return HTMLResponse(PAGE.render(request=request))

    async def script(request: Request) -> Response:
        return Response("window.ran = true", media_type="text/javascript")

    async def film(request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>film</title><body>film")

    app = Starlette(routes=[Route("/", home), Route("/wave.js", script), Route("/film.html", film)])
    return serve(
        ConsentMiddleware(
            app, {"services": SERVICES, "banner": {"enabled": False}}, secret_key=SECRET, ledger="memory://"
        )
    )


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    with browser.new_context(java_script_enabled=request.param) as context:
        yield context


def _services(page: Page, site: str) -> Any:
    return page.request.get(site + "/consent/state").json()["services"]


def test_it_is_asked_for_and_given_and_taken_back(site: str, context: BrowserContext) -> None:
    page = context.new_page()
    wrong = errors(page)
    page.goto(site)
    expect(page.locator("#consent-banner")).to_have_count(0)
    expect(page.locator("#consent-entry")).to_be_hidden()
    expect(page.locator("script[type='text/plain']")).to_have_count(1)
    press(page, "accept_all", "#ask")
    expect(page.locator("#ask:visible")).to_have_count(0)
    expect(page.locator("script[type='text/plain']")).to_have_count(0)
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("film")
    press(page, "open", "footer")
    press(page, "withdraw", "#consent-preferences")
    expect(page.locator("script[type='text/plain']")).to_have_count(1)
    assert _services(page, site) == {"wave": "denied"}
    assert wrong == []


def test_a_frame_can_be_allowed_where_it_stands(site: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(site)
    press(page, "allow", "[data-consent-placeholder]")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("film")
    assert _services(page, site) == {"wave": "granted"}


def test_who_sends_a_signal_is_not_asked(site: str, browser: Browser) -> None:
    with browser.new_context(extra_http_headers={"Sec-GPC": "1"}) as context:
        page = context.new_page()
        page.goto(site)
        expect(page.locator("footer")).to_be_visible()
        expect(page.locator("#ask")).to_have_count(0)


def test_a_script_of_the_site_has_the_whole_interface(site: str, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site)
        page.wait_for_function("window.consent")
        assert page.evaluate("consent.decide({action: 'reject_all'}).then(state => state.decided)") is True
        expect(page.locator("#ask")).to_be_hidden()
        page.evaluate("consent.open()")
        expect(page.locator("#consent-preferences")).to_be_visible()
        page.keyboard.press("Escape")
        page.evaluate("consent.decide({action: 'save', services: {wave: true}})")
        page.wait_for_function("window.ran")
        assert page.evaluate("consent.granted('wave')") is True
