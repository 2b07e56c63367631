"""The streaming HTML gate: a page's bytes in, the same bytes out but for what is held back and what we insert.

The tokenizer finds the start tags, this module decides what becomes of each. On any failure the rest of the page goes
out with ``<`` escaped: readable, and nothing loads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from consent_mw.enforce.references import FETCHING, MARKABLE, Judge
from consent_mw.enforce.tags import PREFIX, Tag
from consent_mw.enforce.tokenizer import MAX_HELD_BYTES, Mark, Piece, Tokenizer

OPEN, CLOSE = b"<!--consent-->", b"<!--/consent-->"

_NOSCRIPT = re.compile(rb"<noscript", re.IGNORECASE)
_FOREIGN_START = re.compile(rb"<(?:svg|math)", re.IGNORECASE)
_FOREIGN_END = re.compile(rb"</(?:svg|math)", re.IGNORECASE)
_NOT_JAVASCRIPT = ("json", "text/html", "text/template", "x-template", "text/plain", "handlebars", "mustache", "x-tmpl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the gate needs to know of the page it works on.

    :ivar block: what stands at the start of the body, given whether it has a ``<base>`` and its ``lang``
    :ivar placeholder: what stands in front of a gated frame, given the ids it waits for
    """

    judge: Judge
    block: Callable[[bool, str], bytes]
    placeholder: Callable[[list[str], Tag], bytes]
    head: bytes = b""
    """What stands at the start of the head, before anything of the page can run."""
    everything_granted: bool = False
    """Then no address and no script is looked at."""
    memo: TagMemo = field(default_factory=lambda: TagMemo())


class TagMemo:
    """What became of a tag, for one set of grants on one host: a site's tags repeat on every page.

    Frames are not remembered, their placeholder belongs to the page; nor is anything on a page with a ``<base>``.
    """

    MAX_TAGS = 4096
    MAX_TAG_BYTES = 1024

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self.get = self._known.get

    def keep(self, raw: bytes, outcome: bytes) -> None:
        if len(raw) <= self.MAX_TAG_BYTES:
            if len(self._known) >= self.MAX_TAGS:
                self._known.clear()
            self._known[raw] = outcome


class _Held:
    """A start tag and the text of its element so far."""

    def __init__(self, tag: bytes) -> None:
        self.tag = tag
        self._text: list[bytes] = []
        self._bytes = 0

    def add(self, text: bytes) -> None:
        self._text.append(text)
        self._bytes += len(text)

    @property
    def is_too_large(self) -> bool:
        return self._bytes > MAX_HELD_BYTES

    @property
    def text(self) -> bytes:
        return b"".join(self._text)


class HtmlGate:
    """Feed it a page in any chunks; the output does not depend on where they were cut."""

    def __init__(self, page: Page, *, fragment: bool = False) -> None:
        """:param fragment: the markup is a part of a page, in which nothing is inserted"""
        self._page = page
        self._tokenizer: Tokenizer | None = Tokenizer(page.everything_granted)
        self._has_base = False
        self._lang = ""
        self._is_document = False
        self._inserted = self._has_head = fragment
        self._expect: Mark | None = None
        self._held: _Held | None = None
        self._escape = False  # the rest of a text that was too large to be judged
        self.failed = False

    def feed(self, data: bytes) -> bytes:
        if self._tokenizer is None:
            return _escaped(data)
        try:
            return self._emit(self._tokenizer.feed(data))
        except Exception:
            return self._fail()
        except BaseException as error:  # a panic of the Rust side is no Exception
            if type(error).__name__ != "PanicException":
                raise
            return self._fail()

    def close(self) -> bytes:
        if self._tokenizer is None:
            return b""
        try:
            out = self._emit(self._tokenizer.close())
        except Exception:
            return self._fail()
        out += self._end_of_text()  # the page may end inside a script
        if self._is_document and not self._inserted:
            out += self._insert()
        return out

    def is_settled(self) -> bool:
        """Whether the markup so far leaves nothing open that would swallow what follows. The last thing to ask."""
        return self._tokenizer is not None and self._tokenizer.would_see_a_tag()

    def _fail(self) -> bytes:
        self.failed = True
        rest = self._tokenizer.pending if self._tokenizer is not None else b""
        self._tokenizer = None
        held = self._held.tag + self._held.text if self._held is not None else b""
        return _escaped(held + rest)

    def _emit(self, pieces: list[Piece]) -> bytes:
        out: list[bytes] = []
        for piece in pieces:
            if piece is Mark.END_OF_TEXT:
                out.append(self._end_of_text())
            elif isinstance(piece, Mark):
                out.append(self._end_of_text())  # only in SVG and MathML may a tag stand in such a text
                self._announce(piece)
            elif self._held is not None:
                self._held.add(piece)
            elif self._escape:
                out.append(_escaped(piece))
            else:
                expected, self._expect = self._expect, None
                out.append(piece if expected is None else self._start(expected, piece))
        if self._held is not None and self._held.is_too_large:
            is_markup = self._held.tag[1:9].lower() == b"noscript"
            out.append(self._end_of_text())
            self._escape = is_markup
        return b"".join(out)

    def _announce(self, mark: Mark) -> None:
        # An element may be announced twice, as a marked one too; the reading with its text is the stricter one.
        if self._expect not in (Mark.TAG_WITH_TEXT, Mark.FOREIGN_TAG_WITH_TEXT):
            self._expect = mark

    def _start(self, expected: Mark, piece: bytes) -> bytes:
        if expected is Mark.DOCTYPE:
            self._is_document = True
            return piece
        head = b"" if self._has_head else self._head_before(piece)
        return head + self._judged(expected, piece)

    def _head_before(self, piece: bytes) -> bytes:
        """On a page without a ``<head>`` tag, ours stands in front of the first tag that could run or load."""
        if not self._is_document or Tag(piece).name in (b"html", b"head"):
            return b""
        self._has_head = True
        return self._page.head

    def _judged(self, expected: Mark, piece: bytes) -> bytes:
        remembered = self._page.memo.get(piece) if expected is Mark.TAG else None
        if remembered is not None:
            return remembered
        if expected is Mark.TAG_WITH_TEXT or (expected is Mark.FOREIGN_TAG_WITH_TEXT and not piece.endswith(b"/>")):
            self._held = _Held(piece)
            return b""
        return self._tag(Tag(piece))

    def _tag(self, tag: Tag) -> bytes:
        name = tag.name
        if name == b"html":
            self._is_document = True
            self._lang = tag.value(b"lang") or ""
            return tag.raw
        if name == b"head":
            if self._has_head or not self._is_document:
                return tag.raw
            self._has_head = True
            return tag.raw + self._page.head
        if name == b"base":
            self._has_base = True
            self._page.judge.set_base(tag.value(b"href") or "")
            return tag.raw
        if name == b"frameset":
            self._inserted = True  # a frameset page has no body to show anything in
            return tag.raw
        adopted = self._adopt(tag)
        out = adopted if adopted is not None else self._hold(tag)
        if name == b"body":
            return out if self._inserted else out + self._insert()
        if name != b"iframe" and not self._has_base:
            self._page.memo.keep(tag.raw, out)
        return out

    def _hold(self, tag: Tag, extra: list[str] | None = None) -> bytes:
        """The tag as it is when it may live, else inert, with a placeholder in front of a frame."""
        judge = self._page.judge
        ids, names = judge.tag(tag)
        marks = [judge.named(name) for name in (tag.value(b"data-consent") or "").split()]
        marked = judge.denied(marks)
        ids = list(dict.fromkeys([*(marks if marked else ()), *ids, *(extra or ())]))
        if not ids:
            return tag.raw
        names = MARKABLE if marked else names
        is_script = tag.name == b"script"
        if not is_script and not any(attribute.name in names for attribute in tag.attributes):
            return tag.raw  # a mark on an element that loads nothing
        held = tag.held(ids, names, inert_type=is_script)
        return self._page.placeholder(ids, tag) + held if tag.name == b"iframe" else held

    def _adopt(self, tag: Tag) -> bytes | None:
        """Put a tag that was marked for another tool into our words; the script releases it once it is granted."""
        named = tag.value(b"data-category") or tag.value(b"data-cookieconsent") or tag.value(b"data-name")
        if not named or tag.raw_value(b"data-consent") is not None:
            return None
        is_script = tag.name == b"script" and (tag.value(b"type") or "").strip().lower() == "text/plain"
        sources = {b"data-" + name for name in (FETCHING.get(tag.name) or MARKABLE)}
        renames = {a.name: PREFIX + a.name[5:] for a in tag.attributes if a.name in sources}
        if is_script:
            renames[b"data-type"] = PREFIX + b"type"
        if not (is_script or renames):
            return None
        names = named.replace(",", " ").split()
        if not names or not all(map(self._page.judge.knows, names)):
            return None  # some other meaning of these attributes
        return tag.adopted(map(self._page.judge.named, names), renames)

    def _end_of_text(self) -> bytes:
        """The element whose text was held back, judged; its end tag is still to come."""
        held, self._held, self._escape = self._held, None, False
        if held is None:
            return b""
        tag = Tag(held.tag)
        if tag.name != b"noscript":
            return self._script(tag, held)
        return tag.raw + (_escaped(held.text) if held.is_too_large else self._noscript(held.text))

    def _script(self, tag: Tag, held: _Held) -> bytes:
        kind = (tag.value(b"type") or "").lower()
        if any(word in kind for word in _NOT_JAVASCRIPT):
            adopted = self._adopt(tag)
            return (adopted if adopted is not None else self._hold(tag)) + held.text
        judge = self._page.judge
        ids = judge.all_optional() if held.is_too_large else judge.inline(held.text)
        return self._hold(tag, ids) + held.text

    def _noscript(self, text: bytes) -> bytes:
        """With scripting this is text up to the first ``</noscript``; without it, it is markup. Both must be harmless.

        Markup that leaves something open (``<style>``, a quote) would let the two readings disagree about the rest of
        the page; so would a ``<noscript>`` in it. It is shown as text.
        """
        if b"<" not in text:
            return text
        gate = HtmlGate(self._page, fragment=True)
        out = gate.feed(text)
        settled = gate.is_settled() and len(_FOREIGN_START.findall(text)) == len(_FOREIGN_END.findall(text))
        settled = settled and not _NOSCRIPT.search(text)
        return out if settled else _escaped(text)

    def _insert(self) -> bytes:
        self._inserted = True
        return self._page.block(self._has_base, self._lang)


def _escaped(data: bytes) -> bytes:
    return data.replace(b"<", b"&lt;")
