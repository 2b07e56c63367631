"""PNG files (third edition: eXIf, APNG) without places. A changed chunk gets a new checksum, the others pass."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from consent_mw.enforce.photos.base import BrokenMedia, Notes, Source, Walk
from consent_mw.enforce.photos.iptc import clear_iim, clear_resources
from consent_mw.enforce.photos.tiff import clear_exif
from consent_mw.enforce.photos.xmp import clear_xmp, is_place_name

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNK = 2**31 - 1
_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_END = b"IEND"

_RAW_PROFILE = b"raw profile type "
_HEX_PROFILE = re.compile(rb"\s*+[^\n]{1,80}\n\s*+\d++\s++([0-9A-Fa-f\s]*+)")
_SPACES = frozenset(b" \t\r\n\v\f")
_NOT_HEX = re.compile(rb"\s+")

Clear = Callable[[bytearray, Notes], None]


def walk_png(source: Source, notes: Notes) -> Walk:
    """Walk chunks up to ``IEND``."""
    yield from source.copy(len(SIGNATURE))
    kind = b""
    while kind != _END and (yield from source.has(8)):
        length = int.from_bytes(source.buffer[:4])
        kind = bytes(source.buffer[4:8])
        if length > _MAX_CHUNK:
            raise BrokenMedia("a chunk longer than PNG allows")
        notes.count()
        if kind not in _METADATA:
            yield from source.copy(length + 12)
            continue
        chunk = yield from source.peek(length + 12)
        source.put(_scrub_chunk(kind, chunk, notes), len(chunk))


def _scrub_chunk(kind: bytes, chunk: bytearray, notes: Notes) -> bytes:
    body = bytes(chunk[8:-4])
    changed: bytes | None = body
    if kind == b"eXIf":
        changed = _cleared(clear_exif, body, notes)
    elif kind == b"tEXt":
        keyword, _, text = body.partition(b"\0")
        changed = _scrub_text(keyword, text, len(keyword) + 1, body, notes)
    elif kind == b"zTXt":
        keyword, _, rest = body.partition(b"\0")
        changed = _scrub_compressed(keyword, rest[1:], body, notes)
    else:
        changed = _scrub_international(body, notes)
    if changed is None:
        return b""
    if changed == body:
        return bytes(chunk)
    return len(changed).to_bytes(4) + kind + changed + zlib.crc32(kind + changed).to_bytes(4)


def _cleared(clear: Clear, data: bytes, notes: Notes) -> bytes:
    buffer = bytearray(data)
    clear(buffer, notes)
    return bytes(buffer)


def _clearer(keyword: bytes, text: bytes) -> Clear | None:
    """What this text is, by its keyword, or by how it begins."""
    name = keyword.lower()
    if name == b"xml:com.adobe.xmp" or text.lstrip()[:10].startswith((b"<x:xmpmeta", b"<?xpacket", b"<rdf:RDF")):
        return clear_xmp
    return _clear_profile if name.startswith(_RAW_PROFILE) else None


def _scrub_text(keyword: bytes, text: bytes, start: int, body: bytes, notes: Notes) -> bytes | None:
    """An uncompressed text; ``None`` when it has to go: its keyword names a place."""
    if is_place_name(keyword):
        notes.remove(f"PNG {keyword.decode('latin-1')}")
        return None
    clear = _clearer(keyword, text)
    return body if clear is None else body[:start] + _cleared(clear, text, notes)


def _scrub_compressed(keyword: bytes, packed: bytes, body: bytes, notes: Notes) -> bytes | None:
    if is_place_name(keyword):
        notes.remove(f"PNG {keyword.decode('latin-1')}")
        return None
    if _clearer(keyword, b"") is None:
        return body
    text = _inflate(packed, notes)
    cleared = _cleared(_clearer(keyword, text) or clear_xmp, text, notes)
    if cleared == text:
        return body
    changed = body[: len(body) - len(packed)] + zlib.compress(cleared, 9)
    return changed if len(changed) <= len(body) else None  # a stated length must stay true: nothing grows


def _inflate(packed: bytes, notes: Notes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, max(1, notes.reading))
    except zlib.error as error:
        raise BrokenMedia("a compressed text cannot be read") from error
    notes.read(len(text))
    if not inflater.eof:
        raise BrokenMedia("a compressed text is cut off, or far larger than its file")
    return text


def _scrub_international(body: bytes, notes: Notes) -> bytes | None:
    keyword, _, rest = body.partition(b"\0")
    start = len(keyword) + 3
    for _ in range(2):  # language tag, translated keyword
        start = body.find(b"\0", start) + 1
        if start == 0:
            return body
    if rest[:1] == b"\1":
        return _scrub_compressed(keyword, body[start:], body, notes)
    return _scrub_text(keyword, body[start:], start, body, notes)


def _clear_profile(text: bytearray, notes: Notes) -> None:
    """ImageMagick's "raw profile": the bytes in hexadecimal, with lines; digits are replaced where they stand."""
    profile = _HEX_PROFILE.match(text)
    if profile is None:
        return
    digits = _NOT_HEX.sub(b"", profile[1])
    data = bytearray.fromhex(digits[: len(digits) // 2 * 2].decode())
    before = bytes(data)
    if data.startswith(b"http://ns.adobe.com/xap") or data.lstrip().startswith(b"<"):
        clear_xmp(data, notes)
    elif data.startswith(b"\x1c"):
        clear_iim(data, notes)
    elif data.startswith((b"8BIM", b"Photoshop 3.0")):
        start = 14 if data.startswith(b"P") else 0
        data[start:] = _cleared(clear_resources, bytes(data[start:]), notes)
    elif bytes(data[:4]) in (b"Exif", b"II*\0", b"MM\0*"):
        clear_exif(data, notes)
    if data != before:
        fresh = iter(data.hex().encode())
        start, end = profile.span(1)
        text[start:end] = bytes(char if char in _SPACES else next(fresh, char) for char in text[start:end])
