"""Under real servers: lengths, codings and methods agree with what was promised, or the server itself would object."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import Iterator

import h11
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from asgi.exchange import PAGE, SECRET, TRACKER
from consent_mw import ConsentMiddleware

TRACKED = PAGE.replace(b"</body>", TRACKER * 40 + b"</body>")
STATUSES = (200, 201, 204, 205, 301, 303, 304, 400, 404, 500, 503)
PATHS = ["/page", "/stream", "/text", "/empty", "/redirect", "/error", "/nowhere", *(f"/status/{s}" for s in STATUSES)]


async def page(request: Request) -> Response:
    return HTMLResponse(TRACKED)


async def stream(request: Request) -> Response:
    async def parts() -> Iterator[bytes]:  # type: ignore[misc]
        for start in range(0, len(TRACKED), 100):
            yield TRACKED[start : start + 100]

    return StreamingResponse(parts(), media_type="text/html")  # type: ignore[arg-type]


async def text(request: Request) -> Response:
    return PlainTextResponse("x" * 3000)


async def empty(request: Request) -> Response:
    return HTMLResponse(b"")


async def redirect(request: Request) -> Response:
    response = RedirectResponse("/page", 303)
    response.set_cookie("_ga", "1")
    response.set_cookie("csrftoken", "1")
    return response


async def error(request: Request) -> Response:
    raise RuntimeError("of the app")


async def status(request: Request) -> Response:
    code = request.path_params["code"]
    return HTMLResponse(b"" if code in (204, 205, 304) else TRACKED, code)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(headers=[(b"set-cookie", b"_ga=1"), (b"set-cookie", b"csrftoken=1")])
    await websocket.send_json(dict(websocket.cookies))
    await websocket.close()


def app() -> ConsentMiddleware:
    routes = [
        Route(path, endpoint)
        for path, endpoint in {
            "/page": page, "/stream": stream, "/text": text, "/empty": empty, "/redirect": redirect, "/error": error,
            "/status/{code:int}": status,
        }.items()
    ]  # fmt: skip
    site = Starlette(routes=[*routes, WebSocketRoute("/echo", echo)], middleware=[Middleware(GZipMiddleware)])
    return ConsentMiddleware(site, secret_key=SECRET, ledger="memory://")


@pytest.fixture(scope="module", params=["h11", "httptools"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(), http=request.param, log_config=None, ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(timeout=10)


def ask(port: int, requests: list[tuple[str, str, str]]) -> list[tuple[int, dict[bytes, list[bytes]], bytes]]:
    """Requests one after the other over a single connection, read by a strict client: a wrong length is an error."""
    client = h11.Connection(h11.CLIENT)
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        for method, path, coding in requests:
            headers = [("host", "shop.example"), ("accept", "text/html"), ("accept-encoding", coding)]
            link.sendall(client.send(h11.Request(method=method, target=path, headers=headers)) or b"")
            link.sendall(client.send(h11.EndOfMessage()) or b"")
            start, body = None, b""
            while not isinstance(event := client.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    client.receive_data(link.recv(65536))
                elif isinstance(event, h11.Response):
                    start = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
            assert start is not None
            found: dict[bytes, list[bytes]] = {}
            for name, value in start.headers:
                found.setdefault(bytes(name), []).append(bytes(value))
            answers.append((start.status_code, found, body))
            if client.our_state is h11.MUST_CLOSE or client.their_state is not h11.DONE:
                return answers
            client.start_next_cycle()
    return answers


@pytest.mark.parametrize("coding", ["identity", "gzip", "br, gzip"])
def test_every_answer_over_one_connection_is_what_it_says(port: int, coding: str) -> None:
    requests = [(method, path, coding) for path in PATHS if path != "/error" for method in ("GET", "HEAD", "GET")]
    answers = ask(port, requests)
    assert len(answers) == len(requests), "the connection had to be closed"
    for (method, path, _), (code, headers, body) in zip(requests, answers, strict=True):
        assert all(
            len(headers.get(name, [])) <= 1 for name in (b"content-length", b"content-type", b"cache-control")
        ), path
        if method == "HEAD" or code in (204, 304):
            assert body == b"", path
        elif headers.get(b"content-type", [b""])[0].startswith(b"text/html") and body:
            plain = gzip.decompress(body) if b"content-encoding" in headers else body
            assert plain.count(b"data-consent-src") == 40, path
            assert b'src="https://www.googletagmanager.com' not in plain.replace(b"data-consent-src", b""), path


def test_head_and_get_carry_the_same_headers(port: int) -> None:
    (_, get, _), (_, head, _) = ask(port, [("GET", "/page", "identity"), ("HEAD", "/page", "identity")])
    for headers in (get, head):
        for name in (b"date", b"content-length", b"transfer-encoding"):
            headers.pop(name, None)
    assert get == head


def test_a_redirect_sets_what_may_be_set(port: int) -> None:
    ((code, headers, _),) = ask(port, [("GET", "/redirect", "identity")])
    assert code == 303
    assert [value.partition(b"=")[0] for value in headers[b"set-cookie"]] == [b"csrftoken"]


def test_an_error_of_the_app_is_answered_by_its_framework(port: int) -> None:
    ((code, _, body),) = ask(port, [("GET", "/error", "identity")])
    assert (code, body) == (500, b"Internal Server Error")


def test_a_websocket_sees_and_sets_what_may_pass(port: int) -> None:
    headers = {"cookie": "_ga=1; csrftoken=2", "origin": "http://shop.example"}
    with connect(f"ws://127.0.0.1:{port}/echo", additional_headers=headers) as link:
        assert link.recv() == '{"csrftoken":"2"}'
        assert link.response is not None
        assert link.response.headers.get_all("set-cookie") == ["csrftoken=1"]


def test_a_visitor_who_leaves_in_the_middle_disturbs_nobody(port: int) -> None:
    async def leave() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream HTTP/1.1\r\nhost: shop.example\r\naccept: text/html\r\n\r\n")
        await writer.drain()
        writer.close()

    for _ in range(20):
        asyncio.run(leave())
    assert ask(port, [("GET", "/page", "identity")])[0][0] == 200
