"""Cookies in both directions: what a visitor has not consented to neither reaches the app nor leaves it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.http import parse_cookie as django_reader
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import cookie_parser as starlette_reader

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.cookies import SetCookie, lenient
from consent_mw.core.decision import Choice, Grants, decide, resolve
from consent_mw.core.policy import Policy
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.enforce.cookie_filter import (
    Pass,
    Verdict,
    config_line,
    expired_names,
    filter_request,
    filter_response,
    judge,
)

OWN = b"__Host-consent"
NOW = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
CONFIG: dict[str, Any] = {
    "cookies": [
        {"name": "cart", "category": "necessary"},
        {"name": "visitor", "category": "identification"},
        {"name": "remember_*", "category": "identification", "without_consent": "session_only"},
        {"name": "ab", "category": "personalization_analytics"},
        {"name": "place", "category": "geolocation"},
    ]
}


def policy(**values: Any) -> Policy:
    return build_policy(ConsentConfig(**{**CONFIG, **values}))


def grants(policy: Policy, **choice: Any) -> Grants:
    """The grants after a choice; before any choice without one."""
    before = resolve(policy, None, NO_SIGNALS)
    if not choice:
        return before.grants
    stored = decide(before, Choice(**choice), site="s", now=int(NOW), new_subject=lambda: "x" * 22)
    return resolve(policy, stored, NO_SIGNALS).grants


POLICY = policy()
BEFORE = grants(POLICY)
ALL = grants(POLICY, action="save", categories=dict.fromkeys(POLICY.categories, True))


def said(into: list[str]) -> Callable[[str, Verdict], None]:
    return lambda name, verdict: into.append(name)


def ignore(name: str, verdict: Verdict) -> None:
    """Nobody is told."""


# One cookie


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("cart", Pass.WHOLE, Pass.WHOLE),
        ("csrftoken", Pass.WHOLE, Pass.WHOLE),
        ("visitor", Pass.BLOCKED, Pass.WHOLE),
        ("remember_me", Pass.SESSION_ONLY, Pass.WHOLE),
        ("session", Pass.SESSION_ONLY, Pass.WHOLE),
        ("sessionid", Pass.SESSION_ONLY, Pass.WHOLE),
        ("ds_actor", Pass.SESSION_ONLY, Pass.WHOLE),
        ("ab", Pass.BLOCKED, Pass.WHOLE),
        ("_ga", Pass.BLOCKED, Pass.WHOLE),
        ("_ga_ABC123", Pass.BLOCKED, Pass.WHOLE),
        ("_fbp", Pass.BLOCKED, Pass.WHOLE),
        ("place", Pass.BLOCKED, Pass.WHOLE),
        ("nobody_knows_this", Pass.BLOCKED, Pass.BLOCKED),
        ("Cart", Pass.BLOCKED, Pass.BLOCKED),
        ("", Pass.BLOCKED, Pass.BLOCKED),
    ],
)
def test_a_cookie_is_judged_by_its_category(name: str, before: Pass, after: Pass) -> None:
    assert judge(BEFORE, name).outcome is before
    assert judge(ALL, name).outcome is after


def test_accepting_all_leaves_the_separate_category_and_the_unclassified_out() -> None:
    accepted = grants(POLICY, action="accept_all")
    assert judge(accepted, "ab").outcome is Pass.WHOLE
    assert judge(accepted, "place").blocked
    assert judge(accepted, "nobody_knows_this").blocked


def test_a_site_may_let_unclassified_cookies_pass() -> None:
    open_policy = policy(enforcement={"unclassified_cookies": "allow"})
    assert judge(grants(open_policy), "nobody_knows_this").outcome is Pass.WHOLE
    assert judge(grants(open_policy), "_ga").blocked


def test_a_cookie_of_an_undeclared_service_is_blocked_whatever_was_accepted() -> None:
    declaring = policy(use=["youtube"])
    accepted = grants(declaring, action="accept_all")
    assert judge(accepted, "VISITOR_INFO1_LIVE").outcome is Pass.WHOLE
    assert judge(accepted, "_ga").blocked


def test_a_service_answer_of_its_own_counts_for_its_cookies() -> None:
    declaring = policy(use=["google-analytics", "youtube"])
    one = grants(declaring, action="save", services={"youtube": True})
    assert judge(one, "VISITOR_INFO1_LIVE").outcome is Pass.WHOLE
    assert judge(one, "_ga").blocked


def test_remembered_verdicts_are_bounded_in_number_and_size() -> None:
    fresh = grants(policy())
    for number in range(5000):
        judge(fresh, f"name{number}")
    judge(fresh, "x" * 100_000)
    assert len(fresh.cookie_verdicts) <= 2048
    assert max(map(len, fresh.cookie_verdicts)) <= 200


# Towards the app


def test_the_app_sees_the_header_byte_for_byte_when_nothing_is_blocked() -> None:
    header = b' cart="a b"; csrftoken=\xff;;session=x=y ; remember_me'
    assert filter_request(b' cart="a b"; csrftoken=\xff;;session=x=y ', BEFORE, OWN, ignore).strip() == (
        b'cart="a b"; csrftoken=\xff;;session=x=y'
    )
    assert filter_request(header.rpartition(b";")[0], ALL, OWN, ignore) == header.rpartition(b";")[0]


def test_what_is_blocked_is_cut_out_and_reported_and_the_rest_keeps_its_bytes() -> None:
    names: list[str] = []
    header = b"visitor=1; cart=a;  ab=2;csrftoken=\t%3D ;_ga=GA1.1.1; remember_me=7; nobody"
    assert filter_request(header, BEFORE, OWN, said(names)) == b"cart=a;csrftoken=\t%3D ; remember_me=7"
    assert names == ["visitor", "ab", "_ga", ""]


@pytest.mark.parametrize("name", [OWN, b"\xa0" + OWN, OWN + "\u3000".encode()])
def test_the_consent_cookie_stays_with_us_look_alikes_included(name: bytes) -> None:
    assert filter_request(b"cart=a; " + name + b"=t; csrftoken=b", ALL, OWN, ignore) == b"cart=a; csrftoken=b"


@pytest.mark.parametrize(
    "header",
    [
        b"\xa0_ga=1",
        b"\x85_ga=1",
        "\u00a0_ga=1".encode(),
        "\u3000_ga=1".encode(),
        b"\x1f_ga=1",
        b"_ga\x0b=1",
        b"csrftoken=a _ga=1",
        b"csrftoken=a\t_ga \x0c= 1",
        b'csrftoken="a" _ga=1',
        b"csrftoken=a __Host-consent=t",
    ],
)
@pytest.mark.parametrize("reader", ["starlette", "django", "http.cookies"])
def test_no_reader_finds_a_blocked_name_in_what_passes(header: bytes, reader: str) -> None:
    passed = filter_request(b"cart=a; " + header, BEFORE, OWN, ignore)
    assert passed.startswith(b"cart=a")
    assert set(READERS[reader](passed)) <= {"cart", "csrftoken"}


def _http_cookies(text: str) -> Mapping[str, Any]:
    return SimpleCookie(text)


READERS: dict[str, Callable[[bytes], Mapping[str, Any]]] = {
    "starlette": lambda header: starlette_reader(header.decode("latin-1")),
    "django": lambda header: django_reader(header.decode("utf-8", "replace")),
    "http.cookies": lambda header: _http_cookies(header.decode("latin-1")),
}

_names = st.sampled_from(
    [b"_ga", b"_fbp", b"visitor", b"cart", b"csrftoken", b"remember_me", OWN, b"$Path", b"path", b"expires", b"", b"zz"]
)
_white = st.sampled_from([b"", b" ", b"\t", b"\xa0", b"\x85", b"\x0b", b"\x1c", "\u3000".encode(), b"  "])
_values = st.binary(max_size=6) | st.sampled_from([b'"a b"', b'"a; _ga=1"', b"a _ga=1", b'"\\"', b"a, b=c", b"="])
_pairs = st.tuples(_white, _names, _white, st.sampled_from([b"=", b"", b"=="]), _white, _values, _white).map(b"".join)
_headers = st.lists(_pairs, max_size=6).flatmap(
    lambda parts: st.sampled_from([b";", b"; ", b" ", b",", b" ; "]).map(lambda glue: glue.join(parts))
)
KNOWN_AND_BLOCKED = {"_ga", "_fbp", "visitor", OWN.decode()}


@given(_headers)
def test_whatever_is_sent_no_reader_finds_a_blocked_name_and_filtering_twice_changes_nothing(header: bytes) -> None:
    passed = filter_request(header, BEFORE, OWN, ignore)
    assert filter_request(passed, BEFORE, OWN, ignore) == passed
    for read in READERS.values():
        assert not KNOWN_AND_BLOCKED & {str(name) for name in read(passed)}


def _spec_pairs(header: bytes) -> list[tuple[bytes, bytes]]:
    """RFC 6265bis section 5.8.3, read backwards: how a server takes the serialised cookies apart again."""
    pairs = []
    for part in header.split(b";"):
        name, equals, value = part.partition(b"=")
        if part.strip():
            pairs.append((name.strip(b" \t"), value.strip(b" \t")) if equals else (b"", part.strip(b" \t")))
    return pairs


@given(_headers)
def test_the_cookies_that_pass_are_those_that_may_in_their_order(header: bytes) -> None:
    sent, passed = _spec_pairs(header), _spec_pairs(filter_request(header, BEFORE, OWN, ignore))
    plain = [pair for pair in sent if pair[0] in (b"cart", b"csrftoken", b"remember_me") and len(pair[1].split()) < 2]
    assert [pair for pair in passed if pair in plain] == plain
    assert not any(judge(BEFORE, lenient(name)).blocked for name, _ in passed)


def test_a_huge_header_costs_linear_time() -> None:
    header = b"; ".join(
        [b'csrftoken="' + b"\\" * 1_000_000 + b'"', b"a=" + b" " * 1_000_000, b"_ga=1", b"x;" * 100_000]
    )
    assert filter_request(header, BEFORE, OWN, ignore).startswith(b'csrftoken="\\')


# Towards the browser


def sent(*values: bytes, grants: Grants = BEFORE, report: Callable[[str, Verdict], None] = ignore) -> list[bytes]:
    headers = [(b"set-cookie", value) for value in values]
    return [value for _, value in filter_response(headers, grants, OWN, NOW, report)]


def test_what_is_not_consented_to_does_not_leave_and_is_reported() -> None:
    names: list[str] = []
    assert sent(b"visitor=1; Path=/", b"cart=a", b"_ga=1", b"zz=1", b"zz", report=said(names)) == [b"cart=a"]
    assert names == ["visitor", "_ga", "zz", ""]


def test_after_consent_every_byte_leaves_as_it_came() -> None:
    values = [b"visitor=1;Path=/ ; Max-Age=5", b"_ga=\xff;  expires=x", b"remember_me=1; Max-Age=9"]
    assert sent(*values, grants=ALL) == values


@pytest.mark.parametrize("attributes", [b"; Max-Age=0", b"; Expires=Thu, 01 Jan 1970 00:00:00 GMT", b"; max-age=-9; X"])
@pytest.mark.parametrize("name", [b"visitor", b"_ga", b"zz", b"remember_me", b"place"])
def test_a_deletion_passes_whole_whatever_was_chosen(name: bytes, attributes: bytes) -> None:
    value = name + b"=" + attributes
    assert sent(value) == [value]


@pytest.mark.parametrize("attributes", [b"; Max-Age=1", b"; Expires=Tue, 01 Jan 69 00:00:00 GMT", b"; Max-Age=-"])
def test_what_only_looks_like_a_deletion_does_not_pass(attributes: bytes) -> None:
    assert sent(b"_ga=1" + attributes) == []


def test_session_only_passes_without_its_lifetime() -> None:
    names: list[str] = []
    value = b"remember_me=7; Path=/; Max-Age=99; HttpOnly; expires=Wed, 01 Jan 2031 00:00:00 GMT"
    assert sent(value, report=said(names)) == [b"remember_me=7; Path=/; HttpOnly"]
    assert names == ["remember_me"]


@pytest.mark.parametrize("value", [OWN + b"=forged", OWN + b"=; Max-Age=0", b" " + OWN + b" =x"])
def test_an_app_neither_sets_nor_deletes_the_consent_cookie(value: bytes) -> None:
    assert sent(value, grants=ALL) == []


@pytest.mark.parametrize("name", [b"\xa0_ga", "\u3000_ga".encode(), b"_ga\x85"])
def test_a_tracker_does_not_leave_under_a_name_with_odd_white_space(name: bytes) -> None:
    assert sent(name + b"=1") == []


def test_other_headers_keep_their_place_case_and_repetition() -> None:
    headers = [(b"X-A", b"1"), (b"Set-Cookie", b"_ga=1"), (b"x-a", b"2"), (b"SET-COOKIE", b"cart=1"), (b"X-A", b"1")]
    assert filter_response(headers, BEFORE, OWN, NOW, ignore) == [headers[0], *headers[2:]]


@given(st.lists(st.tuples(_names, _values, st.binary(max_size=30)), max_size=5))
def test_filtering_a_response_twice_changes_nothing_more(cookies: list[tuple[bytes, bytes, bytes]]) -> None:
    once = sent(*(b"%s=%s; %s" % parts for parts in cookies))
    assert sent(*once) == once
    for value in once:
        cookie = SetCookie.parse(value)
        assert cookie.is_deletion(NOW) or cookie.name in (b"cart", b"csrftoken", b"remember_me")


# Taking back


def test_a_withdrawal_takes_what_it_no_longer_allows_and_leaves_the_rest() -> None:
    names = [b"cart", b"visitor", b"_ga", b"_ga_\xe6\x97\xa5", b"remember_me", b"zz", b"_ga"]
    taken = [b"visitor", b"_ga", b"_ga_\xe6\x97\xa5", b"remember_me"]
    assert expired_names(names, BEFORE, ALL) == taken


def test_a_refusal_signs_nobody_out() -> None:
    assert expired_names([b"remember_me", b"_ga"], BEFORE, BEFORE) == [b"_ga"]


def test_a_name_with_a_control_character_is_never_written_back() -> None:
    assert expired_names([b"_ga_\x00", b"_ga_\r\nx", b"_ga_\x7f"], BEFORE, ALL) == []


# Telling the operator


def test_the_line_that_classifies_a_cookie_is_configuration_that_loads() -> None:
    import tomllib

    line = config_line("zz", POLICY)
    classified = ConsentConfig.load({**tomllib.loads(line)})
    assert judge(grants(build_policy(classified)), "zz").rule is not None


def test_an_unclassified_cookie_is_logged_once_with_that_line(caplog: pytest.LogCaptureFixture) -> None:
    from consent_mw.web.observed import Observed

    observed = Observed(POLICY)
    with caplog.at_level(logging.INFO, "consent_mw.blocked"):
        for _ in range(3):
            sent(b"zz=secret-value", report=observed.response_cookie)
            filter_request(b"zz=secret-value", BEFORE, OWN, observed.request_cookie)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert '[[cookies]] ; name = "zz"' in record.getMessage()
    assert "secret-value" not in record.getMessage()
