"""JPEG files (ITU-T T.81) without places. Segments are edited in place; picture data passes as it comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from consent_mw.enforce.photos.base import BrokenMedia, Notes, Source, Span, Walk, edit_spans
from consent_mw.enforce.photos.iptc import clear_resources
from consent_mw.enforce.photos.tiff import clear_exif, is_tiff
from consent_mw.enforce.photos.xmp import clear_xmp

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP1, _APP13 = 0xE1, 0xED
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length

_EXIF = b"Exif\0"
_EXIF_MARK = 6
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENDED_HEADER = len(_EXTENDED_XMP) + 32 + 4 + 4  # digest, full length, offset
_PHOTOSHOP = b"Photoshop 3.0\0"

# Within picture data FF is followed by 00 or a restart marker; anything else is the next marker.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_ANY_MARKER = re.compile(rb"\xff[^\xff]")


@dataclass(slots=True)
class _Segments:
    """Where one image's metadata is. What is split over segments is read as one."""

    exif: list[list[Span]] = field(default_factory=list)
    xmp: list[Span] = field(default_factory=list)
    extended: dict[bytes, list[Span]] = field(default_factory=dict)
    photoshop: list[Span] = field(default_factory=list)

    def add(self, marker: int, buffer: bytearray, start: int, end: int) -> None:
        payload = bytes(buffer[start : min(end, start + _EXTENDED_HEADER)])
        if marker == _APP13 and payload.startswith(_PHOTOSHOP):
            self.photoshop.append((start + len(_PHOTOSHOP), end))
        elif marker != _APP1:
            return
        elif payload.startswith(_EXIF):
            body = (start + _EXIF_MARK, end)
            if self.exif and not is_tiff(payload[_EXIF_MARK : _EXIF_MARK + 4]):
                self.exif[-1].append(body)  # Exif over 64 KB goes on in the next segment
            else:
                self.exif.append([body])
        elif payload.startswith(_XMP):
            self.xmp.append((start + len(_XMP), end))
        elif payload.startswith(_EXTENDED_XMP):
            digest = payload[len(_EXTENDED_XMP) : len(_EXTENDED_XMP) + 32]
            self.extended.setdefault(digest, []).append((start + _EXTENDED_HEADER, end))

    def clear(self, buffer: bytearray, notes: Notes) -> None:
        def edit(spans: list[Span], clear: Callable[[bytearray, Notes], None]) -> None:
            edit_spans(buffer, spans, clear, notes)

        for spans in self.exif:
            edit(spans, clear_exif)
        for span in self.xmp:
            edit([span], clear_xmp)
        for spans in self.extended.values():
            edit(spans, clear_xmp)
        if self.photoshop:
            edit(self.photoshop, clear_resources)


def is_jpeg(head: bytes) -> bool:
    return head[:3] == b"\xff\xd8\xff"


def walk_jpeg(source: Source, notes: Notes) -> Walk:
    """Walk one image, up to its end."""
    marker = yield from _walk_segments(source, notes, 2)
    while marker == _SOS:
        notes.count()
        yield from _copy_scan(source)
        marker = yield from _walk_segments(source, notes, 0)


def _walk_segments(source: Source, notes: Notes, offset: int) -> Generator[None, None, int]:
    """Hold segments until picture data or the end, clear them, hand them on."""
    segments = _Segments()
    buffer = source.buffer
    marker = _EOI
    while (yield from source.has(offset + 2)):
        # Fill bytes, or garbage that decoders skip too.
        found = _ANY_MARKER.search(buffer, offset)
        if found is None:
            offset = len(buffer) - 1
            continue
        notes.count()
        offset, marker = found.end(), buffer[found.end() - 1]
        if marker == _EOI:
            break
        if marker in _ALONE or marker in (0, _SOI):
            continue
        if not (yield from source.has(offset + 2)):
            break
        end = offset + max(2, int.from_bytes(buffer[offset : offset + 2]))
        if not (yield from source.has(end)):
            if marker in (_APP1, _APP13):
                raise BrokenMedia("the file ends inside its metadata")
            offset = len(buffer)
            break
        segments.add(marker, buffer, offset + 2, end)
        offset = end
        if marker == _SOS:
            break
    else:
        offset = len(buffer)
    offset = min(offset, len(buffer))
    header = buffer[:offset]
    segments.clear(header, notes)
    source.put(header, offset)
    return marker


def _copy_scan(source: Source) -> Walk:
    """Picture data, up to the next marker."""
    while (yield from source.has(2)):
        marker = _MARKER.search(source.buffer)
        if marker is not None:
            source.put(source.buffer[: marker.start()], marker.start())
            return
        # A marker may be cut in two.
        whole = len(source.buffer) - 1
        source.put(source.buffer[:whole], whole)
    source.put(source.buffer[:], len(source.buffer))
