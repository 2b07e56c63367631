"""The rules of the EU, its members, the UK and Switzerland that concern software, each by its id.

What each rule says, and where it stands: `consent_mw/regimes/regimes.toml`. Not ours: FR-04 (which tool is exempt is
the site's to know), DE-01 (voluntary, nothing to build against yet), EU-P1 (a proposal; its six months and its one
click to refuse are kept all the same: IT-01, EU-05).
"""

from __future__ import annotations

import re
import time
from datetime import datetime

import pytest
from starlette.requests import HTTPConnection

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Consent, resolve
from consent_mw.core.regime import DAY_SECONDS
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.errors import ConfigError
from consent_mw.lint import lint
from law.shop import CATEGORIES, SERVICES, Visitor, cookies_set, refused_after, rules

pytestmark = pytest.mark.anyio
BUTTON = re.compile(r"<button[^>]*>")


def banner_of(text: str) -> str:
    return text.partition('<section id="consent-banner"')[2].partition("</section>")[0]


async def test_EU_01_before_a_grant_no_cookie_is_set_and_no_third_party_contacted() -> None:
    answer = await Visitor().reads()
    assert cookies_set(answer) == {"csrftoken"}
    assert 'data-consent-src="https://counter.example/c.js"' in answer.text
    assert 'data-consent-src="https://ads.example/p.gif"' in answer.text


async def test_EU_02_requests_are_held_back_not_only_cookies() -> None:
    text = (await Visitor(services=[{**service, "cookies": []} for service in SERVICES]).reads()).text
    assert re.findall(r'[ "]src="https://[^"]+"', text) == []
    assert 'data-consent-src="https://counter.example/c.js"' in text
    assert 'data-consent-src="https://ads.example/p.gif"' in text


async def test_EU_03_reading_on_grants_nothing() -> None:
    visitor = Visitor()
    for _ in range(20):
        await visitor.reads()
    assert await visitor.granted() == set()
    assert visitor.ledger.records == []


async def test_EU_04_no_optional_switch_is_on() -> None:
    text = await Visitor().preferences()
    switches = re.findall(r'<input type="checkbox"[^>]*>', text)
    assert len(switches) == 1 + len(CATEGORIES) + len(SERVICES)
    assert [switch for switch in switches if " checked" in switch and " disabled" not in switch] == []


async def test_EU_05_every_layer_with_accept_has_reject() -> None:
    visitor = Visitor()
    for text in (banner_of((await visitor.reads()).text), await visitor.preferences()):
        assert 'value="accept_all"' in text
        assert 'value="reject_all"' in text


async def test_EU_06_reject_is_a_button() -> None:
    buttons = BUTTON.findall(banner_of((await Visitor().reads()).text))
    assert any('value="reject_all"' in button for button in buttons)


async def test_EU_07_reject_is_made_as_accept_is_and_readable() -> None:
    buttons = BUTTON.findall(banner_of((await Visitor().reads()).text))
    accept, reject = (next(b for b in buttons if f'value="{which}_all"' in b) for which in ("accept", "reject"))
    assert reject == accept.replace("accept_all", "reject_all")
    with pytest.raises(ConfigError, match=r"4\.5:1 or more"):
        ConsentConfig(banner={"theme": {"accent": "#aaaaaa"}})


async def test_EU_08_withdrawal_takes_one_request_and_its_way_in_is_on_every_page() -> None:
    visitor = Visitor()
    await visitor.says("accept_all")
    assert 'data-consent-action="open"' in (await visitor.reads()).text
    assert re.search(r'<button[^>]*data-consent-action="withdraw">', await visitor.preferences())
    assert (await visitor.says("withdraw")).status_code == 200
    assert await visitor.granted() == set()


async def test_EU_09_each_category_and_service_has_its_own_switch() -> None:
    text = await Visitor().preferences()
    for id in CATEGORIES:
        assert f'name="category" value="{id}"' in text
    for service in SERVICES:
        assert f'name="service" value="{service["id"]}"' in text


async def test_EU_10_a_refusal_leaves_the_page_whole() -> None:
    visitor = Visitor()
    await visitor.says("reject_all")
    answer = await visitor.reads()
    assert (answer.status_code, "The whole page." in answer.text) == (200, True)


async def test_EU_11_consents_refusals_and_withdrawals_are_recorded_with_their_text() -> None:
    visitor = Visitor()
    for action in ("reject_all", "accept_all", "withdraw"):
        await visitor.says(action)
    assert [record.statement.event.value for record in visitor.ledger.records] == ["refused", "changed", "withdrawn"]
    for record in visitor.ledger.records:
        assert "Ads Inc." in visitor.app.site.banner.texts[record.statement.text].decode()
        assert record.statement.fingerprint == visitor.app.site.policy.fingerprint
        assert (record.statement.method.value, record.statement.language, record.statement.site) == (
            "button",
            "en",
            "shop.test",
        )
        assert abs(datetime.fromisoformat(record.time).timestamp() - time.time()) < 60
    assert [record.personal.subject is None for record in visitor.ledger.records] == [True, False, False]


async def test_EU_12_a_withdrawal_takes_the_cookies_and_keeps_the_evidence() -> None:
    visitor = Visitor()
    await visitor.says("accept_all")
    await visitor.reads()
    gone = (await visitor.says("withdraw")).headers.get_list("set-cookie")
    assert any(header.startswith("count=") and "Max-Age=0" in header for header in gone)
    assert len(visitor.ledger.records) == 2


async def test_EU_12_who_got_data_can_be_told_whose_and_which() -> None:
    lost: list[tuple[str | None, set[str]]] = []

    async def changed(connection: HTTPConnection, before: Consent, after: Consent) -> None:
        gone = {id for id in ("counter", "ads") if before.granted(id) and not after.granted(id)}
        lost.append((before.subject, gone))

    visitor = Visitor()
    visitor.app.site.on_change = changed
    await visitor.says("accept_all")
    await visitor.says("withdraw")
    assert lost == [(None, set()), (visitor.ledger.records[0].personal.subject, {"counter", "ads"})]


async def test_EU_13_without_any_configuration_everything_optional_is_denied() -> None:
    policy = build_policy(ConsentConfig())
    assert resolve(policy, None, NO_SIGNALS).grants.categories == {"necessary"}


async def test_EU_14_an_unclassified_cookie_is_blocked_and_a_necessary_one_needs_a_reason() -> None:
    visitor = Visitor()
    await visitor.says("accept_all")
    assert "unheard_of" not in cookies_set(await visitor.reads())
    config = ConsentConfig(cookies=[{"name": "x", "purpose": "security"}])
    assert "EU-14" in {remark.rule for remark in lint(config, build_policy(config))}


async def test_EU_15_a_refusal_leaves_no_other_way_in() -> None:
    visitor = Visitor()
    await visitor.says("reject_all")
    answer = await visitor.reads()
    assert cookies_set(answer) == {"csrftoken"}
    assert re.findall(r'[ "]src="https://[^"]+"', answer.text) == []


async def test_EU_16_the_second_layer_states_everything() -> None:
    text = await Visitor().preferences()
    for told in ("Shop Ltd", "privacy@shop.example", "Ads Inc.", "Bidder Ltd", "three months", "Advertising"):
        assert told in text
    assert re.search(r"<code>count</code></td><td>30 days<", text)
    assert re.search(r"<code>ad</code></td><td>90 days<", text)


async def test_EU_17_nobody_is_asked_again_about_the_same() -> None:
    visitor = Visitor()
    await visitor.says("reject_all")
    assert '<section id="consent-banner" aria-labelledby="consent-title" hidden>' in (await visitor.reads()).text


async def test_EU_18_the_banner_speaks_the_pages_language() -> None:
    text = (await Visitor().reads("/?lang=de", **{"accept-language": "fr"})).text
    assert "Alle ablehnen" in text


async def test_FR_01_one_click_each_and_inaction_refuses() -> None:
    visitor = Visitor("FR")
    text = banner_of((await visitor.reads()).text)
    assert len(BUTTON.findall(text)) == 2
    assert await visitor.granted() == set()


@pytest.mark.parametrize("action", ["accept_all", "reject_all"])
async def test_FR_02_either_choice_is_kept_six_months(action: str) -> None:
    answer = await Visitor("FR").says(action)
    assert f"Max-Age={184 * DAY_SECONDS}" in answer.headers["set-cookie"]


async def test_FR_03_the_text_shown_is_kept_by_its_hash() -> None:
    visitor = Visitor("FR", headers={"accept-language": "fr"})
    await visitor.says("accept_all")
    (record,) = visitor.ledger.records
    assert record.statement.language == "fr"
    kept = dict(await visitor.ledger.run(lambda store: list(store.texts())))
    assert "Tout refuser" in kept[record.statement.text].decode()


async def test_FR_05_only_listed_services_can_be_granted() -> None:
    visitor = Visitor("FR")
    await visitor.says("accept_all")
    assert not visitor.app.site.policy.services["google-analytics"].declared
    answer = await visitor.reads("/consent/state?service=google-analytics")
    assert answer.json()["services"]["google-analytics"] == "denied"
    listed = (await visitor.reads("/consent/partners")).json()["services"]
    assert [(service["id"], service["owner"]) for service in listed] == [("counter", "Counter SA"), ("ads", "Ads Inc.")]
    text = await visitor.preferences()
    assert all(service["owner"] in text for service in listed)


async def test_IT_01_a_refusal_holds_six_months_and_not_180_days() -> None:
    assert refused_after(183, "eu-it")
    assert not refused_after(186, "eu-it")


async def test_ES_01_a_consent_never_holds_longer_than_24_months() -> None:
    assert rules("eu-es").consent_seconds <= 731 * DAY_SECONDS


async def test_DE_02_do_not_track_denies_and_the_page_says_so() -> None:
    visitor = Visitor("DE", headers={"dnt": "1"})
    text = (await visitor.reads()).text
    assert ">Opt-out request honored<" in text
    assert await visitor.granted() == set()


async def test_UK_01_nothing_is_on_before_a_consent() -> None:
    assert await Visitor("GB").granted() == set()


async def test_UK_02_statistics_alone_may_be_on_and_mixed_with_anything_else_may_not() -> None:
    split = [{"id": "statistics", "purposes": ["analytics"]}]
    assert await Visitor("GB", categories=split).granted() == {"statistics", "counter"}
    assert await Visitor("GB").granted() == set()
    objecting = Visitor("GB", categories=split)
    await objecting.says("reject_all")
    assert await objecting.granted() == set()


async def test_UK_03_interface_choices_are_necessary() -> None:
    cookies = [{"name": "theme", "purpose": "preferences"}]
    policy = build_policy(ConsentConfig(cookies=cookies))
    assert policy.cookies[0].categories == ("necessary",)


async def test_UK_04_the_tag_itself_is_held_back() -> None:
    assert ' src="https://ads.example' not in (await Visitor("GB").reads()).text


async def test_UK_05_advertising_needs_consent() -> None:
    split = [{"id": "marketing", "purposes": ["advertising"]}]
    assert "marketing" not in await Visitor("GB", categories=split).granted()


async def test_CH_01_visitors_are_told_and_can_refuse() -> None:
    visitor = Visitor("CH")
    assert 'value="reject_all"' in banner_of((await visitor.reads()).text)
    assert (await visitor.says("reject_all")).status_code == 200


async def test_CH_02_location_is_not_in_accept_all() -> None:
    visitor = Visitor("CH")
    await visitor.says("accept_all")
    assert "geolocation" not in await visitor.granted()


async def test_CH_03_nothing_is_on_before_a_consent() -> None:
    assert await Visitor("CH").granted() == set()


@pytest.mark.parametrize("region", ["JP", "KR", "TH", "VN", "SA", "XX", ""])
async def test_RW_01_where_no_regime_is_known_the_strictest_holds(region: str) -> None:
    visitor = Visitor(region)
    assert await visitor.granted() == set()
    assert (await visitor.state())["regime"] == "opt-in"
    await visitor.says("accept_all")
    assert "geolocation" not in await visitor.granted()
    assert visitor.ledger.records[0].statement.regime == "strict"
