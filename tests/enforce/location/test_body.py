"""Bodies in windows: where a text is cut changes nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent_mw.enforce.location import body
from consent_mw.enforce.location.body import scrubber_for
from consent_mw.enforce.location.json_text import scrub_json
from consent_mw.enforce.location.rules import LocationRules

RULES = LocationRules()

scalars = st.one_of(
    st.integers(-5, 5),
    st.booleans(),
    st.none(),
    st.sampled_from(['a "quoted" }, {', "\\", "}", "x,", "39.9042,116.4074"]),
)
names = st.sampled_from(["a", "b", "lat", "lng", "location", "near", "say \\"])
values = st.recursive(
    st.one_of(scalars, st.just(39.9042), st.just([116.4074, 39.9042])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "WINDOW", 64)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(st.dictionaries(names, values, max_size=4), min_size=2, max_size=9), size=st.integers(1, 99))
@pytest.mark.parametrize("lines", [False, True], ids=["array", "lines"])
def test_json_in_windows_is_json_judged_at_once(lines: bool, documents: list[dict[str, object]], size: int) -> None:
    body = b"\n".join(json.dumps(d).encode() for d in documents) if lines else json.dumps(documents).encode()
    scrubber = scrubber_for(b"application/json", RULES)
    pieces = [scrubber.feed(body[at : at + size]) for at in range(0, len(body), size)]
    assert b"".join([*pieces, scrubber.close()]) == scrub_json(body, RULES)[0]


def test_a_window_ends_where_an_object_does_and_not_in_a_string() -> None:
    body = b'[{"a":1},{"text":"' + b'}, {\\"' * 200 + b'"},{"lat":1.5},{"lat":2.5},{"long_name":"' + b"x" * 99 + b'"}]'
    scrubber = scrubber_for(b"application/json", RULES)
    out = [scrubber.feed(body[at : at + 50]) for at in range(0, len(body), 50)]
    result = b"".join([*out, scrubber.close()])
    assert json.loads(result) == [{"a": 1}, {"text": '}, {"' * 200}, {}, {}, {"long_name": "x" * 99}]
    assert sum(map(bool, out)) >= 1


def test_what_can_nowhere_be_cut_is_held_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MAX_WINDOW", 1000)
    scrubber = scrubber_for(b"application/json", RULES)
    out = [scrubber.feed(b"1," * 50) for _ in range(40)]
    assert len(b"".join(out)) >= 3000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"application/x-www-form-urlencoded", b"&".join(b"a%d=1&lat%d=39.9042" % (n, n) for n in range(30))),
        (b"text/csv", b"".join(b"lat=39.9042\nname=%d\n" % n for n in range(30))),
        (b"application/gpx+xml", b"".join(b'<trkpt lat="39.9042"><name>%d</name></trkpt>\n' % n for n in range(30))),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_other_texts_do_not_depend_on_how_they_are_cut(kind: bytes, body: bytes, size: int) -> None:
    scrubber, whole = scrubber_for(kind, RULES), scrubber_for(kind, RULES)
    pieces = [scrubber.feed(body[at : at + size]) for at in range(0, len(body), size)]
    result = b"".join([*pieces, scrubber.close()])
    assert b"39.9042" not in result
    assert result.rstrip(b"&") == (whole.feed(body) + whole.close()).rstrip(b"&")


@pytest.mark.parametrize("kind", [b"", b"application/octet-stream", b"application/pdf", b"image/jpeg", b"text/plain"])
def test_what_is_not_understood_passes(kind: bytes) -> None:
    body = b"%PDF-1.7 lat of nothing " * 200
    scrubber = scrubber_for(kind, RULES)
    assert b"".join([scrubber.feed(body[:10]), scrubber.feed(body[10:]), scrubber.close()]) == body
    assert (scrubber.removed, scrubber.broken) == ((), None)


TOKENS = st.sampled_from(
    [b"--XX", b"\r\n", b"--XX\r\n", b"--XX--", b'Content-Disposition: form-data; name="',
     b'lat"', b"\r\n\r\n", b"39.9042", b"lat=",
     b'{"lat":', b"}", b'"', b"&", b"=", b",", b"[", b"]", b"%", b"<lat>", b"</", b"geo:1.5,2.5", b"\\", b"\0", b"\xff",
     b'; filename="p.jpg"', b"\xff\xd8\xff", b";base64,/9j/"]
)  # fmt: skip
KINDS = st.sampled_from(
    [b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=XX", b"text/plain", b"",
     b"multipart/mixed", b"application/xml", b"image/jpeg"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(kind=KINDS, parts=st.lists(st.one_of(TOKENS, st.binary(max_size=6)), max_size=30), size=st.integers(1, 20))
def test_any_bytes_of_any_type_are_read_without_a_failure(kind: bytes, parts: list[bytes], size: int) -> None:
    body = b"".join(parts)
    whole, pieces = scrubber_for(kind, RULES), scrubber_for(kind, RULES)
    at_once = whole.feed(body) + whole.close()
    in_pieces = b"".join([*(pieces.feed(body[at : at + size]) for at in range(0, len(body), size)), pieces.close()])
    assert len(at_once) <= len(body)
    if len(body) < 64:  # no window is cut
        assert in_pieces == at_once
