"""The short way: what it lets through is what the long way lets through, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.holding import adopted, held
from consent_mw.enforce.page import Page
from consent_mw.enforce.plain_tags import is_plain
from consent_mw.enforce.references import Judge
from consent_mw.enforce.tags import Tag
from enforce.gating import OWN_HOST, TRACKER, denied


def judge(*, strict: bool = False) -> Judge:
    return Judge(denied(), frozenset({OWN_HOST}), lambda service, reference: None, strict=strict)


PLAIN = [
    b'<img class="figure" src="/images/7.jpg" alt="Boat 7: at sea" width=640>',
    b'<img src="images/7.jpg?v=2" loading="lazy" data-id="7" alt>',
    b'<img src="https://%b/images/7.jpg"/>' % OWN_HOST.encode(),
    b'<img src="https://stranger.example/7.jpg">',
    b'<a href="https://stranger.example/a?b=c" class="link" target="_blank" rel="noopener">',
    b'<a href="https://%b/">' % TRACKER.encode(),  # a link contacts nobody by itself
    b"<a>",
]
CLOSER_LOOK = [
    b'<img src="https://%b/7.gif">' % TRACKER.encode(),
    b'<img src="https://cdn.%b/7.gif">' % TRACKER.encode(),
    b'<img src="https://%b/a/tracker.js">' % OWN_HOST.encode(),
    b'<img src="tracker.js">',
    b'<img src="https://shared.example/collect/x">',
    b'<img src="https://shared.example/other/../collect/x">',
    b'<img src="//%b/7.gif">' % TRACKER.encode(),
    b'<img src="/\\%b/7.gif">' % TRACKER.encode(),
    b'<img src="https://2130706433/7.gif">',
    b'<img src="https://0x7f.0xab/7.gif">',
    b'<img src="/a.jpg" src="/b.jpg">',
    b'<img src="/a.jpg" srcset="https://%b/7.gif">' % TRACKER.encode(),
    b'<img src="/a.jpg" onload="load()">',
    b'<img src="/a.jpg" style="background: url(/b)">',
    b'<img src="/a.jpg" data-consent="identification">',
    b'<img data-category="marketing" data-src="/a.jpg">',
    b'<img alt="java&#115;cript:load()">',
    b'<a href="javascript:load()">',
    b'<a href="/a" ping="https://%b/">' % TRACKER.encode(),
    b'<IMG src="/a.jpg">',
    b'<iframe src="/a">',
    b'<a b"c="d">',
]


@pytest.mark.parametrize("raw", PLAIN)
def test_the_usual_forms_go_the_short_way(raw: bytes) -> None:
    assert is_plain(judge(), raw)


@pytest.mark.parametrize("raw", CLOSER_LOOK)
def test_anything_else_is_looked_at(raw: bytes) -> None:
    assert not is_plain(judge(), raw)


def test_under_a_base_every_address_is_looked_at() -> None:
    under = judge()
    under.set_base(f"https://{TRACKER}/")
    assert not is_plain(under, b'<img src="/7.jpg">')


def test_in_strict_mode_a_stranger_is_looked_at() -> None:
    assert not is_plain(judge(strict=True), b'<img src="https://stranger.example/7.jpg">')
    assert is_plain(judge(strict=True), b'<img src="https://%b/7.jpg">' % OWN_HOST.encode())


NAMES = b"src href alt class srcset style onload data-consent data-category data-src data-id ping rel title".split()
HOSTS = [OWN_HOST, TRACKER, f"www.{TRACKER}", "shared.example", "stranger.example", "2130706433", "a..b"]
PIECES = [
    *(host.encode() for host in HOSTS),
    b"https://",
    b"//",
    b"/",
    b"..",
    b".",
    b"collect",
    b"tracker.js",
    b"?",
    b"#",
]
PIECES += [b"&#47;", b"%2f", b"javascript:", b"data:", b"\\", b" ", b"\t", b":8080", b"@", b"a"]
VALUES = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
ATTRIBUTES = st.tuples(st.sampled_from(NAMES), VALUES).map(lambda pair: b' %b="%b"' % pair)


@given(st.sampled_from([b"img", b"a"]), st.lists(ATTRIBUTES, max_size=4).map(b"".join), st.booleans())
def test_whatever_goes_the_short_way_would_have_stayed_as_it_is(name: bytes, attributes: bytes, strict: bool) -> None:
    raw = b"<%b%b>" % (name, attributes)
    if is_plain(judge(strict=strict), raw):
        page = Page(judge=judge(strict=strict), block=lambda base, lang: b"", placeholder=lambda ids, tag: b"")
        assert adopted(page.judge, Tag(raw)) is None
        assert held(page, Tag(raw)) == raw
