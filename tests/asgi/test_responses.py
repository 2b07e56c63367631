"""What leaves an app: its cookies judged, its pages gated, everything else as it was, and all of it at once."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from asgi.exchange import (
    GATED,
    HTML,
    PAGE,
    TEXT,
    TRACKER,
    answering,
    broken,
    call,
    consent_cookie,
    exchange,
    http_scope,
    in_chunks,
    saying,
    websocket_scope,
    without_ours,
    wrapped,
)

SETS = [(b"set-cookie", b"_ga=1; Path=/"), (b"set-cookie", b"csrftoken=t"), (b"set-cookie", b"_fbp=; Max-Age=0")]
PASSES = [b"csrftoken=t", b"_fbp=; Max-Age=0"]
TRACKED = PAGE.replace(b"</body>", TRACKER + b"</body>")


# Cookies, on every kind of answer


@pytest.mark.parametrize("status", [200, 201, 204, 206, 302, 303, 304, 307, 401, 404, 410, 500, 503])
@pytest.mark.parametrize("content_type", [TEXT, HTML, (b"x", b"y")])
def test_cookies_are_judged_whatever_the_answer_is(status: int, content_type: tuple[bytes, bytes]) -> None:
    app = wrapped(answering(b"" if status in (204, 304) else PAGE, [content_type, *SETS], status))
    answer = call(app)
    assert answer.status == status
    assert answer.all(b"set-cookie") == PASSES


@pytest.mark.parametrize("kind", ["websocket.accept", "websocket.http.response.start"])
def test_cookies_are_judged_when_a_websocket_is_accepted_or_refused(kind: str) -> None:
    start: Message = {"type": kind, "status": 403, "headers": SETS, "subprotocol": "chat"}
    answer = asyncio.run(exchange(wrapped(saying(start)), websocket_scope()))
    assert answer.all(b"set-cookie") == PASSES
    assert answer.start["subprotocol"] == "chat"


def test_an_accept_without_headers_stays_one() -> None:
    answer = asyncio.run(exchange(wrapped(saying({"type": "websocket.accept"})), websocket_scope()))
    assert answer.messages == [{"type": "websocket.accept"}]


@pytest.mark.parametrize("name", [b"Set-Cookie", b"SET-COOKIE"])
def test_header_names_are_read_in_any_case(name: bytes) -> None:
    headers = [(b"Content-Type", b"Text/HTML;charset=utf-8"), (name, b"_ga=1"), (b"Content-Length", b"3")]
    answer = call(wrapped(answering(TRACKED, headers)))
    assert answer.all(b"set-cookie") == []
    assert GATED in answer.body
    assert answer.all(b"content-length") == [str(len(answer.body)).encode()]


def test_repeated_headers_survive_in_their_order() -> None:
    headers = [
        TEXT,
        (b"link", b"<a>"),
        (b"x-a", b"1"),
        (b"link", b"<b>"),
        (b"set-cookie", b"csrftoken=t"),
        (b"x-a", b"2"),
    ]
    assert call(wrapped(answering(b"", headers))).start["headers"] == headers


def test_headers_may_be_any_iterable() -> None:
    start: Message = {
        "type": "http.response.start",
        "status": 200,
        "headers": (h for h in [TEXT, *SETS, (b"x-a", b"1")]),
    }
    answer = call(wrapped(saying(start, {"type": "http.response.body"})))
    assert answer.start["headers"] == [TEXT, (b"set-cookie", PASSES[0]), (b"set-cookie", PASSES[1]), (b"x-a", b"1")]


def test_an_app_may_send_the_same_messages_to_everyone() -> None:
    start: Message = {"type": "http.response.start", "status": 200, "headers": [HTML, *SETS]}
    body: Message = {"type": "http.response.body", "body": TRACKED}
    app = wrapped(saying(start, body))
    first, second = call(app), call(app)
    assert (first.body, first.start) == (second.body, second.start)
    assert start["headers"] == [HTML, *SETS]
    assert body == {"type": "http.response.body", "body": TRACKED}
    cookie = consent_cookie(app)
    assert call(app, headers=[cookie]).all(b"set-cookie") == [value for _, value in SETS]
    assert (call(app).body, call(app).start) == (first.body, first.start)


def test_after_consent_an_answer_is_the_very_message_of_the_app() -> None:
    message: Message = {"type": "http.response.start", "status": 200, "headers": [TEXT, (b"x-a", b"1")]}
    app = wrapped(saying(message, {"type": "http.response.body", "body": b"x"}))
    assert call(app, headers=[consent_cookie(app)]).messages[0] is message
    assert call(app).messages[0] is message


# Pages


def test_a_page_is_gated_and_carries_the_banner() -> None:
    answer = call(wrapped(answering(TRACKED)))
    assert GATED in answer.body
    assert b'id="consent-banner"' in answer.body
    assert without_ours(answer.body) != TRACKED
    assert without_ours(call(wrapped(answering(PAGE))).body) == PAGE


def test_after_everything_was_granted_the_page_is_the_apps_bytes() -> None:
    app = wrapped(answering(TRACKED))
    answer = call(app, headers=[consent_cookie(app)])
    assert without_ours(answer.body) == TRACKED


def test_a_page_says_how_long_it_is_and_that_it_is_for_one_visitor() -> None:
    headers = [
        HTML,
        (b"content-length", str(len(PAGE)).encode()),
        (b"etag", b'"x"'),
        (b"last-modified", b"Tue, 24 Nov 2026 00:00:00 GMT"),
        (b"cache-control", b"public, s-maxage=60, max-age=5, immutable"),
        (b"vary", b"Origin"),
        (b"vary", b"cookie"),
        (b"accept-ranges", b"bytes"),
        (b"surrogate-control", b"max-age=60"),
        (b"x-a", b"1"),
    ]
    answer = call(wrapped(answering(PAGE, headers)))
    assert answer.one(b"content-length") == str(len(answer.body)).encode()
    assert answer.one(b"etag") is answer.one(b"last-modified") is answer.one(b"accept-ranges") is None
    assert answer.one(b"surrogate-control") is None
    directives = {part.strip() for part in (answer.one(b"cache-control") or b"").split(b",")}
    assert directives == {b"private", b"max-age=5"}
    varies = [part.strip().lower() for part in (answer.one(b"vary") or b"").split(b",")]
    assert {b"origin", b"cookie", b"sec-gpc"} <= set(varies)
    assert len(varies) == len(set(varies))
    assert answer.one(b"x-a") == b"1"


@pytest.mark.parametrize("cache_control", [b"no-store", b"private, max-age=3"])
def test_a_page_that_was_private_stays_as_private_as_it_was(cache_control: bytes) -> None:
    answer = call(wrapped(answering(PAGE, [HTML, (b"cache-control", cache_control)])))
    assert answer.one(b"cache-control") == cache_control


def test_what_is_no_page_keeps_its_validators_and_its_caching() -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
        (b"etag", b'"x"'),
        (b"cache-control", b"public, max-age=60"),
        (b"vary", b"Origin"),
    ]
    answer = call(wrapped(answering(b"{}", headers)))
    assert answer.start["headers"] == headers
    assert answer.body == b"{}"


def test_a_page_to_be_saved_is_no_page() -> None:
    headers = [HTML, (b"content-disposition", b'attachment; filename="a.html"'), (b"content-length", b"9")]
    assert call(wrapped(answering(TRACKED, headers))).body == TRACKED


def test_head_carries_the_headers_of_a_page_and_no_body() -> None:
    headers = [HTML, (b"content-length", str(len(TRACKED)).encode()), (b"etag", b'"x"'), *SETS]
    answer = call(wrapped(answering(b"", headers)), method="HEAD")
    assert answer.body == b""
    assert answer.one(b"content-length") is None
    assert answer.one(b"etag") is None
    assert b"private" in (answer.one(b"cache-control") or b"")
    assert answer.all(b"set-cookie") == PASSES


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_gets_none(status: int) -> None:
    answer = call(wrapped(answering(b"", [HTML], status)))
    assert answer.body == b""
    assert answer.one(b"content-length") in (None, b"0")


def test_a_part_of_a_page_cannot_be_judged_and_is_not_rendered() -> None:
    app = wrapped(answering(TRACKER, [HTML, (b"content-range", b"bytes 0-9/99")], 206))
    answer = call(app)
    assert answer.one(b"content-type") == b"text/plain"
    assert answer.one(b"x-content-type-options") == b"nosniff"
    assert call(app, headers=[consent_cookie(app)]).start["headers"] == [HTML, (b"content-range", b"bytes 0-9/99")]


def test_a_part_of_a_file_is_passed_on() -> None:
    headers = [(b"content-type", b"video/mp4"), (b"content-range", b"bytes 0-2/9"), (b"content-length", b"3")]
    answer = call(wrapped(answering(b"abc", headers, 206)))
    assert (answer.start["headers"], answer.body) == (headers, b"abc")


# Codings


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data)


def _deflated_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack", "wbits"),
    [
        (b"gzip", _gzipped, 31),
        (b"X-GZIP", _gzipped, 31),
        (b"deflate", zlib.compress, 15),
        (b"deflate", _deflated_raw, 15),
    ],
)
def test_a_page_that_was_compressed_inside_is_gated_and_compressed_again(coding: bytes, pack: Any, wbits: int) -> None:
    packed = pack(TRACKED)
    headers = [HTML, (b"content-encoding", coding), (b"content-length", str(len(packed)).encode())]
    for app in (answering(packed, headers), in_chunks([packed[:7], packed[7:8], packed[8:]], headers)):
        answer = call(wrapped(app))
        assert answer.one(b"content-encoding") == coding
        assert answer.one(b"content-length") in (None, str(len(answer.body)).encode())
        page = zlib.decompress(answer.body, wbits)
        assert GATED in page
        assert b'id="consent-banner"' in page


@pytest.mark.parametrize("coding", [b"compress", b"gzip, br", b"dcz", b"unheard-of"])
def test_a_page_in_a_coding_that_cannot_be_judged_is_not_rendered(coding: bytes) -> None:
    answer = call(wrapped(answering(b"\x00\x01", [HTML, (b"content-encoding", coding)])))
    assert answer.one(b"content-type") == b"text/plain"
    assert answer.one(b"x-content-type-options") == b"nosniff"


def test_a_body_that_is_not_what_its_coding_says_does_not_get_through() -> None:
    answer = call(wrapped(answering(TRACKED, [HTML, (b"content-encoding", b"gzip")])))
    assert b"googletagmanager" not in answer.body


def test_something_compressed_that_is_no_page_is_passed_on() -> None:
    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"br")]
    answer = call(wrapped(answering(b"\x0b\x02\x80", headers)))
    assert (answer.start["headers"], answer.body) == (headers, b"\x0b\x02\x80")


# Streaming


@pytest.mark.parametrize(
    "content_type", [HTML, TEXT, (b"content-type", b"text/event-stream"), (b"content-type", b"application/json")]
)
def test_the_first_chunk_leaves_before_the_second_is_made(content_type: tuple[bytes, bytes]) -> None:
    first = b"<!doctype html><html><body><p>now</p>" if content_type is HTML else b"data: now\n\n"

    async def talk() -> None:
        out: list[Message] = []
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [content_type]})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            arrived.set()
            await go_on.wait()
            await send({"type": "http.response.body", "body": b"later", "more_body": False})

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            out.append(message)

        task = asyncio.create_task(wrapped(app)(http_scope(), receive, send))
        await arrived.wait()
        assert out[0]["type"] == "http.response.start"
        assert b"now" in out[1]["body"]
        go_on.set()
        await task
        assert out[-1]["more_body"] is False

    asyncio.run(talk())


def test_server_sent_events_keep_their_messages() -> None:
    stream = (b"content-type", b"text/event-stream; charset=utf-8")
    chunks = [b"data: 1\n\n", b"", b": ping\n\n", TRACKER]
    answer = call(wrapped(in_chunks(chunks, [stream, (b"cache-control", b"no-cache")])))
    assert [m["body"] for m in answer.messages[1:]] == [*chunks, b""]
    assert answer.start["headers"] == [stream, (b"cache-control", b"no-cache")]


def test_a_streamed_page_has_no_length() -> None:
    headers = [HTML, (b"content-length", b"999")]
    answer = call(wrapped(in_chunks([PAGE[:30], PAGE[30:]], headers)))
    assert answer.one(b"content-length") is None
    assert without_ours(answer.body) == PAGE


def test_a_page_that_is_never_finished_frees_its_gate() -> None:
    import gc
    import weakref

    from consent_mw.enforce import html_gate

    made: list[weakref.ref[html_gate.HtmlGate]] = []
    original = html_gate.HtmlGate.__init__

    def remember(self: html_gate.HtmlGate, *args: Any, **kwargs: Any) -> None:
        made.append(weakref.ref(self))
        original(self, *args, **kwargs)

    held: list[Send] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        held.append(send)
        await send({"type": "http.response.start", "status": 200, "headers": [HTML]})
        await send({"type": "http.response.body", "body": PAGE[:40], "more_body": True})
        raise ConnectionError("the visitor left")

    gc.disable()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(html_gate.HtmlGate, "__init__", remember)
            with pytest.raises(ConnectionError):
                call(wrapped(app))
        assert [gate() for gate in made] == [None], "its tokenizer may only be freed by this thread"
    finally:
        gc.enable()


# Other messages


def test_a_file_that_is_a_page_is_read_and_gated(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(TRACKED)
    start: Message = {"type": "http.response.start", "status": 200, "headers": [HTML, (b"content-length", b"1")]}
    app = wrapped(saying(start, {"type": "http.response.pathsend", "path": str(file)}))
    answer = call(app, extensions={"http.response.pathsend": {}})
    assert GATED in answer.body
    assert {m["type"] for m in answer.messages} == {"http.response.start", "http.response.body"}
    assert answer.one(b"content-length") in (None, str(len(answer.body)).encode())


def test_a_file_that_is_none_is_sent_by_the_server(tmp_path: Path) -> None:
    start: Message = {"type": "http.response.start", "status": 200, "headers": [TEXT, (b"content-length", b"7")]}
    sent: Message = {"type": "http.response.pathsend", "path": str(tmp_path / "a.txt")}
    assert call(wrapped(saying(start, sent))).messages == [start, sent]


def test_trailers_follow_the_page() -> None:
    start: Message = {"type": "http.response.start", "status": 200, "headers": [HTML], "trailers": True}
    body: Message = {"type": "http.response.body", "body": PAGE}
    trailers: Message = {
        "type": "http.response.trailers",
        "headers": [(b"server-timing", b"x")],
        "more_trailers": False,
    }
    answer = call(wrapped(saying(start, body, trailers)))
    assert answer.start["trailers"] is True
    assert answer.messages[-1] == trailers


@pytest.mark.parametrize("headers", [[TEXT], [HTML]])
def test_a_message_that_nobody_knows_is_passed_on(headers: list[tuple[bytes, bytes]]) -> None:
    start: Message = {"type": "http.response.start", "status": 200, "headers": headers}
    strange: Message = {"type": "http.response.unheard_of", "x": 1}
    messages = call(wrapped(saying(start, strange, {"type": "http.response.body", "body": PAGE}, strange))).messages
    assert messages.count(strange) == 2
    assert {m["type"] for m in messages} == {"http.response.start", "http.response.body", "http.response.unheard_of"}


def test_messages_of_a_websocket_are_passed_on() -> None:
    said: list[Message] = [
        {"type": "websocket.accept", "headers": []},
        {"type": "websocket.send", "text": "<script>"},
        {"type": "websocket.send", "bytes": b"\x00"},
        {"type": "websocket.close", "code": 1000},
    ]
    assert asyncio.run(exchange(wrapped(saying(*said)), websocket_scope())).messages == said


def test_an_exception_of_the_app_is_the_apps_own() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("of the app")

    with pytest.raises(KeyError, match="of the app"):
        call(wrapped(app))


# Only reporting


def test_report_only_changes_nothing_and_says_what_it_would(caplog: pytest.LogCaptureFixture) -> None:
    headers = [HTML, *SETS, (b"content-length", str(len(TRACKED)).encode()), (b"etag", b'"x"')]
    seen: list[Scope] = []
    app = wrapped(answering(TRACKED, headers, seen=seen), enforcement={"mode": "report-only"})
    with caplog.at_level("INFO", "consent_mw.blocked"):
        answer = call(app, headers=[(b"cookie", b"_hjid=1; csrftoken=t")])
    assert answer.start["headers"] == headers
    assert answer.body == TRACKED
    assert (b"cookie", b"_hjid=1; csrftoken=t") in seen[0]["headers"]
    for what in ("_ga", "_hjid", "www.googletagmanager.com"):
        assert any(what in r.getMessage() and "would" in r.getMessage() for r in caplog.records), what


def test_report_only_renders_what_it_cannot_judge(caplog: pytest.LogCaptureFixture) -> None:
    app = wrapped(answering(b"\xff\xfe<\x00p\x00>\x00"), enforcement={"mode": "report-only"})
    assert call(app).start["headers"] == [HTML]


# Mounted below a path


@pytest.mark.parametrize(
    "scope",
    [
        {"path": "/shop/page", "root_path": "/shop"},
        {"path": "/page", "root_path": "/shop"},
    ],
    ids=["path holds the root", "path does not"],
)
def test_below_a_root_path_the_banner_leads_to_our_endpoints_there(scope: dict[str, str]) -> None:
    app = wrapped(answering(PAGE))
    answer = call(app, **scope)
    assert b'action="/shop/consent/decision"' in answer.body
    prefix = "/shop" if scope["path"].startswith("/shop") else ""
    state = call(app, f"{prefix}/consent/state", root_path="/shop")
    assert state.one(b"content-type") == b"application/json"


# Our own failure


@pytest.mark.parametrize(
    "target",
    [
        "consent_mw.web.banner.Banner.block",
        "consent_mw.web.banner.Banner.placeholder",
        "consent_mw.i18n.Locales.negotiate",
        "consent_mw.enforce.references.Judge.inline",
        "consent_mw.enforce.cookie_filter.judge",
        "consent_mw.web.responder.filter_response",
        "consent_mw.web.responder.tailored",
        "consent_mw.web.responder.expiries",
        "consent_mw.web.responder.gate_for",
        "consent_mw.web.page.Judge",
        "consent_mw.enforce.references.Judge.tag",
        "consent_mw.enforce.tags.Tag.__init__",
        "consent_mw.enforce.html_gate.held",
        "consent_mw.enforce.html_gate.ElementText.__init__",
        "consent_mw.web.observed.Observed.reference",
        "consent_mw.web.observed.Observed.response_cookie",
    ],
)
def test_whatever_fails_in_us_the_page_is_served_and_everything_is_denied(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    frame = b'<iframe src="https://www.youtube.com/embed/x"></iframe>'
    app = wrapped(answering(TRACKED.replace(b"</body>", frame + b"</body>"), [HTML, *SETS]))
    cookie = consent_cookie(app, {"action": "save", "categories": {"identification": True}})
    monkeypatch.setattr(target, broken)
    answer = call(app, headers=[cookie])
    assert answer.status == 200
    assert b"Boats" in answer.body
    assert b"_ga=1; Path=/" not in answer.all(b"set-cookie")
    rendered = answer.one(b"content-type") == HTML[1]
    assert not rendered or not any(tag in answer.body for tag in (TRACKER, frame))
