"""Headers that tell a browser what a page may not do while it is denied.

``Permissions-Policy: geolocation=()`` is merged into what the app sends (W3C Permissions Policy, section 5.1).
The header is a structured-field dictionary (RFC 9651): of a member that comes twice the last one counts, and a header
that does not parse is ignored as a whole. Both decide how ours is added: it goes last, and an unparseable header of
the app, which no browser would heed, must not take ours down with it.
"""

from __future__ import annotations

import re

Header = tuple[bytes, bytes]

NAME = b"permissions-policy"
DENIED = b"geolocation=()"

_KEY = rb"[a-z*][a-z0-9_\-.*]*+"
_STRING = rb'"(?:[ !#-\[\]-~]|\\["\\])*+"'
_TOKEN = rb"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*+"
_ITEM = rb"(?:" + _STRING + rb"|" + _TOKEN + rb"|-?\d{1,15}(?:\.\d{1,3})?+|\?[01]|:[A-Za-z0-9+/=]*+:|@-?\d{1,15})"
_PARAMETERS = rb"(?:;[ ]*+" + _KEY + rb"(?:=" + _ITEM + rb")?+)*+"
_INNER_LIST = rb"\([ ]*+(?:" + _ITEM + _PARAMETERS + rb"(?:[ ]++|(?=\))))*+\)"
_MEMBER = rb"(" + _KEY + rb")(?:=(?:" + _INNER_LIST + rb"|" + _ITEM + rb"))?+" + _PARAMETERS
_NEXT_MEMBER = re.compile(_MEMBER + rb"[ \t]*+(,[ \t]*+|\Z)")


def deny_geolocation(headers: list[Header]) -> list[Header]:
    """Response headers under which no script and no frame may ask for the position.

    Every other member stays as the app wrote it. The app's own ``geolocation`` member gives way.
    """
    own = b", ".join(value.strip(b" \t") for name, value in headers if name.lower() == NAME)
    others = [header for header in headers if header[0].lower() != NAME]
    return [*others, (NAME, b", ".join([*_other_members(own), DENIED]))]


def _other_members(value: bytes) -> list[bytes]:
    """The members besides ``geolocation``; none when the value is no structured-field dictionary."""
    members: list[bytes] = []
    position, comma = 0, False
    while position < len(value):
        match = _NEXT_MEMBER.match(value, position)
        if match is None:
            return []
        if match[1] != b"geolocation":
            members.append(value[position : match.end()].rstrip(b" \t,"))
        position, comma = match.end(), bool(match[2])
    return [] if comma else members  # RFC 9651 section 4.2.2: a trailing comma fails the whole field
