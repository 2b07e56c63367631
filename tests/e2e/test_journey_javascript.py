"""A visitor's journey with JavaScript: what the banner does, says and tells the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware, LedgerError
from consent_mw.ledger.base import MemoryLedger, Record
from e2e.apps.shop import shop
from e2e.apps.visitor import SECRET, accept, errors, jar, press, until

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

DECISION = "**/consent/decision"
_LISTEN = """
window.heard = [];
for (const name of ["consent:ready", "consent:change"])
  document.addEventListener(name, event => heard.push([name, event.detail]));
"""
# The last listener is put there after those of the page and of our scripts.
_ORDER = """
window.order = [];
const { get } = Object.getOwnPropertyDescriptor(window, "localStorage");
Object.defineProperty(window, "localStorage", { get() { order.push("store"); return get.call(this); } });
document.addEventListener("consent:ready", () => order.push("ready"));
document.addEventListener("DOMContentLoaded", () => {
  order.push(`end: ${typeof consent}`);
  addEventListener("load", () => order.push("load"));
});
"""


class BrokenLedger(MemoryLedger):
    """A ledger on a disk that is full until somebody repairs it."""

    broken = True

    async def append(self, record: Record) -> int:
        if self.broken:
            raise LedgerError("no space left on device")
        return await super().append(record)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        context.route(lambda url: not url.startswith("http://127.0.0.1"), _empty)
        yield context
        context.unroute_all(behavior="ignoreErrors")  # closing would wait for what a handler still holds


@pytest.fixture
def site(serve: Serve) -> str:
    config = {"use": ["google-analytics", "hotjar"]}
    return serve(ConsentMiddleware(shop(), config, secret_key=SECRET, ledger="memory://"))


@pytest.fixture
def page(context: BrowserContext, site: str) -> Page:
    context.add_init_script(_LISTEN)
    page = context.new_page()
    page.goto(site)
    page.wait_for_function("window.consent && heard.length")
    return page


def _empty(route: Route) -> None:
    route.fulfill(content_type="text/javascript", body="")


def _state(page: Page, site: str) -> dict[str, Any]:
    state: dict[str, Any] = page.request.get(site + "/consent/state").json()
    return state


def _granted(state: dict[str, Any]) -> list[str]:
    return [id for id, decision in {**state["categories"], **state["services"]}.items() if decision == "granted"]


# The banner waits for the server


def test_the_banner_stays_until_the_server_has_confirmed(page: Page, context: BrowserContext) -> None:
    held: list[Route] = []
    page.route(DECISION, lambda route: held.append(route))
    press(page, "accept_all")
    until(page, lambda: bool(held), "the decision on its way")
    expect(page.locator("#consent-banner")).to_be_visible()
    assert page.evaluate("consent.granted('google-analytics')") is False
    assert page.locator('script[type="text/plain"][data-consent]').count() > 0
    held[0].continue_()
    expect(page.locator("#consent-banner")).to_be_hidden()
    assert page.evaluate("consent.granted('google-analytics')") is True


@pytest.mark.parametrize("outcome", ["503", "connection lost"])
def test_when_it_could_not_be_saved_the_banner_stays_and_says_so(
    page: Page, context: BrowserContext, outcome: str
) -> None:
    def fail(route: Route) -> None:
        if outcome == "503":
            route.fulfill(status=503, content_type="application/problem+json", body='{"title": "Not saved"}')
        else:
            route.abort()

    page.route(DECISION, fail)
    said_before = page.locator("#consent-status").text_content()
    press(page, "accept_all")
    expect(page.locator("#consent-status")).not_to_have_text(said_before or "")
    expect(page.locator("#consent-banner")).to_be_visible()
    expect(page.locator("#consent-status")).to_be_visible()
    assert page.evaluate("consent.granted('google-analytics')") is False
    assert [name for name, _ in page.evaluate("heard")] == ["consent:ready"]
    assert "consent" not in jar(context)

    page.unroute(DECISION)
    accept(page)
    assert page.evaluate("consent.granted('google-analytics')") is True


def test_with_a_broken_ledger_accepting_is_refused_and_refusing_works(serve: Serve, context: BrowserContext) -> None:
    ledger = BrokenLedger()
    site = serve(ConsentMiddleware(shop(), secret_key=SECRET, ledger=ledger))
    page = context.new_page()
    page.goto(site)
    press(page, "accept_all")
    expect(page.locator("#consent-status")).not_to_be_empty()
    expect(page.locator("#consent-banner")).to_be_visible()
    assert _state(page, site)["decided"] is False

    press(page, "reject_all")
    expect(page.locator("#consent-banner")).to_be_hidden()
    assert _state(page, site)["decided"] is True
    assert _granted(_state(page, site)) == ["necessary"]


# What a page's own scripts get


def test_events_carry_the_state(page: Page, site: str) -> None:
    ready = page.evaluate("heard")
    assert [name for name, _ in ready] == ["consent:ready"]
    assert ready[0][1] == _state(page, site)
    accept(page)
    heard = page.evaluate("heard")
    assert [name for name, _ in heard] == ["consent:ready", "consent:change"]
    assert heard[1][1] == {**_state(page, site), "receipt": heard[1][1]["receipt"]}
    assert page.evaluate("consent.state") == heard[1][1]


def test_what_can_wait_is_not_done_in_the_turn_in_which_a_page_ends(context: BrowserContext, site: str) -> None:
    context.add_init_script(_ORDER)
    page = context.new_page()
    page.goto(site)
    page.wait_for_function("order.includes('ready') && order.includes('store')")
    order = page.evaluate("order")
    assert order[0] == "end: object"
    assert order.index("load") < order.index("store")


def test_a_script_can_ask_decide_and_withdraw(page: Page, site: str) -> None:
    assert page.evaluate("consent.granted('necessary')") is True
    assert page.evaluate("consent.granted('personalization_analytics')") is False
    page.evaluate("consent.decide({action: 'save', categories: {identification: true}, services: {hotjar: true}})")
    assert _granted(_state(page, site)) == ["necessary", "identification", "hotjar"]
    assert page.evaluate("consent.granted('hotjar')") is True
    assert page.evaluate("consent.granted('google-analytics')") is False
    expect(page.locator("#consent-banner")).to_be_hidden()

    with page.expect_response(lambda response: response.url.endswith("/consent/withdraw")):
        page.evaluate("void consent.withdraw()")
    until(page, lambda: _granted(_state(page, site)) == ["necessary"], "the withdrawal")


def test_the_preferences_open_from_a_script_and_save_what_is_ticked(page: Page, site: str) -> None:
    page.evaluate("consent.open()")
    preferences = page.locator("#consent-preferences")
    expect(preferences).to_be_visible()
    assert preferences.locator("input:checked:not(:disabled)").count() == 0, "nothing is ticked beforehand"
    preferences.locator('input[name="service"][value="hotjar"]').check()
    press(page, "save", within="#consent-preferences")
    expect(preferences).to_be_hidden()
    assert _granted(_state(page, site)) == ["necessary", "hotjar"]


def test_closing_the_preferences_decides_nothing(page: Page, site: str) -> None:
    press(page, "open")
    page.locator('#consent-preferences input[name="category"][value="personalization_analytics"]').check()
    press(page, "close", within="#consent-preferences")
    expect(page.locator("#consent-preferences")).to_be_hidden()
    expect(page.locator("#consent-banner")).to_be_visible()
    assert _state(page, site)["decided"] is False


# By keyboard, and in two tabs


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"60 times Tab did not lead to {selector}")


@pytest.mark.parametrize("action", ["accept_all", "reject_all"])
def test_the_first_layer_by_keyboard_alone(page: Page, site: str, action: str) -> None:
    _tab_to(page, f'#consent-banner [data-consent-action="{action}"]')
    page.keyboard.press("Enter")
    expect(page.locator("#consent-banner")).to_be_hidden()
    assert ("personalization_analytics" in _granted(_state(page, site))) is (action == "accept_all")


def test_the_preferences_by_keyboard_alone(page: Page, site: str) -> None:
    opener = '#consent-banner [data-consent-action="open"]'
    _tab_to(page, opener)
    page.keyboard.press("Enter")
    expect(page.locator("#consent-preferences")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#consent-preferences")).to_be_hidden()
    assert page.evaluate("selector => document.activeElement.matches(selector)", opener), "focus goes back"

    page.keyboard.press("Enter")
    _tab_to(page, '#consent-preferences input[name="category"][value="identification"]')
    page.keyboard.press("Space")
    _tab_to(page, '#consent-preferences [data-consent-action="save"]')
    page.keyboard.press("Enter")
    expect(page.locator("#consent-preferences")).to_be_hidden()
    expect(page.locator("#consent-banner")).to_be_hidden()
    assert _granted(_state(page, site)) == ["necessary", "identification"]


def test_a_second_tab_follows_what_was_chosen_in_the_first(page: Page, context: BrowserContext, site: str) -> None:
    wrong = errors(page)
    second = context.new_page()
    second.goto(site)
    expect(second.locator("#consent-banner")).to_be_visible()
    accept(page)
    expect(second.locator("#consent-banner")).to_be_hidden()
    assert second.evaluate("consent.granted('google-analytics')") is True

    with page.expect_navigation():  # what runs in the first tab can only be stopped by a fresh page
        second.evaluate("void consent.withdraw()")
    until(second, lambda: _granted(_state(second, site)) == ["necessary"], "the withdrawal in the second tab")
    page.wait_for_function("window.consent")
    assert page.evaluate("consent.granted('google-analytics')") is False
    assert wrong == []
