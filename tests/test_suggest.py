"""From what a running site logged to the configuration that classifies it."""

from __future__ import annotations

import logging
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi.exchange import PAGE, TEXT, TRACKER, answering, call, wrapped
from consent_mw import ConsentConfig
from consent_mw.build import build_policy
from consent_mw.catalog.load import load_catalog
from consent_mw.suggest import Suggestion, as_toml, read_log

CATALOG = load_catalog()


def observed(caplog: pytest.LogCaptureFixture) -> str:
    """The log of a site that uses a tracker and three cookies, one of them known."""
    app = wrapped(answering(PAGE + TRACKER), use=["youtube"])
    odd = wrapped(answering(b"", [TEXT, (b"set-cookie", b"basket=1"), (b"set-cookie", b"_ga=1")]), use=["youtube"])
    with caplog.at_level(logging.INFO, "consent_mw.blocked"):
        call(app, headers=[(b"cookie", b'seen=secret; "odd\\"=2')])
        call(odd)
    return "\n".join(f"2026-11-24 12:00 {r.levelname} {r.name}: {r.getMessage()}" for r in caplog.records)


def test_what_the_middleware_logged_becomes_configuration_that_loads(caplog: pytest.LogCaptureFixture) -> None:
    text = as_toml(read_log(observed(caplog).splitlines(), CATALOG))
    config = ConsentConfig(**tomllib.loads(text))
    assert config.use == ("google-analytics",)
    assert {"seen", "basket"} <= {cookie.name for cookie in config.cookies}
    assert "_ga" not in text
    assert "secret" not in text
    assert "# Left out" in text
    build_policy(config)


@pytest.mark.parametrize("name", ["*", "_*", "a b", "", "x" * 201, "\u65e5", 'a"b', "a\\b"])
def test_what_only_a_visitor_would_send_classifies_nothing(name: str) -> None:
    seen = Suggestion(cookies={name: None})
    assert "cookies" not in tomllib.loads(as_toml(seen))


def test_a_log_without_our_lines_suggests_nothing() -> None:
    assert (
        as_toml(read_log(["GET / 200", "", "unclassified"], CATALOG))
        == "# Nothing was observed that needs classifying.\n"
    )


def test_a_service_that_the_catalogue_does_not_know_is_passed_over() -> None:
    assert not read_log(["blocked cookie 'x' (service made-up)"], CATALOG).services


@given(st.text(min_size=1, max_size=30))
def test_whatever_name_was_logged_the_suggestion_is_valid_toml(name: str) -> None:
    line = f"blocked unclassified request cookie {name!r}; to classify it: x"
    for entry in tomllib.loads(as_toml(read_log([line], CATALOG))).get("cookies", []):
        assert entry["category"] == "identification"
