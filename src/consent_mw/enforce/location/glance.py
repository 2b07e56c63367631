"""The first look at a JSON text, at the speed of memory searches: is there anything in it that could be a place?

Most bodies hold nothing of the kind, and are done after it. It is never wrongly ``no``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from consent_mw.enforce.location.rules import Interest, LocationRules
from consent_mw.enforce.location.values import may_name_itself
from consent_mw.enforce.photos.embedded import MEDIA_HINTS, SHORTEST_PHOTO

MAX_KEYS = 50
"""Keys that one pattern looks for; with more of them every string is read."""

_BLANKS = b" \t\r\n"
_LOWER = bytes(range(256)).lower()

# The closing quote is optional: an unterminated string then ends the scan, instead of starting again at each quote.
STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)("?)(\s*+:)?', re.DOTALL)


def keys_of_interest(body: bytes, rules: LocationRules) -> frozenset[bytes] | None:
    """The keys that speak of a place; ``None`` when a place may be in any string, announced by no key."""
    pieces = body.split(b'":')  # each key is now at the end of a piece
    squeezed = body.translate(_LOWER, _BLANKS)  # in lower case and without blanks
    if _needs_every_string(body, squeezed, max(map(len, pieces))):
        return None
    keys = {piece.rpartition(b'"')[2] for piece in pieces[:-1]}
    if squeezed.count(b'":') >= len(pieces):  # blanks before a colon
        keys |= {match[1] for match in STRING.finditer(body) if match[3]}
    interests = rules.key_kinds
    found = frozenset(key for key in keys if interests[key])
    return found if len(found) <= MAX_KEYS else None


def _needs_every_string(body: bytes, squeezed: bytes, longest: int) -> bool:
    """Whether there is JSON in a string, a name that ends in a quote, a photo, or something that names itself."""
    if b"\\" in body and (b'\\":' in squeezed or b'\\"":' in squeezed):
        return True
    return may_name_itself(squeezed) or (longest >= SHORTEST_PHOTO and any(hint in body for hint in MEDIA_HINTS))


@lru_cache(maxsize=64)
def member_pattern(keys: frozenset[bytes], rules: LocationRules) -> re.Pattern[bytes]:
    """The members under these keys whose value could be a place."""
    shaped = [re.escape(key) for key in keys if rules.key_kinds[key] is Interest.SHAPED]
    others = [re.escape(key) for key in keys if rules.key_kinds[key] is not Interest.SHAPED]
    either = []
    if others:
        either.append(rb"(?:%s)(?=\"\s*+:)" % b"|".join(others))
    if shaped:
        either.append(rb"(?:%s)(?=\"\s*+:\s*+(?:[\[{]|\"[^\"]*(?:\.\d{3}|\+)))" % b"|".join(shaped))
    return re.compile(rb'"(%s)"(\s*+:)' % b"|".join(either))
