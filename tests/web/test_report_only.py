"""``mode = "report-only"``: nothing changes, and every route says once what it would have meant."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from asgi.exchange import SECRET, Answer, call, exchange, http_scope
from consent_mw import ConsentMiddleware
from consent_mw.cli import main

PAGE = (
    '<!doctype html><html lang="en"><head><title>Boats</title></head><body>'
    '<script src="https://static.hotjar.com/c/1.js"></script><iframe src="https://www.youtube.com/embed/1"></iframe>'
)
BROWSER = [
    (b"cookie", b"_ga=1; mystery=2; csrftoken=3"),
    (b"sec-fetch-site", b"none"),
    (b"accept-encoding", b"zstd"),
    (b"if-none-match", b'"1"'),
]


def shop(seen: list[Any]) -> Starlette:
    async def boat(request: Request) -> HTMLResponse:
        seen.append((request.headers.raw, request.query_params))
        response = HTMLResponse(PAGE, headers={"etag": '"1"', "cache-control": "public"})
        response.set_cookie("_fbp", "1", max_age=9)
        return response

    async def plain(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/boats/{name}", boat), Route("/plain", plain)])


def watched(seen: list[Any]) -> ASGIApp:
    config = {"enforcement": {"mode": "report-only"}}
    return ConsentMiddleware(shop(seen), config, secret_key=SECRET, ledger=None)


def visit(app: ASGIApp, path: str = "/boats/yawl", **more: Any) -> Answer:
    return call(app, path, BROWSER, query_string=b"lat=52.520008", **more)


def on_localhost(app: ASGIApp, path: str, headers: list[tuple[bytes, bytes]]) -> Answer:
    scope = http_scope(path)
    return asyncio.run(exchange(app, {**scope, "headers": [(b"host", b"localhost:8000"), *headers]}))


def reports(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [record.getMessage() for record in caplog.records if record.name == "consent_mw.report"]
    return [json.loads(line.removeprefix("consent-report ")) for line in lines]


def test_nothing_changes_in_either_direction() -> None:
    bare: list[Any] = []
    through: list[Any] = []
    expected, answer = visit(shop(bare)), visit(watched(through))
    assert answer.body == expected.body
    assert answer.start["headers"] == expected.start["headers"]
    assert through == bare


def test_a_route_says_once_what_it_would_mean(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "consent_mw.report")
    app = watched([])
    visit(app)
    visit(app, "/boats/dinghy")
    assert reports(caplog) == [
        {
            "route": "/boats/{name}",
            "method": "GET",
            "request_cookies": ["_ga"],
            "unclassified": ["mystery"],
            "places": ["lat"],
            "response_cookies": ["_fbp"],
            "services": ["hotjar: static.hotjar.com", "youtube: www.youtube.com"],
        }
    ]


def test_another_route_speaks_for_itself_and_only_of_what_is_new(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "consent_mw.report")
    app = watched([])
    call(app, "/plain", [(b"cookie", b"_ga=1")])
    call(app, "/plain", [(b"cookie", b"_ga=1; _gid=2")])
    call(app, "/plain")
    news = [(entry["route"], entry["request_cookies"]) for entry in reports(caplog)]
    assert news == [("/plain", ["_ga"]), ("/plain", ["_gid"])]


def test_a_developer_sees_it_in_a_header_and_nobody_else_does() -> None:
    app = watched([])
    for _ in range(2):
        answer = on_localhost(app, "/boats/yawl", BROWSER)
    told = (answer.one(b"consent-report") or b"").decode()
    assert "request_cookies=_ga" in told
    assert "services=hotjar: static.hotjar.com" in told, "what the body showed the last time"
    assert visit(app).one(b"consent-report") is None


def test_names_from_outside_cannot_break_the_header() -> None:
    answer = on_localhost(watched([]), "/plain", [(b"cookie", "a\u0131b;c=1".encode())])
    assert answer.one(b"consent-report")
    assert all(byte in range(0x20, 0x7F) for byte in answer.one(b"consent-report") or b"")


def test_a_site_that_enforces_reports_no_routes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "consent_mw.report")
    visit(ConsentMiddleware(shop([]), secret_key=SECRET, ledger=None))
    assert reports(caplog) == []


def test_the_command_sums_a_log_up(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level("INFO", "consent_mw.report")
    app = watched([])
    visit(app)
    call(app, "/plain", [(b"cookie", b"_ga=1; \x1b[31m=1")])
    call(app, "/\x1b[2J", [(b"cookie", b"_ga=1")])
    log = tmp_path / "app.log"
    lines = [f"2026-11-26 12:00:00 INFO {record.getMessage()}" for record in caplog.records]
    log.write_text("\n".join([*lines, "consent-report {broken", 'consent-report {"route": 1, "services": "x"}']))
    out = io.StringIO()
    assert main(["report", str(log)], out) == 0
    text = out.getvalue()
    assert "hotjar: static.hotjar.com, youtube: www.youtube.com" in text
    assert "\x1b" not in text + caplog.text
    assert text.splitlines()[-1].startswith(
        "3 routes: 2 services, 1 request cookies, 1 response cookies, 2 unclassified"
    )


def test_an_empty_log_says_what_may_be_missing(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    out = io.StringIO()
    main(["report", str(log)], out)
    assert "consent_mw.report" in out.getvalue()
