"""Many references in few bytes: nothing of the set is missed, strangers are rare, and it is as small as it says."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from consent_mw.core.fingerprints import Fingerprints, encode, fingerprint

REFERENCES = st.sets(
    st.from_regex(r"[a-z0-9-]{1,20}(?:\.[a-z]{2,5}){1,2}(?:/[a-z]{1,9})?", fullmatch=True), max_size=80
)


def members(made: Fingerprints) -> set[int]:
    """Read as guard.js reads it."""
    bits = f"{int(made.codes, 16):b}"
    found, at = set(), 0
    for high, low in re.findall(rf"(1*)0([01]{{{made.rest}}})", bits[1:]):
        at += len(high) * 2**made.rest + int(low or "0", 2)
        found.add(at)
    return found


@given(REFERENCES, st.integers(2, 1 << 18))
def test_what_is_in_the_set_is_found(references: set[str], spread: int) -> None:
    made = encode(references, spread)
    assert members(made) == {fingerprint(reference) % made.size for reference in references}


def test_strangers_are_as_rare_as_promised_and_the_size_as_well() -> None:
    made = encode([f"tracker-{n}.example" for n in range(1000)], 200)
    known = members(made)
    strangers = sum(fingerprint(f"friend-{n}.example") % made.size in known for n in range(100_000))
    assert strangers < 100_000 / 200 * 1.2
    assert len(made.codes) <= 1000 * 9.5 / 4


def test_an_empty_set_has_no_members() -> None:
    assert members(encode([], 200)) == set()
