"""Bodies on their way in: any cut gives the same, lengths stay true, broken input is the app's to judge."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi.both_sides import BROWSER, Exchange, exchange, grant, middleware
from consent_mw import ConsentMiddleware
from consent_mw.web.receive import MAX_HELD

JSON = (b"content-type", b"application/json")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=XX")
PART = b'--XX\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@pytest.fixture(scope="module")
def mounted() -> ConsentMiddleware:
    return middleware()


def post(mounted: ConsentMiddleware, kind: Any, *pieces: bytes, length: bytes | None = b"", **more: Any) -> Exchange:
    headers = [kind, *BROWSER]
    if length is not None:
        headers.append((b"content-length", length or str(sum(map(len, pieces))).encode()))
    return exchange(mounted, headers=headers, pieces=list(pieces), method="POST", **more)


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def test_a_short_body_gets_its_true_length(mounted: ConsentMiddleware) -> None:
    seen = post(mounted, JSON, b'{"lat": 39.9042, "a": 1}')
    assert seen.body == b'{"a": 1}'
    assert seen.seen(b"content-length") == [b"8"]
    assert seen.answered(b"consent-removed") == [b"lat"]


def test_a_body_without_a_place_is_not_touched(mounted: ConsentMiddleware) -> None:
    pieces = [b'{"a":', b" 1 ", b"}"]
    seen = post(mounted, JSON, *pieces)
    assert seen.body == b"".join(pieces)
    assert seen.seen(b"content-length") == [b"9"]
    assert seen.answered(b"consent-removed") == []


def test_a_long_body_keeps_its_stated_length(mounted: ConsentMiddleware) -> None:
    body = json.dumps([{"id": n, "lat": 39.9042, "text": "x" * 50} for n in range(20_000)]).encode()
    assert len(body) > MAX_HELD
    seen = post(mounted, JSON, *cut(body, 65536))
    assert b"39.9042" not in seen.body
    assert len(seen.body) == len(body)
    assert seen.seen(b"content-length") == [str(len(body)).encode()]
    assert json.loads(seen.body) == [{"id": n, "text": "x" * 50} for n in range(20_000)]


def test_a_long_form_keeps_its_stated_length(mounted: ConsentMiddleware) -> None:
    body = b"&".join(b"a%d=%s" % (n, b"x" * 90) for n in range(15_000)) + b"&lat=39.9042"
    seen = post(mounted, FORM, *cut(body, 65536))
    assert len(seen.body) == len(body)
    assert seen.body.rstrip(b"&") == body.removesuffix(b"&lat=39.9042")


def test_a_long_upload_keeps_its_stated_length(mounted: ConsentMiddleware) -> None:
    parts = PART % (b"lat", b"39.9042") + PART % (b"note", b"x" * MAX_HELD) + b"--XX--\r\n"
    seen = post(mounted, MULTIPART, *cut(parts, 65536))
    assert len(seen.body) == len(parts)
    assert seen.body.rstrip(b"\r\n") == (PART % (b"note", b"x" * MAX_HELD) + b"--XX--").rstrip(b"\r\n")


def test_without_a_stated_length_nothing_is_filled_in(mounted: ConsentMiddleware) -> None:
    seen = post(mounted, JSON, b'{"lat": 39.9042, "a": 1}', length=None)
    assert seen.body == b'{"a": 1}'


def test_a_body_is_taken_no_faster_than_the_app_reads_it() -> None:
    """One message of the client for each that the app asks for, and nothing kept of it."""
    asked = 0

    async def receive() -> Any:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b'{"a":1},' * 10_000, "more_body": True}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(10):
            await receive()
        assert 10 <= asked <= 60
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def send(message: Any) -> None:
        pass

    mounted = middleware()
    mounted.app = app
    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "scheme": "https", "http_version": "1.1",
        "headers": [(b"host", b"x"), JSON, *BROWSER, (b"transfer-encoding", b"chunked")],
    }  # fmt: skip
    asyncio.run(mounted(scope, receive, send))


BAD_INPUT = {
    "cut off json": (JSON, b'{"a": 1, "lat": 39.9042, "b', b'{"a": 1, "b'),
    "not json": (JSON, b"hello ]}{", b"hello ]}{"),
    "two documents": (JSON, b'{"lat":1.5}{"b":2}', b'{}{"b":2}'),
    "unterminated string": (JSON, b'{"a": "x, "lat": 39.9042}', None),
    "binary as json": (JSON, bytes(range(256)), bytes(range(256))),
    "empty json": (JSON, b"", b""),
    "form of ampersands": (FORM, b"&&=&a&&lat=39.9042&=", b"&&=&a&&="),
    "form with bad escapes": (FORM, b"a=%zz&%=1&lat=39.9042&b=%", b"a=%zz&%=1&b=%"),
    "multipart without its end": (MULTIPART, (PART % (b"lat", b"39.9042"))[:-2], b""),
    "multipart with another boundary": (MULTIPART, b"--YY\r\n\r\nx\r\n--YY--", b"--YY\r\n\r\nx\r\n--YY--"),
    "multipart without headers": (MULTIPART, b"--XX\r\n\r\nx\r\n--XX--", b"--XX\r\n\r\nx\r\n--XX--"),
    "boundary too long": ((b"content-type", b"multipart/form-data; boundary=" + b"x" * 99), b"abc", b"abc"),
    "boundary empty": ((b"content-type", b"multipart/form-data; boundary="), b"abc", b"abc"),
    "no boundary": ((b"content-type", b"multipart/form-data"), b"abc", b"abc"),
    "unknown type": ((b"content-type", b"application/x-unknown"), b"\0\1\2", b"\0\1\2"),
    "type of nonsense": ((b"content-type", b"\xff;;=;"), b"abc", b"abc"),
    "an archive": ((b"content-type", b"application/zip"), b"PK\3\4lat=39.9042", b"PK\3\4lat=39.9042"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_bad_input_is_the_apps_to_judge(name: str, size: int, mounted: ConsentMiddleware) -> None:
    kind, sent, expected = BAD_INPUT[name]
    seen = post(mounted, kind, *cut(sent, size))
    assert seen.status == 200
    assert b"39.9042" not in seen.body or expected == sent
    if expected is not None:
        assert seen.body == expected


@pytest.mark.parametrize("length", [b"5", b"500", b"-1", b"abc", b"9" * 40, b"9" * 5000, b"1, 2", b"+5"])
def test_a_wrong_length_is_the_apps_to_judge(length: bytes, mounted: ConsentMiddleware) -> None:
    body = b'{"a": 1, "b": 2}'
    seen = post(mounted, JSON, body, length=length)
    assert (seen.status, seen.body, seen.seen(b"content-length")) == (200, body, [length])


def test_a_body_longer_than_it_said_is_still_judged(mounted: ConsentMiddleware) -> None:
    body = json.dumps([{"lat": 39.9042, "text": "x" * 90}] * 20_000).encode()
    seen = post(mounted, JSON, *cut(body, 65536), length=b"10")
    assert b"39.9042" not in seen.body
    assert len(json.loads(seen.body)) == 20_000


@pytest.mark.parametrize("length", [b"100", None])
def test_a_client_that_disconnects_is_seen_to(length: bytes | None, mounted: ConsentMiddleware) -> None:
    came = [{"type": "http.request", "body": b'{"a": 1, "lat": 39.9042, "b', "more_body": True}]
    seen = post(mounted, JSON, length=length, incoming=[*came, {"type": "http.disconnect"}])
    assert seen.body == b'{"a": 1, "b'
    assert seen.seen(b"content-length") == ([length] if length is not None else [])
    assert [message["type"] for message in seen.received] == ["http.request", "http.disconnect"]


def test_an_app_that_waits_for_the_end_of_the_connection_still_hears_of_it(mounted: ConsentMiddleware) -> None:
    seen = exchange(
        mounted, headers=[JSON, *BROWSER, (b"content-length", b"2")], method="POST", pieces=[b"{}"], after=1
    )
    assert seen.received[-1] == {"type": "http.disconnect"}


def test_a_machine_client_keeps_its_body(mounted: ConsentMiddleware) -> None:
    body = b'{"lat": 39.9042}'
    seen = exchange(mounted, headers=[JSON, (b"content-length", b"16")], method="POST", pieces=[body])
    assert seen.body == body


def test_an_exempt_path_keeps_its_body() -> None:
    mounted = middleware(location={"exempt_paths": ["/delivery"]})
    assert post(mounted, JSON, b'{"lat": 39.9042}', path="/delivery/new").body == b'{"lat": 39.9042}'


def test_report_only_keeps_the_body_and_reports(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "consent_mw.blocked")
    mounted = middleware(enforcement={"mode": "report-only"})
    seen = post(mounted, JSON, b'{"lat": 39.9042}')
    assert seen.body == b'{"lat": 39.9042}'
    assert seen.seen(b"content-length") == [b"16"]
    assert seen.answered(b"consent-removed") == []
    assert "would block place in a request: 'lat'" in caplog.text


def test_our_own_failure_drops_the_body_and_serves_the_request(
    mounted: ConsentMiddleware, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("consent_mw.enforce.location.body.scrub_json", fail)
    seen = post(mounted, JSON, b'{"lat": 39.9042}')
    assert (seen.status, seen.body, seen.seen(b"content-length")) == (200, b"", [b"0"])
    assert "could not judge" in caplog.text


MOUNTED = middleware()
PLACES = st.sampled_from(['"lat":39.9042', '"lng":116.4074', '"coordinates":[116.4074,39.9042]'])
MEMBERS = st.one_of(PLACES, st.sampled_from(['"a":1', '"b":{"c":[1,2]}', '"s":"}, {\\""', '"t":"\\\\"', '"u":null']))
OBJECTS = st.lists(MEMBERS, max_size=4).map(lambda members: "{" + ",".join(members) + "}")
BODIES = st.lists(OBJECTS, max_size=8).map(lambda objects: ("[" + ", ".join(objects) + "]").encode())


def without_places(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in ("lat", "lng", "coordinates")}


@settings(max_examples=60, deadline=None)
@given(body=BODIES, size=st.integers(1, 40))
def test_json_does_not_depend_on_how_it_is_cut(body: bytes, size: int) -> None:
    whole, pieces = post(MOUNTED, JSON, body), post(MOUNTED, JSON, *cut(body, size))
    assert pieces.body == whole.body
    assert json.loads(whole.body) == [without_places(item) for item in json.loads(body)]


@settings(max_examples=60, deadline=None)
@given(
    fields=st.lists(st.tuples(st.sampled_from([b"lat", b"a", b"note", b"XX"]), st.binary(max_size=30)), max_size=5),
    size=st.integers(1, 40),
)
def test_multipart_does_not_depend_on_how_it_is_cut(fields: list[tuple[bytes, bytes]], size: int) -> None:
    body = b"".join(PART % field for field in fields) + b"--XX--\r\n"
    whole, pieces = post(MOUNTED, MULTIPART, body), post(MOUNTED, MULTIPART, *cut(body, size))
    assert pieces.body == whole.body
    if not any(name == b"lat" for name, _ in fields):
        assert whole.body == body


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b'{"\\ud800lat": {"lat": 1.5}, "\xff_lat": 2.5, "\\u0000 lat": 3.5}'),
        (FORM, b"%ff_lat=1.5&%ed%a0%80lat=2.5&%0d%0alat=3.5"),
        (MULTIPART, PART % (b"\xff_lat", b"1.5") + PART % (b"\xed\xa0\x80lat", b"2.5") + b"--XX--"),
        ((b"content-type", b"text/plain"), b"\xff\xed\xa0\x80lat: 1.5"),
    ],
)
def test_names_that_are_no_text_can_be_told_too(kind: Any, body: bytes, mounted: ConsentMiddleware) -> None:
    seen = post(mounted, kind, body)
    assert seen.status == 200
    (told,) = seen.answered(b"consent-removed")
    assert told.isascii()
    assert b"\r" not in told


def test_with_consent_a_body_arrives_message_by_message(mounted: ConsentMiddleware) -> None:
    pieces = [b'{"lat": 39', b'.9042, "a"', b": 1}"]
    headers = [JSON, *BROWSER, (b"cookie", grant(mounted, geolocation=True)), (b"content-length", b"24")]
    seen = exchange(mounted, headers=headers, pieces=pieces, method="POST")
    assert seen.body == b"".join(pieces)
    assert seen.seen(b"content-length") == [b"24"]
