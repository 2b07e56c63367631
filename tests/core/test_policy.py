"""A policy and its indexes: made once, looked up on every request."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.core.policy import Category, CookieRule, Policy, Service, canonical_json, text_hash


def service(id: str, number: int, *, declared: bool = False, **values: object) -> Service:
    parts = {"categories": ("extra",), "purposes": ("analytics",), **values}
    return Service(id=id, number=number, name=id.title(), declared=declared, **parts)  # type: ignore[arg-type]


def policy(*services: Service, **values: object) -> Policy:
    categories = {
        "necessary": Category(id="necessary", purposes=("security",), required=True),
        "extra": Category(id="extra", purposes=("analytics",)),
    }
    parts = {"version": "1", "cookies": (), "aliases": {"statistics": "extra"}, **values}
    return Policy(categories=categories, services={s.id: s for s in services}, **parts)  # type: ignore[arg-type]


def test_services_are_found_by_their_permanent_number() -> None:
    one, two = service("one", 1), service("two", 2)
    assert policy(one, two).services_by_number == {1: one, 2: two}


def test_of_two_services_that_claim_a_host_or_a_cookie_the_declared_one_has_it() -> None:
    rule = [CookieRule(name="_x", categories=("extra",), service=id) for id in ("shipped", "own")]
    built = policy(
        service("shipped", 1, hosts=("x.example",), cookies=(rule[0],)),
        service("own", 2, declared=True, hosts=("x.example",), cookies=(rule[1],)),
    )
    assert built.host_index.find("x.example", "/") is built.services["own"]
    assert built.cookie_index.find("_x") is rule[1]


def test_a_cookie_rule_of_the_sites_beats_every_services() -> None:
    own = CookieRule(name="_x", categories=("necessary",))
    theirs = CookieRule(name="_x", categories=("extra",), service="one")
    built = policy(service("one", 1, declared=True, cookies=(theirs,)), cookies=(own,))
    assert built.cookie_index.find("_x") is own


@pytest.mark.parametrize(
    ("name", "found"),
    [("extra", "extra"), ("one", "one"), ("statistics", "extra"), ("STATISTICS", "extra"), ("Extra", None), ("", None)],
)
def test_markup_may_say_an_id_or_another_tools_word(name: str, found: str | None) -> None:
    assert policy(service("one", 1)).resolve_alias(name) == found


def test_an_inline_script_is_known_by_every_marker_in_it() -> None:
    built = policy(service("one", 1, inline=("one(",)), service("two", 2, inline=("two(", "two.")))
    assert [s.id for s in built.inline_services(b"x=1;two(1);one(2);two.y")] == ["one", "two"]
    assert built.inline_services(b"nothing") == ()


def test_what_is_remembered_of_inline_scripts_is_bounded() -> None:
    built = policy(service("one", 1, inline=("one(",)))
    for number in range(1500):
        built.inline_services(b"one(%d)" % number)
    built.inline_services(b"one(" + b"x" * 200_000)
    assert len(built._inline_memo) <= 512
    assert max(map(len, built._inline_memo)) <= 64 * 1024


def test_the_fingerprint_names_its_hash_and_does_not_depend_on_the_order() -> None:
    one, two = service("one", 1, declared=True), service("two", 2, declared=True)
    assert policy(one, two).fingerprint == policy(two, one).fingerprint
    assert policy(one, two).fingerprint.startswith("sha256-")
    assert len(policy(one).fingerprint) == len("sha256-") + 64


def test_a_catalogue_that_grows_means_the_same() -> None:
    own = service("own", 1, declared=True)
    assert policy(own).fingerprint == policy(own, service("new", 2)).fingerprint


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)


@given(_json)
def test_the_canonical_form_is_one_and_says_the_same(value: object) -> None:
    written = canonical_json(value)
    assert json.loads(written) == value
    assert canonical_json(json.loads(written)) == written


def test_another_word_is_another_text() -> None:
    assert text_hash(canonical_json({"title": "Cookies"})) != text_hash(canonical_json({"title": "cookies"}))
