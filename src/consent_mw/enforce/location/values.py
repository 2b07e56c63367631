"""Whether a value is a place, and what is left of it.

:func:`scrub_text` is the one question all formats ask: given what the name promised, what may stay of this text?
Precision is judged against one decimal of a degree (about 11 km): two decimals are still "precise geolocation" in
California above 36 degrees of latitude (CCC 1798.140(w), a circle of 1,850 feet).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from consent_mw.enforce.location.names import Kind


class Precise(StrEnum):
    """What happens to a precise value while geolocation is denied."""

    REMOVE = "remove"
    COARSEN = "coarsen"
    """Numbers keep one decimal, grid codes keep the digits of that size; what cannot be rounded is removed."""


MAX_VALUE_LENGTH = 64 * 1024
"""Characters. A longer value under a name that promises a place is removed unread."""

GEOHASH_KEPT = 3
"""Characters of a geohash cell of about 156 km: the next size (39 km × 20 km) is kept by nobody as 'coarse'."""

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?|[+-]?\.\d+")
_AXIS_NUMBER = re.compile(r"\s*([+-]?(?:\d{1,3}(?:[.,]\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?)\s*°?\s*([NSEWnsew]?)\s*")
_SCALED = re.compile(r"\s*[+-]?\d{6,10}\s*")  # 1e-5 to 1e-7 degrees, as positioning interfaces count
_DEGREES = re.compile(r"[\d\s.,:;+\-/'\"NSEWnsewdm°º′″’”度分秒北南东西東緯纬经經]+")
_DEGREE_SIGN = re.compile(r"\d\s*[°º度′″'’\"]|[NSEWnsew北南东西東]\s*\d|\d\s*[NSEWnsew]|\d\s*:\s*\d+\s*:\s*\d")
_NUMBERS_ONLY = re.compile(r"[\d\s.,;|/()\[\]+\-eE\"°NSEWnsew]*")
_PRECISE = re.compile(r"\.\d{3}")
_GEOHASH = re.compile(r"\s*[0-9b-hjkmnp-z]{4,12}\s*", re.IGNORECASE)
_PLUS_CODE = re.compile(
    r"\s*(?:[23456789CFGHJMPQRVWX]{2}){1,4}0{0,6}\+[23456789CFGHJMPQRVWX]{0,7}(?:[\s,].{0,100})?\s*", re.IGNORECASE
)
_GRID = re.compile(
    r"\s*(?:[0-9a-f]{8,16}|\d{10,20}|[0-3]{8,30}|\d{1,2}\s?[C-X]\s?[A-Z]{0,2}[\s\d.]{4,30}|/{0,3}\w+\.\w+\.\w+)\s*",
    re.IGNORECASE,
)
_RADIO = re.compile(r"\s*(?:[0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){5}|[\d\-:.]{3,40})\s*", re.IGNORECASE)
_ISO6709 = re.compile(r"\s*[+-]\d{2,6}(?:\.\d+)?[+-]\d{3,7}(?:\.\d+)?(?:[+-]\d+(?:\.\d+)?)?(?:CRS\w*)?/?\s*")
_POLYLINE = re.compile(r"[?-~]{6,}")

_GEO_URI = re.compile(r"\bgeo:[+-]?\d{1,3}(?:\.\d+)?,\s?[+-]?\d{1,3}(?:\.\d+)?[^\s\"'<>]*", re.IGNORECASE)
_WKT = re.compile(
    r"\b(?:MULTI)?(?:POINT|LINESTRING|POLYGON)(?:\s*[ZM]{1,2})?\s*\([\s(]*[+-]?\d[\d\s.,()+\-eE]*\)", re.IGNORECASE
)
_NMEA = re.compile(r"\$(?:G[PNLABQ]|BD|QZ)(?:GGA|GLL|RMC|GNS|WPL|BWC),[^\r\n\"]{1,120}")
_MAP_URL = re.compile(r"(?<=[@=/])[+-]?\d{1,2}\.\d{3,},\s?[+-]?\d{1,3}\.\d{3,}|!3d-?\d+\.\d+!4d-?\d+\.\d+")
_URL_AXIS = re.compile(
    r"(?<=[?&#;])(?:[\w\[%.\-]{0,40}[_\-\[%.])?(?:lat|lng|lon|latitude|longitude)(?:%5D|\])?=[+-]?\d{1,3}\.\d+",
    re.IGNORECASE,
)
_SELF_NAMING = (_GEO_URI, _WKT, _NMEA, _MAP_URL, _URL_AXIS)
_HINTS = (
    (b"geo:", re.compile(rb"geo:[+-]?\d")),
    (b"(", re.compile(rb"(?:point|linestring|polygon)[\szm]*\([\s(]*[+-]?\d")),
    (b"$", re.compile(rb"\$(?:g[pnlabq]|bd|qz)[a-z]{3},")),
    (b"!3d", re.compile(rb"!3d-?\d")),
    (b"@", re.compile(rb"@[+-]?\d{1,2}\.\d{3}")),
    (b"?", re.compile(rb"[=/][+-]?\d{1,2}\.\d{3,},|(?:lat|lng|lon|itude)(?:%5d|\])?=[+-]?\d{1,3}\.\d")),
)
"""For lower-case bytes: a piece of text that each of them holds, and its shape, loosely."""


def may_name_itself(lowered: bytes) -> bool:
    """Whether :func:`scrub_self_naming` could find something: plain memory searches first, then the shapes.

    :param lowered: the text in lower case; it may lack its blanks
    """
    return any(hint in lowered and shape.search(lowered) is not None for hint, shape in _HINTS)


def _rounded(text: str) -> str:
    """One decimal, and never more digits than the text had."""
    if "." not in text and "e" not in text.lower():
        return text
    rounded = f"{round(float(text), 1):.1f}"
    return text if float(rounded) == float(text) and len(text) <= len(rounded) else rounded


def _round_all(text: str) -> str:
    return _NUMBER.sub(lambda match: _rounded(match[0]), text)


def _axis(text: str) -> str | None:
    if text.startswith("["):
        return _pair(text, precise_numbers=0, fraction=True)
    number = _AXIS_NUMBER.fullmatch(text)
    if number is not None:
        value = abs(float(number[1].replace(",", ".")))
        if value > 180.0:
            return None
        return text.replace(number[1], _rounded(number[1].replace(",", ".")))
    if _SCALED.fullmatch(text):
        return ""
    if _DEGREES.fullmatch(text) and _DEGREE_SIGN.search(text):
        return ""
    return None


def _weak_axis(text: str) -> str | None:
    return _axis(text) if re.search(r"\d\.\d{2}", text) or "°" in text else None


def _pair(text: str, *, precise_numbers: int, fraction: bool) -> str | None:
    """Two or more numbers that can be degrees."""
    if not _NUMBERS_ONLY.fullmatch(text):
        if _DEGREES.fullmatch(text) and "°" in text:
            return ""
        return None
    numbers = _NUMBER.findall(text)
    if len(numbers) < 2 or (fraction and "." not in text):
        return "" if precise_numbers < 2 and _ISO6709.fullmatch(text) else None
    if len(_PRECISE.findall(text)) < precise_numbers:
        return None
    if any(abs(float(number)) > 180.0 for number in numbers[:2]):
        # Height and time may follow a position, but a position itself is in degrees, or scaled to whole numbers.
        return "" if all(_SCALED.fullmatch(number) for number in numbers[:2]) else None
    return _round_all(text)


def _points(text: str) -> str | None:
    if _ISO6709.fullmatch(text):
        return ""
    found = _pair(text, precise_numbers=0, fraction=True)
    if found is None and (_PLUS_CODE.fullmatch(text) or (len(text) > 12 and _is_polyline(text))):
        return ""
    return found


def _is_polyline(text: str) -> bool:
    """An encoded polyline has no words: it mixes cases and signs at random."""
    return _POLYLINE.fullmatch(text) is not None and re.search(r"[`@|~^\\]", text) is not None


def _weak_pair(text: str) -> str | None:
    if _ISO6709.fullmatch(text) and "." in text:
        return ""
    if _PLUS_CODE.fullmatch(text) and len(text.split("+")[0].strip()) >= 4:
        return ""
    return _pair(text, precise_numbers=2, fraction=True)


def _geohash(text: str) -> str | None:
    return text.strip()[:GEOHASH_KEPT] if _GEOHASH.fullmatch(text) else None


def _grid(text: str) -> str | None:
    return "" if _PLUS_CODE.fullmatch(text) or _GRID.fullmatch(text) else None


def _radio(text: str) -> str | None:
    return "" if _RADIO.fullmatch(text) else None


def _companion(text: str) -> str | None:
    return _rounded(text.strip()) if _NUMBER.fullmatch(text.strip()) else None


_COARSE: dict[Kind, Callable[[str], str | None]] = {
    Kind.AXIS: _axis,
    Kind.WEAK_AXIS: _weak_axis,
    Kind.PAIR: lambda text: _pair(text, precise_numbers=0, fraction=False),
    Kind.POINTS: _points,
    Kind.WEAK_PAIR: _weak_pair,
    Kind.GEOHASH: _geohash,
    Kind.GRID: _grid,
    Kind.RADIO: _radio,
    Kind.COMPANION: _companion,
}


def scrub_self_naming(text: str, precise: Precise) -> str | None:
    """Clear what says by itself that it is a place: ``geo:`` URIs (RFC 5870), WKT, NMEA 0183, map links.

    :return: the text without it, or ``None`` when there is none
    """
    result = text
    for shape in _SELF_NAMING:
        if precise is Precise.COARSEN and shape is not _NMEA:
            result = shape.sub(lambda match: _round_all(match[0]), result)
        else:
            result = shape.sub("", result)
    return None if result == text else result


def scrub_text(kind: Kind | None, text: str, precise: Precise) -> str | None:
    """What may stay of a value.

    :param kind: what its name promised; ``None`` for a name that promises nothing
    :return: ``None`` to leave it as it is, ``""`` to remove it, else the coarser text that takes its place
    """
    if kind is None:
        return scrub_self_naming(text, precise)
    if len(text) > MAX_VALUE_LENGTH:
        return "" if kind is not Kind.WEAK_PAIR else None
    coarse = _COARSE[kind](text)
    if coarse is None:
        return scrub_self_naming(text, precise)
    if precise is Precise.REMOVE:
        return ""
    return None if coarse == text else coarse
