"""Content codings of a page on its way through the gate: decoded, judged, coded again, chunk by chunk.

gzip and deflate come with Python. A request that could be answered with a page asks the app only for those
(:func:`narrowed`); a page that comes in another coding all the same cannot be judged and is not rendered.
"""

from __future__ import annotations

import zlib
from typing import Protocol

READABLE = frozenset({b"gzip", b"x-gzip", b"deflate", b"identity"})
MAX_RATIO = 200
MIN_RATIO_BYTES = 16 * 1024 * 1024
"""A body may grow to this size at any ratio; beyond it, :data:`MAX_RATIO` times its coded size (a bomb is no page)."""

_GZIP, _ZLIB, _RAW = 31, 15, -15
_BLOCK_BYTES = 256 * 1024


class CodingError(Exception):
    """The body is not what its coding says, or grows beyond all reason."""


class Coding(Protocol):
    """Bytes as they travel, to plain bytes and back."""

    def decode(self, data: bytes) -> bytes: ...

    def encode(self, data: bytes, *, last: bool) -> bytes: ...


class Identity:
    def decode(self, data: bytes) -> bytes:
        return data

    def encode(self, data: bytes, *, last: bool) -> bytes:
        return data


class Zlib:
    """gzip (also several members in a row) and deflate (zlib-wrapped, or raw as some servers send it)."""

    def __init__(self, *, gzip: bool) -> None:
        self._wbits = _GZIP if gzip else _ZLIB
        self._may_be_raw = not gzip
        self._inflate = zlib.decompressobj(self._wbits)
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, self._wbits)
        self._read = self._grown = 0

    def decode(self, data: bytes) -> bytes:
        """:raises CodingError: for a damaged or exploding body"""
        self._read += len(data)
        out = []
        while data:
            piece = self._inflated(data)
            out.append(piece)
            self._grown += len(piece)
            if self._grown > MIN_RATIO_BYTES and self._grown > self._read * MAX_RATIO:
                raise CodingError("the body grows beyond all reason")
            data = self._inflate.unconsumed_tail
            if self._inflate.eof:
                data = self._inflate.unused_data
                self._inflate = zlib.decompressobj(self._wbits)
        return b"".join(out)

    def _inflated(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, _BLOCK_BYTES)
        except zlib.error as error:
            if not self._may_be_raw:
                raise CodingError(str(error)) from None
            self._may_be_raw, self._wbits = False, _RAW
            self._inflate = zlib.decompressobj(_RAW)
            return self._inflated(data)
        self._may_be_raw = False
        return piece

    def encode(self, data: bytes, *, last: bool) -> bytes:
        out = self._deflate.compress(data) if data else b""
        if last:
            return out + self._deflate.flush()
        return out + self._deflate.flush(zlib.Z_SYNC_FLUSH) if data else out


def coding_for(content_encoding: bytes) -> Coding | None:
    """The coding of a Content-Encoding value; None when we cannot read it."""
    name = content_encoding.strip().lower()
    if name in (b"", b"identity"):
        return Identity()
    if name in (b"gzip", b"x-gzip"):
        return Zlib(gzip=True)
    if name == b"deflate":
        return Zlib(gzip=False)
    return None


def narrowed(accept_encoding: bytes) -> bytes:
    """An Accept-Encoding value reduced to codings that can be judged; untouched when it names no other."""
    parts = accept_encoding.split(b",")
    kept = [part for part in parts if part.partition(b";")[0].strip().lower() in READABLE]
    return accept_encoding if len(kept) == len(parts) else b",".join(kept).strip() or b"identity"
