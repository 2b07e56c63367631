"""What is remembered of a head holds for every other head with the same key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from asgi.both_sides import BROWSER, grant, middleware
from consent_mw.web.heads import Head, Heads

VALUES: dict[bytes, list[bytes]] = {
    b"cookie": [b"_ga=1; csrftoken=2", b"_ga=1", grant(middleware()), grant(middleware(), geolocation=True), b""],
    b"host": [b"site.test", b"other.test"],
    b"sec-gpc": [b"1", b"0"],
    b"dnt": [b"1", b"0"],
    b"accept": [b"text/html,*/*", b"application/json"],
    b"accept-encoding": [b"gzip, zstd", b"gzip", b"dcb"],
    b"sec-fetch-dest": [b"document", b"image", b"empty", b""],
    b"sec-fetch-site": [b"same-origin"],
    b"user-agent": [b"Mozilla/5.0 (X11)", b"sensor/1.0"],
    b"content-type": [b"application/x-www-form-urlencoded", b"application/json", b"text/plain"],
    b"content-length": [b"0", b"7"],
    b"referer": [b"https://site.test/?lat=59.3&lon=18.1", b"https://site.test/"],
    b"x-forwarded-for": [b"203.0.113.77", b"10.0.0.1"],
    b"x-geo-country": [b"SE"],
    b"x-market": [b"US", b"DE"],
    b"if-none-match": [b'"a"', b'"b"'],
    b"x-request-id": [b"1", b"2"],
}
MODERN = {n: values[0] for n, values in VALUES.items() if not n.startswith((b"content-", b"sec-gpc", b"dnt"))}
OLD = {name: value for name, value in MODERN.items() if not name.startswith(b"sec-")}
BASES = {
    "modern": MODERN,
    "signals": MODERN | {b"sec-gpc": b"0", b"dnt": b"0"},
    "old": OLD,
    "machine": OLD | {b"user-agent": b"sensor/1.0", b"content-type": b"text/plain"},
}
PROXY = ("127.0.0.1", 1)
REGIME = {"default": "opt-in", "opt_out": ["us"], "country_header": "x-market", "trusted_proxies": ["127.0.0.1"]}


def scope_of(headers: list[tuple[bytes, bytes]], **more: Any) -> dict[str, Any]:
    usual = {"type": "http", "method": "GET", "scheme": "https", "path": "/", "client": PROXY}
    return {**usual, "headers": headers, **more}


def told(head: Head) -> tuple[object, ...]:
    visit = head.visit
    consent = visit.consent.grants.categories, visit.consent.rules.id, visit.consent.signals, visit.consent.decided
    return head.changes, visit.host, visit.located, consent, head.scrubs, head.has_more, head.removed, head.failed


def variations(base: dict[bytes, bytes]) -> Iterator[dict[str, Any]]:
    """Requests that differ from the base in one thing."""
    for name in base:
        for value in VALUES[name]:
            headers = list((base | {name: value}).items())
            yield scope_of(headers)
            yield scope_of([*headers, (name, base[name])])
    headers = list(base.items())
    for client in (None, ("203.0.113.77", 1)):
        yield scope_of(headers, client=client)
    for more in ({"method": "POST"}, {"scheme": "http"}, {"path": "/delivery/7"}):
        yield scope_of(headers, **more)


@pytest.mark.parametrize("regime", [{}, REGIME], ids=["everywhere", "by region"])
@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("cookie", [VALUES[b"cookie"][0], VALUES[b"cookie"][2]], ids=["undecided", "decided"])
def test_what_is_remembered_is_what_would_be_found(
    base: dict[bytes, bytes], cookie: bytes, regime: dict[str, Any]
) -> None:
    site = middleware(regime=regime, location={"exempt_paths": ["/delivery"]}).site
    base = base | {b"cookie": cookie}
    for scope in variations(base):
        warm = Heads(site)
        warm.read(scope_of(list(base.items())))
        assert told(warm.read(scope)[0]) == told(Heads(site)._judged(scope))


def test_a_header_that_decides_nothing_makes_no_second_entry() -> None:
    heads = Heads(middleware().site)
    first, _ = heads.read(scope_of([*BROWSER, (b"x-request-id", b"1")]))
    again, headers = heads.read(scope_of([*BROWSER, (b"x-request-id", b"2")]))
    assert again is first
    assert headers == [*BROWSER, (b"x-request-id", b"2")]


def test_a_server_may_give_lists() -> None:
    heads = Heads(middleware().site)
    head, headers = heads.read(scope_of([[b"cookie", b"_ga=1"], [b"accept", b"*/*"]]))  # type: ignore[list-item]
    assert not head.failed
    assert headers == [(b"accept", b"*/*")]


def test_what_comes_in_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent_mw.web.heads.MEMO_ENTRIES", 8)
    heads = Heads(middleware().site)
    for n in range(50):
        heads.read(scope_of([(b"cookie", b"a=%d" % n), (b"x-%d" % n, b"")]))
        heads.read(scope_of([(b"cookie", b"x" * 5000), (b"y-%d" % n, b"")]))
    assert len(heads._memo) <= 8
    assert len(heads._deciding) <= 8
    assert not any(b"x" * 5000 in repr(key).encode() for key in heads._memo)
