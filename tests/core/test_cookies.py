"""The cookie grammar, on bytes: what browsers send and what they make of what is sent to them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.core.cookies import (
    DOUBTFUL,
    MAX_COOKIE_HEADER_BYTES,
    SetCookie,
    expiry_headers,
    is_writable_name,
    lenient,
    read_own,
    segments,
)

NAME = b"__Host-consent"
NOW = datetime(2026, 11, 24, tzinfo=UTC).timestamp()


# Reading our own cookie


@pytest.mark.parametrize(
    "headers",
    [
        [b"__Host-consent=good"],
        [b"a=1; __Host-consent=good; b=2"],
        [b"a=1;__Host-consent=good"],
        [b"\t __Host-consent \t=\t good \t;"],
        [b"a=1", b"__Host-consent=good", b"b=2"],
        [b"consent=other; __Host-consent2=x; x__Host-consent=y; __Host-consent=good"],
    ],
)
def test_our_cookie_is_read_wherever_it_stands(headers: list[bytes]) -> None:
    assert read_own(headers, NAME) == b"good"


@pytest.mark.parametrize("headers", [[], [b""], [b"a=1"], [b"__Host-consent"], [b"__host-consent=x"], [b"=x"]])
def test_without_our_cookie_there_is_nothing_to_read(headers: list[bytes]) -> None:
    assert read_own(headers, NAME) is None


TOSSED = [
    b"\xa0__Host-consent", b"\x85__Host-consent", b"\xa0\xa0__Host-consent", b"__Host-consent\xa0",
    "\u00a0__Host-consent".encode(), "\u0085__Host-consent".encode(), "\u2000__Host-consent".encode(),
    "\u3000__Host-consent".encode(), "__Host-consent\u2028".encode(), "\ufeff \u3000__Host-consent".encode()[3:],
    b"\x0b__Host-consent", b"\x0c__Host-consent", b"\x1c__Host-consent", b"\x1f__Host-consent",
]  # fmt: skip
"""Names that a sibling subdomain can plant, and that a reader which strips white space takes for ours."""


@pytest.mark.parametrize("tossed", TOSSED)
@pytest.mark.parametrize("where", ["before", "after", "alone", "in a header of its own"])
def test_a_look_alike_of_our_name_makes_the_request_doubtful(tossed: bytes, where: str) -> None:
    ours, theirs = b"__Host-consent=good", tossed + b"=forged"
    headers = {
        "before": [theirs + b"; " + ours],
        "after": [ours + b"; " + theirs],
        "alone": [theirs],
        "in a header of its own": [ours, theirs],
    }[where]
    assert read_own(headers, NAME) == DOUBTFUL


@pytest.mark.parametrize(
    "headers",
    [
        [b"__Host-consent=a; __Host-consent=a"],
        [b"__Host-consent=a", b"__Host-consent=b"],
        [b"__Host-consent=; __Host-consent=b"],
        [b'x="; __Host-consent=a; "; __Host-consent=b'],
    ],
)
def test_a_repeated_name_makes_the_request_doubtful(headers: list[bytes]) -> None:
    assert read_own(headers, NAME) == DOUBTFUL


def test_nothing_is_read_from_a_huge_header() -> None:
    assert read_own([b"__Host-consent=good; x=" + b"y" * MAX_COOKIE_HEADER_BYTES], NAME) == DOUBTFUL
    half = b"x=" + b"y" * (MAX_COOKIE_HEADER_BYTES // 2)
    assert read_own([half, half, b"__Host-consent=good"], NAME) == DOUBTFUL


def test_quoted_backslashes_cost_no_more_than_other_bytes() -> None:
    """``http.cookies`` needs seconds for 64 KB of these in some Python versions; quadratic, this would not end."""
    header = b'a="' + b"\\" * 8_000_000 + b'"; __Host-consent=good'
    assert read_own([header], NAME) == DOUBTFUL
    assert [name for name, _ in segments(header)] == [b"a", NAME]
    assert not SetCookie.parse(header).is_deletion(NOW)
    assert SetCookie.parse(b"a=1; Expires=" + b"1:" * 500).is_deletion(NOW) is False


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_reading_never_raises_and_the_segments_are_the_header(parts: list[bytes]) -> None:
    header = b";".join(parts)
    assert b";".join(segment for _, segment in segments(header)) == header
    read_own([header], NAME)
    for name, _ in segments(header):
        lenient(name)


# What browsers make of a Set-Cookie header


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"a=1; Path=/", b"a"),
        (b" a\t= 1", b"a"),
        (b"a", b""),
        (b"=a", b""),
        (b"a=b=c", b"a"),
        (b";a=1", b""),
        (b"\xa0a=1", b"\xa0a"),
    ],
)
def test_the_name_ends_at_the_first_equals_sign(value: bytes, name: bytes) -> None:
    assert SetCookie.parse(value).name == name


PAST, FUTURE = b"Thu, 01 Jan 1970 00:00:00 GMT", b"Sat, 01 Jan 2028 00:00:00 GMT"


@pytest.mark.parametrize(
    "attributes",
    [
        b"Max-Age=0",
        b"Max-Age=-1",
        b"max-age = 0 ",
        b"MAX-AGE=000",
        b"Max-Age=5; Max-Age=0",
        b"Max-Age=0; Max-Age=x",
        b"Expires=" + PAST,
        b"expires=" + PAST + b"; Path=/",
        b"Expires=" + FUTURE + b"; Expires=" + PAST,
        b"Expires=" + FUTURE + b"; Max-Age=0",
        b"Expires=Thu, 01-Jan-1970 00:00:00 GMT",
        b"Expires=Thu, 01-Jan-70 00:00:00 GMT",
        b"Expires=1 jan 2000 0:0:0",
        b"Expires=Thu Jan  1 00:00:00 1970",
        b"Expires=" + PAST + b"; Expires=never",
    ],
)
def test_it_is_a_deletion_when_a_browser_would_delete(attributes: bytes) -> None:
    assert SetCookie.parse(b"_ga=; " + attributes).is_deletion(NOW)


@pytest.mark.parametrize(
    "attributes",
    [
        b"",
        b"Max-Age",
        b"Max-Age=",
        b"Max-Age=-",
        b"Max-Age=+0",
        b"Max-Age=0.0",
        b'Max-Age="0"',
        b"Max-Age=0x0",
        b"Max-Age=0; Max-Age=1",
        b"Max-Age=" + b"0" * 1025,
        b"Expires=0",
        b"Expires=-1",
        b"Expires=Thu, 01 Jan 1600 00:00:00 GMT",
        b"Expires=Thu, 32 Jan 1970 00:00:00 GMT",
        b"Expires=Sun, 30 Feb 2020 00:00:00 GMT",
        b"Expires=Thu, 01 Jan 1970 24:00:00 GMT",
        b"Expires=Thu, 01 Jan 1970",
        b"Expires=" + PAST + b"; Max-Age=60",
        b"Expires=" + PAST + b"; Expires=" + FUTURE,
        b"Expires=Tue, 01 Jan 69 00:00:00 GMT",
        b"Expires=Tue, 24 Nov 2026 05:00:00 +1200",
        b"Expires=" + PAST + b" " * 1024 + b"x",
        b"HttpOnly\x00; Max-Age=0",
        b"Comment=\x7f; Max-Age=0",
    ],
)
def test_it_is_no_deletion_when_a_browser_would_keep_it(attributes: bytes) -> None:
    assert not SetCookie.parse(b"_ga=1; " + attributes).is_deletion(NOW)


def test_session_only_takes_the_lifetime_and_nothing_else() -> None:
    value = (
        b'a = "b=c" ;  Path=/x;Max-Age=5; EXPIRES=Wed, 01 Jan 2031 00:00:00 GMT; HttpOnly; Expires ;max-age ; X=\xff'
    )
    assert SetCookie.parse(value).session_only() == b'a = "b=c" ;  Path=/x; HttpOnly; X=\xff'


# Against the algorithm of RFC 6265bis, written down a second time


def _spec_date(text: str) -> tuple[int, ...] | None:
    """Section 5.6.1, step by step."""
    delimiters = {9, *range(0x20, 0x30), *range(0x3B, 0x41), *range(0x5B, 0x61), *range(0x7B, 0x7F)}
    tokens = "".join("\n" if ord(c) in delimiters else c for c in text).split("\n")
    months = "jan feb mar apr may jun jul aug sep oct nov dec".split()
    clock = day = month = year = None
    for token in filter(None, tokens):
        if clock is None and (clock := _spec_time(token)) is not None:
            continue
        if day is None and (day := _spec_digits(token, 1, 2)) is not None:
            continue
        if month is None and token[:3].lower() in months:
            month = months.index(token[:3].lower()) + 1
            continue
        if year is None:
            year = _spec_digits(token, 2, 4)
    if clock is None or day is None or month is None or year is None:
        return None
    year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    try:
        datetime(year, month, day, *clock)
    except ValueError:
        return None
    return None if year < 1601 else (year, month, day, *clock)


def _spec_digits(token: str, least: int, most: int) -> int | None:
    digits = token[: next((i for i, c in enumerate(token) if c not in "0123456789"), len(token))]
    return int(digits) if least <= len(digits) <= most else None


def _spec_time(token: str) -> tuple[int, int, int] | None:
    fields = token.split(":")
    if len(fields) < 3:
        return None
    hour, minute = (f if f.isascii() and f.isdigit() and len(f) <= 2 else None for f in fields[:2])
    second = _spec_digits(":".join(fields[2:]), 1, 2)
    return (int(hour), int(minute), second) if hour and minute and second is not None else None


def _spec_is_deletion(value: str, now: tuple[int, ...]) -> bool:
    """Section 5.6, the parts on ``Max-Age`` and ``Expires``; section 5.7, steps on the expiry time."""
    if any((ord(c) < 0x20 and c != "\t") or ord(c) == 0x7F for c in value):
        return False
    age = date = None
    for part in value.split(";")[1:]:
        name, _, content = part.partition("=")
        name, content = name.strip(" \t").lower(), content.strip(" \t")
        if len(content) > 1024:
            continue
        if name == "max-age" and content.lstrip("-")[:1] in set("0123456789") and content.count("-") <= 1:
            rest = content[1:] if content[0] == "-" else content
            if all(c in "0123456789" for c in rest):
                age = -1 if content[0] == "-" else int(rest)
        elif name == "expires":
            date = _spec_date(content) or date
    if age is not None:
        return age <= 0
    return date is not None and date <= now


_words = st.sampled_from(
    "Thu, 01 1 31 32 Jan february Nov -Dec- 1970 70 69 99 100 1600 2026 2027 00:00:00 0:0:0 23:59:60 24:00:00 1:2 GMT "
    "+1200 - / ; Max-Age=0 ;Max-Age=1 ;max-age=-0 ;Expires= ;expires =1 \x00 Path=/ ;Domain=x 11a 1:2:3x \xff".split(
        " "
    )
)


@given(st.lists(_words | st.text(st.characters(max_codepoint=255), max_size=4), max_size=14), st.sampled_from(" -,="))
def test_deletions_are_judged_as_the_standard_says(words: list[str], glue: str) -> None:
    value = "_ga=1; Expires=" + glue.join(words)
    now = tuple(datetime.fromtimestamp(NOW, UTC).timetuple()[:6])
    assert SetCookie.parse(value.encode("latin-1")).is_deletion(NOW) == _spec_is_deletion(value, now)


# Taking cookies out of the jar


def test_a_cookie_is_expired_for_the_host_its_parents_and_each_path() -> None:
    tail = b"; Max-Age=0"
    assert expiry_headers(b"_ga", "shop.example.org", ("/", "/a"), secure=False) == [
        b"_ga=; Path=/" + tail,
        b"_ga=; Path=/a" + tail,
        b"_ga=; Path=/; Domain=shop.example.org" + tail,
        b"_ga=; Path=/a; Domain=shop.example.org" + tail,
        b"_ga=; Path=/; Domain=example.org" + tail,
        b"_ga=; Path=/a; Domain=example.org" + tail,
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "", "a;b.example", "\u00e9.example"])
def test_a_host_that_has_no_parents_is_expired_for_itself_only(host: str) -> None:
    assert len(expiry_headers(b"_ga", host, ("/",), secure=False)) == 1


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        (b"__Secure-x", {b"Secure"}),
        (b"__secure-x", {b"Secure"}),
        (b"__Host-x", {b"Secure", b"Path=/"}),
        (b"__Http-x", {b"Secure", b"HttpOnly"}),
        (b"__Host-Http-x", {b"Secure", b"HttpOnly", b"Path=/"}),
    ],
)
def test_a_prefixed_name_is_expired_with_what_its_prefix_demands(name: bytes, attributes: set[bytes]) -> None:
    for value in expiry_headers(name, "www.example.org", ("/a",), secure=False):
        assert attributes <= set(value.split(b"; "))
        if name.lower().startswith(b"__host-"):
            assert b"Domain" not in value


def test_every_byte_of_a_name_is_kept_so_that_the_deletion_matches() -> None:
    name = "_ga_\u65e5\u672c".encode()
    assert expiry_headers(name, "localhost", ("/",), secure=True)[0].startswith(name + b"=; Path=/")


@given(st.binary(min_size=1, max_size=30))
def test_no_control_character_leaves_in_a_name(name: bytes) -> None:
    writable = is_writable_name(name)
    assert writable == (not any((byte < 0x20 and byte != 9) or byte == 0x7F for byte in name))
