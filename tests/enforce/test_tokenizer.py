"""The seam to lol-html: what it announces, and that marks and pieces together are the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.tokenizer import (
    END_OF_TEXT,
    FOREIGN_TAG,
    FOREIGN_TAG_WITH_TEXT,
    STRUCTURE,
    TAG,
    TAG_WITH_PLAIN_TEXT,
    TAG_WITH_TEXT,
    Mark,
    Tokenizer,
)
from enforce.gating import TRACKER, gated


def pieces(*chunks: bytes, everything_granted: bool = False) -> list[bytes]:
    tokenizer = Tokenizer(everything_granted)
    return [*(piece for chunk in chunks for piece in tokenizer.feed(chunk)), *tokenizer.close()]


def announced(page: bytes) -> list[tuple[Mark, bytes]]:
    """Each mark, and the piece that it announces."""
    found = pieces(page)
    return [(a, b) for a, b in zip(found, [*found[1:], b""], strict=True) if isinstance(a, Mark)]


@pytest.mark.parametrize(
    ("page", "mark"),
    [
        (b"<img>", TAG),
        (b"<IMG>", TAG),
        (b"<x-unheard-of>", TAG),
        (b"<a ping=b>", TAG),
        (b"<td background=b>", TAG),
        (b"<base>", STRUCTURE),
        (b"<body>", STRUCTURE),
        (b"<script>", TAG_WITH_TEXT),
        (b"<script src>", TAG),
        (b"<noscript>", TAG_WITH_TEXT),
        (b"<iframe>", TAG_WITH_PLAIN_TEXT),
    ],
)
def test_a_tag_is_announced_as_what_it_is(page: bytes, mark: Mark) -> None:
    assert announced(page)[0] == (mark, page)


@pytest.mark.parametrize("tag", [b"<p>", b"<a href=b>", b"<td class=b>", b"</img>", b"<!--<img>-->", b"<title><img>"])
def test_what_does_no_harm_is_not_announced(tag: bytes) -> None:
    assert announced(tag) == []


@pytest.mark.parametrize(
    ("tag", "mark"),
    [
        (b"<image>", FOREIGN_TAG),
        (b"<iframe>", FOREIGN_TAG),
        (b"<script src=a>", FOREIGN_TAG_WITH_TEXT),
        (b"<style>", FOREIGN_TAG_WITH_TEXT),
        (b"<img>", TAG),
        (b"<body>", STRUCTURE),
    ],
)
def test_in_a_drawing_a_tag_means_something_else(tag: bytes, mark: Mark) -> None:
    assert announced(b"<svg>" + tag)[0] == (mark, tag)


def test_the_end_of_a_text_is_told_whenever_it_comes() -> None:
    found = pieces(b"<style>a", b"b</st", b"yle><p>")
    assert b"".join(found[found.index(END_OF_TEXT) :]) == b"</style><p>"
    assert b"".join(found[: found.index(END_OF_TEXT)]) == b"<style>ab"


def test_marks_equal_nothing_but_themselves() -> None:
    assert TAG not in [STRUCTURE, b"", FOREIGN_TAG]
    assert b"" not in [TAG]


@given(
    st.lists(
        st.sampled_from(
            [b"<img>", b"<p>", b"<svg>", b"</svg>", b"<svg/>", b"<script>", b"</script>", b"<a ping=b>", b"<"]
        )
    ),
    st.booleans(),
)
def test_all_pieces_together_are_the_page(tags: list[bytes], everything_granted: bool) -> None:
    assert b"".join(pieces(*tags, everything_granted=everything_granted)) == b"".join(tags)


def test_a_script_in_a_drawing_is_judged_by_its_text_whatever_its_src() -> None:
    """SVG 2 knows no ``src``: a browser runs the text."""
    out = gated(b"<svg><script src=a>fetch('//%b/a')</script></svg>" % TRACKER.encode())
    assert b'type="text/plain"' in out
