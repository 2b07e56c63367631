"""The compiled rule set: one object, built at start-up, that every location scrubber asks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from enum import Enum, IntEnum
from fnmatch import translate
from functools import cached_property
from urllib.parse import unquote_plus

from consent_mw.core.memo import Memo
from consent_mw.enforce.location.address import ADDRESS_HEADERS, ClientAddress
from consent_mw.enforce.location.names import MAX_NAME_LENGTH, Kind, is_companion, kind_of, words_of
from consent_mw.enforce.location.values import Precise, scrub_text

Scrubbed = tuple[bytes, tuple[str, ...]]
"""A text without places, the very same object when there were none, and the names of what was removed."""

UNNAMED = "(value)"
"""What a place is reported as that had no name."""


class HeaderKind(Enum):
    """What a request header has to do with a place."""

    PLACE = "place"
    """Named after a place by whoever adds it: removed, whatever its value."""
    ADDRESS = "address"
    """Holds client addresses: cut."""
    URL = "url"
    """Repeats a URL of the site, whose query may hold a place."""
    FIELD = "field"
    """Named like a field that may hold a place: judged by its value."""


class Interest(IntEnum):
    """What a field's name makes of its value."""

    NONE = 0
    """Only what names a place by itself could be one."""
    SHAPED = 1
    """A place only if it has the shape of a precise pair: ``path``, ``address`` and ``end`` are everyday names."""
    ANY = 2
    """Worth a look, whatever it is."""


_URL_HEADERS = frozenset("referer x-original-url x-rewrite-url x-forwarded-uri x-original-uri x-url".split())

_PLACE_WORDS = frozenset(
    "country ipcountry countrycode countryname city ipcity cityname geoip geolocation geo citylatlong latlong metro "
    "metrocode postal postalcode postcode zipcode timezone iptimezone continent ipcontinent subdivision province "
    "district adcode locode edgescape latitude longitude lat lng lon latlng coordinates coords geohash".split()
)
"""In a header's name these words are a place, whoever sends it. ``state``, ``location`` and ``region`` are not here:
``Content-Location`` and ``X-Amz-Region`` are about the server."""

_PLACE_HEADERS = (
    "cf-ip*", "cf-region*", "cloudfront-viewer-time-zone", "cloudfront-viewer-country-region*",
    "x-appengine-region", "x-vercel-ip-*", "fly-region", "x-client-region*", "client-region*", "cdn-requeststate*",
    "cdn-requestcountry*", "cdn-requestcity*", "ali-ip-*", "eo-client-ip?*", "eo-client-region*",
    "x-tencent-*region", "x-cdn-*region", "x-bd-*region", "x-ws-*region", "x-volc-*region", "x-isp-region",
    "x-ad-code", "x-region", "x-region-code", "x-region-name", "x-user-region", "x-ip-region", "x-viewer-region*",
    "region-code", "x-location", "*user-location", "*client-location", "*visitor-location", "*device-location",
    "*-ip-location",
    "x-tz", "time-zone", "*-time-zone", "maxmind-*", "x-maxmind-*", "x-geo*", "geoip*",
)  # fmt: skip
"""What CDNs, clouds and proxies send whose name is not told by one of the words above: Cloudflare, CloudFront, App
Engine, Vercel, Fly, Google load balancers (by their documented examples), Bunny, Alibaba ESA, Tencent EdgeOne and
CDN, Baidu, Wangsu, Volcengine, and GeoIP modules under the prefixes that operators give them."""

_ABOUT_THE_SERVER = ("sec-", "access-control-", "content-", "accept", "if-", "x-amz-", "x-aws-", "x-forwarded-host")
_NEVER = frozenset({"origin", "from", "host", "cookie", "authorization", "via", "range", "date", "expect", "te"})


def form_text(raw: bytes) -> str:
    """A name or value of a form or query string (WHATWG URL, urlencoded parsing)."""
    return unquote_plus(raw.decode("utf-8", "replace"))


def _plain(name: str) -> str:
    """One spelling for ``X_Geo``, ``x-geo`` and ``X-GEO``: WSGI-minded proxies write underscores."""
    return name.strip().lower().replace("_", "-")


class LocationRules:
    """What counts as a place, and what is left of it. Immutable but for its memo of names already read.

    :param headers: further request headers to remove; ``*`` and ``?`` are wildcards, case and ``_`` do not matter
    :param fields: further field names (query, form, JSON) whose value is removed, whatever it is; wildcards as above
    :param precise: what happens to precise values
    :param client_ip: what happens to public client addresses
    :param keep_broken: whether a photo in a text stays that cannot be cleared
    """

    def __init__(
        self,
        *,
        headers: Iterable[str] = (),
        fields: Iterable[str] = (),
        precise: Precise = Precise.REMOVE,
        client_ip: ClientAddress = ClientAddress.TRUNCATE,
        keep_broken: bool = False,
    ) -> None:
        self.precise = Precise(precise)
        self.keep_broken = keep_broken
        self.client_ip = ClientAddress(client_ip)
        globs = (*_PLACE_HEADERS, *map(_plain, headers))
        self._headers = re.compile("|".join(map(translate, globs)))
        self._own_headers = re.compile("|".join(map(translate, map(_plain, headers))) or r"(?!)")
        self._own_fields = re.compile("|".join(translate(name.lower()) for name in fields) or r"(?!)")
        self.header_kinds: Memo[bytes, HeaderKind | None] = Memo(self._read_header)
        self.key_kinds: Memo[bytes, Interest] = Memo(self._read_key)
        self.form_kinds: Memo[bytes, Interest] = Memo(lambda raw: self._read_key(form_text(raw).encode()))

    @cached_property
    def photos_only(self) -> LocationRules:
        """Rules that know no places, for the bodies of a visitor who shares theirs: photos may show somebody else's."""
        return _NoRules(precise=self.precise, keep_broken=self.keep_broken)

    @cached_property
    def coarse(self) -> LocationRules:
        """The same rules, with places made coarser instead of removed."""
        other = copy(self)
        other.precise = Precise.COARSEN
        return other

    def _read_header(self, raw: bytes) -> HeaderKind | None:
        name = _plain(raw[:MAX_NAME_LENGTH].decode("latin-1"))
        if self._own_headers.match(name):
            return HeaderKind.PLACE
        if name in ADDRESS_HEADERS:
            return HeaderKind.ADDRESS
        if name in _URL_HEADERS:
            return HeaderKind.URL
        if name in _NEVER or name.startswith(_ABOUT_THE_SERVER):
            return None
        words = words_of(name)
        if self._headers.match(name) or not _PLACE_WORDS.isdisjoint(words):
            return HeaderKind.PLACE
        if words[-1:] == ["ip"]:  # however a proxy calls it
            return HeaderKind.ADDRESS
        return HeaderKind.FIELD if kind_of(name) is not None else None

    def _read_key(self, raw: bytes) -> Interest:
        """What a JSON key, as it stands between its quotes, makes of its value; in doubt it is worth a look."""
        if b"\\" in raw:
            return Interest.ANY
        name = raw.decode("utf-8", "replace")
        kind = kind_of(name)
        if self.is_own_field(name):
            return Interest.ANY
        if kind is None:
            return Interest.NONE
        return Interest.SHAPED if kind is Kind.WEAK_PAIR else Interest.ANY

    def is_own_field(self, name: str) -> bool:
        """Whether the operator named this field as a place."""
        return self._own_fields.match(name[:MAX_NAME_LENGTH].lower()) is not None

    def scrub_field(self, name: str, text: str, *, inside: bool = False) -> str | None:
        """What may stay of a field's value; see :func:`~consent_mw.enforce.location.values.scrub_text`.

        :param inside: the field stands beside a coordinate, where ``x`` and ``accuracy`` are about the place too
        """
        if self.is_own_field(name):
            return "" if text else None
        kind = kind_of(name)
        if kind is None and inside and is_companion(name):
            kind = Kind.COMPANION
        return scrub_text(kind, text, self.precise)


class _NoRules(LocationRules):
    def _read_key(self, raw: bytes) -> Interest:
        return Interest.NONE

    def scrub_field(self, name: str, text: str, *, inside: bool = False) -> str | None:
        return None
