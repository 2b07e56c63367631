"""Which names speak of a place: the vocabulary, and how a name is read.

A name alone decides nothing; :mod:`consent_mw.enforce.location.values` looks at the value too. Here a name only gets a
:class:`Kind`, which says what a value has to look like to be a place. Names are read as words, so that ``startLat``,
``pickup_latitude``, ``geo[lat]`` and ``LAT`` are axes, and ``platform``, ``latency`` and ``longform`` are nothing.
"""

from __future__ import annotations

import re
from enum import Enum


class Kind(Enum):
    """What a name promises about its value."""

    AXIS = "axis"
    """One coordinate: ``lat``, ``经度``."""
    WEAK_AXIS = "weak-axis"
    """A word with another everyday meaning (``long``): only a decimal fraction counts."""
    PAIR = "pair"
    """Both coordinates in one value: ``latlng``."""
    POINTS = "points"
    """One or more positions, perhaps on a game board: ``coordinates``; whole numbers alone are left."""
    WEAK_PAIR = "weak-pair"
    """Anything may be under such a name (``position``, ``q``): only a pair with three decimals counts."""
    GEOHASH = "geohash"
    GRID = "grid"
    """A cell of a published grid: plus code, S2, H3, quadkey, MGRS, UTM, what3words."""
    RADIO = "radio"
    """The radio neighbourhood, which public databases turn into a position: BSSID, cell id."""
    COMPANION = "companion"
    """Says something only next to a coordinate: ``accuracy``, ``altitude``, ``x``."""


_AXIS = frozenset(
    "lat latitude latitud latitudine breitengrad lng lon longitude longitud longitudine laengengrad längengrad "
    "longtitude latdeg londeg lngdeg 纬度 緯度 经度 經度 経度 위도 경도 широта долгота latd lond".split()
)
_PAIR = frozenset(
    "latlng lnglat latlon lonlat latlong longlat latitudelongitude longitudelatitude ll sll gpscoordinates geopoint "
    "geopos 经纬度 經緯度 緯度経度 위경도".split()
)
_POINTS = frozenset(
    "coordinate coordinates coord coords gps geo geom geometry geolocation geoloc geocode wkt geojson polyline nmea "
    "iso6709 坐标 座標 좌표 координаты koordinaten coordenadas coordonnees coordonnées".split()
)
_WEAK_PAIR = frozenset(
    "location loc position pos point points place center centre q query near origin destination waypoint waypoints "
    "from to start end at pin spot where marker markers bbox bounds extent viewport track route path "
    "locations positions places address 位置 定位 地点 地點 当前位置 위치 ubicacion ubicación standort".split()
)
_GEOHASH = frozenset("geohash 地理哈希".split())
_GRID = frozenset(
    "pluscode olc openlocationcode s2 s2cell s2cellid s2id s2token h3 h3index h3cell quadkey mgrs utm what3words "
    "w3w".split()
)
_RADIO = frozenset(
    "bssid wifibssid apbssid cellid cellidentity celltowerid cellglobalid cgi ecgi eci enodebid gnodebid 基站".split()
)
_COMPANION = frozenset(
    "accuracy altitude heading speed bearing x y z altitudeaccuracy horizontalaccuracy verticalaccuracy elevation "
    "course 0 1 2 精度 海拔 高度".split()
)
_CONTAINER = frozenset(_POINTS | _PAIR | {"location", "loc", "位置", "定位"})
"""``position`` is not here: ``{"position": {"x": 120, "y": 40}}`` is where something was dragged to."""

_UNIT = frozenset(
    "deg degree degrees dd e5 e6 e7 micro wgs wgs84 gcj gcj02 bd bd09 min max start end from to ne nw se sw n s e w "
    "north south east west value val num float str string raw text".split()
)
"""Words after an axis that only say how it is written, or which end of something it is."""

_LONG = "long"
"""The one everyday word among the axes: ``long_name`` is no longitude, ``long=116.4074`` is."""

MAX_NAME_LENGTH = 200
"""Longer names are not read: nobody calls a coordinate that, and reading costs time."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zäöüßéóñ]+|[^\W\da-zA-Z_]+|\d+")


def words_of(name: str) -> list[str]:
    """Split ``userLat_1`` into ``["user", "lat", "1"]``: camel case, digits and punctuation end a word."""
    return [word.lower() for word in _WORDS.findall(name[:MAX_NAME_LENGTH])]


_VOCABULARY: dict[str, Kind] = {
    word: kind
    for kind, words in (
        (Kind.WEAK_PAIR, _WEAK_PAIR),
        (Kind.RADIO, _RADIO),
        (Kind.GRID, _GRID),
        (Kind.GEOHASH, _GEOHASH),
        (Kind.POINTS, _POINTS),
        (Kind.PAIR, _PAIR),
        (Kind.AXIS, _AXIS | {word + "s" for word in _AXIS if word.isascii()}),
    )
    for word in words
} | {_LONG: Kind.WEAK_AXIS}


def _meaningful(words: list[str]) -> list[str]:
    """Drop the words at the end that only say how a value is written; never the whole name."""
    last = len(words)
    while last > 1 and (words[last - 1] in _UNIT or words[last - 1].isdecimal()):
        last -= 1
    return words[:last]


def kind_of(name: str) -> Kind | None:
    """Read a field name; ``None`` for a name that has nothing to do with a place.

    >>> kind_of("pickupLatitude"), kind_of("platform")
    (<Kind.AXIS: 'axis'>, None)
    """
    words = words_of(name)
    if not words:
        return None
    whole = _VOCABULARY.get("".join(words))
    if whole is not None:
        return whole
    words = _meaningful(words)
    # The longest known ending wins: "start_lat_lng" is a pair, not an axis.
    for size in range(min(len(words), 4), 0, -1):
        kind = _VOCABULARY.get("".join(words[-size:]))
        if kind is not None:
            return kind
    return None


def is_companion(name: str) -> bool:
    """Whether a name means something about a place when it stands beside a coordinate."""
    return "".join(words_of(name)) in _COMPANION


def is_container(name: str) -> bool:
    """Whether an object of this name holds one position, so that its ``x`` and ``y`` are coordinates."""
    words = words_of(name)
    return "".join(words) in _CONTAINER or (bool(words) and words[-1] in _CONTAINER)
