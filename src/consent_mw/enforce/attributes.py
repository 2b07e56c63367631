"""Attributes that any element may have: ``style``, event handlers, ``javascript:`` addresses, SVG's ``fill`` and kin.

To make the engine look at the attributes of every tag would halve its speed, and hardly any tag is concerned. So the
bytes between announced tags are searched for the few strings without which nothing can happen, at several gigabytes
a second, and only what is found is read as an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from consent_mw.enforce.tokenizer import MAX_HELD_BYTES

# In a folded text letters are lower case, and whatever may stand in front of an attribute's name is a space.
_SEPARATORS = b"\t\n\f\r /\"'"
_FOLD = bytes(0x20 if n in _SEPARATORS else n + 0x20 if 0x41 <= n <= 0x5A else n for n in range(256))
_OTHER = rb"(?:xlink:|form)?href|(?:form)?action|filter|mask|clip-path|fill|stroke|marker(?:-[a-z]+)?|cursor"
_ANCHORS = tuple(map(re.compile, (rb" style *=", rb" on[a-z]+ *=")))
_NEEDLES = tuple(map(re.compile, (rb"url\(", rb"script:")))  # without these the others are harmless
_OTHERS = re.compile(rb" (?:" + _OTHER + rb") *=")
# A chunk must not end within such a name, or within the short value of an attribute of the last kind.
_NAMES = "style xlink:href href formaction action filter mask clip-path fill stroke marker-start cursor".split()
_BEGUN = "|".join(sorted({name[:length] for name in _NAMES for length in range(1, len(name) + 1)}, key=len)).encode()
_TAIL = re.compile(rb" (?:(?:" + _BEGUN + rb"|on?[a-z]*) *|(?:" + _OTHER + rb") *=[^=>]{0,200})\Z")
_TAIL_BYTES = 280
_CONTEXT_BYTES = 256
_VALUE = re.compile(rb"""[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r "'>][^\t\n\f\r >]*)(?=[\t\n\f\r >])|(?=>))""")
_OPEN = re.compile(rb"""[\t\n\f\r ]*=[\t\n\f\r ]*(["']?)""")
_ENDS = {b'"': re.compile(rb'"'), b"'": re.compile(rb"'"), b"": re.compile(rb"[\t\n\f\r >]")}

Hold = Callable[[bytes, bytes], bytes]
"""Given an attribute's name and value as written, what is put in front of the name; empty when it may stay."""


def tail_bytes(data: bytes) -> int:
    """How many bytes at the end of a chunk must wait for the next one."""
    tail = data[-_TAIL_BYTES:].translate(_FOLD)
    match = _TAIL.search(tail)
    if match is None or _is_prose(data, len(data) - len(tail) + match.start()):
        return 0
    return len(tail) - match.start()


def is_suspicious(data: bytes) -> bool:
    """Whether anything in here could be an attribute that matters."""
    folded = data.translate(_FOLD)
    return any(pattern.search(folded) for pattern in (*_ANCHORS, *_NEEDLES))


class AttributeScan:
    """Looks through the text and the unannounced tags of a page, in pieces that do not split a name."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._before = b">"  # what has gone before, as far as it matters
        self._waiting: list[bytes] = []  # from a name on, whose value is not over
        self._waiting_bytes = 0
        self._end: re.Pattern[bytes] | None = None

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def passed(self, data: bytes) -> None:
        """Something went out without a look."""
        self._before = (self._before + data)[-_CONTEXT_BYTES:]

    def feed(self, text: bytes) -> bytes:
        """:raises MemoryError: for a value larger than what is judged"""
        if self._waiting:
            self._waiting.append(text)
            self._waiting_bytes += len(text)
            if self._waiting_bytes > MAX_HELD_BYTES:
                raise MemoryError("an attribute is larger than what is judged")
            if self._end is not None and not self._end.search(text):
                return b""
            text = b"".join(self._waiting)
            self._waiting.clear()
        return self._scanned(text)

    def flush(self) -> bytes:
        """What waits, when the tokenizer says that its tag is over or the page ends."""
        rest = b"".join(self._waiting)
        self._waiting.clear()
        self.passed(rest)
        return rest

    def _scanned(self, text: bytes) -> bytes:
        window = self._before + text
        folded = window.translate(_FOLD)
        done = len(self._before)
        out: list[bytes] = []
        for start in self._names(folded, done - 1):
            if start < done:
                continue  # within the value of the one before
            name_end = folded.index(b"=", start)
            name = folded[start:name_end].rstrip()
            match = _VALUE.match(window, start + len(name))
            if match is None:
                out.append(window[done:start])
                self._wait(window, start, len(name))
                return b"".join(out)
            if _is_prose(window, start):
                continue
            value = match[1] or match[2] or match[3] or b""
            out += (window[done:start], self._hold(name, value))
            out.append(window[start : match.end()])
            done = match.end()
        out.append(window[done:])
        self._before = window[-_CONTEXT_BYTES:]
        return b"".join(out)

    def _names(self, folded: bytes, at: int) -> list[int]:
        """Where names start, from left to right."""
        patterns = list(_ANCHORS)
        if any(needle.search(folded, at) for needle in _NEEDLES):
            patterns.append(_OTHERS)
        return sorted(match.start() + 1 for pattern in patterns for match in pattern.finditer(folded, at))

    def _wait(self, window: bytes, start: int, name_length: int) -> None:
        self._before = window[:start][-_CONTEXT_BYTES:]
        self._waiting = [window[start:]]
        self._waiting_bytes = len(window) - start
        opening = _OPEN.match(window, start + name_length)
        is_open = opening is not None and (opening[1] or opening.end() < len(window))
        self._end = _ENDS[opening[1]] if opening is not None and is_open else None


def _is_prose(window: bytes, at: int) -> bool:
    """Whether ``at`` is surely in text: after a ``>`` that no attribute's value can hold, as no quote follows it."""
    context = window[max(0, at - _CONTEXT_BYTES) : at]
    end = context.rfind(b">")
    return end > context.rfind(b"<") and b'"' not in context[end:] and b"'" not in context[end:]
