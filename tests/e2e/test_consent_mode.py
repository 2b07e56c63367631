"""Consent mode and signals in a real Chromium: "denied" before every tag, one update per decision, no nagging.

The vendors' tags are stand-ins on hosts of the catalogue; they record what was said to them before they ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route as Path
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware

pytestmark = pytest.mark.e2e

SECRET = "0123456789abcdef0123456789abcdef"
GTAG = """
window.seenByTag = [...dataLayer].map(entry => JSON.parse(JSON.stringify([...entry])));
window.seenByTagCount = (window.seenByTagCount || 0) + 1;
"""
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>
<script>window.first = JSON.stringify([...(window.dataLayer || [])].map(entry => [...entry]));</script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script>
<script>window.dataLayer = window.dataLayer || [];
function gtag(){dataLayer.push(arguments)}
gtag('js', new Date());gtag('config','G-TEST');</script>
</head><body><p>Hello</p></body></html>"""
ALL = {
    "ad_storage": "granted",
    "ad_user_data": "granted",
    "ad_personalization": "granted",
    "analytics_storage": "granted",
    "functionality_storage": "granted",
    "personalization_storage": "granted",
    "security_storage": "granted",
}
NONE = {key: "granted" if key == "security_storage" else "denied" for key in ALL}


async def shop(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


def app(**config: Any) -> ASGIApp:
    settings = {"consent_mode": {"google": True, "uet": True, "clarity": True}, **config}
    return ConsentMiddleware(Starlette(routes=[Path("/", shop)]), settings, secret_key=SECRET, ledger=None)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US")

    def answer(route: Route) -> None:
        if "googletagmanager.com" in route.request.url:
            route.fulfill(content_type="text/javascript", body=GTAG)
        else:
            route.abort()

    context.route(lambda url: "127.0.0.1" not in url, answer)
    yield context.new_page()
    context.unroute_all(behavior="ignoreErrors")
    context.close()


def said(page: Page) -> list[list[Any]]:
    """The consent commands in the order in which they were given."""
    entries: list[list[Any]] = page.evaluate("[...dataLayer].map(entry => [...entry])")
    return [entry for entry in entries if entry[0] == "consent"]


def test_denied_is_said_before_anything_of_the_page_runs(page: Page, serve: Callable[[ASGIApp], str]) -> None:
    page.goto(serve(app()))
    first: list[list[Any]] = page.evaluate("JSON.parse(window.first)")
    assert first[0] == ["consent", "default", {**NONE, "wait_for_update": 500}]
    assert first[1] == ["set", "ads_data_redaction", True]
    assert page.evaluate("window.seenByTagCount") is None  # basic mode: no grant, no tag
    assert page.evaluate("uetq") == ["consent", "default", {"ad_storage": "denied"}]
    assert page.evaluate("[...clarity.q[0]]") == ["consentv2", {"ad_Storage": "denied", "analytics_Storage": "denied"}]


def test_a_decision_is_one_update_and_the_tag_runs_after_it(page: Page, serve: Callable[[ASGIApp], str]) -> None:
    page.goto(serve(app()))
    page.click("#consent-banner [data-consent-action=accept_all]")
    page.wait_for_function("window.seenByTagCount")
    assert [entry[1] for entry in said(page)] == ["default", "update"]
    assert said(page)[1] == ["consent", "update", ALL]
    seen = [entry for entry in page.evaluate("window.seenByTag") if entry[0] == "consent"]
    assert [entry[1] for entry in seen] == ["default", "update"]
    assert page.evaluate("uetq.slice(3)") == ["consent", "update", {"ad_storage": "granted"}]
    assert page.evaluate("clarity.q.length") == 2


def test_a_returning_visitor_is_updated_before_the_first_tag(page: Page, serve: Callable[[ASGIApp], str]) -> None:
    page.goto(serve(app()))
    page.click("#consent-banner [data-consent-action=accept_all]")
    page.wait_for_function("window.seenByTagCount")
    page.reload()
    page.wait_for_function("window.seenByTagCount")
    first: list[list[Any]] = page.evaluate("JSON.parse(window.first)")
    assert [entry[1] for entry in first if entry[0] == "consent"] == ["default", "update"]
    assert len(said(page)) == 2


def test_a_refusal_needs_no_update(page: Page, serve: Callable[[ASGIApp], str]) -> None:
    page.goto(serve(app()))
    page.click("#consent-banner [data-consent-action=reject_all]")
    page.wait_for_function("consent.state.decided")
    assert [entry[1] for entry in said(page)] == ["default"]


def test_an_answer_for_the_vendors_service_beats_its_category(page: Page, serve: Callable[[ASGIApp], str]) -> None:
    page.goto(serve(app(use=["google-analytics", "google-ads"])))
    page.evaluate("consent.decide({action: 'save', services: {'google-analytics': true}})")
    page.wait_for_function("window.seenByTagCount")
    update = said(page)[1][2]
    assert (update["analytics_storage"], update["ad_storage"]) == ("granted", "denied")


def test_without_the_setting_nothing_of_it_is_there(page: Page, serve: Callable[[ASGIApp], str]) -> None:
    page.goto(serve(app(consent_mode={})))
    assert page.evaluate("window.first") == "[]"
    assert "data-vendors" not in page.content()


def test_a_visitor_with_gpc_from_california_sees_it_honoured_and_is_not_nagged(
    browser: Browser, serve: Callable[[ASGIApp], str]
) -> None:
    regime = {"country_header": "cf-ipcountry", "trusted_proxies": ["*"], "opt_out": ["us-opt-out"]}
    address = serve(app(regime=regime))
    context = browser.new_context(locale="en-US", extra_http_headers={"sec-gpc": "1", "cf-ipcountry": "US-CA"})
    context.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    page = context.new_page()
    for _ in range(2):
        page.goto(address)
        assert page.locator("#consent-status").inner_text() == "Opt-out request honored"
        assert page.locator("#consent-status").is_visible()
        assert not page.locator("#consent-banner").is_visible()
        assert page.get_by_text("Do not sell or share my personal information").is_visible()
        assert [entry[1] for entry in said(page)] == ["default"]
    context.set_extra_http_headers({"cf-ipcountry": "US-CA"})  # the signal is gone
    page.goto(address)
    assert page.evaluate("consent.granted('personalization_analytics')") is False
    assert not page.locator("#consent-banner").is_visible()
    context.unroute_all(behavior="ignoreErrors")
    context.close()
