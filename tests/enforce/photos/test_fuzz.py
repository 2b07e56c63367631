"""Broken and hostile files: no walker raises, hangs, eats memory, or makes a file longer.

A small part runs in `make test`, the long run in `make deep`.
"""

from __future__ import annotations

import random
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from consent_mw.enforce.photos.base import MAX_HELD
from consent_mw.enforce.photos.media import MediaScrubber, scrub
from enforce.photos.seeds import XMP, box, chunk, seeds

FORMATS = ("jpeg", "png", "webp", "tiff", "gif", "svg", "heic", "avif", "video")
MARKS = (b"Qyzzyville", b"39,54.252N", b"+39.9042+116.4074")
INTERESTING = (b"\0", b"\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\xff\xd8\xff",
               b"\xff\xd9",
               b"<", b"<!--", b'"', b"Exif\0\0", b"II*\0", b"ftyp", b"\x21\xff", b"\0\0\0\x08moov")  # fmt: skip
MS_PER_MB, HANGS_AFTER_MS = 50, 5_000


@pytest.mark.parametrize("name", FORMATS)
def test_a_whole_seed_is_cleared(name: str) -> None:
    result = scrub(seeds()[name])
    assert result.broken is None
    assert result.removed
    assert len(result.data) <= len(seeds()[name])
    assert [mark for mark in MARKS if mark in result.data] == []


def mutated(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(7)
        if kind == 0:
            data[at : at + 1] = chance.randbytes(1)
        elif kind == 1:
            word = chance.choice(INTERESTING)
            data[at : at + len(word)] = word
        elif kind == 2:
            data[at:at] = chance.choice(INTERESTING)
        elif kind == 3:
            del data[at : at + chance.choice((1, 2, 4, 100))]
        elif kind == 4:
            end = at + chance.randrange(200)
            data[at:at] = data[at:end] * chance.choice((1, 2, 50))
        elif kind == 5:
            del data[at:]
        else:
            other = chance.choice(list(seeds().values()))
            data[at:at] = other[: chance.randrange(len(other))]
        if not data:
            break
    return bytes(data)


def check(data: bytes, size: int) -> None:
    result = scrub(data)
    assert len(result.data) <= len(data)
    scrubber = MediaScrubber()
    pieces = [scrubber.feed(data[at : at + size]) for at in range(0, len(data), size)]
    whole = b"".join([*pieces, scrubber.close()])
    if result.broken is None and scrubber.broken is None:
        assert whole == result.data
        assert scrubber.removed == result.removed


@pytest.mark.parametrize("name", FORMATS)
def test_a_broken_file_is_no_failure(name: str) -> None:
    chance = random.Random(f"{name} slice")
    for _ in range(80):
        check(mutated(seeds()[name], chance), chance.choice((1, 13, 997)))


@pytest.mark.deep
@pytest.mark.parametrize("run", range(10))
@pytest.mark.parametrize("name", FORMATS)
def test_broken_files_are_no_failure_and_no_hang(name: str, run: int) -> None:
    chance = random.Random(f"{name} {run}")
    for _ in range(6000):
        data = mutated(seeds()[name], chance)
        started = time.process_time()
        scrub(data)
        took = (time.process_time() - started) * 1e3
        assert took <= HANGS_AFTER_MS, f"{took:.0f} ms for {len(data)} bytes"
        check(data, chance.choice((7, 101, 4096)))


MB = 1_000_000


def xmp_jpeg(packet: bytes) -> bytes:
    """A packet over as many segments as it takes."""
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + bytes(8)
    parts = (head + packet[at : at + 60_000] for at in range(0, len(packet), 60_000))
    return b"\xff\xd8" + b"".join(b"\xff\xe1" + (len(part) + 2).to_bytes(2) + part for part in parts) + b"\xff\xd9"


def many_tags(tag: int, n: int) -> bytes:
    """A directory whose entries all lead to the same bytes."""
    entries = n // 100
    entry = tag.to_bytes(2, "little") + b"\7\0" + (n // 7).to_bytes(4, "little") + (n // 2).to_bytes(4, "little")
    return (b"II*\0\x08\0\0\0" + entries.to_bytes(2, "little") + entry * entries + bytes(4)).ljust(n, b"<")


def many_items(n: int) -> bytes:
    """A HEIC whose items are all the same bytes."""
    numbers = range(1, n // 110)
    kinds = b"".join(box(b"infe", b"\2\0\0\0", number.to_bytes(2), b"\0\0Exif\0") for number in numbers)
    span = (n // 2).to_bytes(4) + (n // 2 - 100).to_bytes(4)
    places = b"".join(number.to_bytes(2) + b"\0\0\0\1" + span for number in numbers)
    iloc = box(b"iloc", b"\0\0\0\0\x44\0", (len(numbers)).to_bytes(2), places)
    meta = box(b"meta", bytes(4), box(b"iinf", bytes(4), b"\xff\xff", kinds), iloc)
    return (box(b"ftyp", b"heic", bytes(4), b"heic") + meta).ljust(n, b"\0")


GIF = b"GIF89a" + bytes(7)
PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13))
MP4 = box(b"ftyp", b"isom")
BOMB = zlib.compress(bytes(4 * MB), 9)
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "jpeg of nothing": lambda n: b"\xff\xd8\xff" + bytes(n),
    "jpeg of fill bytes": lambda n: b"\xff\xd8\xff" + b"\xff" * n,
    "jpeg of empty segments": lambda n: b"\xff\xd8" + b"\xff\xe0\0\2" * (n // 4),
    "jpeg of scans": lambda n: b"\xff\xd8" + b"\xff\xda\0\2" * (n // 4),
    "jpeg of jpegs": lambda n: b"\xff\xd8\xff\xd9" * (n // 4),
    "jpeg of files": lambda n: b"\xff\xd8\xff\xd9" + box(b"ftyp") * (n // 8),
    "jpeg of half files": lambda n: b"\xff\xd8\xff\xd9" + b"\xff\xd8\0ft" * (n // 5),
    "gif of tiny blocks": lambda n: GIF + b"\x21\xfe" + b"\1x" * (n // 2) + b"\0;",
    "gif of empty extensions": lambda n: GIF + b"\x21\xfe\0" * (n // 3) + b";",
    "gif of packets": lambda n: GIF + b"\x21\xff\x0bXMP DataXMP\0" * (n // 15),
    "gif with an endless packet": lambda n: GIF + b"\x21\xff\x0bXMP DataXMP<" + b"a" * n,
    "png of empty chunks": lambda n: PNG + chunk(b"abcd", b"") * (n // 12),
    "png of bombs": lambda n: PNG + chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + BOMB) * (n // 4200),
    "webp of empty chunks": lambda n: b"RIFF\x40\x42\x0f\0WEBP" + b"abcd\0\0\0\0" * (n // 8),
    "webp of empty packets": lambda n: b"RIFF\x40\x42\x0f\0WEBP" + b"XMP \0\0\0\0" * (n // 8),
    "video of empty boxes": lambda n: MP4 + box(b"udta") * (n // 8),
    "video of nested boxes": lambda n: MP4 + b"".join((n - 8 * k).to_bytes(4) + b"trak" for k in range(n // 8)),
    "video of sample entries": lambda n: MP4 + box(b"moov", box(b"trak", (b"stsd" + bytes(12) + b"mebx") * (n // 20))),
    "heic of one item many times": lambda n: many_items(n),
    "tiff of one packet many times": lambda n: many_tags(0x02BC, n),
    "tiff of one record many times": lambda n: many_tags(0x83BB, n),
    "tiff of one resource many times": lambda n: many_tags(0x8649, n),
    "tiff of one maker note many times": lambda n: many_tags(0x927C, n),
    "xmp of quotes": lambda n: xmp_jpeg(b'<a "' * (n // 4)),
    "xmp of starts": lambda n: xmp_jpeg(b"<" * n),
    "xmp of one name": lambda n: xmp_jpeg(b"<" + b"a" * n),
    "xmp of one attribute": lambda n: xmp_jpeg(b"<a " + b"a" * n + b">"),
    "xmp of half attributes": lambda n: xmp_jpeg(b"<a " + b"a= " * (n // 3) + b">"),
    "xmp of open comments": lambda n: xmp_jpeg(b"<!--" * (n // 4)),
    "xmp of open elements": lambda n: xmp_jpeg(b"<GPSa>" * (n // 6)),
    "svg of open metadata": lambda n: b"<svg " + b"<metadata" * (n // 9),
    "svg of empty metadata": lambda n: b"<svg " + b"<metadata></metadata>" * (n // 21),
    "svg of pictures": lambda n: b"<svg " + b";base64,/9j/" * (n // 12),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_soon_and_in_little_memory(name: str) -> None:
    """Budgets are counted in records and bytes read, so this fails by not ending rather than by a slow machine."""
    data = HOSTILE[name](MB // 4)
    tracemalloc.start()
    try:
        scrub(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(data) + 8 * MB


@pytest.mark.deep
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_takes_no_more_than_50_ms_per_megabyte(name: str) -> None:
    data = HOSTILE[name](MB)
    took = []
    for _ in range(5):
        started = time.process_time()
        scrub(data)
        took.append((time.process_time() - started) * 1e3)
    assert min(took) <= MS_PER_MB * len(data) / 1e6


def test_a_file_that_streams_is_not_kept() -> None:
    """Picture data passes as it comes; only what may be metadata is held, and of that no more than the limit."""
    scrubber = MediaScrubber()
    scrubber.feed(seeds()["jpeg"][:4000])
    tracemalloc.start()
    try:
        for _ in range(200):
            scrubber.feed(b"\x55" * 100_000)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_metadata_over_the_limit_is_broken_and_passes() -> None:
    scrubber = MediaScrubber()
    head = b"\x89PNG\r\n\x1a\n" + (MAX_HELD + 1).to_bytes(4) + b"eXIf" + XMP
    assert scrubber.feed(head.ljust(2000, b"x")) == head.ljust(2000, b"x")
    assert scrubber.broken == f"more than {MAX_HELD} bytes of metadata"
    assert scrubber.feed(b"more") == b"more"
