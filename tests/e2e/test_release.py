"""Letting go after consent, in a real Chromium: in document order, once, as each script would have run by itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.stand_in import StandIn
from e2e.apps.visitor import SECRET, accept, errors, press, until

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

STRANGER = "cdn.stranger.test"
GRANTED, DENIED = "static.hotjar.com", "cdn.matomo.cloud"
HOSTS = [GRANTED, DENIED, STRANGER]
SAYS = f"(window.ran = window.ran || []).push('{GRANTED}');"
"""What the stand-in answers for a script, so that its hash is known."""


def site(body: str, csp: str = "", config: dict[str, Any] | None = None, script: str = "") -> ASGIApp:
    """A page with this body; a bundle of its own where there is a script."""
    bundle = '<script src="/bundle.js"></script>' if script else ""
    source = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">
<title>Boats</title>{bundle}</head><body><h1>Boats</h1>{body}</body></html>"""

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(source, headers={"content-security-policy": csp} if csp else None)

    async def file(request: Request) -> Response:
        return Response(script or "ran.push('own file')", media_type="text/javascript")

    app = Starlette(routes=[Route("/", page), Route("/bundle.js", file), Route("/own.js", file)])
    return ConsentMiddleware(app, {"use": ["hotjar"], **(config or {})}, secret_key=SECRET, ledger=None)


def accepted(page: Page, expected: list[str]) -> None:
    """Accept, and wait for what runs then; nothing more may follow."""
    accept(page)
    until(page, lambda: len(page.evaluate("window.ran || []")) >= len(expected), f"{expected} to run")
    page.wait_for_timeout(300)
    assert page.evaluate("ran") == expected


# Order


def test_files_and_the_inline_scripts_between_them_run_in_document_order(serve: Serve, page: Page) -> None:
    inline = "<script data-consent='hotjar'>ran.push('inline {0}', ran.length)</script>"
    file = f"<script src='http://{GRANTED}/slow.js'></script>"
    page.goto(serve(site("<script>ran = []</script>" + file + inline.format(1) + file + inline.format(2))))
    accepted(page, [GRANTED, "inline 1", 1, GRANTED, "inline 2", 4])


def test_deferred_scripts_and_modules_run_after_the_others_and_keep_their_order(serve: Serve, page: Page) -> None:
    body = """<script>ran = []</script>
    <script type="module" data-consent="hotjar">ran.push('module')</script>
    <script defer src="/own.js" data-consent="hotjar"></script>
    <script data-consent="hotjar">ran.push('inline')</script>"""
    page.goto(serve(site(body)))
    accepted(page, ["inline", "module", "own file"])


def test_an_async_script_holds_nobody_up(serve: Serve, page: Page) -> None:
    body = f"""<script>ran = []</script><script async src="http://{GRANTED}/slow.js?seconds=1"></script>
    <script data-consent="hotjar">ran.push('inline')</script>"""
    page.goto(serve(site(body)))
    accepted(page, ["inline", GRANTED])


def test_integrity_and_cross_origin_are_kept(serve: Serve, page: Page) -> None:
    right = "sha256-" + base64.b64encode(hashlib.sha256(SAYS.encode()).digest()).decode()
    wrong = "sha256-" + base64.b64encode(b"0" * 32).decode()
    tag = f'<script crossorigin="anonymous" integrity="{{0}}" src="http://{GRANTED}/a.js"></script>'
    page.goto(serve(site("<script>ran = []</script>" + tag.format(wrong) + tag.format(right))))
    accepted(page, [GRANTED])


def test_a_frame_appears_at_its_place_and_its_placeholder_goes(serve: Serve, page: Page, world: StandIn) -> None:
    frame = f'<iframe title="Map" width="200" height="100" src="http://{GRANTED}/f.html"></iframe>'
    page.goto(serve(site(f"<p>before</p>{frame}<p>after</p>")))
    expect(page.locator("[data-consent-placeholder]")).to_have_count(1)
    accept(page)
    until(page, lambda: world.contacts == [GRANTED], "the frame")
    assert page.locator("[data-consent-placeholder]").count() == 0
    order = "[...document.querySelectorAll('body > p, body > iframe')].map(element => element.localName)"
    assert page.evaluate(order) == ["p", "iframe", "p"]


@pytest.mark.parametrize("frame", ['src="http://{0}/a.html"', "srcdoc='<img alt=\"\" src=http://{0}/p.gif>'"])
def test_one_click_loads_this_frame_alone_past_the_guard(serve: Serve, page: Page, world: StandIn, frame: str) -> None:
    page.goto(serve(site(2 * f'<iframe title="Map" {frame.format(GRANTED)}></iframe>')))
    page.locator('[data-consent-action="load"]').first.click()
    until(page, lambda: world.contacts == [GRANTED], "the one frame")
    page.wait_for_timeout(300)
    assert world.contacts == [GRANTED]


# What the guard held back

LOADER = f"""
window.ran = [];
const made = document.createElement("script");
made.src = "http://{GRANTED}/a.js";
made.onload = () => ran.push("loaded");
document.head.append(made);
const never = document.createElement("script");
never.src = "http://{DENIED}/a.js";
document.head.append(never);
"""


def test_a_script_that_the_guard_held_back_runs_once_and_its_maker_hears_of_it(
    serve: Serve, page: Page, world: StandIn
) -> None:
    page.goto(serve(site("", script=LOADER)))
    page.wait_for_function("window.consent")
    assert world.connections == 0
    accepted(page, [GRANTED, "loaded"])
    assert world.contacts == [GRANTED]


def test_a_visitor_who_granted_it_all_gets_no_guard(serve: Serve, page: Page) -> None:
    every = "{action: 'save', categories: {identification: true, personalization_analytics: true, geolocation: true}}"
    app = site("", config={"use": []}, script="ran = 'consentGuard' in window")
    page.goto(serve(app))
    assert page.locator("script[data-granted]").count() == 1
    with page.expect_navigation():
        page.evaluate(f"void consent.decide({every})")
    assert page.locator("script[data-granted]").count() == 0


# A site's own strict policies

STRICT = "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; base-uri 'none'"
NONCE = "bm9uY2Utb2YtdGhlLWFwcA"


def test_everything_works_under_a_strict_policy_with_a_nonce(serve: Serve, page: Page, world: StandIn) -> None:
    body = f"""<script nonce="{NONCE}">ran = []</script>
    <script nonce="{NONCE}" src="http://{GRANTED}/a.js"></script>
    <script nonce="{NONCE}" data-consent="hotjar">ran.push('inline')</script>"""
    wrong = errors(page)
    page.goto(serve(site(body, STRICT.format(NONCE) + "; img-src data:")))
    expect(page.locator("#consent-banner")).to_be_visible()
    assert world.connections == 0
    accepted(page, [GRANTED, "inline"])
    press(page, "open", within="#consent-entry")
    expect(page.locator("#consent-preferences")).to_be_visible()
    assert wrong == []


def test_everything_works_where_trusted_types_are_required(serve: Serve, page: Page, world: StandIn) -> None:
    policy = "require-trusted-types-for 'script'; trusted-types app consent consent-guard"
    script = f"""
    ran = [];
    const types = trustedTypes.createPolicy("app", {{ createHTML: text => text, createScriptURL: text => text }});
    const made = document.createElement("script");
    made.src = types.createScriptURL("http://{GRANTED}/a.js");
    document.head.append(made);
    addEventListener("load", () => {{
        const box = document.body.appendChild(document.createElement("div"));
        box.innerHTML = types.createHTML('<b>bold</b><img alt="" src="http://{DENIED}/p.gif">');
        try {{ box.innerHTML = "<i>untrusted</i>" }} catch {{ ran.push("refused") }}
    }});
    """
    wrong = errors(page)
    page.goto(serve(site("", policy, script=script)))
    page.wait_for_function("window.consent && ran.length")
    assert page.evaluate("ran") == ["refused"], "the guard does not soften what the site requires"
    expect(page.get_by_text("bold", exact=True)).to_be_visible()
    assert world.connections == 0
    accepted(page, ["refused", GRANTED])
    assert [text for text in wrong if "untrusted" not in text and "TrustedHTML" not in text] == []


# Strict: whatever a page's scripts come up with

SLY = f"""
window.ran = [];
const host = atob("{base64.b64encode(STRANGER.encode()).decode()}");
const frame = document.documentElement.appendChild(document.createElement("iframe"));
frame.contentWindow.fetch("http://" + host + "/x", {{ mode: "no-cors" }}).catch(() => ran.push("fetch"));
new frame.contentWindow.Image().src = "http://" + host + "/p.gif";
const blob = new Blob(["importScripts('http://" + host + "/a.js')"], {{ type: "text/javascript" }});
new Worker(URL.createObjectURL(blob)).onerror = () => ran.push("worker");
const style = document.head.appendChild(document.createElement("style"));
style.sheet.insertRule("html {{ background: url(http://" + host + "/p.gif) }}");
document.head.append(Object.assign(document.createElement("script"), {{ src: "http://" + host + "/a.js" }}));
navigator.sendBeacon("http://" + host + "/x", "a");
"""


@pytest.mark.parametrize("mode", ["strict", "catalog"])
def test_the_second_policy_contains_what_no_guard_can_see_and_browsers_report_it(
    serve: Serve, page: Page, world: StandIn, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With its negative control: to a host that nobody knows, the default mode lets everything through."""
    caplog.set_level("INFO", "consent_mw.blocked")
    page.goto(serve(site("", config={"enforcement": {"third_parties": mode}}, script=SLY)))
    if mode == "catalog":
        until(page, lambda: world.contacts.count(STRANGER) >= 6, "every sly way")
    else:
        until(page, lambda: set(page.evaluate("ran")) == {"fetch", "worker"}, "the refusals")
        until(page, lambda: f"a browser reported a blocked contact with {STRANGER}" in caplog.text, "the report")
        assert world.connections == 0, world.contacts


def test_in_strict_mode_a_grant_takes_a_fresh_page_and_then_works(serve: Serve, page: Page, world: StandIn) -> None:
    body = f'<script>ran = []</script><script src="http://{GRANTED}/a.js"></script>'
    page.goto(serve(site(body, config={"enforcement": {"third_parties": "strict"}})))
    with page.expect_navigation():
        press(page, "accept_all")
    until(page, lambda: page.evaluate("ran") == [GRANTED], "the script that was granted")


# Universal: the same page for everybody


def test_a_page_for_everybody_finds_out_who_is_there(serve: Serve, page: Page, world: StandIn) -> None:
    body = f"""<script>addEventListener('consent:ready', event => {{ said = event.detail.decided }})</script>
    <script src="http://{GRANTED}/a.js"></script><script data-consent="hotjar">document.write('wiped')</script>"""
    address = serve(site(body, config={"enforcement": {"html": "universal"}}, script=LOADER))
    page.goto(address)
    expect(page.locator("#consent-banner")).to_be_visible()
    assert page.evaluate("said") is False
    assert world.connections == 0
    accept(page)
    until(page, lambda: page.evaluate("ran.length") == 3, "what was granted, of the page and of its bundle")

    world.forget()
    page.goto(address)
    until(page, lambda: page.evaluate("ran.length") == 3, "the same on the next page")
    assert page.evaluate("said") is True
    expect(page.locator("#consent-banner")).to_be_hidden()
    assert set(world.contacts) == {GRANTED}
    assert page.locator("h1").inner_text() == "Boats", "a page that is there is not written over"


def test_a_page_for_everybody_does_not_ask_whoever_sent_a_signal(serve: Serve, profile: BrowserContext) -> None:
    page = profile.new_page()
    page.set_extra_http_headers({"sec-gpc": "1"})
    page.goto(serve(site("", config={"enforcement": {"html": "universal"}})))
    page.wait_for_function("window.consent?.state.signals.gpc")
    expect(page.locator("#consent-banner")).to_be_hidden()
    page.close()


def may_ask_for_the_place(page: Page) -> bool:
    try:
        return page.frames[1].evaluate("document.featurePolicy.allowsFeature('geolocation')") is True
    except Error:  # it is being loaded
        return False


def test_on_a_page_for_everybody_a_frame_may_ask_for_the_place_once_that_is_granted(serve: Serve, page: Page) -> None:
    frame = f'<iframe title="Map" src="http://{STRANGER}/f.html" allow="fullscreen; geolocation"></iframe>'
    address = serve(site(frame, config={"enforcement": {"html": "universal"}}))
    page.goto(address)
    page.wait_for_function("window.consent")
    assert not may_ask_for_the_place(page)
    page.evaluate("consent.decide({action: 'save', categories: {geolocation: true}})")
    until(page, lambda: may_ask_for_the_place(page), "the frame to be allowed")
    page.goto(address)
    until(page, lambda: may_ask_for_the_place(page), "the same on the next page")


def test_where_only_declared_services_can_be_granted_nobody_is_asked_about_others(
    serve: Serve, page: Page, world: StandIn
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/consent/state" in request.url else None)
    page.goto(serve(site(f'<script src="http://{DENIED}/a.js"></script><script>ran = []</script>')))
    accept(page)
    page.reload()
    page.wait_for_function("window.consent")
    page.wait_for_timeout(300)
    assert asked == []
    assert world.connections == 0
