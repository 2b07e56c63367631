"""What a frame shows that a page's own script inserted: the placeholder as a document, for this site's pages only."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from starlette.types import ASGIApp

from asgi.exchange import Answer, answering, call, consent_cookie, wrapped

VIDEO = "https://www.youtube.com/embed/abc?start=1"


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return wrapped(answering(), use=["youtube"])


def placeholder(
    app: ASGIApp, address: str, *headers: tuple[bytes, bytes], site: bytes = b"same-origin", language: str = ""
) -> Answer:
    query = urlencode({"address": address, "language": language}).encode()
    return call(app, "/consent/placeholder", [(b"sec-fetch-site", site), *headers], query_string=query)


def test_it_names_the_service_and_offers_both_ways(app: ASGIApp) -> None:
    answer = placeholder(app, VIDEO)
    assert answer.status == 200
    assert b"Content from YouTube" in answer.body
    assert b'data-consent-action="load"' in answer.body
    assert b'name="service" value="youtube" data-consent-action="allow"' in answer.body
    assert b'width="100vw" height="100vh"' in answer.body
    assert b"no-store" in answer.all(b"cache-control")[0]
    assert b"frame-ancestors 'self'" in answer.all(b"content-security-policy")[0]


def test_a_browser_that_does_not_say_where_it_comes_from_is_answered(app: ASGIApp) -> None:
    query = urlencode({"address": VIDEO}).encode()
    assert b"YouTube" in call(app, "/consent/placeholder", query_string=query).body


def test_it_speaks_the_page_s_language(app: ASGIApp) -> None:
    assert b'lang="de"' in placeholder(app, VIDEO, (b"accept-language", b"fr"), language="de").body
    assert b'lang="fr"' in placeholder(app, VIDEO, (b"accept-language", b"fr")).body


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"none", b""])
def test_no_other_site_can_make_ours_name_a_service(app: ASGIApp, site: bytes) -> None:
    answer = placeholder(app, VIDEO, site=site)
    assert answer.status == 403
    assert b"YouTube" not in answer.body


@pytest.mark.parametrize(
    "address", ["", "/own.html", "https://friend.example/", "javascript:alert(1)", "https://www.youtube.com.example/"]
)
def test_where_nothing_is_denied_it_says_nothing(app: ASGIApp, address: str) -> None:
    answer = placeholder(app, address)
    assert (answer.status, answer.body) == (204, b"")


def test_what_is_granted_needs_no_placeholder(app: ASGIApp) -> None:
    cookie = consent_cookie(app, {"action": "save", "services": {"youtube": True}})
    assert placeholder(app, VIDEO, cookie).status == 204


def test_nobody_can_be_asked_about_what_is_not_declared(app: ASGIApp) -> None:
    answer = placeholder(app, "https://player.vimeo.com/video/1")
    assert b"Vimeo" in answer.body
    assert b"<button" not in answer.body
