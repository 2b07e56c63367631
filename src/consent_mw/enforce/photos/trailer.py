"""What stands after the end of an image: second pictures, motion photos, and what nobody knows.

Pictures and videos are walked like any other. The rest belongs to no image and may hold anything (phones keep the
country of the mobile network there), so it is overwritten with zeros.
"""

from __future__ import annotations

import re

from consent_mw.enforce.photos.base import Notes, Source, Walk

_START = re.compile(rb"\xff\xd8\xff|....ftyp", re.DOTALL)
_LONGEST_START = 8
_NOT_ZERO = re.compile(rb"[^\0]")


def walk_trailer(source: Source, notes: Notes) -> Walk:
    """Walk everything up to the end of the file."""
    notes.in_trailer = True
    while (yield from source.has(1)):
        yield from source.has(_LONGEST_START)
        start = _START.search(source.buffer)
        if start is not None:  # a longer start may begin before it and not have come whole
            yield from source.has(start.start() + _LONGEST_START)
            start = _START.search(source.buffer)
        if start is not None and start.start() == 0:
            yield from _walk_picture(source, notes)
        elif start is not None:
            _zero(source, notes, start.start())
        else:
            # The beginning of a start may be the end of what has come so far.
            keep = 0 if source.ended else _LONGEST_START - 1
            _zero(source, notes, len(source.buffer) - keep)
            if keep and (yield from source.has(_LONGEST_START)):
                continue


def _walk_picture(source: Source, notes: Notes) -> Walk:
    notes.count()
    walker = notes.walker_for(bytes(source.buffer[: _LONGEST_START + 4]))
    before = source.taken
    if walker is not None:
        yield from walker(source, notes)
    if source.taken == before and source.buffer:
        _zero(source, notes, 1)  # not what it seemed; go on behind it


def _zero(source: Source, notes: Notes, count: int) -> None:
    if count <= 0:
        return
    if _NOT_ZERO.search(source.buffer, 0, count):
        notes.remove("trailing data")
    source.put(bytes(count), count)
