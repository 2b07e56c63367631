"""Attributes of tags that nobody announced: found in the bytes, in any chunks, and held back where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.attributes import AttributeScan, is_suspicious, tail_bytes
from enforce.gating import EMBEDDED, MARKER, OWN_HOST, TRACKER, gated, page

STYLE = f"style='background: url(//{TRACKER}/a)'".encode()
CLICK = f'onclick="{MARKER})"'.encode()
OTHER = f"style='background: url(//{EMBEDDED}/a)'".encode()


def scanned(text: bytes) -> bytes:
    scan = AttributeScan(page().judge)
    return scan.feed(text) + scan.flush()


@pytest.mark.parametrize(
    "attribute",
    [
        STYLE,
        CLICK,
        f"href='javascript:{MARKER})'".encode(),
        f"formaction=javascript:{MARKER})".encode(),
        f"fill=url(//{TRACKER}/a)".encode(),
        f"marker-start='url(//{TRACKER}/a)'".encode(),
        f"STYLE = 'background: url(//{TRACKER}/a)'".encode(),
        f"style=background:url(//{TRACKER}/a)".encode(),
        f"style='color: red; background: url&lpar;//{TRACKER}/a)'".encode(),
    ],
)
def test_what_contacts_a_denied_service_is_held_back(attribute: bytes) -> None:
    assert scanned(b"<p title=a %b>" % attribute) == b'<p title=a data-consent="tracker" data-consent-%b>' % attribute


@pytest.mark.parametrize(
    "text",
    [
        b"<p style='color: red' onclick='count()' href='/a'>",
        b"<p style=\"color: red\"><b STYLE = 'top: 0'>(text)</b>",
        f"<p style='background: url(//{OWN_HOST}/a)'>".encode(),
        f"<p data-note='//{TRACKER}/a'>".encode(),
        b"<p>He wrote %b into his page.</p>" % STYLE,
        b"<p><!-- %b --></p>" % STYLE,
        f"<a href='https://{TRACKER}/a'>a link contacts nobody</a>".encode(),
    ],
)
def test_what_contacts_nobody_stays(text: bytes) -> None:
    assert scanned(text) == text


@pytest.mark.parametrize(
    "before",
    [
        b"<style><!--</style>",
        b"<script><!--</script>",
        b"<textarea><!--</textarea>",
        b"<title><!--</title>",
        b"<svg><desc><![CDATA[<!--]]></desc></svg>",
        b"<p><!-- a --!>",
        b"<p><!-->",
        b"<b title='<!--'></b>",
        b"<b title='><!--'></b>",
        b'<b title = "><!-- ">',
        b"<b title='%b><!--'></b>" % (b"long " * 400),
    ],
)
def test_what_only_looks_like_a_comment_hides_nothing(before: bytes) -> None:
    markup = before + b"<p %b>" % STYLE
    for cut in range(max(0, len(before) - 60), len(markup)):
        assert gated([markup[:cut], markup[cut:]]).endswith(b'<p data-consent="tracker" data-consent-%b>' % STYLE)


def test_a_name_in_a_value_is_judged_too_because_a_browser_may_see_it() -> None:
    assert b"data-consent-" in scanned(b"<p title='\"' %b>" % STYLE)


def test_one_mark_says_for_both_what_they_wait_for() -> None:
    out = scanned(b"<p %b %b>" % (STYLE, CLICK))
    assert out == b'<p data-consent="tracker" data-consent-%b data-consent-%b>' % (STYLE, CLICK)


@pytest.mark.parametrize("cut", [0, 20, 60, 75, 80])
def test_what_waits_for_something_else_is_not_let_go_with_it(cut: int) -> None:
    """A browser would drop a second mark, and with it what the attribute waits for."""
    tag = b"<p %b %b>" % (STYLE, OTHER.replace(b"style", b"mask"))
    expected = tag.replace(b"style", b'data-consent="tracker" data-consent-style')
    scan = AttributeScan(page().judge)
    out = scan.feed(tag[:cut]) + scan.feed(tag[cut:]) + scan.flush()
    assert out == expected.replace(b"mask", b"data-consent-also-mask")


def test_the_next_tag_has_a_mark_of_its_own() -> None:
    out = scanned(b"<p %b><b %b>" % (STYLE, OTHER))
    assert out.endswith(b'<b data-consent="embedded" data-consent-%b>' % OTHER)
    split = AttributeScan(page().judge)
    assert split.feed(b"<p %b><" % STYLE) + split.feed(b"b %b>" % OTHER) + split.flush() == out


def test_an_author_s_mark_does_not_let_go_what_we_hold_back() -> None:
    out = gated(b'<p data-consent="necessary" %b>' % STYLE)
    assert out == b'<p data-consent="necessary" data-consent-also-%b>' % STYLE


@given(st.integers(0, 120))
def test_where_it_is_cut_does_not_matter(cut: int) -> None:
    text = b"<p %b title=x %b>text<b %b></b>" % (STYLE, CLICK, OTHER)
    assert gated([text[:cut], text[cut:]]) == gated(text)


@pytest.mark.parametrize("filling", range(900, 1100, 8))
def test_how_far_back_a_comment_began_does_not_depend_on_the_cuts(filling: int) -> None:
    text = b"<p style=''><style>a {} b {} c {}</style>x<!--%b<p %b>-->" % (b"." * filling, STYLE)
    assert gated([text[:20], text[20:28], text[28:]]) == gated(text)


@pytest.mark.parametrize(
    ("data", "suspicious"),
    [
        (b"<p class=a id=b>text", False),
        (b"<p style=a>", True),
        (b"<p\nonclick = a>", True),
        (b"<a href=javascript:a()>", True),
        (b"<a href=/a>", False),
        (b"<p class=a>" + b"words " * 400 + b"<p style=a>", True),
        (b"<p class=a>" + b"words " * 400 + b"<p lang=a>", False),
        (b"<p class=a>" + b"words " * 400 + b"<p style" + b" " * 90 + b"=a>", True),
    ],
)
def test_only_what_may_hold_such_an_attribute_is_looked_at(data: bytes, suspicious: bool) -> None:
    assert is_suspicious(data) is suspicious


@pytest.mark.parametrize(
    ("data", "waiting"),
    [(b"<p sty", 3), (b"<p style", 5), (b"<p style ", 6), (b"<p onclick", 7), (b"<p>style", 0), (b"<p class", 0)],
)
def test_a_chunk_that_ends_in_a_name_waits_for_the_rest(data: bytes, waiting: int) -> None:
    assert tail_bytes(b">", data) == waiting
