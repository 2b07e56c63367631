"""A visitor whose browser runs no JavaScript: the same choices, by plain forms and links."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps import chromium
from e2e.apps.shop import HOSTS, NOSCRIPT, shop
from e2e.apps.stand_in import StandIn, stand_in
from e2e.apps.visitor import SECRET, jar, press

pytestmark = pytest.mark.e2e

BANNER = "#consent-banner"
PAGE = "/boats/yawl?sail=lug&mast=2"
GRANTED, DENIED = "granted", "denied"


@pytest.fixture
def third_parties() -> Iterator[StandIn]:
    with stand_in() as server:
        yield server


@pytest.fixture
def context(browser: Browser, third_parties: StandIn) -> Iterator[BrowserContext]:
    with (
        browser.browser_type.launch(**chromium.options(third_parties.resolver_rules(HOSTS))) as own_browser,
        own_browser.new_context(java_script_enabled=False) as context,
    ):
        yield context


@pytest.fixture
def site(serve: Callable[[ASGIApp], str]) -> str:
    config = {"use": ["google-analytics", "hotjar"]}
    return serve(ConsentMiddleware(shop(), config, secret_key=SECRET, ledger="memory://"))


@pytest.fixture
def undeclared(serve: Callable[[ASGIApp], str]) -> str:
    return serve(ConsentMiddleware(shop(), secret_key=SECRET, ledger="memory://"))


def _decisions(page: Page, site: str) -> dict[str, str]:
    state = page.request.get(site + "/consent/state").json()
    return {**state["categories"], **state["services"]} if state["decided"] else {}


def test_accepting_leads_back_to_the_page_and_lets_its_trackers_load(
    undeclared: str, context: BrowserContext, third_parties: StandIn
) -> None:
    page = context.new_page()
    page.goto(undeclared + PAGE, wait_until="networkidle")
    assert third_parties.connections == 0, "the pixel in <noscript> is live for this visitor"
    press(page, "accept_all")
    expect(page).to_have_url(undeclared + PAGE)
    expect(page.locator(BANNER)).to_be_hidden()
    page.wait_for_load_state("networkidle")
    assert NOSCRIPT in third_parties.contacts
    assert _decisions(page, undeclared) == {
        "necessary": GRANTED,
        "identification": GRANTED,
        "personalization_analytics": GRANTED,
        "geolocation": DENIED,
    }


def test_rejecting_leads_back_to_the_page(site: str, context: BrowserContext, third_parties: StandIn) -> None:
    page = context.new_page()
    page.goto(site + PAGE)
    press(page, "reject_all")
    expect(page).to_have_url(site + PAGE)
    expect(page.locator(BANNER)).to_be_hidden()
    assert set(_decisions(page, site).values()) == {DENIED, GRANTED}
    assert [id for id, decision in _decisions(page, site).items() if decision == GRANTED] == ["necessary"]
    page.reload(wait_until="networkidle")
    assert third_parties.contacts == []
    assert jar(context).keys() == {"csrftoken", "consent"}


def test_choosing_one_by_one(site: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(site + PAGE)
    press(page, "open")
    assert page.url.startswith(site + "/consent/preferences")
    assert page.locator("input[type=checkbox]:checked:not(:disabled)").count() == 0, "nothing is ticked beforehand"
    page.locator('input[name="category"][value="identification"]').check()
    page.locator('input[name="service"][value="hotjar"]').check()
    press(page, "save", within="#consent-preferences")
    expect(page).to_have_url(site + PAGE)
    assert _decisions(page, site) == {
        "necessary": GRANTED,
        "identification": GRANTED,
        "personalization_analytics": DENIED,
        "geolocation": DENIED,
        "google-analytics": DENIED,
        "hotjar": GRANTED,
    }


def test_withdrawing(site: str, context: BrowserContext, third_parties: StandIn) -> None:
    page = context.new_page()
    page.goto(site + PAGE)
    press(page, "accept_all")
    page.goto(site + PAGE)
    assert "_ga" in jar(context)
    page.locator('[data-consent-action="open"]:visible').first.click()
    press(page, "withdraw", within="#consent-preferences")
    expect(page).to_have_url(site + PAGE)
    assert jar(context).keys() == {"csrftoken", "consent"}
    assert [id for id, decision in _decisions(page, site).items() if decision == GRANTED] == ["necessary"]
    third_parties.forget()
    page.goto(site + PAGE, wait_until="networkidle")
    assert third_parties.contacts == []


def test_the_choice_can_be_changed_on_the_preferences_page(site: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(site + "/consent/preferences")
    page.locator('input[name="category"][value="personalization_analytics"]').check()
    press(page, "save", within="#consent-preferences")
    page.goto(site + "/consent/preferences")
    toggle = page.locator('input[name="category"][value="personalization_analytics"]')
    expect(toggle).to_be_checked()
    toggle.uncheck()
    for service in page.locator('input[name="service"]').all():
        service.uncheck()
    press(page, "save", within="#consent-preferences")
    assert [id for id, decision in _decisions(page, site).items() if decision == GRANTED] == ["necessary"]


def test_whoever_refuses_in_the_preferences_sees_a_link_to_the_receipt(site: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(site + PAGE)
    press(page, "reject_all")
    page.locator('[data-consent-action="open"]:visible').first.click()
    press(page, "reject_all", within="#consent-preferences")
    expect(page.locator("#consent-status")).to_have_text("Your choice is saved.")
    page.get_by_role("link", name="Your receipt").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your receipt")
    expect(page.locator("main")).to_contain_text("Refused")
    page.go_back()
    press(page, "close", within="#consent-preferences")
    expect(page).to_have_url(site + PAGE)
    assert "ticket" not in page.evaluate("document.referrer")
