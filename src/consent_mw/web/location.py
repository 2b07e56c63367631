"""The place of a visitor, kept from the app while geolocation is denied: what this middleware does to a request's head.

Only what a visitor's browser sends is judged. A machine client can never be asked, so it could never consent: a
payment callback or a sensor keeps working.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from consent_mw.core.policy import Policy
from consent_mw.enforce.location_address import ClientAddress, cut_host
from consent_mw.enforce.location_form import scrub_form
from consent_mw.enforce.location_headers import HeaderScrubber
from consent_mw.enforce.location_json import Scrubbed
from consent_mw.enforce.location_rules import LocationRules, Memo
from consent_mw.enforce.location_values import Precise
from consent_mw.settings import LocationSettings
from consent_mw.web.observed import Observed

REMOVED_HEADER = b"consent-removed"
MAX_NAMES, MAX_NAME = 20, 100
"""Names in the response header, and characters of each; the log has them all."""
MAX_QUERY = 512
"""Bytes of a query string that is remembered."""

_ONLY_BROWSERS = frozenset(
    {b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"sec-ch-ua", b"origin", b"upgrade-insecure-requests"}
)
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


@lru_cache(maxsize=128)
def removed_header(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """The response header that names what was taken out, as a list of tokens.

    Clients choose names, so what no token may hold is percent-encoded.
    """
    tokens = [quote(name[:MAX_NAME], safe="[]()!#$&'*+^`|~") for name in names[:MAX_NAMES]]
    return REMOVED_HEADER, ", ".join(tokens).encode("ascii")


class LocationGate:
    """What one middleware does about places. Set up once."""

    def __init__(self, settings: LocationSettings, observed: Observed, *, cookie: str, enforces: bool) -> None:
        self._observed = observed
        self._enforces = enforces
        self._own_cookie = f"{cookie}=".encode()
        mode = ClientAddress(settings.client_ip)
        self._exempt = Folders(settings.exempt_paths)
        self._rules = LocationRules(
            headers=settings.extra_headers,
            fields=settings.extra_fields,
            precise=Precise(settings.precise),
            client_ip=mode,
        )
        self._headers = HeaderScrubber(self._rules)
        self._queries: Memo[bytes, Scrubbed] = Memo(lambda query: scrub_form(query, self._rules), MAX_QUERY)
        self._hosts: Memo[str, str | None] = Memo(lambda host: cut_host(host, mode))

    def judges(self, path: str, head: Mapping[bytes, bytes]) -> bool:
        """Whether a request comes from a visitor's browser, to a path that is not exempt."""
        return is_from_browser(head, self._own_cookie) and path not in self._exempt

    def narrow(self, inner: dict[str, Any], head: Mapping[bytes, bytes]) -> tuple[str, ...]:
        """Take the place out of a request's head.

        :return: the names of what was taken out, never the values
        """
        headers, removed = self._headers.scrub(inner["headers"], head)
        query = inner.get("query_string")
        if query:
            query, fields = self._queries[query]
            removed += fields
        if removed:
            self._observed.places(removed)
        if not self._enforces:
            return ()
        inner["headers"] = headers
        inner["query_string"] = query
        client = inner.get("client")
        if client and (host := self._hosts[client[0]]) != client[0]:
            inner["client"] = None if host is None else (host, client[1])
        return removed


class Folders:
    """Paths and everything under them; ``/delivery`` is not ``/delivery-map``."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self._exact = frozenset(path.rstrip("/") or "/" for path in paths)
        self._under = tuple(path.rstrip("/") + "/" for path in paths)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and bool(self._under) and (path in self._exact or path.startswith(self._under))


def is_from_browser(head: Mapping[bytes, bytes], own_cookie: bytes) -> bool:
    """Fetch metadata, our cookie or a form post tell a browser; so does its user agent, for over plain http it sends
    no fetch metadata (W3C Fetch Metadata, section 2: only to trustworthy URLs)."""
    if not _ONLY_BROWSERS.isdisjoint(head) or head.get(b"user-agent", b"").startswith(b"Mozilla/"):
        return True
    return own_cookie in head.get(b"cookie", b"") or head.get(b"content-type", b"").lower().startswith(_FORMS)


def location_category(policy: Policy) -> str | None:
    """The category that a visitor grants so that the site may know where they are."""
    return next((category.id for category in policy.categories.values() if "location" in category.purposes), None)
