"""``<noscript>``: text for one visitor, markup for another, harmless for both."""

from __future__ import annotations

import pytest

from enforce.gating import bytewise, gated

PIXEL = b'<img src="//tracker.example/p.gif" alt="">'
HELD = b'<img data-consent="tracker" data-consent-src="//tracker.example/p.gif" alt="">'


def test_markup_for_visitors_without_scripts_is_gated() -> None:
    page = b"<p>a</p><noscript>b " + PIXEL + b"</noscript><p>c</p>"
    assert gated(page) == b"<p>a</p><noscript>b " + HELD + b"</noscript><p>c</p>"
    assert gated(bytewise(page)) == gated(page)


@pytest.mark.parametrize(
    "page",
    [
        b"<noscript>Please turn scripts on.</noscript>",
        b'<noscript><img src="/own.gif"></noscript>',
        b'<head><noscript><style>a { color: red }</style><link rel="stylesheet" href="/a.css"></noscript>',
        b"<noscript><svg><style>a {}</style></svg></noscript><p>",
        b"<noscript></noscript>",
        b"<noscript><p>never closed",
    ],
)
def test_harmless_markup_is_not_touched(page: bytes) -> None:
    assert gated(page) == gated(bytewise(page)) == page


@pytest.mark.parametrize(
    "opening",
    [
        b"<style>",
        b"<!--",
        b"<img alt='",
        b"<textarea>",
        b"<script>",
        b"<noscript>",
        b"<svg><desc><div>",
        b"<plaintext>",
    ],
)
def test_a_text_that_leaves_something_open_is_shown_as_text(opening: bytes) -> None:
    page = b"<noscript>" + opening + b"</noscript><p>x</p>"
    assert (
        gated(page) == gated(bytewise(page)) == b"<noscript>" + opening.replace(b"<", b"&lt;") + b"</noscript><p>x</p>"
    )


def test_two_readings_that_disagree_about_the_rest_are_both_harmless() -> None:
    page = b'<noscript><style></noscript><img alt="</style>' + PIXEL.replace(b'"', b"'") + b'">' + PIXEL
    out = gated(page)
    assert out.startswith(b"<noscript>&lt;style></noscript><img alt=")
    assert out.endswith(HELD)


def test_one_too_long_to_be_judged_is_shown_as_text_to_its_end() -> None:
    filler = b"x" * (3 * 1024 * 1024)
    page = b"<noscript>" + filler + filler + PIXEL + b"</noscript>" + PIXEL
    out = gated([page[at : at + 65536] for at in range(0, len(page), 65536)])
    assert PIXEL not in out
    assert out.endswith(PIXEL.replace(b"<", b"&lt;") + b"</noscript>" + HELD)
