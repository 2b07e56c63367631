"""A question that stands in the way, where a site wants it so: until an answer, and a "no" is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware, requires_consent
from e2e.apps import chromium
from e2e.apps.visitor import SECRET, press, until

pytestmark = pytest.mark.e2e

BANNER, PREFERENCES = "#consent-banner", "#consent-preferences"
MODAL: dict[str, Any] = {"banner": {"position": "center", "modal": True}, "policy": {"privacy_url": "/privacy"}}
LINKS = "".join(f"<p><a href=#{n}>link {n}</a>" for n in range(60))

FOCUS = "<script>if (location.hash === '#own') document.querySelector('#own').focus()</script>"


def _app(**config: Any) -> ConsentMiddleware:
    async def page(request: Request) -> Response:
        return HTMLResponse(
            f"<!doctype html><title>Page</title><body><main><h1>Page</h1><input id=own>{LINKS}</main>{FOCUS}"
        )

    @requires_consent("geolocation")
    async def map_page(request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Map</title><body>map")

    app = Starlette(routes=[Route("/", page), Route("/privacy", page), Route("/map", map_page)])
    return ConsentMiddleware(app, {**MODAL, **config}, secret_key=SECRET, ledger=None)


@pytest.fixture
def site(serve: Callable[[ASGIApp], str]) -> str:
    return serve(_app())


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def _is_modal(page: Page) -> bool:
    return bool(page.evaluate("document.querySelector('#consent-banner').matches(':modal')"))


def _reads_on(page: Page) -> None:
    """The page scrolls, and its links work."""
    page.mouse.move(20, 20)
    page.mouse.wheel(0, 300)
    until(page, lambda: page.evaluate("scrollY") > 0, "the page to scroll")
    page.locator("a[href='#3']").click()
    assert page.url.endswith("#3")


def test_nothing_else_can_be_used_before_an_answer_and_everything_after_a_no(site: str, page: Page) -> None:
    page.goto(site)
    until(page, lambda: _is_modal(page), "the question to be modal")
    page.mouse.move(20, 20)
    page.mouse.wheel(0, 300)
    page.mouse.click(20, 20)
    page.wait_for_timeout(100)
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("getComputedStyle(document.documentElement).overflowY") == "hidden"
    page.evaluate("document.querySelector('#own').focus()")
    assert not page.locator("#own").evaluate("e => e === document.activeElement"), "what lies behind takes no focus"
    press(page, "reject_all")
    expect(page.locator(BANNER)).to_be_hidden()
    assert page.evaluate("consent.state.categories.identification") == "denied"
    _reads_on(page)


def test_the_keyboard_goes_round_in_it_and_answers_nothing_by_itself(site: str, page: Page) -> None:
    page.goto(site)
    until(page, lambda: _is_modal(page), "the question to be modal")
    assert page.evaluate("document.activeElement.id") == "consent-banner"
    for key in ("Enter", "Space", "Escape", "Escape", "Escape"):
        page.keyboard.press(key)
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.dataset.consentAction || document.activeElement.localName"))
    assert (
        {"reject_all", "accept_all", "open"} <= set(seen) <= {"reject_all", "accept_all", "open", "a", "body", "dialog"}
    )
    expect(page.locator(BANNER)).to_be_visible()
    assert _is_modal(page)
    assert page.evaluate("consent.state.decided") is False, "closing is no answer"


def test_a_browser_that_closes_it_all_the_same_is_asked_again(site: str, page: Page) -> None:
    page.goto(site)
    until(page, lambda: _is_modal(page), "the question to be modal")
    page.locator(BANNER).evaluate("dialog => dialog.close()")
    until(page, lambda: _is_modal(page), "the question to come back")


def test_focus_comes_back_to_where_it_was(site: str, page: Page) -> None:
    page.goto(site + "/#own")
    until(page, lambda: _is_modal(page), "the question to be modal")
    press(page, "reject_all")
    expect(page.locator(BANNER)).to_be_hidden()
    expect(page.locator("#own")).to_be_focused()


def test_the_preferences_open_over_it_and_lead_back_to_it(site: str, page: Page) -> None:
    page.goto(site)
    until(page, lambda: _is_modal(page), "the question to be modal")
    opener = page.locator(f"{BANNER} [data-consent-action=open]")
    opener.click()
    expect(page.locator(PREFERENCES)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(PREFERENCES)).to_be_hidden()
    expect(opener).to_be_focused()
    assert _is_modal(page)
    opener.click()
    press(page, "reject_all", PREFERENCES)
    expect(page.locator(PREFERENCES)).to_be_hidden()
    expect(page.locator(BANNER)).to_be_hidden()
    _reads_on(page)


def test_without_javascript_it_is_just_a_box(site: str, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site)
        expect(page.locator(BANNER)).to_be_visible()
        yes, no = (page.locator(f"{BANNER} [value={action}]").bounding_box() for action in ("accept_all", "reject_all"))
        assert yes is not None
        assert no is not None
        assert (yes["width"], yes["height"]) == (no["width"], no["height"])
        page.locator("a[href='#2']").click()
        assert page.url.endswith("#2")
        page.locator("a[href='#50']").click()
        expect(page.locator("a[href='#50']")).to_be_in_viewport()
        press(page, "reject_all")
        expect(page.locator(BANNER)).to_be_hidden()


@pytest.mark.parametrize("path", ["/privacy", "/map"])
def test_the_privacy_notice_and_a_page_with_a_question_of_its_own_are_free(site: str, page: Page, path: str) -> None:
    page.goto(site + path)
    page.wait_for_function("window.consent")
    assert not _is_modal(page)
    if path == "/privacy":
        expect(page.locator(BANNER)).to_be_visible()
        _reads_on(page)
    else:
        page.locator("button[value=save]").click()
        expect(page.locator("body")).to_contain_text("map")


def test_in_pages_that_are_the_same_for_everybody(serve: Callable[[ASGIApp], str], page: Page) -> None:
    page.goto(serve(_app(enforcement={"html": "universal"})))
    until(page, lambda: _is_modal(page), "the question to be modal")
    press(page, "reject_all")
    expect(page.locator(BANNER)).to_be_hidden()
    page.reload()
    page.wait_for_function("window.consent?.state.decided")
    expect(page.locator(BANNER)).to_be_hidden()
    _reads_on(page)


def test_nothing_moves_when_the_page_stops_scrolling(site: str, browser: Browser) -> None:
    """With scrollbars that take room, which a headless browser hides unless it is told not to."""
    with (
        browser.browser_type.launch(**chromium.options(), ignore_default_args=["--hide-scrollbars"]) as own,
        own.new_context() as context,
    ):
        page = context.new_page()
        page.add_init_script(
            "window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries()))"
            ".observe({type: 'layout-shift', buffered: true})"
        )
        page.goto(site)
        until(page, lambda: _is_modal(page), "the question to be modal")
        width = "document.body.getBoundingClientRect().width"
        blocked = page.evaluate(width)
        press(page, "reject_all")
        expect(page.locator(BANNER)).to_be_hidden()
        assert page.evaluate(width) == blocked
        assert page.evaluate("innerWidth - document.documentElement.clientWidth") > 0, "there is a bar"
        assert page.evaluate("shifts.filter(shift => !shift.hadRecentInput)") == []
