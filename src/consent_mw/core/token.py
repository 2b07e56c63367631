"""The signed consent cookie: its format, and nothing about HTTP.

A token is ``payload.signature``: a JSON list by position, base64url, HMAC-SHA256 by itsdangerous with a salt of its
own. Keys rotate: the last one signs, all of them verify. The payload holds

====  ==========================================================================================
0     format version
1     site: digest of the host, so that a token of one tenant is nothing on another
2     sequence number
3     time: epoch seconds; for a refusal the day's first second
4     subject: 128 random bits, or empty
5     signals the visitor had been told of (1 = GPC, 2 = DNT)
6     per category: digest of its id, ``+`` or ``-``, and what was agreed to there (see :mod:`.meaning`)
7, 8  permanent numbers of the services granted, and denied, by their own answer
====  ==========================================================================================

itsdangerous accepts several spellings of one signature, so a token string is never used as an identity.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from ssl import RAND_bytes
from typing import Any

from itsdangerous import BadData, Serializer, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from consent_mw.core.choice import Stored
from consent_mw.core.regime import DAY_SECONDS
from consent_mw.core.signals import Signals

FORMAT = 1
SALT = b"consent_mw.consent"
MAX_TOKEN_BYTES = 1024
MAX_PLAIN_BYTES = 200
MAX_CLOCK_SKEW_SECONDS = 120
SUBJECT_BYTES = 16
_SUBJECT_LENGTH = 22
_MAX_NUMBER = 2**31 - 1


def new_subject() -> str:
    """A random subject id: 128 bits, base64url (of OpenSSL, as :func:`consent_mw.ledger.base.new_key_and_secret`)."""
    return base64_encode(RAND_bytes(SUBJECT_BYTES)).decode()


def digest(text: str, length: int) -> str:
    """The first ``length`` characters of a base64url SHA-256."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())[:length].decode()


class _Serializer(URLSafeSerializer):
    """Compresses only what is long: for what is short, setting zlib up costs more than all the rest of a token."""

    def dump_payload(self, obj: Any) -> bytes:
        plain = Serializer.dump_payload(self, obj)
        payload = plain if isinstance(plain, bytes) else plain.encode()
        return super().dump_payload(obj) if len(payload) > MAX_PLAIN_BYTES else base64_encode(payload)


class TokenCodec:
    """Writes and reads tokens.

    :param keys: secrets, oldest first; the newest signs
    :param categories: ids of the categories a token may speak of
    :param max_age: the longest validity in seconds, counted from the choice and never extended by a visit; a regime
        may end it earlier
    """

    def __init__(self, keys: Sequence[str], categories: Iterable[str], max_age: int) -> None:
        self._serializer = _Serializer(
            list(keys), salt=SALT, signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        )
        self._ids = {digest(id, 4): id for id in categories}
        self._max_age = max_age

    def dumps(self, stored: Stored) -> str:
        """:raises ValueError: when the token would be larger than :data:`MAX_TOKEN_BYTES`"""
        token = self._serializer.dumps(_payload(stored))
        text = token if isinstance(token, str) else token.decode()
        if len(text) > MAX_TOKEN_BYTES:
            raise ValueError(f"the choice needs {len(text)} bytes, a consent cookie holds {MAX_TOKEN_BYTES}")
        return text

    def loads(self, token: bytes, *, site: str, now: float) -> Stored | None:
        """The choice in a token; None when it is forged, foreign, malformed, from the future or out of date."""
        if len(token) > MAX_TOKEN_BYTES:  # before any work, and before anything could be decompressed
            return None
        try:
            stored = self._stored(self._serializer.loads(token), site)
        except (BadData, ValueError, TypeError, LookupError, RecursionError):
            return None
        if stored.decided_at > now + MAX_CLOCK_SKEW_SECONDS or now >= self.expires_at(stored):
            return None
        return stored

    def expires_at(self, stored: Stored) -> int:
        """Epoch seconds. A refusal knows only its day, so it lasts to the end of the day on which it would expire."""
        return stored.decided_at + self._max_age + (DAY_SECONDS if stored.subject is None else 0)

    def _stored(self, payload: Any, site: str) -> Stored:
        version, site_digest, sequence, decided_at, subject, signals, categories, granted, denied = payload
        if version != FORMAT or site_digest != digest(site, 12) or len(subject) not in (0, _SUBJECT_LENGTH):
            raise ValueError("another format or site")
        answers = dict(_answer(entry) for entry in categories)
        return Stored(
            site=site,
            sequence=_number(sequence),
            decided_at=_number(decided_at, 2**53),
            subject=str(subject) or None,
            signals=Signals(bool(_number(signals, 3) & 1), bool(signals & 2)),
            categories={self._ids[key]: answer for key, answer in answers.items() if key in self._ids},
            services={**{_number(n): True for n in granted}, **{_number(n): False for n in denied}},
        )


def _payload(stored: Stored) -> list[object]:
    return [
        FORMAT,
        digest(stored.site, 12),
        stored.sequence,
        stored.decided_at,
        stored.subject or "",
        stored.signals.gpc + 2 * stored.signals.dnt,
        [f"{digest(id, 4)}{'+' if yes else '-'}{meaning}" for id, (yes, meaning) in stored.categories.items()],
        [number for number, yes in stored.services.items() if yes],
        [number for number, yes in stored.services.items() if not yes],
    ]


def _answer(entry: str) -> tuple[str, tuple[bool, str]]:
    key, sign, meaning = entry[:4], entry[4], entry[5:]
    if sign not in "+-":
        raise ValueError("neither granted nor denied")
    return key, (sign == "+", meaning)


def _number(value: object, most: int = _MAX_NUMBER) -> int:
    # bool is an int in Python; a payload of ours never holds one
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("not a number of ours")
    return value
