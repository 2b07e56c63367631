"""JSON cut at places: what is left is as well-formed as before, and the first look misses nothing of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent_mw.enforce.location import glance
from consent_mw.enforce.location.json_text import _Editor, scrub_json
from consent_mw.enforce.location.rules import LocationRules
from consent_mw.enforce.location.values import Precise

RULES = LocationRules()
COARSE = LocationRules(precise=Precise.COARSEN)


@pytest.mark.parametrize(
    ("body", "left", "removed"),
    [
        ('{"lat":39.9042}', "{}", ("lat",)),
        ('{"a":1,"lat":39.9042}', '{"a":1}', ("lat",)),
        ('{"lat":39.9042,"a":1}', '{"a":1}', ("lat",)),
        ('{"lat":39.9042,"lng":116.4074,"a":1}', '{"a":1}', ("lat", "lng")),
        ('{"a":1,"lat":39.9042,"lng":116.4074}', '{"a":1}', ("lat", "lng")),
        ('{ "lat" : 39.9042 , "a" : 1 }', '{ "a" : 1 }', ("lat",)),
        ('[{"lat":1.5},{"lat":2.5}]', "[{},{}]", ("lat",)),
        ('{"lat":1.5}\n{"a":1,"lat":2.5}\n', '{}\n{"a":1}\n', ("lat",)),
        ('{"l\\u0061t":39.9042}', "{}", ("lat",)),
        ('{"lat":1.5,"lat":2.5,"a":0}', '{"a":0}', ("lat",)),
        ('{"stops":["39.9042,116.4074","x"]}', '{"stops":["39.9042,116.4074","x"]}', ()),
        ('{"waypoints":["39.9042,116.4074","x"]}', '{"waypoints":["","x"]}', ("waypoints",)),
        ('{"t":"at geo:39.9,116.4 now"}', '{"t":"at  now"}', ("(value)",)),
        ('{"lats":[39.9042,39.91],"n":[1.5,2.5]}', '{"n":[1.5,2.5]}', ("lats",)),
        ('{"a\\"":1,"q\\"":"39.9042,116.4074"}', '{"a\\"":1}', ('q"',)),
        ('{"location":{"x":116.4074,"y":39.9042,"label":"home"}}', '{"location":{"label":"home"}}', ("x", "y")),
        (
            '{"coords":{"latitude":39.9,"accuracy":12,"speed":null}}',
            '{"coords":{"speed":null}}',
            ("latitude", "accuracy"),
        ),
        ('{"payload":"{\\"lat\\":39.9042,\\"a\\":1}"}', '{"payload":"{\\"a\\":1}"}', ("lat",)),
    ],
)
def test_a_member_goes_with_its_comma(body: str, left: str, removed: tuple[str, ...]) -> None:
    assert scrub_json(body.encode(), RULES) == (left.encode(), removed)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ('{"lat":39.9042,"lng":116.4074}', '{"lat":39.9,"lng":116.4}'),
        ('{"lat":"39.9042"}', '{"lat":"39.9"}'),
        ('{"coordinates":[116.4074,39.9042]}', '{"coordinates":[116.4,39.9]}'),
        ('{"geohash":"wx4g0bm6c"}', '{"geohash":"wx4"}'),
        ('{"plusCode":"8PFRWC38+M4"}', "{}"),
        ('{"lat":39.9}', '{"lat":39.9}'),
        ('{"lat":39}', '{"lat":39}'),
        ('{"lat":3.99042e1}', '{"lat":39.9}'),
    ],
)
def test_coarse_numbers_keep_one_decimal(body: str, left: str) -> None:
    assert scrub_json(body.encode(), COARSE)[0] == left.encode()


names = st.sampled_from(
    ["lat", "lng", "location", "position", "coords", "near", "path", "a", "name", "经度", "geo hash", 'q"']
)
leaves = st.one_of(
    st.sampled_from(
        [39.9042, 116.4074, 1, None, True, "39.9042,116.4074", "8PFRWC38+M4", "wx4g0bm6c", "plain", 'a"b\\']
    ),
    st.just([116.4074, 39.9042]),
    st.text(max_size=8),
)
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=15,
)


def strict(body: bytes) -> Any:
    return json.loads(body)


@settings(max_examples=300, deadline=None)
@given(document=documents, indent=st.sampled_from([None, 0, 2]), escaped=st.booleans(), coarse=st.booleans())
def test_what_is_left_is_json_and_holds_no_more_to_find(
    document: Any, indent: Any, escaped: bool, coarse: bool
) -> None:
    rules = COARSE if coarse else RULES
    body = json.dumps(document, indent=indent, ensure_ascii=escaped).encode()
    left, removed = scrub_json(body, rules)
    strict(left)
    assert scrub_json(left, rules)[0] == left
    assert (left is body) == (not removed)
    assert len(left) <= len(body)


@settings(max_examples=300, deadline=None)
@given(document=documents, indent=st.sampled_from([None, 2]))
def test_the_first_look_misses_nothing(document: Any, indent: Any) -> None:
    body = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    full = _Editor(body, RULES, 0)
    full.scan(0, len(body), inside=False)
    assert scrub_json(body, RULES) == full.result()


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_without_a_failure(body: bytes) -> None:
    left, removed = scrub_json(body, RULES)
    assert (left is body) == (not removed)


def test_many_keys_are_looked_for_by_reading_every_string() -> None:
    count = glance.MAX_KEYS + 1
    body = json.dumps({f"{chr(97 + n % 26)}{n}_lat": 39.9042 for n in range(count)}).encode()
    assert scrub_json(body, RULES)[0] == b"{}"
