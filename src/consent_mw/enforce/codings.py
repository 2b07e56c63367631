"""Content codings of a page on its way through the gate: decoded, judged, coded again, chunk by chunk.

gzip and deflate come with Python. A request that could be answered with a page asks the app only for those
(:func:`narrowed`). A page that comes in br or zstd all the same is read where a library for it is installed; in a
coding that cannot be read it is not rendered.
"""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Any, Protocol

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


class _Limited:
    """The size a body may grow to, checked block by block."""

    def __init__(self) -> None:
        self._read = self._grown = 0

    def _checked(self, block: bytes) -> bytes:
        self._grown += len(block)
        if self._grown > MIN_RATIO_BYTES and self._grown > self._read * MAX_RATIO:
            raise CodingError("the body grows beyond all reason")
        return block


class Zlib(_Limited):
    """gzip (also several members in a row) and deflate (zlib-wrapped, or raw as some servers send it)."""

    def __init__(self, *, gzip: bool) -> None:
        super().__init__()
        self._wbits = _GZIP if gzip else _ZLIB
        self._may_be_raw = not gzip
        self._inflate = zlib.decompressobj(self._wbits)
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, self._wbits)
        self._header = b""  # two bytes tell a zlib header from raw data

    def decode(self, data: bytes) -> bytes:
        """:raises CodingError: for a damaged or exploding body"""
        self._read += len(data)
        if self._may_be_raw:
            self._header += data
            if len(self._header) < 2:
                return b""
            data = self._header
        out = []
        while data:
            out.append(self._checked(self._inflated(data)))
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


class Brotli(_Limited):
    """br (RFC 7932), by the ``brotli`` package."""

    def __init__(self, library: Any) -> None:
        super().__init__()
        self._error = library.error
        self._expander = library.Decompressor()
        self._compressor = library.Compressor(quality=4)

    def decode(self, data: bytes) -> bytes:
        """:raises CodingError: for a damaged or exploding body"""
        self._read += len(data)
        out = []
        try:
            while data or not self._expander.can_accept_more_data():
                out.append(self._checked(self._expander.process(data, output_buffer_limit=_BLOCK_BYTES)))
                data = b""
        except self._error as error:
            raise CodingError(str(error)) from None
        return b"".join(out)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        out: bytes = self._compressor.process(data) if data else b""
        if last:
            return out + bytes(self._compressor.finish())
        return out + bytes(self._compressor.flush()) if data else out


class Zstandard(_Limited):
    """zstd (RFC 8878), by Python 3.14 or the ``backports.zstd`` package; several frames in a row too."""

    def __init__(self, library: Any) -> None:
        super().__init__()
        self._library = library
        self._expander = library.ZstdDecompressor()
        self._compressor = library.ZstdCompressor()

    def decode(self, data: bytes) -> bytes:
        """:raises CodingError: for a damaged or exploding body"""
        self._read += len(data)
        out = []
        try:
            while data or not self._expander.needs_input:
                if self._expander.eof:
                    self._expander = self._library.ZstdDecompressor()
                out.append(self._checked(self._expander.decompress(data, max_length=_BLOCK_BYTES)))
                data = self._expander.unused_data if self._expander.eof else b""
                if self._expander.eof and not data:
                    break
        except (self._library.ZstdError, EOFError) as error:
            raise CodingError(str(error)) from None
        return b"".join(out)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        mode = self._compressor.FLUSH_FRAME if last else self._compressor.FLUSH_BLOCK
        return bytes(self._compressor.compress(data, mode)) if data or last else b""


def _library(*names: str) -> Any:
    """The first of some modules that is installed and does what is asked of it, or None."""
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


_BROTLI = _library("brotli")
if _BROTLI is not None and not hasattr(_BROTLI.Decompressor, "can_accept_more_data"):
    _BROTLI = None  # before 1.2 it knows no limit, and a small body may be a bomb
_ZSTD = _library("compression.zstd", "backports.zstd")


def coding_for(content_encoding: bytes) -> Coding | None:
    """The coding of a Content-Encoding value; None when we cannot read it."""
    name = content_encoding.strip().lower()
    if name in (b"", b"identity"):
        return Identity()
    if name in (b"gzip", b"x-gzip"):
        return Zlib(gzip=True)
    if name == b"deflate":
        return Zlib(gzip=False)
    if name == b"br" and _BROTLI is not None:
        return Brotli(_BROTLI)
    if name == b"zstd" and _ZSTD is not None:
        return Zstandard(_ZSTD)
    return None


def narrowed(accept_encoding: bytes) -> bytes:
    """An Accept-Encoding value reduced to codings that can be judged; untouched when it names no other."""
    parts = accept_encoding.split(b",")
    kept = [part for part in parts if part.partition(b";")[0].strip().lower() in READABLE]
    return accept_encoding if len(kept) == len(parts) else b",".join(kept).strip() or b"identity"
