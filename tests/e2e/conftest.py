"""A real server, real browsers and a stand-in for third parties for the tests in this folder."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from starlette.types import ASGIApp

from e2e.apps import chromium
from e2e.apps.stand_in import StandIn, stand_in


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: Playwright keeps an event loop running, which other tests could not bear."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options())
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Callable[[ASGIApp], str]]:
    """Starts apps under uvicorn on free ports of loopback, and stops them."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(app: ASGIApp) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def world() -> Iterator[StandIn]:
    with stand_in() as server:
        yield server


@pytest.fixture(scope="module")
def profile(
    request: pytest.FixtureRequest, world: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """A normal profile, in which a module's ``HOSTS`` lead to the stand-in: in the private ones of ``new_context``
    Chromium does not preconnect."""
    rules = world.resolver_rules(request.module.HOSTS)
    with sync_playwright() as playwright:
        folder = tmp_path_factory.mktemp("profile")
        context = playwright.chromium.launch_persistent_context(folder, **chromium.options(rules))
        yield context
        context.close()


@pytest.fixture
def page(profile: BrowserContext, world: StandIn) -> Iterator[Page]:
    """A page of somebody who comes for the first time; nobody has been contacted yet."""
    profile.clear_cookies()
    page = profile.new_page()
    world.forget()
    yield page
    page.close()
