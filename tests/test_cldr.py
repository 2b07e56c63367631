"""Dates and lengths of time in the visitor's language."""

from __future__ import annotations

from datetime import date

import pytest

from consent_mw.cldr import country, duration, long_date
from consent_mw.i18n import Locales


@pytest.mark.parametrize("tag", Locales().tags)
def test_cldr_knows_every_language_we_ship(tag: str) -> None:
    assert "2026" in long_date(tag, date(2026, 11, 26))
    assert len({duration(tag, days) for days in (1, 2, 30, 365, 1 / 24)}) == 5


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (730, "2 years"),
        (365, "1 year"),
        (400, "400 days"),
        (1, "1 day"),
        (1.4, "1 day"),
        (0.5, "12 hours"),
        (1 / 24, "1 hour"),
        (1 / 48, "30 minutes"),
        (1 / 86_400, "1 minute"),
    ],
)
def test_a_length_of_time_is_said_exactly_and_is_never_nothing(days: float, said: str) -> None:
    assert duration("en", days) == said


def test_plurals_follow_the_language() -> None:
    assert [duration("pl", days) for days in (1, 2, 5)] == ["1 dzień", "2 dni", "5 dni"]
    assert [duration("ru", days) for days in (1, 2, 5, 21)] == ["1 день", "2 дня", "5 дней", "21 день"]
    assert duration("ar", 2) == "يومان"


def test_dates_stand_in_the_case_that_a_sentence_needs() -> None:
    assert long_date("fi", date(2026, 11, 26)) == "26. marraskuuta 2026"
    assert long_date("zh-Hant", date(2026, 11, 26)) == "2026年11月26日"


def test_countries_have_names() -> None:
    assert [country(tag, "DE") for tag in ("en", "fr", "ja")] == ["Germany", "Allemagne", "ドイツ"]
    assert country("en", "") == ""
    assert country("en", "Sealand") == "Sealand"
