"""axe-core with every WCAG 2.2 A and AA rule over all that visitors see of us: nothing found, nothing left open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware, requires_consent
from e2e.apps.film import SERVICES
from e2e.apps.visitor import SECRET, accept, press

pytestmark = pytest.mark.e2e

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """([include]) => axe.run({include}, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  rules: {region: {enabled: false}},
  resultTypes: ["violations", "incomplete"],
}).then(({violations, incomplete}) => [violations, incomplete].map(list => list.flatMap(
  rule => rule.nodes.map(node => [rule.id, node.target.join(" "), node.failureSummary].join(": ")))))"""
CONFIG: dict[str, Any] = {
    "services": SERVICES,
    "controller": {"name": "The Post", "email": "p@post.example"},
    "policy": {"privacy_url": "/privacy"},
}


@requires_consent("geolocation")
async def _map(request: Request) -> Response:
    return HTMLResponse("map")


async def _home(request: Request) -> Response:
    return HTMLResponse(
        "<!doctype html><html lang=en><title>Post</title><body style='background:#f7f3ea'><main><h1>News</h1>"
        "<p>Text <a href=/>link</a></p><iframe src=/film.html title=Film width=400 height=260></iframe></main>"
    )


def _app(language: str, position: str = "bottom") -> ConsentMiddleware:
    app = Starlette(routes=[Route("/", _home), Route("/map", _map)])
    layout = {"position": "center", "modal": True} if position == "modal" else {"position": position}
    config = {**CONFIG, "banner": {**layout, "locales": [language]}}
    return ConsentMiddleware(app, config, secret_key=SECRET, ledger="memory://")


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with browser.new_context(color_scheme=request.param, viewport={"width": 1000, "height": 1600}) as context:
        yield context.new_page()


def _found(page: Page | Frame, *include: str) -> list[str]:
    """Violations, and what axe could not decide by itself, in the given parts of a page."""
    if isinstance(page, Page):
        page.mouse.move(0, 0)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    violations, undecided = page.evaluate(RUN, [list(include)])
    return [*violations, *undecided]


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("position", ["bottom", "box", "center", "modal"])
def test_the_banner_the_preferences_and_the_placeholders(
    serve: Callable[[ASGIApp], str], page: Page, position: str, language: str
) -> None:
    page.goto(serve(_app(language, position)))
    assert _found(page, "#consent-root") == []
    press(page, "open")
    expect(page.locator("#consent-preferences")).to_be_visible()
    page.locator("summary").first.click()
    assert _found(page, "#consent-preferences") == []
    press(page, "reject_all", "#consent-preferences")
    expect(page.locator("#consent-status")).not_to_be_empty()
    assert _found(page, "#consent-root", "[data-consent-placeholder]") == []


@pytest.mark.parametrize("language", ["en", "ar"])
def test_our_own_pages(serve: Callable[[ASGIApp], str], page: Page, language: str) -> None:
    site = serve(_app(language))
    page.goto(site + "/consent/preferences")
    page.locator("summary").first.click()
    assert _found(page, "html") == []
    page.goto(site + "/map")
    assert _found(page, "html") == []
    page.goto(site)
    accept(page)
    page.goto(site + "/consent/receipt?format=html")
    expect(page.locator(".consent-receipt")).to_be_visible()
    assert _found(page, "html") == []
    page.goto(site + "/consent/preferences")
    page.route("**/decision", lambda route: route.continue_(post_data="action=nonsense"))
    press(page, "save", "#consent-preferences")
    expect(page.locator("h1")).to_be_visible()
    assert "422" in page.locator("small").inner_text()
    assert _found(page, "html") == []


@pytest.mark.parametrize("language", ["en", "ar"])
def test_what_stands_in_a_frame_that_a_script_inserted(
    serve: Callable[[ASGIApp], str], page: Page, language: str
) -> None:
    page.goto(serve(_app(language)))
    page.evaluate(
        """() => {
            const frame = Object.assign(document.createElement("iframe"), { title: "Film", width: 400, height: 260 });
            frame.src = "/film.html";
            document.body.append(frame);
        }"""
    )
    frame = page.frames[-1]
    expect(frame.locator("[data-consent-action=allow]")).to_be_visible()
    page.wait_for_load_state("networkidle")  # the guard may have asked for the exact list, and the frame is made anew
    assert _found(frame, "body") == []
