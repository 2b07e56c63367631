"""Query strings and ``application/x-www-form-urlencoded`` bodies without places."""

from __future__ import annotations

import re
from urllib.parse import quote_plus, unquote_to_bytes

from consent_mw.enforce.location.json_text import scrub_string
from consent_mw.enforce.location.rules import UNNAMED, LocationRules, Scrubbed, form_text
from consent_mw.enforce.location.values import may_name_itself

_PLAIN = "/?:@!$'()*,;"
"""Stands unescaped in a query (RFC 3986 section 3.4)."""
_OTHER_FORMATS = (b"={", b"=[", b"= ", b";base64,", b"=/9j/", b"=ivborw0kggo", b"=uklgr", b"=r0lgod", b"=aaaa")
"""In lower case: how a value begins that is JSON or a photo."""
_BARE_PAIR = re.compile(rb"\d\.\d{3}[^&=]*\.\d{3}")
BARE = "position"
"""What a value is judged as that stands there without a name: a place only as a pair with decimals."""
_GONE = b"\0gone"
"""Marks a pair that was taken out; compared by identity."""


def scrub_form(body: bytes, rules: LocationRules) -> Scrubbed:
    """Remove or coarsen every place in a query string or form body.

    :return: the body, the very same object when nothing was removed, and the names of what was
    """
    pairs = body.split(b"&")
    interests = rules.form_kinds
    everything = _needs_every_value(body) or (body.count(b"=") < len(pairs) and _BARE_PAIR.search(body) is not None)
    if not everything and not any(interests[name] for name in {pair.partition(b"=")[0] for pair in pairs}):
        return body, ()
    removed = _scrub_pairs(pairs, rules, everything=everything, inside=False)
    if not removed:
        return body, ()
    # A coordinate was there, so "accuracy" and "heading" beside it are about the same place.
    removed.update(_scrub_pairs(pairs, rules, everything=True, inside=True))
    return b"&".join(pair for pair in pairs if pair is not _GONE), tuple(removed)


def _needs_every_value(body: bytes) -> bool:
    """Whether a place may be under any name: what names itself, JSON, an embedded photo."""
    plain = (unquote_to_bytes(body) if b"%" in body else body).replace(b"+", b" ").lower()
    return may_name_itself(plain) or any(begins in plain for begins in _OTHER_FORMATS)


def _scrub_pairs(pairs: list[bytes], rules: LocationRules, *, everything: bool, inside: bool) -> dict[str, None]:
    removed: dict[str, None] = {}
    for index, pair in enumerate(pairs):
        raw_name, equals, raw_value = pair.partition(b"=")
        if not (everything or (equals and rules.form_kinds[raw_name])):
            continue
        if not equals:  # "?39.9042,116.4074"
            if rules.scrub_field(BARE, form_text(raw_name)) is not None:
                pairs[index] = _GONE
                removed[UNNAMED] = None
            continue
        name = form_text(raw_name)
        kept, names = scrub_string(name, form_text(raw_value), rules, inside=inside)
        if kept is not None:
            removed.update(dict.fromkeys(names))
            value = quote_plus(kept, safe=_PLAIN).encode("ascii")
            # What was no proper text may be longer in proper writing: then it goes, and no body ever grows.
            pairs[index] = raw_name + b"=" + value if 0 < len(value) <= len(raw_value) else _GONE
    return removed


def scrub_url(url: bytes, rules: LocationRules) -> Scrubbed:
    """A URL without the places in its query; the path and the fragment stay."""
    before, mark, rest = url.partition(b"?")
    if not mark:
        return url, ()
    query, hash_mark, fragment = rest.partition(b"#")
    result, removed = scrub_form(query, rules)
    return (before + mark + result + hash_mark + fragment, removed) if removed else (url, ())
