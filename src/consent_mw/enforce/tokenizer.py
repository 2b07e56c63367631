"""The seam to lol-html: it says where a start tag begins and hands its raw bytes over; it never writes a tag itself.

So what is not held back keeps every byte, in any ASCII-compatible encoding. The engine's hazards, all contained here:
an element must not be kept after its callback; a handler must not raise; there is no cap on a token's size.
"""

from __future__ import annotations

import secrets
from collections import deque
from enum import Enum
from typing import Any

import lolhtml

MAX_HELD_BYTES = 4 * 1024 * 1024
"""The largest tag, or text of one element, that is judged. A bigger one is denied: memory stays bounded."""

# By tag name only: a selector that any tag could match would make the engine read every tag's attributes.
_STRUCTURE = "html,head,body,base,frameset"
# In SVG and MathML these are what they are in HTML: they end it.
_FETCHING = ",".join("img embed meta[http-equiv] table[background] blockquote[class]".split())
_FETCHING_ANYWHERE = ",".join(
    "script[src] frame link source video audio object track input[src] image use feimage animate set "
    "a[ping] a[attributionsrc] area[ping] area[attributionsrc] "
    "thead[background] tbody[background] tfoot[background] tr[background] td[background] th[background]".split()
)
# A browser makes <svg> in MathML an element of MathML, and <math> in SVG one of SVG; what follows MathML's <mglyph> it
# reads as MathML. The engine does not, and takes text for markup, and markup for text, from then on.
_PLACES = "svg,math,foreignobject,mglyph,malignmark"
_MISPLACED = frozenset({("svg", "math"), ("math", "svg"), ("math", "mglyph"), ("math", "malignmark")})
_JUDGED_TEXT = "script:not([src]),style,noscript"
_PLAIN_TEXT = "iframe,textarea"
# Tags that another tool made inert, to be released by our script once they are granted.
_FOREIGN = ",".join(
    f"{tag}[{mark}]"
    for tag in ("script", "img", "iframe", "embed", "video", "audio", "source", "object", "link")
    for mark in ("data-category", "data-name", "data-cookieconsent")
)
_XHTML = "http://www.w3.org/1999/xhtml"
_END_OF_TEXT = f"<!--{secrets.token_hex(16)}-->"
_END_OF_TEXT_BYTES = _END_OF_TEXT.encode()
_END_OF_PLACE = f"<!--{secrets.token_hex(16)}-->"
_END_OF_PLACE_BYTES = _END_OF_PLACE.encode()
_PROBE = b"<frameset>"


class Mark(Enum):
    """What the next piece of a page is."""

    TAG = "a start tag"
    FOREIGN_TAG = "a start tag in SVG or MathML, where nothing of ours may stand: it would end them"
    TAG_WITH_TEXT = "the start tag of an element whose text is judged"
    FOREIGN_TAG_WITH_TEXT = "the same in SVG or MathML, where it may also end itself"
    TAG_WITH_PLAIN_TEXT = "the start tag of an element in whose text nothing is markup"
    END_OF_TEXT = "nothing: the text of such an element is over"
    UNSURE = "a start tag from which on nobody can tell text from markup"


Piece = bytes | Mark


class Unsure(Exception):
    """What follows may be text or markup: see :attr:`Mark.UNSURE` and :attr:`Tokenizer.is_lost`."""


class Tokenizer:
    """Splits a page into raw bytes and, in front of each start tag we asked for, a mark that announces it.

    lol-html hands every piece to its sink in order, a matched start tag in a piece of its own right after the
    callback. So sink and callback write into one list, and nothing is re-serialised.
    """

    def __init__(self, everything_granted: bool) -> None:
        self._pieces: list[Any] = []  # of Piece, and names of places; the engine's stub asks for a sink that takes more
        self._places: list[str] = []  # that are open, the innermost last
        self.is_lost = False
        """After a ``<svg/>``, or a place in another, the engine may read ``<![CDATA[`` as if it were still in there."""
        self._waiting: deque[bytes] = deque()
        self._kept_bytes = 0  # in _waiting, the oldest chunk may be out in part
        self._waiting_bytes = 0
        self._rewriter = lolhtml.HTMLRewriter(self._pieces.append)
        if everything_granted:
            self._rewriter.on(f"{_STRUCTURE},{_FOREIGN}", _Announce(self._pieces))
        else:
            self._rewriter.on(f"{_STRUCTURE},{_FETCHING}", _Announce(self._pieces))
            self._rewriter.on(_FETCHING_ANYWHERE, _AnnounceAnywhere(self._pieces))
            self._rewriter.on(_PLACES, _AnnouncePlace(self._pieces))
            self._rewriter.on(_JUDGED_TEXT, _AnnounceWithText(self._pieces, Mark.TAG_WITH_TEXT))
            self._rewriter.on(_PLAIN_TEXT, _AnnounceWithText(self._pieces, Mark.TAG_WITH_PLAIN_TEXT))

    @property
    def pending_bytes(self) -> int:
        return self._waiting_bytes

    @property
    def pending(self) -> bytes:
        """What was fed and has not come out: an incomplete tag, or after a failure the rest."""
        return b"".join(self._waiting)[-self._waiting_bytes :] if self._waiting_bytes else b""

    def feed(self, data: bytes) -> list[Piece]:
        """:raises MemoryError: when a single tag grows beyond :data:`MAX_HELD_BYTES`"""
        self._waiting.append(data)
        self._kept_bytes += len(data)
        self._waiting_bytes += len(data)
        self._rewriter.write(data)
        pieces = self._taken()
        if self._waiting_bytes > MAX_HELD_BYTES:
            raise MemoryError("a tag is larger than what is judged")
        return pieces

    def close(self) -> list[Piece]:
        self._rewriter.end()
        return self._taken()

    def would_see_a_tag(self) -> bool:
        """Whether what was fed left nothing open that a following tag would belong to: a quote, a comment, a style.

        Asks by feeding one, so it is the last thing to ask.
        """
        return self.feed(_PROBE) == [Mark.TAG, _PROBE]

    def _taken(self) -> list[Piece]:
        taken: list[Piece] = []
        start = -1  # where the start tag of a place stands
        for piece in self._pieces:
            if isinstance(piece, str):
                start = len(taken)
                if self._is_misplaced(piece):
                    taken.append(Mark.UNSURE)
            elif piece == _END_OF_TEXT_BYTES:
                taken.append(Mark.END_OF_TEXT)
            elif piece == _END_OF_PLACE_BYTES:
                del self._places[-1:]
                self.is_lost = self.is_lost or len(taken) == start + 1
            else:
                taken.append(piece)
                if isinstance(piece, bytes):
                    self._waiting_bytes -= len(piece)
        self._pieces.clear()
        while self._waiting and self._kept_bytes - len(self._waiting[0]) >= self._waiting_bytes:
            self._kept_bytes -= len(self._waiting.popleft())
        return taken

    def _is_misplaced(self, place: str) -> bool:
        """Go into a place. What is not closed in order only makes it look as if we were in there for longer."""
        around = self._places[-1] if self._places else ""
        self.is_lost = self.is_lost or (around != "" and place != "foreignobject")
        # Elsewhere a foreignObject is no place where HTML begins again; its end takes away what it added.
        self._places.append(around if place == "foreignobject" and around != "svg" else place)
        return (around, place) in _MISPLACED


class _Announce:
    def __init__(self, pieces: list[Piece]) -> None:
        self._append = pieces.append

    def element(self, element: lolhtml.Element) -> None:
        self._append(Mark.TAG)


class _AnnounceAnywhere:
    def __init__(self, pieces: list[Piece]) -> None:
        self._append = pieces.append

    def element(self, element: lolhtml.Element) -> None:
        self._append(Mark.TAG if element.namespace_uri == _XHTML else Mark.FOREIGN_TAG)


class _AnnouncePlace:
    def __init__(self, pieces: list[Any]) -> None:
        self._append = pieces.append

    def element(self, element: lolhtml.Element) -> None:
        element.after(_END_OF_PLACE, lolhtml.ContentType.HTML)
        self._append(element.tag_name)


class _AnnounceWithText:
    def __init__(self, pieces: list[Piece], mark: Mark) -> None:
        self._append = pieces.append
        self._mark = mark

    def element(self, element: lolhtml.Element) -> None:
        mark = self._mark
        if element.namespace_uri != _XHTML:  # text is nothing special there, but for scripts and style sheets
            mark = Mark.FOREIGN_TAG_WITH_TEXT if element.tag_name in ("script", "style") else Mark.FOREIGN_TAG
        if mark is not Mark.FOREIGN_TAG:
            element.append(_END_OF_TEXT, lolhtml.ContentType.HTML)
        self._append(mark)
