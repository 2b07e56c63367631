"""What visitors have set in their browser or system: large text, wide spacing, contrast, colours, motion, paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from consent_mw.banner_settings import contrast
from e2e.apps import chromium
from e2e.apps.film import SERVICES
from e2e.apps.visitor import SECRET, accept, press

pytestmark = pytest.mark.e2e

BANNER, PREFERENCES = "#consent-banner", "#consent-preferences"
LAYOUTS: list[dict[str, Any]] = [
    {"position": "bottom"},
    {"position": "box"},
    {"position": "center"},
    {"position": "center", "modal": True},
]
MOTION = """() => [...document.querySelectorAll("#consent-root, #consent-root *")].filter(e => {
  const {transitionDuration, animationName} = getComputedStyle(e);
  return transitionDuration !== "0s" || animationName !== "none"; }).length + document.getAnimations().length"""
CLIPPED = """(part) => [...part.querySelectorAll("*")].filter(e => {
  const style = getComputedStyle(e), box = e.getBoundingClientRect(), around = part.getBoundingClientRect();
  if (!e.checkVisibility() || !box.width || e.closest("svg") || style.position === "sticky") return false;
  const cut = e.scrollWidth > e.clientWidth + 1 && style.display !== "inline" && style.overflow !== "visible";
  return cut || box.left < around.left - 1 || box.right > around.right + 1;
}).map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture
def site(serve: Callable[[ASGIApp], str]) -> Callable[..., str]:
    def start(language: str = "en", **layout: Any) -> str:
        async def home(request: Request) -> Response:
            frame = '<iframe src="/film.html" title="Film" width="300" height="200"></iframe>'
            text = "<p>Text <a href=/>link</a></p>" * 40
            page = f"<title>Post</title><body style='background:#f7f3ea'><main><h1>News</h1>{frame}{text}</main>"
            return HTMLResponse(
                f"<!doctype html><html lang={language}><meta name=viewport content='width=device-width'>{page}"
            )

        config = {
            "services": SERVICES,
            "controller": {"name": "The Harbour Post", "email": "privacy@harbourpost.example"},
            "policy": {"privacy_url": "/privacy"},
            "banner": {"locales": [language], **layout},
        }
        app = Starlette(routes=[Route("/", home)])
        return serve(ConsentMiddleware(app, config, secret_key=SECRET, ledger="memory://"))

    return start


@pytest.fixture(scope="module")
def large(browser: Browser) -> Iterator[Browser]:
    """A browser whose visitor has doubled the text size."""
    with browser.browser_type.launch(**chromium.options("--blink-settings=defaultFontSize=32")) as own:
        yield own


# Size and spacing of text


def _reads_well(page: Page, part: str) -> None:
    """Nothing is cut off at the side, nothing lies over something else, and every control can be reached."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    assert page.locator(part).evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.locator(part).evaluate(CLIPPED) == []
    controls = page.locator(f"{part} :is(h1, h2, button, label, a, summary)")
    stuck = page.locator(f"{part} :is(header, footer) *")  # what scrolls, scrolls under these
    _apart(controls.and_(stuck))
    _apart(controls.and_(page.locator(f":not({part} :is(header, footer) *)")))
    for control in controls.all():
        if control.is_visible():
            control.scroll_into_view_if_needed()
            expect(control).to_be_in_viewport(ratio=0.9)


def _apart(parts: Locator) -> None:
    for one, other in combinations([part.bounding_box() for part in parts.all() if part.is_visible()], 2):
        assert one is not None
        assert other is not None
        wide = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
        high = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
        assert min(wide, high) <= 1, "they overlap"


@pytest.mark.parametrize("language", ["de", "ar"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: "modal" if "modal" in layout else layout["position"])
@pytest.mark.parametrize("size", [(1280, 800), (360, 720)], ids=["desktop", "phone"])
def test_with_text_of_twice_the_size(
    site: Callable[..., str], large: Browser, size: tuple[int, int], layout: dict[str, Any], language: str
) -> None:
    with large.new_context(viewport={"width": size[0], "height": size[1]}) as context:
        page = context.new_page()
        page.goto(site(language, **layout))
        assert float(page.locator(f"{BANNER} p").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 30
        _reads_well(page, BANNER)
        press(page, "open")
        expect(page.locator(PREFERENCES)).to_be_visible()
        page.locator("summary").first.click()
        _reads_well(page, PREFERENCES)
        press(page, "reject_all", PREFERENCES)
        expect(page.locator(BANNER)).to_be_hidden()
        _reads_well(page, "#consent-entry")


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: "modal" if "modal" in layout else layout["position"])
def test_enlarged_four_times_on_a_small_screen(
    site: Callable[..., str], browser: Browser, layout: dict[str, Any]
) -> None:
    """320 by 256 CSS pixels (WCAG 1.4.10): one scrolls in the banner, not sideways, and the page is still there."""
    with browser.new_context(viewport={"width": 320, "height": 256}) as context:
        page = context.new_page()
        page.goto(site("de", **layout))
        _reads_well(page, BANNER)
        box = page.locator(BANNER).bounding_box()
        assert box is not None
        assert box["height"] < 256
        press(page, "open")
        _reads_well(page, PREFERENCES)


def test_with_the_spacing_that_wcag_asks_to_bear(site: Callable[..., str], browser: Browser) -> None:
    """Success criterion 1.4.12, set where it beats every style sheet."""
    spread = """() => { for (const e of document.querySelectorAll("#consent-root *")) for (const [name, value] of [
      ["line-height", "1.5"], ["letter-spacing", ".12em"], ["word-spacing", ".16em"]])
      e.style.setProperty(name, value, "important"); }"""
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        page = context.new_page()
        page.goto(site("de"))
        page.evaluate(spread)
        _reads_well(page, BANNER)
        press(page, "open")
        expect(page.locator(PREFERENCES)).to_be_visible()
        page.evaluate(spread)
        _reads_well(page, PREFERENCES)


# Contrast and colours


def _colour(element: Locator, name: str) -> str:
    """A colour as #rrggbb, as it is painted: through a canvas, which knows every way to write one."""
    return str(
        element.evaluate(
            """(e, name) => {
            const brush = document.createElement("canvas").getContext("2d");
            for (const part of [e.closest("dialog, section, span"), e])
              for (brush.fillStyle of [getComputedStyle(part).backgroundColor]) brush.fillRect(0, 0, 1, 1);
            brush.fillStyle = getComputedStyle(e)[name];
            brush.fillRect(0, 0, 1, 1);
            return "#" + [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3)
              .map(part => part.toString(16).padStart(2, "0")).join(""); }""",
            name,
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_forced_colours_everything_has_an_outline(site: Callable[..., str], browser: Browser, scheme: Any) -> None:
    with browser.new_context(forced_colors="active", color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(site())
        back = _colour(page.locator(BANNER), "backgroundColor")
        accept_all, reject_all = (page.locator(f"{BANNER} [value={name}]") for name in ("accept_all", "reject_all"))
        for part in (page.locator(BANNER), accept_all, reject_all):
            assert contrast(_colour(part, "borderTopColor"), back) >= 3
            assert part.evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
        for button in (accept_all, reject_all):
            assert contrast(_colour(button, "color"), _colour(button, "backgroundColor")) >= 4.5
        assert _colour(accept_all, "backgroundColor") == _colour(reject_all, "backgroundColor")
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        assert contrast(_colour(focused, "outlineColor"), back) >= 3
        placeholder = page.locator("[data-consent-placeholder]")
        assert contrast(_colour(placeholder, "outlineColor"), _colour(placeholder, "backgroundColor")) >= 3
        press(page, "open")
        expect(page.locator(PREFERENCES)).to_be_visible()
        switch = page.locator(f"{PREFERENCES} input").first
        assert switch.evaluate("e => getComputedStyle(e).appearance") == "auto", "drawn by the system"
        assert contrast(_colour(page.locator(PREFERENCES), "borderTopColor"), back) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_more_contrast_nothing_is_pale(site: Callable[..., str], browser: Browser, scheme: Any) -> None:
    with browser.new_context(contrast="more", color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(site())
        back = _colour(page.locator(BANNER), "backgroundColor")
        assert contrast(_colour(page.locator(BANNER), "borderTopColor"), back) >= 7
        press(page, "open")
        expect(page.locator(PREFERENCES)).to_be_visible()
        for pale in (".c-category p", "summary", "small"):
            assert contrast(_colour(page.locator(f"{PREFERENCES} {pale}").first, "color"), back) >= 7
        for line in (".c-category", "footer"):
            assert contrast(_colour(page.locator(f"{PREFERENCES} {line}").first, "borderTopColor"), back) >= 7
        locked = page.locator(f"{PREFERENCES} input:disabled").first
        expect(locked).to_have_css("opacity", "1")


# Pointers


def test_whatever_is_pressed_is_large_enough(site: Callable[..., str], browser: Browser) -> None:
    """24 by 24 CSS pixels (WCAG 2.5.8); a link within a sentence is as large as its line."""
    with browser.new_context(viewport={"width": 360, "height": 720}) as context:
        page = context.new_page()
        page.goto(site())
        seen = _targets(page, f"{BANNER} button, {BANNER} .c-actions a, [data-consent-placeholder] button")
        press(page, "open")
        expect(page.locator(PREFERENCES)).to_be_visible()
        seen += _targets(page, f"{PREFERENCES} :is(button, summary, label, input, header a)")
        press(page, "reject_all", PREFERENCES)
        expect(page.locator(BANNER)).to_be_hidden()
        seen += _targets(page, "#consent-entry a")
        assert len(seen) > 12
        assert [target for target in seen if min(target[1:]) < 24] == []
        yes, no = (next(target for target in seen if target[0] == name) for name in ("Accept all", "Reject all"))
        assert yes[1:] == no[1:]


def _targets(page: Page, selector: str) -> list[tuple[str, float, float]]:
    found = []
    for part in page.locator(selector).all():
        box = part.bounding_box()
        if box is not None:
            found.append((part.inner_text().strip(), box["width"], box["height"]))
    return found


# Motion


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_by_itself(site: Callable[..., str], browser: Browser, motion: Any) -> None:
    with browser.new_context(reduced_motion=motion) as context:
        page = context.new_page()
        page.goto(site())
        assert page.evaluate(MOTION) == 0
        press(page, "open")
        expect(page.locator(PREFERENCES)).to_be_visible()
        page.locator("summary").first.click()
        assert page.evaluate(MOTION) == 0
        press(page, "accept_all", PREFERENCES)
        expect(page.locator(BANNER)).to_be_hidden()
        assert page.evaluate(MOTION) == 0


# Paper


def test_on_paper_the_page_is_as_it_is_without_us(site: Callable[..., str], browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site())
        expect(page.locator(BANNER)).to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator("#consent-root")).to_be_hidden()
        box = page.locator("[data-consent-placeholder]")
        expect(box).to_be_visible()
        expect(box.get_by_role("button")).to_have_count(0)  # on paper there is nothing to press
        height = "document.documentElement.scrollHeight"
        with_us = page.evaluate(height)
        page.evaluate("document.querySelector('#consent-banner').remove()")
        assert page.evaluate(height) == with_us


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_receipt_is_black_on_white_on_paper(site: Callable[..., str], browser: Browser, scheme: Any) -> None:
    with browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        address = site()
        page.goto(address)
        accept(page)
        page.goto(address + "/consent/receipt?format=html")
        page.emulate_media(media="print", color_scheme=scheme)
        body = page.locator("body")
        expect(body).to_have_css("background-color", "rgba(0, 0, 0, 0)")
        expect(page.locator("h1")).to_have_css("color", "rgb(0, 0, 0)")
        expect(page.locator("dd").first).to_have_css("color", "rgb(0, 0, 0)")
        expect(page.locator("form")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
