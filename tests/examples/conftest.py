"""The examples as their users run them: under uvicorn, asked over a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

Ask = Callable[[ASGIApp], httpx.Client]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Serves an app and gives a client for it that a browser's same-origin requests could come from."""
    with ExitStack() as stack:

        def start(app: ASGIApp) -> httpx.Client:
            address = stack.enter_context(_served(app))
            headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
            client = httpx.Client(base_url=address, headers=headers, follow_redirects=True, trust_env=False)
            return stack.enter_context(client)

        yield start


@contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
