"""The rules of China, Brazil, Quebec and India that concern software, each by its id.

Not ours: CN-07 (publication), CN-10 and CN-16 (a recommended standard, a draft), CN-14 (breaches), CN-17 (faces), IN-01
(a timetable). They are about what an organisation does, not about what passes through a page.
"""

from __future__ import annotations

from typing import Any

import pytest

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.choice import Choice
from consent_mw.core.decision import Consent, decide, resolve
from consent_mw.core.regime import DAY_SECONDS
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.lint import lint
from law.shop import CATEGORIES, CONFIG, SERVICES, Visitor, rules

pytestmark = pytest.mark.anyio
CHINA = rules("cn")
LOCAL = {**SERVICES[0], "id": "local", "country": "CN", "hosts": ["local.example"]}


def remarks(**config: Any) -> set[str]:
    checked = ConsentConfig(**{**CONFIG, **config})
    return {remark.rule for remark in lint(checked, build_policy(checked))}


def after(old: list[Any], new: list[Any], choice: Choice) -> Consent:
    """What becomes of a choice made in China when the services change."""
    before = build_policy(ConsentConfig(services=old))
    undecided = resolve(before, None, NO_SIGNALS, CHINA)
    stored = decide(undecided, choice, site="x", now=0, new_subject=lambda: "s" * 22)
    return resolve(build_policy(ConsentConfig(services=new)), stored, NO_SIGNALS, CHINA)


async def test_CN_01_another_purpose_needs_a_new_consent() -> None:
    wider = {**LOCAL, "purposes": ["analytics", "personalization"]}
    consent = after([LOCAL], [wider], Choice(action="accept_all"))
    assert (consent.stale, consent.granted("local")) == (("personalization_analytics",), False)


async def test_CN_02_withdrawal_is_one_request_and_earlier_records_stay() -> None:
    visitor = Visitor("CN", services=[LOCAL])
    await visitor.says("accept_all")
    await visitor.says("withdraw")
    assert await visitor.granted() == set()
    assert len(visitor.ledger.records) == 2


async def test_CN_03_a_refusal_leaves_the_page_whole() -> None:
    visitor = Visitor("CN")
    await visitor.says("reject_all")
    assert "The whole page." in (await visitor.reads()).text


async def test_CN_04_the_notice_is_whole_and_a_missing_part_is_remarked_on() -> None:
    text = await Visitor("CN").preferences()
    assert "1 Harbour Road" in text
    assert "one month" in text
    assert "CN-04" in remarks(controller={"name": "Shop Ltd"})


async def test_CN_05_each_recipient_needs_a_consent_of_its_own_and_a_new_one_a_fresh_one() -> None:
    ads = {**SERVICES[1], "country": "CN"}
    assert not after([ads], [ads], Choice(action="accept_all")).granted("ads")
    own = Choice(action="save", services={"ads": True})
    assert after([ads], [ads], own).granted("ads")
    passed_on = {**ads, "recipients": ["Bidder Ltd", "Another Ltd"]}
    assert not after([ads], [passed_on], own).granted("ads")


async def test_CN_06_an_app_can_ask_whether_it_may_personalise() -> None:
    visitor = Visitor("CN", services=[LOCAL])
    assert (await visitor.reads("/echo")).json()["granted"] is False
    await visitor.says("accept_all")
    assert (await visitor.reads("/echo")).json()["granted"] is True


async def test_CN_08_location_needs_a_consent_of_its_own() -> None:
    visitor = Visitor("CN")
    await visitor.says("accept_all")
    assert "geolocation" not in await visitor.granted()
    await visitor.says("save", categories={"geolocation": True})
    assert await visitor.granted() == {"geolocation"}


async def test_CN_09_accept_all_leaves_location_recipients_and_transfers_abroad_alone() -> None:
    visitor = Visitor("CN", services=[LOCAL, *SERVICES])
    await visitor.says("accept_all")
    assert await visitor.granted() == {"identification", "personalization_analytics", "local"}
    text = await visitor.preferences()
    assert text.count("“Accept all” does not include this.") == 3  # location, and two services
    assert 'name="service" value="ads" data-needs=""' in text  # a category's switch does not move it


async def test_CN_11_a_transfer_abroad_needs_a_consent_of_its_own() -> None:
    visitor = Visitor("CN")
    await visitor.says("accept_all")
    assert "counter" not in await visitor.granted()
    await visitor.says("save", categories={"personalization_analytics": True}, services={"counter": True, "ads": False})
    assert "counter" in await visitor.granted()


async def test_CN_12_a_visitor_can_read_and_erase_their_records() -> None:
    visitor = Visitor("CN", services=[LOCAL])
    await visitor.says("accept_all")
    assert (await visitor.reads("/consent/history")).status_code == 200
    erased = await visitor.client.post("/consent/erase", headers=visitor.headers)
    assert erased.json()["erased"] == 1
    assert (await visitor.reads("/consent/history")).status_code == 404
    assert "local" in await visitor.granted()  # what was chosen holds; who chose it is forgotten


async def test_CN_13_a_shorter_retention_than_three_years_is_remarked_on() -> None:
    assert "CN-13" in remarks(regime={"default": "cn"}, ledger={"retention_days": 731})


async def test_CN_15_a_refusal_is_not_followed_by_questions() -> None:
    answer = await Visitor("CN").says("reject_all")
    assert f"Max-Age={184 * DAY_SECONDS}" in answer.headers["set-cookie"]
    assert CHINA.refusal_seconds >= 2 * DAY_SECONDS


async def test_CN_18_each_function_has_a_switch_and_each_choice_a_record() -> None:
    visitor = Visitor("CN")
    text = await visitor.preferences()
    assert all(f'value="{id}"' in text for id in (*CATEGORIES, "counter", "ads"))
    await visitor.says("save", services={"ads": True})
    assert visitor.ledger.records[0].statement.services["ads"] == "granted"


async def test_BR_01_the_first_layer_rejects_all_and_nothing_is_on() -> None:
    visitor = Visitor("BR")
    assert 'value="reject_all"' in (await visitor.reads()).text
    assert await visitor.granted() == set()


async def test_BR_02_the_second_layer_manages_and_revokes() -> None:
    visitor = Visitor("BR")
    await visitor.says("accept_all")
    assert 'data-consent-action="withdraw"' in await visitor.preferences()


async def test_BR_03_a_banner_without_portuguese_is_remarked_on() -> None:
    assert "BR-03" in remarks(regime={"default": "br"}, banner={"locales": ["en"]})


async def test_BR_04_the_controller_can_prove_and_revoking_takes_one_click() -> None:
    visitor = Visitor("BR")
    await visitor.says("accept_all")
    assert (await visitor.reads("/consent/receipt")).status_code == 200
    assert (await visitor.says("withdraw")).status_code == 200


async def test_QC_01_what_profiles_or_locates_is_off_and_the_way_to_turn_it_on_is_there() -> None:
    visitor = Visitor("CA-QC")
    assert await visitor.granted() == set()
    assert 'data-consent-action="open"' in (await visitor.reads()).text


PER_PURPOSE = [{"id": "statistics", "purposes": ["analytics"]}, {"id": "marketing", "purposes": ["advertising"]}]


@pytest.mark.parametrize("region", ["CA-QC", "IN"])
async def test_QC_02_accept_all_covers_single_purposes_only(region: str) -> None:
    visitor = Visitor(region)
    await visitor.says("accept_all")
    assert await visitor.granted() == {"identification"}
    text = await visitor.preferences()
    assert text.count("“Accept all” does not include this.") == 2  # location, and the category of eight purposes
    await visitor.says("save", categories={"personalization_analytics": True})
    assert await visitor.granted() == {"personalization_analytics", "counter", "ads"}


async def test_QC_02_where_each_purpose_has_its_own_switch_accept_all_covers_them() -> None:
    visitor = Visitor("CA-QC", categories=PER_PURPOSE)
    await visitor.says("accept_all")
    assert {"statistics", "marketing", "counter", "ads"} <= await visitor.granted()


async def test_QC_02_a_category_of_several_purposes_is_remarked_on() -> None:
    assert "QC-02" in remarks(regime={"default": "ca-qc"})


async def test_QC_03_a_banner_without_french_is_remarked_on() -> None:
    assert "QC-03" in remarks(regime={"default": "ca-qc"}, banner={"locales": ["en"]})


async def test_IN_02_the_notice_stands_alone_and_several_purposes_are_remarked_on() -> None:
    text = await Visitor("IN").preferences()
    assert "<title>" in text
    assert "The whole page." not in text
    assert "IN-02" in remarks(regime={"default": "in"})


async def test_IN_03_only_an_affirmative_act_grants() -> None:
    visitor = Visitor("IN")
    await visitor.reads()
    assert await visitor.granted() == set()
    await visitor.says("save", categories={"identification": True})
    assert await visitor.granted() == {"identification"}


async def test_IN_04_a_shorter_retention_than_a_year_is_remarked_on() -> None:
    assert "IN-04" in remarks(regime={"default": "in"}, ledger={"retention_days": 180})
