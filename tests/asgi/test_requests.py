"""What an app is handed: a scope of its own, without what the visitor has not consented to."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi.exchange import (
    TEXT,
    answering,
    broken,
    call,
    consent_cookie,
    exchange,
    http_scope,
    saying,
    websocket_scope,
    wrapped,
)
from consent_mw import ConsentMiddleware, get_consent
from consent_mw.ledger.base import MemoryLedger

COOKIES = b"csrftoken=t; _ga=GA1; sessionid=s; zz=1"
VISIBLE = b"csrftoken=t; sessionid=s"


def cookies(scope: Scope) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == b"cookie"]


def test_the_servers_scope_is_left_as_it_was() -> None:
    seen: list[Scope] = []
    app = wrapped(answering(seen=seen))
    scope = http_scope(headers=[(b"cookie", COOKIES)], extensions={"http.response.push": {}, "x": {}})
    before = copy.deepcopy(scope)
    asyncio.run(exchange(app, scope))
    assert scope == before
    assert seen[0] is not scope
    assert seen[0]["state"]["from"] == "the server"
    assert get_consent(seen[0]) is seen[0]["state"]["consent"]


def test_cookies_that_are_denied_do_not_reach_the_app() -> None:
    seen: list[Scope] = []
    app = wrapped(answering(seen=seen))
    call(app, headers=[(b"cookie", COOKIES)])
    assert cookies(seen[0]) == [VISIBLE]


def test_a_cookie_header_of_which_nothing_is_left_is_not_there() -> None:
    seen: list[Scope] = []
    call(wrapped(answering(seen=seen)), headers=[(b"cookie", b"_ga=1"), (b"x-a", b"b")])
    assert cookies(seen[0]) == []
    assert (b"x-a", b"b") in seen[0]["headers"]


def test_every_cookie_header_is_filtered_and_other_headers_keep_their_order() -> None:
    seen: list[Scope] = []
    headers = [(b"x-a", b"1"), (b"cookie", b"_ga=1; csrftoken=t"), (b"x-a", b"2"), (b"cookie", b"sessionid=s; _fbp=1")]
    call(wrapped(answering(seen=seen)), headers=headers)
    assert seen[0]["headers"][1:] == [
        (b"x-a", b"1"),
        (b"cookie", b"csrftoken=t"),
        (b"x-a", b"2"),
        (b"cookie", b"sessionid=s"),
    ]


def test_after_consent_the_app_sees_its_cookies_and_not_ours() -> None:
    seen: list[Scope] = []
    app = wrapped(answering(seen=seen))
    name, own = consent_cookie(app)
    call(app, headers=[(name, b"_ga=GA1; " + own + b"; csrftoken=t")])
    assert cookies(seen[-1]) == [b"_ga=GA1; csrftoken=t"]
    assert get_consent(seen[-1]).granted("personalization_analytics")


@pytest.mark.parametrize(
    "disturb",
    [
        lambda own: own + b"; " + own,
        lambda own: own + b"; \xa0" + own,
        lambda own: own[:-4],
        lambda own: own + b"; x=" + b"y" * 20_000,
        lambda own: own.replace(b"__Host-consent", b"consent"),
        lambda own: own.replace(b"__Host-", b"__host-"),
    ],
    ids=["twice", "tossed", "cut", "huge", "other name", "other case"],
)
def test_a_state_in_doubt_is_denied(disturb: Any) -> None:
    seen: list[Scope] = []
    app = wrapped(answering(seen=seen))
    _, own = consent_cookie(app)
    call(app, headers=[(b"cookie", b"_ga=1; " + disturb(own))])
    assert not get_consent(seen[-1]).granted("personalization_analytics")
    assert b"_ga" not in b"".join(cookies(seen[-1]))


def test_a_state_in_doubt_is_denied_where_others_have_to_opt_out_too() -> None:
    seen: list[Scope] = []
    app = wrapped(answering(seen=seen), regime={"default": "opt-out"})
    call(app)
    assert get_consent(seen[-1]).granted("personalization_analytics")
    _, refusal = consent_cookie(app, {"action": "reject_all"})
    for value in (refusal, refusal + b"; " + refusal, refusal + b"; \xa0" + refusal, refusal + b"x"):
        call(app, headers=[(b"cookie", value)])
        assert not get_consent(seen[-1]).granted("personalization_analytics"), value


def test_the_state_of_another_host_is_nothing_here() -> None:
    seen: list[Scope] = []
    app = wrapped(answering(seen=seen))
    name, own = consent_cookie(app)
    scope = http_scope()
    scope["headers"] = [(b"host", b"other.example"), (name, own)]
    asyncio.run(exchange(app, scope))
    assert not get_consent(seen[-1]).granted("personalization_analytics")


def test_a_websocket_handshake_is_filtered_like_a_request() -> None:
    seen: list[Scope] = []
    app = wrapped(saying({"type": "websocket.accept"}, seen=seen))
    asyncio.run(exchange(app, websocket_scope(headers=[(b"cookie", COOKIES)])))
    assert cookies(seen[0]) == [VISIBLE]
    assert get_consent(seen[0]).decided is False


def test_a_page_is_asked_for_whole_and_in_a_coding_that_can_be_judged() -> None:
    seen: list[Scope] = []
    conditions = [
        (b"if-none-match", b'"a"'),
        (b"if-modified-since", b"Tue, 24 Nov 2026 00:00:00 GMT"),
        (b"if-range", b'"a"'),
        (b"range", b"bytes=0-9"),
    ]
    asked = [(b"accept", b"text/html"), (b"accept-encoding", b"gzip, deflate, br, zstd"), *conditions]
    call(wrapped(answering(seen=seen)), headers=asked)
    head = dict(seen[0]["headers"])
    assert head[b"accept-encoding"] == b"gzip, deflate"
    assert not head.keys() & dict(conditions).keys()


def test_a_file_may_be_asked_for_in_part() -> None:
    seen: list[Scope] = []
    headers = [(b"sec-fetch-dest", b"video"), (b"range", b"bytes=0-9"), (b"accept-encoding", b"br")]
    call(wrapped(answering(b"", [TEXT], seen=seen)), headers=headers)
    assert set(headers) <= set(seen[0]["headers"])


def test_ways_around_the_body_and_the_headers_are_hidden_and_others_stay() -> None:
    seen: list[Scope] = []
    hidden = {name: {} for name in ("http.response.push", "http.response.early_hint", "http.response.zerocopysend")}
    kept: dict[str, Any] = {"http.response.pathsend": {}, "http.response.trailers": {}, "tls": {"x": 1}}
    call(wrapped(answering(seen=seen)), extensions={**hidden, **kept})
    assert seen[0]["extensions"] == kept


@pytest.mark.parametrize(
    ("path", "exempt"), [("/api", True), ("/api/x", True), ("/apiary", False), ("/", False), ("/health", True)]
)
def test_an_exempt_path_sees_and_sends_everything(path: str, exempt: bool) -> None:
    seen: list[Scope] = []
    app = wrapped(
        answering(headers=[TEXT, (b"set-cookie", b"_ga=1")], seen=seen),
        enforcement={"exempt_paths": ["/api", "/health/"]},
    )
    answer = call(app, path, [(b"cookie", COOKIES)])
    assert (cookies(seen[0]) == [COOKIES]) == exempt
    assert (answer.all(b"set-cookie") == [b"_ga=1"]) == exempt
    assert get_consent(seen[0]).decided is False


def test_an_exempt_path_is_a_path_of_the_app_wherever_it_is_mounted() -> None:
    seen: list[Scope] = []
    app = wrapped(answering(seen=seen), enforcement={"exempt_paths": ["/api"]})
    call(app, "/mount/api/x", [(b"cookie", COOKIES)], root_path="/mount")
    assert cookies(seen[0]) == [COOKIES]


def test_other_kinds_of_scope_are_none_of_our_business() -> None:
    seen: list[Scope] = []
    app = wrapped(saying({"type": "x.y"}, seen=seen))
    scope: Scope = {"type": "x"}
    answer = asyncio.run(exchange(app, scope))
    assert seen == [scope]
    assert seen[0] is scope
    assert answer.messages == [{"type": "x.y"}]


def test_the_body_reaches_the_app_as_it_came() -> None:
    got: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(3):
            got.append(await receive())
        await answering(b"", [TEXT])(scope, receive, send)

    incoming: list[Message] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
    ]
    asyncio.run(exchange(wrapped(app), http_scope(method="POST"), incoming))
    assert got == [*incoming, {"type": "http.disconnect"}]


# Our own failure


@pytest.mark.parametrize(
    "target",
    [
        "consent_mw.web.visit.read_own",
        "consent_mw.web.visit.resolve",
        "consent_mw.web.visit.read_signals",
        "consent_mw.web.visit.filter_request",
        "consent_mw.core.token.TokenCodec.loads",
        "consent_mw.web.heads.changed",
        "consent_mw.web.location.LocationGate.judges",
        "consent_mw.web.location.LocationGate.narrow",
        "consent_mw.enforce.cookie_filter.judge",
    ],
)
def test_whatever_fails_in_us_the_app_answers_and_everything_is_denied(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    seen: list[Scope] = []
    app = wrapped(answering(b"hello", [TEXT], seen=seen))
    name, own = consent_cookie(app, {"action": "save", "categories": {"identification": True}})
    monkeypatch.setattr(target, broken)
    headers = [(name, own + b"; _ga=1"), (b"x-geo", b"59.3"), (b"sec-fetch-site", b"same-origin")]
    answer = call(app, headers=headers, query_string=b"lat=59.3&lon=18.1")
    assert (answer.status, answer.body) == (200, b"hello")
    assert b"_ga" not in b"".join(cookies(seen[-1]))
    assert b"59.3" not in seen[-1]["query_string"]
    assert not get_consent(seen[-1]).granted("personalization_analytics")
    assert "injected fault" in caplog.text


def test_when_the_visitors_region_cannot_be_told_everything_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Scope] = []
    regime = {"default": "opt-in", "opt_out": ["us"], "country_header": "cf-ipcountry", "trusted_proxies": ["*"]}
    app = wrapped(answering(b"hello", [TEXT], seen=seen), regime=regime)
    monkeypatch.setattr("consent_mw.web.visit.Visits._rules", broken)
    assert call(app, headers=[(b"cookie", b"_ga=1"), (b"cf-ipcountry", b"US")]).body == b"hello"
    assert not get_consent(seen[0]).granted("personalization_analytics")
    assert cookies(seen[0]) == []


def test_a_body_that_cannot_be_judged_does_not_reach_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        got.extend([await receive(), await receive()])
        await answering(b"hello", [TEXT])(scope, receive, send)

    monkeypatch.setattr("consent_mw.web.location.LocationGate.body", broken)
    assert call(wrapped(app), body=b"lat=59.3", method="POST").body == b"hello"
    assert got == [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]


# Lifespan


def test_an_app_with_a_lifespan_starts_and_stops_as_without_us() -> None:
    app = ConsentMiddleware(_with_lifespan, secret_key="0" * 32, ledger="memory://")
    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    answer = asyncio.run(exchange(app, {"type": "lifespan", "state": {}}, incoming))
    assert [m["type"] for m in answer.messages] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def _with_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "lifespan"
    scope["state"]["filled"] = True
    for event in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{event}"
        await send({"type": f"lifespan.{event}.complete"})


def test_the_state_that_a_lifespan_fills_is_the_servers() -> None:
    scope: Scope = {"type": "lifespan", "state": {}}
    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    asyncio.run(exchange(ConsentMiddleware(_with_lifespan, secret_key="0" * 32, ledger="memory://"), scope, incoming))
    assert scope["state"] == {"filled": True}


class Watched(MemoryLedger):
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    async def open(self) -> None:
        self.calls.append("open")

    async def close(self) -> None:
        self.calls.append("close")


async def _raises(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("only http here")


async def _returns(scope: Scope, receive: Receive, send: Send) -> None:
    """As an app does that only looks at http."""


@pytest.mark.parametrize("app", [_with_lifespan, _raises, _returns])
def test_the_ledger_is_closed_at_the_end_whether_the_app_has_a_lifespan_or_not(app: ASGIApp) -> None:
    ledger = Watched()
    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    wrapped_app = ConsentMiddleware(app, secret_key="0" * 32, ledger=ledger)
    answer = asyncio.run(exchange(wrapped_app, {"type": "lifespan", "state": {}}, incoming))
    assert [m["type"] for m in answer.messages] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert ledger.calls == ["open", "close"]


def test_an_app_that_fails_to_start_fails_to_start() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise RuntimeError("no database")

    ledger = Watched()
    with pytest.raises(RuntimeError, match="no database"):
        asyncio.run(
            exchange(
                ConsentMiddleware(app, secret_key="0" * 32, ledger=ledger),
                {"type": "lifespan"},
                [{"type": "lifespan.startup"}],
            )
        )
    assert ledger.calls == ["open", "close"]


def test_without_a_ledger_the_lifespan_is_the_apps_alone() -> None:
    with pytest.raises(ValueError, match="only http"):
        asyncio.run(exchange(wrapped(_raises), {"type": "lifespan"}, [{"type": "lifespan.startup"}]))
