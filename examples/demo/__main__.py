"""``python -m examples.demo``: the newspaper on one port, its trackers on another, both on loopback only."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.demo import trackers
from examples.demo.events import EventLog
from examples.demo.site import create_site

SITE_PORT, TRACKER_PORT = 8000, 8001


def main() -> int:
    with contextlib.ExitStack() as stack:
        site_sockets = listen(SITE_PORT)
        tracker_sockets = listen(TRACKER_PORT)
        for listener in (*site_sockets, *tracker_sockets):
            stack.enter_context(listener)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="harbour-post-"))
        log = EventLog()
        stack.enter_context(log.listening_to("consent_mw.blocked"))
        tracker_port = _port(tracker_sockets)
        site = create_site(
            tracker_port=tracker_port,
            secret=secrets.token_hex(32),
            log=log,
            ledger=f"sqlite:///{Path(folder) / 'consent.sqlite3'}",
            stopping=lambda: server.should_exit,
        )
        app = by_port(site, trackers.create_app(log), tracker_port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        _announce(_port(site_sockets), tracker_port)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, and leaves nothing behind
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[*site_sockets, *tracker_sockets])
    print("\nStopped. The records of this run are gone.")
    return 0


def listen(port: int) -> list[socket.socket]:
    """Sockets on ``port`` of loopback, IPv4 and, where there is one, IPv6; on a free port when it is taken.

    Both families, because ``localhost`` may lead to either.
    """
    for wanted in (port, *[0] * 20):
        first: socket.socket | None = None
        try:
            first = socket.create_server(("127.0.0.1", wanted))
            if not _has_ipv6():
                return [first]
            return [first, socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6)]
        except OSError:
            if first is not None:
                first.close()
    raise OSError("no free port on loopback")


def by_port(site: ASGIApp, third_parties: ASGIApp, tracker_port: int) -> ASGIApp:
    """One server for both, so that one Ctrl-C ends both."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        to_trackers = scope["type"] == "http" and scope["server"][1] == tracker_port
        await (third_parties if to_trackers else site)(scope, receive, send)

    return app


def _announce(site_port: int, tracker_port: int) -> None:
    page, watch = f"http://localhost:{site_port}/", f"http://localhost:{site_port}/watch"
    print(f"The Harbour Post          {page}")
    print(f"... and what it does      {watch}")
    print(f"Stand-in trackers         http://*.localhost:{tracker_port}/")
    print("Ctrl-C stops everything.", flush=True)
    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        # The browser's start may take its time, or fail: the address stands above.
        threading.Timer(0.8, _open, (watch,)).start()


def _open(address: str) -> None:
    with contextlib.suppress(Exception):
        webbrowser.open(address)


def _port(sockets: list[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
