"""The head of a request: read once, and handed to the app without what it may not see."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from starlette.types import Scope

from consent_mw.enforce.codings import narrowed
from consent_mw.enforce.page_headers import DOCUMENT_CONDITIONS

RawHeaders = list[tuple[bytes, bytes]]

_DOCUMENT_DESTINATIONS = frozenset({b"document", b"iframe", b"frame", b"embed", b"object"})
_STATIC_DESTINATIONS = frozenset(
    {b"audio", b"font", b"image", b"manifest", b"script", b"style", b"track", b"video", b"worker", b"sharedworker"}
)
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_DECIDING = frozenset({b"sec-gpc", b"dnt"})

_narrowed = lru_cache(maxsize=256)(narrowed)


def read_head(headers: RawHeaders) -> tuple[Mapping[bytes, bytes], list[bytes]]:
    """All headers by name, and every Cookie header. Of a repeated signal, a ``1`` is what counts."""
    head = dict(headers)
    if len(head) == len(headers):  # the usual request repeats nothing
        cookie = head.get(b"cookie")
        return head, [cookie] if cookie is not None else []
    for name, value in headers:
        if name in _DECIDING and value == b"1":
            head[name] = value
    return head, [value for name, value in headers if name == b"cookie"]


def passed_on(
    scope: Scope, head: Mapping[bytes, bytes], cookies: list[bytes], visible: tuple[bytes, ...]
) -> RawHeaders:
    """The headers as the app may see them.

    A page is always asked for whole and in a coding that can be judged: a 304 would make the browser show a page it
    stored under another consent, a 206 or an unknown coding could not be judged.
    """
    headers: RawHeaders = scope["headers"]
    if len(cookies) == 1:
        headers = _replaced(headers, b"cookie", cookies[0], visible[0])
    elif cookies:
        kept = iter(visible)
        headers = [(n, next(kept) if n == b"cookie" else v) for n, v in headers]
    destination = head.get(b"sec-fetch-dest", b"")
    if destination in _STATIC_DESTINATIONS or scope.get("method") not in ("GET", "HEAD"):
        return headers
    coding = head.get(b"accept-encoding")
    if coding is not None:
        headers = _replaced(headers, b"accept-encoding", coding, _narrowed(coding))
    if asks_for_document(head) and not DOCUMENT_CONDITIONS.isdisjoint(head):
        headers = [(n, v) for n, v in headers if n not in DOCUMENT_CONDITIONS]
    return headers


def asks_for_document(head: Mapping[bytes, bytes]) -> bool:
    """Whether the browser will render what it gets; older ones only say which types they like."""
    destination = head.get(b"sec-fetch-dest", b"")
    return destination in _DOCUMENT_DESTINATIONS or (not destination and b"text/html" in head.get(b"accept", b""))


_HARMLESS = frozenset(
    b"host content-type content-length transfer-encoding accept origin authorization connection upgrade".split()
) | frozenset(b"sec-fetch-site sec-fetch-mode sec-fetch-dest".split())


def barest(headers: RawHeaders) -> RawHeaders:
    """What an app needs to answer at all, when the rest could not be judged: no cookie, no place, no condition."""
    return [(n, v) for n, v in headers if n in _HARMLESS or n.startswith(b"sec-websocket-")]


def page_address(scope: Scope) -> str:
    """Path and query of the page that was asked for, as a link writes them."""
    path, query = quote(scope["path"], safe=_PATH_SAFE), scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path


def _replaced(headers: RawHeaders, name: bytes, old: bytes, new: bytes) -> RawHeaders:
    """A copy with another value for a header, or without it when nothing is left of it."""
    if new == old:
        return headers
    headers = list(headers)
    try:
        at = headers.index((name, old))
    except ValueError:  # a server that gives lists instead of tuples
        at = next(i for i, (key, value) in enumerate(headers) if key == name and value == old)
    headers[at : at + 1] = [(name, new)] if new else []
    return headers
