"""WebP files (RFC 9649) without places: ``EXIF`` and ``XMP`` chunks are edited in place."""

from __future__ import annotations

from consent_mw.enforce.photos.base import Notes, Source, Walk
from consent_mw.enforce.photos.tiff import clear_exif
from consent_mw.enforce.photos.xmp import clear_xmp

_CLEARERS = {b"EXIF": clear_exif, b"XMP ": clear_xmp}


def is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def walk_webp(source: Source, notes: Notes) -> Walk:
    """Walk chunks up to the length that the file states."""
    header = yield from source.peek(12)
    left = int.from_bytes(header[4:8], "little") - 4
    source.put(header, 12)
    while left >= 8 and (yield from source.has(8)):
        length = int.from_bytes(source.buffer[4:8], "little")
        notes.count()
        clear = _CLEARERS.get(bytes(source.buffer[:4]))
        if clear is None:
            yield from source.copy(8 + length)
        else:
            chunk = yield from source.peek(8 + length)
            body = chunk[8:]
            clear(body, notes)
            source.put(chunk[:8] + body, len(chunk))
        yield from source.copy(length % 2)
        left -= 8 + length + length % 2
