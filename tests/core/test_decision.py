"""What a choice means, and that nothing is ever granted that nobody chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Choice, Consent, Stored, decide, resolve, widens
from consent_mw.core.policy import Policy
from consent_mw.core.signals import NO_SIGNALS, Signals

DAY = 86_400
NOW = 1_795_500_000
OWN = [
    {"id": "counter", "name": "Counter", "purposes": ["analytics"]},
    {"id": "ads", "name": "Ads", "purposes": ["advertising"]},
    {"id": "map", "name": "Map", "purposes": ["media", "location"]},
    {"id": "login", "name": "Login", "purposes": ["identification"]},
    {"id": "shield", "name": "Shield", "purposes": ["security"]},
]
PA, GEO, ID = "personalization_analytics", "geolocation", "identification"
OPTIONAL = [ID, PA, GEO]


def policy(**values: Any) -> Policy:
    return build_policy(ConsentConfig(**{"services": OWN, **values}))


POLICY = policy()
ZERO = build_policy(ConsentConfig())


def fresh(policy: Policy = POLICY, signals: Signals = NO_SIGNALS) -> Consent:
    return resolve(policy, None, signals)


_ids: Callable[[], str] = map("{:022}".format, count()).__next__


def after(consent: Consent, choice: Choice, now: int = NOW) -> Consent:
    stored = decide(consent, choice, site="shop.example", now=now, new_subject=_ids)
    return resolve(consent.policy, stored, consent.signals)


def choose(action: str, policy: Policy = POLICY, **values: Any) -> Consent:
    return after(fresh(policy), Choice(action=action, **values))  # type: ignore[arg-type]


def granted(consent: Consent) -> set[str]:
    services = {service.id for service in consent.policy.declared if consent.granted(service.id)}
    return {*consent.grants.categories, *services} - {"necessary", "shield"}


# Before a choice


@pytest.mark.parametrize("policy", [POLICY, ZERO])
def test_before_a_choice_only_what_is_necessary_is_granted(policy: Policy) -> None:
    consent = fresh(policy)
    assert not consent.decided
    assert consent.grants.categories == {"necessary"}
    necessary = {"necessary"}
    for service in policy.services.values():
        assert consent.granted(service.id) == (set(service.categories) <= necessary), service.id


def test_where_people_have_to_opt_out_the_separate_category_waits_all_the_same() -> None:
    lax = policy(regime={"default": "opt-out"})
    assert granted(fresh(lax)) == {ID, PA, "login", "counter", "ads"}
    assert granted(resolve(lax, None, NO_SIGNALS, in_doubt=True)) == set()
    for signals in (Signals(gpc=True), Signals(dnt=True)):
        assert granted(fresh(lax, signals)) == set()
    assert granted(choose("reject_all", lax)) == set()


# What each action means


@pytest.mark.parametrize(
    ("action", "values", "expected"),
    [
        ("accept_all", {}, {ID, PA, "login", "counter", "ads"}),
        ("reject_all", {}, set()),
        ("withdraw", {}, set()),
        ("save", {}, set()),
        ("save", {"categories": {PA: True}}, {PA, "counter", "ads"}),
        ("save", {"categories": {PA: True, GEO: True}}, {PA, GEO, "counter", "ads", "map"}),
        ("save", {"categories": {PA: False, ID: True}}, {ID, "login"}),
        ("save", {"categories": {"necessary": False}}, set()),
        ("save", {"services": {"counter": True}}, {"counter"}),
        ("save", {"services": {"counter": False}}, set()),
        ("save", {"categories": {PA: True}, "services": {"ads": False}}, {PA, "counter"}),
        ("save", {"categories": {PA: False}, "services": {"ads": True}}, {"ads"}),
        ("save", {"services": {"map": True}}, {"map"}),
        ("save", {"services": {"shield": False}}, set()),
        ("reject_all", {"categories": {PA: True}, "services": {"ads": True}}, set()),
        ("accept_all", {"categories": {PA: False}, "services": {"ads": False}}, {ID, PA, "login", "counter", "ads"}),
    ],
)
def test_a_choice_grants_what_it_says_and_nothing_else(action: str, values: Any, expected: set[str]) -> None:
    consent = choose(action, **values)
    assert granted(consent) == expected
    assert consent.decided
    assert consent.stale == ()
    assert consent.granted("necessary")
    assert consent.granted("shield")


def test_a_service_of_two_categories_needs_both() -> None:
    assert not choose("save", categories={PA: True}).granted("map")
    assert not choose("save", categories={GEO: True}).granted("map")
    assert choose("save", categories={PA: True, GEO: True}).granted("map")


def test_accepting_all_leaves_what_is_separate_as_it_is() -> None:
    located = choose("save", categories={GEO: True})
    assert granted(after(located, Choice(action="accept_all"))) == {ID, PA, GEO, "login", "counter", "ads", "map"}


def test_accepting_all_does_not_undo_a_no_to_a_service_that_is_separate_in_part() -> None:
    refused = choose("save", categories={GEO: True}, services={"map": False})
    assert not after(refused, Choice(action="accept_all")).granted("map")


def test_where_a_site_may_say_so_accept_all_includes_location() -> None:
    joined = policy(categories=[{"id": GEO, "separate": False}])
    assert GEO in granted(choose("accept_all", joined))


def test_a_later_choice_replaces_an_earlier_one_whole() -> None:
    first = choose("save", categories={PA: True, ID: True}, services={"ads": False})
    assert granted(after(first, Choice(action="save", categories={GEO: True}))) == {GEO}
    assert granted(after(first, Choice(action="accept_all"))) == {ID, PA, "login", "counter", "ads"}


def test_without_declared_services_a_category_covers_the_catalogue() -> None:
    accepted = choose("accept_all", ZERO)
    assert accepted.granted("google-analytics")
    assert accepted.services() == {}
    one = choose("save", ZERO, services={"youtube": True})
    assert one.granted("youtube")
    assert not one.granted("google-analytics")
    assert {id: str(decision) for id, decision in one.services().items()} == {"youtube": "granted"}


def test_with_declared_services_no_other_is_ever_granted() -> None:
    consent = choose("save", categories=dict.fromkeys(OPTIONAL, True))
    others = [service for service in POLICY.services.values() if not service.declared]
    optional = [s for s in others if not all(POLICY.categories[c].required for c in s.categories)]
    assert optional
    assert not any(consent.granted(service.id) for service in optional)


# What is kept


def test_a_refusal_has_no_id_no_hour_and_no_count() -> None:
    refusals = [
        decide(before, Choice(action=action), site="s", now=now, new_subject=_ids)  # type: ignore[arg-type]
        for before in (fresh(), choose("reject_all"))
        for action in ("reject_all", "save", "withdraw")
        for now in (NOW, NOW + 60)
    ]
    assert all(stored == refusals[0] for stored in refusals)
    assert (refusals[0].subject, refusals[0].sequence, refusals[0].decided_at) == (None, 1, NOW - NOW % DAY)


def test_a_withdrawal_keeps_the_id_and_counts_on() -> None:
    accepted = choose("accept_all")
    withdrawn = after(accepted, Choice(action="withdraw"), NOW + 60)
    assert accepted.stored is not None
    assert withdrawn.stored is not None
    assert withdrawn.subject == accepted.subject is not None
    assert (accepted.stored.sequence, withdrawn.stored.sequence) == (1, 2)
    assert withdrawn.stored.decided_at == NOW + 60


def test_an_answer_that_repeats_its_category_is_no_exception() -> None:
    consent = choose("save", categories={PA: True}, services={"counter": True, "ads": True})
    assert consent.stored is not None
    assert consent.stored.services == {}


# Signals


@pytest.mark.parametrize("signals", [Signals(gpc=True), Signals(dnt=True), Signals(True, True)])
def test_a_signal_denies_until_somebody_who_was_told_of_it_chooses(signals: Signals) -> None:
    accepted = choose("accept_all")
    overruled = resolve(POLICY, accepted.stored, signals)
    assert granted(overruled) == set()
    told = after(fresh(signals=signals), Choice(action="accept_all"))
    assert granted(told) == {ID, PA, "login", "counter", "ads"}
    assert told.stored is not None
    assert told.stored.signals == signals
    assert granted(resolve(POLICY, told.stored, NO_SIGNALS)) == granted(told)


def test_a_signal_denies_what_was_granted_service_by_service() -> None:
    one = choose("save", services={"counter": True})
    assert granted(resolve(POLICY, one.stored, Signals(gpc=True))) == set()


# Widening


@pytest.mark.parametrize(
    ("first", "second", "wider"),
    [
        ("reject_all", "accept_all", True),
        ("accept_all", "reject_all", False),
        ("accept_all", "accept_all", False),
        ("accept_all", "withdraw", False),
        ("reject_all", "reject_all", False),
    ],
)
def test_only_what_grants_more_has_to_wait_for_the_ledger(first: str, second: str, wider: bool) -> None:
    before = choose(first)
    assert widens(before, after(before, Choice(action=second))) == wider  # type: ignore[arg-type]


def test_one_service_more_is_wider_whatever_else_is_taken_back() -> None:
    before = choose("save", categories={ID: True, PA: True}, services={"ads": False})
    assert widens(before, after(before, Choice(action="save", services={"ads": True})))
    assert not widens(before, after(before, Choice(action="save", services={"counter": True})))


# Whatever happens


_answers = st.dictionaries(st.sampled_from(OPTIONAL), st.booleans())
_services = st.dictionaries(st.sampled_from(["counter", "ads", "map", "login"]), st.booleans())
_choices = st.builds(
    Choice,
    action=st.sampled_from(["accept_all", "reject_all", "save", "withdraw"]),
    categories=_answers,
    services=_services,
)
_signals = st.builds(Signals, st.booleans(), st.booleans())


class Person:
    """What somebody said, kept in the plainest way: the words of section "What a choice means" and nothing else."""

    def __init__(self) -> None:
        self.categories: dict[str, bool] = {}
        self.services: dict[str, bool] = {}
        self.told = NO_SIGNALS

    def says(self, choice: Choice, signals: Signals) -> None:
        had = {id for id in OPTIONAL if self.has(id, signals)}
        own = {id: yes for id, yes in self.services.items() if not (yes and signals.beyond(self.told))}
        if choice.action == "accept_all":
            self.categories = {ID: True, PA: True, GEO: GEO in had}
            self.services = {id: yes for id, yes in own.items() if id == "map"}
        elif choice.action == "save":
            self.categories = dict(choice.categories)
            self.services = dict(choice.services)
            named = {c for id, yes in choice.services.items() if yes for c in _categories(id)}
            for service in POLICY.declared:
                if named & set(service.categories):
                    self.services.setdefault(service.id, False)
        else:
            self.categories, self.services = {}, {}
        self.told = signals

    def has(self, id: str, signals: Signals) -> bool:
        if signals.beyond(self.told):
            return False
        if id in OPTIONAL:
            return self.categories.get(id, False)
        own = self.services.get(id)
        return own if own is not None else all(self.categories.get(c, False) for c in _categories(id))


def _categories(service: str) -> tuple[str, ...]:
    return POLICY.services[service].categories


@given(st.lists(st.tuples(_choices, _signals), max_size=6), _signals)
def test_what_follows_is_what_was_said(story: list[tuple[Choice, Signals]], now: Signals) -> None:
    person, stored = Person(), None
    for choice, signals in story:
        person.says(choice, signals)
        before = resolve(POLICY, stored, signals)
        stored = decide(before, choice, site="s", now=NOW, new_subject=_ids)
    consent = resolve(POLICY, stored, now)
    expected = {id for id in (*OPTIONAL, "counter", "ads", "map", "login") if person.has(id, now)}
    assert granted(consent) == expected
    assert consent.decided == bool(story)


@given(st.lists(st.tuples(_choices, _signals), min_size=1, max_size=4), _signals)
def test_a_refusal_ends_every_story_with_nothing(story: list[tuple[Choice, Signals]], now: Signals) -> None:
    stored: Stored | None = None
    for choice, signals in (*story, (Choice(action="reject_all"), NO_SIGNALS)):
        stored = decide(resolve(POLICY, stored, signals), choice, site="s", now=NOW, new_subject=_ids)
    assert granted(resolve(POLICY, stored, now)) == set()


@given(
    st.dictionaries(st.sampled_from([*OPTIONAL, "gone"]), st.tuples(st.just(True), st.text("abAB", max_size=8))),
    st.dictionaries(st.integers(1, 2**31 - 1), st.just(True), max_size=5),
)
def test_a_grant_of_something_that_means_something_else_is_none(
    categories: Mapping[str, tuple[bool, str]], services: Mapping[int, bool]
) -> None:
    stored = Stored(
        site="s",
        sequence=1,
        decided_at=NOW,
        subject="x" * 22,
        signals=NO_SIGNALS,
        categories=categories,
        services=services,
    )
    consent = resolve(POLICY, stored, NO_SIGNALS)
    assert granted(consent) == set()
    assert set(consent.stale) == set(OPTIONAL), "each is to be asked again"
    assert not consent.decided
