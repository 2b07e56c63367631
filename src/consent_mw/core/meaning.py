"""What a grant covered, small enough for a cookie: the set of things that the visitor was told of.

Each thing is an *element* of four characters: a purpose, a service for a purpose, a recipient. A later policy is
covered when all of its elements are in the set, so taking something away asks nobody again and adding something always
does (GDPR art. 4(11): consent is specific). Two elements of a site look alike once in 17 million pairs.

A site that tells of more than :data:`MAX_ELEMENTS` things has a digest of them instead, and it covers the very
same set only.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable

ELEMENT_LENGTH = 4
MAX_ELEMENTS = 140
NOTHING = ""
_DIGEST_MARK = "="
_DIGEST_LENGTH = 8


def element(*parts: object) -> str:
    """The four characters that stand for one thing a visitor is told of."""
    return _hash("\n".join(map(str, parts)), ELEMENT_LENGTH)


def encode(elements: Iterable[str], whole: Iterable[str] = ()) -> str:
    """
    :param whole: elements of which only the digest is kept
    """
    digest = _digest(whole) if whole else ""
    return digest + "".join(sorted(set(elements)))


def told(meaning: str) -> frozenset[str] | None:
    """The elements of a meaning; None when it has a digest, which does not say."""
    return None if meaning.startswith(_DIGEST_MARK) else _elements(meaning)


def covers(meaning: str, elements: Collection[str]) -> bool:
    """Whether all of the elements were told."""
    if not meaning.startswith(_DIGEST_MARK):
        return _elements(meaning).issuperset(elements)
    end = 1 + _DIGEST_LENGTH
    return meaning[:end] == _digest(elements) or _elements(meaning[end:]).issuperset(elements)


def _elements(text: str) -> frozenset[str]:
    return frozenset(text[at : at + ELEMENT_LENGTH] for at in range(0, len(text), ELEMENT_LENGTH))


def _digest(elements: Iterable[str]) -> str:
    return _DIGEST_MARK + _hash("".join(sorted(set(elements))), _DIGEST_LENGTH)


def _hash(text: str, length: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())[:length].decode()
