"""Query strings and ``application/x-www-form-urlencoded`` bodies without places."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from consent_mw.enforce.location_json import Scrubbed, scrub_string
from consent_mw.enforce.location_rules import LocationRules, form_text

# A value worth decoding although its name says nothing: what names a place by itself, JSON, an embedded photo.
_HINT = re.compile(
    rb"geo(?::|%3a)|(?:\$|%24)(?:g|bd|qz)|point|linestring|polygon|maps|!3d|%213d|(?:@|%40)|"
    rb"=\+*(?:[{\[]|%7b|%5b|data(?::|%3a)|(?:/|%2f)9j|ivborw0kggo|uklgr|aaaa)",
    re.IGNORECASE,
)
_PLAIN = "/?:@!$'()*,;"
"""Stands unescaped in a query (RFC 3986 section 3.4), so that a value never grows."""
_GONE = b"\0gone"
"""Marks a pair that was taken out; compared by identity."""


def scrub_form(body: bytes, rules: LocationRules) -> Scrubbed:
    """Remove or coarsen every place in a query string or form body.

    :return: the body, the very same object when nothing was removed, and the names of what was
    """
    pairs = body.split(b"&")
    kinds = rules.form_kinds
    hinted = _HINT.search(body) is not None
    if not hinted and not any(kinds[pair.partition(b"=")[0]] for pair in pairs):
        return body, ()
    removed = _scrub_pairs(pairs, rules, inside=False)
    if not removed:
        return body, ()
    # A coordinate was there, so "accuracy" and "heading" beside it are about the same place.
    removed.update(_scrub_pairs(pairs, rules, inside=True))
    return b"&".join(pair for pair in pairs if pair is not _GONE), tuple(removed)


def _scrub_pairs(pairs: list[bytes], rules: LocationRules, *, inside: bool) -> dict[str, None]:
    removed: dict[str, None] = {}
    for index, pair in enumerate(pairs):
        raw_name, equals, raw_value = pair.partition(b"=")
        if not equals or not (inside or rules.form_kinds[raw_name] or _HINT.search(pair)):
            continue
        name = form_text(raw_name)
        kept, names = scrub_string(name, form_text(raw_value), rules, inside=inside)
        if kept is not None:
            removed.update(dict.fromkeys(names))
            pairs[index] = raw_name + b"=" + quote_plus(kept, safe=_PLAIN).encode() if kept else _GONE
    return removed


def scrub_url(url: bytes, rules: LocationRules) -> Scrubbed:
    """A URL without the places in its query; the path and the fragment stay."""
    before, mark, rest = url.partition(b"?")
    if not mark:
        return url, ()
    query, hash_mark, fragment = rest.partition(b"#")
    result, removed = scrub_form(query, rules)
    return (before + mark + result + hash_mark + fragment, removed) if removed else (url, ())
