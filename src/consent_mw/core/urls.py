"""Where a reference in a page leads, read as a browser reads it (WHATWG URL Standard).

The only module that knows the URL parser. ``urllib`` does not do here: it neither turns backslashes into slashes nor
drops tabs and newlines, maps full-width hosts or decodes percent-encoded ones, and each of those hides a tracker.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import can_ada

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_EDGES = "".join(map(chr, range(0x21)))
_REMOVED = str.maketrans("", "", "\t\n\r")


class Target(NamedTuple):
    """Host (lower case, no port, no trailing dot) and path. An empty host is the page's own."""

    host: str
    path: str


OWN = Target("", "/")


def resolve(reference: str, base: Target = OWN) -> Target | None:
    """Where ``reference`` leads from a page whose base is ``base``.

    None when it contacts no host: ``data:``, ``mailto:``, ``javascript:`` or what no browser can parse. A reference
    such as ``https:host`` is read as absolute, because the page's own scheme is not known behind a proxy.
    """
    text = reference.strip(_EDGES).translate(_REMOVED)
    if _SCHEME.match(text):
        return _parse(text)
    slashed = text[:2].replace("\\", "/")
    if slashed == "//":
        return _parse("https:" + text)
    path = re.split(r"[?#]", text, maxsplit=1)[0].replace("\\", "/")
    if path == "":
        path = base.path
    elif not path.startswith("/"):
        path = base.path[: base.path.rfind("/") + 1] + path
    # On the page's own host only the file's name counts, so what "." and ".." stand for does not matter there.
    return _parse(f"https://{base.host}{path}") if base.host else Target("", path)


def _parse(text: str) -> Target | None:
    if text[:5].lower() == "blob:":
        text = text[5:]
    try:
        url = can_ada.parse(text)
    except ValueError:
        return None
    # hostname is empty for schemes without an authority, and keeps its spelling for those that the web does not know
    return Target(url.hostname.lower().rstrip("."), url.pathname) if url.hostname else None
