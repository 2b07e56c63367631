"""Where a visitor is, in a real Chromium: nobody learns it before they say so, nor after they take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from examples.demo import trackers
from examples.demo.events import EventLog
from examples.demo.site import create_site
from playwright.sync_api import Browser, BrowserContext, Geolocation, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.visitor import SECRET, accept, withdraw

pytestmark = pytest.mark.e2e

HERE = Geolocation(latitude=54.5813, longitude=-1.2102)
ASK = """() => new Promise(done => navigator.geolocation.getCurrentPosition(
    here => done([here.coords.latitude, here.coords.longitude]), error => done(error.code), {timeout: 5000}))"""
PERMISSION_DENIED = 1


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser whose user lets every site know where they are: what is left is our word."""
    with browser.new_context(permissions=["geolocation"], geolocation=HERE) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def demo(serve: Callable[[ASGIApp], str]) -> str:
    log = EventLog()
    port = int(serve(trackers.create_app(log)).rpartition(":")[2])
    return serve(create_site(tracker_port=port, secret=SECRET, log=log))


def allow(page: Page, address: str, path: str) -> None:
    page.goto(f"{address}/consent/preferences?return_to={path}")
    page.locator('input[name="category"][value="geolocation"]').check()
    page.locator('button[value="save"]').first.click()
    page.wait_for_url(f"**{path}")


def test_the_nearby_page_gets_the_position_only_while_it_is_allowed(page: Page, demo: str) -> None:
    page.goto(demo + "/nearby")
    assert page.evaluate(ASK) == PERMISSION_DENIED
    allow(page, demo, "/nearby")
    assert page.evaluate(ASK) == [HERE["latitude"], HERE["longitude"]]
    withdraw(page)
    assert page.evaluate(ASK) == PERMISSION_DENIED
    page.goto(demo + "/nearby")
    assert page.evaluate(ASK) == PERMISSION_DENIED


def test_accepting_all_does_not_allow_the_position(page: Page, demo: str) -> None:
    page.goto(demo + "/nearby")
    accept(page)
    page.reload()
    assert page.evaluate(ASK) == PERMISSION_DENIED


@pytest.fixture
def echo(serve: Callable[[ASGIApp], str]) -> str:
    """An app that answers with all it has learned of a request."""

    async def answer(request: Request) -> Response:
        if request.url.path == "/":
            return HTMLResponse("<!doctype html><title>Echo</title><body><p>hello")
        body = await request.body()
        return JSONResponse({"query": request.url.query, "body": body.decode("latin-1"), "length": len(body)})

    routes = [Route("/{rest:path}", answer, methods=["GET", "POST"])]
    return serve(ConsentMiddleware(Starlette(routes=routes), secret_key=SECRET, ledger=None))


SEND = """async () => {
    const form = new FormData();
    form.set("lat", "54.5813"); form.set("note", "hello");
    form.set("blob", new Blob(['{"lng": -1.2102, "a": 1}'], {type: "application/json"}));
    const answers = [];
    for (const [address, body, headers] of [
        ["/echo?lat=54.5813&page=2", undefined, {}],
        ["/echo", '{"lat": 54.5813, "a": 1}', {"content-type": "application/json"}],
        ["/echo", '{"lat": 54.5813, "a": 1}', {}],
        ["/echo", new URLSearchParams({lat: "54.5813", a: "1"}), {}],
        ["/echo", form, {}],
    ]) answers.push(await (await fetch(address, {method: body ? "POST" : "GET", body, headers})).json());
    return answers;
}"""


def test_what_a_page_sends_reaches_the_app_only_with_consent(page: Page, echo: str) -> None:
    page.goto(echo + "/")
    query, json_body, text, form, parts = page.evaluate(SEND)
    assert query["query"] == "page=2"
    assert json_body["body"] == text["body"] == '{"a": 1}'
    assert form["body"] == "a=1"
    assert "54.5813" not in parts["body"]
    assert "hello" in parts["body"]
    assert '{"a": 1}' in parts["body"]

    allow(page, echo, "/")
    query, json_body, text, form, parts = page.evaluate(SEND)
    assert query["query"] == "lat=54.5813&page=2"
    assert json_body["body"] == text["body"] == '{"lat": 54.5813, "a": 1}'
    assert form["body"] == "lat=54.5813&a=1"
    assert "54.5813" in parts["body"]
    assert '{"lng": -1.2102, "a": 1}' in parts["body"]
