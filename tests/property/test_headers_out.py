"""Whatever comes in, no control character leaves in a header, and no request brings us down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi.exchange import HTML, PAGE, TRACKER, Answer, answering, call, consent_cookie, wrapped

APPS = {
    "page": wrapped(answering(PAGE + TRACKER, [HTML, (b"set-cookie", b"_ga=1")])),
    "shared": wrapped(answering(PAGE), enforcement={"html": "universal"}),
    "strict": wrapped(answering(PAGE), enforcement={"third_parties": "strict"}),
    "domain": wrapped(answering(PAGE), cookie={"domain": "shop.example"}, origins=["https://shop.example"]),
}
COOKIE = consent_cookie(APPS["page"])
NAMES = [
    b"cookie", b"accept-language", b"accept-encoding", b"accept", b"sec-gpc", b"dnt", b"origin", b"referer", b"range",
    b"sec-fetch-site", b"sec-fetch-dest", b"content-type", b"user-agent", b"x-forwarded-for", b"if-none-match",
]  # fmt: skip
PATHS = ["/", "/consent/state", "/consent/preferences", "/consent/decision", "/consent/withdraw", "/consent/partners"]

_odd = st.binary(max_size=20) | st.sampled_from(
    [b"\r\nx: y", b"\n", b"\x00", b"\x7f", b"_ga\r\n=1; _ga_\x01=2", b"\x85"]
)
_headers = st.lists(st.tuples(st.sampled_from(NAMES), _odd), max_size=5)
_values = st.text(max_size=20) | st.sampled_from(["/\r\nx: y", "//evil.example", "\x00", "\ud800"])


def no_control_character_in(answer: Answer) -> None:
    for name, value in answer.start["headers"]:
        assert not any((byte < 0x20 and byte != 9) or byte == 0x7F for byte in name + value), (name, value)


def asked(app: str, host: bytes, path: str, headers: list[tuple[bytes, bytes]], **scope: Any) -> Answer:
    answer = call(APPS[app], path, [(b"host", host), *headers], **scope)
    assert answer.status < 500
    return answer


@given(st.sampled_from(sorted(APPS)), _odd, st.sampled_from(PATHS), _headers, st.binary(max_size=30))
def test_whatever_the_head_of_a_request_holds(
    app: str, host: bytes, path: str, headers: list[tuple[bytes, bytes]], query: bytes
) -> None:
    for method in ("GET", "POST"):
        no_control_character_in(asked(app, host, path, [COOKIE, *headers], query_string=query, method=method))


@given(st.text("/abc\r\n\x00\x7f\u00e9\u65e5 %;?#'\"<>", max_size=20))
def test_whatever_the_path_is(path: str) -> None:
    answer = asked("page", b"shop.example", "/" + path, [(b"cookie", b"_ga=1; " + COOKIE[1])])
    no_control_character_in(answer)
    assert PAGE[:40] in answer.body


@given(st.lists(st.tuples(st.sampled_from(["action", "category", "service", "return_to", "language", "was"]), _values)))
def test_whatever_a_form_holds(fields: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    body = urlencode([("action", "reject_all"), *fields], errors="surrogatepass").encode()
    headers = [(b"sec-fetch-site", b"same-origin"), (b"content-type", b"application/x-www-form-urlencoded")]
    answer = call(APPS["page"], "/consent/decision", headers, body, method="POST")
    assert answer.status in (303, 422)
    no_control_character_in(answer)


@pytest.mark.deep
@settings(max_examples=20_000)
@given(st.sampled_from(sorted(APPS)), _odd, st.sampled_from(PATHS), _headers, st.binary(max_size=60))
def test_whatever_twenty_thousand_requests_hold(
    app: str, host: bytes, path: str, headers: list[tuple[bytes, bytes]], query: bytes
) -> None:
    no_control_character_in(asked(app, host, path, headers, query_string=query))
