"""The place of a visitor, kept from the app while geolocation is denied: what this middleware does to a request's head.

Only what a visitor's browser sends is judged. A machine client can never be asked, so it could never consent: a
payment callback or a sensor keeps working.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from starlette.types import Receive, Scope

from consent_mw.core.memo import Memo
from consent_mw.core.policy import Policy
from consent_mw.enforce.location.address import ClientAddress, cut_host
from consent_mw.enforce.location.body import scrubber_for
from consent_mw.enforce.location.form import scrub_form
from consent_mw.enforce.location.headers import HeaderScrubber
from consent_mw.enforce.location.multipart import NO
from consent_mw.enforce.location.path import coarsen_path, coarsen_raw_path
from consent_mw.enforce.location.rules import LocationRules, Scrubbed
from consent_mw.enforce.location.values import Precise
from consent_mw.settings import LocationSettings
from consent_mw.web.folders import Folders
from consent_mw.web.observed import Observed
from consent_mw.web.receive import ScrubbedBody, has_body, scrubbed_messages

logger = logging.getLogger("consent_mw")

REMOVED_HEADER = b"consent-removed"
MAX_NAMES, MAX_NAME = 20, 100
"""Names in the response header, and characters of each; the log has them all."""
MAX_QUERY = 512
"""Bytes of a query string that is remembered."""

ONLY_BROWSERS = frozenset(
    {b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"sec-ch-ua", b"origin", b"upgrade-insecure-requests"}
)
_NEEDED = frozenset({b"host", b"cookie", b"content-type", b"content-length", b"accept", b"accept-encoding"})
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


@lru_cache(maxsize=128)
def removed_header(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """The response header that names what was taken out, as a list of tokens.

    Clients choose names, so what no token may hold is percent-encoded.
    """
    tokens = [quote(name[:MAX_NAME], safe="[]()!#$&'*+^`|~:") for name in names[:MAX_NAMES]]
    return REMOVED_HEADER, ", ".join(tokens).encode("ascii")


class LocationGate:
    """What one middleware does about places. Set up once."""

    def __init__(self, settings: LocationSettings, observed: Observed, *, cookie: str, enforces: bool) -> None:
        self._observed = observed
        self._enforces = enforces
        self._own_cookie = f"{cookie}=".encode()
        mode = ClientAddress(settings.client_ip)
        self._rejects = settings.broken_media == "reject"
        self._path_segments = settings.path_segments
        self._websocket_messages = settings.websocket_messages and enforces
        self._photo_field = settings.photo_field
        self._photo_paths = Folders(settings.photo_paths)
        self._exempt = Folders(settings.exempt_paths)
        self.has_exempt_paths = bool(settings.exempt_paths)
        self._rules = LocationRules(
            headers=settings.extra_headers,
            fields=settings.extra_fields,
            precise=Precise(settings.precise),
            client_ip=mode,
            keep_broken=settings.broken_media == "pass",
        )
        self.headers = HeaderScrubber(self._rules)
        self._queries: Memo[bytes, Scrubbed] = Memo(lambda query: scrub_form(query, self._rules), MAX_QUERY)
        self._hosts: Memo[str, str | None] = Memo(lambda host: cut_host(host, mode))

    def exempts(self, scope: Scope) -> bool:
        """Whether a request goes to a path where places are part of the work."""
        return self._exempt.hold(scope)

    def judges(self, scope: Scope, head: Mapping[bytes, bytes]) -> bool:
        """Whether a request comes from a visitor's browser, to a path that is not exempt."""
        return is_from_browser(head, self._own_cookie) and not self.exempts(scope)

    def body(
        self, inner: Scope, head: Mapping[bytes, bytes], receive: Receive, removed: Iterable[str], *, located: bool
    ) -> ScrubbedBody | None:
        """The body of a request, where there is one to be judged.

        :param removed: names of what was taken out of the head
        :param located: the visitor has granted that the site knows where they are
        """
        if not has_body(inner, head) or not self.judges(inner, head) or (located and self._keeps_photos(inner)):
            return None
        scrubber = scrubber_for(
            head.get(b"content-type", b""),
            self._rules,
            fields=not located,
            photo_field=self._photo_field if located else "",
        )
        return ScrubbedBody(
            receive,
            scrubber,
            dict.fromkeys(removed),
            self._observed.places,
            reject=self._rejects,
            enforces=self._enforces,
        )

    def messages(self, inner: Scope, head: Mapping[bytes, bytes], receive: Receive, *, located: bool) -> Receive:
        """The ``receive`` of a WebSocket, whose messages are judged where that is configured."""
        if located or not self._websocket_messages or not self.judges(inner, head):
            return receive
        return scrubbed_messages(receive, self._rules, self._observed.places)

    def _keeps_photos(self, inner: Scope) -> bool:
        """Whether this upload's photos keep their places, by its route or by its own word."""
        if self._photo_paths.hold(inner):
            return True
        query: bytes = inner.get("query_string", b"")
        return self._photo_field.encode() in query and says_yes(query, self._photo_field)

    def report(self, names: Collection[str]) -> Collection[str]:
        """Say what was found; returns what of it was taken out."""
        if names:
            self._observed.places(names)
        return names if self._enforces else ()

    def narrows(self, scope: Scope) -> bool:
        """Whether more than headers and query is other for the app."""
        if self._path_segments:
            return True
        client = scope.get("client")
        return client is not None and self._hosts[client[0]] != client[0]

    def narrow(self, inner: Scope) -> Collection[str]:
        """Take the place out of a request's path, query and client address.

        :return: the names of what was taken out, never the values
        """
        path, segments = coarsen_path(inner["path"], self._rules) if self._path_segments else (inner["path"], ())
        query, fields = self._queries[inner.get("query_string") or b""]
        removed = self.report((*segments, *fields))
        if not self._enforces:
            return removed
        inner["query_string"] = query
        if self._path_segments:
            inner["path"] = path
            if inner.get("raw_path"):
                inner["raw_path"] = coarsen_raw_path(inner["raw_path"], self._rules)
        client = inner.get("client")
        if client and (host := self._hosts[client[0]]) != client[0]:
            inner["client"] = None if host is None else (host, client[1])
        return removed


def says_yes(query: bytes, name: str) -> bool:
    """Whether a query string has this field, with a value that means yes."""
    return any(key == name and value not in NO for key, value in parse_qsl(query.decode("latin-1")))


def is_from_browser(head: Mapping[bytes, bytes], own_cookie: bytes) -> bool:
    """Fetch metadata, our cookie or a form post tell a browser; so does its user agent, for over plain http it sends
    no fetch metadata (W3C Fetch Metadata, section 2: only to trustworthy URLs)."""
    if not ONLY_BROWSERS.isdisjoint(head) or head.get(b"user-agent", b"").startswith(b"Mozilla/"):
        return True
    return own_cookie in head.get(b"cookie", b"") or head.get(b"content-type", b"").lower().startswith(_FORMS)


def location_category(policy: Policy) -> str | None:
    """The category that a visitor grants so that the site may know where they are."""
    return next((category.id for category in policy.categories.values() if "location" in category.purposes), None)
