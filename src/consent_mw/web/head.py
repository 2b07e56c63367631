"""The head of a request: read once, and handed to the app without what it may not see."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from starlette.types import Scope

from consent_mw.enforce.codings import narrowed
from consent_mw.enforce.location.headers import HeaderScrubber
from consent_mw.enforce.page_headers import DOCUMENT_CONDITIONS

RawHeaders = list[tuple[bytes, bytes]]

_DOCUMENT_DESTINATIONS = frozenset({b"document", b"iframe", b"frame", b"embed", b"object"})
_STATIC_DESTINATIONS = frozenset(
    {b"audio", b"font", b"image", b"manifest", b"script", b"style", b"track", b"video", b"worker", b"sharedworker"}
)
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_DECIDING = frozenset({b"sec-gpc", b"dnt"})
_NONE: frozenset[bytes] = frozenset()

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


Changes = list[tuple[int, tuple[bytes, bytes] | None]]
"""Positions in a list of headers, the last first, and what the app sees there; None for nothing."""


def changed(
    scope: Scope, head: Mapping[bytes, bytes], visible: Mapping[bytes, bytes], places: HeaderScrubber | None = None
) -> tuple[Changes, tuple[str, ...]]:
    """What of the headers the app sees otherwise, and the names of those that held a place.

    A page is always asked for whole and in a coding that can be judged: a 304 would make the browser show a page it
    stored under another consent, a 206 or an unknown coding could not be judged.

    :param head: the headers by name (see :func:`read_head`)
    :param visible: what the app may see of each Cookie header
    :param places: None where the app may see places
    """
    may_be_page = head.get(b"sec-fetch-dest") not in _STATIC_DESTINATIONS and scope.get("method") in ("GET", "HEAD")
    unasked = DOCUMENT_CONDITIONS if may_be_page and asks_for_document(head) else _NONE
    changes: Changes = []
    removed: dict[str, None] = {}
    for at, (name, value) in enumerate(scope["headers"]):
        kept: bytes | None = value
        if name == b"cookie":
            kept = visible[value] or None
        elif name == b"accept-encoding" and may_be_page:
            kept = _narrowed(value)
        elif name in unasked:
            kept = None
        elif places is not None:
            kept, is_named = places.scrub(name, value)
            removed |= {name.decode("latin-1"): None} if is_named else {}
        if kept != value:
            changes.insert(0, (at, None if kept is None else (name, kept)))
    return changes, tuple(removed)


def passed_on(headers: RawHeaders, changes: Changes) -> RawHeaders:
    """The headers as the app may see them."""
    kept = [*headers]
    for at, header in changes:
        if header is None:
            del kept[at]
        else:
            kept[at] = header
    return kept


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
