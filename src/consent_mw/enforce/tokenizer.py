"""The seam to lol-html: it says where a start tag begins and hands its raw bytes over; it never writes a tag itself.

So what is not held back keeps every byte, in any ASCII-compatible encoding. The engine's hazards, all contained here:
an element must not be kept after its callback; a handler must not raise; there is no cap on a token's size.
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import Any

import lolhtml

MAX_HELD_BYTES = 4 * 1024 * 1024
"""The largest tag, or text of one element, that is judged. A bigger one is denied: memory stays bounded."""

# Every tag but these is announced: so an element that nobody here has heard of is looked at, and the engine passes most
# tags of a page by after a few comparisons. A harmless element that is rare need not be here; each name costs something
# on every page. By name only: for a selector with attributes the engine would have to read those of every tag.
_HARMLESS = ",".join(
    "p div span li a br td tr h2 h3 strong em i b ul button label path option section article h1 h4 th g rect title "
    "picture nav header footer dt dd".split()
)
_LOADING_BY_ATTRIBUTE = "a[ping],a[attributionsrc],tr[background],th[background],td[background]"
_PICTURE = "img"  # the most frequent that is announced: so it has a handler that need not ask for its name
_ANNOUNCED = f"*:not({_HARMLESS},{_PICTURE}),{_LOADING_BY_ATTRIBUTE}"
_STRUCTURE = ("html", "head", "body", "base", "frameset")
# A browser makes <svg> in MathML an element of MathML, and <math> in SVG one of SVG; what follows MathML's <mglyph> it
# reads as MathML. The engine does not, and takes text for markup, and markup for text, from then on.
_PLACES = frozenset({"svg", "math", "foreignobject", "mglyph", "malignmark"})
_MISPLACED = frozenset({("svg", "math"), ("math", "svg"), ("math", "mglyph"), ("math", "malignmark")})
# Tags that another tool made inert, to be released by our script once they are granted.
_MARKED = ",".join(
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


class Mark(bytes):
    """What the next piece of a page is. It has no bytes, so pieces are counted and joined without a look for marks."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


TAG = Mark()
"""A start tag."""
STRUCTURE = Mark()
"""The same, of an element that says where the parts of the page begin, or what its addresses mean."""
FOREIGN_TAG = Mark()
"""A start tag in SVG or MathML, where nothing of ours may stand: it would end them."""
TAG_WITH_TEXT = Mark()
"""The start tag of an element whose text is judged."""
FOREIGN_TAG_WITH_TEXT = Mark()
"""The same in SVG or MathML, where it may also end itself."""
TAG_WITH_PLAIN_TEXT = Mark()
"""The start tag of an element in whose text nothing is markup."""
END_OF_TEXT = Mark()
"""Nothing: the text of such an element is over."""
UNSURE = Mark()
"""A start tag from which on nobody can tell text from markup."""


# Most of these end SVG and MathML. The rest is no part of them; but after a <svg/> the engine believes to be in there.
_ALWAYS_HTML = dict.fromkeys(_STRUCTURE, STRUCTURE) | dict.fromkeys("embed meta table blockquote".split(), TAG)
_TEXTS = dict.fromkeys(("script", "style", "noscript"), TAG_WITH_TEXT) | dict.fromkeys(
    ("iframe", "textarea"), TAG_WITH_PLAIN_TEXT
)
_FOREIGN_TEXTS = dict.fromkeys(("script", "style"), FOREIGN_TAG_WITH_TEXT)


class Unsure(Exception):
    """What follows may be text or markup: see :data:`UNSURE` and :attr:`Tokenizer.is_lost`."""


class Tokenizer:
    """Splits a page into raw bytes and, in front of each start tag we asked for, a mark that announces it.

    lol-html hands every piece to its sink in order, a matched start tag in a piece of its own right after the
    callback. So sink and callback write into one list, and nothing is re-serialised.
    """

    def __init__(self, everything_granted: bool) -> None:
        self._pieces: list[Any] = []  # of bytes, and names of places; the engine's stub asks for a sink that takes more
        self._places: list[str] = []  # that are open, the innermost last
        self.is_lost = False
        """After a ``<svg/>``, or a place in another, the engine may read ``<![CDATA[`` as if it were still in there."""
        self._waiting: deque[bytes] = deque()
        self._kept_bytes = 0  # in _waiting, the oldest chunk may be out in part
        self._waiting_bytes = 0
        self._rewriter = lolhtml.HTMLRewriter(self._pieces.append)
        self._announce = _Announce(self._pieces)
        if everything_granted:
            self._rewriter.on(",".join(_STRUCTURE), _AnnounceAs(STRUCTURE, self._pieces))
            self._rewriter.on(_MARKED, _AnnounceAs(TAG, self._pieces))
        else:
            self._rewriter.on(_PICTURE, _AnnounceAs(TAG, self._pieces))
            self._rewriter.on(_ANNOUNCED, self._announce)

    @property
    def pending_bytes(self) -> int:
        return self._waiting_bytes

    @property
    def pending(self) -> bytes:
        """What was fed and has not come out: an incomplete tag, or after a failure the rest."""
        return b"".join(self._waiting)[-self._waiting_bytes :] if self._waiting_bytes else b""

    def feed(self, data: bytes) -> list[bytes]:
        """:raises MemoryError: when a single tag grows beyond :data:`MAX_HELD_BYTES`"""
        self._waiting.append(data)
        self._kept_bytes += len(data)
        self._waiting_bytes += len(data)
        self._rewriter.write(data)
        pieces = self._taken()
        if self._waiting_bytes > MAX_HELD_BYTES:
            raise MemoryError("a tag is larger than what is judged")
        return pieces

    def close(self) -> list[bytes]:
        self._rewriter.end()
        return self._taken()

    def would_see_a_tag(self) -> bool:
        """Whether what was fed left nothing open that a following tag would belong to: a quote, a comment, a style.

        Asks by feeding one, so it is the last thing to ask.
        """
        return self.feed(_PROBE) == [STRUCTURE, _PROBE]

    def _taken(self) -> list[bytes]:
        taken = self._pieces.copy() if self._announce.awaited == 0 else self._without_ends()
        self._pieces.clear()
        self._waiting_bytes -= sum(map(len, taken))
        while self._waiting and self._kept_bytes - len(self._waiting[0]) >= self._waiting_bytes:
            self._kept_bytes -= len(self._waiting.popleft())
        return taken

    def _without_ends(self) -> list[bytes]:
        """The pieces, with marks for what we had the engine write where elements end."""
        taken: list[bytes] = []
        start = -1  # where the start tag of a place stands
        for piece in self._pieces:
            if isinstance(piece, Mark):
                taken.append(piece)
            elif piece == _END_OF_TEXT_BYTES:
                taken.append(END_OF_TEXT)
                self._announce.awaited -= 1
            elif piece == _END_OF_PLACE_BYTES:
                del self._places[-1:]
                self.is_lost = self.is_lost or len(taken) == start + 1
                self._announce.awaited -= 1
            elif isinstance(piece, str):
                start = len(taken)
                if self._is_misplaced(piece):
                    taken.append(UNSURE)
            else:
                taken.append(piece)
        return taken

    def _is_misplaced(self, place: str) -> bool:
        """Go into a place. What is not closed in order only makes it look as if we were in there for longer."""
        around = self._places[-1] if self._places else ""
        self.is_lost = self.is_lost or (around != "" and place != "foreignobject")
        # Elsewhere a foreignObject is no place where HTML begins again; its end takes away what it added.
        self._places.append(around if place == "foreignobject" and around != "svg" else place)
        return (around, place) in _MISPLACED


class _Announce:
    """:ivar awaited: how many ends of elements the engine was asked to mark and has not come to"""

    def __init__(self, pieces: list[Any]) -> None:
        self._append = pieces.append
        self.awaited = 0

    def element(self, element: lolhtml.Element) -> None:
        name = element.tag_name
        mark = _ALWAYS_HTML.get(name)
        self._append(self._mark(element, name) if mark is None else mark)

    def _mark(self, element: lolhtml.Element, name: str) -> Mark | str:
        if name in _PLACES:
            self.awaited += 1
            element.after(_END_OF_PLACE, lolhtml.ContentType.HTML)
            return name
        is_html = element.namespace_uri == _XHTML
        with_text = (_TEXTS if is_html else _FOREIGN_TEXTS).get(name)
        if with_text is None or (is_html and name == "script" and element.has_attribute("src")):
            return TAG if is_html else FOREIGN_TAG
        self.awaited += 1
        element.append(_END_OF_TEXT, lolhtml.ContentType.HTML)
        return with_text


class _AnnounceAs:
    def __init__(self, mark: Mark, pieces: list[Any]) -> None:
        self._mark = mark
        self._append = pieces.append

    def element(self, element: lolhtml.Element) -> None:
        self._append(self._mark)
