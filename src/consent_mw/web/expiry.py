"""Cookies taken out of a visitor's jar, within what the headers of one response may weigh."""

from __future__ import annotations

import time
from collections.abc import Iterable
from urllib.parse import quote

from starlette.types import Scope

from consent_mw.core.cookies import expiry_headers
from consent_mw.core.decision import Grants
from consent_mw.enforce.cookie_filter import expired_names
from consent_mw.web.visit import Visit, cookie_names

MAX_BYTES = 2048
"""Of one response. A reverse proxy may refuse an answer whose head is larger than 4 KB; the next one goes on."""

_MAX_FOLDERS = 3


def expiries(
    visit: Visit, scope: Scope, grants: Grants, before: Grants, paths: Iterable[str]
) -> list[tuple[bytes, bytes]]:
    """Set-Cookie headers for cookies that the browser sent and that may stay no longer.

    :param before: what was granted until now
    :param paths: for which they may have been set; the browser does not say
    """
    names = expired_names(cookie_names(scope), grants, before)
    turn = int(time.time()) % len(names) if names else 0  # so that one that cannot be taken does not hold up the others
    secure, found, size = visit.site.is_secure(scope), list[tuple[bytes, bytes]](), 0
    for name in (*names[turn:], *names[:turn]):
        values = expiry_headers(name, visit.host, tuple(paths), secure=secure)
        weight = sum(len(value) + len("set-cookie: \r\n") for value in values)
        if size + weight <= MAX_BYTES:
            size += weight
            found += [(b"set-cookie", value) for value in values]
    return found


def folders(path: str) -> list[str]:
    """A page's folders, as a browser may have taken them, or an app named them, for a cookie's path."""
    parts = [part for part in path.split("/") if part][:_MAX_FOLDERS]
    found = ["/" + quote("/".join(parts[:end]), safe="/%:@!$&'()*+,=~-._") for end in range(1, len(parts) + 1)]
    return ["/", *found, *(folder + "/" for folder in found)]
