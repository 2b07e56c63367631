"""Request bodies without places, as they stream by: which scrubber reads a body, and the window for what is text.

A scrubber takes pieces and gives pieces; nothing depends on how a body is cut. What is not understood passes as it
came: the app's own parser is the judge of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from consent_mw.enforce.location.form import scrub_form
from consent_mw.enforce.location.json_text import scrub_json
from consent_mw.enforce.location.multipart import MultipartScrubber, boundary_of
from consent_mw.enforce.location.rules import LocationRules, Scrubbed
from consent_mw.enforce.location.text import scrub_text_body
from consent_mw.enforce.photos.base import SNIFFED
from consent_mw.enforce.photos.media import MediaScrubber, walker_for

WINDOW = 256 * 1024
"""Bytes of a text that are judged at once, where it can be cut."""
MAX_WINDOW = 4 * 1024 * 1024
"""Bytes that are held while a text offers no place to cut it. A list of positions may be this long; more is cut."""

_FORM = b"application/x-www-form-urlencoded"
_TEXT = re.compile(rb"(?i)text/|application/(?:[\w.+\-]*xml|graphql|[\w.+\-]*yaml|javascript)")
_JSON = re.compile(rb"(?i)(?:application|text)/(?:[\w.+\-]*\+)?(?:json|ndjson|jsonl|x-ndjson|json-seq|json5)\b")
_JSON_BEGINS = re.compile(rb"[\s\x1e\xef\xbb\xbf]*+[{\[]")
_BOUNDARY_LINE = re.compile(rb"--([^\r\n]{1,70})\r\n")


class BodyScrubber(Protocol):
    """Clears one body that comes in pieces. Never raises.

    :ivar removed: names of what was taken out so far
    :ivar broken: why a photo in it could not be cleared, or None
    :ivar filler: what a reader of this format skips at the end of it, so that a stated length can stay true
    """

    @property
    def filler(self) -> bytes: ...

    @property
    def removed(self) -> tuple[str, ...]: ...

    @property
    def broken(self) -> str | None: ...

    def feed(self, data: bytes) -> bytes: ...

    def close(self) -> bytes: ...


def scrubber_for(
    content_type: bytes, rules: LocationRules, *, fields: bool = True, photo_field: str = ""
) -> BodyScrubber:
    """The scrubber for a body of a declared type; where the type says too little, its first bytes are asked.

    :param fields: whether anything but photos is judged
    :param photo_field: the form field by which one upload keeps the places in its photos; empty for none
    """
    kind = content_type.partition(b";")[0].strip().lower()
    judged = rules if fields else rules.photos_only
    if kind.startswith(b"multipart/") and (boundary := boundary_of(content_type)) is not None:
        return MultipartScrubber(boundary, rules, fields=fields, photo_field=photo_field)
    if kind == _FORM:
        return WindowScrubber(lambda window: scrub_form(window, judged), _after_pair, b"&")
    if _JSON.match(kind):
        return _json_scrubber(judged)
    if kind.startswith(b"multipart/"):
        return SniffingScrubber(lambda head: _unbounded(head, rules, fields=fields))
    return SniffingScrubber(lambda head: _sniffed(head, kind, judged))


def _json_scrubber(rules: LocationRules) -> BodyScrubber:
    return WindowScrubber(lambda window: scrub_json(window, rules), _after_object, b" ")


def _sniffed(head: bytes, kind: bytes, rules: LocationRules) -> BodyScrubber | None:
    if walker_for(head) is not None:
        return MediaScrubber()
    if _JSON_BEGINS.match(head) and b"graphql" not in kind:
        return _json_scrubber(rules)
    if _TEXT.match(kind):
        return WindowScrubber(lambda window: scrub_text_body(window, rules), _after_line, b" ")
    return None


def _unbounded(head: bytes, rules: LocationRules, *, fields: bool) -> BodyScrubber | None:
    """A multipart body whose header forgot the boundary begins with it all the same."""
    line = _BOUNDARY_LINE.match(head)
    return MultipartScrubber(line[1], rules, fields=fields) if line is not None else None


class SniffingScrubber:
    """Waits for the first bytes, then lets the scrubber that fits them do the work.

    :param choose: from the first bytes to the scrubber; None lets the body pass
    """

    def __init__(self, choose: Callable[[bytes], BodyScrubber | None]) -> None:
        self._choose = choose
        self._head = b""
        self._chosen: BodyScrubber | None = None
        self._waits = True

    @property
    def filler(self) -> bytes:
        return self._chosen.filler if self._chosen is not None else b""

    @property
    def removed(self) -> tuple[str, ...]:
        return self._chosen.removed if self._chosen is not None else ()

    @property
    def broken(self) -> str | None:
        return self._chosen.broken if self._chosen is not None else None

    def feed(self, data: bytes) -> bytes:
        if self._waits:
            self._head += data
            if len(self._head) < SNIFFED:
                return b""
            data = self._begin()
        return self._passed(data)

    def close(self) -> bytes:
        ready = self._passed(self._begin()) if self._waits else b""
        return ready + (self._chosen.close() if self._chosen is not None else b"")

    def _begin(self) -> bytes:
        self._waits = False
        self._chosen = self._choose(self._head)
        return self._head

    def _passed(self, data: bytes) -> bytes:
        return self._chosen.feed(data) if self._chosen is not None else data


class WindowScrubber:
    """Text, judged a window at a time, cut where nothing that belongs together is cut.

    :param scrub: judges one window
    :param cut: from a window to how much of it can be judged; 0 asks for more
    """

    broken = None

    def __init__(self, scrub: Callable[[bytes], Scrubbed], cut: Callable[[bytearray], int], filler: bytes) -> None:
        self.filler = filler
        self._scrub = scrub
        self._cut = cut
        self._held = bytearray()
        self._next_look = WINDOW
        self._removed: dict[str, None] = {}

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(self._removed)

    def feed(self, data: bytes) -> bytes:
        self._held += data
        if len(self._held) < self._next_look:
            return b""
        end = self._cut(self._held)
        if end == 0 and len(self._held) < MAX_WINDOW:
            self._next_look = len(self._held) + WINDOW
            return b""
        self._next_look = WINDOW
        return self._judge(end or len(self._held))

    def close(self) -> bytes:
        return self._judge(len(self._held))

    def _judge(self, end: int) -> bytes:
        window = bytes(self._held[:end])
        del self._held[:end]
        result, removed = self._scrub(window)
        self._removed.update(dict.fromkeys(removed))
        return result


def _after_pair(held: bytearray) -> int:
    return held.rfind(b"&") + 1


def _after_line(held: bytearray) -> int:
    return held.rfind(b"\n") + 1


_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_OBJECT_END = re.compile(rb"\}(?=\s*+(?:,|\{))")


def _after_object(held: bytearray) -> int:
    """Behind the last object that is surely over: a brace outside of every string, with more to come.

    The comma behind it starts the next window, so that a member that is taken out there can take it along.
    """
    for end in reversed([match.end() for match in _OBJECT_END.finditer(held)][-64:]):
        before = bytes(held[:end])
        if b"\\" in before:
            before = _ESCAPED.sub(b"", before)
        if before.count(b'"') % 2 == 0:
            return end
    return 0
