"""What all container walkers share: the stream they read from, the notes they take, the caps they keep.

A walker is a generator. It asks for bytes, yields while they have not come yet, and hands on what it has read, edited
where it must be. So the same few lines of sequential code serve a whole file and a file that comes in pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

MAX_HELD = 32 * 1024 * 1024
"""Bytes of metadata (or of a file whose metadata may be anywhere) kept in memory at once. More is *broken*."""
FREE_READING = 512 * 1024
READING_PER_BYTE = 2
"""Bytes of metadata that may be read, inflated ones too: so many, and so many more for each byte of the file. Offsets
may lead to the same bytes again and again. Real XMP packets stay under 100 KB."""
FREE_RECORDS = 8_000
BYTES_PER_RECORD = 100
"""Directory entries, segments, boxes and items that a file may have: so many, and one more for so many bytes. The
largest real files have a few hundred."""
MAX_DEPTH = 4
"""Photos in photos (thumbnails, second images, motion photos, embedded data)."""

Walk = Generator[None, None, None]
Span = tuple[int, int]


class BrokenMedia(Exception):
    """A container is too broken, or too large, to say that it holds no place. The message is for the log."""


@dataclass(slots=True)
class Notes:
    """What is known about one file while it is walked.

    :ivar walker_for: finds the walker for a file's first bytes; given from above, since containers hold each other
    :ivar records: records that may still be read
    :ivar reading: bytes of metadata that may still be read
    :ivar in_trailer: reading behind the end of a picture, where only what is certain is taken for a file
    :ivar removed: names of the metadata that was removed, never its values
    """

    walker_for: Callable[[bytes], Callable[[Source, Notes], Walk] | None]
    depth: int = 0
    records: int = FREE_RECORDS
    reading: int = FREE_READING
    in_trailer: bool = False
    removed: dict[str, None] = field(default_factory=dict)

    def remove(self, name: str) -> None:
        self.removed[name] = None

    def allow(self, size: int) -> None:
        """Let the budgets grow with the file."""
        self.records += size // BYTES_PER_RECORD
        self.reading += size * READING_PER_BYTE

    def count(self, records: int = 1) -> None:
        """Spend some of the file's budget. Offsets that point back at each other end here."""
        self.records -= records
        if self.records < 0:
            raise BrokenMedia("too many metadata records")

    def read(self, size: int) -> None:
        """Spend some of the file's budget. Many records that lead to the same bytes end here."""
        self.reading -= size
        if self.reading < 0:
            raise BrokenMedia("metadata that is read again and again, or inflated without end")

    def nested(self, data: bytearray) -> None:
        """Clear a whole photo inside this one, in place."""
        self.read(len(data))
        walker = self.walker_for(bytes(data[:SNIFFED]))
        if walker is None or self.depth >= MAX_DEPTH:
            return
        source = Source()
        source.buffer += data
        source.ended = True
        self.depth += 1
        try:
            for _ in walker(source, self):
                raise BrokenMedia("a walker waits for more of a whole file")
        finally:
            self.depth -= 1
        source.out.append(bytes(source.buffer))
        result = b"".join(source.out)
        if len(result) != len(data):
            raise BrokenMedia("an embedded photo cannot be cleared in place")
        data[:] = result


SNIFFED = 1024
"""Bytes looked at to tell a format; an SVG may begin with comments and declarations."""


class Source:
    """Bytes come in at the end of ``buffer``, and leave through ``out``. What is not handed on is not lost."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.out: list[bytes] = []
        self.ended = False
        self.taken = 0
        """Bytes that have left the buffer."""

    def has(self, count: int) -> Generator[None, None, bool]:
        """Wait for ``count`` bytes; ``False`` when the file ends before."""
        if count > MAX_HELD:
            raise BrokenMedia(f"more than {MAX_HELD} bytes of metadata")
        while len(self.buffer) < count:
            if self.ended:
                return False
            yield
        return True

    def peek(self, count: int) -> Generator[None, None, bytearray]:
        """The next ``count`` bytes, which stay until :meth:`put` replaces them."""
        if not (yield from self.has(count)):
            raise BrokenMedia("the file ends inside its metadata")
        return self.buffer[:count]

    def put(self, data: bytes | bytearray, count: int) -> None:
        """Hand on ``data`` in place of the next ``count`` bytes."""
        self.out.append(bytes(data))
        del self.buffer[:count]
        self.taken += count

    def copy(self, count: int) -> Walk:
        """Hand on ``count`` bytes as they come, or as many as there are."""
        while count > 0:
            if not self.buffer:
                if self.ended:
                    return
                yield
                continue
            step = min(count, len(self.buffer))
            self.put(self.buffer[:step], step)
            count -= step

    def rest(self) -> Generator[None, None, bytearray]:
        """Everything to the end of the file, for formats that may keep metadata anywhere."""
        while not self.ended:
            if len(self.buffer) > MAX_HELD:
                raise BrokenMedia(f"larger than {MAX_HELD} bytes")
            yield
        return self.buffer[:]


def edit_spans(
    buffer: bytearray, spans: Sequence[Span], edit: Callable[[bytearray, Notes], None], notes: Notes
) -> None:
    """Edit in place what is stored in several pieces as if it were one. ``edit`` must keep the length."""
    notes.read(sum(end - start for start, end in spans))
    joined = bytearray().join(buffer[start:end] for start, end in spans)
    before = len(joined)
    edit(joined, notes)
    if len(joined) != before:
        raise BrokenMedia("metadata cannot be cleared in place")
    position = 0
    for start, end in spans:
        buffer[start:end] = joined[position : position + end - start]
        position += end - start


def blank(buffer: bytearray, spans: Iterable[Span], filler: bytes = b"\0") -> None:
    """Overwrite, so that every offset in the file stays true."""
    for start, end in spans:
        buffer[start:end] = filler * ((end - start) // len(filler))
