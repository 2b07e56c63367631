"""One element held back: what stands in for it, where that may stand, and what stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from consent_mw.enforce.holding import adopted, held
from consent_mw.enforce.html_gate import HtmlGate
from consent_mw.enforce.page import Page
from consent_mw.enforce.tags import Tag
from enforce.gating import EMBEDDED, TRACKER, page

SOURCE = f"https://{TRACKER}/x".encode()
POST = b"<blockquote class='wide tracker-post'>"
BOX = b"[placeholder]"


def boxed(tag: bytes) -> bytes:
    return held(page(), Tag(tag), with_box=True)


@pytest.mark.parametrize("name", [b"iframe", b"embed", b"video"])
def test_a_box_stands_in_for_what_takes_a_place(name: bytes) -> None:
    tag = b"<%b src=%b>" % (name, SOURCE)
    inert = b'<%b data-consent="tracker" data-consent-src=%b>' % (name, SOURCE)
    assert boxed(tag) == BOX + inert
    assert held(page(), Tag(tag)) == inert


@pytest.mark.parametrize("speck", [b"width=1", b"height='0'", b"style='display: none'", b"style=visibility:hidden"])
def test_nothing_stands_in_for_what_nobody_is_meant_to_see(speck: bytes) -> None:
    assert BOX not in boxed(b"<iframe %b src=%b>" % (speck, SOURCE))


def test_a_picture_and_a_tracking_script_have_no_box() -> None:
    assert boxed(b"<img src=%b>" % SOURCE).startswith(b"<img data-consent")
    assert boxed(b"<script src=%b>" % SOURCE).startswith(b"<script data-consent")


def test_a_script_that_shows_something_has_one() -> None:
    tag = b"<script src=https://%b/form.js>" % EMBEDDED.encode()
    assert boxed(tag).startswith(BOX + b'<script data-consent="embedded" type="text/plain"')


def test_a_quote_that_waits_to_become_a_post_has_one_and_stays_readable() -> None:
    assert boxed(POST) == BOX + POST
    assert boxed(b"<blockquote class=other>") == b"<blockquote class=other>"
    styled = b"<blockquote class=tracker-post style='background: url(%b)'>" % SOURCE
    assert boxed(styled).startswith(BOX + b'<blockquote data-consent="tracker" class=tracker-post data-consent-style=')


def judged(markup: bytes, gate_page: Page | None = None) -> bytes:
    gate = HtmlGate(gate_page or page())
    return gate.feed(markup) + gate.close()


SCRIPT = b"<script src=https://%b/form.js></script>" % EMBEDDED.encode()


def test_a_script_s_box_stands_in_the_body_only() -> None:
    assert BOX not in judged(b"<!doctype html><head>" + SCRIPT + b"</head><body>")
    assert BOX in judged(b"<!doctype html><head></head><body>" + SCRIPT)


@pytest.mark.parametrize("name", [b"iframe", b"video", b"object", b"script"])
@pytest.mark.parametrize("foreign", [b"svg", b"math"])
def test_nothing_of_ours_ends_a_drawing_or_a_formula(foreign: bytes, name: bytes) -> None:
    """What a browser took for text in it would become a tag."""
    source = b"data" if name == b"object" else b"src"
    host = EMBEDDED.encode() if name == b"script" else TRACKER.encode()
    tag = b"<%b %b=https://%b/x></%b>" % (name, source, host, name)
    inside = b"<!doctype html><body><%b>%b<![CDATA[><img src=%b>]]></%b>" % (foreign, tag, SOURCE, foreign)
    out = judged(inside)
    assert b"data-consent-%b" % source in out
    assert BOX not in out
    assert BOX in judged(b"<!doctype html><body>%b" % tag)


@pytest.mark.parametrize("first", [b"<image href=a>", b"<script>a()</script>", b"<use href=a />"])
def test_our_head_does_not_stand_in_a_drawing(first: bytes) -> None:
    out = judged(b"<!doctype html><title>x</title><svg>%b</svg><img src=a>" % first, replace(page(), head=b"[head]"))
    assert out.startswith(b"<!doctype html><title>x</title><svg>%b</svg>[head]<img src=a>" % first)


def test_a_box_belongs_to_its_page() -> None:
    """The tags of one page are remembered for the next, which may be in another language."""
    first, markup = page(), b"<body>" + POST + b"</blockquote>"
    boxes: list[Callable[[list[str], Tag], bytes]] = [lambda ids, tag: b"[un]", lambda ids, tag: b"[deux]"]
    out = [judged(markup, replace(first, placeholder=box)) for box in boxes]
    assert [b"[un]" in out[0], b"[deux]" in out[1]] == [True, True]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (
            b"<script type=text/plain data-category=analytics data-src=a>",
            b'<script data-consent="personalization_analytics" type=text/plain data-category=analytics '
            b"data-consent-src=a>",
        ),
        (
            b"<iframe data-name=tracker data-src=a>",
            b'<iframe data-consent="tracker" data-name=tracker data-consent-src=a>',
        ),
        (b"<iframe data-name=of-the-boat data-src=a>", None),
        (b"<script data-category=analytics src=a>", None),
        (b"<iframe data-consent=x data-name=tracker data-src=a>", None),
    ],
)
def test_marks_of_other_tools_are_put_into_our_words(tag: bytes, expected: bytes | None) -> None:
    assert adopted(page().judge, Tag(tag)) == expected


def test_an_author_s_mark_holds_back_what_no_service_is_known_for() -> None:
    assert held(page(), Tag(b"<img data-consent=geolocation src=/own.png>")) == (
        b'<img data-consent="geolocation" data-consent=geolocation data-consent-src=/own.png>'
    )
    assert held(page(), Tag(b"<p data-consent=geolocation>")) == b"<p data-consent=geolocation>"
    assert held(page(), Tag(b"<img data-consent=nobody src=/own.png>")).startswith(b'<img data-consent="nobody"')


@pytest.mark.parametrize("kind", [b"text/plain", b"TEXT/PLAIN "])
def test_a_script_that_its_author_made_inert_in_our_words_has_no_type_to_go_back_to(kind: bytes) -> None:
    script = b'<script type="%b" data-consent=geolocation src=/own.js>' % kind
    assert held(page(), Tag(script)) == (
        b'<script data-consent="geolocation" type="%b" data-consent=geolocation data-consent-src=/own.js>' % kind
    )


def test_what_had_no_room_for_a_box_has_one_on_the_next_page() -> None:
    """Tags are remembered from page to page; in a head nothing may stand in front of a script."""
    same = page()
    assert BOX not in judged(b"<!doctype html><head>%b</head><body>" % SCRIPT, same)
    assert BOX in judged(b"<!doctype html><head></head><body>%b" % SCRIPT, same)
