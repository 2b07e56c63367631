"""A local stand-in for third parties: whatever makes Chromium contact one of them arrives here and is recorded.

Plain http, no TLS: hosts on Chromium's HSTS preload list would be upgraded to https and are not usable here.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_TYPES = {"css": "text/css", "gif": "image/svg+xml", "html": "text/html"}
_BODIES = {
    "css": ":root { --tracker: loaded }",
    "gif": '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
    "html": "<!doctype html><title>third party</title>third party",
}


class StandIn(ThreadingHTTPServer):
    """Records who was contacted.

    :ivar contacts: hosts, in the order their requests came in
    :ivar addresses: the same with paths
    :ivar connections: TCP connections, those included that ask for nothing (preconnect)
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contacts: list[str] = []
        self.addresses: list[str] = []
        self.connections = 0

    def resolver_rules(self, hosts: Iterable[str]) -> str:
        """The Chromium switch that leads these hosts here, and any other but the site's own nowhere.

        Chromium calls home even when told not to; so that every connection counts, those calls must not end here.
        """
        rules = [f"MAP {host} 127.0.0.1:{self.server_port}" for host in hosts]
        return f"--host-resolver-rules={', '.join(rules)}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

    def forget(self) -> None:
        self.contacts.clear()
        self.addresses.clear()
        self.connections = 0

    def get_request(self) -> tuple[socket.socket, object]:
        accepted = super().get_request()
        self.connections += 1
        return accepted


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        host = self.headers["host"].partition(":")[0]
        self.server.contacts.append(host)
        self.server.addresses.append(host + self.path)
        extension = self.path.partition("?")[0].rpartition(".")[2]
        says_who_it_is = f"(window.ran = window.ran || []).push({host!r});"
        body = _BODIES.get(extension, says_who_it_is).encode()
        self.send_response(200)
        self.send_header("content-type", _TYPES.get(extension, "text/javascript"))
        self.send_header("content-length", str(len(body)))
        self.send_header("access-control-allow-origin", "*")
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what was contacted is asserted, not printed."""


@contextmanager
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
