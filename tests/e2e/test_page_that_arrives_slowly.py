"""A page comes in pieces, and one may end in the middle of the question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.visitor import SECRET

pytestmark = pytest.mark.e2e

FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def _home() -> ASGIApp:
    async def home(request: Request) -> Response:
        return HTMLResponse("<!doctype html><body><h1>Ferry</h1>")

    return ConsentMiddleware(Starlette(routes=[Route("/", home)]), secret_key=SECRET, ledger=None)


def _in_two_pieces(page: str, cut: int) -> ASGIApp:
    """The second one comes once somebody has asked for it."""
    asked = asyncio.Event()

    async def home(request: Request) -> Response:
        async def pieces() -> AsyncIterator[str]:
            yield page[:cut]
            await asked.wait()
            yield page[cut:]

        return StreamingResponse(pieces(), media_type="text/html")

    async def rest(request: Request) -> Response:
        asked.set()
        return Response(status_code=204)

    return Starlette(routes=[Route("/", home), Route("/rest", rest)])


def test_the_question_shows_once_all_of_it_is_here(serve: Callable[[ASGIApp], str], browser: Browser) -> None:
    with browser.new_context() as context:
        whole = context.request.get(serve(_home())).text()
        site = serve(_in_two_pieces(whole, whole.index('<div class="c-actions">')))
        page = context.new_page()
        page.goto(site, wait_until="commit")
        title = page.locator("#consent-title")
        title.wait_for(state="attached")
        page.evaluate(FRAMES)
        expect(title).to_be_hidden()
        context.request.get(f"{site}/rest")
        expect(title).to_be_visible()
