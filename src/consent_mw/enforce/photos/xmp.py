"""XMP packets (ISO 16684-1) without places: the properties are overwritten with spaces.

Properties are known by their local names, under any prefix: packets in the wild use their own. The packet is XML, but
it is not parsed as such, since it must keep its length and be read even where it is not well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from consent_mw.enforce.photos.base import BrokenMedia, Notes, Span, blank

_PLACES = frozenset(
    b"city state country countrycode countryname location locationcreated locationshown sublocation sub-location "
    b"province provincestate worldregion locationid locationname shotlocation placename locality highergeography "
    b"latitude longitude lat long lng lon latlong latlng coordinates geocoordinates geohash pluscode what3words mgrs "
    b"decimallatitude decimallongitude footprintwkt verbatimcoordinates verbatimlatitude verbatimlongitude "
    b"dctermslocation earthposlatitude earthposlongitude earthposaltitude".split()
)
_TOKEN = re.compile(
    rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    rb"|<(/?)([^\s<>/\"'=!?]++)((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)(>?)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rb"(?<![^\s\"'=<>])([^\s\"'=<>]++)\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')", re.DOTALL)


def is_place_name(qualified: bytes) -> bool:
    """Whether a property speaks of a place: ``exif:GPSLatitude``, ``photoshop:City``, ``Iptc4xmpExt:LocationShown``."""
    prefix, _, local = qualified.rpartition(b":")
    name = local.lower()
    return prefix != b"xmlns" and (name in _PLACES or name.startswith(b"gps"))


def clear_xmp(data: bytearray, notes: Notes) -> None:
    """Clear a packet in place, in UTF-8 or UTF-16."""
    notes.read(len(data))
    head = bytes(data[:64])
    if b"\0" not in head:
        _clear(data, bytes(data), b" ", notes)
        return
    # UTF-16: read every second byte, the ASCII half; other scripts then look like odd ASCII, never like markup of ours.
    offset = 1 if head.find(b"\0") % 2 == 0 else 0
    pairs = zip(data[offset::2], data[1 - offset :: 2], strict=False)
    narrow = bytearray(low if high == 0 else 0x3F for low, high in pairs)
    _clear(data, bytes(narrow), b"\0 " if offset else b" \0", notes)


def _clear(data: bytearray, text: bytes, space: bytes, notes: Notes) -> None:
    width = len(space)
    for name, (start, end) in place_spans(text, notes):
        notes.remove(f"XMP {name.decode('ascii', 'replace')}")
        blank(data, [(start * width, end * width)], space)


def place_spans(text: bytes, notes: Notes) -> Iterator[tuple[bytes, Span]]:
    """Elements and attributes that speak of a place, outermost first."""
    open_name, open_at, depth = b"", 0, 0
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number % 2:
            notes.count()
        name = token[2]
        if name is None:
            continue
        if not token[4]:
            raise BrokenMedia("a tag in XMP that does not end")
        self_closing = token[3].endswith(b"/")
        if depth:
            if name == open_name and not self_closing:
                depth += -1 if token[1] else 1
                if depth == 0:
                    yield open_name, (open_at, token.end())
        elif is_place_name(name):
            if self_closing:
                yield name, token.span()
            elif not token[1]:
                open_name, open_at, depth = name, token.start(), 1
        else:
            yield from _attribute_spans(token)
    if depth:
        yield open_name, (open_at, len(text))  # never closed: nobody can say where it ends


def _attribute_spans(tag: re.Match[bytes]) -> Iterator[tuple[bytes, Span]]:
    for attribute in _ATTRIBUTE.finditer(tag[3]):
        if is_place_name(attribute[1]):
            yield attribute[1], (tag.start(3) + attribute.start(), tag.start(3) + attribute.end())
