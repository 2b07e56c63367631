"""Every language on the narrowest screen: nothing is cut, nothing sticks out, both buttons are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from consent_mw.i18n import shipped_tags
from e2e.apps.visitor import SECRET

pytestmark = pytest.mark.e2e

CUT = """() => [...document.querySelectorAll("#consent-root *")].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width && (box.left < 0 || box.right > innerWidth || element.scrollWidth > element.clientWidth + 1
    && getComputedStyle(element).display !== "inline");
}).map(element => element.outerHTML.slice(0, 200))"""


async def _page(request: Request) -> HTMLResponse:
    lang = request.query_params["lang"]
    return HTMLResponse(f'<!doctype html><html lang="{lang}"><meta name=viewport content="width=device-width"><body>')


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        yield context.new_page()


def test_no_language_is_cut_at_320_pixels(serve: Callable[[ASGIApp], str], page: Page) -> None:
    app = Starlette(routes=[Route("/", _page)])
    site = serve(ConsentMiddleware(app, {"controller": {"name": "The Harbour Post"}}, secret_key=SECRET, ledger=None))
    for tag in shipped_tags():
        page.goto(f"{site}/?lang={tag}")
        assert page.locator("#consent-root").get_attribute("lang") == tag
        reject, accept = (
            page.locator(f"#consent-banner [data-consent-action={action}]").bounding_box()
            for action in ("reject_all", "accept_all")
        )
        assert reject is not None
        assert accept is not None
        assert (reject["width"], reject["height"]) == (accept["width"], accept["height"]), tag
        assert page.evaluate(CUT) == [], tag
        page.goto(f"{site}/consent/preferences?language={tag}")
        assert page.locator("#consent-root input[name=category]").count() > 1, tag
        assert page.evaluate(CUT) == [], tag
