"""HEIC and AVIF files (ISO/IEC 23008-12) without places: Exif and XMP items are edited where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consent_mw.enforce.photos.base import BrokenMedia, Notes, Span, edit_spans
from consent_mw.enforce.photos.tiff import clear_exif
from consent_mw.enforce.photos.xmp import clear_xmp

if TYPE_CHECKING:
    from consent_mw.enforce.photos.bmff import Box

    Boxes = Callable[[bytearray, int, int, Notes], Iterator[Box]]

_BRANDS = frozenset(b"mif1 mif2 msf1 heic heix heim heis hevc hevx avif avis avci jpeg".split())
_FILE, _IDAT = 0, 1
_EXIF, _MIME = b"Exif", b"mime"


def is_heif(ftyp: bytearray) -> bool:
    """Whether a file type box names one of the still image brands."""
    brands = [bytes(ftyp[8:12]), *(bytes(ftyp[at : at + 4]) for at in range(16, len(ftyp) - 3, 4))]
    return not _BRANDS.isdisjoint(brands)


@dataclass(slots=True)
class _Reader:
    """Big-endian fields one after the other, never beyond the end."""

    data: bytearray
    at: int
    end: int

    def number(self, size: int) -> int:
        if self.at + size > self.end:
            raise BrokenMedia("an item table is cut off")
        value = int.from_bytes(self.data[self.at : self.at + size])
        self.at += size
        return value

    def version(self) -> int:
        return self.number(4) >> 24


def clear_heif(data: bytearray, start: int, end: int, notes: Notes, boxes: Boxes) -> None:
    """Clear the items of one ``meta`` box, wherever in the file they are."""
    children = {box.kind: box for box in boxes(data, start + 4, end, notes)}
    if b"iinf" not in children or b"iloc" not in children:
        return
    kinds = _item_kinds(data, children[b"iinf"], notes, boxes)
    idat = children[b"idat"].body if b"idat" in children else None
    for item, spans in _locations(data, children[b"iloc"], idat, notes):
        kind = kinds.get(item)
        if kind == _EXIF:
            edit_spans(data, spans, _clear_exif_item, notes)
        elif kind == _MIME:
            edit_spans(data, spans, clear_xmp, notes)


def _clear_exif_item(item: bytearray, notes: Notes) -> None:
    """Four bytes say how far behind them the TIFF header is."""
    start = 4 + int.from_bytes(item[:4])
    if start >= len(item):
        raise BrokenMedia("an Exif item without Exif data")
    part = item[start:]
    clear_exif(part, notes)
    item[start:] = part


def _item_kinds(data: bytearray, iinf: Box, notes: Notes, boxes: Boxes) -> dict[int, bytes]:
    reader = _Reader(data, iinf.body, iinf.end)
    reader.number(2 if reader.version() == 0 else 4)
    kinds: dict[int, bytes] = {}
    for box in boxes(data, reader.at, iinf.end, notes):
        entry = _Reader(data, box.body, box.end)
        version = entry.version()
        if box.kind == b"infe" and version >= 2:
            item = entry.number(2 if version == 2 else 4)
            entry.number(2)
            kind = bytes(data[entry.at : entry.at + 4])
            if kind == _EXIF or (kind == _MIME and b"xml" in data[entry.at : box.end]):
                kinds[item] = kind
    return kinds


def _locations(data: bytearray, iloc: Box, idat: int | None, notes: Notes) -> Iterator[tuple[int, list[Span]]]:
    reader = _Reader(data, iloc.body, iloc.end)
    version = reader.version()
    sizes = reader.number(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    for _ in range(reader.number(2 if version < 2 else 4)):
        item = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version in (1, 2) else _FILE
        reader.number(2)
        base = reader.number(base_size)
        spans: list[Span] = []
        for _ in range(reader.number(2)):
            notes.count()
            reader.number(index_size)
            start = base + reader.number(offset_size)
            spans.append((start, start + reader.number(length_size)))
        yield item, _in_file(spans, method, idat, len(data))


def _in_file(spans: list[Span], method: int, idat: int | None, size: int) -> list[Span]:
    shift = 0 if method == _FILE else idat
    if method not in (_FILE, _IDAT) or shift is None:
        return []
    # A length of zero means up to the end of the file (8.11.3.3).
    moved = [(start + shift, end + shift if end > start else size) for start, end in spans]
    return [(start, end) for start, end in moved if 0 <= start < end <= size]
