"""More than 500 payloads through every text that a site can configure, in a real Chromium: nothing runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware, requires_consent
from consent_mw.i18n import Locales
from e2e.apps.visitor import SECRET, press

pytestmark = pytest.mark.e2e

# What gets out of the place where a text stands …
ESCAPES = [
    "", '">', "'>", "-->", "--!>", "<!-->", "</title>", "</style>", "</script>", "</textarea>", "</template>", "</svg>",
    "</b></p></div>", "</dialog>", "</form>", "<![CDATA[", "]]>", "\\u0022>", "&quot;>", "&#34;&#62;", "\u2028",
    "\ufeff", "{{", "${", "`", "\\",
]  # fmt: skip
# … and what then would run. `p()` leaves a mark.
VECTORS = [
    "<img src=x onerror=p()>", "<svg onload=p()>", "<svg/onload=p()//", "<script>p()</script>", "<ScRiPt>p()</sCrIpT>",
    "<iframe srcdoc='<script>parent.p()</script>'>", "<details open ontoggle=p()>", "<input autofocus onfocus=p()>",
    "<video><source onerror=p()>", "<body onload=p()>", "<math><mtext><img src onerror=p()>", "<style onload=p()>",
    '" onmouseover="p()', "' onfocus='p()' autofocus='", '" autofocus onfocus="p()" x="', '" style="animation:x" y="',
    "javascript:p()", "<a href=javascript:p()>x</a>", "<base href=javascript:/>", "<object data=javascript:p()>",
    "&lt;script&gt;p()&lt;/script&gt;", "constructor('p()')()}}", "p()}", "<noscript><img src onerror=p()></noscript>",
]  # fmt: skip
PAYLOADS = [escape + vector for escape in ESCAPES for vector in VECTORS]
TEXTS = Locales().texts("en")
MARK = "window.p = () => { window.hit = true }; addEventListener('securitypolicyviolation', window.p)"


def _config(payloads: Iterator[str]) -> dict[str, Any]:
    """Every text filled with as many payloads as it may hold."""

    def text(longest: int) -> str:
        filled = next(payloads)
        while len(filled) + 40 < longest:
            filled += " " + next(payloads)
        return filled[:longest]

    line = {"name": text(200), "address": text(200), "contact": text(200)}
    service = {
        "id": "film",
        "name": text(120),
        "owner": text(120),
        "retention": text(120),
        "purposes": ["media"],
        "paths": ["/film.html"],
        "recipients": [text(120) for _ in range(3)],
        "storage": [text(120)],
        "cookies": [{"name": "x", "days": 3}],
    }
    labels = [
        {"id": "geolocation", "label": text(80), "description": text(600)},
        {"id": "identification", "label": text(80), "description": text(600)},
    ]
    # long ones in the order of the file, each with a breath of the shipped text for its {names}
    words = {key: (text(560) + shipped)[:600] for key, shipped in TEXTS.items()}
    return {"controller": line, "services": [service], "categories": labels, "banner": {"texts": {"en": words}}}


@requires_consent("geolocation", "film")
async def _map(request: Request) -> Response:
    return HTMLResponse("map")


async def _home(request: Request) -> Response:
    return HTMLResponse("<!doctype html><body><h1>Home</h1><iframe src=/film.html></iframe>")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        context.add_init_script(MARK)
        yield context.new_page()


def test_no_text_of_a_site_runs(serve: Callable[[ASGIApp], str], page: Page) -> None:
    assert len(PAYLOADS) > 500
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    app = Starlette(routes=[Route("/", _home), Route("/map", _map)])
    for turn in range(3):  # each payload in several places
        payloads = cycle(PAYLOADS[turn * 7 :] + PAYLOADS[: turn * 7])
        site = serve(ConsentMiddleware(app, _config(payloads), secret_key=SECRET, ledger="memory://"))
        for path in ("/consent/preferences", "/map", "/consent/receipt?format=html", "/"):
            page.goto(site + path)
            assert page.evaluate("[window.hit, typeof p]") == [None, "function"], path
        press(page, "open")
        expect(page.locator("#consent-preferences")).to_be_visible()
        press(page, "accept_all", "#consent-preferences")
        expect(page.locator("#consent-status")).not_to_be_empty()
        page.goto(site + "/consent/receipt?format=html")
        page.wait_for_timeout(100)
        assert page.evaluate("window.hit") is None
    assert dialogs == []
