"""Start tags as raw bytes: attributes read as browsers read them, held back by insertions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.tags import Tag, decode, values

PAIRS = [
    (b'<a b="c">', [(b"b", b"c")]),
    (b"<a b='c d' E=f>", [(b"b", b"c d"), (b"e", b"f")]),
    (b"<a/b=c/>", [(b"b", b"c/")]),
    (b"<a b = c>", [(b"b", b"c")]),
    (b"<a\tb\n=\f'c'\rd>", [(b"b", b"c"), (b"d", b"")]),
    (b"<a =b=c>", [(b"=b", b"c")]),
    (b'<a b"c=d>', [(b'b"c', b"d")]),
    (b"<a b=c=d>", [(b"b", b"c=d")]),
    (b"<a b=>", [(b"b", b"")]),
    (b"<a b= c>", [(b"b", b"c")]),
    (b'<a b="c"d>', [(b"b", b"c"), (b"d", b"")]),
    (b'<a b=">">', [(b"b", b">")]),
    (b"<a b=1 b=2>", [(b"b", b"1"), (b"b", b"2")]),
    (b"<a>", []),
]


@pytest.mark.parametrize(("raw", "pairs"), PAIRS)
def test_attributes_are_read_as_a_browser_reads_them(raw: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    assert [(attribute.name, attribute.raw) for attribute in Tag(raw).attributes] == pairs


def test_of_repeated_attributes_the_first_counts() -> None:
    assert Tag(b"<a b=1 B=2>").value(b"b") == "1"
    assert Tag(b"<a>").value(b"b") is None


def test_names_are_lower_case() -> None:
    assert Tag(b"<ImG/>").name == b"img"


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"a&amp;b", "a&b"), (b"&#104&#x74;tp", "http"), (b"&colon;&sol;", ":/"), (b"\xff", "�"), (b"\xc3\xa9", "é")],
)
def test_character_references_are_decoded(raw: bytes, text: str) -> None:
    assert decode(raw) == text
    assert text in values(raw)


@pytest.mark.parametrize("raw", [b"&notx", b"&not1", b"&noti;", b"&not=", b"x&ltx.example"])
def test_a_name_that_goes_on_is_no_reference_in_an_attribute(raw: bytes) -> None:
    assert decode(raw) == raw.decode()


def test_a_value_with_references_has_two_readings() -> None:
    assert values(b"a&amp;b") == {"a&b", "a&amp;b"}
    assert values(b"ab") == {"ab"}


def test_what_is_held_back_is_inserted_in_front_of_its_name() -> None:
    held = Tag(b'<IMG/Src="a"alt=b src=c>').held(["x", 'y"'], frozenset({b"src"}))
    assert held == b'<IMG data-consent="x y&quot;"/data-consent-Src="a"alt=b data-consent-src=c>'


def test_a_script_gets_a_type_that_no_browser_runs() -> None:
    held = Tag(b"<script TYPE=module src=a>").held(["x"], frozenset({b"src"}), inert_type=True)
    assert held == b'<script data-consent="x" type="text/plain" data-consent-TYPE=module data-consent-src=a>'


def test_a_tag_of_another_tool_gets_our_names() -> None:
    adopted = Tag(b"<img data-src=a data-name=b>").adopted(["b"], {b"data-src": b"data-consent-src"})
    assert adopted == b'<img data-consent="b" data-consent-src=a data-name=b>'


@given(st.binary(max_size=60))
def test_held_back_is_the_tag_itself_plus_insertions(inside: bytes) -> None:
    raw = b"<img " + inside.replace(b">", b"") + b">"
    held = Tag(raw).held(["x"], frozenset({attribute.name for attribute in Tag(raw).attributes}))
    rest = iter(held)
    assert all(byte in rest for byte in raw)
