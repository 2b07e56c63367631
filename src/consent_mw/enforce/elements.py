"""Which attributes of which elements make a browser fetch, connect or navigate by itself (WHATWG HTML, SVG 2, SMIL)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from consent_mw.enforce.css import css_references
from consent_mw.enforce.tags import Tag, values

_LINK = frozenset({b"href", b"imagesrcset"})
_SVG = frozenset({b"href", b"xlink:href"})
_SRC = frozenset({b"src"})
_BACKGROUND = frozenset({b"background"})
_PING = frozenset({b"ping", b"attributionsrc"})
_ANIMATION = frozenset({b"from", b"to", b"by", b"values"})

FETCHING: dict[bytes, frozenset[bytes]] = {
    b"a": _PING,
    b"animate": _ANIMATION,
    b"area": _PING,
    b"audio": _SRC,
    b"body": _BACKGROUND,
    b"embed": _SRC,
    b"feimage": _SVG,
    b"frame": _SRC,
    b"iframe": frozenset({b"src", b"srcdoc"}),
    b"image": _SVG | {b"src", b"srcset"},  # in HTML the parser turns <image> into <img>
    b"img": frozenset({b"src", b"srcset", b"attributionsrc"}),
    b"input": _SRC,
    b"link": _LINK,
    b"object": frozenset({b"data", b"codebase"}),
    b"script": _SVG | {b"src", b"attributionsrc"},
    b"set": _ANIMATION,
    b"source": frozenset({b"src", b"srcset"}),
    b"table": _BACKGROUND,
    b"tbody": _BACKGROUND,
    b"td": _BACKGROUND,
    b"tfoot": _BACKGROUND,
    b"th": _BACKGROUND,
    b"thead": _BACKGROUND,
    b"tr": _BACKGROUND,
    b"track": _SRC,
    b"use": _SVG,
    b"video": frozenset({b"src", b"poster"}),
}
"""Per element, the attributes that make a browser fetch by itself."""

MARKABLE = frozenset().union(*FETCHING.values(), {b"action", b"formaction"}) - _ANIMATION
"""What is held back on an element of any name that its author marked."""

STYLED = frozenset(b"style filter mask clip-path fill stroke marker marker-start marker-mid marker-end cursor".split())
"""Attributes of any element that hold CSS."""

NAVIGATING = frozenset({b"href", b"xlink:href", b"action", b"formaction"})
"""Attributes whose ``javascript:`` addresses run, once somebody follows them."""

_URL_LISTS = frozenset({b"srcset", b"imagesrcset", b"ping", b"attributionsrc", b"values"})
_SEPARATORS = re.compile(r"[\s,;]+")
INERT_RELATIONS = frozenset(
    "alternate amphtml author bookmark canonical edituri external help license me next nofollow noopener noreferrer "
    "opener payment pingback prev privacy-policy profile search shortlink tag terms-of-service webmention".split()
)
# Without any of these a value leads nowhere but to the page's own host.
_LEADS_AWAY = re.compile(rb"//|[:\\&%\t\n\r]")
_REFRESH = re.compile(r"""[\s]*[0-9.]*[\s]*[;,]?[\s]*(?:url[\s]*=[\s]*)?["']?(.*)""", re.IGNORECASE | re.DOTALL)


def references(name: bytes, raw: bytes) -> Iterator[str]:
    """The addresses in the value of an attribute that holds one or several."""
    if not _LEADS_AWAY.search(raw):
        yield raw.decode("latin-1")
        return
    for value in values(raw):
        if name in _URL_LISTS:
            yield from filter(None, _SEPARATORS.split(value))
        else:
            yield value
        if name in _ANIMATION:
            yield from css_references(value)


def fetching(tag: Tag) -> frozenset[bytes]:
    """The attributes of this very tag that make a browser fetch."""
    if tag.name == b"link" and _is_inert_link(tag):
        return frozenset()
    return FETCHING.get(tag.name, frozenset())


def refresh_target(meta: Tag) -> str | None:
    """Where ``<meta http-equiv=refresh>`` leads, None for any other."""
    return refresh_address(meta.value(b"content") or "") if _http_equiv(meta) == "refresh" else None


def is_client_hints(meta: Tag) -> bool:
    """Whether it asks for details of the device, or has others be told of them."""
    return _http_equiv(meta) in ("accept-ch", "delegate-ch")


def _http_equiv(meta: Tag) -> str:
    return (meta.value(b"http-equiv") or "").strip().lower()


def refresh_address(value: str) -> str | None:
    """The address in the value of a refresh (WHATWG HTML 4.2.5.3), of the header of that name too."""
    match = _REFRESH.match(value)
    return match[1].rstrip("\"'") if match is not None and match[1] else None


def _is_inert_link(tag: Tag) -> bool:
    """Whether no token of ``rel`` makes the browser fetch or connect. An unknown token might."""
    relations = (tag.value(b"rel") or "").lower().split()
    return all(relation in INERT_RELATIONS for relation in relations)
