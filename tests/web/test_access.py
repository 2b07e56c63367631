"""What an app asks of the middleware: a visitor's consent, and endpoints that need one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from asgi.exchange import SECRET, answering, call, consent_cookie, exchange, http_scope, websocket_scope, wrapped
from consent_mw import (
    ConfigError,
    Consent,
    ConsentError,
    ConsentMiddleware,
    ConsentRequired,
    get_consent,
    requires_consent,
)

PAGE_LOAD = [(b"sec-fetch-dest", b"document"), (b"accept", b"text/html"), (b"accept-language", b"de")]


# Reading consent


def consents_seen(app_headers: Any = (), **config: Any) -> Consent:
    seen: list[Scope] = []
    call(wrapped(answering(seen=seen), **config), headers=app_headers)
    return get_consent(seen[0])


def test_consent_is_read_from_whatever_stands_for_the_request() -> None:
    found: list[Consent] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.extend([get_consent(scope), get_consent(HTTPConnection(scope))])
        if scope["type"] == "http":
            found.extend([get_consent(Request(scope)), Request(scope).state.consent])
        else:
            found.append(get_consent(WebSocket(scope, receive, send)))
            await send({"type": "websocket.close"})
            return
        await PlainTextResponse("")(scope, receive, send)

    call(wrapped(app))
    asyncio.run(exchange(wrapped(app), websocket_scope()))
    assert len(found) == 7
    assert all(isinstance(consent, Consent) and not consent.decided for consent in found)


def test_without_the_middleware_nothing_is_assumed() -> None:
    with pytest.raises(ConsentError, match="wrap the app with ConsentMiddleware"):
        get_consent(http_scope())
    with pytest.raises(ConsentError):
        get_consent({**http_scope(), "consent_mw": {"granted": True}})


def test_an_unknown_id_is_an_error_and_never_an_answer() -> None:
    consent = consents_seen()
    assert consent.granted("necessary") is True
    assert consent.granted("personalization_analytics") is False
    assert consent.granted("google-analytics") is False
    with pytest.raises(LookupError, match="unknown category or service 'analitics'; known: necessary"):
        consent.granted("analitics")


def test_what_is_required_and_missing_is_named() -> None:
    consent = consents_seen()
    consent.require("necessary")
    with pytest.raises(ConsentRequired) as missing:
        consent.require("geolocation", "necessary", "youtube")
    assert missing.value.required == ("geolocation", "youtube")


# Endpoints that need consent


@requires_consent("geolocation")
async def here(request: Request) -> Response:
    return PlainTextResponse("here")


@requires_consent("geolocation", "youtube")
def there(request: Request) -> Response:
    return PlainTextResponse("there")


class Place(HTTPEndpoint):
    @requires_consent("geolocation")
    async def get(self, request: Request) -> Response:
        return PlainTextResponse("place")

    @requires_consent("geolocation")
    def post(self, request: Request) -> Response:
        return PlainTextResponse("posted")


class CallableEndpoint:
    __name__ = "callable"

    async def __call__(self, request: Request) -> Response:
        return PlainTextResponse("called")


@requires_consent("geolocation")
async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("here")
    await websocket.close()


def starlette() -> ASGIApp:
    called = requires_consent("geolocation")(CallableEndpoint())
    routes = [
        Route("/here", here),
        Route("/there", there),
        Route("/place", Place),
        Route("/called", called),
        WebSocketRoute("/talk", talk),
    ]
    return wrapped(Starlette(routes=routes))


@pytest.mark.parametrize(
    ("path", "method", "answer"),
    [
        ("/here", "GET", b"here"),
        ("/there", "GET", b"there"),
        ("/place", "GET", b"place"),
        ("/place", "POST", b"posted"),
        ("/called", "GET", b"called"),
    ],
)
def test_an_endpoint_runs_with_consent_and_not_without(path: str, method: str, answer: bytes) -> None:
    app = starlette()
    refused = call(app, path, method=method)
    assert refused.status == 403
    assert refused.one(b"content-type") == b"application/problem+json"
    assert answer not in refused.body
    allowed = call(app, path, [consent_cookie(app)], method=method)
    assert (allowed.status, allowed.body) == (200, answer)


def test_the_refusal_names_what_is_missing() -> None:
    app = starlette()
    every = dict.fromkeys(("necessary", "geolocation"), True)
    body = json.loads(call(app, "/there", [consent_cookie(app, {"action": "save", "categories": every})]).body)
    assert body["status"] == 403
    assert body["required"] == ["youtube"]
    assert body["detail"] == "not granted: youtube"


@pytest.mark.parametrize(
    ("headers", "is_page"),
    [
        (PAGE_LOAD, True),
        ([(b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")], True),
        ([(b"sec-fetch-dest", b"iframe")], True),
        ([(b"sec-fetch-dest", b"empty"), (b"accept", b"text/html")], False),
        ([(b"accept", b"*/*")], False),
        ([], False),
    ],
)
def test_a_page_load_gets_a_page_that_asks_and_a_script_gets_a_problem(headers: Any, is_page: bool) -> None:
    answer = call(starlette(), "/here", headers)
    assert answer.status == 403
    assert (answer.one(b"content-type") or b"").startswith(b"text/html" if is_page else b"application/problem+json")


def test_the_page_asks_for_what_is_missing_and_leads_back_with_its_query() -> None:
    app = starlette()
    answer = call(app, "/there", PAGE_LOAD, query_string=b"id=3&q=%C3%A9")
    assert b'<html lang="de"' in answer.body
    assert b'name="category" value="geolocation"' in answer.body
    assert b'name="service" value="youtube"' in answer.body
    assert b'name="return_to" value="/there?id=3&amp;q=%C3%A9"' in answer.body
    assert b"no-store" in (answer.one(b"cache-control") or b"")


def test_the_feature_is_named_to_whoever_is_asked() -> None:
    @requires_consent("geolocation", feature="Nearby <offices>")
    async def nearby(request: Request) -> Response:
        return PlainTextResponse("near")

    app = wrapped(Starlette(routes=[Route("/nearby", nearby)]))
    assert b"Nearby &lt;offices&gt;" in call(app, "/nearby", PAGE_LOAD).body
    problem = json.loads(call(app, "/nearby").body)
    assert (problem["required"], problem["feature"]) == (["geolocation"], "Nearby <offices>")


def test_a_websocket_is_closed_with_a_code_of_its_own() -> None:
    app = starlette()
    connect = [{"type": "websocket.connect"}]
    refused = asyncio.run(exchange(app, websocket_scope("/talk"), connect))
    assert refused.messages == [{"type": "websocket.close", "code": 4403, "reason": "consent required"}]
    allowed = asyncio.run(exchange(app, websocket_scope("/talk", [consent_cookie(app)]), connect))
    assert [message["type"] for message in allowed.messages] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]


def test_in_fastapi_it_works_on_endpoints_and_consent_is_a_dependency() -> None:
    api = FastAPI()

    @api.get("/here")
    @requires_consent("geolocation")
    async def here(request: Request, zoom: int = 3) -> dict[str, int]:
        return {"zoom": zoom}

    @api.get("/sync")
    @requires_consent("geolocation")
    def sync(request: Request) -> dict[str, str]:
        return {"ran": "in a thread"}

    def consent_of(request: Request) -> Consent:
        return get_consent(request)

    @api.get("/mine")
    async def mine(consent: Consent = Depends(consent_of)) -> dict[str, bool]:  # noqa: B008
        return {"located": consent.granted("geolocation")}

    @api.exception_handler(ConsentRequired)
    async def ask(request: Request, error: ConsentRequired) -> Response:
        return JSONResponse({"needs": error.required}, 403)

    @api.get("/deep")
    async def deep(consent: Consent = Depends(consent_of)) -> str:  # noqa: B008
        consent.require("geolocation")
        return "deep"

    app = ConsentMiddleware(api, secret_key=SECRET, ledger=None)
    cookie = consent_cookie(app)
    assert call(app, "/here").status == 403
    assert json.loads(call(app, "/here", [cookie], query_string=b"zoom=5").body) == {"zoom": 5}
    assert call(app, "/sync").status == 403
    assert json.loads(call(app, "/sync", [cookie]).body) == {"ran": "in a thread"}
    assert json.loads(call(app, "/mine").body) == {"located": False}
    assert json.loads(call(app, "/mine", [cookie]).body) == {"located": True}
    assert json.loads(call(app, "/deep").body) == {"needs": ["geolocation"]}
    assert call(app, "/deep", [cookie]).body == b'"deep"'


def test_mounted_by_add_middleware_it_is_the_same() -> None:
    app = Starlette(routes=[Route("/here", here)])
    app.add_middleware(ConsentMiddleware, secret_key=SECRET, ledger=None)  # type: ignore[arg-type]
    assert call(app, "/here").status == 403
    assert call(app, "/here", [consent_cookie(app)]).body == b"here"


# Mistakes


def test_naming_nothing_is_a_mistake_at_import() -> None:
    with pytest.raises(ConfigError, match="names nothing; allowed: ids"):
        requires_consent()


def test_decorating_a_class_is_a_mistake_at_import() -> None:
    with pytest.raises(ConfigError, match="class Place; allowed: on its methods"):
        requires_consent("geolocation")(Place)


def test_an_endpoint_without_a_request_is_a_mistake_and_no_grant() -> None:
    @requires_consent("geolocation")
    async def lost() -> str:
        return "ran"

    with pytest.raises(ConsentError, match="takes no request"):
        asyncio.run(lost())


def test_an_endpoint_that_names_an_unknown_id_never_runs() -> None:
    @requires_consent("geolokation")
    async def misspelt(request: Request) -> Response:
        return PlainTextResponse("ran")

    app = wrapped(Starlette(routes=[Route("/x", misspelt)]))
    with pytest.raises(LookupError, match="geolokation"):
        call(app, "/x", [consent_cookie(app)])
