"""Header lists of pages: which responses are pages, and what changes on one that depends on the visitor."""

from __future__ import annotations

import re
from collections.abc import Iterable

RawHeaders = list[tuple[bytes, bytes]]

_HTML = re.compile(rb"[\t ]*text/html[\t ]*(?:;|$)", re.IGNORECASE)
_CHARSET = re.compile(rb"""charset[\t ]*=[\t ]*["']?([^"'\t ;]+)""", re.IGNORECASE)
_NOT_ASCII_COMPATIBLE = re.compile(
    rb"(?:unicode|utf-?(?:7|16|32)|ucs-?[24]|iso-?(?:2022|10646)|csiso2022|hz-gb|csunicode)", re.IGNORECASE
)
_NONCE = re.compile(rb"'nonce-([A-Za-z0-9+/_=-]{1,256})'")

# A validator of the app's page says nothing about ours; a length is another one; parts of a page cannot be judged.
_VALIDATORS = frozenset(
    b"content-length etag last-modified content-md5 digest content-digest repr-digest accept-ranges".split()
)
_STALE = _VALIDATORS | {b"cdn-cache-control", b"surrogate-control", b"cloudflare-cdn-cache-control"}
_SHARED = frozenset({"public", "s-maxage", "proxy-revalidate", "immutable", "stale-while-revalidate", "stale-if-error"})

DOCUMENT_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since", b"if-range", b"range"})
"""Request headers that ask for less than the whole page."""


def is_html(content_type: bytes) -> bool:
    return _HTML.match(content_type) is not None


def is_readable(content_type: bytes) -> bool:
    """Whether the declared charset leaves ASCII bytes alone, so that markup can be found in the bytes."""
    match = _CHARSET.search(content_type)
    return match is None or _NOT_ASCII_COMPATIBLE.match(match[1]) is None


def has_charset(content_type: bytes) -> bool:
    return _CHARSET.search(content_type) is not None


def has_wide_bom(start: bytes) -> bool:
    """A UTF-16 byte order mark beats any header."""
    return start[:2] in (b"\xfe\xff", b"\xff\xfe")


def may_become_wide_bom(start: bytes) -> bool:
    """Whether too little of a page is known to tell."""
    return start in (b"", b"\xfe", b"\xff")


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The first value of a header, by lower-case name; empty when absent."""
    return next((value for key, value in headers if key.lower() == name), b"")


def csp_nonce(headers: RawHeaders) -> str:
    """The nonce the app's own policy allows for this response, so that the banner needs no loosened policy."""
    for name, value in headers:
        if name.lower() == b"content-security-policy":
            match = _NONCE.search(value)
            if match is not None:
                return match[1].decode("ascii")
    return ""


def has_csp(headers: RawHeaders) -> bool:
    return any(name.lower() == b"content-security-policy" for name, _ in headers)


def tailored(headers: RawHeaders, vary: Iterable[str]) -> RawHeaders:
    """The headers of a page that was made for one visitor: private, varying, without the app's validators."""
    kept: RawHeaders = []
    directives: list[str] = []
    varies: list[str] = []
    for name, value in headers:
        lower = name.lower()
        if lower == b"cache-control":
            directives += [part.strip() for part in value.decode("latin-1").split(",")]
        elif lower == b"vary":
            varies += [part.strip() for part in value.decode("latin-1").split(",")]
        elif lower not in _STALE:
            kept.append((name, value))
    known = {part.lower() for part in varies}
    if "*" not in known:
        varies += [part for part in vary if part.lower() not in known]
    kept.append((b"cache-control", _private(directives)))
    kept.append((b"vary", ", ".join(filter(None, varies)).encode("latin-1")))
    return kept


def universal(headers: RawHeaders) -> RawHeaders:
    """The headers of a page that is the same for everybody: any cache may keep it as long as the app allows.

    Not one with a cookie, or a nonce, which a page must not share with another. Conditional requests never reach the
    app, so its validators would be asked for in vain.
    """
    if any(name.lower() == b"set-cookie" for name, _ in headers) or csp_nonce(headers):
        return [*tailored(headers, ()), (b"cache-control", b"no-store")]
    return [(name, value) for name, value in headers if name.lower() not in _VALIDATORS]


def _private(directives: Iterable[str]) -> bytes:
    kept = [part for part in directives if part and part.partition("=")[0].lower() not in _SHARED]
    if not any(part.partition("=")[0].lower() in ("private", "no-store") for part in kept):
        kept.insert(0, "private")
    return ", ".join(kept).encode("latin-1")


def unrendered(headers: RawHeaders) -> RawHeaders:
    """Headers under which no browser renders the body: for a page that cannot be judged."""
    kept = [(n, v) for n, v in headers if n.lower() not in (b"content-type", b"x-content-type-options")]
    return [*kept, (b"content-type", b"text/plain"), (b"x-content-type-options", b"nosniff")]
