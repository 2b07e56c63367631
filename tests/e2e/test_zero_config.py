"""One mount and nothing else, over a page with ten cookies and ten trackers, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from starlette.applications import Starlette
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps import chromium
from e2e.apps.shop import COOKIES, EXEMPT, HOSTS, IN_ORDER, PAGE, TRACKERS, shop
from e2e.apps.stand_in import StandIn, stand_in
from e2e.apps.visitor import SECRET, accept, jar, press, until, withdraw, without_ours

pytestmark = pytest.mark.e2e

OWN = {"consent"}


@pytest.fixture
def third_parties() -> Iterator[StandIn]:
    with stand_in() as server:
        yield server


@pytest.fixture(params=["profile", "incognito"])
def context(
    request: pytest.FixtureRequest, browser: Browser, third_parties: StandIn, tmp_path: Path
) -> Iterator[BrowserContext]:
    """A visitor for whom every host but the site's leads to the stand-in. Only a real profile preconnects."""
    options = chromium.options(third_parties.resolver_rules(HOSTS))
    if request.param == "profile":
        with browser.browser_type.launch_persistent_context(str(tmp_path / "profile"), **options) as context:
            yield context
    else:
        with browser.browser_type.launch(**options) as own_browser, own_browser.new_context() as context:
            yield context


@pytest.fixture
def app() -> Starlette:
    return shop()


@pytest.fixture
def site(app: Starlette, serve: Callable[[ASGIApp], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)  # where the default ledger is put
    return serve(ConsentMiddleware(app, secret_key=SECRET))


def test_without_the_middleware_the_page_sets_every_cookie_and_contacts_every_tracker(
    app: Starlette, serve: Callable[[ASGIApp], str], context: BrowserContext, third_parties: StandIn
) -> None:
    """What the other tests measure against: the stand-in and the jar do see it all."""
    page = context.new_page()
    page.goto(serve(app), wait_until="networkidle")
    assert set(third_parties.contacts) == set(TRACKERS)
    assert [name for name in page.evaluate("ran") if name in IN_ORDER] == IN_ORDER
    assert jar(context).keys() == COOKIES.keys() | EXEMPT.keys()


def test_nothing_before_consent_everything_after_it_nothing_after_withdrawal(
    app: Starlette, site: str, context: BrowserContext, third_parties: StandIn
) -> None:
    page = context.new_page()
    for _ in range(2):
        page.goto(site, wait_until="networkidle")
    assert third_parties.contacts == []
    assert third_parties.connections == 0
    assert jar(context).keys() == EXEMPT.keys()
    assert app.state.seen == [{}, EXEMPT]

    requests = len(app.state.seen)
    accept(page)
    until(page, lambda: set(third_parties.contacts) >= set(TRACKERS), "all ten trackers")
    assert set(third_parties.contacts) == set(TRACKERS)
    until(page, lambda: "js.hs-scripts.com" in page.evaluate("ran"), "the last script in order")
    assert [name for name in page.evaluate("ran") if name in IN_ORDER] == IN_ORDER
    assert len(app.state.seen) == requests, "acceptance needs no reload"
    page.goto(site)
    assert jar(context).keys() == COOKIES.keys() | EXEMPT.keys() | OWN
    page.goto(site)
    assert app.state.seen[-1] == COOKIES | EXEMPT
    until(page, lambda: page.evaluate("ran").count("analytics.tiktok.com") == 1, "the module script")
    assert [name for name in page.evaluate("ran") if name in IN_ORDER] == IN_ORDER

    withdraw(page)
    page.wait_for_load_state("networkidle")
    third_parties.forget()
    page.goto(site, wait_until="networkidle")
    assert third_parties.contacts == []
    assert jar(context).keys() == EXEMPT.keys() | OWN
    assert app.state.seen[-1] == EXEMPT


def test_cookies_from_before_the_middleware_do_not_reach_the_app_and_leave_with_a_refusal(
    app: Starlette, site: str, context: BrowserContext
) -> None:
    context.add_cookies([{"name": name, "value": value, "url": site} for name, value in COOKIES.items()])
    page = context.new_page()
    page.goto(site)
    assert app.state.seen == [{}]
    press(page, "reject_all")
    expect(page.locator("#consent-banner")).to_be_hidden()
    assert jar(context).keys() == EXEMPT.keys() | OWN


def test_a_page_that_may_load_everything_is_sent_as_it_is(site: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(site)
    accept(page)
    page.goto(site)
    assert without_ours(page.request.get(site).text()) == PAGE
