"""GIF files (GIF89a) without places: the XMP application extension is edited in place."""

from __future__ import annotations

from collections.abc import Generator

from consent_mw.enforce.photos.base import MAX_HELD, BrokenMedia, Notes, Source, Span, Walk, edit_spans
from consent_mw.enforce.photos.xmp import clear_xmp

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_APPLICATION = 0xFF
_XMP = b"XMP DataXMP"
_XMP_END = bytes([1, *range(255, -1, -1), 0])
"""Ends a packet that is not cut into sub-blocks: a reader that takes its characters for lengths lands here, wherever
they led it, and is sent on to the end."""
_STEP = 64 * 1024
_SHORT = 64


def is_gif(head: bytes) -> bool:
    return head[:6] in (b"GIF87a", b"GIF89a")


def _table_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def walk_gif(source: Source, notes: Notes) -> Walk:
    """Walk blocks up to the trailer."""
    if not (yield from source.has(13)):
        return
    yield from source.copy(13 + _table_size(source.buffer[10]))
    while (yield from source.has(1)):
        notes.count()
        kind = source.buffer[0]
        if kind == _TRAILER:
            yield from source.copy(1)
            break
        if kind == _IMAGE:
            if not (yield from source.has(10)):
                return
            yield from source.copy(11 + _table_size(source.buffer[9]))
            yield from _copy_blocks(source, notes)
        elif kind == _EXTENSION:
            yield from _walk_extension(source, notes)
        else:
            raise BrokenMedia("an unknown kind of block")


def _walk_extension(source: Source, notes: Notes) -> Walk:
    if not (yield from source.has(3)):
        return
    label, size = source.buffer[1], source.buffer[2]
    if label == _APPLICATION and (yield from source.has(3 + size)) and source.buffer[3 : 3 + size] == _XMP:
        yield from source.copy(3 + size)
        yield from _walk_packet(source, notes)
    else:
        yield from source.copy(2)
        yield from _copy_blocks(source, notes)


def _walk_packet(source: Source, notes: Notes) -> Walk:
    notes.count()
    spans, end = yield from _packet(source, notes)
    packet = source.buffer[:end]
    edit_spans(packet, spans, clear_xmp, notes)
    source.put(packet, end)


def _packet(source: Source, notes: Notes) -> Generator[None, None, tuple[list[Span], int]]:
    """Where the packet is, and where its extension ends."""
    searched = 0
    if (yield from source.has(1)) and source.buffer[0] != ord("<") and source.buffer[0] != 0xEF:
        return (yield from _blocks(source, notes))
    while (at := source.buffer.find(_XMP_END, searched)) < 0:
        searched = max(0, len(source.buffer) - len(_XMP_END))
        if not (yield from source.has(len(source.buffer) + 1)):
            return (yield from _blocks(source, notes))
    return [(0, at)], at + len(_XMP_END)


def _blocks(source: Source, notes: Notes) -> Generator[None, None, tuple[list[Span], int]]:
    spans: list[Span] = []
    position = 0
    while True:
        if not (yield from source.has(position + 1)):
            raise BrokenMedia("the file ends inside its metadata")
        size = source.buffer[position]
        if size == 0:
            return spans, position + 1
        notes.count()
        spans.append((position + 1, position + 1 + size))
        position += 1 + size
        if position > MAX_HELD:
            raise BrokenMedia("metadata without an end")


def _copy_blocks(source: Source, notes: Notes) -> Walk:
    """Sub-blocks, up to the empty one. Real ones are full, but for the last."""
    position, size = 0, -1
    while size and (yield from source.has(position + 1)):
        end = min(len(source.buffer), _STEP)
        while size and position < end:
            size = source.buffer[position]
            position += 1 + size
            if size < _SHORT:
                notes.count()
        if position >= _STEP:
            yield from source.copy(position)
            position = 0
    yield from source.copy(position)
