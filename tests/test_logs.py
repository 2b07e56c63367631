"""Logs hold no places: a filter for any handler."""

from __future__ import annotations

import io
import logging
import logging.config
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.logs import LocationFilter

FILTER = LocationFilter()


def logged(message: object, *arguments: object, **more: object) -> str:
    """What a handler with the filter writes."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(LocationFilter())
    logger = logging.Logger("any")
    logger.addHandler(handler)
    logger.info(message, *arguments, **more)  # type: ignore[arg-type]
    return out.getvalue().rstrip("\n")


@pytest.mark.parametrize(
    ("message", "arguments", "written"),
    [
        ("at lat=39.9042 lng=116.4074", (), "at lat= lng="),
        ("at %s, %s", (39.9042, 116.4074), "at (place)"),
        ("at (%.4f, %.4f)", (39.9042, 116.4074), "at ((place))"),
        ("lat: %s", ("39.9042",), "lat: "),
        ("point %r", ({"latitude": 39.9042},), "point {'latitude': }"),
        ("GET /map?lat=39.9042&zoom=3", (), "GET /map?lat=&zoom=3"),
        ("see geo:39.9042,116.4074", (), "see geo:"),
        ("from 203.0.113.77:5000", (), "from 203.0.113.0:5000"),
        ("from %s", ("203.0.113.77",), "from 203.0.113.0"),
        ("from %(ip)s", ({"ip": "203.0.113.77"},), "from 203.0.113.0"),
        ("from 2001:db8:aa:bb:cc:dd:ee:ff", (), "from 2001:db8:aa::"),
        ("经度：116.4074", (), "经度："),
    ],
)
def test_places_and_full_addresses_are_not_written(message: str, arguments: tuple[object, ...], written: str) -> None:
    assert logged(message, *arguments) == written


@pytest.mark.parametrize(
    "message",
    ["took 39.9042 ms", "12:30:45 started", "127.0.0.1:80", "10.0.0.1 and ::1", "100% done", "price 12.50, 3.75",
     "version 3.11.7", "a4:b1:c2:d3:e4:f5", "std::vector<int>", "lat is missing", "latency=39.9042", "x = 1.234, 5"],
)  # fmt: skip
def test_what_is_no_place_is_written_as_it_is(message: str) -> None:
    assert logged(message) == message


def test_an_access_log_keeps_its_arguments_apart() -> None:
    """uvicorn's formatter takes the record's arguments to pieces."""
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d',
        ("203.0.113.77:5000", "GET", "/map?lat=39.9042&zoom=3", "1.1", 200), None,
    )  # fmt: skip
    assert FILTER.filter(record)
    assert record.args == ("203.0.113.0:5000", "GET", "/map?lat=&zoom=3", "1.1", 200)


def test_a_traceback_is_cleaned_too() -> None:
    try:
        raise ValueError("no office near lat=39.9042 for 203.0.113.77")
    except ValueError:
        written = logged("failed", exc_info=sys.exc_info())
    assert "ValueError: no office near lat= for 203.0.113.0" in written
    assert "39.9042" not in written.replace('raise ValueError("no office near lat=39.9042 for 203.0.113.77")', "")


def test_a_message_that_does_not_fit_its_arguments_is_still_reported(capsys: pytest.CaptureFixture[str]) -> None:
    logged("%d %d", "x")
    assert "Logging error" in capsys.readouterr().err


def test_it_is_configured_by_its_name() -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"places": {"()": "consent_mw.logs.LocationFilter", "extra_fields": ["home"]}},
            "handlers": {"any": {"class": "logging.NullHandler", "filters": ["places"]}},
        }
    )


@given(st.text(max_size=200))
def test_any_message_is_cleaned_without_a_failure(text: str) -> None:
    assert FILTER.clean(FILTER.clean(text)) == FILTER.clean(text)
