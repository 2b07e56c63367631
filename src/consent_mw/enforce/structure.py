"""Where the head and the body of a page begin, and what of ours stands there."""

from __future__ import annotations

from consent_mw.enforce.opening import Opening
from consent_mw.enforce.page import Page
from consent_mw.enforce.tags import Tag


class Structure:
    """What is known so far of one page, or of a document within one.

    :ivar has_begun: whether our block stands in the body, or has no place in this document
    """

    def __init__(self, page: Page, *, is_inner: bool) -> None:
        """:param is_inner: it is a document within another; nothing is inserted"""
        self._page = page
        self._opening = None if is_inner else Opening()  # while that may hold a doctype
        self._is_document = False
        self._has_head = self.has_begun = is_inner
        self._lang = ""
        self.has_base = False

    @property
    def awaits_head(self) -> bool:
        return self._is_document and not self._has_head

    def opens(self, data: bytes) -> None:
        """Look at the first bytes of the page."""
        if self._opening is not None:
            self._is_document = self._opening.has_doctype(data)
            self._opening = self._opening if self._opening.may_go_on else None

    def before(self, tag: Tag) -> bytes:
        """Without a ``<head>`` tag, what goes there stands in front of the first tag that could run or load."""
        return b"" if tag.name in (b"html", b"head") else self._head()

    def after(self, tag: Tag) -> bytes:
        if tag.name == b"html":
            self._is_document = True
            self._lang = tag.value(b"lang") or ""
        elif tag.name == b"head":
            return self._head()
        elif tag.name == b"body":
            return self._block()
        elif tag.name == b"frameset":
            self.has_begun = True  # such a page has no body to show anything in
        return b""

    def at_end(self) -> bytes:
        return self._block() if self._is_document else b""

    def _head(self) -> bytes:
        if not self.awaits_head:
            return b""
        self._has_head = True
        return self._page.head

    def _block(self) -> bytes:
        if self.has_begun:
            return b""
        self.has_begun = True
        return self._page.block(self.has_base, self._lang)
