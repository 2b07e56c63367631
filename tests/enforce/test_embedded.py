"""What an address carries in itself: scripts, style sheets and documents that no request is needed for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.embedded import documents, embedded
from consent_mw.enforce.tags import Tag


@pytest.mark.parametrize(
    ("reference", "kind", "content"),
    [
        ("javascript:a()", "script", b"a()"),
        (" \n java\tscript:a%28%29", "script", b"a()"),
        ("JavaScript:a()", "script", b"a()"),
        ("data:text/javascript,a()", "script", b"a()"),
        ("data:application/ecmascript;charset=utf-8,a()", "script", b"a()"),
        ("data:text/css,a{}", "style", b"a{}"),
        ("data:text/css;base64,YXt9", "style", b"a{}"),
        ("data:text/css;base64, Y Xt 9", "style", b"a{}"),
        ("data:text/html,<b>#not", "document", b"<b>"),
        ("data:text/html,%3Cb%3E", "document", b"<b>"),
        ("DATA:text/html;base64,PGI+", "document", b"<b>"),
        ("data:image/svg+xml,<svg/>", "xml", b"<svg/>"),
        ("data:application/xhtml+xml,<html/>", "xml", b"<html/>"),
        ("data:,<b>", "document", b"<b>"),
    ],
)
def test_what_runs_or_is_rendered(reference: str, kind: str, content: bytes) -> None:
    assert embedded(reference) == (kind, content)


@pytest.mark.parametrize(
    "reference",
    [
        "/javascript:a()",
        "https://a.example/data:,x",
        "data:image/png,x",
        "data:text/plain,<b>",
        "data:audio/ogg,x",
        "data:",
    ],
)
def test_what_carries_nothing_of_the_kind(reference: str) -> None:
    assert embedded(reference) is None


def test_broken_base64_holds_nothing() -> None:
    assert embedded("data:text/html;base64,a") == ("document", b"")


@pytest.mark.parametrize(
    ("tag", "inside"),
    [
        (b"<iframe srcdoc='<b>'>", [(b"<b>", False)]),
        (b"<iframe src='data:text/html,<i>' srcdoc='<b>'>", [(b"<i>", False), (b"<b>", False)]),
        (b"<object data='data:image/svg+xml,<svg/>'>", [(b"<svg/>", True)]),
        (b"<embed src=data:text/html,x>", [(b"x", False)]),
        (b"<iframe src=/page>", []),
        (b"<iframe src='javascript:a()'>", []),
        (b"<img src='data:text/html,<b>'>", []),
    ],
)
def test_the_documents_of_a_frame(tag: bytes, inside: list[tuple[bytes, bool]]) -> None:
    assert list(documents(Tag(tag))) == inside


def test_of_a_value_in_doubt_every_reading_is_a_document() -> None:
    found = {markup for markup, _ in documents(Tag(b"<iframe srcdoc='&lt;b>'>"))}
    assert found == {b"<b>", b"&lt;b>"}


@given(st.text(max_size=80))
def test_no_address_is_too_odd(reference: str) -> None:
    assert embedded("data:" + reference) is None or embedded("data:" + reference)
