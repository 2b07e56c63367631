"""A start tag as raw bytes: its attributes read as browsers read them, and held back without re-serialising.

Holding an attribute back is an insertion: ``src=`` becomes ``data-consent-src=``; its value and every other byte of the
tag stay. Cutting the insertions out gives the original tag again, which is all that restoring has to do.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from html.entities import html5 as entities
from typing import NamedTuple

PREFIX = b"data-consent-"

# WHATWG HTML 13.2.5.32-40. A name may start with "=", a quoted value may hold ">", a missing value is empty.
_ATTRIBUTE = re.compile(
    rb"""[\t\n\f\r /]*([^\t\n\f\r />][^\t\n\f\r />=]*)"""
    rb"""(?:[\t\n\f\r ]*=[\t\n\f\r ]*("[^"]*"|'[^']*'|[^\t\n\f\r >"'][^\t\n\f\r >]*)?)?"""
)
_NAME = re.compile(rb"<[^\t\n\f\r />]+")
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*;?)(=?)")


class Attribute(NamedTuple):
    """One attribute of a raw tag.

    :ivar start: offset of the name in the tag
    :ivar raw: value as written, without quotes, character references not decoded
    """

    name: bytes
    start: int
    raw: bytes


class Tag:
    """A raw start tag, ``<`` to ``>``. Of repeated attributes the first counts, as in a browser."""

    __slots__ = ("_attributes", "name", "name_end", "raw")

    def __init__(self, raw: bytes) -> None:
        match = _NAME.match(raw)
        self.raw = raw
        self.name_end = match.end() if match else 1
        self.name = raw[1 : self.name_end].lower()
        self._attributes: list[Attribute] | None = None

    @property
    def attributes(self) -> list[Attribute]:
        if self._attributes is None:
            self._attributes = [
                Attribute(match[1].lower(), match.start(1), _unquoted(match[2]))
                for match in _ATTRIBUTE.finditer(self.raw, self.name_end, len(self.raw) - 1)
            ]
        return self._attributes

    def raw_value(self, name: bytes) -> bytes | None:
        return next((attribute.raw for attribute in self.attributes if attribute.name == name), None)

    def value(self, name: bytes) -> str | None:
        raw = self.raw_value(name)
        return None if raw is None else decode(raw)

    def held(self, ids: Iterable[str], names: frozenset[bytes], *, inert_type: bool = False) -> bytes:
        """The tag made inert: ``data-consent`` says what for, the named attributes are held back.

        :param inert_type: make it a script that no browser runs, keeping its own type aside
        """
        mark = b" " + held_mark(ids)
        if inert_type:
            names = names | {b"type"}
            mark += b' type="text/plain"'
        pieces, at = [self.raw[: self.name_end], mark], self.name_end
        for attribute in self.attributes:
            if attribute.name in names:
                pieces += (self.raw[at : attribute.start], PREFIX)
                at = attribute.start
        pieces.append(self.raw[at:])
        return b"".join(pieces)

    def adopted(self, ids: Iterable[str], renames: dict[bytes, bytes]) -> bytes:
        """A tag that another tool had made inert already, in our words: the named attributes are renamed."""
        pieces, at = [self.raw[: self.name_end], b" " + held_mark(ids)], self.name_end
        for attribute in self.attributes:
            if attribute.name in renames:
                pieces += (self.raw[at : attribute.start], renames[attribute.name])
                at = attribute.start + len(attribute.name)
        pieces.append(self.raw[at:])
        return b"".join(pieces)


def held_mark(ids: Iterable[str]) -> bytes:
    """The attribute that says what an element waits for."""
    return b'data-consent="' + html.escape(" ".join(ids)).encode() + b'"'


def decode(raw: bytes) -> str:
    """An attribute value as text, character references decoded."""
    text = raw.decode("utf-8", "replace")
    return html.unescape(_NAMED.sub(_marked, text)) if "&" in text else text


def values(raw: bytes) -> set[str]:
    """An attribute's value as text. Where decoding is in doubt, both readings."""
    return {decode(raw), raw.decode("latin-1")} if b"&" in raw else {decode(raw)}


def _marked(match: re.Match[str]) -> str:
    """In an attribute a name that goes on is no reference, nor one before ``=`` without ``;`` (HTML 13.2.5.73)."""
    name, equals = match.groups()
    is_reference = name in entities and not (equals and name[-1] != ";")
    return match[0] if is_reference else f"&amp;{name}{equals}"


def _unquoted(value: bytes | None) -> bytes:
    if value is None:
        return b""
    return value[1:-1] if value[:1] in (b'"', b"'") else value
