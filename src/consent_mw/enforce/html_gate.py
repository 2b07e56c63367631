"""The streaming HTML gate: a page's bytes in, the same bytes out but for what is held back and what we insert.

The tokenizer finds the start tags, this module decides what becomes of each. On any failure the rest of the page goes
out with ``<`` escaped: readable, and nothing loads.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Callable

from consent_mw.core.urls import OWN
from consent_mw.enforce.attributes import AttributeScan
from consent_mw.enforce.element_text import ElementText
from consent_mw.enforce.embedded import documents
from consent_mw.enforce.frames import without_geolocation
from consent_mw.enforce.holding import adopted, held, held_script
from consent_mw.enforce.page import Page
from consent_mw.enforce.plain_tags import is_plain
from consent_mw.enforce.structure import Structure
from consent_mw.enforce.tags import Tag
from consent_mw.enforce.tokenizer import (
    END_OF_TEXT,
    FOREIGN_TAG,
    FOREIGN_TAG_WITH_TEXT,
    STRUCTURE,
    TAG,
    TAG_WITH_PLAIN_TEXT,
    TAG_WITH_TEXT,
    UNSURE,
    Mark,
    Tokenizer,
    Unsure,
)
from consent_mw.enforce.xml_gate import XmlGate

logger = logging.getLogger("consent_mw")

UNREAD = b"@consent held;"
"""In front of a style sheet that is held back. Chromium looks ahead for ``@import`` whatever a sheet's type is, but not
beyond a rule of another kind; to the sheet itself, once it is released, an unknown rule is nothing."""
MAX_DEPTH = 3
"""Documents within documents that are looked into; a deeper one is denied."""

# ISO-2022-JP: what stands between such escapes is no markup, whatever its bytes look like; browsers detect it unasked.
_STATEFUL = re.compile(rb"\x1b(?:[$(]|\Z)")
_NOSCRIPT = re.compile(rb"<noscript", re.IGNORECASE)
_FOREIGN_START = re.compile(rb"<(?:svg|math)", re.IGNORECASE)
_FOREIGN_END = re.compile(rb"</(?:svg|math)", re.IGNORECASE)

_FOREIGN = (FOREIGN_TAG, FOREIGN_TAG_WITH_TEXT)
_HELD_FOR = re.compile(rb'data-consent="([^"]*)"')


class HtmlGate:
    """Feed it a page in any chunks; the output does not depend on where they were cut."""

    def __init__(self, page: Page, *, depth: int = 0) -> None:
        """:param depth: how many documents this one stands in; nothing is inserted into an inner one"""
        self._page = page
        self._depth = depth
        self._tokenizer: Tokenizer | None = Tokenizer(page.everything_granted)
        self._scan = AttributeScan(page.judge)
        self._structure = Structure(page, is_inner=depth > 0)
        self._expect: Mark | None = None  # what the next piece was announced as
        self._held: ElementText | None = None
        self._unmarked: Callable[[bytes], bytes] | None = None  # what becomes of a text in which there are no tags
        self.failed = False

    def feed(self, data: bytes) -> bytes:
        if self._tokenizer is None:
            return _escaped(data)
        if not self._page.has_charset and _STATEFUL.search(data):
            return self._fail() + _escaped(data)
        try:
            self._structure.opens(data)
            if not self._page.everything_granted:
                data = self._scan.ready(data, self._tokenizer.pending_bytes)
            return self._emit(self._tokenizer.feed(data))
        except BaseException as error:  # a panic of the Rust side is no Exception
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            return self._fail()

    def close(self) -> bytes:
        if self._tokenizer is None:
            return b""
        try:
            out = self._emit(self._tokenizer.feed(self._scan.last()))
            if self._tokenizer is None:
                return out
            out += self._emit(self._tokenizer.close())
            out += self._scan.flush() + self._end_of_text()  # the page may end inside a script
        except Exception:
            return self._fail()
        self._tokenizer = None
        return out + self._structure.at_end()

    def is_settled(self) -> bool:
        """Whether the markup so far leaves nothing open that would swallow what follows. The last thing to ask."""
        return self._tokenizer is not None and not self._scan.tail and self._tokenizer.would_see_a_tag()

    def _fail(self, unjudged: bytes = b"") -> bytes:
        """The rest of the page so far, escaped. What is ``unjudged`` has left the tokenizer already."""
        self.failed = True
        rest = self._tokenizer.pending if self._tokenizer is not None else b""
        self._tokenizer = None
        held = self._held.tag.raw + self._held.text if self._held is not None else b""
        return _escaped(self._scan.rest() + held + unjudged + rest + self._scan.tail)

    def _emit(self, pieces: list[bytes]) -> bytes:
        out: list[bytes] = []
        known = self._page.memo.get
        is_usual = self._is_usual
        left = iter(pieces)
        try:
            for piece in left:
                if not is_usual:
                    out.append(self._next(piece))
                    is_usual = self._is_usual
                elif piece is TAG:
                    piece = next(left, b"")
                    judged = known(piece)
                    out.append(self._judged(TAG, piece) if judged is None else judged)
                elif isinstance(piece, Mark):
                    out.append(self._mark(piece))
                    is_usual = False
                else:
                    out.append(piece)
        except Exception as error:
            if not isinstance(error, Unsure):
                logger.exception("a piece of a page could not be judged")
            return b"".join(out) + self._fail(b"".join((piece, *left)))
        if self._held is not None and self._held.is_too_large:
            is_markup = self._held.tag.name == b"noscript"
            out.append(self._end_of_text())
            self._unmarked = _escaped if is_markup else bytes
        return b"".join(out)

    @property
    def _is_usual(self) -> bool:
        """Text goes out as it is, and what a tag becomes depends on nothing but its bytes."""
        return (
            self._expect is None
            and self._held is None
            and self._unmarked is None
            and not self._scan.is_on
            and self._page.judge.base is OWN
            and not self._structure.awaits_head
            and not (self._tokenizer is not None and self._tokenizer.is_lost)
        )

    def _next(self, piece: bytes) -> bytes:
        if isinstance(piece, Mark):
            return self._mark(piece)
        if self._held is not None:
            self._held.add(piece)
            if self._scan.is_on:
                self._scan.passed(piece)
            return b""
        return self._in_between(piece) if self._expect is None else self._announced(piece)

    def _mark(self, mark: Mark) -> bytes:
        if mark is UNSURE:
            raise Unsure
        out = self._scan.flush() if self._scan.is_waiting else b""
        if mark is END_OF_TEXT:
            self._unmarked = None
            return out + self._end_of_text()
        # Only in SVG and MathML may another element stand in such a text.
        out += self._end_of_text(is_split=True)
        self._expect = mark
        return out

    def _announced(self, piece: bytes) -> bytes:
        expected, self._expect = self._expect, None
        if self._scan.is_on:
            self._scan.passed(piece)
        if not self._structure.awaits_head or expected in _FOREIGN:
            return self._judged(expected, piece)
        return self._structure.before(Tag(piece)) + self._judged(expected, piece)

    def _judged(self, expected: Mark | None, piece: bytes) -> bytes:
        if expected is TAG_WITH_PLAIN_TEXT:
            self._unmarked = bytes
        elif expected is TAG_WITH_TEXT or (expected is FOREIGN_TAG_WITH_TEXT and not piece.endswith(b"/>")):
            self._held = ElementText(piece, foreign=expected is FOREIGN_TAG_WITH_TEXT)
            return b""
        if expected is STRUCTURE:
            tag = Tag(piece)
            return self._base(tag) if tag.name == b"base" else self._outcome(piece) + self._structure.after(tag)
        return self._outcome(piece, is_foreign=expected is FOREIGN_TAG)

    def _outcome(self, raw: bytes, *, is_foreign: bool = False) -> bytes:
        """What becomes of a tag."""
        judge, memo = self._page.judge, self._page.memo
        if judge.base is OWN:
            known = memo.get(raw)
            if known is not None:
                return known
            if is_plain(judge, raw):
                memo.keep(raw, raw)
                return raw
        tag = Tag(raw)
        is_frame = tag.name == b"iframe"
        if is_frame and not self._page.located:
            tag = without_geolocation(tag)
        # A box in the head would end it.
        has_room = not is_foreign and (tag.name != b"script" or (self._structure.has_begun and self._depth == 0))
        out = adopted(judge, tag)
        if out is None:
            out = held(self._page, tag, self._ids_inside(tag), with_box=has_room)
        has_box = not out.startswith(tag.raw[: tag.name_end])  # which belongs to the page
        if judge.base is OWN and not (is_frame or has_box) and (has_room or out == raw):
            memo.keep(raw, out)
        return out

    def _base(self, tag: Tag) -> bytes:
        """A base at a denied host is held back, and with it every relative address of the page."""
        self._structure.has_base = True
        judge, href = self._page.judge, tag.value(b"href")
        ids = judge.addresses([href]) if href is not None and not self._page.everything_granted else []
        if ids:
            return tag.held(ids, frozenset({b"href"}))
        if href is not None:
            judge.set_base(href)
        return tag.raw

    def _ids_inside(self, tag: Tag) -> list[str]:
        """Ids of the denied services that a document in the tag's own attributes would contact."""
        return [id for markup, is_xml in documents(tag) for id in self._ids_in(markup, is_xml)]

    def _ids_in(self, markup: bytes, is_xml: bool) -> list[str]:
        judge = self._page.judge
        if self._depth >= MAX_DEPTH:
            return judge.all_optional()
        base = judge.base
        gate = XmlGate(self._page) if is_xml else HtmlGate(self._page, depth=self._depth + 1)
        out = gate.feed(markup) + gate.close()
        judge.base = base
        if gate.failed:
            return judge.all_optional()
        if out == markup:
            return []
        return [id for ids in _HELD_FOR.findall(out) for id in html.unescape(ids.decode("latin-1")).split()]

    def _in_between(self, piece: bytes) -> bytes:
        """Text, and tags that were not announced."""
        if self._unmarked is not None:
            return self._unmarked(piece)
        if self._tokenizer is not None and self._tokenizer.is_lost and b"[CDATA[" in piece:
            raise Unsure
        return self._scan.feed(piece) if self._scan.is_on else piece

    def _end_of_text(self, *, is_split: bool = False) -> bytes:
        """The element whose text was held back, judged; its end tag is still to come."""
        element, self._held = self._held, None
        if element is None:
            return b""
        tag, text = element.tag, element.text
        if tag.name == b"noscript":
            return held(self._page, tag) + (_escaped(text) if element.is_too_large else self._noscript(text))
        is_broken = is_split or element.has_markup
        judge = self._page.judge
        if element.has_markup:  # what stands in it may break out of it
            scan = AttributeScan(judge)
            text = scan.feed(text) + scan.flush()
        everything = judge.all_optional() if is_broken or element.is_too_large else []
        if tag.name != b"style":
            return (held(self._page, tag, everything) if everything else held_script(self._page, element)) + text
        out = held(self._page, tag, everything or judge.style(element.readings))
        return out + text if out == tag.raw else out + UNREAD + text

    def _noscript(self, text: bytes) -> bytes:
        """With scripting this is text up to the first ``</noscript``; without it, it is markup. Both must be harmless.

        Markup that leaves something open (``<style>``, a quote) would let the two readings disagree about the rest of
        the page; so would a ``<noscript>`` in it. It is shown as text.
        """
        if b"<" not in text:
            return text
        gate = HtmlGate(self._page, depth=self._depth + 1)
        out = gate.feed(text)
        settled = gate.is_settled() and len(_FOREIGN_START.findall(text)) == len(_FOREIGN_END.findall(text))
        settled = settled and not _NOSCRIPT.search(text)
        return out if settled else _escaped(text)


def _escaped(data: bytes) -> bytes:
    return data.replace(b"<", b"&lt;")
