"""SVG files without places: the metadata element is cleared like an XMP packet, embedded photos like photos."""

from __future__ import annotations

import base64
import binascii
import re

from consent_mw.enforce.photos.base import Notes, Source, Walk
from consent_mw.enforce.photos.xmp import clear_xmp

_BEGIN = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?[^>]*+>\s*+|<!--.*?-->\s*+|<!DOCTYPE[^>\[]*+(?:\[[^\]]*+\]\s*+)?>\s*+)*+<(?:\w+:)?svg\b",
    re.DOTALL,
)
_METADATA = re.compile(rb"<((?:[\w\-]+:)?(?:metadata|xmpmeta|RDF))\b")
_EMBEDDED = re.compile(rb";base64,([A-Za-z0-9+/=]++)")


def is_svg(head: bytes) -> bool:
    """Whether a text begins as an SVG does; only this much of it is looked at."""
    return _BEGIN.match(head) is not None


def walk_svg(source: Source, notes: Notes) -> Walk:
    """A drawing is text, with metadata anywhere in it: held."""
    data = yield from source.rest()
    position = 0
    while (start := _METADATA.search(data, position)) is not None:
        notes.count()
        close = data.find(b"</" + start[1] + b">", start.end())
        position = len(data) if close < 0 else close
        part = data[start.start() : position]
        clear_xmp(part, notes)
        data[start.start() : position] = part
    for embedded in list(_EMBEDDED.finditer(bytes(data))):
        notes.count(10)
        _clear_embedded(data, embedded, notes)
    source.put(data, len(data))


def _clear_embedded(data: bytearray, match: re.Match[bytes], notes: Notes) -> None:
    try:
        photo = bytearray(base64.b64decode(match[1], validate=True))
    except (binascii.Error, ValueError):
        return
    before = bytes(photo)
    notes.nested(photo)
    if photo != before:
        start, end = match.span(1)
        data[start:end] = base64.b64encode(photo)
