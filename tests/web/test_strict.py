"""``third_parties = "strict"``: whoever was not granted is no one's to contact, known or not."""

from __future__ import annotations

import re

import pytest
from starlette.types import ASGIApp

from asgi.exchange import HTML, answering, call, consent_cookie, wrapped
from consent_mw import ConfigError, ConsentConfig

CSP = b"content-security-policy"
STRANGER = b'<img alt="" src="https://cdn.stranger.example/a.png">'
OWN = b'<img alt="" src="/a.png"><img alt="" src="https://shop.example/b.png"><img alt="" src="https://static.shop/c.png">'
VIDEO = b'<img alt="" src="https://i.ytimg.com/vi/1.jpg">'
LIBRARY = b'<script src="https://unpkg.com/boats.js"></script>'
PAGE = b'<!doctype html><html lang="en"><body>%b</body></html>'

CONFIG = {
    "enforcement": {"third_parties": "strict"},
    "origins": ["https://shop.example", "https://static.shop"],
    "use": ["youtube"],
    "services": [{"id": "library", "name": "Boats", "category": "necessary", "hosts": ["unpkg.com"]}],
}


def site(markup: bytes, *headers: tuple[bytes, bytes]) -> ASGIApp:
    return wrapped(answering(PAGE % markup, [HTML, *headers]), **CONFIG)


def test_a_stranger_is_held_back_and_the_site_itself_is_not() -> None:
    body = call(site(STRANGER + OWN + LIBRARY)).body
    assert b'<img data-consent="third-party" alt="" data-consent-src="https://cdn.stranger.example/a.png">' in body
    assert OWN + LIBRARY in body


def test_a_stranger_s_placeholder_says_where_it_would_have_come_from() -> None:
    frame = b'<iframe src="https://film.stranger.example/a"></iframe><iframe src="https://www.youtube.com/embed/a"></iframe>'
    body = call(site(frame)).body
    boxes = re.findall(rb'data-consent-placeholder="([^"]*)"(?:(?!</b>).)*<b>Content from (.*?) would', body)
    assert boxes == [(b"third-party", b"film.stranger.example"), (b"youtube", b"YouTube")]


def test_nothing_grants_a_stranger() -> None:
    app = site(STRANGER + VIDEO)
    body = call(app, headers=[consent_cookie(app)]).body
    assert b'data-consent-src="https://cdn.stranger.example' in body
    assert VIDEO in body


def test_a_category_covers_nothing_that_is_not_declared() -> None:
    app = wrapped(answering(PAGE % VIDEO), enforcement={"third_parties": "strict"})
    assert VIDEO not in call(app, headers=[consent_cookie(app)]).body


def test_a_second_policy_allows_what_is_granted_and_no_more() -> None:
    app = site(b"")
    before, after = call(app).one(CSP) or b"", call(app, headers=[consent_cookie(app)]).one(CSP) or b""
    for policy in (before, after):
        directive, *sources = policy.partition(b";")[0].split()
        assert directive == b"default-src"
        assert {b"'self'", b"https://static.shop", b"unpkg.com", b"*.unpkg.com", b"data:", b"blob:"} <= set(sources)
        assert policy.endswith(b"; report-uri /consent/report")
    assert b"ytimg.com" not in before
    assert b" ytimg.com *.ytimg.com" in after
    assert b"hotjar" not in after


@pytest.mark.parametrize(
    "policies",
    [
        [b"default-src 'none'; script-src 'self'"],
        [b"script-src 'nonce-abc' 'strict-dynamic'", b"img-src https:"],
        [b"default-src 'self', script-src 'self'"],
    ],
)
def test_the_policies_of_the_app_stay_as_they_are(policies: list[bytes]) -> None:
    """Browsers allow what all policies allow (CSP level 3, section 8.1), so one more cannot loosen them."""
    app = site(b"", *((b"Content-Security-Policy", policy) for policy in policies))
    assert call(app).all(CSP)[:-1] == policies
    assert call(app, headers=[consent_cookie(app)]).all(CSP)[:-1] == policies


def test_without_the_mode_no_policy_is_sent() -> None:
    assert call(wrapped(answering(PAGE % STRANGER))).all(CSP) == []
    assert STRANGER in call(wrapped(answering(PAGE % STRANGER))).body


def test_what_is_no_page_gets_none() -> None:
    app = wrapped(answering(b"{}", [(b"content-type", b"application/json")]), **CONFIG)
    assert call(app).all(CSP) == []


def test_under_a_mount_browsers_report_to_the_mount() -> None:
    policy = call(site(b""), root_path="/shop").one(CSP) or b""
    assert policy.endswith(b"report-uri /shop/consent/report")


def test_a_page_for_everybody_cannot_carry_one_visitors_policy() -> None:
    with pytest.raises(ConfigError, match=r"exclude each other.*allowed: at most one of them"):
        ConsentConfig.load({"enforcement": {"third_parties": "strict", "html": "universal"}})
