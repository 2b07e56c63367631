"""Where a body is cut is nobody's business: whatever the chunks, the same page leaves the middleware."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi.exchange import HTML, PAGE, TRACKER, Headers, call, consent_cookie, in_chunks, wrapped

FRAME = b'<iframe src="https://www.youtube.com/embed/x" width=300></iframe>'
INLINE = b"<script>window.dataLayer=[];gtag('js',new Date());'</scr'+'ipt>'</script>"
ODD = (
    b"<p title='a<b'>&amp;\xc3\xa9\xe6\x97\xa5</p><!-- <script src=//www.googletagmanager.com/x> -->"
    b"<textarea><img src=x></textarea><svg><script href='https://www.googletagmanager.com/gtag/js'/></svg><noscript>"
    b'<img src="https://www.facebook.com/tr?id=1"></noscript><a href=x>y</a>'
    b"<style>a{background:url(//x.test/y)}</style>"
)
PAGES = {
    "plain": PAGE,
    "tracked": PAGE.replace(b"</body>", TRACKER + FRAME + INLINE + ODD + b"</body>"),
    "no end": PAGE[:60] + TRACKER + b"<script>never closed",
    "cut in a tag": PAGE[:60] + b'<img src="https://www.googletagmanager.com/x',
    "fragment": TRACKER + b"<p>no document</p>",
    "text": b"just words & < > \xff\x00",
    "byte order mark": b"\xef\xbb\xbf" + PAGE,
    "wide byte order mark": b"\xff\xfe" + "<html><body><script src='//www.googletagmanager.com/x'>".encode("utf-16-le"),
    "wide byte order mark, big end": b"\xfe\xff" + "<html><body><script src='//x.test/y'>".encode("utf-16-be"),
    "base": b"<html><head><base href='https://www.googletagmanager.com/'><script src=gtag/js></script></head><body>x",
    "empty": b"",
}
COOKIES: dict[str, Headers] = {"undecided": (), "granted": [consent_cookie(wrapped(in_chunks([])))]}
_apps: dict[bytes, bytes] = {}


def passed(chunks: list[bytes], headers: Headers = (HTML,), visitor: str = "undecided") -> tuple[bytes, bytes | None]:
    """Body and type of what leaves the middleware."""
    answer = call(wrapped(in_chunks(chunks, headers)), headers=COOKIES[visitor])
    return answer.body, answer.one(b"content-type")


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("visitor", COOKIES)
def test_byte_by_byte_it_is_the_same_page(name: str, visitor: str) -> None:
    page = PAGES[name]
    assert passed([bytes([byte]) for byte in page], visitor=visitor) == passed([page], visitor=visitor)


@settings(max_examples=40)
@given(st.sampled_from(sorted(PAGES)), st.lists(st.integers(0, 10_000), max_size=8))
def test_cut_anywhere_it_is_the_same_page(name: str, places: list[int]) -> None:
    assert passed(cut(PAGES[name], places)) == passed([PAGES[name]])


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(PAGES)), st.lists(st.integers(0, 10_000), max_size=6), st.sampled_from(["gzip", "deflate"])
)
def test_cut_anywhere_while_compressed_it_is_the_same_page(name: str, places: list[int], coding: str) -> None:
    page = PAGES[name]
    packed = gzip.compress(page) if coding == "gzip" else zlib.compress(page)
    out, kind = passed(cut(packed, places), (HTML, (b"content-encoding", coding.encode())))
    assert (zlib.decompress(out, 31 if coding == "gzip" else 15), kind) == passed([page])


@pytest.mark.deep
@settings(max_examples=5_000)
@given(st.lists(st.sampled_from(sorted(PAGES)), max_size=3), st.lists(st.integers(0, 50_000), max_size=30))
def test_pages_in_a_row_cut_anywhere_leave_the_same(names: list[str], places: list[int]) -> None:
    page = b"".join(PAGES[name] for name in names)
    assert passed(cut(page, places)) == passed([page])
