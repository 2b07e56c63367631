"""Behind a real shared cache, nginx: what a denied visitor gets out of it, and how much the app still has to do."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.visitor import SECRET

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
PAGES, VISITORS_AT_A_TIME = 20, 4
LIVE = b'<script src="https://static.hotjar.com/c/hotjar-1.js"></script>'
PAGE = b'<!doctype html><html lang="en"><head><title>Boats</title></head><body>' + LIVE + b"<h1>%s</h1></body></html>"
CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=pages:4m;
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {app};
      proxy_set_header Host $http_host;
      proxy_cache pages;
      proxy_cache_key $uri;
      proxy_cache_valid 200 10m;
      proxy_cache_lock on;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"""


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Puts nginx in front of a site: it keeps every answer that does not forbid it, and never looks at cookies."""
    if NGINX is None:
        pytest.fail("nginx is missing; run: make tools")
    running: list[subprocess.Popen[bytes]] = []

    def start(app: str) -> str:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = tmp_path / "nginx.conf"
        config.write_text(CONFIG.format(folder=tmp_path, port=port, app=app))
        running.append(subprocess.Popen([NGINX, "-c", config, "-p", tmp_path, "-e", tmp_path / "error.log"]))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.02)
        raise AssertionError((tmp_path / "error.log").read_text())

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=10)


class Shop:
    """An app whose pages may be cached by anybody. It counts how often it is asked, and sets a cookie when told to."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Starlette:
        async def page(request: Request) -> HTMLResponse:
            self.asked += 1
            body = PAGE.replace(b"%s", request.url.path.encode())
            return HTMLResponse(body, headers={"cache-control": "public, max-age=600"})

        return Starlette(routes=[Route("/{name}", page)])


class Visitor:
    """One connection, and whatever cookie the site gave."""

    def __init__(self, site: str, action: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(site).netloc)
        headers = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
        status, answered, _ = self.ask("POST", "/consent/decision", json.dumps({"action": action}), headers)
        assert status == 200
        self._cookie = answered["set-cookie"].partition(";")[0]

    def close(self) -> None:
        self._connection.close()

    def ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        self._connection.request(method, path, body, headers or {"cookie": self._cookie})
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()


def interleaved(site: str, requests: int) -> list[tuple[str, http.client.HTTPMessage, bytes]]:
    """Visitors who accepted and visitors who refused, by turns, on connections of their own."""

    def visit(number: int) -> list[tuple[str, http.client.HTTPMessage, bytes]]:
        action = "accept_all" if number % 2 else "reject_all"
        answers = []
        with closing(Visitor(site, action)) as visitor:
            for turn in range(requests // VISITORS_AT_A_TIME):
                status, headers, body = visitor.ask("GET", f"/{(number * 7 + turn) % PAGES}")
                assert status == 200
                answers.append((action, headers, body))
        return answers

    with ThreadPoolExecutor(VISITORS_AT_A_TIME) as pool:
        return [answer for answers in pool.map(visit, range(VISITORS_AT_A_TIME)) for answer in answers]


def test_one_page_for_everybody_is_cached_and_leaks_nothing(serve: Serve, cached: Callable[[str], str]) -> None:
    shop = Shop()
    config = {"enforcement": {"html": "universal"}}
    site = cached(serve(ConsentMiddleware(shop(), config, secret_key=SECRET, ledger=None)))
    answers = interleaved(site, 10_000)
    assert sum(LIVE in body for _, _, body in answers) == 0
    assert sum("set-cookie" in headers for _, headers, _ in answers) == 0
    assert len({body for _, _, body in answers}) == PAGES
    hits = sum(headers["x-cache"] == "HIT" for _, headers, _ in answers)
    assert hits / len(answers) >= 0.99
    assert shop.asked == PAGES


def test_a_page_for_one_visitor_is_never_cached(serve: Serve, cached: Callable[[str], str]) -> None:
    shop = Shop()
    site = cached(serve(ConsentMiddleware(shop(), secret_key=SECRET, ledger=None)))
    answers = interleaved(site, 1_000)
    assert sum(LIVE in body for action, _, body in answers if action == "reject_all") == 0
    assert all(LIVE in body for action, _, body in answers if action == "accept_all")
    assert sum(headers["x-cache"] == "HIT" for _, headers, _ in answers) == 0
    assert shop.asked == 1_000


def test_our_files_are_cached_in_either_mode(serve: Serve, cached: Callable[[str], str]) -> None:
    middleware = ConsentMiddleware(Shop()(), secret_key=SECRET, ledger=None)
    site = cached(serve(middleware))
    with closing(Visitor(site, "reject_all")) as visitor:
        for name in middleware.site.assets:
            answers = [visitor.ask("GET", f"/consent/assets/{name}") for _ in range(2)]
            assert [headers["x-cache"] for _, headers, _ in answers] == ["MISS", "HIT"]
