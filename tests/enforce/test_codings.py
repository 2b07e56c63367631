"""Content codings, chunk by chunk, there and back."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.codings import MIN_RATIO_BYTES, CodingError, coding_for, narrowed
from enforce.gating import bytewise

PAGE = b"<!doctype html><p>The tide came in over the quay.</p>" * 50


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "identity": (b"identity", bytes),
    "none": (b"", bytes),
    "gzip": (b" GZIP ", gzip.compress),
    "two gzip members": (b"gzip", lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])),
    "deflate": (b"deflate", zlib.compress),
    "raw deflate": (b"deflate", raw_deflate),
    "br": (b"br", brotli.compress),
    "zstd": (b"zstd", zstd.compress),
    "two zstd frames": (b"zstd", lambda data: zstd.compress(data[:99]) + zstd.compress(data[99:])),
}
each_packer = pytest.mark.parametrize(("name", "pack"), PACKERS.values(), ids=PACKERS)


@each_packer
def test_a_body_is_read_in_any_chunks(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    for chunks in ([pack(PAGE)], bytewise(pack(PAGE))):
        coding = coding_for(name)
        assert coding is not None
        assert b"".join(map(coding.decode, chunks)) == PAGE


@pytest.mark.parametrize("name", [b"gzip", b"deflate", b"br", b"zstd", b"identity"])
@given(chunks=st.lists(st.binary(max_size=200), max_size=6))
def test_what_is_written_can_be_read_after_every_chunk(name: bytes, chunks: list[bytes]) -> None:
    writer, reader = coding_for(name), coding_for(name)
    assert writer is not None
    assert reader is not None
    for chunk in chunks:
        assert reader.decode(writer.encode(chunk, last=False)) == chunk
    assert reader.decode(writer.encode(b"", last=True)) == b""


@pytest.mark.parametrize("name", [b"gzip", b"br", b"zstd", b"deflate"])
def test_a_damaged_body_is_an_error(name: bytes) -> None:
    coding = coding_for(name)
    assert coding is not None
    with pytest.raises(CodingError):
        coding.decode(b"\xff\xfe<p>this was never compressed</p>" * 20)


@pytest.mark.parametrize("pack", [gzip.compress, brotli.compress, zstd.compress])
def test_a_bomb_is_an_error_before_it_fills_the_memory(pack: Callable[[bytes], bytes]) -> None:
    names = {gzip.compress: b"gzip", brotli.compress: b"br", zstd.compress: b"zstd"}
    coding = coding_for(names[pack])
    assert coding is not None
    with pytest.raises(CodingError, match="beyond all reason"):
        coding.decode(pack(bytes(8 * MIN_RATIO_BYTES)))


@pytest.mark.parametrize("name", [b"compress", b"gzip, br", b"aes128gcm", b"dcb"])
def test_what_cannot_be_read_is_said_so(name: bytes) -> None:
    assert coding_for(name) is None


@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        (b"gzip, deflate", b"gzip, deflate"),
        (b"gzip, deflate, br, zstd", b"gzip, deflate"),
        (b"br;q=1.0, gzip;q=0.5, *;q=0", b"gzip;q=0.5"),
        (b"br", b"identity"),
    ],
)
def test_the_app_is_asked_only_for_what_can_surely_be_read(asked: bytes, passed_on: bytes) -> None:
    assert narrowed(asked) == passed_on
