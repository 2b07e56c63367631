"""MP4, MOV and other ISO base media files (ISO/IEC 14496-12) without places.

Boxes with metadata are held and edited in place, media data passes as it comes. A box that says where becomes a
``free`` box of the same size, so that every chunk offset stays true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from consent_mw.enforce.photos.base import BrokenMedia, Notes, Source, Walk
from consent_mw.enforce.photos.heif import clear_heif, is_heif
from consent_mw.enforce.photos.xmp import clear_xmp

_FIRST = (b"ftyp", b"moov", b"wide", b"mdat", b"skip", b"free", b"pnot")
_HELD = frozenset({b"moov", b"udta", b"meta", b"uuid", b"moof", b"ftyp"})
_PASSED = frozenset({b"mdat", b"free", b"skip", b"wide", b"mfra", b"sidx", b"ssix", b"styp", b"pdin", b"prft", b"emsg"})
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"udta", b"moof", b"traf", b"ilst"})
_FILE_IN_BOX = b"mpvd"  # the video of a motion photo
_PLACES = frozenset(
    {
        b"\xa9xyz",
        b"loci",
        b"\xa9gps",
        b"\xa9loc",
        b"\xa9cit",
        b"gps ",
        b"GPS ",
        b"gps0",
        b"GPMF",
        b"GPSI",
        b"CMT4",
        b"sefd",
    }
)
"""User data of QuickTime and 3GPP, Canon's GPS directory, and Samsung's data block, which names the mobile network."""
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_CANON_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_PLACE_KEY = re.compile(rb"location|gps|latitude|longitude|geo|(?:^|[.:])place", re.IGNORECASE)
_POSITION_TRACK = re.compile(rb"stsd.{12}(?:gpmd|camm|gps )", re.DOTALL)
_METADATA_TRACK = re.compile(rb"stsd.{12}mebx", re.DOTALL)
_MAX_SAMPLE_ENTRY = 4096
_MAX_LEVEL = 12


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    start: int
    body: int
    end: int


def boxes(data: bytearray, start: int, end: int, notes: Notes) -> Iterator[Box]:
    """The boxes that fill a span; ends where something is no box."""
    while start + 8 <= end:
        notes.count()
        size = int.from_bytes(data[start : start + 4])
        kind = bytes(data[start + 4 : start + 8])
        body = start + 8
        if size == 1:
            size = int.from_bytes(data[body : body + 8])
            body += 8
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            return
        yield Box(kind, start, body, start + size)
        start += size


def is_bmff(head: bytes) -> bool:
    return head[4:8] in _FIRST and (head[4:8] == b"ftyp" or int.from_bytes(head[:4]) >= 8)


def walk_bmff(source: Source, notes: Notes) -> Walk:
    """Walk top-level boxes, up to the end or to what is no box."""
    while (yield from source.has(8)):
        notes.count()
        size, header = int.from_bytes(source.buffer[:4]), 8
        kind = bytes(source.buffer[4:8])
        if size == 1 and (yield from source.has(16)):
            size, header = int.from_bytes(source.buffer[8:16]), 16
        if not _is_box(kind, notes) or 0 < size < header:
            return
        if kind not in _HELD:
            yield from source.copy(size or 2**63)
        elif size == 0:
            yield from _edit_rest(source, notes)
        else:
            data = yield from source.peek(size)
            if kind == b"ftyp" and is_heif(data):
                yield from _walk_heif(source, notes)
                return
            _clear_box(data, Box(kind, 0, header, size), notes, {}, 0)
            source.put(data, size)


def _is_box(kind: bytes, notes: Notes) -> bool:
    """Whether this can be a box. After a picture only known ones are: anything else could pass for one."""
    if notes.in_trailer:
        return kind in _HELD or kind in _PASSED
    return all(0x20 <= char < 0x7F or char == 0xA9 for char in kind)


def _edit_rest(source: Source, notes: Notes) -> Walk:
    data = yield from source.rest()
    _clear_box(data, Box(bytes(data[4:8]), 0, 8, len(data)), notes, {}, 0)
    source.put(data, len(data))


def _walk_heif(source: Source, notes: Notes) -> Walk:
    """Items may be anywhere, so the file is held."""
    data = yield from source.rest()
    for box in boxes(data, 0, len(data), notes):
        if box.kind == b"meta":
            clear_heif(data, box.body, box.end, notes, boxes)
        else:
            _clear_box(data, box, notes, {}, 0)
    source.put(data, len(data))


def _clear_box(data: bytearray, box: Box, notes: Notes, keys: dict[bytes, bytes], level: int) -> None:
    if level > _MAX_LEVEL:
        raise BrokenMedia("boxes nested too deeply")
    if box.kind in _PLACES or box.kind in keys:
        _free(data, box, notes, keys.get(box.kind, box.kind))
    elif box.kind == b"XMP_":
        _edit(data, box.body, box.end, clear_xmp, notes)
    elif box.kind == _FILE_IN_BOX:
        _edit(data, box.body, box.end, lambda part, notes: notes.nested(part), notes)
    elif box.kind == b"uuid":
        _clear_uuid(data, box, notes, level)
    elif box.kind == b"meta":
        _clear_meta(data, box, notes, level)
    elif box.kind == b"trak" and _says_where(data, box):
        _free(data, box, notes, b"position track")
    elif box.kind in _CONTAINERS:
        for child in boxes(data, box.body, box.end, notes):
            _clear_box(data, child, notes, keys if box.kind == b"ilst" else {}, level + 1)


def _says_where(data: bytearray, track: Box) -> bool:
    """Whether a track records positions, by the kind of its samples or the keys of its metadata."""
    if _POSITION_TRACK.search(data, track.body, track.end):
        return True
    metadata = _METADATA_TRACK.search(data, track.body, track.end)
    return metadata is not None and b"location" in data[metadata.end() : metadata.end() + _MAX_SAMPLE_ENTRY]


def _clear_uuid(data: bytearray, box: Box, notes: Notes, level: int) -> None:
    identifier, body = bytes(data[box.body : box.body + 16]), box.body + 16
    if identifier == _XMP_UUID:
        _edit(data, body, box.end, clear_xmp, notes)
    elif identifier == _CANON_UUID:
        for child in boxes(data, body, box.end, notes):
            _clear_box(data, child, notes, {}, level + 1)


def _clear_meta(data: bytearray, box: Box, notes: Notes, level: int) -> None:
    """QuickTime's ``meta`` is a plain box, that of ISO and Apple's media files has a version before its children."""
    start = box.body if data[box.body + 4 : box.body + 8] == b"hdlr" else box.body + 4
    children = list(boxes(data, start, box.end, notes))
    keys: dict[bytes, bytes] = {}
    for child in children:
        if child.kind == b"keys":
            keys = _place_keys(data, child, notes)
    for child in children:
        if child.kind == b"iloc":
            raise BrokenMedia("items in a video cannot be cleared while it streams")
        _clear_box(data, child, notes, keys, level + 1)


def _place_keys(data: bytearray, box: Box, notes: Notes) -> dict[bytes, bytes]:
    """Item numbers in ``ilst``, as box types, of the keys that say where."""
    found: dict[bytes, bytes] = {}
    for index, key in enumerate(boxes(data, box.body + 8, box.end, notes), start=1):
        name = bytes(data[key.body : key.end])
        if _PLACE_KEY.search(name):
            found[index.to_bytes(4)] = name
    return found


def _free(data: bytearray, box: Box, notes: Notes, name: bytes) -> None:
    notes.remove(f"QuickTime {name[:80].decode('latin-1').strip()}")
    data[box.start + 4 : box.start + 8] = b"free"
    data[box.body : box.end] = bytes(box.end - box.body)


def _edit(data: bytearray, start: int, end: int, clear: Callable[[bytearray, Notes], None], notes: Notes) -> None:
    part = data[start:end]
    clear(part, notes)
    data[start:end] = part
