"""``html = "universal"``: one page for everybody, with nothing granted in it, that any cache may keep."""

from __future__ import annotations

import re

import pytest
from starlette.types import ASGIApp

from asgi.exchange import GATED, HTML, TRACKER, answering, call, consent_cookie, wrapped

PAGE = (
    b'<!doctype html><html lang="de"><head><title>Boote</title></head><body>' + TRACKER + b"<p>Boote</p></body></html>"
)
CACHED = (b"cache-control", b"public, max-age=600")
VISITORS = {
    "nobody": [],
    "German": [(b"accept-language", b"de")],
    "Arabic": [(b"accept-language", b"ar")],
    "with a signal": [(b"sec-gpc", b"1"), (b"dnt", b"1")],
    "robot": [(b"user-agent", b"Googlebot/2.1")],
}


def site(page: bytes = PAGE, headers: tuple[tuple[bytes, bytes], ...] = (), **config: object) -> ASGIApp:
    return wrapped(answering(page, [HTML, CACHED, *headers]), enforcement={"html": "universal"}, **config)


@pytest.mark.parametrize("regime", ["opt-in", "opt-out"])
def test_everybody_gets_the_same_bytes(regime: str) -> None:
    app = site(regime={"default": regime})
    visitors = {**VISITORS, "accepted": [consent_cookie(app)]}
    visitors["refused"] = [consent_cookie(app, {"action": "reject_all"})]
    answers = {name: call(app, headers=headers) for name, headers in visitors.items()}
    assert len({answer.body for answer in answers.values()}) == 1
    assert len({tuple(answer.start["headers"]) for answer in answers.values()}) == 1
    assert GATED in answers["accepted"].body


def test_any_cache_may_keep_it() -> None:
    answer = call(
        site(headers=((b"vary", b"Accept-Encoding"), (b"etag", b'"1"'), (b"cdn-cache-control", b"max-age=9")))
    )
    assert answer.one(b"cache-control") == b"public, max-age=600"
    assert answer.one(b"vary") == b"Accept-Encoding"
    assert answer.one(b"cdn-cache-control") == b"max-age=9"
    assert answer.one(b"etag") is None, "the app's validator says nothing about our page"
    assert answer.one(b"content-length") == str(len(answer.body)).encode()
    assert answer.all(b"set-cookie") == []


def test_the_language_is_the_pages_own() -> None:
    assert b'lang="de"' in _root(call(site(), headers=VISITORS["Arabic"]).body)
    assert b'lang="en"' in _root(call(site(PAGE.replace(b' lang="de"', b"")), headers=VISITORS["Arabic"]).body)


def test_the_question_is_hidden_until_the_script_knows_who_is_there() -> None:
    body = call(site()).body
    assert b" data-mode=universal" in _root(body)
    assert re.search(rb'<section id="consent-banner"[^>]* hidden', body)
    assert re.search(rb'<div id="consent-entry">', body), "without scripts the settings are a link away"
    assert b" data-mode=universal" not in _root(call(wrapped(answering(PAGE))).body)


@pytest.mark.parametrize(
    "header",
    [
        (b"content-security-policy", b"script-src 'nonce-bm9uY2Vub25jZQ'"),
        (b"set-cookie", b"csrftoken=1"),
        (b"Set-Cookie", b"_ga=1; Max-Age=0"),
    ],
)
def test_no_cache_keeps_a_nonce_or_a_cookie(header: tuple[bytes, bytes]) -> None:
    directives = b", ".join(call(site(headers=(header,))).all(b"cache-control"))
    assert {b"private", b"no-store"} <= set(directives.split(b", "))
    assert b"public" not in directives


def test_the_position_is_kept_by_the_script_as_headers_cannot_follow_a_visitor() -> None:
    assert call(site()).all(b"permissions-policy") == []
    assert b"/consent/assets/device." in call(site()).body


def _root(body: bytes) -> bytes:
    found = re.search(rb'<div id="consent-root"[^>]*>', body)
    assert found is not None
    return found[0]
