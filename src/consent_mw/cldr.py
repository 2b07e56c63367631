"""Dates, lengths of time and countries as the visitor's language writes them: CLDR's forms and plurals, by Babel."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from babel.core import Locale
from babel.dates import format_date
from babel.units import format_unit

DAYS_IN_A_YEAR = 365
_SMALLER_UNITS = (("duration-hour", 24), ("duration-minute", 24 * 60))


@lru_cache(maxsize=1024)
def long_date(tag: str, day: date) -> str:
    """A day in full: ``26 novembre 2026``."""
    return format_date(day, "long", locale=_locale(tag))


@lru_cache(maxsize=1024)
def duration(tag: str, days: float) -> str:
    """How long a cookie is kept: whole years as years, else days, below one day hours or minutes; never zero."""
    if days >= 1:
        whole = round(days)
        years, rest = divmod(whole, DAYS_IN_A_YEAR)
        return _unit(tag, whole, "duration-day") if rest else _unit(tag, years, "duration-year")
    for unit, parts in _SMALLER_UNITS:
        if days * parts >= 1:
            return _unit(tag, round(days * parts), unit)
    return _unit(tag, 1, "duration-minute")


def country(tag: str, code: str) -> str:
    """The name of a country, by its ISO 3166-1 code; the code itself where CLDR has no name."""
    return str(_locale(tag).territories.get(code, code))


def _unit(tag: str, count: int, unit: str) -> str:
    return format_unit(count, unit, length="long", locale=_locale(tag))


@lru_cache(maxsize=64)
def _locale(tag: str) -> Locale:
    """:raises babel.UnknownLocaleError: for a tag that CLDR does not know"""
    return Locale.parse(tag, sep="-")
