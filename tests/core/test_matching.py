"""Look-ups by name and by host: which entry wins, and that no pattern makes one slow."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.core.matching import HostIndex, NameIndex, glob_match

_patterns = st.text("ab*", max_size=8)
_names = st.text("ab", max_size=10)


@given(_patterns, _names)
def test_a_star_stands_for_any_run_of_characters(pattern: str, name: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None
    assert glob_match(pattern, name) == expected


@pytest.mark.parametrize("pattern", ["a.c", "a?c", "[abc]", "a+"])
def test_nothing_but_a_star_is_special(pattern: str) -> None:
    assert glob_match(pattern, pattern)
    assert not glob_match(pattern, "abc")


def test_many_stars_cost_no_more_than_the_name_is_long() -> None:
    assert not glob_match("*a" * 2000 + "b", "a" * 100_000)


def test_an_exact_name_beats_a_glob_a_longer_prefix_a_shorter_and_the_first_the_rest() -> None:
    index = NameIndex([("_ga*", "glob"), ("*", "any"), ("_ga_*", "longer"), ("_ga", "exact"), ("_ga", "second")])
    assert index.find("_ga") == "exact"
    assert index.find("_ga_X") == "longer"
    assert index.find("_gat") == "glob"
    assert index.find("x") == "any"


def test_names_are_case_sensitive_as_in_browsers() -> None:
    assert NameIndex([("_ga", 1), ("_gb*", 2)]).find("_GA") is None


@given(st.lists(st.tuples(_patterns.filter(bool), st.integers()), max_size=8), _names)
def test_whatever_is_found_matches(entries: list[tuple[str, int]], name: str) -> None:
    found = NameIndex(entries).find(name)
    matching = {value for pattern, value in entries if glob_match(pattern, name)}
    assert (found is None) == (not matching)
    assert found is None or found in matching


HOSTS = HostIndex(
    [
        ("example.com", "site"),
        ("cdn.example.com", "cdn"),
        ("google.com/recaptcha", "captcha"),
        ("google.com/maps/embed", "embed"),
        ("google.com/maps", "maps"),
        ("/matomo.js", "matomo"),
    ]
)


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [
        ("example.com", "/", "site"),
        ("www.example.com", "/x", "site"),
        ("a.b.cdn.example.com", "/", "cdn"),
        ("notexample.com", "/", None),
        ("example.com.evil", "/", None),
        ("google.com", "/", None),
        ("www.google.com", "/recaptcha/api.js", "captcha"),
        ("www.google.com", "/maps", "maps"),
        ("www.google.com", "/maps/embed/v1", "embed"),
        ("anything.org", "/js/matomo.js", "matomo"),
        ("anything.org", "/js/matomo.json", None),
        ("", "/matomo.js", "matomo"),
    ],
)
def test_the_longest_host_wins_then_the_longest_path(host: str, path: str, found: str | None) -> None:
    assert HOSTS.find(host, path) == found


def test_on_the_own_host_only_known_file_names_count() -> None:
    assert HOSTS.find_file("/a/b/matomo.js") == "matomo"
    assert HOSTS.find_file("/recaptcha/api.js") is None
