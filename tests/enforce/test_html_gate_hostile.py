"""Long and hostile pages: nothing is kept for long, nothing gives up, and what comes after them is still gated."""

from __future__ import annotations

import pytest

from consent_mw.enforce.html_gate import HtmlGate
from enforce.gating import blank, bytewise

CHUNK_BYTES = 64 * 1024
PIXEL = b'<img src="//tracker.example/p.gif">'
HELD = b'<img data-consent="tracker" data-consent-src="//tracker.example/p.gif">'
MIB = 1024 * 1024
HOSTILE = {
    "a 2 MiB attribute": b'<img alt="' + b"a" * 2 * MIB + b'">',
    "a 2 MiB style": b'<p style="' + b"a" * 2 * MIB + b'">',
    "100,000 open elements": b"<div>" * 100_000,
    "100,000 open drawings": b"<svg>" * 100_000 + b"<p>",
    "100,000 open drawings in drawings": b"<svg><foreignObject>" * 50_000 + b"<p>",
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


TEXT_IN_THE_ENGINE = [
    b"<a><![CDATA[>%b]]>",
    b"<style><!--</style>%b",
    b"<script>%b",
    b"<title>%b",
    b"<textarea>%b",
    b"<xmp>%b",
]


@pytest.mark.parametrize("text", TEXT_IN_THE_ENGINE)
@pytest.mark.parametrize(
    "nest",
    [
        b"<svg><math>",
        b"<math><svg>",
        b"<math><x><svg>",
        b"<math><foreignObject><svg>",
        b"<svg><foreignObject><svg><math>",
    ],
)
@pytest.mark.parametrize("inner", [b"<foreignObject>", b"<desc>", b"<mi>", b"<annotation-xml encoding=text/html>"])
def test_a_drawing_in_a_formula_hides_nothing(nest: bytes, inner: bytes, text: bytes) -> None:
    """A browser takes it for a part of the formula; our engine begins a drawing, in which other things are text."""
    page = b"<p>a</p>" + nest + inner + text % PIXEL
    for chunks in ([page], bytewise(page)):
        gate = HtmlGate(blank())
        out = b"".join([*map(gate.feed, chunks), gate.close()])
        assert out.startswith(b"<p>a</p><")
        assert gate.failed
        assert b"<img" not in out


@pytest.mark.parametrize(
    "page",
    [
        b"<svg/><![CDATA[<td>%b",
        b"<svg><svg><embed><![CDATA[<td>%b",
        b"<math><mi><mglyph><xmp><mglyph>%b",
    ],
)
def test_a_drawing_that_the_engine_does_not_leave_hides_nothing(page: bytes) -> None:
    for chunks in ([page % PIXEL], bytewise(page % PIXEL)):
        gate = HtmlGate(blank())
        assert b"<img" not in b"".join([*map(gate.feed, chunks), gate.close()])


def test_a_style_sheet_in_a_drawing_may_be_character_data() -> None:
    gate = HtmlGate(blank())
    page = b"<svg/><svg><style><![CDATA[ a { fill: red } ]]></style></svg><script>//<![CDATA[\n1\n//]]></script>"
    assert gate.feed(page) + gate.close() == page


def test_a_formula_where_html_begins_again_in_a_drawing_is_left_alone() -> None:
    gate = HtmlGate(blank())
    page = b"<svg><foreignObject><p><math><mi>x</mi></math></p></foreignObject></svg><math><mi>y</mi></math><svg></svg>"
    assert gate.feed(page) + gate.close() == page
