"""The banner on other people's pages: their styles, their policies, their scripts, their frames."""

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
from consent_mw.banner_settings import contrast
from e2e.apps.visitor import SECRET, accept, errors, press, until

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

SERVICES = [
    {
        "id": "wave",
        "name": "Wave",
        "purposes": ["analytics"],
        "paths": ["/wave.js", "/slow-wave.js"],
        "inline": ["wave("],
    },
    {"id": "film", "name": "Film", "owner": "Film AG", "purposes": ["media"], "paths": ["/film.html"]},
    {"id": "track", "name": "Track", "purposes": ["analytics", "location"], "hosts": ["track.example"]},
]
FRAME = '<iframe src="/film.html" width="400" height="200" frameborder="0"></iframe>'
RUDE = """
* { box-sizing: content-box; } html { font-size: 62.5%; } body { letter-spacing: .3em; text-transform: uppercase; }
button, .c-actions button { all: unset; font-size: 40px; background: red; display: none; }
div > form button[value=reject_all] { opacity: .1; } h2 { display: none } p { visibility: hidden }
section { position: static } div { margin: 1in } dialog { display: block } input { display: none }
[hidden] { display: block } a { pointer-events: none }
* { all: revert; color: red !important; font-size: 40px !important; background: #fff !important }
* { width: 10px !important }
#consent-root button[value=reject_all] { visibility: hidden !important; border: 9px solid !important }
#cover { position: fixed; inset: 0; z-index: 2147483647; width: auto !important; background: lime !important }
"""


def _site(page: str, headers: dict[str, str] | None = None) -> Starlette:
    async def home(request: Request) -> Response:
        return HTMLResponse(page, headers=headers)

    async def script(request: Request) -> Response:
        name = request.url.path.strip("/").removesuffix(".js")
        return Response(f"window.ran = [...(window.ran || []), '{name}'];", media_type="text/javascript")

    async def film(request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>film</title><body>film")

    async def inner(request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>inner</title><body>inner")

    scripts = [Route(f"/{name}.js", script) for name in ("wave", "slow-wave")]
    return Starlette(routes=[Route("/", home), *scripts, Route("/film.html", film), Route("/inner", inner)])


def _wrapped(page: str, headers: dict[str, str] | None = None, **config: Any) -> ConsentMiddleware:
    return ConsentMiddleware(_site(page, headers), {"services": SERVICES, **config}, secret_key=SECRET, ledger=None)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


# Their styles


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("position", ["bottom", "box", "center"])
@pytest.mark.parametrize("width", [320, 1920])
def test_yes_and_no_look_the_same_on_the_rudest_site(
    serve: Serve, browser: Browser, position: str, width: int, scheme: Any
) -> None:
    site = serve(
        _wrapped(
            f"<!doctype html><style>{RUDE}</style><body><h1>Rude</h1><i id=cover></i>", banner={"position": position}
        )
    )
    with browser.new_context(viewport={"width": width, "height": 640}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(site)
        accept_all, reject_all = (
            page.locator(f"#consent-banner [data-consent-action={action}]") for action in ("accept_all", "reject_all")
        )
        for button in (accept_all, reject_all):
            expect(button).to_be_in_viewport(ratio=1)
            button.click(trial=True)  # nothing of the page lies over it
        page.mouse.move(0, 0)
        looks = "(b) => { const s = {...getComputedStyle(b)}; const r = b.getBoundingClientRect();"
        looks += " for (const k in s) if (/^\\d+$/.test(k)) delete s[k];"
        looks += " return {...s, w: r.width, h: r.height, perspectiveOrigin: 0, transformOrigin: 0} }"
        one, other = accept_all.evaluate(looks), reject_all.evaluate(looks)
        assert one == other
        assert one["w"] >= 24
        assert one["h"] >= 24
        assert contrast(_hex(one["color"]), _hex(one["backgroundColor"])) >= 4.5
        banner = page.locator("#consent-banner")
        expect(banner).to_have_css("text-transform", "none")
        # of the visitor's own text size; a little less on the narrowest phones
        expect(page.locator("#consent-banner p")).to_have_css("font-size", "15px" if width == 320 else "16px")
        expect(banner).to_have_css("letter-spacing", "normal")
        expect(page.locator("#consent-banner p")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"


def _hex(rgb: str) -> str:
    red, green, blue = (int(part) for part in rgb[rgb.index("(") + 1 : -1].split(",")[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


@pytest.mark.parametrize("language", ["ar", "de", "zh-CN"])
def test_the_page_s_language_and_direction(serve: Serve, browser: Browser, language: str) -> None:
    site = serve(_wrapped(f"<!doctype html><html lang={language}><body><h1>Page</h1>{FRAME}"))
    with browser.new_context(viewport={"width": 320, "height": 640}, locale=language) as context:
        page = context.new_page()
        page.goto(site)
        root = page.locator("#consent-root")
        expect(root).to_have_attribute("lang", "zh-Hans" if language == "zh-CN" else language)
        expect(root).to_have_css("direction", "rtl" if language == "ar" else "ltr")
        for action in ("accept_all", "reject_all", "open"):
            expect(page.locator(f"#consent-banner [data-consent-action={action}]")).to_be_in_viewport(ratio=1)
        press(page, "open")
        expect(page.locator("#consent-preferences")).to_be_visible()
        switch = page.locator("#consent-preferences input[value=identification]").bounding_box()
        assert switch is not None
        assert (switch["x"] < 160) is (language == "ar"), "the switch stands where a line ends"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
        assert page.evaluate("(d => d.scrollWidth <= d.clientWidth)(document.querySelector('dialog'))")


def test_a_page_keeps_its_own_looks(serve: Serve, page: Page) -> None:
    html = "<!doctype html><style>body{display:grid;gap:9px}</style><h2 id=t>T</h2><button>b</button><p><a href=/>a</a>"
    measure = """() => ["h2", "button", "p", "a"].map(name => {
      const element = [...document.querySelectorAll(name)].find(e => !e.closest("#consent-root"));
      const {x, y, width, height} = element.getBoundingClientRect();
      return [x, y, width, height, getComputedStyle(element).font, getComputedStyle(element).color]; })"""
    page.goto(serve(_site(html)))
    alone = page.evaluate(measure)
    page.goto(serve(_wrapped(html)))
    expect(page.locator("#consent-banner")).to_be_visible()
    assert page.evaluate(measure) == alone


def test_nothing_moves_when_it_comes_and_when_it_goes(serve: Serve, page: Page) -> None:
    page.add_init_script(
        "window.shifts = []; const unasked = list => list.getEntries().filter(entry => !entry.hadRecentInput);"
        "new PerformanceObserver(l => shifts.push(...unasked(l))).observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(serve(_wrapped("<!doctype html><body><h1>Still</h1>" + f"<p>Text {FRAME}</p>" * 9)))
    accept(page)
    page.wait_for_timeout(300)
    assert page.evaluate("shifts") == []


def test_what_is_focused_is_never_under_the_bar(serve: Serve, page: Page) -> None:
    links = "".join(f"<p><a href=#{n}>link {n}</a>" for n in range(60))
    page.goto(serve(_wrapped(f"<!doctype html><h1>Links</h1>{links}")))
    top = page.locator("#consent-banner").bounding_box()
    assert top is not None
    for link in page.locator("p > a[href^='#']").all()[3::8]:
        link.focus()
        box = link.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= top["y"]


# Their policies


@pytest.mark.parametrize("nonce", ["n0nce", ""])
def test_it_works_under_a_strict_policy_with_trusted_types(serve: Serve, page: Page, nonce: str) -> None:
    source = f"'nonce-{nonce}'" if nonce else "'self'"
    policy = (
        f"default-src 'none'; script-src {source}; style-src {source}; connect-src 'self'; frame-src 'self'; "
        "form-action 'self'; base-uri 'none'; require-trusted-types-for 'script'"
    )
    scripts = f'<script nonce="{nonce}" src="/wave.js"></script>'
    if nonce:
        scripts += f'<script nonce="{nonce}">ran.push("inline"); window.wave && wave()</script>'
    wrong = errors(page)
    page.goto(serve(_wrapped(f"<!doctype html><body>{scripts}{FRAME}", {"content-security-policy": policy})))
    expect(page.locator("#consent-banner")).to_have_css("position", "static")
    assert page.locator("#consent-banner").evaluate("e => getComputedStyle(e).borderTopWidth") == "1px", "styled"
    accept(page)
    ran = ["wave", "inline"] if nonce else ["wave"]
    until(page, lambda: page.evaluate("window.ran") == ran, "the released scripts")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("film")
    assert wrong == []


def test_a_page_cannot_shadow_what_the_script_needs(serve: Serve, page: Page) -> None:
    names = (
        "querySelector querySelectorAll addEventListener dispatchEvent createElement getElementById currentScript body"
    )
    clobber = "".join(f"<img name={name}><form id={name}></form>" for name in names.split())
    wrong = errors(page)
    polluted = "<script>Object.prototype.services = {}; Object.prototype.wave = 'granted';</script>"
    page.goto(serve(_wrapped(f"<!doctype html><body>{polluted}{clobber}<form id=consent></form>")))
    press(page, "reject_all")
    expect(page.locator("#consent-banner")).to_be_hidden()
    assert page.evaluate("consent.state.decided") is True
    assert page.evaluate("(() => { try { 'use strict'; consent.state = 1; consent.granted = 1 } catch {} "
                         "return typeof consent.granted })()") == "function"  # fmt: skip
    assert wrong == []


def test_no_text_of_a_site_runs(serve: Serve, page: Page) -> None:
    payloads = [
        "<img src=x onerror=pwned()>",
        "</script><script>pwned()</script>",
        '"><svg onload=pwned()>',
        "' onfocus='pwned()",
        "--><script>pwned()</script>",
        "</style><script>pwned()</script>",
        "javascript:pwned()",
        "{{constructor('pwned()')()}}",
        "\u2028pwned()//",
        "<iframe srcdoc='<script>parent.pwned()</script>'>",
        "</dialog></form><script>pwned()</script>",
        "&lt;script&gt;pwned()&lt;/script&gt;",
        "`${pwned()}`",
        '" autofocus onfocus="pwned()" x="',
    ]
    text = " ".join(payloads)
    service = {**SERVICES[1], "name": text[:120], "owner": text[:120], "retention": text[:120], "recipients": payloads}
    config = {
        "services": [service],
        "controller": {"name": text[:200], "address": text[200:400]},
        "categories": [{"id": "identification", "label": text[:80], "description": text[:600]}],
        "banner": {"texts": {"en": dict.fromkeys(("title", "saved", "choose", "placeholder_text"), text[:500])}},
    }
    page.add_init_script("window.pwned = () => { window.hit = true }")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    site = serve(_wrapped(f"<!doctype html><body>{FRAME}", **config))
    for address in ("/", "/consent/preferences?return_to=/%22onfocus=pwned()%20"):
        page.goto(site + address)
        assert page.evaluate("window.hit") is None
    page.goto(site)
    accept(page)
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert dialogs == []


# Their scripts


def test_scripts_run_in_order_each_once_and_inline_ones_wait(serve: Serve, page: Page) -> None:
    def late(route: Any) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/slow-wave.js", late)
    html = """<!doctype html><script src="/slow-wave.js"></script>
    <script>ran.push("one"); window.wave && wave()</script>
    <script src="/wave.js"></script><script type="application/json">{"wave": "wave("}</script>
    <script>ran.push("two"); window.wave && wave()</script>"""
    page.goto(serve(_wrapped(html)))
    assert page.evaluate("window.ran") is None
    accept(page)
    page.wait_for_function("window.ran && ran.includes('two')")
    page.evaluate("consent.decide({action: 'accept_all'})")
    assert page.evaluate("ran") == ["slow-wave", "one", "wave", "two"]


def test_a_script_that_would_wipe_the_page_gets_a_fresh_one(serve: Serve, page: Page) -> None:
    html = "<!doctype html><body><h1>Here</h1><script>document.write('<i>wave(</i>')</script>"
    page.goto(serve(_wrapped(html)))
    with page.expect_navigation():
        press(page, "accept_all")
    expect(page.locator("h1")).to_have_text("Here")
    expect(page.locator("i")).to_have_text("wave(")


def test_marks_of_other_tools_and_marks_that_gate_nothing(serve: Serve, page: Page) -> None:
    html = """<!doctype html><script type="text/plain" data-category="necessary">window.ran = ["mine"]</script>
    <p data-consent="wave" id=plain>stays</p>
    <script type="text/plain" data-consent="nobody-knows">ran.push("no")</script>
    <script type="text/plain" data-consent="">ran.push("empty")</script>"""
    page.goto(serve(_wrapped(html)))
    page.wait_for_function("window.ran")
    accept(page)
    assert page.evaluate("ran") == ["mine"]
    expect(page.locator("#plain")).to_have_attribute("data-consent", "wave")


# Frames


def test_a_frame_can_be_loaded_once(serve: Serve, page: Page) -> None:
    page.goto(serve(_wrapped(f"<!doctype html><p>Before {FRAME} after</p>")))
    expect(page.locator("iframe")).to_be_hidden()
    size = page.locator("[data-consent-placeholder]").bounding_box()
    assert size is not None
    assert size["width"] == pytest.approx(400, abs=1)
    page.locator("[data-consent-action=load]").click()
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("film")
    expect(page.locator("[data-consent-placeholder]")).to_have_count(0)
    assert page.evaluate("consent.state.decided") is False, "nothing was stored"
    page.reload()
    expect(page.locator("[data-consent-placeholder]")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_service_can_be_allowed_for_good_where_its_frame_stands(
    serve: Serve, browser: Browser, javascript: bool
) -> None:
    inside_a_form = f"<!doctype html><form><p>Comment {FRAME}</p><button>send</button></form>"
    site = serve(_wrapped(inside_a_form))
    with browser.new_context(java_script_enabled=javascript) as context:
        page = context.new_page()
        page.goto(site)
        expect(page.locator("[data-consent-action=load]")).to_be_visible(visible=javascript)
        page.locator("[data-consent-action=allow]").click()
        expect(page.frame_locator("iframe").locator("body")).to_contain_text("film")
        state = page.request.get(site + "/consent/state").json()
        assert state["services"] == {"wave": "denied", "film": "granted", "track": "denied"}
        assert state["categories"]["personalization_analytics"] == "denied"
        assert page.url == site + "/"


def test_one_question_is_enough_for_a_page_and_its_frames(serve: Serve, page: Page) -> None:
    page.goto(serve(_wrapped("<!doctype html><h1>Out</h1><iframe src=/inner></iframe>")))
    expect(page.locator("#consent-banner")).to_be_visible()
    inner = page.frame_locator("iframe")
    expect(inner.locator("body")).to_contain_text("inner")
    expect(inner.locator("#consent-banner")).to_be_hidden()


# The second layer


def test_a_category_s_switch_moves_its_services(serve: Serve, page: Page) -> None:
    page.goto(serve(_wrapped("<!doctype html><h1>Choose</h1>")))
    press(page, "open")
    box = "#consent-preferences input[value={}]"
    page.locator(box.format("personalization_analytics")).check()
    expect(page.locator(box.format("wave"))).to_be_checked()
    expect(page.locator(box.format("track"))).not_to_be_checked()  # it needs the location as well
    page.locator(box.format("geolocation")).check()
    expect(page.locator(box.format("track"))).to_be_checked()
    page.locator(box.format("wave")).uncheck()
    expect(page.locator(box.format("personalization_analytics"))).to_be_checked()
    with page.expect_navigation():  # granting the location needs a fresh page
        press(page, "save", "#consent-preferences")
    page.wait_for_function("window.consent")
    assert page.evaluate("['personalization_analytics', 'wave', 'film', 'track'].map(consent.granted)") == [
        True,
        False,
        True,
        True,
    ]


def test_a_failure_is_said_inside_the_preferences(serve: Serve, page: Page) -> None:
    page.goto(serve(_wrapped("<!doctype html><h1>Choose</h1>")))
    page.route("**/consent/decision", lambda route: route.abort())
    press(page, "open")
    press(page, "save", "#consent-preferences")
    expect(page.locator("#consent-preferences #consent-status")).to_be_visible()
    expect(page.locator("#consent-status")).to_contain_text("nothing was switched on")
    page.keyboard.press("Escape")
    expect(page.locator("#consent-preferences")).to_be_hidden()
    expect(page.locator("#consent-status")).to_be_visible()


def test_an_opt_out_signal_is_honoured_visibly_and_can_be_overridden(serve: Serve, browser: Browser) -> None:
    site = serve(_wrapped("<!doctype html><h1>Signal</h1>"))
    with browser.new_context(extra_http_headers={"Sec-GPC": "1"}) as context:
        page = context.new_page()
        page.goto(site)
        expect(page.locator("#consent-banner")).to_be_hidden()
        expect(page.locator("#consent-status")).to_have_text("Opt-out request honored")
        expect(page.locator("#consent-status")).to_be_visible()
        press(page, "open", "#consent-entry")
        expect(page.locator("#consent-preferences")).to_contain_text("Global Privacy Control")
        press(page, "accept_all", "#consent-preferences")
        expect(page.locator("#consent-preferences")).to_be_hidden()
        page.reload()
        expect(page.locator("#consent-status")).to_be_empty()
        assert page.evaluate("consent.granted('wave')") is True
