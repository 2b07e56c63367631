from __future__ import annotations

import pytest

from consent_mw.catalog.check import problems
from consent_mw.catalog.load import read_files, read_not_gated
from consent_mw.catalog.schema import CatalogFile

GOOD = {
    "id": "counter",
    "number": 7,
    "name": "Counter",
    "owner": "Counter Inc.",
    "country": "US",
    "purposes": ["analytics"],
    "hosts": ["counter.example"],
    "cookies": [{"name": "_counter"}],
    "inline": ["counter.example/c.js"],
    "policy_url": "https://counter.example/privacy",
}
OTHER = GOOD | {
    "id": "other",
    "number": 8,
    "name": "Other",
    "hosts": ["other.example"],
    "cookies": [],
    "inline": [],
}


NOT_GATED = {"free.example": "a library", "shop.example/pay/": "payment"}


def check(*services: dict[str, object], cookies: tuple[dict[str, object], ...] = ()) -> list[str]:
    files = {"analytics": CatalogFile.model_validate({"services": services, "cookies": cookies})}
    return problems(files, NOT_GATED)


def test_the_shipped_catalogue_has_no_problem() -> None:
    assert problems(read_files(), read_not_gated()) == []


def test_two_good_entries_have_no_problem() -> None:
    assert check(GOOD, OTHER) == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"number": None}, "number 0 is outside the block of analytics.toml"),
        ({"number": 100}, "number 100 is outside the block of analytics.toml"),
        ({"owner": ""}, "has no owner"),
        ({"country": ""}, "has no country"),
        ({"policy_url": ""}, "has no policy_url"),
        ({"policy_url": "http://counter.example/"}, "is not an https address"),
        ({"purposes": [], "category": "extra"}, "has no purpose"),
        ({"hosts": [], "cookies": [], "inline": []}, "has nothing to be known by"),
        ({"hosts": ["com"]}, "host 'com' is shared by others"),
        ({"hosts": ["cloudfront.net"]}, "host 'cloudfront.net' is shared by others"),
        ({"hosts": ["counter.example", "a.counter.example"]}, "'a.counter.example' is covered by 'counter.example'"),
        ({"paths": ["counter.example/c"]}, "'counter.example/c' is covered by 'counter.example'"),
        ({"hosts": ["free.example"]}, "catches 'free.example', which stays free (a library)"),
        ({"hosts": ["shop.example"]}, "catches 'shop.example/pay/', which stays free (payment)"),
        ({"paths": ["shop.example/p"]}, "catches 'shop.example/pay/'"),
        ({"cookies": [{"name": "c*"}]}, "'c*' claims too many names"),
        ({"storage": ["*"]}, "'*' claims too many names"),
        ({"storage": ["once", "once"]}, "storage 'once' belongs to counter (analytics.toml) already"),
        ({"inline": ["counter"]}, "inline marker 'counter' matches prose"),
        ({"inline": ["counter.example"]}, "inline marker 'counter.example' matches prose"),
    ],
)
def test_a_planted_fault_is_told(fault: dict[str, object], sentence: str) -> None:
    found = check(GOOD | fault, OTHER)
    assert any(problem.startswith("counter") and sentence in problem for problem in found), found


@pytest.mark.parametrize(
    ("clash", "sentence"),
    [
        ({"id": "counter"}, "id 'counter' belongs to counter (analytics.toml) already"),
        ({"number": 7}, "number 7 belongs to counter"),
        ({"hosts": ["counter.example"]}, "hosts 'counter.example' belongs to counter"),
        ({"cookies": [{"name": "_counter"}]}, "cookie '_counter' belongs to counter"),
        ({"inline": ["counter.example/c.js"]}, "inline 'counter.example/c.js' belongs to counter"),
        ({"inline": ["example/c.js"]}, "inline marker 'example/c.js' matches 'counter.example/c.js' of counter"),
    ],
)
def test_two_claims_to_one_thing_are_told(clash: dict[str, object], sentence: str) -> None:
    found = check(GOOD, OTHER | clash)
    assert any(sentence in problem for problem in found), found


def test_one_file_twice_is_told_whatever_else_differs() -> None:
    found = check(GOOD | {"paths": ["/c.js"]}, OTHER | {"paths": ["/c.js"]})
    assert found == ["other (analytics.toml): paths '/c.js' belongs to counter (analytics.toml) already"]


def test_a_framework_cookie_cannot_belong_to_a_service_too() -> None:
    found = check(GOOD, cookies=({"name": "_counter", "purpose": "security"},))
    assert found == ["analytics.toml cookie 1: cookie '_counter' belongs to counter (analytics.toml) already"]


def test_entries_out_of_order_are_told() -> None:
    assert check(OTHER, GOOD) == ["counter: number 7 comes after 8 in analytics.toml; entries are sorted"]


def test_a_file_without_a_block_of_numbers_is_told() -> None:
    files = {"misc": CatalogFile.model_validate({"services": [GOOD]})}
    assert problems(files, {}) == ["counter: number 7 is outside the block of misc.toml"]
