"""The text of an element that is judged as a whole: a script, a style sheet, ``<noscript>``."""

from __future__ import annotations

import html
import re

from consent_mw.enforce.tags import Tag
from consent_mw.enforce.tokenizer import MAX_HELD_BYTES

_FOREIGN_NOISE = re.compile(r"<!--.*?-->|<!\[CDATA\[|\]\]>", re.DOTALL)
_TAG = re.compile(rb"<[a-zA-Z]")


class ElementText:
    """A start tag and the text of its element so far.

    :ivar foreign: it is an element of SVG or MathML
    """

    def __init__(self, tag: bytes, *, foreign: bool) -> None:
        self.tag = Tag(tag)
        self.foreign = foreign
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

    @property
    def has_markup(self) -> bool:
        """Whether other elements stand in it, which only SVG and MathML allow."""
        return self.foreign and _TAG.search(self.text) is not None

    @property
    def readings(self) -> set[str]:
        """In SVG and MathML the text is read as markup first: character references, CDATA, comments."""
        text = self.text.decode("utf-8", "replace")
        return {text, html.unescape(_FOREIGN_NOISE.sub("", text))} if self.foreign else {text}
