"""XHTML, SVG and other XML documents that a browser renders: read as XML, judged whole, changed by insertions only.

The document is collected first, because most are small and an entity may be declared anywhere. What is too large, or in
a coding that hides its markup, goes out with ``<`` escaped: a browser renders nothing of it.
"""

from __future__ import annotations

import re

from consent_mw.enforce.element_text import ElementText
from consent_mw.enforce.embedded import documents
from consent_mw.enforce.holding import held
from consent_mw.enforce.page import Page
from consent_mw.enforce.tags import Attribute, Tag
from consent_mw.enforce.tokenizer import MAX_HELD_BYTES

_TOKEN = re.compile(
    rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?(?P<instruction>.*?)(?:\?>|\Z)"
    rb"|<!DOCTYPE(?:[^\[>\"']|\"[^\"]*\"|'[^']*')*(?:\[(?P<subset>.*?)\]\s*>|>|\Z)"
    rb"|<(?P<tag>[^\s/>!?](?:[^\"'>]|\"[^\"]*\"|'[^']*')*)(?:>|\Z)",
    re.DOTALL,
)
_ENTITY = re.compile(rb"""<!ENTITY\s+([^\s%"'>]+)\s+(?:"([^"]*)"|'([^']*)')""")
_EXTERNAL = re.compile(rb"<!ENTITY\s+(?:%|[^\s\"'>]+\s+(?:SYSTEM|PUBLIC))|<!ATTLIST")
_HREF = re.compile(rb"""href\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_WIDE = re.compile(rb"\xfe\xff|\xff\xfe|.?\0|\x4c\x6f\xa7\x94", re.DOTALL)
_ENCODING = re.compile(
    rb"""<\?xml[^>]*encoding\s*=\s*["'](?:utf-?(?:7|16|32)|ucs|iso-?(?:2022|10646)|ebcdic|cp037)""", re.IGNORECASE
)
_WITH_TEXT = (b"script", b"style")
_EXPANSIONS = 4


class XmlGate:
    """The same interface as the HTML gate; all of the output comes at the end."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._body: list[bytes] = []
        self._bytes = 0
        self.failed = False

    def feed(self, data: bytes) -> bytes:
        self._bytes += len(data)
        self.failed = self.failed or self._bytes > MAX_HELD_BYTES
        if not self.failed:
            self._body.append(data)
            return b""
        collected = b"".join(self._body)
        self._body.clear()
        return _escaped(collected + data)

    def close(self) -> bytes:
        body = b"".join(self._body)
        if self.failed or self._page.everything_granted:
            return body
        try:
            out = gated_xml(self._page, body)
        except Exception:
            out = None
        self.failed = out is None
        return out if out is not None else _escaped(body)


def gated_xml(page: Page, body: bytes) -> bytes | None:
    """The document made harmless; None when it cannot be judged."""
    if _WIDE.match(body) or _ENCODING.search(body[:256]):
        return None
    out: list[bytes] = []
    done, entities = 0, dict[bytes, bytes]()
    for match in _TOKEN.finditer(body):
        if match.start() < done:
            continue  # in the text of the element before
        if match["subset"] is not None:
            if _EXTERNAL.search(match["subset"]):
                return None
            entities = {name: double or single for name, double, single in _ENTITY.findall(match["subset"])}
        elif match["instruction"] is not None:
            out += (body[done : match.start()], _instruction(page, match[0]))
            done = match.end()
        elif match["tag"] is not None:
            end, piece = _element(page, body, match, entities)
            out += (body[done : match.start()], piece)
            done = end
    return b"".join([*out, body[done:]])


def _instruction(page: Page, raw: bytes) -> bytes:
    """``<?xml-stylesheet?>`` fetches; under another name it is nothing."""
    if not raw.startswith(b"<?xml-stylesheet"):
        return raw
    addresses = ((double or single).decode("utf-8", "replace") for double, single in _HREF.findall(raw))
    return b"<?consent-" + raw[2:] if page.judge.addresses(addresses) else raw


def _element(page: Page, body: bytes, match: re.Match[bytes], entities: dict[bytes, bytes]) -> tuple[int, bytes]:
    """Where the judged part ends, and what it becomes: a start tag, with its text where that matters."""
    tag = XmlTag(match[0], entities)
    if tag.name == b"base":
        href = tag.value(b"href")
        if href is not None and not page.judge.addresses([href]):
            page.judge.set_base(href)
    if tag.name not in _WITH_TEXT or match[0].endswith(b"/>"):
        inside = page.judge.all_optional() if any(b"//" in markup for markup, _ in documents(tag)) else []
        return match.end(), held(page, tag, inside)
    end = re.compile(rb"</[^\s>]*" + tag.name + rb"\s*>").search(body, match.end())
    text = ElementText(match[0], foreign=True)
    text.add(_expanded(body[match.end() : end.start() if end else len(body)], entities))
    judge = page.judge
    ids = judge.style(text.readings) if tag.name == b"style" else judge.inline(*(r.encode() for r in text.readings))
    return match.end(), held(page, tag, ids)


class XmlTag(Tag):
    """A start tag by its local names: a prefix may be anything."""

    def __init__(self, raw: bytes, entities: dict[bytes, bytes]) -> None:
        super().__init__(raw)
        self.name = self.name.rpartition(b":")[2]
        self._entities = entities

    @property
    def attributes(self) -> list[Attribute]:
        return [
            Attribute(name.rpartition(b":")[2], start + name.rfind(b":") + 1, _expanded(raw, self._entities))
            for name, start, raw in super().attributes
            if not name.startswith(b"xmlns")
        ]


def _expanded(raw: bytes, entities: dict[bytes, bytes]) -> bytes:
    """With the document's own entities in place, nested ones a few levels deep."""
    for _ in range(_EXPANSIONS):
        if not entities or b"&" not in raw or len(raw) > MAX_HELD_BYTES:
            break
        for name, value in entities.items():
            raw = raw.replace(b"&" + name + b";", value)
    return raw


def _escaped(data: bytes) -> bytes:
    return data.replace(b"<", b"&lt;")
