"""Long and hostile pages: nothing is kept for long, nothing gives up, and what comes after them is still gated."""

from __future__ import annotations

import pytest

from consent_mw.enforce.html_gate import HtmlGate
from enforce.gating import blank

CHUNK_BYTES = 64 * 1024
PIXEL = b'<img src="//tracker.example/p.gif">'
HELD = b'<img data-consent="tracker" data-consent-src="//tracker.example/p.gif">'
MIB = 1024 * 1024
HOSTILE = {
    "a 2 MiB attribute": b'<img alt="' + b"a" * 2 * MIB + b'">',
    "a 2 MiB style": b'<p style="' + b"a" * 2 * MIB + b'">',
    "100,000 open elements": b"<div>" * 100_000,
    "100,000 open drawings": b"<svg>" * 100_000 + b"<p>",
    "a million <": b"<" * 1_000_000 + b" ",
    "a million attributes": b"<p " + b"a " * 1_000_000 + b">",
    "style upon style": b"<p" + b" style='" * 100_001 + b"'>",
    "comments in comments": b"<!--" * 500_000 + b"-->",
    "quotes in a script": b"<script>" + b"\"'`/" * 250_000 + b"</script>",
    "brackets in a style": b"<style>" + b"url(" * 250_000 + b"</style>",
    "references": b"<img alt='" + b"&amp" * 250_000 + b"'>",
}


@pytest.mark.parametrize("page", HOSTILE.values(), ids=HOSTILE)
def test_what_comes_after_a_hostile_page_is_gated(page: bytes) -> None:
    gate = HtmlGate(blank())
    whole = page + PIXEL
    chunks = [whole[at : at + CHUNK_BYTES] for at in range(0, len(whole), CHUNK_BYTES)]
    out = b"".join([*map(gate.feed, chunks), gate.close()])
    assert not gate.failed
    assert out == page + HELD


def test_of_a_page_of_50_mib_no_more_than_a_chunk_is_kept() -> None:
    gate = HtmlGate(blank())
    paragraph = b"<p class='a'>The tide came in over the quay, on and on, and <b>nobody</b> looked up.</p>\n"
    chunk = paragraph * (CHUNK_BYTES // len(paragraph))
    sent = received = 0
    while sent < 50 * MIB:
        sent += len(chunk)
        received += len(gate.feed(chunk))
        assert sent - received < CHUNK_BYTES
    assert received + len(gate.close()) == sent


def test_the_first_byte_goes_out_with_the_first_chunk() -> None:
    assert HtmlGate(blank()).feed(b"<!doctype html><title>a</title><p>b") == b"<!doctype html><title>a</title><p>b"


def test_a_tag_larger_than_what_is_judged_makes_the_rest_text() -> None:
    gate = HtmlGate(blank())
    chunks = [b'<p>a</p><img alt="', *[b"a" * MIB] * 5, b'">' + PIXEL]
    out = b"".join([*map(gate.feed, chunks), gate.close()])
    assert gate.failed
    assert out == b"<p>a</p>" + b"".join(chunks)[8:].replace(b"<", b"&lt;")
