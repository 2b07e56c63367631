"""The banner over time: other tabs, pages that come back, pages that rebuild themselves, browsers without cookies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps import chromium
from e2e.apps.visitor import SECRET, accept, errors, press, until

pytestmark = pytest.mark.e2e

BANNER, PREFERENCES, ENTRY = "#consent-banner", "#consent-preferences", "#consent-entry"
SERVICES = [{"id": "wave", "name": "Wave", "purposes": ["analytics"], "paths": ["/wave.js", "/film.html"]}]
LINKS = "".join(f"<p><a href=#{n}>link {n}</a>" for n in range(30))


@pytest.fixture
def site(serve: Callable[[ASGIApp], str]) -> str:
    async def page(request: Request) -> Response:
        return HTMLResponse(f"<!doctype html><title>{request.url.path}</title><body><main><h1>Page</h1>{LINKS}</main>")

    async def script(request: Request) -> Response:
        return Response("window.ran = (window.ran || 0) + 1", media_type="text/javascript")

    app = Starlette(routes=[Route("/", page), Route("/other", page), Route("/wave.js", script)])
    return serve(ConsentMiddleware(app, {"services": SERVICES}, secret_key=SECRET, ledger=None))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, site: str) -> Page:
    page = context.new_page()
    page.goto(site)
    return page


# Keyboard and focus


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.dataset.consentAction || document.activeElement.textContent"))


def test_the_banner_comes_first_in_the_order_of_focus_and_takes_no_focus_by_itself(page: Page) -> None:
    assert page.evaluate("document.activeElement === document.body")
    seen = []
    for _ in range(4):
        page.keyboard.press("Tab")
        seen.append(_focused(page))
    assert seen == ["reject_all", "accept_all", "open", "link 0"]


def test_while_the_preferences_are_open_the_page_is_inert_and_focus_comes_back(page: Page) -> None:
    opener = page.locator(f"{BANNER} [data-consent-action=open]")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.locator(PREFERENCES)).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "() => document.querySelector('dialog').contains(document.activeElement)"
            " || document.activeElement === document.body"
        ), "focus stays in the dialog or goes to the browser's own controls"
    page.keyboard.press("Escape")
    expect(page.locator(PREFERENCES)).to_be_hidden()
    expect(opener).to_be_focused()
    expect(page.locator(BANNER)).to_be_visible()
    assert page.evaluate("consent.state.decided") is False, "closing is not accepting"


def test_everything_can_be_chosen_from_the_keyboard(page: Page) -> None:
    page.locator(f"{BANNER} [data-consent-action=open]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(PREFERENCES)).to_be_visible()
    box = page.locator(f"{PREFERENCES} input[value=identification]")
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    page.keyboard.press("Enter")  # in a form, Enter is its first button: save
    expect(page.locator(PREFERENCES)).to_be_hidden()
    assert page.evaluate("consent.granted('identification')") is True
    assert page.evaluate("consent.granted('personalization_analytics')") is False
    expect(page.locator(f"{ENTRY} a")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator(f"{PREFERENCES} [data-consent-action=withdraw]").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_function("window.consent?.state")
    assert page.evaluate("consent.granted('identification')") is False


def test_the_banner_never_blocks_scrolling_or_the_page_behind_it(page: Page) -> None:
    page.mouse.move(300, 100)
    page.mouse.wheel(0, 400)
    until(page, lambda: page.evaluate("scrollY") > 0, "the page to scroll")
    page.locator("a[href='#14']").click()
    assert page.url.endswith("#14")
    assert page.evaluate("getComputedStyle(document.body).overflow") == "visible"


# What a page's own code can rely on


def test_when_waits_for_a_grant_and_answers_at_once_afterwards(page: Page) -> None:
    page.evaluate("window.got = []; void consent.when('wave').then(state => got.push(state.services.wave))")
    assert page.evaluate("got") == []
    accept(page)
    page.wait_for_function("got.length")
    assert page.evaluate("got") == ["granted"]
    assert page.evaluate("consent.when('wave').then(state => state.decided)") is True


def test_any_element_of_the_page_can_act_by_its_attribute(page: Page) -> None:
    page.evaluate(
        """document.body.insertAdjacentHTML("beforeend",
        '<button id=one data-consent-action=open>Cookies</button>' +
        '<button id=two data-consent-action=allow name=service value=wave>Allow Wave</button>')"""
    )
    page.locator("#one").click()
    expect(page.locator(PREFERENCES)).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#two").click()
    expect(page.locator(BANNER)).to_be_hidden()
    assert page.evaluate("['wave', 'personalization_analytics'].map(consent.granted)") == [True, False]


def test_what_is_inserted_later_waits_and_runs_once_it_may(page: Page) -> None:
    insert = """() => {
      const script = document.createElement("script");
      script.type = "text/plain";
      script.dataset.consent = "wave";
      script.dataset.consentSrc = "/wave.js";
      document.body.appendChild(document.createElement("div")).append(script);
    }"""
    page.evaluate(insert)
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    accept(page)
    page.wait_for_function("window.ran === 1")
    page.evaluate(insert)
    page.wait_for_function("window.ran === 2")


def test_a_page_may_swap_its_body_for_another_one_s(page: Page, site: str) -> None:
    """As libraries for navigation without a reload do: new markup, the same document, scripts run again."""
    wrong = errors(page)
    page.evaluate(
        """async () => {
        const text = await (await fetch("/other")).text();
        const next = new DOMParser().parseFromString(text, "text/html");
        document.body.replaceWith(document.adoptNode(next.body));
        for (const old of document.querySelectorAll("#consent-root script")) {
          const script = document.createElement("script");
          script.src = old.src;
          old.replaceWith(script);
        }}"""
    )
    expect(page.locator(BANNER)).to_be_visible()
    press(page, "open")
    expect(page.locator(PREFERENCES)).to_be_visible()
    press(page, "accept_all", PREFERENCES)
    expect(page.locator(BANNER)).to_be_hidden()
    assert page.evaluate("consent.granted('wave')") is True
    assert wrong == []


def test_a_page_may_swap_its_body_while_it_ends(context: BrowserContext, site: str) -> None:
    context.add_init_script(
        """document.addEventListener("DOMContentLoaded",
            () => document.body.replaceWith(document.body.cloneNode(true)))"""
    )
    page = context.new_page()
    page.goto(site)
    accept(page)
    expect(page.locator(BANNER)).to_be_hidden()


# Other pages of the same visitor


def test_a_page_that_comes_back_knows_what_was_chosen_meanwhile(site: str, browser: Browser) -> None:
    options = chromium.options()
    with (
        browser.browser_type.launch(**options, ignore_default_args=["--disable-back-forward-cache"]) as own,
        own.new_context() as context,
    ):
        page = context.new_page()
        page.goto(site)
        page.evaluate("window.kept = true")
        page.goto(site + "/other")
        accept(page)
        page.go_back()
        expect(page.locator(BANNER)).to_be_hidden()
        page.wait_for_function("window.consent?.granted('wave')")


def test_without_cookies_it_does_not_nag_and_says_why_nothing_can_be_kept(context: BrowserContext, site: str) -> None:
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setDocumentCookieDisabled", {"disabled": True})
    for path in ("/", "/other"):
        page.goto(site + path)
        expect(page.locator(BANNER)).to_be_hidden()
        expect(page.locator(ENTRY)).to_be_visible()
    press(page, "open", ENTRY)
    press(page, "accept_all", PREFERENCES)
    expect(page.locator("#consent-status")).to_contain_text("keeps no cookies")
    assert page.evaluate("consent.granted('wave')") is False


def test_a_page_that_asks_for_an_older_policy_is_loaded_again_and_grants_nothing(page: Page) -> None:
    page.evaluate("document.querySelector('#consent-banner [name=policy]').value = 'sha256-older'; window.old = true")
    with page.expect_response("**/consent/decision") as answer, page.expect_event("load"):
        press(page, "accept_all", BANNER)
    assert answer.value.status == 409
    expect(page.locator(BANNER)).to_be_visible()
    assert page.evaluate("'old' in window || consent.state.decided") is False
    accept(page)
    expect(page.locator(BANNER)).to_be_hidden()
