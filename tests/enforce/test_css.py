"""Addresses in style sheets, as CSS reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.css import css_references


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a { b: url(//h/c) }", "//h/c"),
        ("a { b: url( '//h/c' ) }", "//h/c"),
        ('a { b: URL("//h/c") }', "//h/c"),
        ("a { b: url(//h/c", "//h/c"),
        ("@import '//h/c';", "//h/c"),
        ('@IMPORT"//h/c" screen', "//h/c"),
        ("@import url(//h/c);", "//h/c"),
        ("@import/**/'//h/c'", "//h/c"),
        (r"@\69 mport '//h/c'", "//h/c"),
        (r"a { b: u\72l(//h/c) }", "//h/c"),
        (r'a { b: url("\2f\2fh/c") }', "//h/c"),
        ("a { b: image-set('//h/c' 1x) }", "//h/c"),
        ("a { b: -webkit-image-set(url(//h/c) 1x) }", "//h/c"),
        ("a { b: cross-fade(url(x), '//h/c') }", "//h/c"),
        ("@font-face { src: url(//h/c) format('woff2') }", "//h/c"),
        ("a { b: src('//h/c') }", "//h/c"),
        ("/* it's */ a { b: url(//h/c) }", "//h/c"),
        ("a { b: '/*'; c: url(//h/c); d: '*/' }", "//h/c"),
        ("a { b: url(//h/*c*/d) }", "//h/*c*/d"),
    ],
)
def test_an_address_is_found(text: str, address: str) -> None:
    assert address in set(css_references(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a { color: red }",
        "/* url(//h/c) */ a {}",
        "a::after { content: '//h/c' }",
        "a { b: curl(//h/c) }",
        r".a\:b { c: d }",
        "@media (min-width: 1px) { a { b: c } }",
    ],
)
def test_what_fetches_nothing_has_none(text: str) -> None:
    assert list(css_references(text)) == []


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    assert all(isinstance(address, str) for address in css_references(text))


@given(st.sampled_from(["url(//h/c)", "@import '//h/c';", "image-set('//h/c' 1x)"]), st.sets(st.integers(0, 40)))
def test_escaped_letters_hide_nothing(text: str, escaped: set[int]) -> None:
    letters = (f"\\{ord(c):06x}" if at in escaped and (c.isalpha() or c in "/") else c for at, c in enumerate(text))
    assert "//h/c" in {address.strip() for address in css_references("".join(letters))}
