"""What a page's own scripts keep on the device, and whether they learn where the visitor is, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.visitor import SECRET, accept, jar, until, withdraw

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">
<script src="/app.js"></script><title>Boats</title></head><body><h1>Boats</h1></body></html>"""
KEPT_AT_ONCE = """
document.cookie = "_hjSession_1=a; max-age=1000";
document.cookie = "mystery=b; max-age=1000";
document.cookie = "lang=de; max-age=1000";
document.cookie = "shop_view=list; max-age=1000";
document.cookie = "remember=r; max-age=1000; path=/";
localStorage.setItem("_hjUserAttributesHash", "c");
localStorage.setItem("mystery", "d");
localStorage.setItem("shop_view", "e");
sessionStorage.setItem("mystery", "f");
localStorage.assigned = "g";
cookieStore.set("mystery2", "h");
"""
CONFIG: dict[str, Any] = {
    "use": ["hotjar"],
    "cookies": [
        {"name": "shop_*", "category": "necessary"},
        {"name": "remember", "category": "identification", "without_consent": "session_only"},
    ],
}


def site(script: str, config: dict[str, Any] | None = None) -> ASGIApp:
    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)

    async def file(request: Request) -> Response:
        return Response(script, media_type="text/javascript")

    app = Starlette(routes=[Route("/", page), Route("/other", page), Route("/app.js", file)])
    return ConsentMiddleware(app, CONFIG if config is None else config, secret_key=SECRET, ledger=None)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(geolocation={"latitude": 52.5, "longitude": 13.4}) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def stored(page: Page, store: str = "localStorage") -> dict[str, str]:
    """What is really in a store: read in a frame that has no guard."""
    script = """store => {
        const frame = document.body.appendChild(document.createElement("iframe"));
        const { length } = frame.contentWindow[store];
        const keys = Array.from({length}, (_, i) => frame.contentWindow[store].key(i));
        const all = Object.fromEntries(keys.map(key => [key, frame.contentWindow[store].getItem(key)]));
        frame.remove();
        return all;
    }"""
    found: dict[str, str] = page.evaluate(script, store)
    return found


# Cookies and storage


def test_only_what_may_be_kept_is_kept(serve: Serve, page: Page, context: BrowserContext) -> None:
    page.goto(serve(site(KEPT_AT_ONCE)))
    until(page, lambda: "lang" in jar(context), "the name that only the whole catalogue knows")
    cookies = jar(context)
    assert set(cookies) == {"lang", "shop_view", "remember"}
    assert cookies["remember"] == -1, "for the session only"
    assert cookies["shop_view"] > 0
    assert stored(page) == {"shop_view": "e", "assigned": "g"}
    assert stored(page, "sessionStorage") == {}


def test_a_script_reads_back_what_it_wrote(serve: Serve, page: Page) -> None:
    page.goto(serve(site(KEPT_AT_ONCE)))
    cookies = page.evaluate("document.cookie").split("; ")
    assert {"_hjSession_1=a", "mystery=b", "shop_view=list"} <= set(cookies)
    assert page.evaluate("[localStorage.getItem('mystery'), sessionStorage.getItem('mystery')]") == ["d", "f"]
    page.evaluate("localStorage.removeItem('mystery'); document.cookie = 'mystery=; max-age=0'")
    assert page.evaluate("localStorage.getItem('mystery')") is None
    assert "mystery=b" not in page.evaluate("document.cookie")


def test_what_was_assigned_past_the_guard_goes_when_the_page_goes(serve: Serve, page: Page) -> None:
    address = serve(site("localStorage.assigned = localStorage.assigned || 'g'"))
    page.goto(address)
    page.evaluate("localStorage.later = 1")
    page.goto(address + "/other")
    assert "later" not in stored(page)


def test_after_consent_it_is_kept_and_after_withdrawal_it_is_gone(
    serve: Serve, page: Page, context: BrowserContext
) -> None:
    page.goto(serve(site(KEPT_AT_ONCE)))
    accept(page)
    until(page, lambda: "_hjSession_1" in jar(context), "the cookie that waited in memory")
    assert jar(context)["_hjSession_1"] > 0
    assert stored(page)["_hjUserAttributesHash"] == "c"
    assert "mystery" not in stored(page), "accepting covers nothing that nobody was told about"

    withdraw(page)
    until(page, lambda: "_hjSession_1" not in jar(context), "the cookie to go")
    page.wait_for_load_state("load")
    until(page, lambda: "_hjUserAttributesHash" not in stored(page), "the storage key to go")


def test_unclassified_names_are_kept_where_the_site_allows_it(
    serve: Serve, page: Page, context: BrowserContext
) -> None:
    page.goto(serve(site(KEPT_AT_ONCE, {**CONFIG, "enforcement": {"unclassified_cookies": "allow"}})))
    until(page, lambda: "mystery" in jar(context), "the cookie that nobody has classified")
    assert "_hjSession_1" not in jar(context)


def test_a_frame_without_storage_or_cookies_goes_on(serve: Serve, page: Page) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    address = serve(site("window.ran = true"))
    page.goto(address)
    page.evaluate(
        """address => {
        const frame = Object.assign(document.createElement("iframe"), { src: address + "/other" });
        frame.sandbox = "allow-scripts";
        document.body.append(frame);
    }""",
        address,
    )
    until(page, lambda: len(page.frames) > 1, "the frame")
    page.frames[1].wait_for_function("window.ran && document.readyState === 'complete'")
    assert wrong == []


# The position

ASK = """() => new Promise(done => navigator.geolocation.getCurrentPosition(
    position => done([position.coords.latitude, position.coords.longitude]),
    error => done([error.code, error instanceof GeolocationPositionError])))"""
PERMISSION = "() => navigator.permissions.query({name: 'geolocation'}).then(({state}) => state)"


def test_a_position_is_denied_before_and_given_after_and_denied_after_withdrawal(
    serve: Serve, page: Page, context: BrowserContext
) -> None:
    context.grant_permissions(["geolocation"])
    page.goto(serve(site("")))
    assert page.evaluate(ASK) == [1, True]
    assert page.evaluate(PERMISSION) == "denied"

    with page.expect_navigation():
        page.evaluate("consent.decide({action: 'save', categories: {geolocation: true}})")
    page.wait_for_function("window.consent")
    assert page.evaluate(ASK) == [52.5, 13.4]
    assert page.evaluate(PERMISSION) == "granted"

    with page.expect_navigation():
        page.evaluate("void consent.withdraw()")
    assert page.evaluate(ASK) == [1, True]


ASKS = """
document.addEventListener("consent:needed", event => { window.needed = event.detail });
navigator.geolocation.getCurrentPosition(() => {}, error => { window.refused = error.code });
addEventListener("click", () => navigator.geolocation.watchPosition(() => {}));
"""


def test_asking_at_the_point_of_use_offers_the_question_and_a_script_alone_does_not(serve: Serve, page: Page) -> None:
    page.goto(serve(site(ASKS)))
    page.wait_for_function("window.consent && window.refused")
    assert page.evaluate("[needed, refused]") == [["geolocation"], 1]
    expect(page.locator("#consent-preferences")).to_be_hidden()
    page.locator("body > h1").click()
    expect(page.locator("#consent-preferences")).to_be_visible()


def test_a_page_can_ask_in_its_own_way(serve: Serve, page: Page) -> None:
    page.goto(serve(site(ASKS + "document.addEventListener('consent:needed', event => event.preventDefault())")))
    page.wait_for_function("window.consent && window.refused")
    page.locator("body > h1").click()
    page.wait_for_timeout(300)
    expect(page.locator("#consent-preferences")).to_be_hidden()


def test_switched_off_in_the_system_it_is_withdrawn_here(serve: Serve, page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["geolocation"])
    site_address = serve(site(""))
    page.goto(site_address)
    with page.expect_navigation():
        page.evaluate("void consent.decide({action: 'save', categories: {geolocation: true, identification: true}})")
    page.wait_for_function("window.consent")
    session = context.new_cdp_session(page)
    target = session.send("Target.getTargetInfo")["targetInfo"]
    with page.expect_navigation(), page.expect_response("**/consent/decision"):
        setting = {"permission": {"name": "geolocation"}, "setting": "denied", "origin": site_address}
        session.send("Browser.setPermission", {**setting, "browserContextId": target["browserContextId"]})
    state = page.request.get(site_address + "/consent/state").json()
    assert state["categories"]["geolocation"] == "denied"
    assert state["categories"]["identification"] == "granted", "nothing else is withdrawn"
