"""IPTC-IIM records, and the Photoshop resources they are kept in, without places.

A record is taken out and the following ones move up; zeros fill the end, which readers know as padding.
"""

from __future__ import annotations

from collections.abc import Callable

from consent_mw.enforce.photos.base import Notes
from consent_mw.enforce.photos.xmp import clear_xmp

_PLACES = {
    26: "ContentLocationCode",
    27: "ContentLocationName",
    90: "City",
    92: "Sub-location",
    95: "Province-State",
    100: "CountryCode",
    101: "CountryName",
}
"""Datasets of the application record (2) of IIM 4.2 that say where."""

_MARKER = 0x1C
_APPLICATION = 2
_SIGNATURES = (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR")


def clear_iim(data: bytearray, notes: Notes) -> None:
    """Clear a stream of IIM datasets in place."""
    notes.read(len(data))
    kept = bytearray()
    position = 0
    while position + 5 <= len(data) and data[position] == _MARKER:
        notes.count()
        end = _dataset_end(data, position)
        name = _PLACES.get(data[position + 2]) if data[position + 1] == _APPLICATION else None
        if name is None:
            kept += data[position:end]
        else:
            notes.remove(f"IPTC {name}")
        position = end
    kept += data[position:]
    data[:] = kept.ljust(len(data), b"\0")


def _dataset_end(data: bytearray, position: int) -> int:
    length = int.from_bytes(data[position + 3 : position + 5])
    start = position + 5
    if length & 0x8000:  # extended dataset: the length of the length
        size = length & 0x7FFF
        length = int.from_bytes(data[start : start + min(size, 8)])
        start += size
    return min(start + length, len(data))


def _clear_exif(data: bytearray, notes: Notes) -> None:
    notes.nested(data)


_CLEARERS: dict[int, Callable[[bytearray, Notes], None]] = {
    0x0404: clear_iim,
    0x0422: _clear_exif,
    0x0423: _clear_exif,
    0x0424: clear_xmp,
}
"""Photoshop image resources that hold metadata of another kind, by their number."""


def clear_resources(data: bytearray, notes: Notes) -> None:
    """Clear a block of Photoshop image resources in place."""
    notes.read(len(data))
    position = 0
    while position + 12 <= len(data) and data[position : position + 4] in _SIGNATURES:
        notes.count()
        identifier = int.from_bytes(data[position + 4 : position + 6])
        name_length = data[position + 6]
        size_at = position + 6 + (name_length + 2) // 2 * 2
        start = size_at + 4
        end = min(start + int.from_bytes(data[size_at:start]), len(data))
        clear = _CLEARERS.get(identifier)
        if clear is not None and start < end:
            part = data[start:end]
            clear(part, notes)
            data[start:end] = part
        position = end + (end - start) % 2
