"""Over regimes, signals, stored choices and changes of the policy: nothing is granted where any rule denies it.

The oracle below knows nothing of hashes or sets of elements. It asks, of each thing that is granted, whether this very
visitor said yes to this very thing, under rules that made such a yes enough.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.choice import Choice, Stored, expires_at
from consent_mw.core.decision import Consent, decide, resolve
from consent_mw.core.policy import Policy, Service
from consent_mw.core.regime import DAY_SECONDS, Regime, Rules
from consent_mw.core.signals import Signals
from consent_mw.jurisdiction import Jurisdictions

CHOSEN_AT = 1_795_485_600
EFFECTIVE_AT = 1_797_033_600  # 2026-12-12
REGIONAL = {"country_header": "cf-ipcountry", "trusted_proxies": ["*"]}
EVERY = Jurisdictions(ConsentConfig(regime={**REGIONAL, "opt_out": ["uk", "us", "us-opt-out"]})).all
ASKING = Jurisdictions(ConsentConfig(regime=REGIONAL)).all
# The kinds that differ in what they grant, as likely as all the others together.
KINDS = [rules for rules in EVERY if rules.id in ("eu", "cn", "uk", "us-opt-out", "ca-qc")]
rules = st.sampled_from(KINDS) | st.sampled_from([*EVERY, *ASKING])
_POLICIES: dict[str, Policy] = {}
PURPOSES = ["identification", "analytics", "personalization", "advertising", "location"]
CATEGORIES = ["identification", "personalization_analytics", "geolocation"]

services = st.fixed_dictionaries(
    {
        "purposes": st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=2, unique=True),
        "recipients": st.lists(st.sampled_from(["Ads SA", "Data GmbH"]), max_size=2, unique=True),
        "country": st.sampled_from(["", "CN", "US"]),
        "owner": st.sampled_from(["", "Owner Ltd"]),
    }
)
configurations = st.fixed_dictionaries(
    {
        "services": st.dictionaries(st.sampled_from(["one", "two", "three"]), services, min_size=1, max_size=2),
        "separate": st.booleans(),
        "moved": st.booleans(),
    }
)
choices = st.builds(
    Choice,
    action=st.sampled_from(["accept_all", "accept_all", "save", "save", "reject_all", "withdraw"]),
    categories=st.dictionaries(st.sampled_from(CATEGORIES), st.booleans()),
    services=st.dictionaries(st.sampled_from(["one", "two", "three"]), st.booleans()),
)
signals = st.just(Signals()) | st.builds(Signals, st.booleans(), st.booleans())


def policy_of(configuration: dict[str, Any]) -> Policy:
    key = json.dumps(configuration, sort_keys=True)
    if key not in _POLICIES:
        _POLICIES[key] = _build(configuration)
    return _POLICIES[key]


def _build(configuration: dict[str, Any]) -> Policy:
    categories: list[dict[str, Any]] = [{"id": "identification", "separate": configuration["separate"]}]
    if configuration["moved"]:  # a purpose goes over to another category
        categories[0]["purposes"] = ["identification", "analytics"]
    config = ConsentConfig(
        policy={"published_at": "2026-12-01", "effective_at": "2026-12-12"},
        categories=categories,
        services=[{"id": id, "name": id, **service} for id, service in configuration["services"].items()],
    )
    return build_policy(config)


@settings(max_examples=400, deadline=None)
@given(
    old=configurations,
    new=st.none() | configurations,
    then=rules,
    today=rules,
    choice=st.none() | choices,
    told=signals,
    sent=signals,
    now=st.sampled_from([CHOSEN_AT, EFFECTIVE_AT, CHOSEN_AT + 185 * DAY_SECONDS, CHOSEN_AT + 400 * DAY_SECONDS]),
)
def test_nothing_is_granted_where_a_rule_denies_it(
    old: dict[str, Any],
    new: dict[str, Any] | None,
    then: Rules,
    today: Rules,
    choice: Choice | None,
    told: Signals,
    sent: Signals,
    now: int,
) -> None:
    before, after = policy_of(old), policy_of(old if new is None else new)
    stored, said = None, None
    if choice is not None:
        known = {id: yes for id, yes in choice.services.items() if id in before.services}
        said = Choice(action=choice.action, categories=choice.categories, services=known)
        undecided = resolve(before, None, told, then, now=CHOSEN_AT)
        stored = decide(undecided, said, site="x", now=CHOSEN_AT, new_subject=lambda: "s" * 22)
    consent = resolve(after, stored, sent, today, now=now)
    if stored is not None and now >= expires_at(stored, today):
        assert optional_grants(consent) == []
        return
    if sent.beyond(stored.signals if stored is not None else Signals()):
        assert optional_grants(consent) == []
        return
    for id in consent.grants.categories - {"necessary"}:
        assert category_is_rightly_granted(id, consent, before, then, stored, said, now), id
    for service in after.declared:
        if consent.grants.service(service):
            assert service_is_rightly_granted(service, consent, before, then, stored, said, now), service


def optional_grants(consent: Consent) -> list[str]:
    policy = consent.policy
    services = [s for s in policy.declared if not all(policy.categories[id].required for id in s.categories)]
    granted = [service.id for service in services if consent.grants.service(service)]
    return [*(consent.grants.categories - {"necessary"}), *granted]


def separate(policy: Policy, id: str, rules: Rules) -> bool:
    category = policy.categories[id]
    bundles = rules.id in ("ca-qc", "in") and len(category.purposes) > 1
    return category.separate or bundles or bool(rules.separate & set(category.purposes))


def category_is_rightly_granted(
    id: str, consent: Consent, before: Policy, then: Rules, stored: Stored | None, said: Choice | None, now: int
) -> bool:
    today, category = consent.rules, consent.policy.categories[id]
    if stored is None or said is None:
        allowed = today.regime is Regime.OPT_OUT and set(category.purposes) <= set(today.allowed or ())
        return allowed and not separate(consent.policy, id, today)
    alone_then = separate(before, id, then)
    yes = said.categories.get(id, False) if said.action == "save" else said.action == "accept_all" and not alone_then
    told_of_all = set(category.purposes) <= set(before.categories[id].purposes)
    asked_alone = alone_then or not separate(consent.policy, id, today)
    return yes and asked_alone and (told_of_all or now < EFFECTIVE_AT)


def service_is_rightly_granted(
    service: Service,
    consent: Consent,
    before: Policy,
    then: Rules,
    stored: Stored | None,
    said: Choice | None,
    now: int,
) -> bool:
    policy, today = consent.policy, consent.rules
    optional = [id for id in service.categories if not policy.categories[id].required]
    if not optional:
        return True
    if stored is None or said is None:
        return all(id in consent.grants.categories for id in optional) and not policy.asks_alone(service, today)
    earlier = before.services.get(service.id)
    if earlier is None or not earlier.declared:
        return False
    told = set(service.purposes) <= set(earlier.purposes) and set(service.recipients) <= set(earlier.recipients)
    if now < EFFECTIVE_AT:  # the earlier version governs: a service that the visitor knew goes on as before
        told = bool(set(service.purposes) & set(earlier.purposes) or set(service.recipients) & set(earlier.recipients))
    own = said.services.get(service.id) if said.action == "save" else None
    if own is not None:
        return told and own
    by_category = all(id in consent.grants.categories for id in optional)
    excluded = before.asks_alone(earlier, then) or policy.asks_alone(service, today)
    return told and by_category and not excluded
