"""The language of what we put into a page: the page's own, else the visitor's, everywhere the same."""

from __future__ import annotations

import re

import pytest

from asgi.both_sides import BROWSER, exchange, middleware

FRAME = b'<iframe src="https://www.youtube.com/embed/x"></iframe>'


def languages(html: bytes, accept: bytes, **banner: object) -> list[str]:
    """Of every part of ours that says one."""
    response = [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]},
        {"type": "http.response.body", "body": html},
    ]
    mounted = middleware(banner=banner)
    seen = exchange(mounted, headers=[*BROWSER, (b"accept-language", accept)], response=response)
    page = b"".join(message.get("body", b"") for message in seen.sent)
    return re.findall(r'lang="([^"]+)" dir', page.decode())


@pytest.mark.parametrize(
    ("lang", "accept", "expected"),
    [
        (b"de", b"en-US,en;q=0.9", "de"),
        (b"de-CH", b"", "de"),
        (b"zh_TW", b"en", "zh-Hans"),
        (b"tlh", b"fr;q=0.9, de;q=0.8", "fr"),
        (b"", b"es-MX", "es"),
        (b"de;q=0", b"fr", "fr"),
    ],
)
def test_the_page_decides_then_the_visitor(lang: bytes, accept: bytes, expected: str) -> None:
    page = b'<!doctype html><html lang="' + lang + b'"><body>' + FRAME
    said = languages(page, accept, locales=["en", "de", "fr", "es", "zh-Hans"])
    assert said == [expected, expected], "the banner and the placeholder"


def test_a_page_that_names_no_language_is_in_the_visitor_s() -> None:
    assert languages(b"<!doctype html><body>" + FRAME, b"fr") == ["fr", "fr"]
    assert languages(FRAME, b"fr") == ["fr"], "a fragment has a placeholder only"
