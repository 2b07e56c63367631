"""FastAPI, unmodified: its docs page and its cookies, mounted both ways."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Route, expect
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.third_party import fastapi_app
from e2e.apps.visitor import SECRET, accept, errors, jar, withdraw, without_ours

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

# Swagger's own files come from a CDN. This is what the page's inline script needs of them.
SWAGGER = """
window.SwaggerUIBundle = ({url, dom_id}) => fetch(url).then(answer => answer.json())
  .then(api => { document.querySelector(dom_id).textContent = Object.keys(api.paths).join(" "); });
SwaggerUIBundle.presets = {apis: {}};
SwaggerUIBundle.SwaggerUIStandalonePreset = {};
"""


def _wrapped(app: FastAPI) -> ASGIApp:
    return ConsentMiddleware(app, secret_key=SECRET, ledger="memory://")


def _added(app: FastAPI) -> ASGIApp:
    app.add_middleware(ConsentMiddleware, secret_key=SECRET, ledger="memory://")
    return app


@pytest.fixture(params=[_wrapped, _added], ids=["wrapped", "add_middleware"])
def site(request: pytest.FixtureRequest, serve: Serve) -> str:
    return serve(request.param(fastapi_app()))


def test_the_docs_page_is_the_same_but_for_what_stands_between_our_markers(site: str, serve: Serve) -> None:
    bare = httpx.get(serve(fastapi_app()) + "/docs")
    docs = httpx.get(site + "/docs")
    assert docs.text != bare.text
    assert without_ours(docs.text) == bare.text
    assert 'id="consent-banner"' in docs.text


@pytest.mark.parametrize("path", ["/boats", "/openapi.json", "/nowhere", "/docs/oauth2-redirect"])
def test_other_answers_keep_every_byte(site: str, serve: Serve, path: str) -> None:
    bare = httpx.get(serve(fastapi_app()) + path)
    answer = httpx.get(site + path)
    assert without_ours(answer.text) == bare.text
    assert answer.status_code == bare.status_code
    assert answer.headers["content-type"] == bare.headers["content-type"]


def test_an_endpoints_cookies_wait_for_consent_in_both_directions(site: str) -> None:
    before = httpx.get(site + "/remember")
    assert dict(before.cookies) == {"csrftoken": "t0ken"}
    assert httpx.get(site + "/seen", cookies={"_ga": "old", "csrftoken": "t0ken"}).json() == {"csrftoken": "t0ken"}
    with httpx.Client(base_url=site, headers={"origin": site}) as client:
        client.post("/consent/decision", json={"action": "accept_all"}).raise_for_status()
        assert client.get("/remember").headers.get_list("set-cookie") == [
            "_ga=GA1.1.1; Max-Age=1000; Path=/; SameSite=lax",
            "csrftoken=t0ken; Max-Age=1000; Path=/; SameSite=lax",
        ]
        assert client.get("/seen").json() == {"_ga": "GA1.1.1", "csrftoken": "t0ken"}


def test_in_chromium_the_docs_work_before_and_after_consent(site: str, browser: Browser) -> None:
    with browser.new_context() as context:
        context.route(re.compile("^https:"), _cdn)
        page = context.new_page()
        wrong = errors(page)
        page.goto(site + "/docs")
        expect(page.locator("#swagger-ui")).to_have_text("/boats /remember /seen")
        expect(page.locator("#consent-banner")).to_be_visible()
        page.evaluate("fetch('/remember')")
        assert jar(context).keys() == {"csrftoken"}

        accept(page)
        page.evaluate("fetch('/remember')")
        assert jar(context).keys() == {"csrftoken", "_ga", "consent"}
        page.reload()
        expect(page.locator("#swagger-ui")).to_have_text("/boats /remember /seen")
        expect(page.locator("#consent-banner")).to_be_hidden()

        withdraw(page)
        assert jar(context).keys() == {"csrftoken", "consent"}
        assert wrong == []


def _cdn(route: Route) -> None:
    if "swagger-ui-bundle" in route.request.url:
        route.fulfill(content_type="text/javascript", body=SWAGGER)
    else:
        route.fulfill(content_type="text/css" if route.request.url.endswith(".css") else "image/png", body="")
