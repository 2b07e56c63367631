"""TIFF structures, the base of Exif (CIPA DC-008) and of TIFF and DNG files, without places.

The GPS directory is overwritten and the entry that leads to it taken out of its directory: later entries move up by
one and zeros fill the gap, so every offset in the file stays true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from consent_mw.enforce.photos.base import BrokenMedia, Notes, Source, Span, Walk, blank, edit_spans
from consent_mw.enforce.photos.iptc import clear_iim, clear_resources
from consent_mw.enforce.photos.xmp import clear_xmp

_GPS = 0x8825
_XMP, _IPTC, _PHOTOSHOP = 0x02BC, 0x83BB, 0x8649
_DIRECTORIES = (0x8769, 0xA005, 0x014A)
_THUMBNAIL_AT, _THUMBNAIL_SIZE = 0x0201, 0x0202
_MAKER_NOTE = 0x927C
_GEOTIFF = frozenset({0x830E, 0x8480, 0x8482, 0x85D8, 0x87AF, 0x87B0, 0x87B1})
_TYPE_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes per value by field type; the others have one."""

_CLASSIC_MAGIC = frozenset({42, 0x55, 0x4F52, 0x5352})  # TIFF; the raw formats of Panasonic and Olympus
_BIG_MAGIC = 43

_NIKON = b"Nikon\0\2"
_MAKER_PLACES: tuple[tuple[bytes, int, frozenset[int]], ...] = (
    (b"Panasonic\0\0\0", 12, frozenset({0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x80})),
    (b"LEICA\0\0\0", 8, frozenset({0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x80})),
    (_NIKON, 10, frozenset({0x39})),
)
"""Maker notes that are directories with the names of places: signature, where the directory starts, its tags."""


@dataclass(frozen=True, slots=True)
class _Entry:
    raw: bytes
    tag: int
    value: Span
    """Where the value is; empty when it lies outside the file, where nobody can read it either."""


@dataclass(slots=True)
class _Directory:
    at: int
    entries: list[_Entry]
    next_at: int


@dataclass(slots=True)
class _Tiff:
    data: bytearray
    notes: Notes
    order: Literal["little", "big"]
    big: bool
    seen: set[int] = field(default_factory=set)

    def number(self, start: int, size: int) -> int:
        return int.from_bytes(self.data[start : start + size], self.order)

    @property
    def offset_size(self) -> int:
        return 8 if self.big else 4

    def directory(self, at: int) -> _Directory:
        count_size, entry_size = (8, 20) if self.big else (2, 12)
        first = at + count_size
        fitting = max(0, len(self.data) - first) // entry_size
        count = min(self.number(at, count_size), fitting)
        self.notes.count(count + 1)
        entries = [self.entry(first + index * entry_size, entry_size) for index in range(count)]
        return _Directory(at, entries, first + count * entry_size)

    def entry(self, at: int, size: int) -> _Entry:
        inline_at = at + 4 + self.offset_size
        length = _TYPE_SIZES.get(self.number(at + 2, 2), 1) * self.number(at + 4, self.offset_size)
        start = inline_at if length <= self.offset_size else self.number(inline_at, self.offset_size)
        end = start + length
        value = (start, end) if end <= len(self.data) else (start, start)
        return _Entry(bytes(self.data[at : at + size]), self.number(at, 2), value)

    def offsets(self, entry: _Entry) -> Iterator[int]:
        start, end = entry.value
        size = 8 if self.big and entry.raw[2] + entry.raw[3] in (16, 18) else 4
        for at in range(start, min(end, start + 64 * size), size):
            yield self.number(at, size)

    def clear(self, first: int) -> None:
        pending = [first]
        while pending:
            at = pending.pop()
            if at in self.seen or not 0 < at < len(self.data) - 1:
                continue
            self.seen.add(at)
            directory = self.directory(at)
            pending.append(self.number(directory.next_at, self.offset_size))
            for entry in directory.entries:
                if entry.tag in _DIRECTORIES:
                    pending.extend(self.offsets(entry))
            self.clear_directory(directory)

    def clear_directory(self, directory: _Directory) -> None:
        kept = [entry for entry in directory.entries if not self.clear_entry(entry)]
        self.clear_thumbnail(directory)
        if len(kept) < len(directory.entries):
            self.rewrite(directory, kept)

    def clear_entry(self, entry: _Entry) -> bool:
        """Clear what an entry leads to; whether the entry itself has to go."""
        if entry.tag == _GPS:
            for at in self.offsets(entry):
                self.wipe_directory(at)
            self.notes.remove("Exif GPS")
            return True
        if entry.tag in _GEOTIFF:
            blank(self.data, [entry.value])
            self.notes.remove("GeoTIFF")
            return True
        if entry.value[0] < entry.value[1]:
            self.clear_value(entry)
        return False

    def clear_value(self, entry: _Entry) -> None:
        clear = {_XMP: clear_xmp, _IPTC: clear_iim, _PHOTOSHOP: clear_resources}.get(entry.tag)
        if clear is not None:
            edit_spans(self.data, [entry.value], clear, self.notes)
        elif entry.tag == _MAKER_NOTE:
            self.clear_maker_note(entry.value)

    def wipe_directory(self, at: int) -> None:
        if at in self.seen or not 0 < at < len(self.data) - 1:
            return
        directory = self.directory(at)
        blank(self.data, [entry.value for entry in directory.entries])
        blank(self.data, [(at, min(directory.next_at + self.offset_size, len(self.data)))])

    def rewrite(self, directory: _Directory, kept: list[_Entry]) -> None:
        end = min(directory.next_at + self.offset_size, len(self.data))
        count_size = 8 if self.big else 2
        table = len(kept).to_bytes(count_size, self.order) + b"".join(entry.raw for entry in kept)
        table += bytes(self.data[directory.next_at : end])
        self.data[directory.at : end] = table.ljust(end - directory.at, b"\0")

    def clear_thumbnail(self, directory: _Directory) -> None:
        tags = (_THUMBNAIL_AT, _THUMBNAIL_SIZE)
        found = {entry.tag: next(self.offsets(entry), 0) for entry in directory.entries if entry.tag in tags}
        start = found.get(_THUMBNAIL_AT, 0)
        end = start + found.get(_THUMBNAIL_SIZE, 0)
        if 0 < start < end <= len(self.data):
            edit_spans(self.data, [(start, end)], _clear_photo, self.notes)

    def clear_maker_note(self, span: Span) -> None:
        start, end = span
        for signature, skip, tags in _MAKER_PLACES:
            if self.data[start : start + len(signature)] != signature:
                continue
            if signature == _NIKON:
                part = self.data[start + skip : end]
                _clear_nested_tags(part, self.notes, tags)
                self.data[start + skip : end] = part
            else:
                self.clear_tags(start + skip, tags)

    def clear_tags(self, at: int, tags: frozenset[int]) -> None:
        """Overwrite the values of tags in a directory that must keep its entries where they are."""
        directory = self.directory(at)
        for entry in directory.entries:
            if entry.tag in tags and entry.value[0] < entry.value[1] and any(self.data[slice(*entry.value)]):
                blank(self.data, [entry.value])
                self.notes.remove("MakerNote place")


def _clear_photo(data: bytearray, notes: Notes) -> None:
    notes.nested(data)


def _clear_nested_tags(data: bytearray, notes: Notes, tags: frozenset[int]) -> None:
    """A maker note that is a TIFF structure of its own, with its own offsets."""
    tiff = _open(data, notes)
    if tiff is not None:
        tiff.clear_tags(tiff.number(4, 4), tags)


def _open(data: bytearray, notes: Notes) -> _Tiff | None:
    mark = bytes(data[:2])
    if mark not in (b"II", b"MM") or len(data) < 8:
        return None
    order: Literal["little", "big"] = "little" if mark == b"II" else "big"
    magic = int.from_bytes(data[2:4], order)
    if magic not in _CLASSIC_MAGIC and magic != _BIG_MAGIC:
        return None
    return _Tiff(data, notes, order, magic == _BIG_MAGIC)


def is_tiff(head: bytes) -> bool:
    """Whether these are the first bytes of a TIFF structure."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"IIU\0", b"IIRO", b"IIRS", b"MMOR")


def clear_tiff(data: bytearray, notes: Notes) -> None:
    """Clear a TIFF structure in place."""
    notes.read(len(data))
    tiff = _open(data, notes)
    if tiff is None:
        raise BrokenMedia("Exif data without a TIFF header")
    tiff.clear(tiff.number(8, 8) if tiff.big else tiff.number(4, 4))


def clear_exif(data: bytearray, notes: Notes) -> None:
    """Clear Exif data, with or without the ``Exif`` mark that JPEG puts before it. An empty block holds nothing."""
    start = 6 if data[:4] == b"Exif" else 0
    if any(data[start:]):
        edit_spans(data, [(start, len(data))], clear_tiff, notes)


def walk_tiff(source: Source, notes: Notes) -> Walk:
    """A TIFF or DNG file: directories may be anywhere, so it is held."""
    data = yield from source.rest()
    clear_tiff(data, notes)
    source.put(data, len(data))
