"""What a browser renders: XML, and what has no type but looks like a page."""

from __future__ import annotations

import pytest

from consent_mw.enforce.rendered import Kind, gate_for, kind_of
from enforce.gating import blank, bytewise

PIXEL = b'<img src="//tracker.example/a.gif"/>'
HELD = b'<img data-consent="tracker" data-consent-src="//tracker.example/a.gif"/>'


def through(kind: Kind, body: bytes) -> tuple[bytes, bool]:
    gate = gate_for(kind, blank())
    out = b"".join([*map(gate.feed, bytewise(body)), gate.close()])
    return out, gate.failed


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        (b"text/html", Kind.HTML),
        (b" TEXT/HTML ;charset=utf-8", Kind.HTML),
        (b"application/xhtml+xml", Kind.XML),
        (b"image/svg+xml; charset=utf-8", Kind.XML),
        (b"text/xml", Kind.XML),
        (b"application/atom+xml", Kind.XML),
        (b"", Kind.SNIFFED),
        (b"unknown/unknown", Kind.SNIFFED),
        (b"html", Kind.SNIFFED),
        (b"text/plain", None),
        (b"application/json", None),
        (b"text/htmlx", None),
        (b"image/png", None),
    ],
)
def test_kinds_of_documents(content_type: bytes, kind: Kind | None) -> None:
    assert kind_of(content_type) is kind


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<a>" + PIXEL + b"</a>", b"<a>" + HELD + b"</a>"),
        (b"<script src='/a'/>" + PIXEL, b"<script src='/a'/>" + HELD),
        (
            b"<image x:href='//tracker.example/a'/>",
            b"<image data-consent=\"tracker\" x:data-consent-href='//tracker.example/a'/>",
        ),
        (
            b"<?xml-stylesheet href='//tracker.example/a'?><a/>",
            b"<?consent-xml-stylesheet href='//tracker.example/a'?><a/>",
        ),
        (
            b'<!DOCTYPE a [<!ENTITY t "//tracker.example/a">]><img src="&t;"/>',
            b'<!DOCTYPE a [<!ENTITY t "//tracker.example/a">]><img data-consent="tracker" data-consent-src="&t;"/>',
        ),
        (
            b"<style><![CDATA[@import '//tracker.example/a';]]></style>",
            b'<style data-consent="tracker" type="text/plain"><![CDATA[@import \'//tracker.example/a\';]]></style>',
        ),
    ],
)
def test_xml_is_changed_by_insertions_only(before: bytes, after: bytes) -> None:
    assert through(Kind.XML, before) == (after, False)


@pytest.mark.parametrize(
    "body",
    [
        b"<?xml version='1.0'?><a b='//tracker.example'>//tracker.example</a>",
        b"<a><![CDATA[" + PIXEL + b"]]><!--" + PIXEL + b"--></a>",
        b"<a:b xmlns:a='http://tracker.example/'/>",
        b"not < well & formed",
        b"",
    ],
)
def test_harmless_xml_comes_through_byte_for_byte(body: bytes) -> None:
    assert through(Kind.XML, body) == (body, False)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe<\0a\0>\0",
        b"<?xml version='1.0' encoding='UTF-16'?><a/>",
        b'<!DOCTYPE a [<!ENTITY % t SYSTEM "//tracker.example/a">%t;]><a/>',
        b'<!DOCTYPE a [<!ATTLIST img src CDATA "//tracker.example/a">]><img/>',
    ],
)
def test_xml_that_cannot_be_judged_is_not_rendered(body: bytes) -> None:
    out, failed = through(Kind.XML, body)
    assert failed
    assert b"<" not in out


@pytest.mark.parametrize("start", [b"", b" \n", b"\xef\xbb\xbf", b"<!-- a -->", b"<!DOCTYPE html>", b"<html>", b"<P>"])
def test_what_looks_like_a_page_is_gated(start: bytes) -> None:
    assert through(Kind.SNIFFED, start + PIXEL) == (start + HELD, False)


@pytest.mark.parametrize("start", [b"a", b"{}", b"<a-b>", b"GIF89a"])
def test_what_looks_like_no_page_is_left_alone(start: bytes) -> None:
    assert through(Kind.SNIFFED, start + PIXEL) == (start + PIXEL, False)
