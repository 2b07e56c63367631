"""Headers of pages: which responses are pages, how their bytes are to be read, what becomes of their caching."""

from __future__ import annotations

import pytest

from consent_mw.enforce.page_headers import (
    RawHeaders,
    csp_nonce,
    has_charset,
    has_csp,
    has_wide_bom,
    header,
    is_html,
    is_readable,
    may_become_wide_bom,
    tailored,
    universal,
)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"text/html", True),
        (b" Text/HTML ;charset=utf-8", True),
        (b"text/htmlx", False),
        (b"application/xhtml+xml", False),
        (b"", False),
    ],
)
def test_what_is_html(content_type: bytes, expected: bool) -> None:
    assert is_html(content_type) is expected


@pytest.mark.parametrize(
    ("charset", "readable"),
    [
        (b"utf-8", True),
        (b"windows-1252", True),
        (b"shift_jis", True),
        (b"gb18030", True),
        (b"utf-16", False),
        (b'"UTF-16LE"', False),
        (b"unicode", False),
        (b"utf-7", False),
        (b"iso-2022-jp", False),
        (b"hz-gb-2312", False),
        (b"ISO-10646-UCS-2", False),
    ],
)
def test_markup_is_found_in_charsets_that_leave_ascii_alone(charset: bytes, readable: bool) -> None:
    content_type = b"text/html; charset=" + charset
    assert is_readable(content_type) is readable
    assert has_charset(content_type)


def test_without_a_charset_a_page_is_read() -> None:
    assert is_readable(b"text/html")
    assert not has_charset(b"text/html")


@pytest.mark.parametrize(
    ("start", "is_wide", "may_become"),
    [
        (b"", False, True),
        (b"\xff", False, True),
        (b"\xff\xfe<", True, False),
        (b"\xfe\xff", True, False),
        (b"\xef\xbb\xbf<", False, False),
        (b"<", False, False),
    ],
)
def test_a_byte_order_mark_is_known_by_two_bytes(start: bytes, is_wide: bool, may_become: bool) -> None:
    assert has_wide_bom(start) is is_wide
    assert may_become_wide_bom(start) is may_become


def test_a_header_is_found_by_its_name_in_lower_case() -> None:
    assert header([(b"X", b"1"), (b"x", b"2")], b"x") == b"1"
    assert header([], b"x") == b""


@pytest.mark.parametrize(
    ("policies", "nonce"),
    [
        ([], ""),
        ([b"script-src 'self'"], ""),
        ([b"script-src 'nonce-abc123=='"], "abc123=="),
        ([b"default-src *", b"script-src 'nonce-two'"], "two"),
        ([b"script-src 'nonce-\"><script>'"], ""),
    ],
)
def test_the_app_s_nonce_is_taken_over(policies: list[bytes], nonce: str) -> None:
    headers = [(b"Content-Security-Policy", value) for value in policies]
    assert csp_nonce(headers) == nonce
    assert has_csp(headers) is bool(policies)


def test_a_report_only_policy_is_none() -> None:
    headers = [(b"content-security-policy-report-only", b"script-src 'nonce-a'")]
    assert csp_nonce(headers) == ""
    assert not has_csp(headers)


VALIDATORS: RawHeaders = [
    (b"ETag", b'"1"'),
    (b"last-modified", b"x"),
    (b"Content-Length", b"9"),
    (b"accept-ranges", b"bytes"),
]


@pytest.mark.parametrize(
    ("sent", "cached"),
    [
        ([], b"private"),
        ([b"public, max-age=60, s-maxage=600, immutable"], b"private, max-age=60"),
        ([b"no-store"], b"no-store"),
        ([b"private=set-cookie, max-age=1"], b"private=set-cookie, max-age=1"),
        ([b"max-age=60", b"Stale-While-Revalidate=9"], b"private, max-age=60"),
    ],
)
def test_one_visitor_s_page_is_private(sent: list[bytes], cached: bytes) -> None:
    headers = [
        *VALIDATORS,
        *((b"Cache-Control", value) for value in sent),
        (b"CDN-Cache-Control", b"max-age=9"),
        (b"x", b"y"),
    ]
    assert tailored(headers, ("Cookie",)) == [(b"x", b"y"), (b"cache-control", cached), (b"vary", b"Cookie")]


@pytest.mark.parametrize(
    ("sent", "vary"),
    [
        ([b"Accept, cookie"], b"Accept, cookie, Sec-GPC"),
        ([b"Accept", b"Origin"], b"Accept, Origin, Cookie, Sec-GPC"),
        ([b"*"], b"*"),
    ],
)
def test_vary_says_once_what_a_page_depends_on(sent: list[bytes], vary: bytes) -> None:
    headers = [(b"vary", value) for value in sent]
    assert header(tailored(headers, ("Cookie", "Sec-GPC")), b"vary") == vary


def test_everybody_s_page_keeps_its_caching_and_loses_what_describes_other_bytes() -> None:
    cached = (b"cache-control", b"public, max-age=60")
    assert universal([*VALIDATORS, cached]) == [cached]


@pytest.mark.parametrize("own", [(b"Set-Cookie", b"a=b"), (b"content-security-policy", b"script-src 'nonce-abc'")])
def test_everybody_s_page_with_something_of_one_visitor_is_not_stored(own: tuple[bytes, bytes]) -> None:
    headers = universal([own, (b"cache-control", b"public")])
    assert own in headers
    assert (b"cache-control", b"no-store") in headers
    assert (b"cache-control", b"public") not in headers
