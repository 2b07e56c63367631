"""Attributes that any element may have: ``style``, event handlers, ``javascript:`` addresses, SVG's ``fill`` and kin.

To make the engine look at the attributes of every tag would halve its speed, and hardly any tag is concerned. So the
bytes between announced tags are searched for the few strings without which nothing can happen, at several gigabytes
a second, and only what is found is read as an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from consent_mw.enforce.references import Judge
from consent_mw.enforce.tags import PREFIX, held_mark
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
CONTEXT_BYTES = 1024
_MAX_GONE = 64
LAST_BYTES = 2 * CONTEXT_BYTES
"""Of these the tokenizer may hold a part back."""
_BLANK = rb"[\t\n\f\r ]*"
_VALUE = re.compile(
    _BLANK + rb"=" + _BLANK + rb"""(?:"([^"]*)(?:"|(\Z))|'([^']*)(?:'|(\Z))"""
    rb"""|([^\t\n\f\r "'>][^\t\n\f\r >]*)?(?:(\Z)|(?=[\t\n\f\r >])))"""
)  # fmt: skip
# Whatever a style fetches, it names in a function.
_PLAIN_STYLE = re.compile(rb"""style%s=%s(?:"[^"&(]*"|'[^'&(]*')""" % (_BLANK, _BLANK), re.IGNORECASE)
_ENDS = {b'"': re.compile(rb'"'), b"'": re.compile(rb"'"), b"": re.compile(rb"[\t\n\f\r >]")}
_CUT_SHORT = (2, 4, 6)  # groups that say that a value is not over
_NAME_BEFORE = re.compile(
    rb"""(?i)(?:[\t\n\f\r /"'](?:style|on[a-z]+|""" + _OTHER + rb")[\t\n\f\r ]*|[\t\n\f\r ]{32})\Z"
)
_ENDS_TEXT = re.compile(
    rb"--!?>|\]\]>|</(?:style|script|textarea|title|xmp|iframe|no(?:embed|frames|script))", re.IGNORECASE
)
_BEFORE_VALUE = re.compile(rb"=[\t\n\f\r ]*\Z")
_SPARSE = 1024
_ANYTHING = re.compile(rb"[^\t\n\f\r ]")
_TAG_START = re.compile(rb"<[a-zA-Z]")
_MARK = re.compile(rb" data-consent *=")
# Of two marks in one tag a browser knows the first. What waits for something else than that says comes back with the
# next page: our script makes nothing of this name.
_WITHOUT_MARK = PREFIX + b"also-"


def tail_bytes(before: bytes, data: bytes) -> int:
    """How many bytes at the end of a chunk must wait for the next one, given what came before."""
    tail = data[-_TAIL_BYTES:] if len(data) >= _TAIL_BYTES else (before + data)[-_TAIL_BYTES:]
    if _is_after_a_tag(tail, 0, len(tail)):
        return 0
    match = _TAIL.search(tail.translate(_FOLD))
    return min(len(data), len(tail) - match.start() - 1) if match is not None else 0


def is_suspicious(data: bytes) -> bool:
    """Whether anything in here could be an attribute that matters."""
    few = list(islice(_find_each(b"=", data), len(data) // _SPARSE + 1))
    if len(few) <= len(data) // _SPARSE:  # a long text: to look at each of its few attributes is cheaper
        return any(_NAME_BEFORE.search(data, max(0, equals - 64), equals) for equals in few)
    folded = data.translate(_FOLD)
    return any(pattern.search(folded) for pattern in (*_ANCHORS, *_NEEDLES))


def _find_each(character: bytes, data: bytes) -> Iterator[int]:
    at = data.find(character)
    while at >= 0:
        yield at
        at = data.find(character, at + 1)


class AttributeScan:
    """Looks through the text and the unannounced tags of a page, in pieces that do not split a name.

    Each place where a name could stand is judged for itself, even in another attribute's value: so it does not matter
    which of them a browser takes for the attribute.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.is_on = False
        """Whether text has to be looked at, as the chunk at hand, or one that it goes on from, has such a name."""
        self.tail = b""
        """Not to be looked at yet: it may be the beginning of an attribute's name."""
        self._last = b">"  # the end of what may be looked at
        self._gone = [b">"]  # the ends of what has gone before
        self._waiting: list[bytes] = []  # from a name on, whose value is not over
        self._waiting_bytes = 0
        self._end: re.Pattern[bytes] = _ENDS[b""]
        self._marked: frozenset[str] | None = None  # what our mark in the tag at hand says

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def ready(self, data: bytes, pending_bytes: int) -> bytes:
        """The part of a chunk that may be looked at now.

        :param pending_bytes: how much of what was ready before is still to come out of the tokenizer
        """
        data = self.tail + data
        ready = len(data) - tail_bytes(self._last, data)
        data, self.tail = data[:ready], data[ready:]
        if not self.is_on:
            before = self._last[: -pending_bytes or None][-CONTEXT_BYTES:]
            self._gone = [before.rjust(CONTEXT_BYTES if len(self._last) >= LAST_BYTES else 0, b"\0")]
            self._marked = None
        is_going_on = self.is_on and (self.is_waiting or pending_bytes > 0)
        self.is_on = is_going_on or is_suspicious(self._last[-1:] + data)
        self._last = data[-LAST_BYTES:] if len(data) >= LAST_BYTES else (self._last + data)[-LAST_BYTES:]
        return data

    def last(self) -> bytes:
        """What is left when the page is over."""
        tail, self.tail = self.tail, b""
        return tail

    def passed(self, data: bytes) -> None:
        """Something went out without a look."""
        self._go(data)
        self._marked = None

    def feed(self, text: bytes) -> bytes:
        """:raises MemoryError: for a value larger than what is judged"""
        if not self._waiting:
            since = self._gone[-1][-1:] + text
            if b"=" in text and not _is_plain(since):
                return self._scanned(text)
            self._pass_tags(since)
            self._go(text)
            return text
        self._waiting.append(text)
        self._waiting_bytes += len(text)
        if self._waiting_bytes > MAX_HELD_BYTES:
            raise MemoryError("an attribute is larger than what is judged")
        return self._scanned(self._taken()) if self._end.search(text) else b""

    def flush(self) -> bytes:
        """What waits, when the tokenizer says that its tag is over or the page ends."""
        return self._scanned(self._taken(), is_last=True)

    def rest(self) -> bytes:
        """What waits, as it came."""
        return self._taken()

    def _go(self, data: bytes) -> None:
        if data:
            self._gone.append(data[-CONTEXT_BYTES:])
        if len(self._gone) > _MAX_GONE:
            self._gone = [self._before]

    @property
    def _before(self) -> bytes:
        """What has gone before, as far as it matters."""
        return b"".join(self._gone)[-CONTEXT_BYTES:]

    def _taken(self) -> bytes:
        text = b"".join(self._waiting)
        self._waiting.clear()
        return text

    def _scanned(self, text: bytes, *, is_last: bool = False) -> bytes:
        before = self._before
        window = before + text
        folded = window.translate(_FOLD)
        done, end = len(before), len(window)
        out: list[bytes] = []
        for start in _names(folded, done - 1):
            name = folded[start : folded.index(b"=", start)].rstrip()
            match = _VALUE.match(window, start + len(name))
            if match is None or _is_prose(window, start):
                continue
            if not is_last and any(match[cut] is not None for cut in _CUT_SHORT):
                self._wait(window[start:], match)
                end = start
                break
            ids = self._judge.attribute(name, match[1] or match[3] or match[5] or b"")
            if ids:
                self._pass_tags(window[max(0, done - 1) : start])
                out += (window[done:start], self._prefix(ids, folded[:start]))
                done = start
        self._pass_tags(window[max(0, done - 1) : end])
        out.append(window[done:end])
        self._gone = [window[:end][-CONTEXT_BYTES:]]
        return b"".join(out)

    def _pass_tags(self, text: bytes) -> None:
        if self._marked is not None and _TAG_START.search(text):
            self._marked = None

    def _prefix(self, ids: list[str], before: bytes) -> bytes:
        """What is put in front of a name; ``before`` is the folded text up to it."""
        if self._marked is not None:
            return PREFIX if self._marked.issuperset(ids) else _WITHOUT_MARK
        if _MARK.search(before, max(0, before.rfind(b"<"))):  # the author's
            return _WITHOUT_MARK
        self._marked = frozenset(ids)
        return held_mark(ids) + b" " + PREFIX

    def _wait(self, rest: bytes, match: re.Match[bytes]) -> None:
        self._waiting = [rest]
        self._waiting_bytes = len(rest)
        quote = b'"' if match[2] is not None else b"'" if match[4] is not None else b""
        # Before a value has begun, anything that comes may begin it.
        self._end = _ENDS[quote] if quote or match[5] else _ANYTHING


def _is_plain(text: bytes) -> bool:
    """Whether no attribute in here matters, but for styles that are whole and fetch nothing."""
    return all(_PLAIN_STYLE.match(text, name) for name in _names(text.translate(_FOLD), 0))


def _names(folded: bytes, at: int) -> list[int]:
    """Where names may start, from left to right."""
    patterns = list(_ANCHORS)
    if any(needle.search(folded, at) for needle in _NEEDLES):
        patterns.append(_OTHERS)
    return sorted(match.start() + 1 for pattern in patterns for match in pattern.finditer(folded, at))


def _is_prose(window: bytes, at: int) -> bool:
    """Whether ``at`` is surely in text, or in a comment in it. In doubt it is not, so it is judged."""
    start = max(0, at - CONTEXT_BYTES)
    return _is_after_a_tag(window, start, at) or _is_in_a_comment(window, start, at)


def _is_after_a_tag(window: bytes, start: int, at: int) -> bool:
    """After a ``>`` that no attribute's value can hold, as no quote follows it."""
    end = window.rfind(b">", start, at)
    return end > window.rfind(b"<", start, at) and window.find(b'"', end, at) < 0 and window.find(b"'", end, at) < 0


def _is_in_a_comment(window: bytes, start: int, at: int) -> bool:
    """After a ``<!--`` in text, with nothing since that would end it, or the element or CDATA that it is text of."""
    comment = window.rfind(b"<!--", start, at)
    if comment < 0 or _ENDS_TEXT.search(window, comment, at) or not _is_after_a_tag(window, start, comment):
        return False
    is_whole = at < CONTEXT_BYTES  # then the page has nothing in front of the window
    return not any(_may_be_open(window[start:comment], quote, is_whole) for quote in (b'"', b"'"))


def _may_be_open(text: bytes, quote: bytes, is_whole: bool) -> bool:
    """Whether a quoted value may have begun in a text, or before it, and not be over."""
    before, found, _ = text.rpartition(quote)
    return _BEFORE_VALUE.search(before) is not None if found else not is_whole
