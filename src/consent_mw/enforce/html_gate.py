"""The streaming HTML gate: a page's bytes in, the same bytes out but for what is held back and what we insert.

The tokenizer is lol-html behind the small :class:`_Tokenizer`: it only says where a start tag begins, and hands its raw
bytes over; it never writes a tag itself, so what is not held back keeps every byte, in any ASCII-compatible encoding.

Its hazards, all contained here: an element must not be kept after its callback; a handler must not raise; there is no
cap on a token's size. On any failure the rest of the page goes out with ``<`` escaped: readable, and nothing loads.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import lolhtml

from consent_mw.enforce.references import FETCHING, MARKABLE, Judge
from consent_mw.enforce.tags import PREFIX, Tag

MAX_HELD_BYTES = 4 * 1024 * 1024
"""The largest tag, or inline script, that is judged. A bigger one is denied: memory stays bounded."""

OPEN, CLOSE = b"<!--consent-->", b"<!--/consent-->"

# By tag name only: a selector that any tag could match would make the engine read every tag's attributes.
_STRUCTURE = "html,body,base,frameset"
_FETCHING = ",".join(
    "script[src] img iframe frame link source video audio embed object track input[src] image use feimage "
    "a[ping] area[ping] table[background] td[background] th[background]".split()
)
_INLINE = "script:not([src])"
# Tags that another tool made inert, to be released by our script once they are granted.
_FOREIGN = ",".join(
    f"{tag}[{mark}]"
    for tag in ("script", "img", "iframe", "embed", "video", "audio", "source", "object", "link")
    for mark in ("data-category", "data-name", "data-cookieconsent")
)

# Sentinels: what the next piece is.
_TAG, _DOCTYPE, _INLINE_TAG, _FOREIGN_INLINE_TAG = object(), object(), object(), object()
_XHTML = "http://www.w3.org/1999/xhtml"
_END_OF_SCRIPT = f"<!--{secrets.token_hex(16)}-->"
_END_OF_SCRIPT_BYTES = _END_OF_SCRIPT.encode()
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


class HtmlGate:
    """Feed it a page in any chunks; the output does not depend on where they were cut."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._tokenizer: _Tokenizer | None = _Tokenizer(page.everything_granted)
        self._has_base = False
        self._lang = ""
        self._is_document = False
        self._inserted = False
        self._expect: object | None = None
        self._script: list[bytes] | None = None
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
        if self._script is not None:  # the page ended inside a script
            out += self._end_script()
        if self._is_document and not self._inserted:
            out += self._insert()
        return out

    def _fail(self) -> bytes:
        self.failed = True
        rest = self._tokenizer.pending if self._tokenizer is not None else b""
        self._tokenizer = None
        held = b"".join(self._script or ())
        return _escaped(held + rest)

    def _emit(self, pieces: list[object]) -> bytes:
        out: list[bytes] = []
        for piece in pieces:
            if not isinstance(piece, bytes):
                self._announce(piece)
            elif self._script is not None:
                if piece == _END_OF_SCRIPT_BYTES:
                    out.append(self._end_script())
                else:
                    self._script.append(piece)
            else:
                expected, self._expect = self._expect, None
                out.append(piece if expected is None else self._start(expected, piece))
        if self._script is not None and sum(map(len, self._script)) > MAX_HELD_BYTES:
            out.append(self._end_script(too_large=True))
        return b"".join(out)

    def _announce(self, sentinel: object) -> None:
        # An inline script may be announced twice, as a marked element too; the inline reading is the stricter one.
        if self._expect not in (_INLINE_TAG, _FOREIGN_INLINE_TAG):
            self._expect = sentinel

    def _start(self, expected: object, piece: bytes) -> bytes:
        if expected is _DOCTYPE:
            self._is_document = True
            return piece
        remembered = self._page.memo.get(piece) if expected is _TAG else None
        if remembered is not None:
            return remembered
        # <script/> ends itself in SVG and MathML only; there it has no text to wait for
        if expected is _INLINE_TAG or (expected is _FOREIGN_INLINE_TAG and not piece.endswith(b"/>")):
            self._script = [piece]
            return b""
        return self._tag(Tag(piece))

    def _tag(self, tag: Tag) -> bytes:
        name = tag.name
        if name == b"html":
            self._is_document = True
            self._lang = tag.value(b"lang") or ""
            return tag.raw
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

    def _end_script(self, *, too_large: bool = False) -> bytes:
        pieces, self._script = self._script or [b""], None
        tag, body = Tag(pieces[0]), b"".join(pieces[1:])
        kind = (tag.value(b"type") or "").lower()
        if any(word in kind for word in _NOT_JAVASCRIPT):
            adopted = self._adopt(tag)
            return (adopted if adopted is not None else self._hold(tag)) + body
        ids = self._page.judge.all_optional() if too_large else self._page.judge.inline(body)
        return self._hold(tag, ids) + body

    def _insert(self) -> bytes:
        self._inserted = True
        return self._page.block(self._has_base, self._lang)


class _Tokenizer:
    """Splits a page into raw bytes and, in front of each start tag we asked for, a sentinel that announces it.

    lol-html hands every piece to its sink in order, a matched start tag in a piece of its own right after the
    callback. So sink and callback write into one list, and nothing is re-serialised.
    """

    def __init__(self, everything_granted: bool) -> None:
        self._pieces: list[object] = []
        self._waiting: deque[bytes] = deque()
        self._kept_bytes = 0  # in _waiting, the oldest chunk may be out in part
        self._waiting_bytes = 0
        self._rewriter = lolhtml.HTMLRewriter(self._pieces.append)
        self._rewriter.on_document(_Document(self._pieces))
        if everything_granted:
            self._rewriter.on(f"{_STRUCTURE},{_FOREIGN}", _Announce(self._pieces))
        else:
            self._rewriter.on(f"{_STRUCTURE},{_FETCHING}", _Announce(self._pieces))
            self._rewriter.on(_INLINE, _AnnounceInline(self._pieces))

    @property
    def pending(self) -> bytes:
        """What was fed and has not come out: an incomplete tag, or after a failure the rest."""
        return b"".join(self._waiting)[-self._waiting_bytes :] if self._waiting_bytes else b""

    def feed(self, data: bytes) -> list[object]:
        """:raises MemoryError: when a single tag grows beyond :data:`MAX_HELD_BYTES`"""
        self._waiting.append(data)
        self._kept_bytes += len(data)
        self._waiting_bytes += len(data)
        self._rewriter.write(data)
        pieces = self._taken()
        if self._waiting_bytes > MAX_HELD_BYTES:
            raise MemoryError("a tag is larger than what is judged")
        return pieces

    def close(self) -> list[object]:
        self._rewriter.end()
        return self._taken()

    def _taken(self) -> list[object]:
        pieces = self._pieces.copy()
        self._pieces.clear()
        for piece in pieces:
            if isinstance(piece, bytes) and piece != _END_OF_SCRIPT_BYTES:
                self._waiting_bytes -= len(piece)
        while self._waiting and self._kept_bytes - len(self._waiting[0]) >= self._waiting_bytes:
            self._kept_bytes -= len(self._waiting.popleft())
        return pieces


class _Announce:
    def __init__(self, pieces: list[object]) -> None:
        self._append = pieces.append

    def element(self, element: lolhtml.Element) -> None:
        self._append(_TAG)


class _AnnounceInline:
    def __init__(self, pieces: list[object]) -> None:
        self._append = pieces.append

    def element(self, element: lolhtml.Element) -> None:
        foreign = element.namespace_uri != _XHTML
        element.append(_END_OF_SCRIPT, lolhtml.ContentType.HTML)
        self._append(_FOREIGN_INLINE_TAG if foreign else _INLINE_TAG)


class _Document:
    def __init__(self, pieces: list[object]) -> None:
        self._append = pieces.append

    def doctype(self, doctype: lolhtml.Doctype) -> None:
        self._append(_DOCTYPE)


def _escaped(data: bytes) -> bytes:
    return data.replace(b"<", b"&lt;")
