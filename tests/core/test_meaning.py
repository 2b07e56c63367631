"""What a grant covered, and what it does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consent_mw.core.meaning import MAX_ELEMENTS, covers, element, encode, told

elements = st.sets(st.integers(0, 500).map(lambda number: element("purpose", number)), max_size=30)


@given(elements, elements)
def test_a_meaning_covers_its_subsets_and_nothing_else(one: set[str], other: set[str]) -> None:
    assert covers(encode(one), other) == (other <= one)


@given(elements)
def test_it_says_what_was_told(one: set[str]) -> None:
    assert told(encode(one)) == one


@given(elements, elements, elements)
def test_a_digest_covers_the_very_same_set_and_the_single_elements_beside_it(
    whole: set[str], single: set[str], asked: set[str]
) -> None:
    meaning = encode(single, whole or {element("something")})
    assert told(meaning) is None
    assert covers(meaning, asked) == (asked == whole or asked <= single)


def test_elements_of_different_things_differ() -> None:
    many = {element("purpose", number) for number in range(10 * MAX_ELEMENTS)}
    assert len(many) == 10 * MAX_ELEMENTS
