"""What the gate held back works once it is granted, without a reload: not scripts and frames only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from corpus.forms import CONFIG, DOMAIN
from e2e.apps import chromium
from e2e.apps.stand_in import StandIn, stand_in
from e2e.apps.visitor import SECRET, press

pytestmark = pytest.mark.e2e

FORMS = {
    "import": '<style>@import "http://import.HOST/a.css";</style>',
    "sheet": "<style>#sheet { background: url(http://sheet.HOST/a.gif) }</style><p id=sheet>a</p>",
    "style": '<p style="background: url(http://style.HOST/a.gif)">a</p>',
    "body": '<table background="http://body.HOST/a.gif"><tr><td>a</table>',
    "srcdoc": """<iframe srcdoc="<img src='http://srcdoc.HOST/a.gif'>"></iframe>""",
    "data": '<iframe src="data:text/html,<img src=http://data.HOST/a.gif>"></iframe>',
    "svg": '<svg width="9" height="9"><image href="http://svg.HOST/a.gif" width="9" height="9"/></svg>',
    "xlink": '<svg width="9" height="9"><image xlink:href="http://xlink.HOST/a.gif" width="9" height="9"/></svg>',
    "poster": '<video poster="http://poster.HOST/a.gif"></video>',
    "embed": '<embed src="http://embed.HOST/a.html" type="text/html">',
    "object": '<object data="http://object.HOST/a.html" type="text/html"></object>',
    "link": '<link rel="stylesheet" href="http://link.HOST/a.css">',
    "plain": '<script type="text/plain" data-consent="personalization_analytics" src="http://plain.HOST/a.js"></script>',
    "marked": '<script type="text/plain" data-consent="personalization_analytics">'
    'new Image().src = "http://marked.HOST/a.gif"</script>',
    "inline": '<script>new Image().src = "http://inline.HOST/a.gif"</script>',
}
HOSTS = {f"{name}.{DOMAIN}" for name in FORMS}
HANDLER = f'<b id="handler" onclick="new Image().src = \'http://handler.{DOMAIN}/a.gif\'">a</b>'


@pytest.fixture
def third_parties() -> Iterator[StandIn]:
    with stand_in() as server:
        yield server


@pytest.fixture
def page(browser: Browser, third_parties: StandIn) -> Iterator[Page]:
    options = chromium.options(third_parties.resolver_rules([*HOSTS, f"handler.{DOMAIN}"]))
    with browser.browser_type.launch(**options) as own_browser, own_browser.new_context() as context:
        yield context.new_page()


def site(request: Request) -> HTMLResponse:
    body = "".join(FORMS.values()).replace("HOST", DOMAIN) + HANDLER
    return HTMLResponse(f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><body>{body}</body></html>')


def test_everything_that_was_held_back_is_let_go(
    page: Page, serve: Callable[[ASGIApp], str], third_parties: StandIn
) -> None:
    url = serve(ConsentMiddleware(Starlette(routes=[Route("/", site)]), CONFIG, secret_key=SECRET, ledger="memory://"))
    page.goto(url, wait_until="networkidle")
    page.locator("#handler").dispatch_event("click")
    assert third_parties.contacts == []
    page.evaluate("window.same = true")
    press(page, "accept_all")
    expect(page.locator("#consent-banner")).to_be_hidden()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    assert HOSTS - set(third_parties.contacts) == set()
    page.locator("#handler").dispatch_event("click")
    page.wait_for_timeout(500)
    assert f"handler.{DOMAIN}" in third_parties.contacts
    assert page.evaluate("window.same"), "without a reload"
