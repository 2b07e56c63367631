"""Many references in few bytes: hashes, sorted, as Golomb-Rice codes. For the page guard, which has 4 KB in all.

What is in the set is always found. What is not is found once in ``spread`` times, so a find is to be confirmed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

_MASK = 0xFFFFFFFF


class Fingerprints(NamedTuple):
    """A set of hashes.

    :ivar size: hashes are taken modulo this
    :ivar rest: low bits of a difference that are written as they are
    :ivar codes: a one, and the differences, each as its high part in ones, a zero, its low part: hexadecimal, which a
        browser turns into bits faster than anything else, and which compresses to its bits
    """

    size: int
    rest: int
    codes: str


def fingerprint(text: str) -> int:
    """FNV-1a, 32 bits, with a last mix for its low bits. References are ASCII."""
    value = 2166136261
    for code in text.encode("ascii", "replace"):
        value = (value ^ code) * 16777619 & _MASK
    return value ^ value >> 15


def encode(references: Collection[str], spread: int) -> Fingerprints:
    """:param spread: twice as much costs a bit per reference, and halves the chance of finding a stranger"""
    size, rest = len(references) * spread, max(0, spread.bit_length() - 1)
    codes: list[str] = []
    at = 0
    for value in sorted({fingerprint(reference) % size for reference in references}):
        high, low = divmod(value - at, 1 << rest)
        codes.append(f"{'1' * high}0{low:0{rest}b}")
        at = value
    return Fingerprints(size, rest, f"{int('1' + ''.join(codes), 2):x}")
