"""What becomes of a choice when the policy, the visitor's region or the clock moves on."""

from __future__ import annotations

from typing import Any

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.choice import Choice, Stored
from consent_mw.core.decision import Consent, decide, resolve
from consent_mw.core.policy import Policy
from consent_mw.core.regime import DAY_SECONDS, Rules
from consent_mw.core.signals import NO_SIGNALS, Signals
from consent_mw.enforce.cookie_filter import judge
from consent_mw.jurisdiction import Jurisdictions

NOW = 1_795_485_600  # 2026-11-24
EFFECTIVE = 1_797_033_600  # 2026-12-12
ACCEPT = Choice(action="accept_all")
COUNTER = {"id": "counter", "name": "Counter", "purposes": ["analytics"]}
ADS = {"id": "ads", "name": "Ads", "owner": "Ads SA", "country": "US", "purposes": ["advertising"]}
AHEAD = {"published_at": "2026-11-24", "effective_at": "2026-12-12", "material": True}
GRANTED = "personalization_analytics"


def policy(*services: dict[str, Any], **config: Any) -> Policy:
    return build_policy(ConsentConfig(services=list(services), **config))


def rules(id: str, **regime: Any) -> Rules:
    settings = {"country_header": "country", "trusted_proxies": ["*"], **regime}
    return next(rules for rules in Jurisdictions(ConsentConfig(regime=settings)).all if rules.id == id)


def chosen(policy: Policy, choice: Choice = ACCEPT, rules: Rules | None = None, told: Signals = NO_SIGNALS) -> Stored:
    before = resolve(policy, None, told, rules)
    return decide(before, choice, site="x", now=NOW, new_subject=lambda: "s" * 22)


def later(old: Policy, new: Policy, choice: Choice = ACCEPT, now: int | None = None) -> Consent:
    return resolve(new, chosen(old, choice), NO_SIGNALS, now=now)


def test_a_new_service_makes_its_category_stale_and_no_other() -> None:
    consent = later(policy(COUNTER), policy(COUNTER, ADS))
    assert consent.stale == (GRANTED,)
    assert consent.news == {"ads"}
    assert not consent.decided
    assert consent.granted("identification")


def test_removing_a_service_asks_nobody_again() -> None:
    consent = later(policy(COUNTER, ADS), policy(COUNTER))
    assert consent.decided
    assert consent.granted("counter")


def test_removing_one_and_adding_one_asks_again() -> None:
    assert later(policy(COUNTER), policy(ADS)).stale == (GRANTED,)


def test_a_new_recipient_and_a_further_purpose_are_new_and_their_removal_is_not() -> None:
    wide = {**COUNTER, "recipients": ["Lab SA"], "purposes": ["analytics", "advertising"]}
    assert later(policy(COUNTER), policy(wide)).news == {"counter"}
    assert later(policy(wide), policy(COUNTER)).decided


def test_wording_hosts_and_cookies_ask_nobody_again() -> None:
    reworded = {**COUNTER, "name": "The Counter", "hosts": ["counter.test"], "cookies": [{"name": "c", "days": 3}]}
    labels = [{"id": GRANTED, "label": "Statistics", "description": "Corrected."}]
    assert later(policy(COUNTER), policy(reworded, categories=labels)).decided


def test_a_purpose_that_joins_a_category_makes_it_stale_and_one_that_leaves_does_not() -> None:
    moved = [{"id": "identification", "purposes": ["identification", "analytics"]}]
    consent = later(policy(), policy(categories=moved))
    assert consent.stale == ("identification",)
    assert consent.news == {"purpose:analytics"}


def test_a_refusal_is_asked_about_nothing_new() -> None:
    consent = later(policy(COUNTER), policy(COUNTER, ADS), Choice(action="reject_all"))
    assert consent.decided
    assert not consent.granted("ads")


def test_a_service_granted_alone_is_asked_about_only_when_it_means_more() -> None:
    only = Choice(action="save", services={"counter": True})
    assert later(policy(COUNTER), policy(COUNTER, ADS), only).decided
    wide = {**COUNTER, "recipients": ["Lab SA"]}
    consent = later(policy(COUNTER), policy(wide), only)
    assert (consent.stale, consent.granted("counter")) == ((GRANTED,), False)


def test_a_site_with_more_to_tell_than_a_cookie_holds_asks_again_after_any_change() -> None:
    many = [{"id": f"s{n}", "name": f"S{n}", "purposes": ["analytics", "advertising"]} for n in range(100)]
    assert later(policy(*many), policy(*many)).decided
    assert later(policy(*many), policy(*many[1:])).stale == (GRANTED,)


def test_until_a_change_takes_effect_the_earlier_consent_holds_and_the_new_service_waits() -> None:
    new = policy(COUNTER, ADS, policy=AHEAD)
    before = later(policy(COUNTER), new, now=EFFECTIVE - 1)
    assert (before.decided, before.granted("counter"), before.granted("ads")) == (True, True, False)
    assert before.change_ahead
    after = later(policy(COUNTER), new, now=EFFECTIVE)
    assert (after.decided, after.granted("counter"), after.stale) == (False, False, (GRANTED,))
    assert not after.change_ahead


def test_until_then_a_cookie_for_a_purpose_that_nobody_was_told_of_waits_too() -> None:
    moved = [{"id": "identification", "purposes": ["identification", "analytics"]}]
    cookies = [{"name": "seen", "purpose": "analytics"}, {"name": "who", "purpose": "identification"}]
    new = policy(categories=moved, cookies=cookies, policy=AHEAD)
    consent = later(policy(), new, now=EFFECTIVE - 1)
    assert consent.granted("identification")
    assert consent.grants.withheld == {"purpose:analytics"}


def test_until_then_a_service_that_will_do_more_goes_on_as_before() -> None:
    new = policy({**COUNTER, "recipients": ["Lab SA"]}, policy=AHEAD)
    for choice in (ACCEPT, Choice(action="save", services={"counter": True})):
        before = later(policy(COUNTER), new, choice, now=EFFECTIVE - 1)
        assert (before.decided, before.granted("counter")) == (True, True)
        after = later(policy(COUNTER), new, choice, now=EFFECTIVE)
        assert (after.decided, after.granted("counter"), after.news) == (False, False, {"counter"})


def test_a_service_and_a_purpose_of_one_name_are_told_apart() -> None:
    analytics, cookie = {**COUNTER, "id": "analytics"}, {"name": "own", "purpose": "analytics"}
    consent = later(policy(ADS), policy(ADS, analytics, cookies=[cookie], policy=AHEAD), now=EFFECTIVE - 1)
    assert not consent.granted("analytics")
    assert not judge(consent.grants, "own").blocked


def test_a_change_that_is_not_published_yet_is_not_announced() -> None:
    assert not later(policy(), policy(policy=AHEAD), now=NOW - DAY_SECONDS).change_ahead


def test_whoever_chooses_during_the_notice_chooses_the_new_version() -> None:
    new = policy(COUNTER, ADS, policy=AHEAD)
    consent = resolve(new, chosen(new), NO_SIGNALS, now=EFFECTIVE)
    assert consent.decided
    assert consent.granted("ads")


def test_an_accepted_category_covers_no_recipient_where_each_needs_an_answer_of_its_own() -> None:
    site, china = policy(COUNTER, ADS), rules("cn")
    consent = resolve(site, chosen(site, ACCEPT, china), NO_SIGNALS, china)
    assert (consent.granted("counter"), consent.granted("ads")) == (True, False)
    own = Choice(action="save", categories={GRANTED: True}, services={"ads": True, "counter": True})
    assert resolve(site, chosen(site, own, china), NO_SIGNALS, china).granted("ads")


def test_a_narrow_yes_given_in_one_country_grants_no_more_in_another() -> None:
    site, china, europe = policy(COUNTER, ADS), rules("cn"), rules("eu")
    consent = resolve(site, chosen(site, ACCEPT, china), NO_SIGNALS, europe)
    assert consent.stale == (GRANTED,)
    zero = policy()
    assert resolve(zero, chosen(zero, ACCEPT, china), NO_SIGNALS, europe).stale != ()


def test_a_signal_takes_away_what_holds_without_a_choice_and_says_so() -> None:
    california = rules("us-opt-out", opt_out=["us-opt-out"])
    site = policy(COUNTER)
    assert resolve(site, None, NO_SIGNALS, california).granted("counter")
    consent = resolve(site, None, Signals(gpc=True), california)
    assert (consent.granted("counter"), consent.signal_took, consent.honours_signal) == (False, True, True)


def test_the_refusal_that_a_signal_made_outlives_it_and_still_counts_as_honoured() -> None:
    california, site = rules("us-opt-out", opt_out=["us-opt-out"]), policy(COUNTER)
    refused = chosen(site, Choice(action="reject_all"), california, told=Signals(gpc=True))
    silent = resolve(site, refused, NO_SIGNALS, california, now=NOW + 300 * DAY_SECONDS)
    assert (silent.granted("counter"), silent.decided) == (False, True)
    again = resolve(site, refused, Signals(gpc=True), california)
    assert (again.honours_signal, again.signal_took) == (True, False)


def test_an_expired_refusal_brings_no_opt_out_default_back() -> None:
    california, site = rules("us-opt-out", opt_out=["us-opt-out"]), policy(COUNTER)
    refused = chosen(site, Choice(action="reject_all"), california)
    assert not resolve(site, refused, NO_SIGNALS, california, now=NOW + 400 * DAY_SECONDS).granted("counter")


def test_intervals_are_the_regimes() -> None:
    site = policy()
    refused = chosen(site, Choice(action="reject_all"))
    half_a_year = NOW + 190 * DAY_SECONDS
    assert not resolve(site, refused, NO_SIGNALS, rules("eu-it"), now=half_a_year).decided
    assert resolve(site, refused, NO_SIGNALS, rules("us-opt-out"), now=half_a_year).decided
