"""Text that is neither JSON nor a form, without places: XML (GPX, KML), GraphQL, YAML, log messages.

A number is judged by the name before it: ``<lat>39.9</lat>``, ``lat="39.9"``, ``near(lat: 39.9)``. Only the value is
taken out, so that the text keeps its structure. What no name announces stays, unless it names itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from consent_mw.enforce.location.rules import UNNAMED, LocationRules, Scrubbed
from consent_mw.enforce.location.values import may_name_itself

MAX_BEFORE = 300
"""Characters before a value that are searched for its name: an element may have attributes."""
MAX_NAME = 48
"""Characters before a value that are searched where an equals sign or a colon stands between."""
MAX_CONTENT = 64 * 1024
"""Characters of an element's text that are read as one value."""

_VALUE = re.compile(
    r"(?P<first>[+\-\d](?<=[:=：>\"'\s].)\d{0,3}[.,]\d[\d.]*(?:\s?[°NSEW]{1,2}(?!\w))?)"
    r"(?:[,;\s]\s?[+-]?\d{1,3}\.\d+){0,64}"
)
_NAME = re.compile(r"([^\W\d][\w.\-]*)[\"']?\s*[:=：]\s*[\"']?$")
_ELEMENT = re.compile(r"<([^\W\d][\w.\-:]*)[^<>]*>\s*$")


def scrub_text_body(body: bytes, rules: LocationRules) -> Scrubbed:
    """Take out every value that its name, or itself, calls a place.

    :return: the body, the very same object when nothing was removed, and the names of what was
    """
    result, removed = scrub_prose(body.decode("utf-8", "surrogateescape"), rules)
    return (result.encode("utf-8", "surrogateescape"), removed) if removed else (body, ())


def scrub_prose(text: str, rules: LocationRules) -> tuple[str, tuple[str, ...]]:
    """:func:`scrub_text_body` for text."""
    removed: dict[str, None] = {}
    pieces: list[str] = []
    done = 0
    for name, start, end in _named_values(text):
        worth_it = start >= done and rules.key_kinds[name.encode("utf-8", "replace")]
        kept = rules.scrub_field(name, text[start:end]) if worth_it else None
        if kept is not None:
            removed[name] = None
            pieces += (text[done:start], kept)
            done = end
    result = "".join([*pieces, text[done:]]) if pieces else text
    hinted = may_name_itself(result.encode("utf-8", "surrogateescape").lower())
    clean = rules.scrub_field("", result) if hinted else None
    if clean is None:
        return result, tuple(removed)
    return clean, (*removed, UNNAMED)


def _named_values(text: str) -> Iterator[tuple[str, int, int]]:
    """Names with the spans that could be their values, the widest first."""
    opening = -2
    for match in _VALUE.finditer(text):
        before = text[max(0, match.start() - MAX_BEFORE) : match.start()]
        bare = before.rstrip("\"' \t\r\n")[-1:]
        if bare == ">":
            if opening != -1 and opening < match.end():
                opening = text.find("<", match.end())
            element = _ELEMENT.search(before, before.rfind("<"))
            if element is not None and 0 < opening <= match.start() + MAX_CONTENT:
                yield element[1], match.start(), opening
        elif bare in (":", "=", "："):
            name = _NAME.search(before[-MAX_NAME:])
            if name is not None:
                yield name[1], match.start(), match.end()
                yield name[1], match.start(), match.end("first")
