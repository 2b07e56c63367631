"""JSON bodies without places: spans cut from the original bytes, everything else as it came.

The body is never parsed into objects and never serialised again. One pass finds the strings, the names among them
are judged, and only what follows a name that speaks of a place is looked at. So depth costs nothing, repeated and
escaped keys are seen each for itself, and broken JSON (or JSON lines, or a JSON sequence) is treated alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from consent_mw.enforce.location.glance import STRING, keys_of_interest, member_pattern
from consent_mw.enforce.location.names import Kind, is_container, kind_of
from consent_mw.enforce.location.rules import UNNAMED, LocationRules, Scrubbed
from consent_mw.enforce.location.text import scrub_prose
from consent_mw.enforce.photos.embedded import scrub_embedded

MAX_NESTING = 3
"""JSON in a string in JSON: how often. Deeper texts are left; every level multiplies the backslashes."""

MAX_FLAT_OBJECT = 4096
"""Bytes of an object whose members are read as one position (``{"x": …, "y": …}``)."""

SHORTEST_PLACE = 6
"""Bytes: no text that names a place by itself is shorter (``w3w``, ``8FVC+``, ``1.1,2.2``)."""

_NUMBER = re.compile(rb"-?\d[\d.eE+\-]*+")
_ARRAY = re.compile(rb'\[[\[\]\s\d.,eE+\-"NSEW]*+')
_TEXT_ARRAY = re.compile(rb'\[(?:\s*+"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*+,?+)++\]', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]]")
_FLAT_OBJECT = re.compile(rb"\{[^{}]{0,%d}+\}" % MAX_FLAT_OBJECT)
_PRECISE_XY = re.compile(rb'"x"\s*+:\s*+"?-?\d{1,3}\.\d{3}.*"y"\s*+:\s*+"?-?\d{1,3}\.\d{3}', re.DOTALL)
_BLANK = re.compile(rb"[ \t\r\n]*+")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def scrub_json(body: bytes, rules: LocationRules, *, nesting: int = 0) -> Scrubbed:
    """Remove or coarsen every place in a JSON text.

    :return: the body, the very same object when nothing was removed, and the names of what was
    """
    if b"\0" in body[:4] or body[:2] in _WIDE_MARKS:
        # RFC 8259 allows only UTF-8, but json.loads reads UTF-16 and UTF-32 too, so apps may.
        encoding = json.detect_encoding(body[:4])
        if not encoding.startswith("utf-8"):
            return _scrub_wide(body, encoding, rules, nesting)
    return _scrub(body, rules, nesting)


def _scrub(body: bytes, rules: LocationRules, nesting: int) -> Scrubbed:
    editor = _Editor(body, rules, nesting)
    keys = keys_of_interest(body, rules)
    if keys is None:
        editor.scan(0, len(body), inside=False)
    elif keys:
        editor.visit(keys)
    return editor.result()


def _scrub_wide(body: bytes, encoding: str, rules: LocationRules, nesting: int) -> Scrubbed:
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        return body, ()
    result, removed = _scrub(text.encode("utf-8", "surrogatepass"), rules, nesting)
    if not removed:
        return body, ()
    return result.decode("utf-8", "surrogatepass").encode(encoding, "surrogatepass"), removed


def scrub_string(
    name: str, text: str, rules: LocationRules, *, inside: bool = False, nesting: int = 0
) -> tuple[str | None, tuple[str, ...]]:
    """What may stay of a text value, read as JSON, as an embedded photo, or as a plain value.

    :return: the text that takes its place (``None``: leave it, ``""``: remove it), and the names of what was removed
    """
    if text[:1].isspace() or text[:1] in ("{", "["):
        if nesting < MAX_NESTING:
            raw = text.encode("utf-8", "surrogatepass")
            result, removed = scrub_json(raw, rules, nesting=nesting + 1)
            if removed:
                return result.decode("utf-8", "surrogatepass"), removed
    elif (photo := scrub_embedded(text, keep_broken=rules.keep_broken)) is not None:
        return photo, (name or UNNAMED,)
    kept = rules.scrub_field(name, text, inside=inside)
    removed = () if kept is None else (name or UNNAMED,)
    rest = text if kept is None else kept
    # GraphQL, or "lat:39.9;lng:116.4", under a name that may be a place.
    if ("=" in rest or ":" in rest) and rules.key_kinds[name.encode("utf-8", "replace")]:
        cleared, inside_it = scrub_prose(rest, rules)
        if inside_it:
            return cleared, (*removed, *inside_it)
    return kept, removed


def _decode(raw: bytes) -> str:
    """A string as it stands between its quotes. Bytes that are no UTF-8 come back as they were by :func:`_encode`."""
    if b"\\" not in raw:
        return raw.decode("utf-8", "surrogateescape")
    text = raw.decode("utf-8", "replace")
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def _encode(text: str, raw: bytes) -> bytes:
    """What is left of a string, to stand between its quotes; nothing, should it have grown."""
    if b"\\" not in raw:
        return text.encode("utf-8", "surrogateescape")
    result = json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")[1:-1]
    return result if len(result) <= len(raw) else b""


@dataclass(slots=True)
class _Edit:
    start: int
    end: int
    text: bytes


@dataclass(slots=True)
class _Editor:
    """One pass over one body; collects the spans to replace."""

    body: bytes
    rules: LocationRules
    nesting: int
    edits: list[_Edit] = field(default_factory=list)
    removed: dict[str, None] = field(default_factory=dict)

    def visit(self, keys: frozenset[bytes]) -> None:
        """Judge the members under these keys and look at nothing else."""
        done = 0
        for member in member_pattern(keys, self.rules).finditer(self.body):
            if member.start() >= done:
                done = self.judge_member(member, inside=False)

    def scan(self, start: int, end: int, *, inside: bool) -> None:
        done = start
        for match in STRING.finditer(self.body, start, end):
            if match.start() < done:
                continue
            if match[3] is None:
                self.judge_item(match)
            elif inside or self.rules.key_kinds[match[1]]:
                done = self.judge_member(match, inside)
            # Else the value, if it is a string, comes up next and is judged as an item.

    def judge_member(self, key: re.Match[bytes], inside: bool) -> int:
        """Judge the value after a key; return where to go on reading."""
        name = _decode(key[1]).encode("utf-8", "replace").decode()
        start = self.after_blanks(key.end())
        first = self.body[start : start + 1]
        if first == b'"':
            return self.judge_string_member(key, name, start, inside)
        if first == b"{":
            return self.judge_object(name, start, inside)
        found = self.array_at(start) if first == b"[" else _span(_NUMBER.match(self.body, start))
        if found is None:
            return self.judge_texts(name, start)
        text = self.body[found[0] : found[1]].decode("utf-8", "replace")
        kept = self.rules.scrub_field(name, text, inside=inside)
        if kept is None:
            return found[1]
        self.removed[name] = None
        if kept:
            self.replace(found[0], found[1], kept.encode())
        else:
            self.drop_member(key.start(), found[1])
        return found[1]

    def judge_string_member(self, key: re.Match[bytes], name: str, start: int, inside: bool) -> int:
        value = STRING.match(self.body, start)
        if value is None:
            return key.end()
        text = _decode(value[1])
        kept, removed = scrub_string(name, text, self.rules, inside=inside, nesting=self.nesting)
        self.removed.update(dict.fromkeys(removed))
        end = value.end(2)
        if kept:
            self.replace(value.start(1), value.end(1), _encode(kept, value[1]))
        elif kept is not None:
            self.drop_member(key.start(), end)
        return end

    def judge_texts(self, name: str, start: int) -> int:
        """An array of texts, each of which may be a place: ``"stops": ["39.9042,116.4074", …]``."""
        texts = _TEXT_ARRAY.match(self.body, start)
        if texts is None:
            return start
        for item in STRING.finditer(self.body, start, texts.end()):
            self.judge_item(item, name)
        return texts.end()

    def judge_object(self, name: str, start: int, inside: bool) -> int:
        if inside or not is_container(name):
            return start
        flat = _FLAT_OBJECT.match(self.body, start)
        if flat is None or not self.is_position(flat):
            return start
        self.scan(start, flat.end(), inside=True)
        return flat.end()

    def is_position(self, flat: re.Match[bytes]) -> bool:
        """Whether a coordinate is among the members, so that ``accuracy`` and ``x`` beside it are about a place."""
        if _PRECISE_XY.search(flat[0]):
            return True
        keys = (match[1] for match in STRING.finditer(flat[0]) if match[3])
        return any(kind_of(_decode(key)) is Kind.AXIS for key in keys if self.rules.key_kinds[key])

    def judge_item(self, item: re.Match[bytes], name: str = "") -> None:
        """A string that is the value of an innocent name, or stands in an array: cleared, never taken out."""
        if len(item[1]) < SHORTEST_PLACE:
            return
        kept, removed = scrub_string(name, _decode(item[1]), self.rules, nesting=self.nesting)
        if kept is not None:
            self.removed.update(dict.fromkeys(removed))
            self.replace(item.start(1), item.end(1), _encode(kept, item[1]))

    def array_at(self, start: int) -> tuple[int, int] | None:
        """The span of an array that holds only numbers, as text or not, at any depth."""
        run = _ARRAY.match(self.body, start)
        if run is None:
            return None
        depth = 0
        for bracket in _BRACKET.finditer(self.body, start, run.end()):
            depth += 1 if bracket[0] == b"[" else -1
            if depth == 0:
                return start, bracket.end()
        return None

    def after_blanks(self, position: int) -> int:
        match = _BLANK.match(self.body, position)
        return position if match is None else match.end()

    def replace(self, start: int, end: int, text: bytes) -> None:
        self.edits.append(_Edit(start, end, text))

    def drop_member(self, start: int, end: int) -> None:
        """Take a member out together with one comma, so that what is left is as well-formed as it was."""
        comma = self.after_blanks(end)
        if self.body[comma : comma + 1] == b",":
            end = self.after_blanks(comma + 1)
            followed = True
        else:
            followed = False
        if self.edits and self.edits[-1].end == start and not self.edits[-1].text:
            start = self.edits.pop().start
        if not followed:
            start = self.before_comma(start)
        self.edits.append(_Edit(start, end, b""))

    def before_comma(self, start: int) -> int:
        """Where the comma before ``start`` is; ``start`` itself for a first member."""
        floor = self.edits[-1].end if self.edits else 0
        position = start
        while position > floor and self.body[position - 1] in b" \t\r\n":
            position -= 1
        return position - 1 if self.body[max(floor, position - 1) : position] == b"," else start

    def result(self) -> Scrubbed:
        if not self.edits:
            return self.body, ()
        return b"".join(self._pieces()), tuple(self.removed)

    def _pieces(self) -> Iterator[bytes]:
        position = 0
        for edit in self.edits:
            yield self.body[position : edit.start]
            yield edit.text
            position = edit.end
        yield self.body[position:]


def _span(match: re.Match[bytes] | None) -> tuple[int, int] | None:
    return None if match is None else match.span()
