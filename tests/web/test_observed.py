"""What was held back, said once per name: one line of a log each, whatever others wrote into it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from asgi.exchange import PAGE, TEXT, answering, call, wrapped
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.web.observed import MAX_NAMES, Observed


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "consent_mw.blocked"]


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "consent_mw.blocked")


@pytest.mark.parametrize(
    "address",
    [
        "//a[@www.googletagmanager.com/x",
        "https://[@www.googletagmanager.com/x",
        "https://www.googletagmanager.com/[",
        "https:www.googletagmanager.com/x",
        "https:\\\\www.googletagmanager.com/x",
    ],
)
def test_a_reference_that_no_library_parser_reads_is_held_back_and_breaks_nothing(
    caplog: pytest.LogCaptureFixture, address: str
) -> None:
    tag = f'<img src="{address}"><p>after</p></body>'.encode()
    body = call(wrapped(answering(PAGE.replace(b"</body>", tag)))).body
    assert b'<img data-consent="google-tag-manager" data-consent-src=' in body
    assert b"<p>after</p></body>" in body
    assert lines(caplog) == ["blocked reference to www.googletagmanager.com (service google-tag-manager)"]


def test_a_name_is_said_once_without_its_value(caplog: pytest.LogCaptureFixture) -> None:
    app = wrapped(answering(b"", [TEXT, (b"set-cookie", b"_ga=secret")]))
    for _ in range(3):
        call(app, headers=[(b"cookie", b"_ga=secret")])
    assert len(lines(caplog)) == 1
    assert "secret" not in caplog.text


@pytest.mark.parametrize("name", [b"a\x1b[2Jb", b"a\x7fb", "a\u2028b".encode(), b"a\x85b", b"\xff"])
def test_a_cookies_name_cannot_end_a_line_or_move_the_cursor(caplog: pytest.LogCaptureFixture, name: bytes) -> None:
    call(wrapped(answering()), headers=[(b"cookie", name + b"=1")])
    assert all(line.isprintable() for line in lines(caplog))
    assert len(lines(caplog)) == 1


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ("https://tracker.example/x?secret", "tracker.example"),
        ("inline", "inline"),
        ("x\nWARNING unclassified request cookie 'evil'; to classify it", "unknown"),
        ("https://a/\n(service youtube)", "a"),
        ("", "unknown"),
        (5, "unknown"),
        (["https://a"], "unknown"),
    ],
)
def test_a_report_from_anybody_says_a_host_and_nothing_else(
    caplog: pytest.LogCaptureFixture, reported: Any, said: str
) -> None:
    body = json.dumps({"csp-report": {"blocked-uri": reported}}).encode()
    call(wrapped(answering()), "/consent/report", [(b"content-type", b"application/csp-report")], body, method="POST")
    assert lines(caplog) == [f"a browser reported a blocked contact with {said}"]


def test_what_is_remembered_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    observed = Observed(build_policy(ConsentConfig()))
    for number in range(MAX_NAMES + 500):
        observed.csp_report(f"host{number}.example")
    assert len(lines(caplog)) == MAX_NAMES
