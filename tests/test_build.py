"""From a configuration and the catalogue to a policy: categories, declared and catalogued services, cookie rules."""

from __future__ import annotations

from typing import Any

import pytest

from consent_mw import ConfigError, ConsentConfig
from consent_mw.build import ALIASES, build_policy
from consent_mw.catalog.load import load_catalog
from consent_mw.core.decision import resolve
from consent_mw.core.policy import Policy
from consent_mw.core.signals import NO_SIGNALS

OWN = {"id": "own-video", "name": "Our video", "purposes": ["media"], "hosts": ["video.shop.example"]}


def policy(**values: Any) -> Policy:
    return build_policy(ConsentConfig(**values))


# Categories


def test_without_configuration_there_are_four_categories_in_their_order() -> None:
    categories = policy().categories
    assert list(categories) == ["necessary", "identification", "personalization_analytics", "geolocation"]
    assert [c.id for c in categories.values() if c.required] == ["necessary"]
    assert [c.id for c in categories.values() if c.separate] == ["geolocation"]


def test_every_purpose_of_the_catalogue_belongs_to_exactly_one_category() -> None:
    for values in ({}, {"categories": [{"id": "marketing", "purposes": ["advertising", "social"]}]}):
        purposes = [purpose for category in policy(**values).categories.values() for purpose in category.purposes]
        used = {purpose for service in load_catalog().services for purpose in service.purposes}
        assert used <= set(purposes)
        assert len(purposes) == len(set(purposes))


def test_a_site_may_split_the_purposes_its_own_way() -> None:
    split = policy(
        categories=[
            {"id": "functional", "purposes": ["personalization", "media", "support"]},
            {"id": "analytics", "purposes": ["analytics", "diagnostics"]},
            {"id": "marketing", "purposes": ["advertising", "social", "tags"]},
        ]
    )
    assert "personalization_analytics" not in split.categories, "nothing is left that it could ask"
    assert split.services["google-analytics"].categories == ("analytics",)
    assert split.services["youtube"].categories == ("functional",)
    assert split.resolve_alias("statistics") == "analytics"
    assert split.resolve_alias("marketing") == "marketing"


def test_a_default_category_may_be_renamed_and_made_part_of_accept_all() -> None:
    changed = policy(categories=[{"id": "geolocation", "separate": False, "label": "Map", "description": "Where"}])
    category = changed.categories["geolocation"]
    assert (category.separate, category.label, category.purposes) == (False, "Map", ("location",))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"categories": [{"id": "a", "purposes": ["media"]}, {"id": "b", "purposes": ["media"]}]}, ["'media'", "'a'"]),
        ({"categories": [{"id": "a"}, {"id": "a"}]}, ["'a'", "2 times", "allowed: once"]),
        ({"categories": [{"id": "necessary", "separate": True}]}, ["necessary", "exclude each other"]),
        ({"use": ["google-analitics"]}, ["'google-analitics'", "did you mean google-analytics"]),
        ({"use": ["qqqqqqqq"]}, ["'qqqqqqqq'", "consent-mw catalog"]),
        ({"services": [{**OWN, "category": "films"}]}, ["services.own-video.category = 'films'", "allowed: necessary"]),
        ({"services": [OWN, OWN]}, ["'own-video'", "2 times"]),
        ({"services": [{**OWN, "id": "necessary"}]}, ["services.necessary", "category has this id"]),
        ({"services": [{**OWN, "number": 1}]}, ["services.own-video.number = 1", "allowed: a number of its own"]),
        ({"cookies": [{"name": "x", "category": "films"}]}, ["cookies.x.category = 'films'", "allowed: necessary"]),
    ],
)
def test_what_cannot_be_built_is_named_with_what_is_allowed(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        policy(**values)
    assert all(word in str(error.value) for word in words), str(error.value)


# Declared and catalogued


def test_with_nothing_declared_a_grant_covers_the_catalogue() -> None:
    built = policy()
    assert not built.declares_services
    assert len(built.services) > 100
    assert set(resolve(built, None, NO_SIGNALS).services()) == set()


def test_what_is_declared_is_what_can_be_granted() -> None:
    built = policy(use=["youtube"], services=[OWN])
    assert {service.id for service in built.declared} == {"youtube", "own-video"}
    assert built.declares_services
    assert "google-analytics" in built.services, "it stays known, so that it stays gated"
    assert not built.services["google-analytics"].declared


def test_a_site_may_describe_a_catalogued_service_in_its_own_words_and_keeps_its_number() -> None:
    catalogued = policy().services["youtube"]
    own = policy(services=[{**OWN, "id": "youtube", "hosts": ["tube.shop.example"]}]).services["youtube"]
    assert own.number == catalogued.number
    assert own.declared
    assert own.hosts == ("tube.shop.example",)


def test_an_own_service_has_the_same_number_in_every_configuration() -> None:
    alone = policy(services=[OWN]).services["own-video"].number
    assert policy(use=["youtube"], services=[{**OWN, "name": "Films"}]).services["own-video"].number == alone
    assert alone > max(service.number or 0 for service in load_catalog().services)
    assert policy(services=[{**OWN, "number": 77_000_000}]).services["own-video"].number == 77_000_000


def test_a_services_own_host_and_cookies_lead_to_it() -> None:
    built = policy(services=[{**OWN, "cookies": [{"name": "vid_*", "days": 3}], "inline": ["ownVideo("]}])
    rule = built.cookie_index.find("vid_1")
    assert rule is not None
    assert (rule.service, rule.max_age_days) == ("own-video", 3)
    found = built.host_index.find("cdn.video.shop.example", "/x")
    assert found is not None
    assert found.id == "own-video"
    assert [service.id for service in built.inline_services(b"x; ownVideo(1)")] == ["own-video"]


def test_the_sites_own_word_on_a_name_beats_the_catalogues() -> None:
    built = policy(cookies=[{"name": "_ga", "category": "necessary"}], services=[{**OWN, "hosts": ["www.youtube.com"]}])
    rule = built.cookie_index.find("_ga")
    assert rule is not None
    assert rule.categories == ("necessary",)
    found = built.host_index.find("www.youtube.com", "/embed/x")
    assert found is not None
    assert found.id == "own-video"


def test_common_frameworks_work_before_consent() -> None:
    index = policy().cookie_index
    for name in (
        "session",
        "sessionid",
        "csrftoken",
        "ds_actor",
        "ds_messages",
        "ds_csrftoken",
        "PHPSESSID",
        "XSRF-TOKEN",
    ):
        rule = index.find(name)
        assert rule is not None, name
        assert rule.categories == ("necessary",) or rule.without_consent.value == "session_only", name


def test_every_alias_stands_for_a_category_of_the_default() -> None:
    built = policy()
    for alias in ALIASES:
        assert built.resolve_alias(alias.upper()) in built.categories
    assert built.resolve_alias("nothing") is None


# Meaning


BASE: dict[str, Any] = {"use": ["youtube"], "services": [OWN]}


@pytest.mark.parametrize(
    "change",
    [
        {"categories": [{"id": "geolocation", "label": "Place", "description": "Other words"}]},
        {"services": [{**OWN, "name": "Films", "policy_url": "/films", "retention": "a day", "country": "DE"}]},
        {"services": [{**OWN, "hosts": ["elsewhere.example"], "cookies": [{"name": "vid"}]}]},
        {"controller": {"name": "Shop Ltd"}},
        {"banner": {"texts": {"en": {"title": "Your choice"}}}},
        {"cookies": [{"name": "x", "category": "identification"}]},
        {"policy": {"version": "2"}},
    ],
)
def test_another_wording_means_the_same(change: dict[str, Any]) -> None:
    assert policy(**{**BASE, **change}).fingerprint == policy(**BASE).fingerprint


@pytest.mark.parametrize(
    ("change", "categories"),
    [
        ({"use": ["youtube", "google-analytics"]}, {"personalization_analytics"}),
        ({"use": []}, {"personalization_analytics"}),
        ({"services": [{**OWN, "recipients": ["Other Ltd"]}]}, {"personalization_analytics"}),
        ({"services": [{**OWN, "purposes": ["media", "advertising"]}]}, {"personalization_analytics"}),
        ({"services": [{**OWN, "purposes": ["media", "location"]}]}, {"personalization_analytics", "geolocation"}),
        ({"categories": [{"id": "geolocation", "separate": False}]}, {"geolocation"}),
    ],
)
def test_another_purpose_service_or_recipient_changes_the_meaning_of_its_categories_only(
    change: dict[str, Any], categories: set[str]
) -> None:
    before, after = policy(**BASE), policy(**{**BASE, **change})
    assert before.fingerprint != after.fingerprint
    old, new = ({c.id: built.elements(c, built.rules) for c in built.optional} for built in (before, after))
    assert {id for id in old if old[id] != new.get(id)} == categories
