"""Which responses a browser renders as a document, and how it reads them (WHATWG MIME Sniffing)."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Protocol

from consent_mw.enforce.html_gate import HtmlGate
from consent_mw.enforce.page import Page
from consent_mw.enforce.page_headers import is_html
from consent_mw.enforce.xml_gate import XmlGate

SNIFFED_BYTES = 512

_XML = re.compile(rb"[\t ]*(?:(?:text|application)/xml|[^/;\t ]+/[^;\t ]+\+xml)[\t ]*(?:;|$)", re.IGNORECASE)
_UNKNOWN = re.compile(rb"[\t ]*(?:$|;|unknown/unknown|application/unknown|\*/\*|[^/;]*(?:;|$))", re.IGNORECASE)
_LOOKS_LIKE_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b"
    rb"|body|br|p|img|svg|meta|link|base)(?=[\t\n\f\r />]))",
    re.IGNORECASE,
)
_LOOKS_LIKE_XML = re.compile(rb"[\t\n\f\r ]*<\?xml", re.IGNORECASE)


class Gate(Protocol):
    """What sends a document's bytes on, without what is held back."""

    @property
    def failed(self) -> bool: ...

    def feed(self, data: bytes) -> bytes: ...

    def close(self) -> bytes: ...


class SniffingGate:
    """For a response without a type: the gate that fits what its first bytes make of it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._start: bytes | None = b""
        self._gate: Gate | None = None

    @property
    def failed(self) -> bool:
        return self._gate is not None and self._gate.failed

    def feed(self, data: bytes) -> bytes:
        if self._start is None:
            return self._gate.feed(data) if self._gate is not None else data
        self._start += data
        return self._begin() if len(self._start) >= SNIFFED_BYTES else b""

    def close(self) -> bytes:
        out = self._begin() if self._start is not None else b""
        return out + (self._gate.close() if self._gate is not None else b"")

    def _begin(self) -> bytes:
        start, self._start = self._start or b"", None
        if _LOOKS_LIKE_HTML.match(start):
            self._gate = HtmlGate(self._page)
        elif _LOOKS_LIKE_XML.match(start):
            self._gate = XmlGate(self._page)
        return self._gate.feed(start) if self._gate is not None else start


class Kind(Enum):
    """How a browser reads a response of some type, if it is to show it."""

    HTML = "as HTML"
    XML = "as XML"
    SNIFFED = "as what its first bytes look like"


@lru_cache(maxsize=256)
def kind_of(content_type: bytes) -> Kind | None:
    """None for everything that is no document."""
    if is_html(content_type):
        return Kind.HTML
    if _XML.match(content_type):
        return Kind.XML
    return Kind.SNIFFED if _UNKNOWN.match(content_type) else None


def gate_for(kind: Kind, page: Page) -> Gate:
    if kind is Kind.HTML:
        return HtmlGate(page)
    return XmlGate(page) if kind is Kind.XML else SniffingGate(page)
